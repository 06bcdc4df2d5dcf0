/* The universal built-ins, but for those that convert numbers and text (universe_convert.c) and
 * those that order (sort.c). */
#include "starlark/universe.h"
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/int.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/table.h"
#include "starlark/universe_more.h"

static bool no_keywords(struct star_vm *vm, const struct star_args *args, size_t count)
{
    if (args->named_count > 0)
        star_fail(vm, "%s does not accept keyword arguments", sl_builtin_name(vm));
    else if (args->count != count)
        star_fail(vm, "%s: got %zu arguments, want %zu", sl_builtin_name(vm), args->count, count);
    else
        return true;
    return false;
}

static star_value universe_all(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable, item;
    struct star_iter iter;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable)) ||
        !star_iter_begin(vm, iterable, &iter))
        return STAR_NULL;
    bool all = true;
    while (all && star_iter_next(&iter, &item) && sl_charge(vm, 1))
        all = sl_truth(item);
    return star_iter_end(&iter) ? bool_make(all) : STAR_NULL;
}

static star_value universe_any(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable, item;
    struct star_iter iter;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable)) ||
        !star_iter_begin(vm, iterable, &iter))
        return STAR_NULL;
    bool any = false;
    while (!any && star_iter_next(&iter, &item) && sl_charge(vm, 1))
        any = sl_truth(item);
    return star_iter_end(&iter) ? bool_make(any) : STAR_NULL;
}

static star_value universe_bool(struct star_vm *vm, const struct star_args *args)
{
    star_value x = V_FALSE;
    return UNPACK_POSITIONAL(vm, args, 0, ARG(VALUE, &x)) ? bool_make(sl_truth(x)) : STAR_NULL;
}

/* ------------------------------------------------------------------------------------------------------------
 * dict and set */

static bool update_pair(struct star_vm *vm, struct dict *dict, star_value pair, size_t i)
{
    const star_value *items;
    size_t count;
    int64_t len;
    if (sl_seq(pair, &items, &count) && count == 2)
        return sl_dict_put(vm, dict, items[0], items[1]);
    if (!sl_iterable(pair)) {
        star_fail(vm, "dictionary update sequence element #%zu is not iterable (%s)", i,
                  star_type_name(pair));
        return false;
    }
    if (!star_len(pair, &len)) {
        star_fail(vm, "dictionary update sequence element #%zu has unknown length (%s)", i,
                  star_type_name(pair));
        return false;
    }
    if (len != 2) {
        star_fail(vm, "dictionary update sequence element #%zu has length %lld, want 2", i,
                  (long long)len);
        return false;
    }
    struct star_iter iter;
    star_value key = STAR_NULL, value = STAR_NULL;
    if (!star_iter_begin(vm, pair, &iter))
        return false;
    star_iter_next(&iter, &key);
    star_iter_next(&iter, &value);
    return star_iter_end(&iter) && sl_dict_put(vm, dict, key, value);
}

static bool update_pairs(struct star_vm *vm, struct dict *dict, star_value pairs)
{
    struct star_iter iter;
    star_value pair;
    size_t i = 0;
    if (!sl_iterable(pairs)) {
        star_fail(vm, "got %s, want iterable", star_type_name(pairs));
        return false;
    }
    if (!star_iter_begin(vm, pairs, &iter))
        return false;
    bool ok = true;
    while (ok && star_iter_next(&iter, &pair))
        ok = update_pair(vm, dict, pair, i++) && sl_charge(vm, 1);
    return star_iter_end(&iter) && ok;
}

/* Keyword arguments may not repeat. */
static bool update_named(struct star_vm *vm, struct dict *dict, const struct star_args *args)
{
    for (size_t i = 0; i < args->named_count; i++) {
        for (size_t j = 0; j < i && args->named_count <= 64; j++) {
            if (sl_str_same(as_str(args->names[i]), as_str(args->names[j]))) {
                star_fail(vm, "duplicate keyword arg: \"%s\"", as_str(args->names[i])->data);
                return false;
            }
        }
        if (!sl_dict_put(vm, dict, args->names[i], args->named_values[i]))
            return false;
    }
    return true;
}

