/*
 * Work that waits for something slow, done by a bounded pool of threads so that no FUSE thread ever
 * waits.
 *
 * Each kind of work has a lane with a limit of its own, and the lanes' limits add up to less than
 * the pool: slow work of one kind cannot take every worker. Jobs of one lane start in the order in
 * which they were submitted.
 */
#ifndef KFS_BASE_JOBS_H
#define KFS_BASE_JOBS_H

#include "backend/base/cleanup.h"

struct jobs;
struct job_lane;

/* A pool of at most max_workers threads, started as work comes and ended when there has been none
 * for a second. NULL if there is no memory. */
struct jobs *jobs_new(unsigned max_workers);

/* A lane of the pool in which at most max_running jobs run at a time. Lives as long as the pool. */
struct job_lane *jobs_lane(struct jobs *jobs, const char *name, unsigned max_running);

/* Has a worker call function(context) later. Any thread, also from inside a job. Never fails and
 * never waits: a process without the few bytes for a job ends, and recovers when started again. */
void jobs_submit(struct job_lane *lane, void (*function)(void *context), void *context);

/* Waits until nothing is queued or running, also what jobs themselves submit meanwhile. */
void jobs_drain(struct jobs *jobs);

/* Drains, ends the threads, frees. Nobody may submit any more. */
void jobs_free(struct jobs *jobs);
CLEANUP_DEFINE(jobs_free, struct jobs *)

#endif
