/* Operators, subscripts and attributes: the general cases, for operands of any type. The
 * interpreter's loop has the fast ones. */
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/format.h"
#include "starlark/int.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/table.h"
#include "starlark/universe_more.h"

#include <inttypes.h>
#include <math.h>

static const char *op_text(enum opcode op)
{
    static const char *const texts[OPCODE_MAX] = {
        [OP_ADD] = "+",       [OP_SUB] = "-",  [OP_MUL] = "*",  [OP_DIV] = "/",
        [OP_FLOORDIV] = "//", [OP_MOD] = "%",  [OP_AND] = "&",  [OP_OR] = "|",
        [OP_XOR] = "^",       [OP_SHL] = "<<", [OP_SHR] = ">>", [OP_IN] = "in",
    };
    return texts[op];
}

static star_value unknown_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    return star_fail(vm, "unknown binary op: %s %s %s", star_type_name(x), op_text(op),
                     star_type_name(y));
}

bool sl_truth(star_value value)
{
    if (!is_pointer(value))
        return is_flo(value)     ? flo_get(value) != 0
               : is_small(value) ? small_get(value) != 0
                                 : value.bits == TRUE_BITS;
    switch (head_of(value)->kind) {
    case K_FLOAT:
        return float_get(value) != 0;
    case K_STRING:
    case K_BYTES:
        return as_str(value)->size > 0;
    case K_LIST:
        return AS(list, value)->count > 0;
    case K_TUPLE:
        return head_of(value)->aux > 0;
    case K_DICT:
    case K_SET:
        return AS(dict, value)->table.count > 0;
    case K_RANGE:
        return AS(range, value)->count > 0;
    case K_OBJECT:
        return !AS(object, value)->type->truth || AS(object, value)->type->truth(value);
    default:
        return true;
    }
}

/* --------------------------------------------------------------------------------------------------------
 * floating point */

static star_value float_divide(struct star_vm *vm, enum opcode op, double x, double y)
{
    if (y == 0) {
        const char *what = op == OP_DIV   ? "floating-point division"
                           : op == OP_MOD ? "floating-point modulo"
                                          : "floored division";
        return star_fail(vm, "%s by zero", what);
    }
    if (op == OP_DIV)
        return sl_float(vm, x / y);
    if (op == OP_MOD)
        return sl_float(vm, sl_float_mod(x, y));
    return sl_float(vm, floor(x / y));
}

static star_value float_binary(struct star_vm *vm, enum opcode op, double x, double y,
                               bool *ret_known)
{
    switch (op) {
    case OP_ADD:
        return sl_float(vm, x + y);
    case OP_SUB:
        return sl_float(vm, x - y);
    case OP_MUL:
        return sl_float(vm, x * y);
    case OP_DIV:
    case OP_MOD:
    case OP_FLOORDIV:
        return float_divide(vm, op, x, y);
    default:
        *ret_known = false;
        return STAR_NULL;
    }
}

static bool as_double(struct star_vm *vm, star_value value, double *ret)
{
    if (is_float(value)) {
        *ret = float_get(value);
        return true;
    }
    if (sl_int_double(value, ret))
        return true;
    star_fail(vm, "int too large to convert to float");
    return false;
}

/* Ints and floats. *ret_known: the operator applies (the result may be an error even so). */
static star_value number_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y,
                                bool *ret_known)
{
    *ret_known = true;
    bool ints = is_int(x) && is_int(y);
    if (ints && op != OP_DIV)
        return sl_int_binary(vm, op, x, y);
    double a, b;
    if (op == OP_AND || op == OP_OR || op == OP_XOR || op == OP_SHL || op == OP_SHR) {
        *ret_known = false;
        return STAR_NULL;
    }
    if (!as_double(vm, x, &a) || !as_double(vm, y, &b))
        return STAR_NULL;
    return float_binary(vm, op, a, b, ret_known);
}

/* ------------------------------------------------------------------------------------------------
 * concatenation, repetition */

static star_value str_concat(struct star_vm *vm, struct str *x, struct str *y)
{
    struct str *joined = sl_str_room(vm, (size_t)x->size + y->size, x->head.kind);
    if (!joined || !sl_charge(vm, joined->size / 64))
        return STAR_NULL;
    memcpy(joined->data, x->data, x->size);
    memcpy(joined->data + x->size, y->data, y->size);
    joined->head.flags |= x->head.flags & y->head.flags & F_ASCII;
    return object_value(joined);
}

