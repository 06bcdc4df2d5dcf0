/* time.duration: a count of nanoseconds. */
#ifndef STARLARK_DURATION_H
#define STARLARK_DURATION_H

#include "starlark/str.h"

star_value sl_duration_new(struct star_vm *vm, int64_t nanoseconds);
bool sl_duration_get(star_value value, int64_t *ret); /* false if it is not one */
/* "1h15m30.918s"; false with an error pending. */
bool sl_duration_parse(struct star_vm *vm, const struct str *text, int64_t *ret);

#endif
