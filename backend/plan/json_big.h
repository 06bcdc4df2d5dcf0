/*
 * JSON with integers of any size. jansson's integers have 64 bits; scripts compute with larger ones
 * (wei amounts, 2**256). A larger one is held as an object with one member that no script and no
 * file makes by accident, { "$kfs.integer": "DIGITS" }, and these functions go between that and
 * JSON text, in which it is a plain number. A text that spells the object out reads as the number.
 */
#ifndef KFS_PLAN_JSON_BIG_H
#define KFS_PLAN_JSON_BIG_H

#include "backend/base/buf.h"

#include <jansson.h>

/* The number that digits (-?[0-9]+) spell: a JSON integer if it has 64 bits, else the object. A new
 * reference; NULL if digits is none or there is no memory. */
json_t *json_big_new(const char *digits);

/* The digits if json is such an object, else NULL. Owned by json. */
const char *json_big_digits(const json_t *json);

/* Reads JSON text of any type; integers keep all digits. A new reference, or NULL with EINVAL, line
 * and column. */
json_t *json_big_parse(const char *text, size_t length, struct error **err);

/* Appends json as text with plain numbers. flags as for json_dumps; JSON_ENCODE_ANY is understood.
 * EINVAL if it cannot be encoded. */
int json_big_put(struct buf *buf, const json_t *json, size_t flags, struct error **err);

#endif
