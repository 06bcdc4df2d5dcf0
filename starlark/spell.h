/* "Did you mean": the nearest of some names. */
#ifndef STARLARK_SPELL_H
#define STARLARK_SPELL_H

#include <stddef.h>

/* The nearest candidate, the smallest in byte order among equals, or NULL if all are too far. Cost
 * is bounded: names beyond 64 bytes and more than 10,000 candidates are not looked at. */
const char *sl_spell_nearest(const char *name, const char *const *candidates, size_t count);

#endif
