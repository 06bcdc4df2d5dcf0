/* Equality, order and hashing of all types. Numbers compare exactly whatever their types; NaN has a
 * place. */
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/table.h"

#include <math.h>

const char *sl_order_text(enum star_order order)
{
    static const char *const texts[] = {"<", "<=", "==", "!=", ">=", ">"};
    return texts[order];
}

static bool order_holds(enum star_order order, int comparison)
{
    switch (order) {
    case STAR_LT:
        return comparison < 0;
    case STAR_LE:
        return comparison <= 0;
    case STAR_EQ:
        return comparison == 0;
    case STAR_NE:
        return comparison != 0;
    case STAR_GE:
        return comparison >= 0;
    default:
        return comparison > 0;
    }
}

static bool deeper(struct star_vm *vm, int depth)
{
    if (depth >= 1)
        return sl_charge(vm, 1);
    star_fail(vm, "comparison exceeded maximum recursion depth");
    return false;
}

static bool is_number(star_value value)
{
    return is_int(value) || is_float(value);
}

static int number_compare(star_value x, star_value y)
{
    if (is_int(x) && is_int(y))
        return sl_int_compare(x, y);
    if (is_float(x) && is_float(y))
        return sl_float_compare(float_get(x), float_get(y));
    if (is_float(x))
        return isnan(float_get(x)) ? 1 : -sl_int_compare_double(y, float_get(x));
    return isnan(float_get(y)) ? -1 : sl_int_compare_double(x, float_get(y));
}

/* ---------------------------------------------------------------------------------------------------------------
 * equality */

static bool items_equal(struct star_vm *vm, const star_value *x, const star_value *y, size_t count,
                        int depth, bool *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (!sl_equal(vm, x[i], y[i], depth, ret))
            return false;
        if (!*ret)
            return true;
    }
    *ret = true;
    return true;
}

static bool seqs_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret)
{
    const star_value *a = NULL, *b = NULL;
    size_t count = 0, other = 0;
    sl_seq(x, &a, &count);
    sl_seq(y, &b, &other);
    *ret = false;
    return count != other || items_equal(vm, a, b, count, depth - 1, ret);
}

static bool tables_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret)
{
    struct table *a = &AS(dict, x)->table, *b = &AS(dict, y)->table;
    *ret = a->count == b->count;
    uint32_t at = 0;
    for (struct entry *entry; *ret && (entry = sl_table_next(a, &at));) {
        struct entry *other = sl_table_find(vm, b, entry->key, entry->hash);
        if (!other) {
            *ret = false;
            return !vm->error;
        }
        if (!sl_equal(vm, entry->value, other->value, depth - 1, ret))
            return false;
    }
    return true;
}

static bool same_constructor(struct star_vm *vm, const struct structure *a,
                             const struct structure *b)
{
    if (same(a->constructor, b->constructor))
        return true;
    bool equal = false;
    return !star_is_null(a->constructor) && !star_is_null(b->constructor) &&
           sl_equal(vm, a->constructor, b->constructor, COMPARE_DEPTH, &equal) && equal;
}

static bool structs_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret)
{
    struct structure *a = AS(structure, x), *b = AS(structure, y);
    uint32_t count = a->shape->head.aux;
    *ret = false;
    if (count != b->shape->head.aux || !same_constructor(vm, a, b))
        return !vm->error;
    for (uint32_t i = 0; a->shape != b->shape && i < count; i++)
        if (!sl_str_same(a->shape->names[i], b->shape->names[i]))
            return true;
    return items_equal(vm, a->fields, b->fields, count, depth - 1, ret);
}

static bool ranges_equal(const struct range *a, const struct range *b)
{
    return a->count == b->count &&
           (a->count == 0 || (a->start == b->start && (a->count == 1 || a->step == b->step)));
}

