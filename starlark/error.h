/* Errors: made where they happen, with the stack of calls as it is then. */
#ifndef STARLARK_ERROR_H
#define STARLARK_ERROR_H

#include "starlark/lexer.h"
#include "starlark/starlark.h"

/* Fails with STAR_ERROR_LIMIT: "Starlark computation cancelled: WHAT". */
star_value sl_fail_limit(struct star_vm *vm, const char *what);
/* "Starlark stack overflow". */
star_value sl_fail_overflow(struct star_vm *vm);
star_value sl_fail_cancelled(struct star_vm *vm, const char *reason);
/* Puts text before the pending error's message and makes its stack the present one. Limits and
 * cancellation stay as they are. */
void sl_error_restack(struct star_vm *vm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A static error: all of a source's diagnostics, or one without a place. NULL when there is no
 * memory. */
struct star_error *sl_error_static(const struct source *source);
struct star_error *sl_error_static_text(const char *file, const char *message);

#endif
