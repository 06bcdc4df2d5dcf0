/* Module math: the C library's functions behind starlark-go's names. Arguments are ints or floats,
 * results floats. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/format.h"
#include "starlark/int.h"

#include <math.h>

struct row {
    const char *name;
    double (*one)(double x);           /* either of one argument */
    double (*two)(double x, double y); /* or of two */
};

/* Takes `count` numbers, positional only. */
static bool unpack_numbers(struct star_vm *vm, const struct star_args *args, size_t min, size_t max,
                           double *numbers)
{
    star_value values[2];
    const struct star_param params[2] = {ARG(VALUE, &values[0]), ARG(VALUE, &values[1])};
    if (!star_unpack_positional(vm, args, min, params, max))
        return false;
    for (size_t i = 0; i < args->count; i++) {
        bool number = is_int(values[i]) || is_float(values[i]);
        if (number && star_float_get(values[i], &numbers[i]))
            continue;
        if (number)
            star_fail(vm, "%s: for parameter %zu: int too large to convert to float",
                      sl_builtin_name(vm), i + 1);
        else
            star_fail(vm, "%s: for parameter %zu: got %s, want float or int", sl_builtin_name(vm),
                      i + 1, star_type_name(values[i]));
        return false;
    }
    return true;
}

static star_value call_row(struct star_vm *vm, const struct star_args *args)
{
    const struct row *row = args->data;
    double numbers[2] = {0};
    size_t count = row->one ? 1 : 2;
    if (!unpack_numbers(vm, args, count, count, numbers))
        return STAR_NULL;
    return sl_float(vm, row->one ? row->one(numbers[0]) : row->two(numbers[0], numbers[1]));
}

static double degrees(double x)
{
    return x * 180 / M_PI;
}

static double radians(double x)
{
    return x * M_PI / 180;
}

static const struct row rows[] = {
    {"copysign", NULL, copysign}, {"fabs", fabs, NULL},           {"mod", NULL, fmod},
    {"pow", NULL, pow},           {"remainder", NULL, remainder}, {"round", round, NULL},
    {"exp", exp, NULL},           {"sqrt", sqrt, NULL},           {"acos", acos, NULL},
    {"asin", asin, NULL},         {"atan", atan, NULL},           {"atan2", NULL, atan2},
    {"cos", cos, NULL},           {"hypot", NULL, hypot},         {"sin", sin, NULL},
    {"tan", tan, NULL},           {"degrees", degrees, NULL},     {"radians", radians, NULL},
    {"acosh", acosh, NULL},       {"asinh", asinh, NULL},         {"atanh", atanh, NULL},
    {"cosh", cosh, NULL},         {"sinh", sinh, NULL},           {"tanh", tanh, NULL},
    {"gamma", tgamma, NULL},
};

/* ceil and floor give ints of any size. */
static star_value to_int(struct star_vm *vm, const struct star_args *args,
                         double (*rounded)(double x))
{
    double number;
    if (args->count == 1 && args->named_count == 0 && is_int(args->values[0]))
        return args->values[0];
    if (!unpack_numbers(vm, args, 1, 1, &number))
        return STAR_NULL;
    star_value whole = sl_float(vm, rounded(number));
    star_value result = star_is_null(whole) ? STAR_NULL : sl_number_to_int(vm, whole);
    if (star_is_null(result))
        sl_error_restack(vm, "%s: ", sl_builtin_name(vm));
    return result;
}

static star_value math_ceil(struct star_vm *vm, const struct star_args *args)
{
    return to_int(vm, args, ceil);
}

static star_value math_floor(struct star_vm *vm, const struct star_args *args)
{
    return to_int(vm, args, floor);
}

static bool number_argument(struct star_vm *vm, star_value value, const char *name, double *ret)
{
    if ((is_int(value) || is_float(value)) && star_float_get(value, ret))
        return true;
    star_fail(vm, "log: for parameter %s: got %s, want float or int", name, star_type_name(value));
    return false;
}

static star_value math_log(struct star_vm *vm, const struct star_args *args)
{
    star_value x, base = STAR_NULL;
    double number, radix = M_E;
    if (!UNPACK(vm, args, PARAM("x", VALUE, &x), PARAM("base?", VALUE, &base)) ||
        !number_argument(vm, x, "x", &number) ||
        (!star_is_null(base) && !number_argument(vm, base, "base", &radix)))
        return STAR_NULL;
    if (radix == 1)
        return star_fail(vm, "division by zero");
    return sl_float(vm, star_is_null(base) ? log(number) : log(number) / log(radix));
}

star_value star_lib_math(struct star_vm *vm)
{
    struct star_binding members[COUNT_OF(rows) + 5];
    size_t n = 0;
    for (; n < COUNT_OF(rows); n++)
        members[n] =
            (struct star_binding){rows[n].name, star_builtin_new(vm, rows[n].name, call_row,
                                                                 (void *)(uintptr_t)&rows[n])};
    members[n++] = (struct star_binding){"ceil", star_builtin_new(vm, "ceil", math_ceil, NULL)};
    members[n++] = (struct star_binding){"floor", star_builtin_new(vm, "floor", math_floor, NULL)};
    members[n++] = (struct star_binding){"log", star_builtin_new(vm, "log", math_log, NULL)};
    members[n++] = (struct star_binding){"e", sl_float(vm, M_E)};
    members[n++] = (struct star_binding){"pi", sl_float(vm, M_PI)};
    return vm->error ? STAR_NULL : star_module_new(vm, "math", members, n);
}
