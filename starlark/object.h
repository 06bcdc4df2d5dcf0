/* Structs, modules, functions and built-ins as objects. */
#ifndef STARLARK_OBJECT_H
#define STARLARK_OBJECT_H

#include "starlark/vm.h"

/* A struct of named values; `names` need not be sorted, but must be distinct strings. Of names that
 * live as long as the program, the order is remembered. */
star_value sl_struct_new(struct star_vm *vm, star_value constructor, const star_value *names,
                         const star_value *values, size_t count);
/* x + y: the fields of both, y's where both have one; STAR_NULL without an error if the
 * constructors differ. */
star_value sl_struct_add(struct star_vm *vm, const struct structure *x, const struct structure *y);
star_value sl_struct_find(const struct structure *s, const struct str *name);
star_value sl_builtin(struct star_vm *vm, struct str *name, star_builtin_fn call, void *data,
                      star_value self);

/* iter.c */
bool sl_iterable(star_value value);

#endif
