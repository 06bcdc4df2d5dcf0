/* Methods of dicts and sets. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/methods.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/table.h"
#include "starlark/universe_more.h"

static struct dict *self_of(const struct star_args *args)
{
    return AS(dict, args->self);
}

/* Leads the pending error with the method's name. */
static star_value named_failure(struct star_vm *vm)
{
    sl_error_restack(vm, "%s: ", sl_builtin_name(vm));
    return STAR_NULL;
}

/* Of a dict, and of a set; only the set's error carries the method's name. */
static star_value dict_clear(struct star_vm *vm, const struct star_args *args)
{
    if (!star_unpack_positional(vm, args, 0, NULL, 0) ||
        !sl_dict_writable(vm, self_of(args), "clear"))
        return STAR_NULL;
    sl_table_clear(vm, &self_of(args)->table);
    return V_NONE;
}

/* -------------------------------------------------------------------------------------------------------------------
 * dicts */

static star_value dict_get(struct star_vm *vm, const struct star_args *args)
{
    star_value key, otherwise = V_NONE;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &key), ARG(VALUE, &otherwise)))
        return STAR_NULL;
    star_value found = sl_dict_find(vm, self_of(args), key);
    if (vm->error)
        return named_failure(vm);
    return star_is_null(found) ? otherwise : found;
}

static star_value dict_items(struct star_vm *vm, const struct star_args *args)
{
    struct table *table = &self_of(args)->table;
    if (!star_unpack_positional(vm, args, 0, NULL, 0))
        return STAR_NULL;
    struct list *list = sl_list_new(vm, table->count);
    uint32_t at = 0;
    for (struct entry *entry; list && (entry = sl_table_next(table, &at));) {
        struct tuple *pair = sl_tuple_new(vm, 2);
        if (!pair)
            return STAR_NULL;
        pair->items[0] = entry->key;
        pair->items[1] = entry->value;
        list->items[list->count++] = object_value(pair);
    }
    return sl_charge(vm, table->count) ? object_value(list) : STAR_NULL;
}

static star_value dict_list(struct star_vm *vm, const struct star_args *args, bool keys)
{
    struct table *table = &self_of(args)->table;
    if (!star_unpack_positional(vm, args, 0, NULL, 0))
        return STAR_NULL;
    struct list *list = sl_list_new(vm, table->count);
    uint32_t at = 0;
    for (struct entry *entry; list && (entry = sl_table_next(table, &at));)
        list->items[list->count++] = keys ? entry->key : entry->value;
    return sl_charge(vm, table->count / 4) ? object_value(list) : STAR_NULL;
}

static star_value dict_keys(struct star_vm *vm, const struct star_args *args)
{
    return dict_list(vm, args, true);
}

static star_value dict_values(struct star_vm *vm, const struct star_args *args)
{
    return dict_list(vm, args, false);
}

/* The entry of a key that is to be removed; NULL with or without an error pending. */
static struct entry *entry_to_delete(struct star_vm *vm, struct dict *dict, star_value key)
{
    uint32_t hash;
    if (!sl_hash(vm, key, DEPTH_MAX, &hash))
        return NULL;
    return sl_table_find(vm, &dict->table, key, hash);
}

/* {}.pop([], 1) is 1: a key that cannot be in a dict is not in it. */
static star_value dict_pop(struct star_vm *vm, const struct star_args *args)
{
    star_value key, otherwise = STAR_NULL;
    struct dict *dict = self_of(args);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &key), ARG(VALUE, &otherwise)))
        return STAR_NULL;
    if (!sl_dict_writable(vm, dict, "delete"))
        return named_failure(vm);
    struct entry *entry = entry_to_delete(vm, dict, key);
    if (entry) {
        star_value value = entry->value;
        sl_table_delete(&dict->table, entry);
        return value;
    }
    if (!star_is_null(otherwise)) {
        star_error_free(star_take_error(vm));
        return otherwise;
    }
    return vm->error ? named_failure(vm) : star_fail(vm, "pop: missing key");
}

static star_value dict_popitem(struct star_vm *vm, const struct star_args *args)
{
    struct dict *dict = self_of(args);
    uint32_t at = 0;
    if (!star_unpack_positional(vm, args, 0, NULL, 0))
        return STAR_NULL;
    struct entry *entry = sl_table_next(&dict->table, &at);
    if (!entry)
        return star_fail(vm, "popitem: empty dict");
    if (!sl_dict_writable(vm, dict, "delete"))
        return named_failure(vm);
    star_value pair[2] = {entry->key, entry->value};
    sl_table_delete(&dict->table, entry);
    return star_tuple_new(vm, pair, 2);
}

static star_value dict_setdefault(struct star_vm *vm, const struct star_args *args)
{
    star_value key, otherwise = V_NONE;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &key), ARG(VALUE, &otherwise)))
        return STAR_NULL;
    star_value found = sl_dict_find(vm, self_of(args), key);
    if (!star_is_null(found))
        return found;
    if (vm->error || !sl_dict_put(vm, self_of(args), key, otherwise))
        return named_failure(vm);
    return otherwise;
}

static star_value dict_update(struct star_vm *vm, const struct star_args *args)
{
    if (args->count > 1)
        return star_fail(vm, "update: got %zu arguments, want at most 1", args->count);
    return sl_dict_update(vm, self_of(args), args) ? V_NONE : STAR_NULL;
}

