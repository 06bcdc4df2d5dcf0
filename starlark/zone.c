/*
 * TZif files (RFC 8536): the 64-bit transitions of version 2, and behind the last of them the rule
 * in the footer, of which the form "Mm.w.d" is understood; all zones that have a rule use it.
 */
#include "starlark/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 44,
    FILE_MAX = 1 << 20,
    DAY = 86400
};

/* --------------------------------------------------------------------------------------------------------------------
 * dates */

/* Counts in eras of 400 years that begin in March, so that the leap day is a year's last. */
int64_t sl_days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void sl_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

/* -----------------------------------------------------------------------------------------------------------------
 * reading */

/* The sections of a TZif body. */
struct body {
    const unsigned char *times, *types, *ttinfos, *abbreviations;
    uint32_t time_count, type_count, char_count;
    const char *footer;
    const char *end;
};

static uint32_t big32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big64(const unsigned char *p)
{
    return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

/* The size of what follows a header, with times of `width` bytes. */
static size_t body_size(const unsigned char *header, size_t width)
{
    size_t isut = big32(header + 20), isstd = big32(header + 24), leap = big32(header + 28);
    size_t times = big32(header + 32), types = big32(header + 36), chars = big32(header + 40);
    return times * (width + 1) + types * 6 + chars + leap * (width + 4) + isstd + isut;
}

static bool body_find(const struct zone *zone, struct body *ret)
{
    const unsigned char *p = (const unsigned char *)zone->data, *end = p + zone->size;
    if (zone->size < HEADER_SIZE || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    size_t first = body_size(p, 4);
    if (first > zone->size - HEADER_SIZE || zone->size - HEADER_SIZE - first < HEADER_SIZE)
        return false;
    p += HEADER_SIZE + first;
    size_t second = body_size(p, 8);
    if (second > (size_t)(end - p) - HEADER_SIZE)
        return false;
    *ret = (struct body){
        .time_count = big32(p + 32), .type_count = big32(p + 36), .char_count = big32(p + 40)};
    ret->times = p + HEADER_SIZE;
    ret->types = ret->times + 8 * (size_t)ret->time_count;
    ret->ttinfos = ret->types + ret->time_count;
    ret->abbreviations = ret->ttinfos + 6 * (size_t)ret->type_count;
    ret->footer = (const char *)p + HEADER_SIZE + second + 1;
    ret->end = (const char *)end;
    return ret->type_count > 0;
}

/* Names that are paths inside the database and nothing else. */
static bool plausible(const char *name)
{
    if (strlen(name) >= ZONE_NAME_MAX || name[0] == '/' || strstr(name, ".."))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
           strlen(name);
}

static bool read_file(struct zone *zone, const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return false;
    zone->data = malloc(FILE_MAX + 1);
    zone->size = zone->data ? fread(zone->data, 1, FILE_MAX, file) : 0;
    fclose(file);
    struct body body;
    if (!zone->data || !body_find(zone, &body)) {
        sl_zone_free(zone);
        return false;
    }
    zone->data[zone->size] = '\0';
    char *smaller = realloc(zone->data, zone->size + 1);
    zone->data = smaller ? smaller : zone->data;
    return true;
}

void sl_zone_fixed(struct zone *zone, const char *abbreviation, int32_t offset)
{
    *zone = (struct zone){.offset = offset};
    snprintf(zone->abbreviation, sizeof(zone->abbreviation), "%s", abbreviation);
    snprintf(zone->name, sizeof(zone->name), "%s", abbreviation);
}

bool sl_zone_load(struct zone *zone, const char *name)
{
    char path[ZONE_NAME_MAX + 32];
    sl_zone_fixed(zone, "UTC", 0);
    if (name[0] == '\0' || strcmp(name, "UTC") == 0)
        return true;
    if (!plausible(name))
        return false;
    snprintf(zone->name, sizeof(zone->name), "%s", name);
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    if (strcmp(name, "Local") == 0)
        return read_file(zone, "/etc/localtime") || (sl_zone_fixed(zone, "UTC", 0), true);
    return read_file(zone, path);
}

void sl_zone_free(struct zone *zone)
{
    free(zone->data);
    zone->data = NULL;
    zone->size = 0;
}

/* -----------------------------------------------------------------------------------------------------------------
 * the rule */

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
struct rule {
    char names[2][16];
    int32_t offsets[2]; /* standard, summer: seconds east */
    struct {
        int month, week, day;
        int32_t time;
    } changes[2]; /* to summer, from it */
    bool has_summer;
};

static const char *parse_name(const char *p, char *name)
{
    size_t size = 0;
    bool angle = *p == '<';
    p += angle;
    while (*p && size < 15 && (angle ? *p != '>' : (*p | 32) >= 'a' && (*p | 32) <= 'z'))
        name[size++] = *p++;
    name[size] = '\0';
    return p + (angle && *p == '>');
}

/* [+-]hh[:mm[:ss]] */
static const char *parse_clock(const char *p, int32_t *ret)
{
    int32_t sign = *p == '-' ? -1 : 1, unit = 3600, total = 0;
    p += *p == '-' || *p == '+';
    for (; unit > 0; unit /= 60) {
        char *end;
        total += (int32_t)strtol(p, &end, 10) * unit;
        p = end;
        if (*p != ':')
            break;
        p++;
    }
    *ret = sign * total;
    return p;
}

static const char *parse_change(const char *p, struct rule *rule, int which)
{
    int used = 0;
    rule->changes[which].time = 7200;
    if (sscanf(p, ",M%d.%d.%d%n", &rule->changes[which].month, &rule->changes[which].week,
               &rule->changes[which].day, &used) != 3)
        return NULL;
    p += used;
    return *p == '/' ? parse_clock(p + 1, &rule->changes[which].time) : p;
}

static bool parse_rule(const char *text, struct rule *rule)
{
    *rule = (struct rule){0};
    const char *p = parse_name(text, rule->names[0]);
    if (p == text || !*p)
        return false;
    p = parse_clock(p, &rule->offsets[0]);
    rule->offsets[0] = -rule->offsets[0];
    if (*p == '\n' || *p == '\0')
        return true;
    p = parse_name(p, rule->names[1]);
    rule->offsets[1] = rule->offsets[0] + 3600;
    if (*p != ',') {
        p = parse_clock(p, &rule->offsets[1]);
        rule->offsets[1] = -rule->offsets[1];
    }
    p = parse_change(p, rule, 0);
    rule->has_summer = p && parse_change(p, rule, 1);
    return rule->has_summer;
}

/* When a change happens in a year, in UTC. */
static int64_t change_time(const struct rule *rule, int which, int64_t year)
{
    int month = rule->changes[which].month;
    int64_t first = sl_days_from_civil(year, month, 1);
    int64_t next =
        month == 12 ? sl_days_from_civil(year + 1, 1, 1) : sl_days_from_civil(year, month + 1, 1);
    int weekday = (int)(((first + 4) % 7 + 7) % 7);
    int64_t day =
        first + (rule->changes[which].day - weekday + 7) % 7 + 7 * (rule->changes[which].week - 1);
    if (day >= next)
        day -= 7;
    return day * DAY + rule->changes[which].time - rule->offsets[which];
}

static int32_t rule_offset(const struct rule *rule, int64_t at, char *ret_abbreviation)
{
    int64_t year;
    int month, day;
    bool summer = false;
    sl_civil_from_days((at + rule->offsets[0]) / DAY - ((at + rule->offsets[0]) % DAY < 0), &year,
                       &month, &day);
    if (rule->has_summer) {
        int64_t begin = change_time(rule, 0, year), end = change_time(rule, 1, year);
        summer = begin < end ? at >= begin && at < end : at >= begin || at < end;
    }
    memcpy(ret_abbreviation, rule->names[summer], 16);
    return rule->offsets[summer];
}

/* ------------------------------------------------------------------------------------------------------------------
 * asking */

static int32_t type_offset(const struct body *body, unsigned type, char *ret_abbreviation)
{
    const unsigned char *info = body->ttinfos + 6 * (size_t)(type < body->type_count ? type : 0);
    uint32_t at = info[5] < body->char_count ? info[5] : 0;
    snprintf(ret_abbreviation, 16, "%.*s", (int)(body->char_count - at),
             (const char *)body->abbreviations + at);
    return (int32_t)big32(info);
}

int32_t sl_zone_offset(const struct zone *zone, int64_t at, char *ret_abbreviation)
{
    struct body body;
    struct rule rule;
    if (!zone->data || !body_find(zone, &body)) {
        memcpy(ret_abbreviation, zone->abbreviation, 16);
        return zone->offset;
    }
    uint32_t low = 0, high = body.time_count; /* transitions up to `at` */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (big64(body.times + 8 * (size_t)middle) <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == body.time_count && body.footer < body.end && parse_rule(body.footer, &rule))
        return rule_offset(&rule, at, ret_abbreviation);
    return type_offset(&body, low == 0 ? 0 : body.types[low - 1], ret_abbreviation);
}
