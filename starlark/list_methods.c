/* Methods of lists. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/methods.h"
#include "starlark/object.h"
#include "starlark/seq.h"

static bool writable(struct star_vm *vm, struct list *list, const char *verb)
{
    if (sl_list_writable(vm, list, verb))
        return true;
    sl_error_restack(vm, "%s: ", sl_builtin_name(vm));
    return false;
}

static star_value list_append(struct star_vm *vm, const struct star_args *args)
{
    star_value item;
    struct list *list = AS(list, args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &item)) || !writable(vm, list, "append to"))
        return STAR_NULL;
    return sl_list_push(vm, list, item) ? V_NONE : STAR_NULL;
}

static star_value list_clear(struct star_vm *vm, const struct star_args *args)
{
    struct list *list = AS(list, args->self);
    if (!star_unpack_positional(vm, args, 0, NULL, 0) || !writable(vm, list, "clear"))
        return STAR_NULL;
    sl_realloc(vm, list->items, list->capacity * sizeof(star_value), 0);
    list->items = NULL;
    list->count = list->capacity = 0;
    return V_NONE;
}

static star_value list_extend(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable;
    struct list *list = AS(list, args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable)) || !writable(vm, list, "extend"))
        return STAR_NULL;
    return sl_list_extend(vm, list, iterable) ? V_NONE : STAR_NULL;
}

/* A bound given as int or None: from the end if negative, and clamped. */
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

static star_value list_index(struct star_vm *vm, const struct star_args *args)
{
    star_value item, low = STAR_NULL, high = STAR_NULL;
    struct list *list = AS(list, args->self);
    int64_t start = 0, end = list->count;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &item), ARG(VALUE, &low), ARG(VALUE, &high)) ||
        !bound(vm, low, list->count, "invalid start index", &start) ||
        !bound(vm, high, list->count, "invalid end index", &end))
        return STAR_NULL;
    for (int64_t i = start; i < end; i++) {
        bool equal;
        if (!sl_equal(vm, list->items[i], item, COMPARE_DEPTH, &equal)) {
            sl_error_restack(vm, "index: ");
            return STAR_NULL;
        }
        if (equal)
            return sl_charge(vm, (uint64_t)i / 8) ? small_make(i) : STAR_NULL;
    }
    return star_fail(vm, "index: value not in list");
}

static star_value list_insert(struct star_vm *vm, const struct star_args *args)
{
    int64_t at;
    star_value item;
    struct list *list = AS(list, args->self);
    if (!UNPACK_POSITIONAL(vm, args, 2, ARG(INT, &at), ARG(VALUE, &item)) ||
        !writable(vm, list, "insert into"))
        return STAR_NULL;
    at = at < 0 ? at + list->count : at;
    at = at < 0 ? 0 : at > list->count ? list->count : at;
    if (!sl_list_grow(vm, list, 1) || !sl_charge(vm, (list->count - (uint64_t)at) / 16))
        return STAR_NULL;
    memmove(list->items + at + 1, list->items + at,
            (list->count - (size_t)at) * sizeof(star_value));
    list->items[at] = item;
    list->count++;
    return V_NONE;
}

static void remove_at(struct list *list, size_t at)
{
    memmove(list->items + at, list->items + at + 1, (list->count - at - 1) * sizeof(star_value));
    list->count--;
}

static star_value list_pop(struct star_vm *vm, const struct star_args *args)
{
    struct list *list = AS(list, args->self);
    int64_t i = -1;
    if (!UNPACK_POSITIONAL(vm, args, 0, ARG(INT, &i)))
        return STAR_NULL;
    int64_t at = i < 0 ? i + list->count : i;
    if (at < 0 || at >= list->count) {
        if (list->count == 0)
            return star_fail(vm, "pop: index %lld out of range: empty list", (long long)i);
        return star_fail(vm, "pop: list index %lld out of range [%lld:%lld]", (long long)i,
                         -(long long)list->count, (long long)list->count - 1);
    }
    if (!writable(vm, list, "pop from"))
        return STAR_NULL;
    star_value item = list->items[at];
    remove_at(list, (size_t)at);
    return sl_charge(vm, (list->count - (uint64_t)at) / 16) ? item : STAR_NULL;
}

static star_value list_remove(struct star_vm *vm, const struct star_args *args)
{
    star_value item;
    struct list *list = AS(list, args->self);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &item)) || !writable(vm, list, "remove from"))
        return STAR_NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        bool equal;
        if (!sl_equal(vm, list->items[i], item, COMPARE_DEPTH, &equal)) {
            sl_error_restack(vm, "remove: ");
            return STAR_NULL;
        }
        if (equal) {
            remove_at(list, i);
            return sl_charge(vm, list->count / 8) ? V_NONE : STAR_NULL;
        }
    }
    return star_fail(vm, "remove: element not found");
}

const star_builtin_fn sl_list_methods[METHOD_MAX] = {
    [M_append] = list_append, [M_clear] = list_clear,   [M_extend] = list_extend,
    [M_index] = list_index,   [M_insert] = list_insert, [M_pop] = list_pop,
    [M_remove] = list_remove,
};
