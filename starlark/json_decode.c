/*
 * JSON to values. Where starlark-go's decoder is looser than the grammar it is followed: "5." is a
 * number, and strings without escapes and with only ASCII may hold control characters. Object keys
 * that repeat share one string.
 */
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/json.h"
#include "starlark/seq.h"
#include "starlark/table.h"
#include "starlark/utf8.h"

#include <math.h>
#include <stdio.h>

enum {
    SEEN_KEYS = 256
};

struct decoder {
    struct star_vm *vm;
    const char *start, *at, *end;
    int depth;
    struct str *seen[SEEN_KEYS]; /* by hash */
};

static star_value decode(struct decoder *d);

static star_value fail(struct decoder *d, const char *what)
{
    return star_fail(d->vm, "at offset %zu, %s", (size_t)(d->at - d->start), what);
}

/* As Go's %q shows a byte taken for a code point. */
static const char *quoted(unsigned char c, char to[16])
{
    static const char from[] = "\a\b\f\n\r\t\v\\'", names[] = "abfnrtv\\'";
    const char *found = c ? strchr(from, c) : NULL;
    if (found) {
        snprintf(to, 16, "'\\%c'", names[found - from]);
    } else if (c < 0x20 || c == 0x7F) {
        snprintf(to, 16, "'\\x%02x'", c);
    } else if (c >= 0x80 && c < 0xA1) {
        snprintf(to, 16, "'\\u%04x'", c);
    } else {
        char encoded[5] = {0};
        sl_utf8_encode(encoded, c);
        snprintf(to, 16, "'%s'", encoded);
    }
    return to;
}

/* Steps over white space; false at the end. */
static bool skip_space(struct decoder *d)
{
    while (d->at < d->end && (*d->at == ' ' || *d->at == '\n' || *d->at == '\t' || *d->at == '\r'))
        d->at++;
    return d->at < d->end;
}

static bool next_char(struct decoder *d, char *ret)
{
    if (!skip_space(d)) {
        fail(d, "unexpected end of file");
        return false;
    }
    *ret = *d->at;
    return true;
}

static star_value fail_char(struct decoder *d, const char *format_before, unsigned char c,
                            const char *after)
{
    char shown[16];
    return star_fail(d->vm, "at offset %zu, %s%s%s", (size_t)(d->at - d->start), format_before,
                     quoted(c, shown), after);
}

/* -----------------------------------------------------------------------------------------------------------------
 * strings */

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
    if (end - p < 4)
        return false;
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0)
            return false;
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return true;
}

/* \uXXXX, two of which may make one code point; gives what stands behind. NULL if it is malformed.
 */
static const char *unicode_escape(const char *p, const char *end, uint32_t *ret)
{
    uint32_t low;
    if (!hex4(p, end, ret))
        return NULL;
    p += 4;
    if (*ret >= 0xD800 && *ret < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        hex4(p + 2, end, &low) && low >= 0xDC00 && low < 0xE000) {
        *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
    }
    return p;
}

/* One escape behind its backslash, or NULL. */
static const char *put_escape(struct star_text *text, const char *p, const char *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *simple = p < end && *p ? strchr(from, *p) : NULL;
    uint32_t point;
    if (simple) {
        sl_text_put_char(text, to[simple - from]);
        return p + 1;
    }
    if (p == end || *p != 'u' || !(p = unicode_escape(p + 1, end, &point)))
        return NULL;
    sl_text_put_point(text, point);
    return p;
}

static star_value fail_string(struct decoder *d, struct star_text *text, unsigned char c,
                              const char *where)
{
    char shown[16];
    sl_text_free(text);
    return star_fail(d->vm, "at offset %zu, invalid character %s %s", (size_t)(d->at - d->start),
                     quoted(c, shown), where);
}

/* A string with escapes or beyond ASCII, between its quotes. */
static star_value decode_escaped(struct decoder *d, const char *p, const char *end)
{
    struct star_text text = TEXT_INIT(d->vm);
    while (p < end) {
        if (*p == '\\') {
            const char *next = put_escape(&text, p + 1, end);
            if (!next)
                return fail_string(d, &text, (unsigned char)p[1],
                                   p[1] == 'u' ? "in \\u hexadecimal character escape"
                                               : "in string escape code");
            p = next;
        } else if ((unsigned char)*p < 0x20) {
            return fail_string(d, &text, (unsigned char)*p, "in string literal");
        } else {
            uint32_t point;
            p += sl_utf8_decode(p, end, &point);
            sl_text_put_point(&text, point);
        }
    }
    return sl_text_finish(&text);
}

/* Short strings that came before are the same object. */
static star_value shared_string(struct decoder *d, const char *p, size_t size)
{
    enum {
        SHARED_MAX = 32
    };
    if (size > SHARED_MAX)
        return sl_str_value(d->vm, p, size);
    uint32_t hash = sl_hash_bytes(p, size, d->vm->key);
    struct str **slot = &d->seen[hash % SEEN_KEYS];
    if (*slot && (*slot)->size == size && memcmp((*slot)->data, p, size) == 0)
        return object_value(*slot);
    struct str *str = sl_str_new(d->vm, p, size);
    if (str)
        str->head.aux = hash;
    *slot = str;
    return object_value(str);
}

