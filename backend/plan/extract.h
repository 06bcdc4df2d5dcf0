/* jq programs over an answer, by the confined child kfs-extract. */
#ifndef KFS_PLAN_EXTRACT_H
#define KFS_PLAN_EXTRACT_H

#include "backend/base/cancel.h"

#include <jansson.h>

/* Applies programs, {KEY: jq program}, to `input`, a JSON text. Gives {KEY: value}, the caller's:
 * one result is the value, several are a list. EINVAL, in words, if a program does not parse, gives
 * nothing (null counts as nothing), or never ends. interpreter: the path of kfs-interpreter, beside
 * which kfs-extract lies. */
int extract(const char *interpreter, const struct cancel *cancel, const json_t *programs,
            const char *input, size_t length, json_t **ret_values, struct error **err);

#endif