static star_value list_concat(struct star_vm *vm, struct list *x, struct list *y)
{
    struct list *joined = sl_list_new(vm, (size_t)x->count + y->count);
    if (!joined || !sl_charge(vm, ((uint64_t)x->count + y->count) / 8))
        return STAR_NULL;
    if (x->count)
        memcpy(joined->items, x->items, x->count * sizeof(star_value));
    if (y->count)
        memcpy(joined->items + x->count, y->items, y->count * sizeof(star_value));
    joined->count = x->count + y->count;
    return object_value(joined);
}

static star_value tuple_concat(struct star_vm *vm, struct tuple *x, struct tuple *y)
{
    struct tuple *joined = sl_tuple_new(vm, (size_t)x->head.aux + y->head.aux);
    if (!joined || !sl_charge(vm, joined->head.aux / 8))
        return STAR_NULL;
    memcpy(joined->items, x->items, x->head.aux * sizeof(star_value));
    memcpy(joined->items + x->head.aux, y->items, y->head.aux * sizeof(star_value));
    return object_value(joined);
}

static star_value object_add(struct star_vm *vm, star_value x, star_value y)
{
    if (!is_pointer(x) || !is_pointer(y) || head_of(x)->kind != head_of(y)->kind)
        return STAR_NULL;
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        return str_concat(vm, as_str(x), as_str(y));
    case K_LIST:
        return list_concat(vm, AS(list, x), AS(list, y));
    case K_TUPLE:
        return tuple_concat(vm, AS(tuple, x), AS(tuple, y));
    case K_STRUCT:
        return sl_struct_add(vm, AS(structure, x), AS(structure, y));
    default:
        return STAR_NULL;
    }
}

/* The count of x * n: negative is 0; what would give 2^30 elements fails. */
static bool repeat_count(struct star_vm *vm, star_value n, size_t size, size_t *ret)
{
    int64_t count = 0;
    if (sl_int_sign(n) < 0) {
        *ret = 0;
        return true;
    }
    if (!sl_int_get(n, &count) || count > INT32_MAX) {
        struct star_text text = TEXT_INIT(vm);
        sl_repr(&text, n);
        sl_text_put(&text, "", 1);
        if (!text.failed)
            star_fail(vm, "repeat count %s too large", text.data);
        sl_text_free(&text);
        return false;
    }
    if (size > 0 && (size_t)count >= TEXT_MAX / size) {
        star_fail(vm, "excessive repeat (%zu * %" PRId64 " elements)", size, count);
        return false;
    }
    *ret = size > 0 ? (size_t)count : 0;
    return sl_charge(vm, size * *ret / 16);
}

/* Fills `count` copies by doubling what is there. */
static void repeat_bytes(char *to, const char *from, size_t size, size_t count)
{
    size_t whole = size * count, done = size;
    if (whole == 0)
        return;
    memcpy(to, from, size);
    while (done < whole) {
        size_t part = done < whole - done ? done : whole - done;
        memcpy(to + done, to, part);
        done += part;
    }
}

static star_value repeat(struct star_vm *vm, star_value x, star_value n)
{
    size_t count;
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES: {
        if (!repeat_count(vm, n, as_str(x)->size, &count))
            return STAR_NULL;
        struct str *str = sl_str_room(vm, as_str(x)->size * count, head_of(x)->kind);
        if (str)
            repeat_bytes(str->data, as_str(x)->data, as_str(x)->size, count);
        return object_value(str);
    }
    case K_LIST: {
        struct list *from = AS(list, x);
        if (!repeat_count(vm, n, from->count, &count))
            return STAR_NULL;
        struct list *list = sl_list_new(vm, from->count * count);
        if (!list)
            return STAR_NULL;
        repeat_bytes((char *)list->items, (char *)from->items, from->count * sizeof(star_value),
                     count);
        list->count = (uint32_t)(from->count * count);
        return object_value(list);
    }
    default: {
        struct tuple *from = AS(tuple, x);
        if (!repeat_count(vm, n, from->head.aux, &count))
            return STAR_NULL;
        struct tuple *tuple = sl_tuple_new(vm, from->head.aux * count);
        if (tuple)
            repeat_bytes((char *)tuple->items, (char *)from->items,
                         from->head.aux * sizeof(star_value), count);
        return object_value(tuple);
    }
    }
}

static bool repeatable(star_value x)
{
    return is_string(x) || is_kind(x, K_BYTES) || is_kind(x, K_LIST) || is_kind(x, K_TUPLE);
}

