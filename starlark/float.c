/* Floats. The C library prints and reads exactly; what is done here is to find how many digits
 * suffice. */
#include "starlark/float.h"
#include "starlark/hash.h"
#include "starlark/int.h"
#include "starlark/str.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

star_value sl_float_boxed(struct star_vm *vm, double d)
{
    struct boxed_float *boxed = sl_alloc(vm, sizeof(*boxed), K_FLOAT);
    if (boxed)
        boxed->number = d;
    return object_value(boxed);
}

star_value sl_float_immortal(double d)
{
    star_value value = flo_make(d);
    if (!star_is_null(value))
        return value;
    struct boxed_float *boxed = malloc(sizeof(*boxed));
    if (!boxed)
        return STAR_NULL;
    *boxed = (struct boxed_float){.head = {.kind = K_FLOAT, .flags = F_IMMORTAL | F_FROZEN},
                                  .number = d};
    return object_value(boxed);
}

double sl_float_mod(double x, double y)
{
    double result = fmod(x, y);
    if (result != 0 && (x < 0) != (y < 0))
        result += y;
    return result;
}

int sl_float_compare(double x, double y)
{
    if (isnan(x) || isnan(y))
        return (isnan(x) != 0) - (isnan(y) != 0);
    return (x > y) - (x < y);
}

uint32_t sl_float_hash(struct star_vm *vm, double d)
{
    if (d == floor(d) && !isinf(d) && fabs(d) < 0x1p61)
        return sl_hash_int((uint64_t)(int64_t)d, vm->key);
    uint64_t bits; /* of a whole number beyond small ints too: sl_int_hash does the same */
    memcpy(&bits, &d, sizeof(bits));
    return isnan(d) ? 2 : sl_hash_int(bits, vm->key);
}

/* -----------------------------------------------------------------------------------------------------------------
 * printing */

/* One more in the last place. */
static void increment(char *digits, int count)
{
    while (count > 0 && digits[count - 1] == '9')
        digits[--count] = '0';
    if (count > 0)
        digits[count - 1]++;
}

/* The digits of d at a precision, and whether they read back as d. A power of two's neighbour below
 * is nearer than that above, so the best digits may be those that follow the nearest. */
static bool digits_at(double d, int precision, char digits[20], int *ret_point)
{
    char buffer[40], again[40];
    int exponent_of_two;
    snprintf(buffer, sizeof(buffer), "%.*e", precision, d);
    int count = 0;
    const char *p = buffer;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[count++] = *p;
    *ret_point = (int)strtol(p + 1, NULL, 10) + 1;
    if (strtod(buffer, NULL) == d || precision >= 16)
        return true;
    if (frexp(d, &exponent_of_two) != 0.5)
        return false;
    increment(digits, count);
    snprintf(again, sizeof(again), "%.*se%d", count, digits, *ret_point - count);
    return strtod(again, NULL) == d;
}

/* The shortest digits that read back as d, by trying. 15 digits name a double uniquely, so if these
 * do, no others but their trailing zeros are to be dropped; subnormal numbers have less precision
 * and are tried from one digit on. Gives their count; the value is 0.DIGITS * 10^*ret_point. */
static int shortest_digits(double d, char digits[20], int *ret_point)
{
    int precision = d < DBL_MIN ? 0 : 14;
    while (!digits_at(d, precision, digits, ret_point))
        precision++;
    int count = precision + 1;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

static void put_exponent_form(struct star_text *text, const char *digits, int count, int exponent)
{
    sl_text_put(text, digits, 1);
    if (count > 1) {
        sl_text_put_char(text, '.');
        sl_text_put(text, digits + 1, (size_t)count - 1);
    }
    star_text_printf(text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static void put_zeros(struct star_text *text, int count)
{
    for (int i = 0; i < count; i++)
        sl_text_put_char(text, '0');
}

static void put_plain_form(struct star_text *text, const char *digits, int count, int point)
{
    if (point <= 0) {
        sl_text_put(text, "0.", 2);
        put_zeros(text, -point);
        sl_text_put(text, digits, (size_t)count);
        return;
    }
    int whole = count < point ? count : point;
    sl_text_put(text, digits, (size_t)whole);
    put_zeros(text, point - whole);
    sl_text_put_char(text, '.');
    if (count > point)
        sl_text_put(text, digits + point, (size_t)(count - point));
    else
        sl_text_put_char(text, '0');
}

static bool put_special(struct star_text *text, double d)
{
    if (isinf(d))
        star_text_put_z(text, d > 0 ? "+inf" : "-inf");
    else if (isnan(d))
        star_text_put_z(text, "nan");
    return isinf(d) || isnan(d);
}

/* A whole number below a million needs no search. */
static bool put_small_whole(struct star_text *text, double d)
{
    if (d != floor(d) || d >= 1e6)
        return false;
    char digits[24];
    sl_text_put(text, digits, sl_small_format(digits, (int64_t)d));
    sl_text_put(text, ".0", 2);
    return true;
}

void sl_float_format(struct star_text *text, double d)
{
    char digits[24];
    int point;
    if (put_special(text, d))
        return;
    if (signbit(d))
        sl_text_put_char(text, '-');
    d = fabs(d);
    if (put_small_whole(text, d))
        return;
    int count = shortest_digits(d, digits, &point);
    if (point - 1 < -4 || point - 1 >= 6)
        put_exponent_form(text, digits, count, point - 1);
    else
        put_plain_form(text, digits, count, point);
}

void sl_float_format_as(struct star_text *text, double d, char conversion)
{
    if (conversion == 'g' || conversion == 'G') {
        size_t start = text->size;
        sl_float_format(text, d);
        for (size_t i = start; conversion == 'G' && i < text->size; i++)
            if (text->data[i] == 'e')
                text->data[i] = 'E';
        return;
    }
    if (put_special(text, d))
        return;
    size_t start = text->size;
    if (conversion == 'f' || conversion == 'F')
        star_text_printf(text, "%f", d);
    else if (conversion == 'e')
        star_text_printf(text, "%e", d);
    else
        star_text_printf(text, "%E", d);
    char point = *localeconv()->decimal_point;
    char *found = text->failed ? NULL : memchr(text->data + start, point, text->size - start);
    if (found)
        *found = '.';
}

double sl_strtod(char *text, char **ret_end)
{
    char point = *localeconv()->decimal_point;
    char *found = point == '.' ? NULL : strchr(text, '.');
    if (found)
        *found = point;
    double d = strtod(text, ret_end);
    if (found)
        *found = '.';
    return d;
}
