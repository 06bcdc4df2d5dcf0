/* Taking frames apart. */
#include "backend/docker/frames.h"

#include <string.h>

/* Stream numbers: 0 stdin's echo, 1 stdout, 2 stderr, 3 an error of the engine's own. */
static bool frame_head_valid(const unsigned char *head)
{
    return head[0] <= 3 && head[1] == 0 && head[2] == 0 && head[3] == 0;
}

static enum stream frame_stream(const unsigned char *head)
{
    return head[0] >= 2 ? STREAM_STDERR : STREAM_STDOUT;
}

/* Completes the head from at; the number of bytes taken. */
static size_t frame_take_head(struct frames *frames, const unsigned char *at, size_t length)
{
    size_t wanted = sizeof frames->head - frames->head_length;
    size_t taken = length < wanted ? length : wanted;
    memcpy(frames->head + frames->head_length, at, taken);
    frames->head_length += taken;
    const unsigned char *h = frames->head;
    if (frames->head_length == sizeof frames->head) {
        frames->broken = !frame_head_valid(h);
        frames->left = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
    }
    return taken;
}

int frames_next(struct frames *frames, const unsigned char **at, const unsigned char *end,
                struct frame_piece *ret_piece)
{
    if (frames_head_missing(frames) > 0) {
        *at += frame_take_head(frames, *at, (size_t)(end - *at));
        if (frames_head_missing(frames) > 0)
            return 0;
    }
    if (frames->broken)
        return -1;
    size_t available = (size_t)(end - *at);
    if (available == 0 && frames->left > 0)
        return 0;
    size_t length = available < frames->left ? available : frames->left;
    frames->left -= length;
    *ret_piece = (struct frame_piece){.stream = frame_stream(frames->head),
                                      .bytes = *at,
                                      .length = length,
                                      .end = frames->left == 0};
    if (ret_piece->end)
        frames->head_length = 0;
    *at += length;
    return 1;
}

int frames_take(struct frames *frames, const void *bytes, size_t length, frame_sink sink,
                void *context)
{
    const unsigned char *at = bytes, *end = at + length;
    struct frame_piece piece;
    int result = 1;
    while (at < end && result == 1) {
        result = frames_next(frames, &at, end, &piece);
        if (result == 1 && sink(context, &piece) != 0)
            return -1;
    }
    return result < 0 ? -1 : 0;
}
