/* x[i], x[i] = v, x[a:b:c]. */
#include "starlark/int.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/table.h"

#include <inttypes.h>

/* The elements of what is indexed by numbers; -1 for others. */
static int64_t indexable_len(star_value x)
{
    if (!is_pointer(x))
        return -1;
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        return as_str(x)->size;
    case K_LIST:
        return AS(list, x)->count;
    case K_TUPLE:
        return head_of(x)->aux;
    case K_RANGE:
        return AS(range, x)->count;
    case K_OBJECT: {
        const struct star_type *type = AS(object, x)->type;
        return type->len && type->index ? type->len(x) : -1;
    }
    default:
        return -1;
    }
}

static star_value element(struct star_vm *vm, star_value x, int64_t i)
{
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        return sl_str_part(vm, as_str(x), (size_t)i, (size_t)i + 1);
    case K_LIST:
        return AS(list, x)->items[i];
    case K_TUPLE:
        return AS(tuple, x)->items[i];
    case K_RANGE:
        return sl_int(vm, sl_range_at(AS(range, x), i));
    default:
        return AS(object, x)->type->index(vm, x, sl_int(vm, i));
    }
}

static bool out_of_range(struct star_vm *vm, star_value x, int64_t i, int64_t len)
{
    if (len == 0)
        star_fail(vm, "index %" PRId64 " out of range: empty %s", i, star_type_name(x));
    else
        star_fail(vm, "%s index %" PRId64 " out of range [%" PRId64 ":%" PRId64 "]",
                  star_type_name(x), i, -len, len - 1);
    return false;
}

/* Checks an index and makes it count from the front. */
static bool place_of(struct star_vm *vm, star_value x, star_value y, int64_t len, int64_t *ret)
{
    int64_t i;
    if (!is_int(y)) {
        star_fail(vm, "%s index: got %s, want int", star_type_name(x), star_type_name(y));
        return false;
    }
    if (!sl_int_get(y, &i)) {
        star_fail(vm, "%s index: int out of range", star_type_name(x));
        return false;
    }
    *ret = i < 0 ? i + len : i;
    return (*ret >= 0 && *ret < len) || out_of_range(vm, x, i, len);
}

static star_value fail_key(struct star_vm *vm, star_value key, star_value dict)
{
    struct star_text text = TEXT_INIT(vm);
    sl_repr(&text, key);
    sl_text_put(&text, "", 1);
    if (!text.failed)
        star_fail(vm, "key %s not in %s", text.data, star_type_name(dict));
    sl_text_free(&text);
    return STAR_NULL;
}

star_value sl_index(struct star_vm *vm, star_value x, star_value y)
{
    if (is_kind(x, K_DICT)) {
        star_value found = sl_dict_find(vm, AS(dict, x), y);
        return star_is_null(found) && !vm->error ? fail_key(vm, y, x) : found;
    }
    int64_t len = indexable_len(x), i;
    if (len >= 0)
        return place_of(vm, x, y, len, &i) ? element(vm, x, i) : STAR_NULL;
    if (is_kind(x, K_OBJECT) && AS(object, x)->type->index)
        return AS(object, x)->type->index(vm, x, y);
    return star_fail(vm, "unhandled index operation %s[%s]", star_type_name(x), star_type_name(y));
}

bool sl_set_index(struct star_vm *vm, star_value x, star_value y, star_value value)
{
    int64_t i;
    if (is_kind(x, K_DICT))
        return sl_dict_put(vm, AS(dict, x), y, value);
    if (is_kind(x, K_OBJECT) && AS(object, x)->type->set_index)
        return AS(object, x)->type->set_index(vm, x, y, value);
    if (!is_kind(x, K_LIST)) {
        star_fail(vm, "%s value does not support item assignment", star_type_name(x));
        return false;
    }
    struct list *list = AS(list, x);
    if (!place_of(vm, x, y, list->count, &i) || !sl_list_writable(vm, list, "assign to element of"))
        return false;
    list->items[i] = value;
    return true;
}

/* -----------------------------------------------------------------------------------------------------------------
 * slicing */