static star_value object_mul(struct star_vm *vm, star_value x, star_value y)
{
    if (repeatable(x) && is_int(y))
        return repeat(vm, x, y);
    if (is_int(x) && repeatable(y))
        return repeat(vm, y, x);
    return STAR_NULL;
}

/* --------------------------------------------------------------------------------------------------------------------
 * sets */

static star_value dict_union(struct star_vm *vm, star_value x, star_value y)
{
    struct dict *result = sl_dict_new(vm, head_of(x)->kind);
    bool ok =
        result &&
        sl_table_reserve(vm, &result->table, AS(dict, x)->table.count + AS(dict, y)->table.count) &&
        sl_dict_copy_into(vm, result, AS(dict, x)) && sl_dict_copy_into(vm, result, AS(dict, y));
    return ok ? object_value(result) : STAR_NULL;
}

/* Adds to `result` the items of `from` that are (or are not) in `other`. */
static bool add_filtered(struct star_vm *vm, struct dict *result, star_value from, star_value other,
                         bool in)
{
    uint32_t at = 0;
    for (struct entry *entry; (entry = sl_table_next(&AS(dict, from)->table, &at));) {
        bool found = sl_table_find(vm, &AS(dict, other)->table, entry->key, entry->hash) != NULL;
        if (vm->error || (found == in &&
                          !sl_table_set(vm, &result->table, entry->key, entry->hash, V_NONE, NULL)))
            return false;
    }
    return sl_charge(vm, AS(dict, from)->table.count);
}

star_value sl_set_filter(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    struct dict *result = sl_dict_new(vm, K_SET);
    bool ok = result && add_filtered(vm, result, x, y, op == OP_AND);
    if (ok && op == OP_XOR)
        ok = add_filtered(vm, result, y, x, false);
    return ok ? object_value(result) : STAR_NULL;
}

static star_value set_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    bool sets = is_kind(x, K_SET) && is_kind(y, K_SET);
    if (op == OP_OR && (sets || (is_kind(x, K_DICT) && is_kind(y, K_DICT))))
        return dict_union(vm, x, y);
    if (sets && (op == OP_AND || op == OP_XOR || op == OP_SUB))
        return sl_set_filter(vm, op, x, y);
    return STAR_NULL;
}

/* ------------------------------------------------------------------------------------------------------------------
 * binary */

static enum star_op public_op(enum opcode op)
{
    return op == OP_IN ? STAR_IN : (enum star_op)(STAR_ADD + (op - OP_ADD));
}

/* Host types: the left operand's first. */
static star_value host_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    star_value result = STAR_NULL;
    if (is_kind(x, K_OBJECT) && AS(object, x)->type->binary)
        result = AS(object, x)->type->binary(vm, public_op(op), x, y, true);
    if (star_is_null(result) && !vm->error && is_kind(y, K_OBJECT) && AS(object, y)->type->binary)
        result = AS(object, y)->type->binary(vm, public_op(op), y, x, false);
    return result;
}

star_value sl_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    bool known = false;
    star_value result = STAR_NULL;
    if ((is_int(x) || is_float(x)) && (is_int(y) || is_float(y))) {
        result = number_binary(vm, op, x, y, &known);
        if (known)
            return result;
    }
    if (op == OP_ADD)
        result = object_add(vm, x, y);
    else if (op == OP_MUL)
        result = object_mul(vm, x, y);
    else if (op == OP_MOD && is_string(x))
        result = sl_format_percent(vm, as_str(x), y);
    else
        result = set_binary(vm, op, x, y);
    if (star_is_null(result) && !vm->error)
        result = host_binary(vm, op, x, y);
    return star_is_null(result) && !vm->error ? unknown_binary(vm, op, x, y) : result;
}

star_value sl_unary(struct star_vm *vm, enum opcode op, star_value x)
{
    if (is_int(x))
        return op == OP_NEG ? sl_int_negate(vm, x) : op == OP_POS ? x : sl_int_invert(vm, x);
    if (is_float(x) && op != OP_INVERT)
        return op == OP_NEG ? sl_float(vm, -float_get(x)) : x;
    const char *text = op == OP_NEG ? "-" : op == OP_POS ? "+" : "~";
    return star_fail(vm, "unknown unary op: %s %s", text, star_type_name(x));
}

/* x += y and x |= y: lists grow by any iterable and dicts by dicts, in place; all else is the plain
 * operator. */
