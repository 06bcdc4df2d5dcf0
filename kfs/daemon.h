/*
 * Being a daemon: going into the background while whoever started it still waits to hear whether it
 * came up, and telling a service manager.
 */
#ifndef KFS_DAEMON_H
#define KFS_DAEMON_H

#include "backend/base/error.h"

/* Splits the process: the parent waits for daemon_ready or for the child's end, and exits: 0 or 1.
 * What the child writes to standard error until then, its starter sees. Returns in the child, with
 * the descriptor that daemon_ready wants. To be called before there is any thread. -1 on failure.
 */
int daemon_background(struct error **err);

/* Lets the starter go (ready: from daemon_background; -1: none), drops the terminal, and tells
 * systemd, if NOTIFY_SOCKET says that it listens. */
void daemon_ready(int ready);
/* Tells systemd that the end has begun. */
void daemon_stopping(void);

#endif
