/*
 * The engine's way of sending two streams over one connection: frames of an 8-byte head (stream
 * number, three zero bytes, length as a big-endian 32-bit number) and a payload. Taken apart as the
 * bytes come, at whatever places they were cut; payloads are passed on where they lie.
 */
#ifndef KFS_DOCKER_FRAMES_H
#define KFS_DOCKER_FRAMES_H

#include "backend/orchestrator.h"

/* A piece of a frame's payload; end: the frame's last. An empty frame gives one empty piece.
 * Non-zero stops. */
typedef int (*frame_sink)(void *context, enum stream stream, const void *bytes, size_t length,
                          bool end);

struct frames {
    unsigned char head[8];
    size_t head_length;
    size_t left; /* of the payload, once the head is whole */
    bool broken; /* what came is no frame; nothing more is taken */
};

/* Non-zero if the sink stopped or the bytes are no frames (then frames->broken is set). */
int frames_take(struct frames *frames, const void *bytes, size_t length, frame_sink sink,
                void *context);

/* Whether the stream may end here: between two frames. */
static inline bool frames_complete(const struct frames *frames)
{
    return frames->head_length == 0 && !frames->broken;
}

#endif
