/* Short ways for built-ins with few positional parameters. */
#ifndef STARLARK_ARGS_H
#define STARLARK_ARGS_H

#include "starlark/starlark.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* star_unpack_positional over a literal table. */
#define UNPACK_POSITIONAL(vm, args, min, ...)                                       \
    star_unpack_positional(vm, args, min, (const struct star_param[]){__VA_ARGS__}, \
                           COUNT_OF(((const struct star_param[]){__VA_ARGS__})))
#define UNPACK(vm, args, ...)                                       \
    star_unpack(vm, args, (const struct star_param[]){__VA_ARGS__}, \
                COUNT_OF(((const struct star_param[]){__VA_ARGS__})))

#define PARAM(name, want, store) ((struct star_param){name, STAR_WANT_##want, store})
#define ARG(want, store)         PARAM(NULL, want, store)

#endif