bool sl_dict_update(struct star_vm *vm, struct dict *dict, const struct star_args *args)
{
    const char *name = sl_builtin_name(vm);
    bool ok = true;
    if (args->count == 1 && is_kind(args->values[0], K_DICT)) {
        struct dict *from = AS(dict, args->values[0]);
        ok = (from->table.count == 0 || sl_dict_writable(vm, dict, "insert")) &&
             (from == dict || sl_dict_copy_into(vm, dict, from));
    } else if (args->count == 1) {
        ok = update_pairs(vm, dict, args->values[0]);
    }
    ok = ok && update_named(vm, dict, args);
    if (!ok)
        sl_error_restack(vm, "%s: ", name);
    return ok;
}

static star_value universe_dict(struct star_vm *vm, const struct star_args *args)
{
    if (args->count > 1)
        return star_fail(vm, "dict: got %zu arguments, want at most 1", args->count);
    struct dict *dict = sl_dict_new(vm, K_DICT);
    return dict && sl_dict_update(vm, dict, args) ? object_value(dict) : STAR_NULL;
}

bool sl_set_add_all(struct star_vm *vm, struct dict *set, star_value iterable)
{
    struct star_iter iter;
    star_value item;
    if (!star_iter_begin(vm, iterable, &iter))
        return false;
    bool ok = true;
    while (ok && star_iter_next(&iter, &item))
        ok = sl_dict_put(vm, set, item, V_NONE) && sl_charge(vm, 1);
    return star_iter_end(&iter) && ok;
}

static star_value universe_set(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable = STAR_NULL;
    if (!UNPACK_POSITIONAL(vm, args, 0, ARG(ITERABLE, &iterable)))
        return STAR_NULL;
    struct dict *set = sl_dict_new(vm, K_SET);
    if (!set || (!star_is_null(iterable) && !sl_set_add_all(vm, set, iterable))) {
        sl_error_restack(vm, "set: ");
        return STAR_NULL;
    }
    return object_value(set);
}

/* --------------------------------------------------------------------------------------------------------------
 * attributes */

static star_value universe_dir(struct star_vm *vm, const struct star_args *args)
{
    return no_keywords(vm, args, 1) ? star_dir(vm, args->values[0]) : STAR_NULL;
}

static star_value universe_getattr(struct star_vm *vm, const struct star_args *args)
{
    star_value object, name, otherwise = STAR_NULL;
    if (!UNPACK_POSITIONAL(vm, args, 2, ARG(VALUE, &object), ARG(STRING, &name),
                           ARG(VALUE, &otherwise)))
        return STAR_NULL;
    star_value found = sl_attr_if(vm, object, as_str(name));
    if (star_is_null(found) && vm->error && !star_is_null(otherwise))
        star_error_free(star_take_error(vm));
    if (!star_is_null(found) || vm->error)
        return found;
    if (!star_is_null(otherwise))
        return otherwise;
    if (is_kind(object, K_STRUCT))
        return star_fail(vm, "getattr: struct has no .%s attribute", as_str(name)->data);
    return star_fail(vm, "getattr: %s has no .%s field or method", star_type_name(object),
                     as_str(name)->data);
}

static star_value universe_hasattr(struct star_vm *vm, const struct star_args *args)
{
    star_value object, name;
    if (!UNPACK_POSITIONAL(vm, args, 2, ARG(VALUE, &object), ARG(STRING, &name)))
        return STAR_NULL;
    bool found = !star_is_null(sl_attr_if(vm, object, as_str(name)));
    if (vm->error)
        star_error_free(star_take_error(vm));
    return bool_make(found);
}

/* ---------------------------------------------------------------------------------------------------------------
 * sequences */

static star_value universe_len(struct star_vm *vm, const struct star_args *args)
{
    int64_t len;
    if (args->count != 1 || args->named_count > 0) {
        star_value x;
        return UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x)) ? V_NONE : STAR_NULL;
    }
    if (!star_len(args->values[0], &len))
        return star_fail(vm, "len: value of type %s has no len", star_type_name(args->values[0]));
    return sl_int(vm, len);
}

/* The items of an iterable argument as a list; a new empty one if there is none. */
static struct list *list_of(struct star_vm *vm, const struct star_args *args, size_t min)
{
    star_value iterable = STAR_NULL;
    if (!UNPACK_POSITIONAL(vm, args, min, ARG(ITERABLE, &iterable)))
        return NULL;
    struct list *list = sl_list_new(vm, 0);
    return list && (star_is_null(iterable) || sl_list_extend(vm, list, iterable)) ? list : NULL;
}

