/* Built-ins that turn numbers and text into each other: abs, bytes, chr, float, hash, int, ord. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/format.h"
#include "starlark/int.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/universe_more.h"
#include "starlark/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <strings.h>

star_value sl_universe_abs(struct star_vm *vm, const struct star_args *args)
{
    star_value x;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x)))
        return STAR_NULL;
    if (is_int(x))
        return sl_int_sign(x) < 0 ? sl_int_negate(vm, x) : x;
    if (is_float(x))
        return sl_float(vm, fabs(float_get(x)));
    return star_fail(vm, "got %s, want int or float", star_type_name(x));
}

star_value sl_universe_chr(struct star_vm *vm, const struct star_args *args)
{
    int64_t i;
    char encoded[4];
    if (args->named_count > 0)
        return star_fail(vm, "chr does not accept keyword arguments");
    if (args->count != 1)
        return star_fail(vm, "chr: got %zu arguments, want 1", args->count);
    if (!is_int(args->values[0]))
        return star_fail(vm, "chr: got %s, want int", star_type_name(args->values[0]));
    if (!sl_int_get(args->values[0], &i) || i < INT32_MIN || i > INT32_MAX) {
        star_value shown = star_repr(vm, args->values[0]);
        return star_is_null(shown) ? STAR_NULL
                                   : star_fail(vm, "chr: %s out of range", as_str(shown)->data);
    }
    if (i < 0)
        return star_fail(vm, "chr: Unicode code point %" PRId64 " out of range (<0)", i);
    if (i > 0x10FFFF)
        return star_fail(vm, "chr: Unicode code point U+%" PRIX64 " out of range (>0x10FFFF)",
                         (uint64_t)i);
    return sl_str_value(vm, encoded, (size_t)sl_utf8_encode(encoded, (uint32_t)i));
}

star_value sl_universe_ord(struct star_vm *vm, const struct star_args *args)
{
    uint32_t point;
    if (args->named_count > 0)
        return star_fail(vm, "ord does not accept keyword arguments");
    if (args->count != 1)
        return star_fail(vm, "ord: got %zu arguments, want 1", args->count);
    star_value x = args->values[0];
    if (is_kind(x, K_BYTES)) {
        if (as_str(x)->size != 1)
            return star_fail(vm, "ord: bytes has length %u, want 1", as_str(x)->size);
        return small_make((unsigned char)as_str(x)->data[0]);
    }
    if (!is_string(x))
        return star_fail(vm, "ord: got %s, want string or bytes", star_type_name(x));
    struct str *str = as_str(x);
    if (str->size == 0 ||
        (size_t)sl_utf8_decode(str->data, str->data + str->size, &point) != str->size)
        return star_fail(vm, "ord: string encodes %zu Unicode code points, want 1",
                         sl_utf8_count(str->data, str->size));
    return small_make(point);
}

/* --------------------------------------------------------------------------------------------------------------------
 * bytes */

static star_value bytes_of_text(struct star_vm *vm, struct str *str)
{
    struct star_text text = TEXT_INIT(vm);
    uint32_t point;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        sl_text_put_point(&text, point);
    }
    return sl_text_finish_bytes(&text);
}

static bool put_byte(struct star_text *text, star_value item, size_t at)
{
    int64_t byte;
    if (!is_int(item)) {
        star_fail(text->vm, "bytes: at index %zu, got %s, want int", at, star_type_name(item));
        return false;
    }
    if (!sl_int_get(item, &byte) || byte < 0 || byte > 255) {
        star_value shown = star_repr(text->vm, item);
        if (!star_is_null(shown))
            star_fail(text->vm,
                      "bytes: at index %zu, %s out of range (want value in unsigned 8-bit range)",
                      at, as_str(shown)->data);
        return false;
    }
    sl_text_put_char(text, (char)byte);
    return !text->failed;
}

