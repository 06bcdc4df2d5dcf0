/* Binary search in the generated tables, with a short way for ASCII. */
#include "starlark/unicode.h"

#include <stddef.h>

struct unicode_range {
    uint32_t first, last;
};

/* Every step-th point from first to last maps to itself plus distance. */
struct unicode_map {
    uint32_t first, last;
    uint32_t step;
    int32_t distance;
};

#include "starlark/unicode_tables.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool range_find(const struct unicode_range *table, size_t count, uint32_t point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (point > table[middle].last)
            low = middle + 1;
        else if (point < table[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

static uint32_t map_find(const struct unicode_map *table, size_t count, uint32_t point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct unicode_map *map = &table[middle];
        if (point > map->last)
            low = middle + 1;
        else if (point < map->first)
            high = middle;
        else
            return (point - map->first) % map->step == 0 ? point + (uint32_t)map->distance : point;
    }
    return point;
}

static bool ascii_upper(uint32_t point)
{
    return point >= 'A' && point <= 'Z';
}

static bool ascii_lower(uint32_t point)
{
    return point >= 'a' && point <= 'z';
}

bool sl_is_letter(uint32_t point)
{
    return point < 0x80 ? ascii_upper(point) || ascii_lower(point)
                        : range_find(letters, COUNT(letters), point);
}

bool sl_is_digit(uint32_t point)
{
    return point < 0x80 ? point >= '0' && point <= '9' : range_find(digits, COUNT(digits), point);
}

bool sl_is_space(uint32_t point)
{
    return point < 0x80 ? point == ' ' || (point >= 9 && point <= 13)
                        : range_find(spaces, COUNT(spaces), point);
}

bool sl_is_printable(uint32_t point)
{
    return point < 0x80 ? point >= 0x20 && point < 0x7F
                        : range_find(printables, COUNT(printables), point);
}

bool sl_is_upper(uint32_t point)
{
    return point < 0x80 ? ascii_upper(point) : range_find(uppers, COUNT(uppers), point);
}

bool sl_is_lower(uint32_t point)
{
    return point < 0x80 ? ascii_lower(point) : range_find(lowers, COUNT(lowers), point);
}

bool sl_is_title(uint32_t point)
{
    return point >= 0x80 && range_find(titles, COUNT(titles), point);
}

uint32_t sl_to_upper(uint32_t point)
{
    if (point < 0x80)
        return ascii_lower(point) ? point - 32 : point;
    return map_find(to_upper, COUNT(to_upper), point);
}

uint32_t sl_to_lower(uint32_t point)
{
    if (point < 0x80)
        return ascii_upper(point) ? point + 32 : point;
    return map_find(to_lower, COUNT(to_lower), point);
}

uint32_t sl_to_title(uint32_t point)
{
    if (point < 0x80)
        return sl_to_upper(point);
    return map_find(to_title, COUNT(to_title), point);
}
