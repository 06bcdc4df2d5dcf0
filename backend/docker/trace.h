/*
 * What BuildKit tells of a build: protocol buffers in base64, of the message StatusResponse of its
 * control.proto (github.com/moby/buildkit, api/services/control). Only what a person reads is taken
 * out: the name of each step as it starts, and what the step puts out.
 */
#ifndef KFS_DOCKER_TRACE_H
#define KFS_DOCKER_TRACE_H

#include "backend/base/buf.h"

/* Appends the text of one such message. What is malformed, or unknown, gives none. */
void trace_put(struct buf *out, const char *base64);

#endif
