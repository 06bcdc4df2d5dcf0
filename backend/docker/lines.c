/* Lines out of a stream: whole ones are handed over where they lie, only cut ones are copied. */
#include "backend/docker/lines.h"

#include <string.h>

int lines_finish(struct lines *lines)
{
    int result = 0;
    if (lines->rest.failed)
        return -1;
    if (lines->rest.length > 0)
        result = lines->sink(lines->context, lines->rest.data, lines->rest.length);
    buf_truncate(&lines->rest, 0);
    return result;
}

int lines_take(void *context, const void *bytes, size_t length)
{
    struct lines *lines = context;
    const char *at = bytes, *end = at + length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        int result = 0;
        if (newline && lines->rest.length == 0) {
            result = newline > at ? lines->sink(lines->context, at, (size_t)(newline - at)) : 0;
        } else {
            buf_append(&lines->rest, at, (size_t)(stop - at));
            if (lines->rest.failed)
                return -1;
            result = newline ? lines_finish(lines) : 0;
        }
        if (result != 0)
            return result;
        at = newline ? newline + 1 : end;
    }
    return 0;
}
