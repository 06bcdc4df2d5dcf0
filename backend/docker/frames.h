/*
 * The engine's way of sending two streams over one connection: frames of an 8-byte head (stream
 * number, three zero bytes, length as a big-endian 32-bit number) and a payload. Taken apart as the
 * bytes come, at whatever places they were cut; payloads are passed on where they lie.
 */
#ifndef KFS_DOCKER_FRAMES_H
#define KFS_DOCKER_FRAMES_H

#include "backend/orchestrator.h"

struct frames {
    unsigned char head[8];
    size_t head_length;
    size_t left; /* of the payload, once the head is whole */
    bool broken; /* what came is no frame; nothing more is taken */
};

/* A piece of a frame's payload; end: the frame's last. An empty frame gives one empty piece. */
struct frame_piece {
    enum stream stream;
    const unsigned char *bytes;
    size_t length;
    bool end;
};

/* Takes bytes from *at up to the next piece, which ends before `end`. 1: a piece; 0: more bytes are
 * needed; -1: these are no frames. */
int frames_next(struct frames *frames, const unsigned char **at, const unsigned char *end,
                struct frame_piece *ret_piece);

/* How many bytes the present head still lacks; 0 inside a payload, of which frames->left come. */
static inline size_t frames_head_missing(const struct frames *frames)
{
    return sizeof frames->head - frames->head_length;
}

/* Whether the stream may end here: between two frames. */
static inline bool frames_complete(const struct frames *frames)
{
    return frames->head_length == 0 && !frames->broken;
}

/* All the pieces of a run of bytes to a sink. Non-zero if the sink stopped or the bytes are no
 * frames (then frames->broken is set). */
typedef int (*frame_sink)(void *context, const struct frame_piece *piece);
int frames_take(struct frames *frames, const void *bytes, size_t length, frame_sink sink,
                void *context);

#endif
