/* Integers of any size: small ones are immediate, others sign and magnitude in GMP's limbs. Results
 * are always in the smallest form. */
#ifndef STARLARK_INT_H
#define STARLARK_INT_H

#include "starlark/vm.h"

struct star_text;

star_value sl_int_big(struct star_vm *vm,
                      int64_t value); /* also one that does not fit an immediate */

static inline star_value sl_int(struct star_vm *vm, int64_t value)
{
    return fits_small(value) ? small_make(value) : sl_int_big(vm, value);
}

star_value sl_uint(struct star_vm *vm, uint64_t value);

/* Constants of a program, to be freed with free(). */
star_value sl_int_immortal(int64_t value);
star_value sl_int_immortal_text(const char *digits, size_t size, int base);

/* x op y for ints of any size; op is one of the arithmetic or bit opcodes. Division by zero and bad
 * shifts fail. */
star_value sl_int_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y);
star_value sl_int_negate(struct star_vm *vm, star_value x);
star_value sl_int_invert(struct star_vm *vm, star_value x);

int sl_int_sign(star_value x);
int sl_int_compare(star_value x, star_value y);
/* With a number that is not NaN: exact. */
int sl_int_compare_double(star_value x, double y);
bool sl_int_get(star_value x, int64_t *ret);
bool sl_int_get_unsigned(star_value x, uint64_t *ret);
/* Rounded to nearest even; false if too large. */
bool sl_int_double(star_value x, double *ret);
/* The integer part of a finite number. */
star_value sl_int_from_double(struct star_vm *vm, double x);
uint32_t sl_int_hash(struct star_vm *vm, star_value x);

/* Digits only, no sign, valid in `base`. */
star_value sl_int_from_digits(struct star_vm *vm, const char *digits, size_t size, int base,
                              bool negative);
/* Writes the decimal form, without NUL; gives its length, at most 20. */
size_t sl_small_format(char *to, int64_t value);
void sl_int_format(struct star_text *text, star_value value, int base, bool upper);

#endif
