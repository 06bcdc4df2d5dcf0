/* Integers that doubles cannot hold. */
#include "backend/plan/interpreter/exact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MIN = 16, /* of 2^53 + 1, the first integer that is rounded */
    DIGITS_MAX = 19, /* of the largest of 64 bits */
    INTEGERS_MAX = 1 << 20
};

struct exact_integer {
    double rounded;
    int64_t integer;
};

static const char digits[] = "0123456789";

static void add(struct exact *exact, const char *text)
{
    errno = 0;
    int64_t integer = strtoll(text, NULL, 10);
    if (errno != 0 || exact->count >= INTEGERS_MAX)
        return;
    /* Room doubles whenever the count is a power of two. */
    if ((exact->count & (exact->count - 1)) == 0) {
        size_t room = exact->count ? exact->count * 2 : 1;
        struct exact_integer *grown = realloc(exact->items, room * sizeof *grown);
        if (!grown)
            return;
        exact->items = grown;
    }
    exact->items[exact->count++] =
        (struct exact_integer){.rounded = (double)integer, .integer = integer};
}

static int compare(const void *a, const void *b)
{
    const struct exact_integer *left = a, *right = b;
    return (left->rounded > right->rounded) - (left->rounded < right->rounded);
}

void exact_collect(struct exact *exact, const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *at = text; at < end;) {
        size_t width = strspn(at, digits);
        bool fraction = at > text && strchr(".eE+", at[-1]);
        bool longer = at[width] && strchr(".eE", at[width]);
        if (width >= DIGITS_MIN && width <= DIGITS_MAX && !fraction && !longer)
            add(exact, at > text && at[-1] == '-' ? at - 1 : at);
        at += width > 0 ? width : strcspn(at, digits);
        at += at < end && !*at; /* a NUL */
    }
    if (exact->count > 1)
        qsort(exact->items, exact->count, sizeof *exact->items, compare);
}

void exact_done(struct exact *exact)
{
    free(exact->items);
    *exact = (struct exact){0};
}

bool exact_find(const struct exact *exact, double rounded, int64_t *ret_integer)
{
    size_t low = 0, high = exact->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (exact->items[middle].rounded < rounded)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == exact->count || exact->items[low].rounded != rounded)
        return false;
    *ret_integer = exact->items[low].integer;
    for (; low < exact->count && exact->items[low].rounded == rounded; low++)
        if (exact->items[low].integer != *ret_integer)
            return false;
    return true;
}
