/* "..." % x and "...".format(...). Neither has flags, widths or precisions in Starlark. */
#include "starlark/format.h"
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/str.h"
#include "starlark/table.h"
#include "starlark/utf8.h"

#include <math.h>
#include <stdio.h>

star_value sl_number_to_int(struct star_vm *vm, star_value x)
{
    if (is_int(x))
        return x;
    if (!is_float(x))
        return star_fail(vm, "cannot convert %s to int", star_type_name(x));
    double d = float_get(x);
    if (isinf(d))
        return star_fail(vm, "cannot convert float infinity to integer");
    if (isnan(d))
        return star_fail(vm, "cannot convert float NaN to integer");
    return sl_int_from_double(vm, d);
}

/* ----------------------------------------------------------------------------------------------------------------
 * percent */

/* A % operation under way. */
struct percent {
    struct star_vm *vm;
    struct star_text out;
    const char *at, *end;
    star_value operand;
    const star_value *arguments;
    size_t count, used;
};

static bool percent_key(struct percent *p, star_value *ret)
{
    const char *close = memchr(p->at, ')', (size_t)(p->end - p->at));
    if (!close) {
        star_fail(p->vm, "incomplete format key");
        return false;
    }
    if (!is_kind(p->operand, K_DICT)) {
        star_fail(p->vm, "format requires a mapping");
        return false;
    }
    struct str *key = sl_str_new(p->vm, p->at + 1, (size_t)(close - p->at - 1));
    if (!key)
        return false;
    *ret = sl_dict_find(p->vm, AS(dict, p->operand), object_value(key));
    if (star_is_null(*ret)) {
        star_fail(p->vm, "key not found: %s", key->data);
        return false;
    }
    p->at = close + 1;
    return true;
}

static bool percent_argument(struct percent *p, star_value *ret)
{
    if (p->at < p->end && *p->at == '(')
        return percent_key(p, ret);
    if (p->used >= p->count) {
        star_fail(p->vm, "not enough arguments for format string");
        return false;
    }
    *ret = p->arguments[p->used];
    return true;
}

static bool percent_int(struct percent *p, char c, star_value x)
{
    star_value i = sl_number_to_int(p->vm, x);
    if (star_is_null(i))
        return sl_error_restack(p->vm, "%%%c format requires integer: ", c), false;
    sl_int_format(&p->out, i, c == 'o' ? 8 : c == 'x' || c == 'X' ? 16 : 10, c == 'X');
    return !p->out.failed;
}

static bool percent_float(struct percent *p, char c, star_value x)
{
    double d;
    if (!star_float_get(x, &d)) {
        star_fail(p->vm, "%%%c format requires float, not %s", c, star_type_name(x));
        return false;
    }
    sl_float_format_as(&p->out, d, c);
    return true;
}

static bool percent_char(struct percent *p, star_value x)
{
    int64_t point;
    uint32_t decoded;
    if (is_int(x)) {
        if (sl_int_get(x, &point) && point >= 0 && point <= 0x10FFFF) {
            sl_text_put_point(&p->out, (uint32_t)point);
            return true;
        }
        star_value shown = star_repr(p->vm, x);
        if (!star_is_null(shown))
            star_fail(p->vm, "%%c format requires a valid Unicode code point, got %s",
                      as_str(shown)->data);
        return false;
    }
    if (!is_string(x)) {
        star_fail(p->vm, "%%c format requires int or single-character string, not %s",
                  star_type_name(x));
        return false;
    }
    struct str *str = as_str(x);
    if (str->size == 0 ||
        (size_t)sl_utf8_decode(str->data, str->data + str->size, &decoded) != str->size) {
        star_fail(p->vm, "%%c format requires a single-character string");
        return false;
    }
    sl_text_put_point(&p->out, decoded);
    return true;
}

