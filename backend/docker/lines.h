/* Cuts a stream of bytes into lines, for the engine's streams of JSON documents, one per line. */
#ifndef KFS_DOCKER_LINES_H
#define KFS_DOCKER_LINES_H

#include "backend/base/buf.h"

/* Takes one line without its newline; non-zero stops. */
typedef int (*line_sink)(void *context, const char *line, size_t length);

struct lines {
    struct buf rest; /* an unfinished line; its maximum is that of a line */
    line_sink sink;
    void *context;
};

/* A byte_sink over a struct lines. Stops (non-zero) if the sink does or a line is too long, which
 * leaves rest.failed set. */
int lines_take(void *lines, const void *bytes, size_t length);
/* Hands over what the stream ended with, if it was not a newline. */
int lines_finish(struct lines *lines);

#endif
