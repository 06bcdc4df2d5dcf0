/*
 * Children that do what a stranger wrote: started with one socket, watched while they work, killed
 * when they take too long or are not wanted any more, and told apart by how they died.
 */
#ifndef KFS_PLAN_CONFINED_H
#define KFS_PLAN_CONFINED_H

#include "backend/base/cancel.h"
#include "backend/plan/frame.h"

struct confined_limits {
    uint64_t memory;      /* bytes of address space */
    unsigned cpu_seconds; /* of processor time */
    int64_t silence;      /* ns that it may take between two messages */
};
/* What interpreting a script may take: 1 GiB, 30 s of processor time, 60 s without a message. */
extern const struct confined_limits confined_default_limits;

struct confined;

/* Starts program, a kfs-interpreter or kfs-extract. cancel (may be NULL) must outlive it. */
struct confined *confined_start(const char *program, const struct confined_limits *limits,
                                const struct cancel *cancel, struct error **err);

int confined_send(struct confined *child, enum frame_kind kind, const json_t *json,
                  const void *bytes, size_t length, struct error **err);

/* Waits for its next message. ECANCELED; ETIMEDOUT; EIO, with words, if it died. */
int confined_receive(struct confined *child, struct frame *ret_frame, struct error **err);

/* Kills it if it still runs. */
void confined_end(struct confined *child);
CLEANUP_DEFINE(confined_end, struct confined *)

#endif
