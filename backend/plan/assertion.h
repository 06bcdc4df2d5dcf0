/*
 * The comparisons of verify, wait and ready conditions: ==, !=, >=, >, <=, <, IN, NOT_IN between
 * two values of one type, with the types and the order of Starlark.
 */
#ifndef KFS_PLAN_ASSERTION_H
#define KFS_PLAN_ASSERTION_H

#include "backend/base/buf.h"

#include <jansson.h>

/* Checks the fields `assertion` and `target_value` of an object, as both halves do before anything
 * runs: a known operator; IN and NOT_IN with a list. */
void plan_check_assertion(const json_t *object, struct buf *problems);

/* 0 if it holds. EINVAL, with a text that begins with `what` ("Verification"), if it does not or
 * cannot be decided. */
int plan_assert(const char *what, const json_t *value, const char *assertion, const json_t *target,
                struct error **err);

#endif
