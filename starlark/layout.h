/* Go's way to format and parse times: a layout is how the reference time, Mon Jan 2 15:04:05 MST
 * 2006, would look. */
#ifndef STARLARK_LAYOUT_H
#define STARLARK_LAYOUT_H

#include "starlark/str.h"
#include "starlark/zone.h"

struct moment {
    int64_t seconds; /* since 1970, UTC */
    int32_t nanoseconds;
};

/* A moment's fields in its zone. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second;
    int32_t offset;
    char abbreviation[16];
};

void sl_civil(struct moment moment, const struct zone *zone, struct civil *ret);
/* Fields beyond their range count on into the next. */
struct moment sl_moment(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                        int64_t second, int64_t nanosecond, const struct zone *zone);
void sl_layout_format(struct star_text *text, struct moment moment, const struct zone *zone,
                      const char *layout);
/* `zone` is the one to assume, and is replaced by what the text says. False with an error pending.
 */
bool sl_layout_parse(struct star_vm *vm, const char *layout, const char *text, struct zone *zone,
                     struct moment *ret);

#endif
