/*
 * Large integers of a JSON text that went through doubles. jq computes in doubles, which have 53
 * bits; ids and times in nanoseconds have up to 64. A result that is what an integer of the text
 * was rounded to is taken to be that integer, wherever it stands in the text, also in a string that
 * holds JSON. Nothing is known of one that differs from another by less than rounding.
 */
#ifndef KFS_PLAN_INTERPRETER_EXACT_H
#define KFS_PLAN_INTERPRETER_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exact {
    struct exact_integer *items; /* by what they were rounded to */
    size_t count;
};

/* Collects the integers of the text that doubles may not hold; at most so many that they cost less
 * than the text. */
void exact_collect(struct exact *exact, const char *text, size_t length);
void exact_done(struct exact *exact);

/* Whether exactly one integer of the text was rounded to `rounded`; then that one. */
bool exact_find(const struct exact *exact, double rounded, int64_t *ret_integer);

#endif
