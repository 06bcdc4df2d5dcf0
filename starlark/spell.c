/*
 * Levenshtein distance over names folded to lower case without underscores; a candidate counts if
 * it is nearer than half the name's length. The rule, and with it the hints that people see, is
 * starlark-go's (internal/spell).
 */
#include "starlark/spell.h"
#include "starlark/starlark.h"

#include <string.h>

enum {
    NAME_MAX_SIZE = 64,
    CANDIDATES_MAX = 10000
};

static size_t fold(const char *name, char *to)
{
    size_t size = 0;
    for (; *name && size < NAME_MAX_SIZE; name++)
        if (*name != '_')
            to[size++] = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
    return size;
}

static int min3(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

static int distance(const char *x, size_t x_size, const char *y, size_t y_size)
{
    int row[NAME_MAX_SIZE + 1];
    for (size_t i = 0; i <= y_size; i++)
        row[i] = (int)i;
    for (size_t i = 0; i < x_size; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < y_size; j++) {
            int above = row[j + 1];
            row[j + 1] = min3(row[j] + 1, above + 1, diagonal + (x[i] != y[j]));
            diagonal = above;
        }
    }
    return row[y_size];
}

const char *sl_spell_nearest(const char *name, const char *const *candidates, size_t count)
{
    char folded[NAME_MAX_SIZE], other[NAME_MAX_SIZE];
    size_t size = fold(name, folded);
    int best = ((int)size + 1) / 2; /* exclusive */
    const char *nearest = NULL;
    for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
        if (strcmp(candidates[i], name) == 0)
            continue;
        int d = distance(folded, size, other, fold(candidates[i], other));
        if (d < best || (d == best && nearest && strcmp(candidates[i], nearest) < 0)) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}

const char *star_nearest(const char *name, const char *const *candidates, size_t count)
{
    return sl_spell_nearest(name, candidates, count);
}
