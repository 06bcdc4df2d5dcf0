/* sorted, max, min. Sorting is a stable merge sort; `reverse` keeps equals in their order too. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/universe_more.h"

#include <inttypes.h>

struct keyed {
    star_value key, item;
};

/* x before y. What cannot be compared counts as not before, and the last such error is raised when
 * all is done, as Go's sort package makes starlark-go do; only errors that end the run end the
 * sorting. */
static inline bool less(struct star_vm *vm, star_value x, star_value y, bool *ret)
{
    if (both_small(x, y)) {
        *ret = (int64_t)x.bits < (int64_t)y.bits;
        return true;
    }
    if (is_string(x) && is_string(y)) {
        vm->fuel -= as_str(x)->size >> 6;
        *ret = sl_str_compare(as_str(x), as_str(y)) < 0;
        return true;
    }
    struct star_error *before = star_take_error(vm);
    bool ok = sl_compare(vm, STAR_LT, x, y, COMPARE_DEPTH, ret);
    if (ok && before)
        star_raise(vm, before);
    else
        star_error_free(before);
    *ret = ok && *ret;
    return ok || vm->error->kind == STAR_ERROR_EVAL;
}

static bool insertion_sort(struct star_vm *vm, struct keyed *items, size_t count, bool reverse)
{
    for (size_t i = 1; i < count; i++) {
        struct keyed moving = items[i];
        size_t j = i;
        for (; j > 0; j--) {
            bool before;
            if (!less(vm, reverse ? items[j - 1].key : moving.key,
                      reverse ? moving.key : items[j - 1].key, &before))
                return false;
            if (!before)
                break;
            items[j] = items[j - 1];
        }
        items[j] = moving;
    }
    return true;
}

static bool merge(struct star_vm *vm, struct keyed *items, struct keyed *scratch, size_t half,
                  size_t count, bool reverse)
{
    memcpy(scratch, items, half * sizeof(*items));
    size_t i = 0, j = half, n = 0;
    while (i < half && j < count) {
        bool right;
        if (!less(vm, reverse ? scratch[i].key : items[j].key,
                  reverse ? items[j].key : scratch[i].key, &right))
            return false;
        items[n++] = right ? items[j++] : scratch[i++];
    }
    memcpy(items + n, scratch + i, (half - i) * sizeof(*items));
    return sl_charge(vm, count / 4);
}

static bool merge_sort(struct star_vm *vm, struct keyed *items, struct keyed *scratch, size_t count,
                       bool reverse)
{
    enum {
        INSERTION_MAX = 20
    };
    if (count <= INSERTION_MAX)
        return insertion_sort(vm, items, count, reverse);
    size_t half = count / 2;
    if (!merge_sort(vm, items, scratch, half, reverse) ||
        !merge_sort(vm, items + half, scratch, count - half, reverse))
        return false;
    bool apart; /* in order already */
    if (!less(vm, reverse ? items[half - 1].key : items[half].key,
              reverse ? items[half].key : items[half - 1].key, &apart))
        return false;
    return !apart || merge(vm, items, scratch, half, count, reverse);
}

static star_value call_key(struct star_vm *vm, star_value key, star_value item)
{
    struct star_args args = {.count = 1, .values = &item};
    return star_call(vm, key, &args);
}

/* The keys of `items`, kept. */
static struct list *keys_of(struct star_vm *vm, struct list *items, star_value key)
{
    struct list *keys = sl_list_new(vm, items->count);
    if (!keys)
        return NULL;
    star_keep(vm, object_value(keys));
    for (uint32_t i = 0; i < items->count; i++) {
        star_value computed = call_key(vm, key, items->items[i]);
        if (star_is_null(computed) || !sl_list_push(vm, keys, computed))
            return NULL;
    }
    return keys;
}

/* Sorts `items` by `keys`, which may be the same list. */
static bool sort_list(struct star_vm *vm, struct list *items, const struct list *keys, bool reverse)
{
    size_t count = items->count, size = (count + count / 2 + 1) * sizeof(struct keyed);
    struct keyed *pairs = sl_realloc(vm, NULL, 0, size);
    if (!pairs)
        return false;
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct keyed){keys->items[i], items->items[i]};
    bool ok = merge_sort(vm, pairs, pairs + count, count, reverse);
    for (size_t i = 0; i < count; i++)
        items->items[i] = pairs[i].item;
    sl_realloc(vm, pairs, size, 0);
    return ok && !vm->error;
}

star_value sl_universe_sorted(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable, key = STAR_NULL;
    bool reverse = false;
    struct star_iter lock;
    if (!UNPACK(vm, args, PARAM("iterable", ITERABLE, &iterable), PARAM("key?", CALLABLE, &key),
                PARAM("reverse?", BOOL, &reverse)))
        return STAR_NULL;
    struct list *items = sl_list_new(vm, 0);
    if (!items || !sl_list_extend(vm, items, iterable))
        return STAR_NULL;
    star_keep(vm, object_value(items));
    if (!star_iter_begin(vm, iterable, &lock))
        return STAR_NULL;
    struct list *keys = star_is_null(key) ? items : keys_of(vm, items, key);
    bool ok = keys && sort_list(vm, items, keys, reverse);
    return star_iter_end(&lock) && ok ? object_value(items) : STAR_NULL;
}

/* --------------------------------------------------------------------------------------------------------------
 * max and min */

struct extremum {
    enum star_order order;
    star_value key, best, best_key;
};

static bool consider(struct star_vm *vm, struct extremum *e, star_value item)
{
    star_value key = star_is_null(e->key) ? item : star_keep(vm, call_key(vm, e->key, item));
    bool better = star_is_null(e->best);
    if (star_is_null(key))
        return false;
    if (!better && !sl_compare(vm, e->order, key, e->best_key, COMPARE_DEPTH, &better)) {
        sl_error_restack(vm, "%s: ", sl_builtin_name(vm));
        return false;
    }
    if (better) {
        e->best = item;
        e->best_key = key;
    }
    return sl_charge(vm, 1);
}

static star_value extremum_of_args(struct star_vm *vm, const struct star_args *args,
                                   struct extremum *e)
{
    for (size_t i = 0; i < args->count; i++)
        if (!consider(vm, e, args->values[i]))
            return STAR_NULL;
    return e->best;
}

star_value sl_universe_minmax(struct star_vm *vm, const struct star_args *args)
{
    const char *name = sl_builtin_name(vm);
    struct extremum e = {.order = strcmp(name, "max") == 0 ? STAR_GT : STAR_LT};
    struct star_args named = *args;
    struct star_iter iter;
    star_value item;
    named.count = 0;
    if (args->count == 0)
        return star_fail(vm, "%s requires at least one positional argument", name);
    if (!UNPACK(vm, &named, PARAM("key?", CALLABLE, &e.key)))
        return STAR_NULL;
    if (args->count > 1)
        return extremum_of_args(vm, args, &e);
    if (!sl_iterable(args->values[0]))
        return star_fail(vm, "%s: %s value is not iterable", name, star_type_name(args->values[0]));
    if (!star_iter_begin(vm, args->values[0], &iter))
        return STAR_NULL;
    bool ok = true;
    while (ok && star_iter_next(&iter, &item))
        ok = consider(vm, &e, star_is_null(e.key) ? item : star_keep(vm, item));
    if (!star_iter_end(&iter))
        return STAR_NULL;
    return star_is_null(e.best) ? star_fail(vm, "%s: argument is an empty sequence", name) : e.best;
}
