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

int frames_take(struct frames *frames, const void *bytes, size_t length, frame_sink sink,
                void *context)
{
    const unsigned char *at = bytes, *end = at + length;
    while (at < end && !frames->broken) {
        if (frames->head_length < sizeof frames->head) {
            at += frame_take_head(frames, at, (size_t)(end - at));
            if (frames->head_length < sizeof frames->head || frames->broken || frames->left > 0)
                continue;
        }
        size_t piece = (size_t)(end - at) < frames->left ? (size_t)(end - at) : frames->left;
        frames->left -= piece;
        bool last = frames->left == 0;
        if (last)
            frames->head_length = 0;
        int result = sink(context, frame_stream(frames->head), at, piece, last);
        if (result != 0)
            return result;
        at += piece;
    }
    return frames->broken ? -1 : 0;
}
