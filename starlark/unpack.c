/* Arguments of built-ins against parameter tables, with starlark-go's messages. */
#include "starlark/error.h"
#include "starlark/int.h"
#include "starlark/object.h"
#include "starlark/spell.h"
#include "starlark/str.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    uint8_t kind; /* enum star_kind that is asked for, for those that ask for just one */
    const char *name;
} wants[] = {
    [STAR_WANT_VALUE] = {0, "value"},
    [STAR_WANT_BOOL] = {STAR_BOOL, "bool"},
    [STAR_WANT_INT] = {STAR_INT, "int"},
    [STAR_WANT_INT32] = {STAR_INT, "int"},
    [STAR_WANT_FLOAT] = {STAR_FLOAT, "float"},
    [STAR_WANT_STRING] = {STAR_STRING, "string"},
    [STAR_WANT_TEXT] = {STAR_STRING, "string"},
    [STAR_WANT_BYTES] = {STAR_BYTES, "bytes"},
    [STAR_WANT_LIST] = {STAR_LIST, "list"},
    [STAR_WANT_TUPLE] = {STAR_TUPLE, "tuple"},
    [STAR_WANT_DICT] = {STAR_DICT, "dict"},
    [STAR_WANT_SET] = {STAR_SET, "set"},
    [STAR_WANT_STRUCT] = {STAR_STRUCT, "struct"},
    [STAR_WANT_FUNCTION] = {STAR_FUNCTION, "function"},
    [STAR_WANT_CALLABLE] = {0, "callable"},
    [STAR_WANT_ITERABLE] = {0, "iterable"},
};

/* Where an argument goes: by number, or by name if `name` is set. */
struct place {
    bool by_keyword; /* starlark-go quotes the name then */
    size_t number;
    const char *name;
    size_t name_size;
};

static bool fail_argument(struct star_vm *vm, const struct place *place, const char *what)
{
    const char *function = sl_builtin_name(vm);
    if (place->name && place->by_keyword)
        star_fail(vm, "%s: for parameter \"%.*s\": %s", function, (int)place->name_size,
                  place->name, what);
    else if (place->name)
        star_fail(vm, "%s: for parameter %.*s: %s", function, (int)place->name_size, place->name,
                  what);
    else
        star_fail(vm, "%s: for parameter %zu: %s", function, place->number, what);
    return false;
}

static bool fits(star_value value, enum star_want want)
{
    switch (want) {
    case STAR_WANT_VALUE:
        return true;
    case STAR_WANT_CALLABLE:
        return star_is_callable(value);
    case STAR_WANT_ITERABLE:
        return sl_iterable(value);
    case STAR_WANT_FLOAT:
        return star_kind_of(value) == STAR_FLOAT || star_kind_of(value) == STAR_INT;
    default:
        return star_kind_of(value) == (enum star_kind)wants[want].kind;
    }
}

static bool store_int(struct star_vm *vm, star_value value, enum star_want want, void *store,
                      const struct place *place)
{
    int64_t i;
    char what[120];
    int bits = want == STAR_WANT_INT32 ? 32 : 64;
    if (sl_int_get(value, &i) && (bits == 64 || (i >= INT32_MIN && i <= INT32_MAX))) {
        if (bits == 64)
            *(int64_t *)store = i;
        else
            *(int32_t *)store = (int32_t)i;
        return true;
    }
    struct star_text text = TEXT_INIT(vm);
    sl_repr(&text, value);
    sl_text_put(&text, "", 1);
    snprintf(what, sizeof(what), "%.40s out of range (want value in signed %d-bit range)",
             text.failed ? "int" : text.data, bits);
    sl_text_free(&text);
    return fail_argument(vm, place, what);
}

static bool store_argument(struct star_vm *vm, star_value value, const struct star_param *param,
                           const struct place *place)
{
    if (!fits(value, param->want)) {
        char what[160];
        snprintf(what, sizeof(what), "got %.60s, want %s", star_type_name(value),
                 wants[param->want].name);
        return fail_argument(vm, place, what);
    }
    switch (param->want) {
    case STAR_WANT_BOOL:
        *(bool *)param->store = value.bits == TRUE_BITS;
        return true;
    case STAR_WANT_INT:
    case STAR_WANT_INT32:
        return store_int(vm, value, param->want, param->store, place);
    case STAR_WANT_FLOAT:
        return star_float_get(value, param->store) ||
               fail_argument(vm, place, "int too large to convert to float");
    case STAR_WANT_TEXT:
        *(const char **)param->store = as_str(value)->data;
        return true;
    default:
        *(star_value *)param->store = value;
        return true;
    }
}

/* ------------------------------------------------------------------------------------------------------------
 * by position */

