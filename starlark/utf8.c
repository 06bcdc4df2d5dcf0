/* UTF-8, strict: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#include "starlark/utf8.h"

#include <string.h>

static bool continues(const char *p, const char *end, int n)
{
    if (end - p <= n)
        return false;
    for (int i = 1; i <= n; i++)
        if (((unsigned char)p[i] & 0xC0) != 0x80)
            return false;
    return true;
}

static int utf8_decode_wide(const char *p, const char *end, uint32_t *ret_point)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] >= 0xC2 && u[0] <= 0xDF && continues(p, end, 1)) {
        *ret_point = (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
        return 2;
    }
    if ((u[0] & 0xF0) == 0xE0 && continues(p, end, 2)) {
        uint32_t point =
            (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
        if (point >= 0x800 && (point < 0xD800 || point > 0xDFFF)) {
            *ret_point = point;
            return 3;
        }
    }
    if (u[0] >= 0xF0 && u[0] <= 0xF4 && continues(p, end, 3)) {
        uint32_t point = (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 |
                         (uint32_t)(u[2] & 0x3F) << 6 | (u[3] & 0x3F);
        if (point >= 0x10000 && point <= 0x10FFFF) {
            *ret_point = point;
            return 4;
        }
    }
    *ret_point = UTF8_BAD;
    return 1;
}

int sl_utf8_decode(const char *p, const char *end, uint32_t *ret_point)
{
    if ((unsigned char)*p < 0x80) {
        *ret_point = (unsigned char)*p;
        return 1;
    }
    return utf8_decode_wide(p, end, ret_point);
}

int sl_utf8_decode_last(const char *start, const char *p, uint32_t *ret_point)
{
    for (int width = 4; width > 1; width--)
        if (p - start >= width && sl_utf8_decode(p - width, p, ret_point) == width)
            return width;
    sl_utf8_decode(p - 1, p, ret_point);
    return 1;
}

int sl_utf8_encode(char *to, uint32_t point)
{
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        point = UTF8_BAD;
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

bool sl_ascii(const char *p, size_t size)
{
    const char *end = p + size;
    for (; end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        if (word & 0x8080808080808080u)
            return false;
    }
    for (; p < end; p++)
        if ((unsigned char)*p >= 0x80)
            return false;
    return true;
}

size_t sl_utf8_count(const char *p, size_t size)
{
    if (sl_ascii(p, size))
        return size;
    size_t count = 0;
    uint32_t point;
    for (const char *end = p + size; p < end; count++)
        p += sl_utf8_decode(p, end, &point);
    return count;
}

bool sl_utf8_valid(const char *p, size_t size)
{
    uint32_t point;
    for (const char *end = p + size; p < end;) {
        int width = sl_utf8_decode(p, end, &point);
        if (width == 1 && (unsigned char)*p >= 0x80)
            return false;
        p += width;
    }
    return true;
}
