/* time.duration: its arithmetic, and its text as Go writes and reads it. */
#include "starlark/duration.h"
#include "starlark/args.h"
#include "starlark/float.h"
#include "starlark/int.h"

#include <math.h>
#include <stdio.h>

static const int64_t MICRO = 1000, MILLI = 1000000, SECOND = 1000000000, MINUTE = 60000000000,
                     HOUR = 3600000000000;

static const struct star_type duration_type;

struct duration {
    int64_t nanoseconds;
};

star_value sl_duration_new(struct star_vm *vm, int64_t nanoseconds)
{
    star_value value = star_object_new(vm, &duration_type);
    if (!star_is_null(value))
        ((struct duration *)star_object_body(value))->nanoseconds = nanoseconds;
    return value;
}

bool sl_duration_get(star_value value, int64_t *ret)
{
    if (star_object_type(value) != &duration_type)
        return false;
    *ret = ((struct duration *)star_object_body(value))->nanoseconds;
    return true;
}

static int64_t nanoseconds_of(star_value value)
{
    return ((struct duration *)star_object_body(value))->nanoseconds;
}

/* --------------------------------------------------------------------------------------------------------------------
 * text */

/* VALUE / UNIT with the fraction's zeros dropped. */
static void put_units(struct star_text *out, uint64_t value, uint64_t unit, const char *name)
{
    char fraction[24];
    star_text_printf(out, "%llu", (unsigned long long)(value / unit));
    uint64_t rest = value % unit;
    if (rest > 0) {
        int digits = unit == 1000 ? 3 : unit == 1000000 ? 6 : 9;
        snprintf(fraction, sizeof(fraction), ".%0*llu", digits, (unsigned long long)rest);
        size_t size = strlen(fraction);
        while (fraction[size - 1] == '0')
            size--;
        sl_text_put(out, fraction, size);
    }
    star_text_put_z(out, name);
}

static void duration_str(struct star_vm *vm, star_value self, struct star_text *out)
{
    int64_t d = nanoseconds_of(self);
    uint64_t u = d < 0 ? -(uint64_t)d : (uint64_t)d;
    (void)vm;
    if (d < 0)
        sl_text_put_char(out, '-');
    if (u == 0)
        star_text_put_z(out, "0s");
    else if (u < (uint64_t)MICRO)
        put_units(out, u, 1, "ns");
    else if (u < (uint64_t)MILLI)
        put_units(out, u, 1000, "\xc2\xb5s");
    else if (u < (uint64_t)SECOND)
        put_units(out, u, 1000000, "ms");
    else {
        if (u >= (uint64_t)HOUR)
            star_text_printf(out, "%lluh", (unsigned long long)(u / (uint64_t)HOUR));
        if (u >= (uint64_t)MINUTE)
            star_text_printf(out, "%llum", (unsigned long long)(u / (uint64_t)MINUTE % 60));
        put_units(out, u % (uint64_t)MINUTE, 1000000000, "s");
    }
}

/* The unit at p: its length, 0 if there is none. */
static size_t unit_at(const char *p, uint64_t *ret)
{
    static const struct {
        const char *name;
        uint64_t nanoseconds;
    } units[] = {{"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
                 {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000}};
    size_t size = strcspn(p, ".0123456789");
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strlen(units[i].name) == size && memcmp(p, units[i].name, size) == 0) {
            *ret = units[i].nanoseconds;
            return size;
        }
    }
    return 0;
}

/* One "1.5h" at *p. Gives NULL or what is wrong. */
static const char *take_part(const char **p, uint64_t *total)
{
    uint64_t whole = 0, unit, add;
    double fraction = 0, scale = 1;
    const char *start = *p;
    bool overflow = false;
    for (; **p >= '0' && **p <= '9'; ++*p)
        overflow |= __builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(**p - '0'), &whole);
    bool digits = *p > start;
    if (**p == '.') {
        const char *point = ++*p;
        for (; **p >= '0' && **p <= '9'; ++*p) {
            fraction = fraction * 10 + (**p - '0');
            scale *= 10;
        }
        digits |= *p > point;
    }
    if (!digits)
        return "invalid duration";
    if (**p == '\0')
        return "missing unit in duration";
    size_t size = unit_at(*p, &unit);
    if (size == 0)
        return "unknown unit";
    *p += size;
    overflow |=
        __builtin_mul_overflow(whole, unit, &add) || __builtin_add_overflow(*total, add, total);
    overflow |=
        __builtin_add_overflow(*total, (uint64_t)(fraction * ((double)unit / scale)), total);
    return overflow || *total > (uint64_t)INT64_MAX + 1 ? "invalid duration" : NULL;
}