static star_value universe_list(struct star_vm *vm, const struct star_args *args)
{
    return object_value(list_of(vm, args, 0));
}

static star_value universe_tuple(struct star_vm *vm, const struct star_args *args)
{
    if (args->count == 1 && is_kind(args->values[0], K_TUPLE) && args->named_count == 0)
        return args->values[0];
    struct list *list = list_of(vm, args, 0);
    return list ? star_tuple_new(vm, list->items, list->count) : STAR_NULL;
}

static star_value universe_reversed(struct star_vm *vm, const struct star_args *args)
{
    struct list *list = list_of(vm, args, 1);
    for (uint32_t i = 0; list && i < list->count / 2; i++) {
        star_value swapped = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = swapped;
    }
    return object_value(list);
}

static star_value universe_enumerate(struct star_vm *vm, const struct star_args *args)
{
    star_value iterable, item;
    int64_t number = 0;
    struct star_iter iter;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(ITERABLE, &iterable), ARG(INT, &number)))
        return STAR_NULL;
    struct list *list = sl_list_new(vm, 0);
    if (!list || !star_iter_begin(vm, iterable, &iter))
        return STAR_NULL;
    bool ok = true;
    while (ok && star_iter_next(&iter, &item)) {
        star_value pair[2] = {sl_int(vm, number++), item};
        star_value tuple = star_tuple_new(vm, pair, 2);
        ok = !star_is_null(tuple) && sl_list_push(vm, list, tuple) && sl_charge(vm, 1);
    }
    return star_iter_end(&iter) && ok ? object_value(list) : STAR_NULL;
}

static star_value universe_range(struct star_vm *vm, const struct star_args *args)
{
    int64_t start = 0, stop = 0, step = 1;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(INT, &start), ARG(INT, &stop), ARG(INT, &step)))
        return STAR_NULL;
    if (args->count == 1) {
        stop = start;
        start = 0;
    }
    if (step == 0)
        return star_fail(vm, "range: step argument must not be zero");
    return sl_range_new(vm, start, stop, step);
}

/* One row of zip: false at the end of the shortest, or with an error pending. */
static bool zip_row(struct star_vm *vm, struct star_iter *iters, size_t count, struct list *rows)
{
    struct tuple *row = sl_tuple_new(vm, count);
    if (!row)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!star_iter_next(&iters[i], &row->items[i]))
            return false;
    return sl_list_push(vm, rows, object_value(row)) && sl_charge(vm, count);
}

static star_value zip_iters(struct star_vm *vm, const struct star_args *args,
                            struct star_iter *iters)
{
    struct list *rows = sl_list_new(vm, 0);
    size_t begun = 0;
    bool ok = rows != NULL;
    for (; ok && begun < args->count; begun++) {
        if (!sl_iterable(args->values[begun])) {
            star_fail(vm, "zip: argument #%zu is not iterable: %s", begun + 1,
                      star_type_name(args->values[begun]));
            break;
        }
        ok = star_iter_begin(vm, args->values[begun], &iters[begun]);
    }
    while (!vm->error && args->count > 0 && zip_row(vm, iters, args->count, rows))
        ;
    while (begun > 0)
        star_iter_end(&iters[--begun]);
    return vm->error ? STAR_NULL : object_value(rows);
}

static star_value universe_zip(struct star_vm *vm, const struct star_args *args)
{
    if (args->named_count > 0)
        return star_fail(vm, "zip does not accept keyword arguments");
    struct star_iter *iters = sl_realloc(vm, NULL, 0, (args->count + 1) * sizeof(*iters));
    if (!iters)
        return STAR_NULL;
    star_value rows = zip_iters(vm, args, iters);
    sl_realloc(vm, iters, (args->count + 1) * sizeof(*iters), 0);
    return rows;
}

/* ------------------------------------------------------------------------------------------------------------------
 * output */

