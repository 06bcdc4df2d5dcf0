/* Floating-point numbers as text, in Go's forms. */
#ifndef KFS_PLAN_TEMPLATE_FLOAT_H
#define KFS_PLAN_TEMPLATE_FLOAT_H

#include "backend/plan/template_rune.h"

enum {
    FLOAT_SHORTEST = -1 /* a precision: as few digits as read back as the same number */
};

/*
 * Appends number as Go's strconv.FormatFloat does. form is one of e E f g G x X b; precision is
 * FLOAT_SHORTEST or the number of decimals (significant digits for g). Infinity is +Inf or -Inf,
 * no number NaN; else there is no sign but '-'.
 */
void float_put(struct buf *buf, double number, char form, int precision);

/* The same as Go's encoding/json writes a number: no exponent from 1e-6 up to 1e21. */
void float_put_json(struct buf *buf, double number);

/* Reads a Go floating-point constant or integer ("1_000", "0x1p-2", "-1.5e3"); -1 if it is none or
 * does not fit. */
int float_parse(struct text text, double *ret);

/* Reads a Go integer constant in any base ("0x1F", "-0b1", "1_000", "017"); -1 if it is none or
 * does not fit in 64 bits. *ret_unsigned tells that it only fits without a sign. */
int integer_parse(struct text text, int64_t *ret, bool *ret_unsigned);

#endif