/* Two heap objects of one kind. */
static bool objects_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret)
{
    *ret = false;
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        vm->fuel -= as_str(x)->size >> 6;
        *ret = sl_str_same(as_str(x), as_str(y));
        return true;
    case K_LIST:
    case K_TUPLE:
        return deeper(vm, depth) && seqs_equal(vm, x, y, depth, ret);
    case K_DICT:
    case K_SET:
        return deeper(vm, depth) && tables_equal(vm, x, y, depth, ret);
    case K_STRUCT:
        return deeper(vm, depth) && structs_equal(vm, x, y, depth, ret);
    case K_RANGE:
        *ret = ranges_equal(AS(range, x), AS(range, y));
        return true;
    case K_OBJECT:
        if (AS(object, x)->type != AS(object, y)->type || !AS(object, x)->type->compare)
            return true;
        return deeper(vm, depth) && AS(object, x)->type->compare(vm, STAR_EQ, x, y, ret);
    default:
        return true;
    }
}

bool sl_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret_equal)
{
    if (is_number(x) && is_number(y)) {
        *ret_equal = number_compare(x, y) == 0;
        return true;
    }
    bool objects = is_pointer(x) && is_pointer(y);
    if (objects && head_of(x)->kind == head_of(y)->kind && !(same(x, y) && is_string(x)))
        return same(x, y) && head_of(x)->kind > K_SET ? (*ret_equal = true, true)
                                                      : objects_equal(vm, x, y, depth, ret_equal);
    *ret_equal = same(x, y);
    return true;
}

/* -------------------------------------------------------------------------------------------------------------------
 * order */

static bool not_ordered(struct star_vm *vm, enum star_order order, star_value x, star_value y)
{
    star_fail(vm, "%s %s %s not implemented", star_type_name(x), sl_order_text(order),
              star_type_name(y));
    return false;
}

/* The first items that differ decide, else the length. */
static bool seqs_compare(struct star_vm *vm, enum star_order order, star_value x, star_value y,
                         int depth, bool *ret)
{
    const star_value *a = NULL, *b = NULL;
    size_t count = 0, other = 0;
    if (!deeper(vm, depth))
        return false;
    sl_seq(x, &a, &count);
    sl_seq(y, &b, &other);
    for (size_t i = 0; i < count && i < other; i++) {
        bool equal;
        if (!sl_equal(vm, a[i], b[i], depth - 1, &equal))
            return false;
        if (!equal)
            return sl_compare(vm, order, a[i], b[i], depth - 1, ret);
    }
    *ret = order_holds(order, (count > other) - (count < other));
    return true;
}

static bool is_subset(struct star_vm *vm, star_value x, star_value y, bool *ret)
{
    uint32_t at = 0;
    *ret = AS(dict, x)->table.count <= AS(dict, y)->table.count;
    for (struct entry *entry; *ret && (entry = sl_table_next(&AS(dict, x)->table, &at));)
        *ret = sl_table_find(vm, &AS(dict, y)->table, entry->key, entry->hash) != NULL;
    return !vm->error;
}

static bool sets_compare(struct star_vm *vm, enum star_order order, star_value x, star_value y,
                         bool *ret)
{
    bool strict = order == STAR_LT || order == STAR_GT;
    if (order == STAR_GT || order == STAR_GE) {
        star_value swapped = x;
        x = y;
        y = swapped;
    }
    if (!is_subset(vm, x, y, ret))
        return false;
    if (strict && AS(dict, x)->table.count == AS(dict, y)->table.count)
        *ret = false;
    return true;
}

static bool objects_compare(struct star_vm *vm, enum star_order order, star_value x, star_value y,
                            int depth, bool *ret)
{
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        vm->fuel -= as_str(x)->size >> 6;
        *ret = order_holds(order, sl_str_compare(as_str(x), as_str(y)));
        return true;
    case K_LIST:
    case K_TUPLE:
        return seqs_compare(vm, order, x, y, depth, ret);
    case K_SET:
        return sets_compare(vm, order, x, y, ret);
    case K_OBJECT: {
        const struct star_type *type = AS(object, x)->type;
        if (type == AS(object, y)->type && type->compare)
            return deeper(vm, depth) && type->compare(vm, order, x, y, ret);
        return not_ordered(vm, order, x, y);
    }
    default:
        return not_ordered(vm, order, x, y);
    }
}

