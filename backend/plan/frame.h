/*
 * Frames: what the engine and a confined child say to each other over a stream socket. Each frame
 * is a header of three little-endian 32-bit numbers (kind, length of the JSON text, length of the
 * raw bytes), the JSON, the bytes. Both lengths are bounded before anything is allocated.
 *
 *     engine -> child   START    {"mode": "check" | "run", ...}, the script
 *     child -> engine   ASK      {"what": "module" | "file" | "directory", "locator", "from"}
 *     engine -> child   ANSWER   {"id"} or {"error"}, the bytes asked for
 *     child -> engine   DONE     the plan, or {"values": {...}} of an extraction
 *     child -> engine   FAILED   {"kind", "message", ...}
 */
#ifndef KFS_PLAN_FRAME_H
#define KFS_PLAN_FRAME_H

#include "backend/base/buf.h"

#include <jansson.h>

enum frame_kind {
    FRAME_START = 1,
    FRAME_ASK,
    FRAME_ANSWER,
    FRAME_DONE,
    FRAME_FAILED,
};

enum {
    FRAME_JSON_MAX = 64 << 20,
    FRAME_BYTES_MAX = 64 << 20,
    /* The descriptor that a child finds its socket at. */
    FRAME_CHILD_FD = 3
};

struct frame {
    enum frame_kind kind;
    json_t *json;     /* an object; owned */
    struct buf bytes; /* owned */
};
void frame_done(struct frame *frame);

static inline void cleanup_frame_done(struct frame *frame)
{
    frame_done(frame);
}

/* Writes all of a frame. Waits as long as the socket does. */
int frame_send(int fd, enum frame_kind kind, const json_t *json, const void *bytes, size_t length,
               struct error **err);

/* Reads one frame. `wait` is called before each read and may fail to give up; NULL: just read.
 * ECONNRESET when the other end is gone, EPROTO when what it sent is no frame. */
int frame_receive(int fd, int (*wait)(void *context, struct error **err), void *context,
                  struct frame *ret_frame, struct error **err);

#endif
