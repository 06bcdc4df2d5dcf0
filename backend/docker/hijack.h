/*
 * A connection that stops being HTTP after its head and becomes a conversation: the request is
 * written by hand, because libcurl has no such thing. Of what follows the head nothing is read
 * here, so that poll(2) on the descriptor tells the truth.
 */
#ifndef KFS_DOCKER_HIJACK_H
#define KFS_DOCKER_HIJACK_H

#include "backend/docker/docker_int.h"

/* POSTs body (JSON) to path and gives the connected, non-blocking socket, the caller's. A refusal
 * of the engine is an error as api_call's. path: after the API version. */
int hijack_open(struct docker *docker, const char *path, const char *body,
                const struct orchestrator_call *call, struct error **err);

/* Waits until fd is ready for events (POLLIN or POLLOUT). deadline: monotonic ns, 0: none. 0, or -1
 * with ETIMEDOUT or ECANCELED. */
int hijack_wait(int fd, short events, int64_t deadline, const struct cancel *cancel,
                struct error **err);

#endif
