/*
 * A request that is answered later: by whoever claims it first, the work that was done for it or a
 * FUSE_INTERRUPT (Ctrl-C), which answers EINTR at once and leaves the work's result to be dropped.
 *
 * A struct parked is the first part of what the work needs and belongs to the work, which frees it
 * when it has ended, however the request was answered.
 */
#ifndef KFS_PARKED_H
#define KFS_PARKED_H

#include "kfs/tree_int.h"

struct parked {
    struct tree *tree;
    fuse_req_t req; /* not to be touched by who did not claim it */
    atomic_bool claimed;
    void (*interrupted)(struct parked *parked);
};

/* From now on the request can be interrupted. `interrupted` (NULL: none) is called after an
 * interrupt has been answered, perhaps before this returns, and must not block. */
void parked_init(struct parked *parked, fuse_req_t req, void (*interrupted)(struct parked *parked));

/* The same for a request that cannot be interrupted, because its work is short and has effects that
 * its sender must hear of: programs get signals that mean nothing (a Go program many a second), and
 * not all of them ask again. */
void parked_init_firm(struct parked *parked, fuse_req_t req);

/* Whether the caller is the one to answer: then it must, once; nobody else touches the request any
 * more. */
bool parked_claim(struct parked *parked);

#endif
