/*
 * A process that does one thing: when kfsd is killed, it has the kernel give up the mount.
 *
 * The kernel does so by itself when the last thread of kfsd is gone. But one that just tells the
 * kernel of a name that went (notifier.h) waits there for the directory's lock, without end if who
 * holds it waits for kfsd: a kfsd killed at that moment never goes, and takes with it whoever looks
 * at the tree, the lock of the state directory and the next kfsd.
 */
#ifndef KFS_GUARDIAN_H
#define KFS_GUARDIAN_H

#include "backend/base/cleanup.h"

#include <sys/types.h>

/* Starts one for the mount on this absolute path; to be called by the thread that lives longest. -1
 * if there can be none: then all goes well but in that moment. Without CAP_SYS_ADMIN it can do
 * nothing. */
pid_t guardian_start(const char *mount_point);

/* Ends it: the mount is going to be unmounted. Takes -1. */
void guardian_end(pid_t guardian);

static inline void cleanup_guardian_end(const pid_t *guardian)
{
    int saved = errno;
    guardian_end(*guardian);
    errno = saved;
}

#endif
