/*
 * Names to variables, before anything runs: finds for each use of a name the local, captured,
 * global or outside variable that it means, and reports every static error of the file.
 */
#ifndef STARLARK_RESOLVE_H
#define STARLARK_RESOLVE_H

#include "starlark/ast.h"

struct resolution {
    struct bindings globals;
    struct symbol **predeclared; /* those that are used, by outside_index */
    size_t predeclared_count, predeclared_capacity;
};

/* `dialect` as in starlark.h, `predeclared` NULL-terminated or NULL. Errors are added to the
 * source's diagnostics. */
void sl_resolve(struct source *source, struct function_node *file, unsigned dialect,
                const char *const *predeclared, struct resolution *ret_resolution);

#endif
