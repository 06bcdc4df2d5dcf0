/*
 * Time zones: UTC, the local one, those of the system's database, and fixed distances. Nothing of
 * the C library's own notion of a current zone is used, because that is one per process.
 */
#ifndef STARLARK_ZONE_H
#define STARLARK_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ZONE_NAME_MAX = 64
};

struct zone {
    char name[ZONE_NAME_MAX];
    char abbreviation[16]; /* of a fixed zone */
    int32_t offset;        /* of a fixed zone: seconds east */
    char *data;            /* a TZif file's version 2 part, NULL for a fixed zone */
    size_t size;
};

/* False if there is no such zone. "" and "UTC" are UTC, "Local" the system's. */
bool sl_zone_load(struct zone *zone, const char *name);
void sl_zone_fixed(struct zone *zone, const char *abbreviation, int32_t offset);
void sl_zone_free(struct zone *zone);

/* The distance from UTC in force at a time, and its abbreviation (at least 16 bytes of room). */
int32_t sl_zone_offset(const struct zone *zone, int64_t unix_seconds, char *ret_abbreviation);

/* Civil dates, of the proleptic Gregorian calendar. Days since 1970-01-01. */
int64_t sl_days_from_civil(int64_t year, int month, int day);
void sl_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
