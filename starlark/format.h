/* The two ways of formatting strings. */
#ifndef STARLARK_FORMAT_H
#define STARLARK_FORMAT_H

#include "starlark/vm.h"

star_value sl_format_percent(struct star_vm *vm, struct str *format, star_value arguments);
star_value sl_string_format(struct star_vm *vm, const struct star_args *args); /* the method */
/* int(x) of a number: floats are truncated. Fails for what is not finite or not a number. */
star_value sl_number_to_int(struct star_vm *vm, star_value x);

#endif