static star_value decode_string(struct decoder *d)
{
    const char *p = d->at + 1;
    bool plain = true;
    while (p < d->end && *p != '"') {
        plain &= *p != '\\' && (unsigned char)*p < 0x80;
        p += *p == '\\' ? 2 : 1;
    }
    if (p >= d->end)
        return fail(d, "unclosed string literal");
    const char *start = d->at + 1;
    d->at = p + 1;
    return plain ? shared_string(d, start, (size_t)(p - start)) : decode_escaped(d, start, p);
}

/* -----------------------------------------------------------------------------------------------------------------
 * numbers */

static star_value fail_number(struct decoder *d, const char *start)
{
    return star_fail(d->vm, "at offset %zu, invalid number: %.*s", (size_t)(d->at - d->start),
                     (int)(d->at - start), start);
}

static star_value decode_float(struct decoder *d, const char *start)
{
    size_t size = (size_t)(d->at - start);
    char few[64], *end, *copy = few;
    if (size >= sizeof(few) && !(copy = sl_realloc(d->vm, NULL, 0, size + 1)))
        return STAR_NULL;
    memcpy(copy, start, size);
    copy[size] = '\0';
    double number = sl_strtod(copy, &end);
    bool ok = *end == '\0' && isfinite(number);
    if (copy != few)
        sl_realloc(d->vm, copy, size + 1, 0);
    return ok ? sl_float(d->vm, number) : fail_number(d, start);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static star_value decode_number(struct decoder *d)
{
    const char *start = d->at;
    bool real = false;
    for (d->at++; d->at < d->end; d->at++) {
        if (is_digit(*d->at))
            continue;
        if (!strchr(".eE+-", *d->at) || *d->at == '\0')
            break;
        real = true;
    }
    const char *digits = start + (*start == '-');
    if (digits == d->at || (*digits == '0' && d->at - digits > 1 && is_digit(digits[1])))
        return fail_number(d, start);
    if (real)
        return decode_float(d, start);
    return sl_int_from_digits(d->vm, digits, (size_t)(d->at - digits), 10, *start == '-');
}

/* --------------------------------------------------------------------------------------------------------------
 * containers */

/* After an element: true if another one follows, false at the end or on failure (an error is
 * pending). */
static bool another(struct decoder *d, char close, const char *before, const char *after)
{
    char c;
    if (!next_char(d, &c))
        return false;
    if (c != ',' && c != close) {
        fail_char(d, before, (unsigned char)c, after);
        return false;
    }
    d->at++;
    return c == ',';
}

static star_value decode_array(struct decoder *d)
{
    struct list *list = sl_list_new(d->vm, 0);
    char c;
    d->at++;
    if (!list || !next_char(d, &c))
        return STAR_NULL;
    if (c == ']') {
        d->at++;
        return object_value(list);
    }
    do {
        star_value item = decode(d);
        if (star_is_null(item) || !sl_list_push(d->vm, list, item))
            return STAR_NULL;
    } while (another(d, ']', "got ", ", want ',' or ']'"));
    return d->vm->error ? STAR_NULL : object_value(list);
}

static bool decode_member(struct decoder *d, struct dict *dict)
{
    char c;
    star_value key = decode(d);
    if (star_is_null(key))
        return false;
    if (!is_string(key)) {
        star_fail(d->vm, "at offset %zu, got %s for object key, want string",
                  (size_t)(d->at - d->start), star_type_name(key));
        return false;
    }
    if (!next_char(d, &c))
        return false;
    if (c != ':') {
        fail_char(d, "after object key, got ", (unsigned char)c, ", want ':' ");
        return false;
    }
    d->at++;
    star_value value = decode(d);
    return !star_is_null(value) && sl_table_set(d->vm, &dict->table, key,
                                                sl_str_hash(as_str(key), d->vm->key), value, NULL);
}

static star_value decode_object(struct decoder *d)
{
    struct dict *dict = sl_dict_new(d->vm, K_DICT);
    char c;
    d->at++;
    if (!dict || !next_char(d, &c))
        return STAR_NULL;
    if (c == '}') {
        d->at++;
        return object_value(dict);
    }
    do {
        if (!decode_member(d, dict))
            return STAR_NULL;
    } while (another(d, '}', "in object, got ", ", want ',' or '}'"));
    return d->vm->error ? STAR_NULL : object_value(dict);
}

static bool take_word(struct decoder *d, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(d->end - d->at) < size || memcmp(d->at, word, size) != 0)
        return false;
    d->at += size;
    return true;
}

static star_value decode_nested(struct decoder *d, char c)
{
    if (d->depth >= DEPTH_MAX)
        return fail(d, "nested too deeply");
    d->depth++;
    star_value value = c == '[' ? decode_array(d) : decode_object(d);
    d->depth--;
    return value;
}

static star_value decode(struct decoder *d)
{
    char c;
    if (!next_char(d, &c) || !sl_charge(d->vm, 1))
        return STAR_NULL;
    if (c == '"')
        return decode_string(d);
    if (c == '[' || c == '{')
        return decode_nested(d, c);
    if (is_digit(c) || c == '-')
        return decode_number(d);
    if (take_word(d, "null"))
        return V_NONE;
    if (take_word(d, "true"))
        return V_TRUE;
    if (take_word(d, "false"))
        return V_FALSE;
    return fail_char(d, "unexpected character ", (unsigned char)c, "");
}

star_value sl_json_decode(struct star_vm *vm, const char *text, size_t size)
{
    struct decoder d = {.vm = vm, .start = text, .at = text, .end = text + size};
    star_value value = decode(&d);
    if (!star_is_null(value) && skip_space(&d))
        return fail_char(&d, "unexpected character ", (unsigned char)*d.at, " after value");
    return value;
}
