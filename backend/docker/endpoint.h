/* Where the engine listens: a unix socket's path or a TCP address. Immutable after parsing. */
#ifndef KFS_DOCKER_ENDPOINT_H
#define KFS_DOCKER_ENDPOINT_H

#include "backend/orchestrator.h"

struct endpoint {
    char *text;      /* as a person wrote it: "unix:///var/run/docker.sock" */
    char *unix_path; /* NULL for TCP */
    char *host;      /* TCP; a literal IPv6 address without its brackets */
    char *port;
    char *url; /* what a request's path is appended to: "http://host:port" */
};

/* text NULL: $DOCKER_HOST, else the default socket. EINVAL if it is neither unix:// nor tcp:// (or
 * http://). */
int endpoint_parse(struct endpoint *endpoint, const char *text, struct error **err);
void endpoint_done(struct endpoint *endpoint);

/* A connected, non-blocking stream socket of the caller's. EAGAIN if nobody listens, EACCES if we
 * may not. deadline: monotonic ns. */
int endpoint_connect(const struct endpoint *endpoint, int64_t deadline, const struct cancel *cancel,
                     struct error **err);

/* The errno class and words for a connection that failed with the system's error `cause`; -1. */
int endpoint_error(const struct endpoint *endpoint, int cause, const char *words,
                   struct error **err);

#endif
