/* Floats: making values of them, and their text as Go prints it. */
#ifndef STARLARK_FLOAT_H
#define STARLARK_FLOAT_H

#include "starlark/vm.h"

struct star_text;

star_value sl_float_boxed(struct star_vm *vm, double d);

static inline star_value sl_float(struct star_vm *vm, double d)
{
    star_value value = flo_make(d);
    return star_is_null(value) ? sl_float_boxed(vm, d) : value;
}

star_value sl_float_immortal(double d);

/* Python's and Starlark's: the result has the divisor's sign. */
double sl_float_mod(double x, double y);
/* Total order: NaN equals itself and is above all else. */
int sl_float_compare(double x, double y);
uint32_t sl_float_hash(struct star_vm *vm, double d);

/* The fewest digits that read back the same; an exponent below 1e-4 and from 1e6 on; always '.',
 * 'e', inf or nan. */
void sl_float_format(struct star_text *text, double d);
/* strtod, whatever the locale. The text is left as it was. */
double sl_strtod(char *text, char **ret_end);
/* %e %f %g and their capitals. */
void sl_float_format_as(struct star_text *text, double d, char conversion);

#endif