/* The positional arguments as print and fail show them. */
static star_value joined(struct star_vm *vm, const struct star_args *args, const char *lead)
{
    star_value separator = STAR_NULL;
    struct star_args named = *args;
    named.count = 0;
    if (!UNPACK(vm, &named, PARAM("sep?", STRING, &separator)))
        return STAR_NULL;
    struct star_text text = TEXT_INIT(vm);
    star_text_put_z(&text, lead);
    for (size_t i = 0; i < args->count; i++) {
        if (i > 0 && star_is_null(separator))
            sl_text_put_char(&text, ' ');
        else if (i > 0)
            sl_text_put(&text, as_str(separator)->data, as_str(separator)->size);
        sl_text_put_str(&text, args->values[i]);
    }
    return sl_text_finish(&text);
}

static star_value universe_print(struct star_vm *vm, const struct star_args *args)
{
    star_value text = joined(vm, args, "");
    if (star_is_null(text))
        return STAR_NULL;
    if (vm->config.print)
        vm->config.print(vm, vm->config.data, as_str(text)->data, as_str(text)->size);
    return V_NONE;
}

static star_value universe_fail(struct star_vm *vm, const struct star_args *args)
{
    star_value text = joined(vm, args, "fail: ");
    return star_is_null(text) ? STAR_NULL : star_fail(vm, "%s", as_str(text)->data);
}

static star_value universe_repr(struct star_vm *vm, const struct star_args *args)
{
    star_value x;
    return UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x)) ? star_repr(vm, x) : STAR_NULL;
}

static star_value universe_str(struct star_vm *vm, const struct star_args *args)
{
    if (args->named_count > 0)
        return star_fail(vm, "str does not accept keyword arguments");
    if (args->count != 1)
        return star_fail(vm, "str: got %zu arguments, want exactly 1", args->count);
    return star_str(vm, args->values[0]);
}

static star_value universe_type(struct star_vm *vm, const struct star_args *args)
{
    if (args->named_count > 0)
        return star_fail(vm, "type does not accept keyword arguments");
    if (args->count != 1)
        return star_fail(vm, "type: got %zu arguments, want exactly 1", args->count);
    return star_string_z(vm, star_type_name(args->values[0]));
}

/* ---------------------------------------------------------------------------------------------------------------
 * the table */

static const struct {
    const char *name;
    star_builtin_fn function; /* NULL: a constant */
    star_value value;
} universe[] = {
    {"None", NULL, {NONE_BITS}},          {"True", NULL, {TRUE_BITS}},
    {"False", NULL, {FALSE_BITS}},        {"abs", sl_universe_abs, {0}},
    {"all", universe_all, {0}},           {"any", universe_any, {0}},
    {"bool", universe_bool, {0}},         {"bytes", sl_universe_bytes, {0}},
    {"chr", sl_universe_chr, {0}},        {"dict", universe_dict, {0}},
    {"dir", universe_dir, {0}},           {"enumerate", universe_enumerate, {0}},
    {"fail", universe_fail, {0}},         {"float", sl_universe_float, {0}},
    {"getattr", universe_getattr, {0}},   {"hasattr", universe_hasattr, {0}},
    {"hash", sl_universe_hash, {0}},      {"int", sl_universe_int, {0}},
    {"len", universe_len, {0}},           {"list", universe_list, {0}},
    {"max", sl_universe_minmax, {0}},     {"min", sl_universe_minmax, {0}},
    {"ord", sl_universe_ord, {0}},        {"print", universe_print, {0}},
    {"range", universe_range, {0}},       {"repr", universe_repr, {0}},
    {"reversed", universe_reversed, {0}}, {"set", universe_set, {0}},
    {"sorted", sl_universe_sorted, {0}},  {"str", universe_str, {0}},
    {"tuple", universe_tuple, {0}},       {"type", universe_type, {0}},
    {"zip", universe_zip, {0}},
};

const char *sl_universe_name(uint32_t i)
{
    return i < COUNT_OF(universe) ? universe[i].name : NULL;
}

bool sl_universe_fill(struct star_vm *vm)
{
    vm->universe =
        sl_realloc(vm, NULL, 0, sizeof(universe) / sizeof(universe[0]) * sizeof(star_value));
    for (uint32_t i = 0; vm->universe && i < COUNT_OF(universe); i++) {
        star_value value = universe[i].value;
        if (universe[i].function)
            value = star_builtin_new(vm, universe[i].name, universe[i].function, NULL);
        if (star_is_null(value))
            return false;
        vm->universe[vm->universe_count++] = value;
    }
    return vm->universe != NULL;
}
