/* String methods that take strings apart and put them together: split, join, strip. */
#include "starlark/args.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/string_methods.h"
#include "starlark/unicode.h"
#include "starlark/utf8.h"

/* -------------------------------------------------------------------------------------------------------------------
 * join */

/* The bytes of all items and separators; false if an item is not a string. */
static bool joined_size(struct star_vm *vm, const star_value *items, size_t count, size_t separator,
                        size_t *ret)
{
    *ret = count > 1 ? separator * (count - 1) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_string(items[i])) {
            star_fail(vm, "join: in list, want string, got %s", star_type_name(items[i]));
            return false;
        }
        *ret += as_str(items[i])->size;
    }
    return sl_charge(vm, *ret / 64 + count / 8);
}

static star_value join_items(struct star_vm *vm, const star_value *items, size_t count,
                             const struct str *separator)
{
    size_t size;
    if (!joined_size(vm, items, count, separator->size, &size))
        return STAR_NULL;
    struct str *joined = sl_str_room(vm, size, K_STRING);
    if (!joined)
        return STAR_NULL;
    char *to = joined->data;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            to = mempcpy(to, separator->data, separator->size);
        to = mempcpy(to, as_str(items[i])->data, as_str(items[i])->size);
    }
    return object_value(joined);
}

star_value sl_string_join(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable;
    const star_value *items;
    size_t count;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable)))
        return STAR_NULL;
    if (sl_seq(iterable, &items, &count))
        return join_items(vm, items, count, as_str(args->self));
    struct list *list = sl_list_new(vm, 0);
    if (!list || !sl_list_extend(vm, list, iterable))
        return STAR_NULL;
    return join_items(vm, list->items, list->count, as_str(args->self));
}

/* -------------------------------------------------------------------------------------------------------------------
 * split */

static bool push_part(struct star_vm *vm, struct list *list, struct str *str, size_t start,
                      size_t end)
{
    star_value part = sl_str_part(vm, str, start, end);
    return !star_is_null(part) && sl_list_push(vm, list, part);
}

static size_t space_at(const struct str *str, size_t at)
{
    uint32_t point;
    int width = sl_utf8_decode(str->data + at, str->data + str->size, &point);
    return sl_is_space(point) ? (size_t)width : 0;
}

static size_t space_before(const struct str *str, size_t at)
{
    uint32_t point;
    int width = sl_utf8_decode_last(str->data, str->data + at, &point);
    return sl_is_space(point) ? (size_t)width : 0;
}

/* Words between white space; after `max` cuts the rest is one part, with the white space at its
 * end. */
static bool split_words(struct star_vm *vm, struct list *list, struct str *str, int64_t max)
{
    size_t at = 0, width;
    for (;;) {
        while (at < str->size && (width = space_at(str, at)))
            at += width;
        if (at == str->size)
            return true;
        size_t start = at;
        if (max >= 0 && list->count >= max)
            return push_part(vm, list, str, start, str->size);
        while (at < str->size && !space_at(str, at)) {
            uint32_t point;
            at += (size_t)sl_utf8_decode(str->data + at, str->data + str->size, &point);
        }
        if (!push_part(vm, list, str, start, at))
            return false;
    }
}

static void reverse(struct list *list)
{
    for (uint32_t i = 0; i < list->count / 2; i++) {
        star_value swapped = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = swapped;
    }
}

static bool rsplit_words(struct star_vm *vm, struct list *list, struct str *str, int64_t max)
{
    size_t at = str->size, width;
    for (;;) {
        while (at > 0 && (width = space_before(str, at)))
            at -= width;
        if (at == 0)
            break;
        size_t end = at;
        if (max >= 0 && list->count >= max) {
            if (!push_part(vm, list, str, 0, end))
                return false;
            break;
        }
        while (at > 0 && !space_before(str, at)) {
            uint32_t point;
            at -= (size_t)sl_utf8_decode_last(str->data, str->data + at, &point);
        }
        if (!push_part(vm, list, str, at, end))
            return false;
    }
    reverse(list);
    return true;
}

static bool split_at(struct star_vm *vm, struct list *list, struct str *str,
                     const struct str *separator, int64_t max)
{
    size_t start = 0;
    while (max < 0 || list->count < max) {
        const char *found =
            memmem(str->data + start, str->size - start, separator->data, separator->size);
        if (!found)
            break;
        size_t end = (size_t)(found - str->data);
        if (!push_part(vm, list, str, start, end))
            return false;
        start = end + separator->size;
    }
    return push_part(vm, list, str, start, str->size);
}

