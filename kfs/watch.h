/*
 * Open views on which somebody waits with poll(2), select(2) or epoll(7) for more than they have
 * read.
 *
 * The kernel asks once, with a handle by which it wants to be told; a change of the view's object
 * wakes it, and it asks again. Nothing blocks here. Thread-safe.
 */
#ifndef KFS_WATCH_H
#define KFS_WATCH_H

#include "kfs/subject.h"

struct watches;
struct fuse_pollhandle;

/* Part of an open view; all zero before it is first kept. */
struct watch {
    struct watch *next, **previous; /* NULL: it is in no list */
    enum object_kind kind;
    object_id id;
    unsigned aspects; /* what the view shows */
    struct fuse_pollhandle *handle;
    uint64_t kept; /* when, in the order of all */
};

struct watches *watches_new(void);
void watches_free(struct watches *watches);

/* Takes the handle over, and drops the one that it had. kind, id and aspects are set before. */
void watches_keep(struct watches *watches, struct watch *watch, struct fuse_pollhandle *handle);
/* The view is closed. */
void watches_drop(struct watches *watches, struct watch *watch);
/* These aspects of the object have changed. */
void watches_wake(struct watches *watches, enum object_kind kind, object_id id, unsigned aspects);

#endif
