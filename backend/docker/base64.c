/* Base64. */
#include "backend/docker/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(struct buf *out, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = (uint32_t)at[i] << 16;
        group |= i + 1 < length ? (uint32_t)at[i + 1] << 8 : 0;
        group |= i + 2 < length ? at[i + 2] : 0;
        buf_putc(out, alphabet[group >> 18]);
        buf_putc(out, alphabet[group >> 12 & 63]);
        buf_putc(out, i + 1 < length ? alphabet[group >> 6 & 63] : '=');
        buf_putc(out, i + 2 < length ? alphabet[group & 63] : '=');
    }
}

static int base64_value(char c)
{
    c = c == '+' ? '-' : c == '/' ? '_' : c;
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

int base64_decode(struct buf *out, const char *text)
{
    uint32_t group = 0;
    unsigned bits = 0;
    for (; *text && *text != '='; text++) {
        int value = base64_value(*text);
        if (value < 0)
            return -1;
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_putc(out, (char)(group >> bits & 0xff));
        }
    }
    return bits == 6 || text[strspn(text, "=")] != '\0' ? -1 : 0;
}