/* The last occurrence of a separator before `end`, or NULL. */
static const char *find_last(const struct str *str, size_t end, const struct str *separator)
{
    if (separator->size > end)
        return NULL;
    for (size_t at = end - separator->size + 1; at-- > 0;)
        if (str->data[at] == separator->data[0] &&
            memcmp(str->data + at, separator->data, separator->size) == 0)
            return str->data + at;
    return NULL;
}

static bool rsplit_at(struct star_vm *vm, struct list *list, struct str *str,
                      const struct str *separator, int64_t max)
{
    size_t end = str->size;
    while (max < 0 || list->count < max) {
        const char *found = find_last(str, end, separator);
        if (!found)
            break;
        if (!push_part(vm, list, str, (size_t)(found - str->data) + separator->size, end))
            return false;
        end = (size_t)(found - str->data);
    }
    if (!push_part(vm, list, str, 0, end))
        return false;
    reverse(list);
    return true;
}

static star_value split(struct star_vm *vm, const struct star_args *args, bool from_right)
{
    star_value separator = V_NONE;
    int64_t max = -1;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 0, ARG(VALUE, &separator), ARG(INT, &max)) ||
        !sl_charge(vm, str->size / 16))
        return STAR_NULL;
    if (!is_none(separator) && !is_string(separator))
        return star_fail(vm, "split: got %s for separator, want string", star_type_name(separator));
    struct list *list = sl_list_new(vm, 0);
    if (!list)
        return STAR_NULL;
    bool ok;
    if (is_none(separator))
        ok = from_right ? rsplit_words(vm, list, str, max) : split_words(vm, list, str, max);
    else if (as_str(separator)->size == 0)
        return star_fail(vm, "split: empty separator");
    else
        ok = from_right ? rsplit_at(vm, list, str, as_str(separator), max)
                        : split_at(vm, list, str, as_str(separator), max);
    return ok ? object_value(list) : STAR_NULL;
}

star_value sl_string_split(struct star_vm *vm, const struct star_args *args)
{
    return split(vm, args, false);
}

star_value sl_string_rsplit(struct star_vm *vm, const struct star_args *args)
{
    return split(vm, args, true);
}

star_value sl_string_splitlines(struct star_vm *vm, const struct star_args *args)
{
    bool keep = false;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 0, ARG(BOOL, &keep)) || !sl_charge(vm, str->size / 16))
        return STAR_NULL;
    struct list *list = sl_list_new(vm, 0);
    for (size_t start = 0; list && start < str->size;) {
        const char *newline = memchr(str->data + start, '\n', str->size - start);
        size_t end = newline ? (size_t)(newline - str->data) : str->size;
        size_t next = newline ? end + 1 : end;
        if (!push_part(vm, list, str, start, keep ? next : end))
            return STAR_NULL;
        start = next;
    }
    return object_value(list);
}

/* -------------------------------------------------------------------------------------------------------------------
 * strip */

static bool contains_point(const struct str *chars, uint32_t wanted)
{
    uint32_t point;
    for (const char *p = chars->data, *end = p + chars->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        if (point == wanted)
            return true;
    }
    return false;
}

/* White space, or one of the given code points. */
static bool strippable(const struct str *chars, uint32_t point)
{
    return chars ? contains_point(chars, point) : sl_is_space(point);
}

static star_value strip(struct star_vm *vm, const struct star_args *args, bool left, bool right)
{
    star_value given = STAR_NULL;
    struct str *str = as_str(args->self);
    if (!UNPACK_POSITIONAL(vm, args, 0, ARG(STRING, &given)))
        return STAR_NULL;
    struct str *chars = star_is_null(given) || as_str(given)->size == 0 ? NULL : as_str(given);
    const char *start = str->data, *end = str->data + str->size;
    uint32_t point;
    while (left && start < end) {
        int width = sl_utf8_decode(start, end, &point);
        if (!strippable(chars, point))
            break;
        start += width;
    }
    while (right && start < end) {
        int width = sl_utf8_decode_last(start, end, &point);
        if (!strippable(chars, point))
            break;
        end -= width;
    }
    if (!sl_charge(vm, (str->size - (size_t)(end - start)) / 8))
        return STAR_NULL;
    return sl_str_part(vm, str, (size_t)(start - str->data), (size_t)(end - str->data));
}

star_value sl_string_strip(struct star_vm *vm, const struct star_args *args)
{
    return strip(vm, args, true, true);
}

star_value sl_string_lstrip(struct star_vm *vm, const struct star_args *args)
{
    return strip(vm, args, true, false);
}

star_value sl_string_rstrip(struct star_vm *vm, const struct star_args *args)
{
    return strip(vm, args, false, true);
}