static bool percent_conversion(struct percent *p, star_value x)
{
    if (p->at == p->end) {
        star_fail(p->vm, "incomplete format");
        return false;
    }
    uint32_t point;
    const char *start = p->at;
    p->at += sl_utf8_decode(p->at, p->end, &point);
    switch (point) {
    case 's':
        if (is_string(x))
            sl_text_put(&p->out, as_str(x)->data, as_str(x)->size);
        else
            sl_repr(&p->out, x);
        return !p->out.failed;
    case 'r':
        sl_repr(&p->out, x);
        return !p->out.failed;
    case 'd':
    case 'i':
    case 'o':
    case 'x':
    case 'X':
        return percent_int(p, (char)point, x);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        return percent_float(p, (char)point, x);
    case 'c':
        return percent_char(p, x);
    case '%':
        sl_text_put_char(&p->out, '%');
        return true;
    default:
        star_fail(p->vm, "unknown conversion %%%.*s", (int)(p->at - start), start);
        return false;
    }
}

static bool percent_run(struct percent *p)
{
    for (;;) {
        const char *sign = memchr(p->at, '%', (size_t)(p->end - p->at));
        sl_text_put(&p->out, p->at, (size_t)((sign ? sign : p->end) - p->at));
        if (!sign)
            return true;
        p->at = sign + 1;
        if (p->at < p->end && *p->at == '%') {
            sl_text_put_char(&p->out, '%');
            p->at++;
            continue;
        }
        star_value x;
        if (!percent_argument(p, &x) || !percent_conversion(p, x))
            return false;
        p->used++;
    }
}

star_value sl_format_percent(struct star_vm *vm, struct str *format, star_value arguments)
{
    struct percent p = {.vm = vm,
                        .out = TEXT_INIT(vm),
                        .at = format->data,
                        .end = format->data + format->size,
                        .operand = arguments,
                        .arguments = &arguments,
                        .count = 1};
    if (is_kind(arguments, K_TUPLE)) {
        p.arguments = AS(tuple, arguments)->items;
        p.count = head_of(arguments)->aux;
    }
    if (!percent_run(&p)) {
        sl_text_free(&p.out);
        return STAR_NULL;
    }
    if (p.used < p.count && !is_kind(arguments, K_DICT)) {
        sl_text_free(&p.out);
        return star_fail(vm, "too many arguments for format string");
    }
    return sl_text_finish(&p.out);
}

/* -----------------------------------------------------------------------------------------------------------------
 * format */

struct formatter {
    struct star_vm *vm;
    const struct star_args *args;
    struct star_text out;
    int64_t automatic; /* next automatic number */
    bool automatic_used, manual_used;
};

static bool fail_field(struct formatter *f, const char *what, const char *name, size_t size)
{
    star_fail(f->vm, "format: %s%.*s", what, (int)size, name);
    return false;
}

static bool positional_field(struct formatter *f, uint64_t at, star_value *ret)
{
    if (at >= f->args->count) {
        star_fail(f->vm, "format: tuple index out of range");
        return false;
    }
    *ret = f->args->values[at];
    return true;
}

static bool automatic_field(struct formatter *f, star_value *ret)
{
    if (f->manual_used)
        return fail_field(
            f, "cannot switch from manual field specification to automatic field numbering", "", 0);
    f->automatic_used = true;
    return positional_field(f, (uint64_t)f->automatic++, ret);
}

static bool named_field(struct formatter *f, const char *name, size_t size, star_value *ret)
{
    for (size_t i = 0; i < f->args->named_count; i++) {
        const struct str *given = as_str(f->args->names[i]);
        if (given->size == size && memcmp(given->data, name, size) == 0) {
            *ret = f->args->named_values[i];
            return true;
        }
    }
    if (memchr(name, '.', size))
        return fail_field(f, "attribute syntax x.y is not supported in replacement fields: ", name,
                          size);
    if (memchr(name, '[', size))
        return fail_field(f, "element syntax a[i] is not supported in replacement fields: ", name,
                          size);
    if (memchr(name, '{', size))
        return fail_field(f, "nested replacement fields not supported", "", 0);
    star_fail(f->vm, "format: keyword %.*s not found", (int)size, name);
    return false;
}

