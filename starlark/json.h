/* The parts of module json. Failures have no "json.encode: " in front; whoever calls adds it. */
#ifndef STARLARK_JSON_H
#define STARLARK_JSON_H

#include "starlark/str.h"

/* Appends the encoding; false with an error pending. */
bool sl_json_encode(struct star_text *text, star_value value);
star_value sl_json_decode(struct star_vm *vm, const char *text, size_t size);
/* Checks and lays out. */
bool sl_json_indent(struct star_text *text, const char *json, size_t size, const struct str *prefix,
                    const struct str *indent);

#endif
