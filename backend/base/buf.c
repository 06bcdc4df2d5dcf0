/* The bounded buffer. Growth doubles, so that n appended bytes cost O(n) copies. */
#include "backend/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *buf_reserve(struct buf *buf, size_t more)
{
    if (buf->failed || more > buf->max || buf->length > buf->max - more) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->length + more + 1;
    if (needed <= buf->capacity)
        return buf->data + buf->length;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buf->capacity ? buf->data : NULL, capacity);
    if (!data) {
        buf->failed = true;
        return NULL;
    }
    data[buf->length] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return data + buf->length;
}

void buf_commit(struct buf *buf, size_t written)
{
    buf->length += written;
    buf->data[buf->length] = '\0';
}

void buf_append(struct buf *buf, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    char *end = buf_reserve(buf, length);
    if (!end)
        return;
    memcpy(end, bytes, length);
    buf_commit(buf, length);
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *end = length < 0 ? NULL : buf_reserve(buf, (size_t)length);
    if (end) {
        vsnprintf(end, (size_t)length + 1, format, again);
        buf_commit(buf, (size_t)length);
    }
    va_end(again);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

/* The length of the UTF-8 sequence at text, 0 if it is not a valid one (RFC 3629: no overlong form,
 * no surrogate). */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

bool text_is_utf8(const char *text)
{
    size_t left = strlen(text), length;
    for (; left > 0; text += length, left -= length) {
        length = utf8_length((const unsigned char *)text, left);
        if (length == 0)
            return false;
    }
    return true;
}

void buf_put_utf8(struct buf *buf, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = utf8_length((const unsigned char *)text, left);
        if (length > 0)
            buf_append(buf, text, length);
        else
            buf_puts(buf, "\xef\xbf\xbd");
        text += length ? length : 1;
        left -= length ? length : 1;
    }
}

void buf_put_json_escaped(struct buf *buf, const char *text, size_t length)
{
    static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i];
        const char *escape = NULL;
        for (const char *e = short_escapes; *e && !escape; e += 2)
            if ((unsigned char)*e == c)
                escape = e + 1;
        size_t sequence = utf8_length((const unsigned char *)text + i, length - i);
        if (escape)
            buf_printf(buf, "\\%c", *escape);
        else if (c < 0x20)
            buf_printf(buf, "\\u%04x", c);
        else if (sequence == 0)
            buf_puts(buf, "\xef\xbf\xbd");
        else
            buf_append(buf, text + i, sequence);
        i += sequence ? sequence : 1;
    }
}

void buf_truncate(struct buf *buf, size_t length)
{
    if (length < buf->length) {
        buf->length = length;
        buf->data[length] = '\0';
    }
}

void buf_drop(struct buf *buf, size_t length)
{
    if (length < buf->length)
        memmove(buf->data, buf->data + length, buf->length - length);
    buf_truncate(buf, length < buf->length ? buf->length - length : 0);
}

int buf_check(const struct buf *buf, struct error **err)
{
    if (!buf->failed)
        return 0;
    return error_set(err, EFBIG, "the text is larger than %zu bytes, or there is no memory for it",
                     buf->max);
}

char *buf_steal(struct buf *buf, struct error **err)
{
    if (buf_check(buf, err) < 0)
        return NULL;
    char *text = buf->capacity ? buf->data : calloc(1, 1);
    if (!text) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    *buf = BUF_INIT(buf->max);
    return text;
}

void buf_done(struct buf *buf)
{
    if (buf->capacity)
        free(buf->data);
    *buf = BUF_INIT(buf->max);
}
