/*
 * An orchestrator around another that counts the calls and how long they took, for metrics, and has
 * every call end when the engine does: a hanging orchestrator must not keep the daemon from ending.
 */
#ifndef KFS_TIMED_H
#define KFS_TIMED_H

#include "backend/orchestrator.h"

/* Takes inner over. Calls that come without a cancellation of their own are cancelled by `end`,
 * which is borrowed. */
struct orchestrator *timed_new(struct orchestrator *inner, const struct cancel *end);

/* Calls, failures and seconds of each operation, in Prometheus' text format. orchestrator came from
 * timed_new. */
void timed_put_metrics(struct orchestrator *orchestrator, struct buf *out);

#endif