static star_value bytes_of_items(struct star_vm *vm, star_value iterable)
{
    struct star_text text = TEXT_INIT(vm);
    struct star_iter iter;
    star_value item;
    size_t at = 0;
    if (!star_iter_begin(vm, iterable, &iter))
        return STAR_NULL;
    while (star_iter_next(&iter, &item) && put_byte(&text, item, at++) && sl_charge(vm, 1))
        ;
    if (star_iter_end(&iter))
        return sl_text_finish_bytes(&text);
    sl_text_free(&text);
    return STAR_NULL;
}

star_value sl_universe_bytes(struct star_vm *vm, const struct star_args *args)
{
    if (args->named_count > 0)
        return star_fail(vm, "bytes does not accept keyword arguments");
    if (args->count != 1)
        return star_fail(vm, "bytes: got %zu arguments, want exactly 1", args->count);
    star_value x = args->values[0];
    if (is_kind(x, K_BYTES))
        return x;
    if (is_string(x))
        return sl_utf8_valid(as_str(x)->data, as_str(x)->size)
                   ? sl_bytes_value(vm, as_str(x)->data, as_str(x)->size)
                   : bytes_of_text(vm, as_str(x));
    if (sl_iterable(x))
        return bytes_of_items(vm, x);
    return star_fail(vm, "bytes: got %s, want string, bytes, or iterable of ints",
                     star_type_name(x));
}

/* ---------------------------------------------------------------------------------------------------------------------
 * hash */

star_value sl_universe_hash(struct star_vm *vm, const struct star_args *args)
{
    star_value x;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x)))
        return STAR_NULL;
    if (!is_string(x) && !is_kind(x, K_BYTES))
        return star_fail(vm, "hash: got %s, want string or bytes", star_type_name(x));
    const char *p = as_str(x)->data, *end = p + as_str(x)->size;
    if (!sl_charge(vm, as_str(x)->size / 16))
        return STAR_NULL;
    if (is_string(x)) {
        uint32_t hash = 0, point;
        while (p < end) {
            p += sl_utf8_decode(p, end, &point);
            hash = 31 * hash + point;
        }
        return small_make((int32_t)hash);
    }
    uint32_t hash = 2166136261u; /* FNV-1a, as the specification fixes it */
    for (; p < end; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return small_make(hash);
}

/* --------------------------------------------------------------------------------------------------------------------
 * float */

/* Underscores may stand between digits, one at a time. Copies without them; false if one stands
 * elsewhere. */
static bool copy_without_underscores(const char *from, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        bool digit_before = i > 0 && (isxdigit((unsigned char)from[i - 1]) || from[i - 1] == 'x' ||
                                      from[i - 1] == 'X');
        bool digit_after = i + 1 < size && isxdigit((unsigned char)from[i + 1]);
        if (from[i] == '_') {
            if (!digit_before || !digit_after)
                return false;
            continue;
        }
        *to++ = from[i];
    }
    *to = '\0';
    return true;
}

/* What strtod takes but Starlark does not: white space, NUL, "nan(...)". */
static bool float_characters(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("+-._", text[i]))
            return false;
    return size > 0 && memchr(text, '\0', size) == NULL;
}

static bool is_special_name(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    return strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0 ||
           strcasecmp(text, "nan") == 0;
}

/* A hexadecimal float needs its exponent, as in Go. */
static bool missing_exponent(const char *text)
{
    text += *text == '+' || *text == '-';
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && !strpbrk(text, "pP");
}

static star_value float_of_text(struct star_vm *vm, struct str *str)
{
    char *end, *copy;
    if (str->size == 0)
        return star_fail(vm, "float: empty string");
    copy = sl_realloc(vm, NULL, 0, str->size + 1);
    if (!copy)
        return STAR_NULL;
    bool ok = float_characters(str->data, str->size) &&
              copy_without_underscores(str->data, str->size, copy);
    double d = ok ? sl_strtod(copy, &end) : 0;
    ok = ok && *end == '\0' && !missing_exponent(copy) &&
         (is_special_name(copy) || isfinite(d) || isinf(d));
    bool large = ok && isinf(d) && !is_special_name(copy);
    sl_realloc(vm, copy, str->size + 1, 0);
    if (large)
        return star_fail(vm, "floating-point number too large");
    return ok ? sl_float(vm, d) : star_fail(vm, "invalid float literal: %s", str->data);
}

