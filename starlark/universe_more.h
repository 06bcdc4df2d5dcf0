/* Universal built-ins that have files of their own, and what methods share with them. */
#ifndef STARLARK_UNIVERSE_MORE_H
#define STARLARK_UNIVERSE_MORE_H

#include "starlark/vm.h"

/* universe_convert.c */
star_value sl_universe_abs(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_bytes(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_chr(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_float(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_hash(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_int(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_ord(struct star_vm *vm, const struct star_args *args);

/* sort.c */
star_value sl_universe_minmax(struct star_vm *vm, const struct star_args *args);
star_value sl_universe_sorted(struct star_vm *vm, const struct star_args *args);

/* universe.c */
bool sl_dict_update(struct star_vm *vm, struct dict *dict, const struct star_args *args);
bool sl_set_add_all(struct star_vm *vm, struct dict *set, star_value iterable);
/* ops.c: x & y, x - y, x ^ y of sets */
star_value sl_set_filter(struct star_vm *vm, enum opcode op, star_value x, star_value y);

#endif
