/*
 * The threads that read requests from the kernel and have them handled: a fixed number, each of
 * which does one request after the other. Few are enough, because handlers do not wait.
 */
#ifndef KFS_SERVE_H
#define KFS_SERVE_H

#include "backend/base/error.h"

struct fuse_session;

/* Serves the mounted session until it is unmounted, or SIGTERM or SIGINT (unless that is ignored)
 * comes to the process, whichever thread takes it. One session at a time in a process. 0, or -1 if
 * serving broke down. */
int serve_session(struct fuse_session *session, unsigned threads, struct error **err);

#endif