static bool count_ok(struct star_vm *vm, size_t got, size_t min, size_t max)
{
    const char *least = min == max ? "" : "at least ", *most = min == max ? "" : "at most ";
    if (got < min)
        star_fail(vm, "%s: got %zu arguments, want %s%zu", sl_builtin_name(vm), got, least, min);
    else if (got > max)
        star_fail(vm, "%s: got %zu arguments, want %s%zu", sl_builtin_name(vm), got, most, max);
    else
        return true;
    return false;
}

bool star_unpack_positional(struct star_vm *vm, const struct star_args *args, size_t min,
                            const struct star_param *params, size_t count)
{
    if (args->named_count > 0) {
        star_fail(vm, "%s: unexpected keyword arguments", sl_builtin_name(vm));
        return false;
    }
    if (!count_ok(vm, args->count, min, count))
        return false;
    for (size_t i = 0; i < args->count; i++) {
        struct place place = {.number = i + 1};
        if (!store_argument(vm, args->values[i], &params[i], &place))
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------
 * by name */

/* A parameter's bare name and how many question marks follow it. */
static size_t name_size(const char *name, unsigned *ret_marks)
{
    size_t size = strlen(name);
    *ret_marks = 0;
    while (size > 0 && name[size - 1] == '?') {
        size--;
        ++*ret_marks;
    }
    return size;
}

static bool store_named(struct star_vm *vm, star_value value, const struct star_param *param,
                        bool by_keyword)
{
    unsigned marks;
    struct place place = {
        .by_keyword = by_keyword, .name = param->name, .name_size = name_size(param->name, &marks)};
    if (marks == 2 && is_none(value))
        return true;
    return store_argument(vm, value, param, &place);
}

static bool fail_unexpected(struct star_vm *vm, const struct str *name,
                            const struct star_param *params, size_t count)
{
    enum {
        NAMES = 64,
        NAME_SIZE = 64
    };
    char copies[NAMES][NAME_SIZE];
    const char *candidates[NAMES];
    size_t n = 0;
    for (size_t i = 0; i < count && n < NAMES; i++) {
        unsigned marks;
        size_t size = name_size(params[i].name, &marks);
        if (size >= NAME_SIZE)
            continue;
        memcpy(copies[n], params[i].name, size);
        copies[n][size] = '\0';
        candidates[n] = copies[n];
        n++;
    }
    const char *hint = sl_spell_nearest(name->data, candidates, n);
    if (hint)
        star_fail(vm, "%s: unexpected keyword argument \"%s\" (did you mean %s?)",
                  sl_builtin_name(vm), name->data, hint);
    else
        star_fail(vm, "%s: unexpected keyword argument \"%s\"", sl_builtin_name(vm), name->data);
    return false;
}

static const struct star_param *find_param(const struct str *name, const struct star_param *params,
                                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned marks;
        size_t size = name_size(params[i].name, &marks);
        if (size == name->size && memcmp(params[i].name, name->data, size) == 0)
            return &params[i];
    }
    return NULL;
}

static bool unpack_named(struct star_vm *vm, const struct star_args *args,
                         const struct star_param *params, size_t count, uint64_t *given)
{
    for (size_t i = 0; i < args->named_count; i++) {
        const struct str *name = as_str(args->names[i]);
        const struct star_param *param = find_param(name, params, count);
        if (!param)
            return fail_unexpected(vm, name, params, count);
        uint64_t bit = UINT64_C(1) << (param - params);
        if (*given & bit) {
            star_fail(vm, "%s: got multiple values for keyword argument \"%s\"",
                      sl_builtin_name(vm), name->data);
            return false;
        }
        *given |= bit;
        if (!store_named(vm, args->named_values[i], param, true))
            return false;
    }
    return true;
}

bool star_unpack(struct star_vm *vm, const struct star_args *args, const struct star_param *params,
                 size_t count)
{
    uint64_t given = 0; /* one bit a parameter */
    if (count > 64) {
        star_fail(vm, "%s: too many parameters", sl_builtin_name(vm));
        return false;
    }
    if (args->count > count) {
        star_fail(vm, "%s: got %zu arguments, want at most %zu", sl_builtin_name(vm), args->count,
                  count);
        return false;
    }
    for (size_t i = 0; i < args->count; i++) {
        given |= UINT64_C(1) << i;
        if (!store_named(vm, args->values[i], &params[i], false))
            return false;
    }
    if (!unpack_named(vm, args, params, count, &given))
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned marks;
        size_t size = name_size(params[i].name, &marks);
        if (marks > 0)
            break;
        if (!(given & UINT64_C(1) << i)) {
            star_fail(vm, "%s: missing argument for %.*s", sl_builtin_name(vm), (int)size,
                      params[i].name);
            return false;
        }
    }
    return true;
}
