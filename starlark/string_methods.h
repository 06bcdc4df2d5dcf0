/* Methods of strings, by file; the table is in string_methods.c. */
#ifndef STARLARK_STRING_METHODS_H
#define STARLARK_STRING_METHODS_H

#include "starlark/str.h"

/* Positional-only, no parameters: true if there are none. */
bool sl_no_args(struct star_vm *vm, const struct star_args *args);

/* string_case.c */
star_value sl_string_capitalize(struct star_vm *vm, const struct star_args *args);
star_value sl_string_isalnum(struct star_vm *vm, const struct star_args *args);
star_value sl_string_isalpha(struct star_vm *vm, const struct star_args *args);
star_value sl_string_isdigit(struct star_vm *vm, const struct star_args *args);
star_value sl_string_islower(struct star_vm *vm, const struct star_args *args);
star_value sl_string_isspace(struct star_vm *vm, const struct star_args *args);
star_value sl_string_istitle(struct star_vm *vm, const struct star_args *args);
star_value sl_string_isupper(struct star_vm *vm, const struct star_args *args);
star_value sl_string_lower(struct star_vm *vm, const struct star_args *args);
star_value sl_string_title(struct star_vm *vm, const struct star_args *args);
star_value sl_string_upper(struct star_vm *vm, const struct star_args *args);

/* string_split.c */
star_value sl_string_join(struct star_vm *vm, const struct star_args *args);
star_value sl_string_rsplit(struct star_vm *vm, const struct star_args *args);
star_value sl_string_split(struct star_vm *vm, const struct star_args *args);
star_value sl_string_splitlines(struct star_vm *vm, const struct star_args *args);
star_value sl_string_strip(struct star_vm *vm, const struct star_args *args);
star_value sl_string_lstrip(struct star_vm *vm, const struct star_args *args);
star_value sl_string_rstrip(struct star_vm *vm, const struct star_args *args);

/* elems.c */
star_value sl_string_elems(struct star_vm *vm, const struct star_args *args);
star_value sl_string_elem_ords(struct star_vm *vm, const struct star_args *args);
star_value sl_string_codepoints(struct star_vm *vm, const struct star_args *args);
star_value sl_string_codepoint_ords(struct star_vm *vm, const struct star_args *args);
star_value sl_bytes_elems(struct star_vm *vm, const struct star_args *args);

#endif
