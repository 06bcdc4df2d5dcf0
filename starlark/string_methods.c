/* String methods that search and replace, and the tables of string and bytes methods. */
#include "starlark/string_methods.h"
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/format.h"
#include "starlark/methods.h"
#include "starlark/utf8.h"

/* ---------------------------------------------------------------------------------------------------------------
 * searching */

/* A start or end: None or an int, from the end if negative, clamped. */
static bool bound(struct star_vm *vm, star_value value, int64_t len, const char *what, int64_t *ret)
{
    if (star_is_null(value) || is_none(value))
        return true;
    if (!sl_as_index(vm, value, what, ret)) {
        sl_error_restack(vm, "%s: ", sl_builtin_name(vm));
        return false;
    }
    *ret = *ret < 0 ? *ret + len : *ret;
    *ret = *ret < 0 ? 0 : *ret > len ? len : *ret;
    return true;
}

/* The part of a string that start and end leave. */
struct part {
    const char *data;
    int64_t start, size;
};

static bool part_of(struct star_vm *vm, const struct str *str, star_value low, star_value high,
                    struct part *ret)
{
    int64_t start = 0, end = str->size;
    if (!bound(vm, low, str->size, "invalid start index", &start) ||
        !bound(vm, high, str->size, "invalid end index", &end))
        return false;
    *ret = (struct part){
        .data = str->data + start, .start = start, .size = end > start ? end - start : 0};
    return sl_charge(vm, (uint64_t)ret->size / 64);
}

static const char *find_forward(struct part part, const struct str *wanted)
{
    return memmem(part.data, (size_t)part.size, wanted->data, wanted->size);
}

static const char *find_backward(struct part part, const struct str *wanted)
{
    if (wanted->size > part.size)
        return NULL;
    for (const char *p = part.data + part.size - wanted->size; p >= part.data; p--)
        if (memcmp(p, wanted->data, wanted->size) == 0)
            return p;
    return NULL;
}

static star_value find(struct star_vm *vm, const struct star_args *args, bool must, bool last)
{
    star_value wanted, low = STAR_NULL, high = STAR_NULL;
    struct part part;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(STRING, &wanted), ARG(VALUE, &low),
                           ARG(VALUE, &high)) ||
        !part_of(vm, as_str(args->self), low, high, &part))
        return STAR_NULL;
    const char *found =
        last ? find_backward(part, as_str(wanted)) : find_forward(part, as_str(wanted));
    if (found)
        return small_make(part.start + (found - part.data));
    return must ? star_fail(vm, "%s: substring not found", sl_builtin_name(vm)) : small_make(-1);
}

static star_value string_find(struct star_vm *vm, const struct star_args *args)
{
    return find(vm, args, false, false);
}

static star_value string_index(struct star_vm *vm, const struct star_args *args)
{
    return find(vm, args, true, false);
}

static star_value string_rfind(struct star_vm *vm, const struct star_args *args)
{
    return find(vm, args, false, true);
}

static star_value string_rindex(struct star_vm *vm, const struct star_args *args)
{
    return find(vm, args, true, true);
}

static star_value string_count(struct star_vm *vm, const struct star_args *args)
{
    star_value wanted, low = STAR_NULL, high = STAR_NULL;
    struct part part;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(STRING, &wanted), ARG(VALUE, &low),
                           ARG(VALUE, &high)) ||
        !part_of(vm, as_str(args->self), low, high, &part))
        return STAR_NULL;
    if (as_str(wanted)->size == 0)
        return small_make((int64_t)sl_utf8_count(part.data, (size_t)part.size) + 1);
    int64_t count = 0;
    const char *end = part.data + part.size, *found;
    for (const char *p = part.data;
         (found = memmem(p, (size_t)(end - p), as_str(wanted)->data, as_str(wanted)->size));
         count++)
        p = found + as_str(wanted)->size;
    return small_make(count);
}

static bool ends_in(struct part part, const struct str *affix, bool front)
{
    return affix->size <= part.size &&
           memcmp(front ? part.data : part.data + part.size - affix->size, affix->data,
                  affix->size) == 0;
}

static star_value affixed(struct star_vm *vm, const struct star_args *args, bool front)
{
    star_value x, low = STAR_NULL, high = STAR_NULL;
    struct part part;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x), ARG(VALUE, &low), ARG(VALUE, &high)) ||
        !part_of(vm, as_str(args->self), low, high, &part))
        return STAR_NULL;
    if (is_string(x))
        return bool_make(ends_in(part, as_str(x), front));
    if (!is_kind(x, K_TUPLE))
        return star_fail(vm, "%s: got %s, want string or tuple of string", sl_builtin_name(vm),
                         star_type_name(x));
    for (uint32_t i = 0; i < head_of(x)->aux; i++) {
        star_value affix = AS(tuple, x)->items[i];
        if (!is_string(affix))
            return star_fail(vm, "%s: want string, got %s, for element %u", sl_builtin_name(vm),
                             star_type_name(affix), i);
        if (ends_in(part, as_str(affix), front))
            return V_TRUE;
    }
    return V_FALSE;
}

static star_value string_startswith(struct star_vm *vm, const struct star_args *args)
{
    return affixed(vm, args, true);
}

static star_value string_endswith(struct star_vm *vm, const struct star_args *args)
{
    return affixed(vm, args, false);
}

/* ------------------------------------------------------------------------------------------------------------------
 * cutting */