bool sl_duration_parse(struct star_vm *vm, const struct str *text, int64_t *ret)
{
    const char *p = text->data, *wrong = NULL;
    bool negative = *p == '-';
    uint64_t total = 0;
    p += *p == '-' || *p == '+';
    if (strcmp(p, "0") == 0)
        return *ret = 0, true;
    if (*p == '\0')
        wrong = "invalid duration";
    while (!wrong && *p) {
        const char *part = p;
        wrong = take_part(&p, &total);
        if (wrong && strcmp(wrong, "unknown unit") == 0) {
            part = p;
            star_fail(vm, "time: unknown unit \"%.*s\" in duration \"%s\"",
                      (int)strcspn(part, ".0123456789"), part, text->data);
            return false;
        }
    }
    if (!wrong && !negative && total > (uint64_t)INT64_MAX)
        wrong = "invalid duration";
    if (wrong) {
        star_fail(vm, "time: %s \"%s\"", wrong, text->data);
        return false;
    }
    *ret = negative ? (int64_t)-total : (int64_t)total;
    return true;
}

/* -------------------------------------------------------------------------------------------------------------
 * arithmetic */

static star_value by_number(struct star_vm *vm, enum star_op op, int64_t d, star_value other)
{
    int64_t n;
    bool is_int = star_kind_of(other) == STAR_INT;
    if (op == STAR_MUL && is_int)
        return star_int_get(other, &n)
                   ? sl_duration_new(vm, (int64_t)((uint64_t)d * (uint64_t)n))
                   : star_fail(vm, "int value out of range (want signed 64-bit value)");
    if (op != STAR_DIV)
        return STAR_NULL;
    if (is_int) {
        if (!star_int_get(other, &n))
            return star_fail(vm, "int value out of range (want signed 64-bit value)");
        if (n == 0)
            return star_fail(vm, "time.duration division by zero");
        return sl_duration_new(vm, n == -1 ? (int64_t) - (uint64_t)d : d / n);
    }
    double f = float_get(other), quotient = (double)d / f;
    if (f == 0)
        return star_fail(vm, "time.duration division by zero");
    return sl_duration_new(vm, quotient >= 0x1p63 || isnan(quotient) ? INT64_MAX
                               : quotient < -0x1p63                  ? INT64_MIN
                                                                     : (int64_t)quotient);
}

static star_value duration_binary(struct star_vm *vm, enum star_op op, star_value self,
                                  star_value other, bool left)
{
    int64_t d = nanoseconds_of(self), e;
    if (!sl_duration_get(other, &e)) {
        bool number = star_kind_of(other) == STAR_INT || star_kind_of(other) == STAR_FLOAT;
        return number && (left || op == STAR_MUL) ? by_number(vm, op, d, other) : STAR_NULL;
    }
    if (!left)
        return STAR_NULL;
    if ((op == STAR_DIV || op == STAR_FLOORDIV) && e == 0)
        return star_fail(vm, "time.duration division by zero");
    switch (op) {
    case STAR_ADD:
        return sl_duration_new(vm, (int64_t)((uint64_t)d + (uint64_t)e));
    case STAR_SUB:
        return sl_duration_new(vm, (int64_t)((uint64_t)d - (uint64_t)e));
    case STAR_DIV:
        return sl_float(vm, (double)d / (double)e);
    case STAR_FLOORDIV:
        return sl_int(vm, e == -1 ? (int64_t) - (uint64_t)d : d / e);
    default:
        return STAR_NULL;
    }
}

static bool duration_compare(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                             bool *ret_holds)
{
    return sl_compare(vm, order, star_int(vm, nanoseconds_of(a)), star_int(vm, nanoseconds_of(b)),
                      COMPARE_DEPTH, ret_holds);
}

static bool duration_hash(struct star_vm *vm, star_value self, uint32_t *ret_hash)
{
    *ret_hash = sl_hash_int((uint64_t)nanoseconds_of(self), vm->key);
    return true;
}

static bool duration_truth(star_value self)
{
    return nanoseconds_of(self) != 0;
}

static star_value duration_attr(struct star_vm *vm, star_value self, const char *name)
{
    int64_t d = nanoseconds_of(self);
    const struct {
        const char *name;
        int64_t unit;
        bool whole;
    } units[] = {{"hours", HOUR, false},        {"minutes", MINUTE, false},
                 {"seconds", SECOND, false},    {"milliseconds", MILLI, true},
                 {"microseconds", MICRO, true}, {"nanoseconds", 1, true}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(units[i].name, name) == 0)
            return units[i].whole ? sl_int(vm, d / units[i].unit)
                                  : sl_float(vm, (double)d / (double)units[i].unit);
    return STAR_NULL;
}

static bool duration_attr_names(struct star_vm *vm, star_value self, star_value list)
{
    static const char *const names[] = {"hours",   "microseconds", "milliseconds",
                                        "minutes", "nanoseconds",  "seconds"};
    (void)self;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        star_value name = star_string_z(vm, names[i]);
        if (star_is_null(name) || !star_list_append(vm, list, name))
            return false;
    }
    return true;
}

static const struct star_type duration_type = {
    .name = "time.duration",
    .size = sizeof(struct duration),
    .str = duration_str,
    .truth = duration_truth,
    .hash = duration_hash,
    .compare = duration_compare,
    .attr = duration_attr,
    .attr_names = duration_attr_names,
    .binary = duration_binary,
};