star_value sl_universe_float(struct star_vm *vm, const struct star_args *args)
{
    double d;
    if (args->named_count > 0)
        return star_fail(vm, "float does not accept keyword arguments");
    if (args->count == 0)
        return sl_float(vm, 0);
    if (args->count != 1)
        return star_fail(vm, "float got %zu arguments, wants 1", args->count);
    star_value x = args->values[0];
    if (is_bool(x))
        return sl_float(vm, x.bits == TRUE_BITS);
    if (is_float(x))
        return x;
    if (is_int(x))
        return sl_int_double(x, &d) ? sl_float(vm, d)
                                    : star_fail(vm, "int too large to convert to float");
    if (is_string(x))
        return float_of_text(vm, as_str(x));
    return star_fail(vm, "float got %s, want number or string", star_type_name(x));
}

/* ----------------------------------------------------------------------------------------------------------------------
 * int */

static int prefix_base(const char *p, size_t size)
{
    if (size <= 2 || p[0] != '0')
        return 0;
    switch (p[1]) {
    case 'o':
    case 'O':
        return 8;
    case 'x':
    case 'X':
        return 16;
    case 'b':
    case 'B':
        return 2;
    default:
        return 0;
    }
}

static bool valid_digits(const char *p, size_t size, int base)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)p[i];
        int digit = c >= '0' && c <= '9'     ? c - '0'
                    : isalpha(c) && c < 0x80 ? (c | 32) - 'a' + 10
                                             : 99;
        if (digit >= base)
            return false;
    }
    return size > 0;
}

star_value star_int_parse(struct star_vm *vm, const char *text, size_t size, int base)
{
    const char *p = text;
    size_t left = size;
    bool negative = left > 0 && *p == '-';
    if (left > 0 && (*p == '-' || *p == '+')) {
        p++;
        left--;
    }
    int prefix = prefix_base(p, left), shown = base;
    /* In base 16, "0b11" is all digits. */
    if (prefix && (base == 0 || prefix == base)) {
        p += 2;
        left -= 2;
        base = shown = prefix;
    } else if (base == 0 && left > 1 && *p == '0' && strspn(p, "0") < left) {
        left = 0; /* "0755" is not octal */
    } else if (base == 0) {
        shown = 10;
    }
    if (base == 0)
        base = 10;
    if (!valid_digits(p, left, base))
        return star_fail(vm, "int: invalid literal with base %d: %.*s", shown, (int)size, text);
    return sl_int_from_digits(vm, p, left, base, negative);
}

star_value sl_universe_int(struct star_vm *vm, const struct star_args *args)
{
    star_value x = small_make(0), base = STAR_NULL;
    int64_t b = 10;
    if (!UNPACK(vm, args, PARAM("x?", VALUE, &x), PARAM("base?", VALUE, &base)))
        return STAR_NULL;
    if (is_string(x)) {
        if (!star_is_null(base) &&
            (!is_int(base) || !sl_int_get(base, &b) || (b != 0 && (b < 2 || b > 36))))
            return star_fail(vm, "int: base must be an integer >= 2 && <= 36");
        return star_int_parse(vm, as_str(x)->data, as_str(x)->size, (int)b);
    }
    if (!star_is_null(base))
        return star_fail(vm, "int: can't convert non-string with explicit base");
    if (is_bool(x))
        return small_make(x.bits == TRUE_BITS);
    star_value result = sl_number_to_int(vm, x);
    if (star_is_null(result))
        sl_error_restack(vm, "int: ");
    return result;
}