static star_value partition(struct star_vm *vm, const struct star_args *args, bool last)
{
    star_value separator;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(STRING, &separator)))
        return STAR_NULL;
    if (as_str(separator)->size == 0)
        return star_fail(vm, "%s: empty separator", sl_builtin_name(vm));
    struct part whole = {.data = str->data, .size = str->size};
    const char *found =
        last ? find_backward(whole, as_str(separator)) : find_forward(whole, as_str(separator));
    star_value parts[3] = {args->self, sl_str_value(vm, "", 0), STAR_NULL};
    parts[2] = parts[1];
    if (found) {
        size_t at = (size_t)(found - str->data);
        parts[0] = sl_str_part(vm, str, 0, at);
        parts[1] = separator;
        parts[2] = sl_str_part(vm, str, at + as_str(separator)->size, str->size);
    } else if (last) {
        parts[0] = parts[1];
        parts[2] = args->self;
    }
    if (star_is_null(parts[0]) || star_is_null(parts[1]) || star_is_null(parts[2]) ||
        !sl_charge(vm, str->size / 64))
        return STAR_NULL;
    return star_tuple_new(vm, parts, 3);
}

static star_value string_partition(struct star_vm *vm, const struct star_args *args)
{
    return partition(vm, args, false);
}

static star_value string_rpartition(struct star_vm *vm, const struct star_args *args)
{
    return partition(vm, args, true);
}

static star_value string_removeprefix(struct star_vm *vm, const struct star_args *args)
{
    star_value affix;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(STRING, &affix)))
        return STAR_NULL;
    bool has = ends_in((struct part){.data = str->data, .size = str->size}, as_str(affix), true);
    return has ? sl_str_part(vm, str, as_str(affix)->size, str->size) : args->self;
}

static star_value string_removesuffix(struct star_vm *vm, const struct star_args *args)
{
    star_value affix;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(STRING, &affix)))
        return STAR_NULL;
    bool has = ends_in((struct part){.data = str->data, .size = str->size}, as_str(affix), false);
    return has ? sl_str_part(vm, str, 0, str->size - as_str(affix)->size) : args->self;
}

/* ----------------------------------------------------------------------------------------------------------------
 * replacing */

/* Before each code point and at the end. */
static void replace_empty(struct star_text *text, const struct str *str, const struct str *by,
                          int64_t max)
{
    const char *p = str->data, *end = p + str->size;
    uint32_t point;
    for (int64_t n = 0; max < 0 || n < max; n++) {
        sl_text_put(text, by->data, by->size);
        if (p == end)
            return;
        int width = sl_utf8_decode(p, end, &point);
        sl_text_put(text, p, (size_t)width);
        p += width;
    }
    sl_text_put(text, p, (size_t)(end - p));
}

static void replace_text(struct star_text *text, const struct str *str, const struct str *old,
                         const struct str *by, int64_t max)
{
    const char *p = str->data, *end = p + str->size, *found;
    for (int64_t n = 0; max < 0 || n < max; n++) {
        if (!(found = memmem(p, (size_t)(end - p), old->data, old->size)))
            break;
        sl_text_put(text, p, (size_t)(found - p));
        sl_text_put(text, by->data, by->size);
        p = found + old->size;
    }
    sl_text_put(text, p, (size_t)(end - p));
}

static star_value string_replace(struct star_vm *vm, const struct star_args *args)
{
    star_value old, by;
    int64_t max = -1;
    struct star_text text = TEXT_INIT(vm);
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 2, ARG(STRING, &old), ARG(STRING, &by), ARG(INT, &max)))
        return STAR_NULL;
    if (as_str(old)->size == 0)
        replace_empty(&text, str, as_str(by), max);
    else if (!memmem(str->data, str->size, as_str(old)->data, as_str(old)->size))
        return sl_charge(vm, str->size / 64) ? args->self : STAR_NULL;
    else
        replace_text(&text, str, as_str(old), as_str(by), max);
    if (!sl_charge(vm, (str->size + text.size) / 64)) {
        sl_text_free(&text);
        return STAR_NULL;
    }
    return sl_text_finish(&text);
}

const star_builtin_fn sl_string_methods[METHOD_MAX] = {
    [M_capitalize] = sl_string_capitalize,
    [M_codepoint_ords] = sl_string_codepoint_ords,
    [M_codepoints] = sl_string_codepoints,
    [M_count] = string_count,
    [M_elem_ords] = sl_string_elem_ords,
    [M_elems] = sl_string_elems,
    [M_endswith] = string_endswith,
    [M_find] = string_find,
    [M_format] = sl_string_format,
    [M_index] = string_index,
    [M_isalnum] = sl_string_isalnum,
    [M_isalpha] = sl_string_isalpha,
    [M_isdigit] = sl_string_isdigit,
    [M_islower] = sl_string_islower,
    [M_isspace] = sl_string_isspace,
    [M_istitle] = sl_string_istitle,
    [M_isupper] = sl_string_isupper,
    [M_join] = sl_string_join,
    [M_lower] = sl_string_lower,
    [M_lstrip] = sl_string_lstrip,
    [M_partition] = string_partition,
    [M_removeprefix] = string_removeprefix,
    [M_removesuffix] = string_removesuffix,
    [M_replace] = string_replace,
    [M_rfind] = string_rfind,
    [M_rindex] = string_rindex,
    [M_rpartition] = string_rpartition,
    [M_rsplit] = sl_string_rsplit,
    [M_rstrip] = sl_string_rstrip,
    [M_split] = sl_string_split,
    [M_splitlines] = sl_string_splitlines,
    [M_startswith] = string_startswith,
    [M_strip] = sl_string_strip,
    [M_title] = sl_string_title,
    [M_upper] = sl_string_upper,
};

const star_builtin_fn sl_bytes_methods[METHOD_MAX] = {[M_elems] = sl_bytes_elems};
