/* Go's quoting: strings and character constants as source text, there and back. */
#include "backend/plan/template_rune.h"

#include <string.h>

/* The letters of the one-letter escapes and what they stand for. */
static const char escape_letters[] = "abfnrtv";
static const char escape_values[] = "\a\b\f\n\r\t\v";

static void put_escaped(struct buf *buf, int32_t rune, char quote, bool ascii)
{
    if (rune == quote || rune == '\\') {
        buf_printf(buf, "\\%c", (char)rune);
        return;
    }
    if (rune_is_print(rune) && (rune < 0x80 || !ascii)) {
        rune_put(buf, rune);
        return;
    }
    const char *short_form = rune > 0 && rune < 0x80 ? strchr(escape_values, rune) : NULL;
    if (short_form)
        buf_printf(buf, "\\%c", escape_letters[short_form - escape_values]);
    else if (rune < ' ' || rune == 0x7f)
        buf_printf(buf, "\\x%02x", (unsigned)rune);
    else if (rune < 0x10000)
        buf_printf(buf, "\\u%04x", (unsigned)rune);
    else
        buf_printf(buf, "\\U%08x", (unsigned)rune);
}

void quote_put_text(struct buf *buf, struct text text, bool ascii)
{
    buf_putc(buf, '"');
    size_t width;
    for (size_t i = 0; i < text.length; i += width) {
        int32_t rune = rune_decode(text.bytes + i, text.length - i, &width);
        if (rune == RUNE_ERROR && width == 1)
            buf_printf(buf, "\\x%02x", (unsigned char)text.bytes[i]);
        else
            put_escaped(buf, rune, '"', ascii);
    }
    buf_putc(buf, '"');
}

void quote_put_rune(struct buf *buf, int64_t rune, bool ascii)
{
    char bytes[RUNE_BYTES_MAX];
    size_t width = rune_encode(rune, bytes);
    buf_putc(buf, '\'');
    put_escaped(buf, rune_decode(bytes, width, &width), '\'', ascii);
    buf_putc(buf, '\'');
}

bool quote_can_backquote(struct text text)
{
    size_t width;
    for (size_t i = 0; i < text.length; i += width) {
        int32_t rune = rune_decode(text.bytes + i, text.length - i, &width);
        bool control = (rune < ' ' && rune != '\t') || rune == 0x7f;
        if (control || rune == '`' || rune == 0xfeff || (rune == RUNE_ERROR && width == 1))
            return false;
    }
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Exactly `count` digits of the base at *at. */
static int parse_digits(struct text text, size_t *at, int count, int base, int64_t *ret)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if (*at >= text.length || digit_value(text.bytes[*at]) >= base)
            return -1;
        value = value * base + digit_value(text.bytes[(*at)++]);
    }
    *ret = value;
    return 0;
}

/* One unit of a constant: a code point, or with *ret_byte a single byte written as \x or \ooo. */
static int parse_unit(struct text text, size_t *at, char quote, int32_t *ret, bool *ret_byte)
{
    size_t width;
    int32_t rune = rune_decode(text.bytes + *at, text.length - *at, &width);
    *at += width;
    *ret = rune;
    *ret_byte = rune == RUNE_ERROR && width == 1;
    if (*ret_byte) /* an invalid byte stays what it is */
        *ret = (unsigned char)text.bytes[*at - 1];
    if (rune != '\\')
        return rune == quote || rune == '\n' ? -1 : 0;
    if (*at >= text.length)
        return -1;
    char letter = text.bytes[(*at)++];
    const char *short_form = letter ? strchr(escape_letters, letter) : NULL;
    int64_t value = short_form ? escape_values[short_form - escape_letters] : letter;
    int status = short_form || letter == '\\' || letter == quote ? 0 : -1;
    if (letter == 'x' || letter == 'u' || letter == 'U')
        status = parse_digits(text, at, letter == 'x' ? 2 : letter == 'u' ? 4 : 8, 16, &value);
    if (letter >= '0' && letter <= '7') {
        --*at;
        status = parse_digits(text, at, 3, 8, &value);
    }
    *ret_byte = letter == 'x' || (letter >= '0' && letter <= '7');
    bool valid =
        *ret_byte ? value <= 0xff : value <= RUNE_MAX && !(value >= 0xd800 && value <= 0xdfff);
    *ret = (int32_t)value;
    return valid ? status : -1;
}

static int parse_raw(struct arena *arena, struct text inside, struct text *ret)
{
    char *copy = arena_alloc(arena, inside.length + 1);
    if (!copy)
        return -1;
    size_t length = 0;
    for (size_t i = 0; i < inside.length; i++)
        if (inside.bytes[i] != '\r') /* Go drops them from raw strings */
            copy[length++] = inside.bytes[i];
    *ret = (struct text){.bytes = copy, .length = length};
    return 0;
}

int quote_parse_text(struct arena *arena, struct text quoted, struct text *ret)
{
    if (quoted.length < 2)
        return -1;
    struct text inside = {.bytes = quoted.bytes + 1, .length = quoted.length - 2};
    if (quoted.bytes[0] == '`')
        return parse_raw(arena, inside, ret);
    /* No unit is longer than its source, but for an invalid byte, which is kept. */
    char *copy = arena_alloc(arena, inside.length + RUNE_BYTES_MAX);
    if (!copy)
        return -1;
    size_t length = 0;
    for (size_t at = 0; at < inside.length;) {
        int32_t rune;
        bool byte;
        if (parse_unit(inside, &at, '"', &rune, &byte) < 0)
            return -1;
        if (byte)
            copy[length++] = (char)rune;
        else
            length += rune_encode(rune, copy + length);
    }
    *ret = (struct text){.bytes = copy, .length = length};
    return 0;
}

int quote_parse_rune(struct text quoted, int32_t *ret, const char **ret_reason)
{
    *ret_reason = "invalid syntax";
    struct text inside = {.bytes = quoted.bytes + 1, .length = quoted.length - 1};
    size_t at = 0;
    bool byte;
    if (parse_unit(inside, &at, '\'', ret, &byte) < 0)
        return -1;
    if (byte && (unsigned char)inside.bytes[0] >= 0x80)
        *ret = RUNE_ERROR;
    if (at + 1 == inside.length)
        return 0;
    *ret_reason = NULL; /* malformed: something follows the first character */
    return -1;
}
