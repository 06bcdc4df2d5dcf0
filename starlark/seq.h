/* Lists, tuples and ranges. */
#ifndef STARLARK_SEQ_H
#define STARLARK_SEQ_H

#include "starlark/vm.h"

struct list *sl_list_new(struct star_vm *vm, size_t capacity);
/* Room for `more` further items. */
bool sl_list_grow(struct star_vm *vm, struct list *list, size_t more);
/* "cannot VERB frozen list", "... during iteration". */
bool sl_list_writable(struct star_vm *vm, const struct list *list, const char *verb);
struct tuple *sl_tuple_new(struct star_vm *vm, size_t count);

static inline bool sl_list_push(struct star_vm *vm, struct list *list, star_value item)
{
    if (list->count == list->capacity && !sl_list_grow(vm, list, 1))
        return false;
    list->items[list->count++] = item;
    return true;
}

/* Appends all items of an iterable: false if it is not one (no error pending) or something failed
 * (one is). */
bool sl_list_extend(struct star_vm *vm, struct list *list, star_value iterable);

star_value sl_range_new(struct star_vm *vm, int64_t start, int64_t stop, int64_t step);

static inline int64_t sl_range_at(const struct range *range, int64_t i)
{
    return (int64_t)((uint64_t)range->start + (uint64_t)i * (uint64_t)range->step);
}

/* The items of a list or tuple; false for another type. */
static inline bool sl_seq(star_value value, const star_value **ret_items, size_t *ret_count)
{
    if (is_kind(value, K_LIST)) {
        *ret_items = AS(list, value)->items;
        *ret_count = AS(list, value)->count;
        return true;
    }
    if (is_kind(value, K_TUPLE)) {
        *ret_items = AS(tuple, value)->items;
        *ret_count = head_of(value)->aux;
        return true;
    }
    return false;
}

#endif
