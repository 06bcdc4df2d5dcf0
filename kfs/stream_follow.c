/* `follow`: what a service writes from now on. A reader that is too slow is told how much it has
 * missed. */
#include "kfs/stream.h"

#include <inttypes.h>

static int follow_open(struct stream *stream, const struct subject *subject, struct error **err)
{
    struct log_follower *follower =
        service_follow(subject->engine, subject->service->id, stream_grown, stream, err);
    stream_set(stream, follower);
    return follower ? 0 : -1;
}

static bool follow_read(struct stream *stream, struct buf *out)
{
    cleanup(free) char *bytes = malloc(STREAM_CHUNK);
    uint64_t lost = 0;
    ssize_t got = bytes ? log_follower_read(stream_get(stream), bytes, STREAM_CHUNK, &lost) : 0;
    if (lost > 0)
        buf_printf(out, "... %" PRIu64 " lines lost: they came faster than they were read\n", lost);
    if (got > 0)
        buf_append(out, bytes, (size_t)got);
    return got >= 0;
}

static void follow_close(struct stream *stream)
{
    log_follower_free(stream_get(stream));
}

const struct stream_kind stream_follow = {
    .open = follow_open, .read = follow_read, .close = follow_close};
