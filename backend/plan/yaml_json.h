/*
 * YAML as JSON values: one document, whose maps have text keys. Words and numbers are read as the
 * YAML library that Kurtosis uses reads them: YAML 1.2 with 1.1's yes, no, on and off, octal 017,
 * and merge keys; but y and n are text. Dates are text. Big integers keep their digits
 * (json_big.h).
 */
#ifndef KFS_PLAN_YAML_JSON_H
#define KFS_PLAN_YAML_JSON_H

#include "backend/base/buf.h"

#include <jansson.h>

enum {
    YAML_JSON_MAX_DEPTH = 200,
    YAML_JSON_MAX_VALUES = 1000000 /* with every use of an anchor counted: no "billion laughs" */
};

/* A new reference (null for an empty text); NULL and EINVAL with line and column. A key that
 * appears twice in a map, a number that JSON has not (.inf, .nan), and a second document are
 * errors. */
json_t *yaml_json_parse(const char *text, size_t length, struct error **err);

#endif