const star_builtin_fn sl_dict_methods[METHOD_MAX] = {
    [M_clear] = dict_clear,
    [M_get] = dict_get,
    [M_items] = dict_items,
    [M_keys] = dict_keys,
    [M_pop] = dict_pop,
    [M_popitem] = dict_popitem,
    [M_setdefault] = dict_setdefault,
    [M_update] = dict_update,
    [M_values] = dict_values,
};

/* --------------------------------------------------------------------------------------------------------------------
 * sets */

static star_value set_clear(struct star_vm *vm, const struct star_args *args)
{
    star_value cleared = dict_clear(vm, args);
    return star_is_null(cleared) ? named_failure(vm) : cleared;
}

static star_value set_add(struct star_vm *vm, const struct star_args *args)
{
    star_value item;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &item)))
        return STAR_NULL;
    star_value found = sl_dict_find(vm, self_of(args), item);
    if (!vm->error && !star_is_null(found))
        return V_NONE;
    return !vm->error && sl_dict_put(vm, self_of(args), item, V_NONE) ? V_NONE : named_failure(vm);
}

static star_value set_take(struct star_vm *vm, const struct star_args *args, bool must)
{
    star_value item;
    struct dict *set = self_of(args);
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &item)))
        return STAR_NULL;
    struct entry *entry = entry_to_delete(vm, set, item);
    if (vm->error)
        return named_failure(vm);
    if (!entry && must)
        return star_fail(vm, "remove: missing key");
    if (!entry)
        return V_NONE;
    if (!sl_dict_writable(vm, set, "delete"))
        return named_failure(vm);
    sl_table_delete(&set->table, entry);
    return V_NONE;
}

static star_value set_discard(struct star_vm *vm, const struct star_args *args)
{
    return set_take(vm, args, false);
}

static star_value set_remove(struct star_vm *vm, const struct star_args *args)
{
    return set_take(vm, args, true);
}

static star_value set_pop(struct star_vm *vm, const struct star_args *args)
{
    struct dict *set = self_of(args);
    uint32_t at = 0;
    if (!star_unpack_positional(vm, args, 0, NULL, 0))
        return STAR_NULL;
    struct entry *entry = sl_table_next(&set->table, &at);
    if (!entry)
        return star_fail(vm, "pop: empty set");
    if (!sl_dict_writable(vm, set, "delete"))
        return named_failure(vm);
    star_value item = entry->key;
    sl_table_delete(&set->table, entry);
    return item;
}

/* The argument as a set: itself, or a new one of its items. */
static struct dict *set_argument(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable)))
        return NULL;
    if (is_kind(iterable, K_SET))
        return AS(dict, iterable);
    struct dict *set = sl_dict_new(vm, K_SET);
    if (set && sl_set_add_all(vm, set, iterable))
        return set;
    named_failure(vm);
    return NULL;
}

static star_value set_filter(struct star_vm *vm, const struct star_args *args, enum opcode op)
{
    struct dict *other = set_argument(vm, args);
    return other ? sl_set_filter(vm, op, args->self, object_value(other)) : STAR_NULL;
}

static star_value set_difference(struct star_vm *vm, const struct star_args *args)
{
    return set_filter(vm, args, OP_SUB);
}

static star_value set_intersection(struct star_vm *vm, const struct star_args *args)
{
    return set_filter(vm, args, OP_AND);
}

static star_value set_symmetric_difference(struct star_vm *vm, const struct star_args *args)
{
    return set_filter(vm, args, OP_XOR);
}

static star_value set_compare(struct star_vm *vm, const struct star_args *args,
                              enum star_order order)
{
    struct dict *other = set_argument(vm, args);
    bool holds;
    if (!other || !sl_compare(vm, order, args->self, object_value(other), COMPARE_DEPTH, &holds))
        return STAR_NULL;
    return bool_make(holds);
}

static star_value set_issubset(struct star_vm *vm, const struct star_args *args)
{
    return set_compare(vm, args, STAR_LE);
}

static star_value set_issuperset(struct star_vm *vm, const struct star_args *args)
{
    return set_compare(vm, args, STAR_GE);
}

static bool add_arguments(struct star_vm *vm, const struct star_args *args, struct dict *set)
{
    if (args->named_count > 0) {
        star_fail(vm, "%s: unexpected keyword arguments", sl_builtin_name(vm));
        return false;
    }
    for (size_t i = 0; i < args->count; i++) {
        if (!sl_set_add_all(vm, set, args->values[i])) {
            named_failure(vm);
            return false;
        }
    }
    return true;
}

static star_value set_union(struct star_vm *vm, const struct star_args *args)
{
    struct dict *set = sl_dict_new(vm, K_SET);
    bool ok = set && sl_dict_copy_into(vm, set, self_of(args)) && add_arguments(vm, args, set);
    return ok ? object_value(set) : STAR_NULL;
}

static star_value set_update(struct star_vm *vm, const struct star_args *args)
{
    return add_arguments(vm, args, self_of(args)) ? V_NONE : STAR_NULL;
}

const star_builtin_fn sl_set_methods[METHOD_MAX] = {
    [M_add] = set_add,
    [M_clear] = set_clear,
    [M_difference] = set_difference,
    [M_discard] = set_discard,
    [M_intersection] = set_intersection,
    [M_issubset] = set_issubset,
    [M_issuperset] = set_issuperset,
    [M_pop] = set_pop,
    [M_remove] = set_remove,
    [M_symmetric_difference] = set_symmetric_difference,
    [M_union] = set_union,
    [M_update] = set_update,
};