star_value sl_inplace(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    if (op == OP_IADD && is_kind(x, K_LIST) && sl_iterable(y)) {
        if (!sl_list_writable(vm, AS(list, x), "apply += to"))
            return STAR_NULL;
        return sl_list_extend(vm, AS(list, x), y) ? x : STAR_NULL;
    }
    if (op == OP_IOR && is_kind(x, K_DICT) && is_kind(y, K_DICT)) {
        if (!sl_dict_writable(vm, AS(dict, x), "insert"))
            return STAR_NULL;
        return same(x, y) || sl_dict_copy_into(vm, AS(dict, x), AS(dict, y)) ? x : STAR_NULL;
    }
    return sl_binary(vm, op == OP_IADD ? OP_ADD : OP_OR, x, y);
}

/* ------------------------------------------------------------------------------------------------------------------
 * x in y */

static bool in_items(struct star_vm *vm, star_value x, const star_value *items, size_t count,
                     bool *ret)
{
    *ret = false;
    for (size_t i = 0; i < count && !*ret; i++)
        if (!sl_equal(vm, items[i], x, COMPARE_DEPTH, ret))
            return false;
    return sl_charge(vm, count / 8);
}

/* An unhashable value is in no dict and no set. */
static bool in_table(struct star_vm *vm, star_value x, struct dict *dict, bool *ret)
{
    *ret = !star_is_null(sl_dict_find(vm, dict, x));
    if (vm->error && strncmp(vm->error->message, "unhashable", 10) == 0)
        star_error_free(star_take_error(vm));
    return !vm->error;
}

static bool in_text(struct star_vm *vm, star_value x, star_value y, bool *ret)
{
    const struct str *whole = as_str(y);
    int64_t byte;
    if (is_kind(x, head_of(y)->kind)) {
        *ret = memmem(whole->data, whole->size, as_str(x)->data, as_str(x)->size) != NULL;
        return sl_charge(vm, whole->size / 64);
    }
    if (is_string(y)) {
        star_fail(vm, "'in <string>' requires string as left operand, not %s", star_type_name(x));
        return false;
    }
    if (!is_int(x)) {
        star_fail(vm, "'in bytes' requires bytes or int as left operand, not %s",
                  star_type_name(x));
        return false;
    }
    if (!sl_int_get(x, &byte) || byte < 0 || byte > 255) {
        star_fail(vm, "int in bytes: out of range");
        return false;
    }
    *ret = memchr(whole->data, (int)byte, whole->size) != NULL;
    return true;
}

static bool in_range(struct star_vm *vm, star_value x, const struct range *range, bool *ret)
{
    int64_t i;
    *ret = false;
    if (is_float(x)) {
        if (isnan(float_get(x)) || fabs(float_get(x)) >= 0x1p62)
            return true;
        i = (int64_t)float_get(x);
    } else if (!is_int(x)) {
        star_fail(vm, "'in <range>' requires integer as left operand, not %s", star_type_name(x));
        return false;
    } else if (!sl_int_get(x, &i)) {
        return true;
    }
    int64_t last = sl_range_at(range, range->count - 1);
    bool up = range->step > 0;
    int64_t low = up ? range->start : last, high = up ? last : range->start;
    if (range->count == 0 || i < low || i > high)
        return true;
    /* Both differences are positive, but may need all 64 bits. */
    uint64_t distance =
        up ? (uint64_t)i - (uint64_t)range->start : (uint64_t)range->start - (uint64_t)i;
    *ret = distance % (up ? (uint64_t)range->step : -(uint64_t)range->step) == 0;
    return true;
}

bool sl_in(struct star_vm *vm, star_value x, star_value y, bool *ret_in)
{
    const star_value *items;
    size_t count;
    if (sl_seq(y, &items, &count))
        return in_items(vm, x, items, count, ret_in);
    if (is_kind(y, K_DICT) || is_kind(y, K_SET))
        return in_table(vm, x, AS(dict, y), ret_in);
    if (is_string(y) || is_kind(y, K_BYTES))
        return in_text(vm, x, y, ret_in);
    if (is_kind(y, K_RANGE))
        return in_range(vm, x, AS(range, y), ret_in);
    star_value found = host_binary(vm, OP_IN, x, y);
    if (star_is_null(found) && !vm->error)
        unknown_binary(vm, OP_IN, x, y);
    *ret_in = !star_is_null(found) && sl_truth(found);
    return !vm->error;
}
