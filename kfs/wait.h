/*
 * Files that block: a read of one is parked until the engine says that nothing is pending in the
 * file's object. Parked reads cost a few hundred bytes each and no thread; Ctrl-C answers them at
 * once.
 */
#ifndef KFS_WAIT_H
#define KFS_WAIT_H

#include "kfs/view.h"

struct waitings;

/* Everything that is parked here. limit: ns after which a request must have been answered (see
 * wait_kernel_limit); 0: none. */
struct waitings *waitings_new(int64_t limit);
/* Answers what is still parked with an error, and frees. No new read may come. */
void waitings_free(struct waitings *waitings);
size_t waitings_parked(struct waitings *waitings);

/* Answers a read of a row that waits: now, if the handle has waited before, or later. */
void wait_read(fuse_req_t req, struct node node, struct view_handle *handle, size_t size,
               off_t offset);

/* A kernel may be told to end the whole mount when a request takes too long (sysctl
 * fs.fuse.default_request_timeout and max_request_timeout, Linux 6.15). How long a read may be
 * parked here, with a margin: ns, 0: for ever. */
int64_t wait_kernel_limit(void);

#endif
