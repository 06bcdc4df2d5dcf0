/* Lists, tuples and ranges: making, growing, and the host's functions. */
#include "starlark/seq.h"

struct list *sl_list_new(struct star_vm *vm, size_t capacity)
{
    struct list *list = sl_alloc(vm, sizeof(*list), K_LIST);
    if (!list)
        return NULL;
    list->items = NULL;
    list->count = list->capacity = 0;
    return capacity == 0 || sl_list_grow(vm, list, capacity) ? list : NULL;
}

bool sl_list_grow(struct star_vm *vm, struct list *list, size_t more)
{
    size_t needed = list->count + more;
    if (needed <= list->capacity)
        return true;
    if (needed > TEXT_MAX) {
        star_fail(vm, "excessive capacity requested (%zu elements)", needed);
        return false;
    }
    size_t capacity = list->capacity + list->capacity / 2;
    if (list->capacity > 0 && capacity < 4)
        capacity = 4;
    if (capacity < needed)
        capacity = needed;
    star_value *items = sl_realloc(vm, list->items, list->capacity * sizeof(star_value),
                                   capacity * sizeof(star_value));
    if (!items)
        return false;
    list->items = items;
    list->capacity = (uint32_t)capacity;
    return true;
}

bool sl_list_writable(struct star_vm *vm, const struct list *list, const char *verb)
{
    if (list->head.flags & F_FROZEN)
        star_fail(vm, "cannot %s frozen list", verb);
    else if (list->head.aux > 0)
        star_fail(vm, "cannot %s list during iteration", verb);
    else
        return true;
    return false;
}

struct tuple *sl_tuple_new(struct star_vm *vm, size_t count)
{
    if (count > TEXT_MAX) {
        star_fail(vm, "excessive capacity requested (%zu elements)", count);
        return NULL;
    }
    struct tuple *tuple = sl_alloc(vm, sizeof(*tuple) + count * sizeof(star_value), K_TUPLE);
    if (tuple)
        tuple->head.aux = (uint32_t)count;
    return tuple;
}

static bool extend_items(struct star_vm *vm, struct list *list, star_value from)
{
    const star_value *items = NULL;
    size_t count = 0;
    sl_seq(from, &items, &count);
    if (!sl_list_grow(vm, list, count) || !sl_charge(vm, count / 8))
        return false;
    sl_seq(from, &items, &count); /* the list itself may have moved */
    if (count)
        memmove(list->items + list->count, items, count * sizeof(star_value));
    list->count += (uint32_t)count;
    return true;
}

bool sl_list_extend(struct star_vm *vm, struct list *list, star_value iterable)
{
    if (is_kind(iterable, K_LIST) || is_kind(iterable, K_TUPLE))
        return extend_items(vm, list, iterable);
    struct star_iter iter;
    star_value item;
    if (!star_iter_begin(vm, iterable, &iter))
        return false;
    int64_t hint;
    bool ok = !star_len(iterable, &hint) || sl_list_grow(vm, list, (size_t)hint);
    while (ok && star_iter_next(&iter, &item))
        ok = sl_list_push(vm, list, item) && sl_charge(vm, 1);
    return star_iter_end(&iter) && ok;
}

/* (stop - start) / step rounded away from zero; unsigned, because the distance may not fit a signed
 * word. */
static uint64_t range_count(int64_t start, int64_t stop, int64_t step)
{
    if (step > 0)
        return start < stop ? ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1 : 0;
    return start > stop ? ((uint64_t)start - (uint64_t)stop - 1) / -(uint64_t)step + 1 : 0;
}

star_value sl_range_new(struct star_vm *vm, int64_t start, int64_t stop, int64_t step)
{
    uint64_t count = range_count(start, stop, step);
    struct range *range = sl_alloc(vm, sizeof(*range), K_RANGE);
    if (!range)
        return STAR_NULL;
    range->start = start;
    range->stop = stop;
    range->step = step;
    range->count = count > (uint64_t)SMALL_MAX ? SMALL_MAX : (int64_t)count;
    return object_value(range);
}

/* --------------------------------------------------------------------------------------------------------------------
 * API */

star_value star_list_new(struct star_vm *vm, const star_value *items, size_t count)
{
    struct list *list = sl_list_new(vm, count);
    if (!list)
        return STAR_NULL;
    if (count)
        memcpy(list->items, items, count * sizeof(star_value));
    list->count = (uint32_t)count;
    return object_value(list);
}

static bool want_list(struct star_vm *vm, star_value value)
{
    if (is_kind(value, K_LIST))
        return true;
    star_fail(vm, "got %s, want list", star_type_name(value));
    return false;
}

bool star_list_append(struct star_vm *vm, star_value list, star_value item)
{
    return want_list(vm, list) && sl_list_writable(vm, AS(list, list), "append to") &&
           sl_list_push(vm, AS(list, list), item);
}

bool star_list_set(struct star_vm *vm, star_value list, size_t i, star_value item)
{
    if (!want_list(vm, list) || !sl_list_writable(vm, AS(list, list), "assign to element of"))
        return false;
    if (i >= AS(list, list)->count) {
        star_fail(vm, "list index %zu out of range", i);
        return false;
    }
    AS(list, list)->items[i] = item;
    return true;
}

star_value star_tuple_new(struct star_vm *vm, const star_value *items, size_t count)
{
    struct tuple *tuple = sl_tuple_new(vm, count);
    if (tuple && count)
        memcpy(tuple->items, items, count * sizeof(star_value));
    return object_value(tuple);
}

size_t star_seq_len(star_value value)
{
    const star_value *items;
    size_t count;
    return sl_seq(value, &items, &count) ? count : 0;
}

star_value star_seq_get(star_value value, size_t i)
{
    const star_value *items;
    size_t count;
    return sl_seq(value, &items, &count) && i < count ? items[i] : STAR_NULL;
}

star_value star_range_new(struct star_vm *vm, int64_t start, int64_t stop, int64_t step)
{
    return step == 0 ? star_fail(vm, "range: step argument must not be zero")
                     : sl_range_new(vm, start, stop, step);
}
