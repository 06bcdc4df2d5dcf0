/* An orchestrator around another that counts the calls and how long they took, for metrics. */
#ifndef KFS_TIMED_H
#define KFS_TIMED_H

#include "backend/orchestrator.h"

/* Takes inner over. */
struct orchestrator *timed_new(struct orchestrator *inner);

/* Calls, failures and seconds of each operation, in Prometheus' text format. orchestrator came from
 * timed_new. */
void timed_put_metrics(struct orchestrator *orchestrator, struct buf *out);

#endif