/* True if the name is a number; a huge one is out of any range. */
static bool field_number(const char *name, size_t size, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < size; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        if (*ret < UINT32_MAX)
            *ret = *ret * 10 + (uint64_t)(name[i] - '0');
    }
    return size > 0;
}

static bool field_argument(struct formatter *f, const char *name, size_t size, star_value *ret)
{
    uint64_t number;
    if (size == 0)
        return automatic_field(f, ret);
    if (!field_number(name, size, &number))
        return named_field(f, name, size, ret);
    if (f->automatic_used)
        return fail_field(
            f, "cannot switch from automatic field numbering to manual field specification", "", 0);
    f->manual_used = true;
    return positional_field(f, number, ret);
}

/* What is between the braces: name, !conversion, :spec. */
static bool format_field(struct formatter *f, const char *field, size_t size)
{
    const char *end = field + size;
    const char *colon = memchr(field, ':', size), *bang = memchr(field, '!', size);
    if (colon && bang && colon < bang)
        bang = NULL;
    const char *name_end = bang ? bang : colon ? colon : end;
    const char *conversion = bang ? bang + 1 : "s";
    size_t conversion_size = bang ? (size_t)((colon ? colon : end) - conversion) : 1;
    star_value x;
    if (!field_argument(f, field, (size_t)(name_end - field), &x))
        return false;
    if (colon && colon + 1 < end) {
        star_fail(f->vm, "format spec features not supported in replacement fields: %.*s",
                  (int)(end - colon - 1), colon + 1);
        return false;
    }
    if (conversion_size == 1 && *conversion == 's' && is_string(x))
        sl_text_put(&f->out, as_str(x)->data, as_str(x)->size);
    else if (conversion_size == 1 && (*conversion == 's' || *conversion == 'r'))
        sl_repr(&f->out, x);
    else
        return star_fail(f->vm, "format: unknown conversion \"%.*s\"", (int)conversion_size,
                         conversion),
               false;
    return !f->out.failed;
}

/* Text without fields, in which }} stands for }. */
static bool format_literal(struct formatter *f, const char *p, const char *end)
{
    while (p < end) {
        const char *brace = memchr(p, '}', (size_t)(end - p));
        sl_text_put(&f->out, p, (size_t)((brace ? brace : end) - p));
        if (!brace)
            return true;
        if (brace + 1 == end || brace[1] != '}')
            return fail_field(f, "single '}' in format", "", 0);
        sl_text_put_char(&f->out, '}');
        p = brace + 2;
    }
    return true;
}

static bool format_run(struct formatter *f, const char *p, const char *end)
{
    while (p < end) {
        const char *brace = memchr(p, '{', (size_t)(end - p));
        if (!format_literal(f, p, brace ? brace : end))
            return false;
        if (!brace)
            return true;
        if (brace + 1 < end && brace[1] == '{') {
            sl_text_put_char(&f->out, '{');
            p = brace + 2;
            continue;
        }
        const char *close = memchr(brace, '}', (size_t)(end - brace));
        if (!close)
            return fail_field(f, "unmatched '{' in format", "", 0);
        if (!format_field(f, brace + 1, (size_t)(close - brace - 1)))
            return false;
        p = close + 1;
    }
    return true;
}

star_value sl_string_format(struct star_vm *vm, const struct star_args *args)
{
    struct formatter f = {.vm = vm, .args = args, .out = TEXT_INIT(vm)};
    const struct str *format = as_str(args->self);
    if (format_run(&f, format->data, format->data + format->size))
        return sl_text_finish(&f.out);
    sl_text_free(&f.out);
    return STAR_NULL;
}
