/*
 * Iteration from C. Lists, dicts and sets that are not frozen are locked while it goes on.
 * star_iter.cursor counts; what else an iteration needs is in the value.
 */
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/table.h"

static bool iterable_object(star_value value)
{
    return is_kind(value, K_OBJECT) && AS(object, value)->type->next;
}

bool sl_iterable(star_value value)
{
    if (!is_pointer(value) || star_is_null(value))
        return false;
    switch (head_of(value)->kind) {
    case K_LIST:
    case K_TUPLE:
    case K_DICT:
    case K_SET:
    case K_RANGE:
        return true;
    default:
        return iterable_object(value);
    }
}

static bool lockable(const struct head *head)
{
    return (head->kind == K_LIST || head->kind == K_DICT || head->kind == K_SET) &&
           !(head->flags & F_FROZEN);
}

bool star_iter_begin(struct star_vm *vm, star_value iterable, struct star_iter *ret_iter)
{
    *ret_iter = (struct star_iter){.vm = vm, .over = iterable};
    if (!sl_iterable(iterable)) {
        star_fail(vm, "%s value is not iterable", star_type_name(iterable));
        return false;
    }
    ret_iter->locked = lockable(head_of(iterable));
    if (ret_iter->locked)
        head_of(iterable)->aux++;
    return true;
}

static bool next_entry(struct star_iter *iter, star_value *ret_item)
{
    uint32_t at = (uint32_t)iter->cursor;
    struct entry *entry = sl_table_next(&AS(dict, iter->over)->table, &at);
    if (!entry)
        return false;
    iter->cursor = at;
    *ret_item = entry->key;
    return true;
}

static bool next_object(struct star_iter *iter, star_value *ret_item)
{
    struct star_cursor cursor = {.n = iter->cursor, .state = iter->state};
    bool more = AS(object, iter->over)->type->next(iter->vm, iter->over, &cursor, ret_item);
    iter->cursor = cursor.n;
    iter->state = cursor.state;
    return more && !iter->vm->error;
}

bool star_iter_next(struct star_iter *iter, star_value *ret_item)
{
    const star_value *items;
    size_t count;
    if (sl_seq(iter->over, &items, &count)) {
        if (iter->cursor >= count)
            return false;
        *ret_item = items[iter->cursor++];
        return true;
    }
    switch (head_of(iter->over)->kind) {
    case K_DICT:
    case K_SET:
        return next_entry(iter, ret_item);
    case K_RANGE: {
        struct range *range = AS(range, iter->over);
        if (iter->cursor >= (uint64_t)range->count)
            return false;
        *ret_item = star_int(iter->vm, sl_range_at(range, (int64_t)iter->cursor++));
        return !star_is_null(*ret_item);
    }
    default:
        return next_object(iter, ret_item);
    }
}

bool star_iter_end(struct star_iter *iter)
{
    if (iter->locked)
        head_of(iter->over)->aux--;
    iter->locked = false;
    return !iter->vm->error;
}
