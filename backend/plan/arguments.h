/* The arguments of a run, as a person writes them: JSON or YAML. */
#ifndef KFS_PLAN_ARGUMENTS_H
#define KFS_PLAN_ARGUMENTS_H

#include "backend/base/buf.h"

#include <jansson.h>

/*
 * The arguments in text: a JSON or YAML map; an empty text is an empty map. A new reference, or
 * NULL and EINVAL, with what is wrong as JSON and, where it could be meant as YAML, as YAML.
 *
 * Integers stay integers of any size (json_big.h has how larger ones than 64 bits are held), what
 * has a point or an exponent is a real; 1.0 stays a real.
 */
json_t *arguments_parse(const char *text, size_t length, struct error **err);

#endif
