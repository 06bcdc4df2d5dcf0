/*
 * Runtime values: what placeholders stand for, as instructions find it out. Thread-safe.
 */
#ifndef KFS_PLAN_RUNTIME_VALUES_H
#define KFS_PLAN_RUNTIME_VALUES_H

#include "backend/base/buf.h"

#include <jansson.h>

struct runtime_values;

/* Begins with values of earlier runs, {ID: {FIELD: value}} (may be NULL); copied. */
struct runtime_values *runtime_values_new(const json_t *before, struct error **err);
void runtime_values_free(struct runtime_values *values);
CLEANUP_DEFINE(runtime_values_free, struct runtime_values *)

/* Sets a value; takes the reference. Returns whether it was another before, or none. */
bool runtime_values_set(struct runtime_values *values, const char *id, const char *field,
                        json_t *value);
/* A new reference, or NULL. */
json_t *runtime_values_get(struct runtime_values *values, const char *id, const char *field);
/* Whether there is any value under the id. */
bool runtime_values_has(struct runtime_values *values, const char *id);
/* All of them: a new object. */
json_t *runtime_values_copy(struct runtime_values *values);

/* How a value is put into a text. */
enum runtime_escape {
    RUNTIME_PLAIN, /* strings as they are, others as str() gives them */
    RUNTIME_JSON,  /* the same, escaped: the placeholder stands in a string of a JSON document */
};
/* Appends text with its placeholders replaced. EINVAL, naming it, for one that has no value. */
int runtime_values_replace(struct runtime_values *values, const char *text,
                           enum runtime_escape escape, struct buf *out, struct error **err);

/* The value that a text means: the typed value if it is exactly one placeholder, else a string. A
 * new reference. */
json_t *runtime_values_resolve(struct runtime_values *values, const char *text, struct error **err);

/* A copy of a JSON value with the placeholders of all its strings replaced, each with its typed
 * value if it is the whole string and `typed`. */
json_t *runtime_values_replace_in(struct runtime_values *values, const json_t *json, bool typed,
                                  struct error **err);

#endif
