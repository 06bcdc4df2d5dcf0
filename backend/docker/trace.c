/* Just enough of protocol buffers: https://protobuf.dev/programming-guides/encoding */
#include "backend/docker/trace.h"

#include "backend/docker/base64.h"

#include <stdint.h>

enum {
    TRACE_MAX = 8 << 20, /* bytes of one message */
    /* Field numbers of control.proto. */
    STATUS_VERTEX = 1,
    STATUS_LOG = 3,
    VERTEX_NAME = 3,
    VERTEX_STARTED = 5,
    VERTEX_COMPLETED = 6,
    LOG_MESSAGE = 4
};

struct field {
    uint64_t number;
    const uint8_t *bytes; /* of a length-delimited one; else NULL */
    size_t length;
};

static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* The next field of a message; false at its end or where it is malformed. */
static bool take_field(const uint8_t **at, const uint8_t *end, struct field *ret)
{
    uint64_t key, value = 0;
    if (!take_varint(at, end, &key))
        return false;
    *ret = (struct field){.number = key >> 3};
    switch (key & 7) {
    case 0: /* a number */
        return take_varint(at, end, &value);
    case 1: /* eight bytes */
        value = 8;
        break;
    case 2: /* a length and so many bytes */
        if (!take_varint(at, end, &value))
            return false;
        ret->bytes = *at;
        break;
    case 5: /* four bytes */
        value = 4;
        break;
    default:
        return false;
    }
    if (value > (size_t)(end - *at))
        return false;
    ret->length = (size_t)value;
    *at += value;
    return true;
}

/* A step is told of when it was found, started and completed, each time whole. */
static void put_vertex(struct buf *out, const uint8_t *at, size_t length)
{
    const uint8_t *end = at + length;
    struct field field, name = {0};
    bool started = false, completed = false;
    while (take_field(&at, end, &field)) {
        if (field.number == VERTEX_NAME && field.bytes)
            name = field;
        started = started || field.number == VERTEX_STARTED;
        completed = completed || field.number == VERTEX_COMPLETED;
    }
    if (!started || completed || !name.bytes)
        return;
    buf_append(out, name.bytes, name.length);
    buf_putc(out, '\n');
}

static void put_log(struct buf *out, const uint8_t *at, size_t length)
{
    const uint8_t *end = at + length;
    struct field field;
    while (take_field(&at, end, &field))
        if (field.number == LOG_MESSAGE && field.bytes)
            buf_append(out, field.bytes, field.length);
}

void trace_put(struct buf *out, const char *base64)
{
    cleanup(buf_done) struct buf message = BUF_INIT(TRACE_MAX);
    if (base64_decode(&message, base64) < 0 || message.failed)
        return;
    const uint8_t *at = (const uint8_t *)message.data, *end = at + message.length;
    struct field field;
    while (take_field(&at, end, &field)) {
        if (field.number == STATUS_VERTEX && field.bytes)
            put_vertex(out, field.bytes, field.length);
        else if (field.number == STATUS_LOG && field.bytes)
            put_log(out, field.bytes, field.length);
    }
}
