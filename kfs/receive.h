/*
 * Which of the serving threads takes the next request, and how. Mostly each waits in read(2), and
 * the kernel wakes one for each request. Where requests come close together, one of them looks out
 * for the next instead, for a moment after each, while the others rest: a process that asks one
 * thing after the other then does not pay for a sleeping processor's waking up twice each time.
 * Nobody looks out while nothing comes.
 */
#ifndef KFS_RECEIVE_H
#define KFS_RECEIVE_H

#include <stdbool.h>

struct fuse_buf;
struct fuse_session;
struct receiving;

/* One of the threads, zero at first. */
struct receiver {
    bool looks_out;
    unsigned at_once; /* requests that were there before it looked, in a row */
};

/* NULL: no memory. Freed with receive_free when all threads have ended. */
struct receiving *receive_new(struct fuse_session *session);
void receive_free(struct receiving *receiving);

/* The next request into buffer, as fuse_session_receive_buf gives it. Called again when that is
 * done with. Here, and only here, the thread may be cancelled; call receive_end before. */
int receive_next(struct receiving *receiving, struct receiver *self, struct fuse_buf *buffer);

/* Threads are to be cancelled: none of them rests from now on. */
void receive_end(struct receiving *receiving);

#endif