bool sl_as_index(struct star_vm *vm, star_value value, const char *what, int64_t *ret)
{
    if (!is_int(value)) {
        star_fail(vm, "%s: got %s, want int", what, star_type_name(value));
        return false;
    }
    if (!sl_int_get(value, ret))
        *ret = sl_int_sign(value) < 0 ? INT64_MIN / 2 : INT64_MAX / 2;
    return true;
}

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

static bool bound(struct star_vm *vm, star_value value, const char *what, int64_t len, int64_t low,
                  int64_t high, int64_t *ret)
{
    if (is_none(value))
        return true;
    if (!sl_as_index(vm, value, what, ret))
        return false;
    *ret = clamp(*ret < 0 ? *ret + len : *ret, low, high);
    return true;
}

struct slice {
    int64_t start, step, count;
};

/* Start, step and number of elements. */
static bool slice_bounds(struct star_vm *vm, int64_t len, star_value low, star_value high,
                         star_value step, struct slice *ret)
{
    int64_t by = 1;
    if (!is_none(step) && !sl_as_index(vm, step, "invalid slice step", &by))
        return false;
    if (by == 0) {
        star_fail(vm, "zero is not a valid slice step");
        return false;
    }
    int64_t first = by > 0 ? 0 : -1, last = by > 0 ? len : len - 1;
    int64_t start = by > 0 ? 0 : len - 1, end = by > 0 ? len : -1;
    if (!bound(vm, low, "invalid start index", len, first, last, &start) ||
        !bound(vm, high, "invalid end index", len, first, last, &end))
        return false;
    int64_t span = by > 0 ? end - start : start - end;
    uint64_t stride = by > 0 ? (uint64_t)by : -(uint64_t)by;
    *ret = (struct slice){.start = start,
                          .step = by,
                          .count = span <= 0 ? 0 : (int64_t)(((uint64_t)span - 1) / stride + 1)};
    return sl_charge(vm, (uint64_t)ret->count / 8);
}

static star_value slice_text(struct star_vm *vm, struct str *x, struct slice s)
{
    if (s.step == 1)
        return sl_str_part(vm, x, (size_t)s.start, (size_t)(s.start + s.count));
    struct str *part = sl_str_room(vm, (size_t)s.count, x->head.kind);
    for (int64_t i = 0; part && i < s.count; i++)
        part->data[i] = x->data[s.start + i * s.step];
    return object_value(part);
}

static void copy_items(star_value *to, const star_value *from, struct slice s)
{
    for (int64_t i = 0; i < s.count; i++)
        to[i] = from[s.start + i * s.step];
}

static star_value slice_list(struct star_vm *vm, struct list *x, struct slice s)
{
    struct list *part = sl_list_new(vm, (size_t)s.count);
    if (!part)
        return STAR_NULL;
    copy_items(part->items, x->items, s);
    part->count = (uint32_t)s.count;
    return object_value(part);
}

static star_value slice_tuple(struct star_vm *vm, struct tuple *x, struct slice s)
{
    struct tuple *part = sl_tuple_new(vm, (size_t)s.count);
    if (part)
        copy_items(part->items, x->items, s);
    return object_value(part);
}

static star_value slice_range(struct star_vm *vm, struct range *x, struct slice s)
{
    int64_t start = sl_range_at(x, s.start), step, stop;
    if (__builtin_mul_overflow(x->step, s.step, &step))
        return star_fail(vm, "range: step out of range");
    if (__builtin_mul_overflow(step, s.count, &stop) || __builtin_add_overflow(stop, start, &stop))
        stop = step > 0 ? INT64_MAX : INT64_MIN;
    return sl_range_new(vm, start, stop, step);
}

star_value sl_slice(struct star_vm *vm, star_value x, star_value low, star_value high,
                    star_value step)
{
    struct slice s;
    int64_t len = is_kind(x, K_OBJECT) ? -1 : indexable_len(x);
    if (len < 0)
        return star_fail(vm, "invalid slice operand %s", star_type_name(x));
    if (!slice_bounds(vm, len, low, high, step, &s))
        return STAR_NULL;
    switch (head_of(x)->kind) {
    case K_STRING:
    case K_BYTES:
        return slice_text(vm, as_str(x), s);
    case K_LIST:
        return slice_list(vm, AS(list, x), s);
    case K_TUPLE:
        return slice_tuple(vm, AS(tuple, x), s);
    default:
        return slice_range(vm, AS(range, x), s);
    }
}
