/*
 * Making containers before their turn, so that a plan costs its starts: threads look ahead in the
 * plan for services whose configuration is known already and have the engine make their containers,
 * while earlier instructions are being done. Only an optimisation: a failure here is found again
 * when the service's turn comes.
 */
#ifndef KFS_PLAN_PREPARE_H
#define KFS_PLAN_PREPARE_H

#include "backend/plan/execute.h"

/* Begins to look ahead. NULL if nothing can be prepared; all functions take NULL. */
struct prepare *prepare_new(struct execution *execution);
/* Ends its threads. */
void prepare_free(struct prepare *prepare);
CLEANUP_DEFINE(prepare_free, struct prepare *)

/* Instruction `index` is about to begin: the window moves, and values may be known that were not.
 */
void prepare_advance(struct prepare *prepare, size_t index);

/* Waits until the service is not being prepared, and keeps it from being so from now on. To be
 * called before it is started. */
void prepare_settle(struct prepare *prepare, const char *service);

#endif
