/*
 * Methods of the built-in types. Every method name has a number, known already to the constants of
 * a program, and every type an array by that number: finding a method is one load.
 */
#ifndef STARLARK_METHODS_H
#define STARLARK_METHODS_H

#include "starlark/vm.h"

/* clang-format off */
/* In byte order. */
#define METHODS(X)                                                                                                  \
    X(add) X(append) X(capitalize) X(clear) X(codepoint_ords) X(codepoints) X(count) X(difference) X(discard)       \
    X(elem_ords) X(elems) X(endswith) X(extend) X(find) X(format) X(get) X(index) X(insert) X(intersection)         \
    X(isalnum) X(isalpha) X(isdigit) X(islower) X(isspace) X(issubset) X(issuperset) X(istitle) X(isupper)          \
    X(items) X(join) X(keys) X(lower) X(lstrip) X(partition) X(pop) X(popitem) X(remove) X(removeprefix)            \
    X(removesuffix) X(replace) X(rfind) X(rindex) X(rpartition) X(rsplit) X(rstrip) X(setdefault) X(split)          \
    X(splitlines) X(startswith) X(strip) X(symmetric_difference) X(title) X(union) X(update) X(upper) X(values)
/* clang-format on */

enum method {
#define X(name) M_##name,
    METHODS(X)
#undef X
    METHOD_MAX
};

/* 1 + the number of a method name, 0 for other names. */
uint16_t sl_method_id(const char *name, size_t size);
const char *sl_method_name(enum method method);

/* The methods of a value's type by number, or NULL. */
const star_builtin_fn *sl_methods_of(star_value value);

extern const star_builtin_fn sl_string_methods[METHOD_MAX];
extern const star_builtin_fn sl_bytes_methods[METHOD_MAX];
extern const star_builtin_fn sl_list_methods[METHOD_MAX];
extern const star_builtin_fn sl_dict_methods[METHOD_MAX];
extern const star_builtin_fn sl_set_methods[METHOD_MAX];

#endif
