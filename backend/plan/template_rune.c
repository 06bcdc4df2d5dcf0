/* UTF-8 and the classes of code points. */
#include "backend/plan/template_rune.h"

#include <string.h>

bool text_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

int text_compare(struct text a, struct text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.bytes, b.bytes, shorter) : 0;
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

/* The width that the first byte announces; 0 for a byte that starts nothing. */
static size_t announced_width(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

int32_t rune_decode(const char *bytes, size_t length, size_t *ret_width)
{
    static const int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    *ret_width = length ? 1 : 0;
    if (length == 0)
        return 0;
    unsigned char first = (unsigned char)bytes[0];
    size_t width = announced_width(first);
    if (width == 1)
        return first;
    if (width == 0 || width > length)
        return RUNE_ERROR;
    int32_t rune = first & (0x7f >> width);
    for (size_t i = 1; i < width; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return RUNE_ERROR;
        rune = (rune << 6) | (bytes[i] & 0x3f);
    }
    if (rune < smallest[width] || rune > RUNE_MAX || (rune >= 0xd800 && rune <= 0xdfff))
        return RUNE_ERROR;
    *ret_width = width;
    return rune;
}

size_t rune_encode(int64_t rune, char out[static RUNE_BYTES_MAX])
{
    if (rune < 0 || rune > RUNE_MAX || (rune >= 0xd800 && rune <= 0xdfff))
        rune = RUNE_ERROR;
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t width = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (rune & 0x3f));
        rune >>= 6;
    }
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[width] | rune);
    return width;
}

void rune_put(struct buf *buf, int64_t rune)
{
    char bytes[RUNE_BYTES_MAX];
    buf_append(buf, bytes, rune_encode(rune, bytes));
}

size_t rune_count(struct text text)
{
    size_t count = 0;
    size_t width;
    for (size_t i = 0; i < text.length; i += width, count++)
        rune_decode(text.bytes + i, text.length - i, &width);
    return count;
}

static bool in_ranges(const struct rune_range *ranges, size_t count, int32_t rune)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (rune > ranges[middle].last)
            low = middle + 1;
        else if (rune < ranges[middle].first)
            count = middle;
        else
            return true;
    }
    return false;
}

bool rune_is_letter(int32_t rune)
{
    if (rune < 0x80)
        return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
    return in_ranges(rune_letters, rune_letters_count, rune);
}

bool rune_is_digit(int32_t rune)
{
    if (rune < 0x80)
        return rune >= '0' && rune <= '9';
    return in_ranges(rune_digits, rune_digits_count, rune);
}

bool rune_is_print(int32_t rune)
{
    if (rune < 0x80)
        return rune >= 0x20 && rune < 0x7f;
    return in_ranges(rune_printable, rune_printable_count, rune);
}
