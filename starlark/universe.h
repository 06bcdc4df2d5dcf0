/* The names that every program sees. */
#ifndef STARLARK_UNIVERSE_H
#define STARLARK_UNIVERSE_H

#include <stdbool.h>
#include <stdint.h>

struct star_vm;

/* The i-th universal name, NULL past the last. The values are at the same places of vm->universe.
 */
const char *sl_universe_name(uint32_t i);
/* Makes the values; false when there is no memory. */
bool sl_universe_fill(struct star_vm *vm);

#endif