bool sl_compare(struct star_vm *vm, enum star_order order, star_value x, star_value y, int depth,
                bool *ret_holds)
{
    if (order == STAR_EQ || order == STAR_NE) {
        if (!sl_equal(vm, x, y, depth, ret_holds))
            return false;
        *ret_holds ^= order == STAR_NE;
        return true;
    }
    if (is_number(x) && is_number(y)) {
        *ret_holds = order_holds(order, number_compare(x, y));
        return true;
    }
    if (is_bool(x) && is_bool(y)) {
        *ret_holds = order_holds(order, (x.bits == TRUE_BITS) - (y.bits == TRUE_BITS));
        return true;
    }
    if (is_pointer(x) && is_pointer(y) && head_of(x)->kind == head_of(y)->kind)
        return objects_compare(vm, order, x, y, depth, ret_holds);
    return not_ordered(vm, order, x, y);
}

/* -----------------------------------------------------------------------------------------------------------------
 * hashing */

static bool unhashable(struct star_vm *vm, star_value value)
{
    enum kind kind = head_of(value)->kind;
    star_fail(vm, kind == K_MODULE || kind == K_RANGE ? "unhashable: %s" : "unhashable type: %s",
              star_type_name(value));
    return false;
}

static bool hash_items(struct star_vm *vm, const star_value *items, size_t count, uint64_t seed,
                       int depth, uint32_t *ret)
{
    uint64_t hash = seed ^ vm->key[0];
    if (depth <= 0) {
        star_fail(vm, "value is nested too deeply to be hashed");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t item;
        if (!sl_hash(vm, items[i], depth - 1, &item))
            return false;
        hash = sl_fold(hash ^ item, vm->key[1]);
    }
    *ret = sl_hash_finish(hash);
    return sl_charge(vm, 1 + count / 4);
}

static bool hash_object(struct star_vm *vm, star_value value, int depth, uint32_t *ret)
{
    switch (head_of(value)->kind) {
    case K_FLOAT:
        *ret = sl_float_hash(vm, float_get(value));
        return true;
    case K_BIGINT:
        *ret = sl_int_hash(vm, value);
        return true;
    case K_STRING:
    case K_BYTES:
        if (head_of(value)->aux == 0)
            vm->fuel -= as_str(value)->size >> 6;
        *ret = sl_str_hash(as_str(value), vm->key);
        return true;
    case K_TUPLE:
        return hash_items(vm, AS(tuple, value)->items, head_of(value)->aux, head_of(value)->aux,
                          depth, ret);
    case K_STRUCT: {
        struct structure *s = AS(structure, value);
        return hash_items(vm, s->fields, s->shape->head.aux, s->shape->head.aux + 77, depth, ret);
    }
    case K_FUNCTION:
    case K_BUILTIN:
        *ret = sl_hash_int(value.bits, vm->key);
        return true;
    case K_OBJECT:
        if (AS(object, value)->type->hash)
            return AS(object, value)->type->hash(vm, value, ret);
        return unhashable(vm, value);
    default:
        return unhashable(vm, value);
    }
}

bool sl_hash(struct star_vm *vm, star_value value, int depth, uint32_t *ret_hash)
{
    if (is_pointer(value))
        return hash_object(vm, value, depth, ret_hash);
    if (is_flo(value))
        *ret_hash = sl_float_hash(vm, flo_get(value));
    else
        *ret_hash = sl_hash_int(is_small(value) ? (uint64_t)small_get(value) : value.bits, vm->key);
    return true;
}

/* --------------------------------------------------------------------------------------------------------------------
 * API */

bool star_equal(struct star_vm *vm, star_value a, star_value b, bool *ret_equal)
{
    return sl_equal(vm, a, b, COMPARE_DEPTH, ret_equal);
}

bool star_compare(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                  bool *ret_holds)
{
    return sl_compare(vm, order, a, b, COMPARE_DEPTH, ret_holds);
}

bool star_hash(struct star_vm *vm, star_value value, uint32_t *ret_hash)
{
    return sl_hash(vm, value, DEPTH_MAX, ret_hash);
}
