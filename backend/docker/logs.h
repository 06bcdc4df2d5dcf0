/* Reading a service's log: what the two ways of it share. */
#ifndef KFS_DOCKER_LOGS_H
#define KFS_DOCKER_LOGS_H

#include "backend/docker/docker_int.h"

/* Entries on their way to the caller's sink, in batches, and the position that goes with them. */
struct log_batch {
    log_sink sink;
    void *context;
    struct log_position *position; /* the caller's: moves when a batch was taken */
    struct log_position from;      /* where it was at the start */
    struct log_position next;      /* where it will be after this batch */
    bool caught_up;                /* an entry after `from` has come */
    struct log_entry *entries;
    size_t count, capacity;
    bool stopped; /* by the sink */
};

void log_batch_init(struct log_batch *batch, log_sink sink, void *context,
                    struct log_position *position);
void log_batch_done(struct log_batch *batch);
static inline void cleanup_log_batch_done(struct log_batch *batch)
{
    log_batch_done(batch);
}

/* Whether the entry of that time was handed over in an earlier call, going by time and count. Once
 * one was not, none after it was: times of the two streams may cross. *skip begins as from.count.
 */
bool log_batch_seen(struct log_batch *batch, int64_t time, uint64_t *skip);
/* -1 without memory. The text must stay until the next flush. */
int log_batch_add(struct log_batch *batch, const struct log_entry *entry);
/* Hands over what there is. Non-zero if the sink stopped. */
int log_batch_flush(struct log_batch *batch);

/* From the engine's files. 1 if they are not to be had here (and nothing was handed over), 0, or
 * -1. */
int logs_read_file(struct docker *docker, const char *id, const struct known *facts, bool follow,
                   struct log_batch *batch, const struct orchestrator_call *call,
                   struct error **err);

/* By the Engine API. */
int logs_read_api(struct docker *docker, const char *id, const struct known *facts, bool follow,
                  struct log_batch *batch, const struct orchestrator_call *call,
                  struct error **err);

#endif
