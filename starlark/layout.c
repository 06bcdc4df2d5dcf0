/* Layouts: cut into elements that mean something and text that stands for itself. */
#include "starlark/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

enum element {
    L_END,
    L_LONG_MONTH,
    L_MONTH,
    L_NUM_MONTH,
    L_ZERO_MONTH,
    L_LONG_WEEKDAY,
    L_WEEKDAY,
    L_DAY,
    L_UNDER_DAY,
    L_ZERO_DAY,
    L_UNDER_YEARDAY,
    L_ZERO_YEARDAY,
    L_HOUR,
    L_HOUR12,
    L_ZERO_HOUR12,
    L_MINUTE,
    L_ZERO_MINUTE,
    L_SECOND,
    L_ZERO_SECOND,
    L_LONG_YEAR,
    L_YEAR,
    L_UPPER_PM,
    L_LOWER_PM,
    L_ZONE_NAME,
    L_Z_OFFSET,
    L_OFFSET, /* zones as numbers; digits and colons are in the text */
    L_FRACTION_ZEROS,
    L_FRACTION_NINES,
};

/* Longer ones before those that they begin with. */
static const struct {
    const char *text;
    enum element element;
} elements[] = {
    {"January", L_LONG_MONTH},
    {"Jan", L_MONTH},
    {"Monday", L_LONG_WEEKDAY},
    {"Mon", L_WEEKDAY},
    {"MST", L_ZONE_NAME},
    {"2006", L_LONG_YEAR},
    {"__2", L_UNDER_YEARDAY},
    {"_2", L_UNDER_DAY},
    {"002", L_ZERO_YEARDAY},
    {"01", L_ZERO_MONTH},
    {"02", L_ZERO_DAY},
    {"03", L_ZERO_HOUR12},
    {"04", L_ZERO_MINUTE},
    {"05", L_ZERO_SECOND},
    {"06", L_YEAR},
    {"15", L_HOUR},
    {"PM", L_UPPER_PM},
    {"pm", L_LOWER_PM},
    {"Z07:00:00", L_Z_OFFSET},
    {"Z070000", L_Z_OFFSET},
    {"Z07:00", L_Z_OFFSET},
    {"Z0700", L_Z_OFFSET},
    {"Z07", L_Z_OFFSET},
    {"-07:00:00", L_OFFSET},
    {"-070000", L_OFFSET},
    {"-07:00", L_OFFSET},
    {"-0700", L_OFFSET},
    {"-07", L_OFFSET},
    {"1", L_NUM_MONTH},
    {"2", L_DAY},
    {"3", L_HOUR12},
    {"4", L_MINUTE},
    {"5", L_SECOND},
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const weekday_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ".000" or ",999", not followed by another digit: its length, else 0. */
static size_t fraction_at(const char *p)
{
    if ((p[0] != '.' && p[0] != ',') || (p[1] != '0' && p[1] != '9'))
        return 0;
    size_t size = 1;
    while (p[size] == p[1])
        size++;
    return is_digit(p[size]) ? 0 : size;
}

/* Jan not followed by a small letter, as in "January" cut short or "Janet". */
static bool fits(const char *p, size_t i)
{
    size_t size = strlen(elements[i].text);
    if (strncmp(p, elements[i].text, size) != 0)
        return false;
    bool word = elements[i].element == L_MONTH || elements[i].element == L_WEEKDAY;
    return !word || p[size] < 'a' || p[size] > 'z';
}

/* The next element at or behind p: where it begins, and its length. "_2006" is an underscore and a
 * year. */
static enum element next_element(const char *p, const char **ret_at, size_t *ret_size)
{
    for (; *p; p++) {
        *ret_at = p;
        *ret_size = fraction_at(p);
        if (*ret_size)
            return p[1] == '0' ? L_FRACTION_ZEROS : L_FRACTION_NINES;
        if (strncmp(p, "_2006", 5) == 0)
            continue;
        for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
            if (!fits(p, i))
                continue;
            *ret_size = strlen(elements[i].text);
            return elements[i].element;
        }
    }
    *ret_at = p;
    *ret_size = 0;
    return L_END;
}

/* ------------------------------------------------------------------------------------------------------------------
 * fields */

static int64_t floor_div(int64_t x, int64_t y)
{
    return x / y - (x % y < 0);
}

void sl_civil(struct moment moment, const struct zone *zone, struct civil *ret)
{
    *ret = (struct civil){0};
    ret->offset = sl_zone_offset(zone, moment.seconds, ret->abbreviation);
    int64_t local = moment.seconds + ret->offset, days = floor_div(local, 86400),
            rest = local - days * 86400;
    sl_civil_from_days(days, &ret->year, &ret->month, &ret->day);
    ret->hour = (int)(rest / 3600);
    ret->minute = (int)(rest / 60 % 60);
    ret->second = (int)(rest % 60);
}

struct moment sl_moment(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                        int64_t second, int64_t nanosecond, const struct zone *zone)
{
    char unused[16];
    int64_t carry = floor_div(nanosecond, 1000000000);
    year += floor_div(month - 1, 12);
    month = (month - 1) - floor_div(month - 1, 12) * 12 + 1;
    int64_t days = sl_days_from_civil(year, (int)month, 1) + day - 1;
    int64_t local = days * 86400 + hour * 3600 + minute * 60 + second + carry;
    int32_t offset = sl_zone_offset(zone, local, unused);
    int64_t utc = local - offset;
    int32_t again = sl_zone_offset(zone, utc, unused);
    if (again != offset)
        utc = local - again;
    return (struct moment){.seconds = utc,
                           .nanoseconds = (int32_t)(nanosecond - carry * 1000000000)};
}

static int64_t year_day(const struct civil *c)
{
    return sl_days_from_civil(c->year, c->month, c->day) - sl_days_from_civil(c->year, 1, 1) + 1;
}

/* --------------------------------------------------------------------------------------------------------------
 * formatting */

static void put_offset(struct star_text *text, const char *layout, size_t size, int32_t offset)
{
    bool colons = memchr(layout, ':', size) != NULL;
    size_t digits = size - 1 - (colons ? size / 3 - 1 : 0);
    char sign = offset < 0 ? '-' : '+';
    int32_t distance = offset < 0 ? -offset : offset;
    star_text_printf(text, "%c%02d", sign, distance / 3600);
    if (digits >= 4)
        star_text_printf(text, colons ? ":%02d" : "%02d", distance / 60 % 60);
    if (digits >= 6)
        star_text_printf(text, colons ? ":%02d" : "%02d", distance % 60);
}

static void put_fraction(struct star_text *text, const char *layout, size_t size, bool nines,
                         int32_t nanoseconds)
{
    char digits[16];
    size_t count = size - 1 < 9 ? size - 1 : 9;
    snprintf(digits, sizeof(digits), "%09d", nanoseconds);
    while (nines && count > 0 && digits[count - 1] == '0')
        count--;
    if (nines && count == 0)
        return;
    sl_text_put_char(text, layout[0]);
    sl_text_put(text, digits, count);
    for (size_t i = 9; !nines && i < size - 1; i++)
        sl_text_put_char(text, '0');
}

static void put_zone_name(struct star_text *text, const struct civil *c)
{
    if (c->abbreviation[0])
        star_text_put_z(text, c->abbreviation);
    else
        star_text_printf(text, c->offset % 3600 ? "%c%02d%02d" : "%c%02d",
                         c->offset < 0 ? '-' : '+', abs(c->offset) / 3600,
                         abs(c->offset) / 60 % 60);
}

static void put_date(struct star_text *text, enum element element, const struct civil *c)
{
    int weekday = (int)(((sl_days_from_civil(c->year, c->month, c->day) + 4) % 7 + 7) % 7);
    switch (element) {
    case L_LONG_MONTH:
        star_text_put_z(text, month_names[c->month - 1]);
        break;
    case L_MONTH:
        sl_text_put(text, month_names[c->month - 1], 3);
        break;
    case L_NUM_MONTH:
    case L_ZERO_MONTH:
        star_text_printf(text, element == L_NUM_MONTH ? "%d" : "%02d", c->month);
        break;
    case L_LONG_WEEKDAY:
        star_text_put_z(text, weekday_names[weekday]);
        break;
    case L_WEEKDAY:
        sl_text_put(text, weekday_names[weekday], 3);
        break;
    case L_DAY:
        star_text_printf(text, "%d", c->day);
        break;
    case L_UNDER_DAY:
    case L_ZERO_DAY:
        star_text_printf(text, element == L_UNDER_DAY ? "%2d" : "%02d", c->day);
        break;
    case L_UNDER_YEARDAY:
    case L_ZERO_YEARDAY:
        star_text_printf(text, element == L_UNDER_YEARDAY ? "%3" PRId64 : "%03" PRId64,
                         year_day(c));
        break;
    case L_LONG_YEAR:
        star_text_printf(text, c->year < 0 ? "%05" PRId64 : "%04" PRId64, c->year);
        break;
    default:
        star_text_printf(text, "%02d", (int)((c->year % 100 + 100) % 100));
        break;
    }
}

static void put_clock(struct star_text *text, enum element element, const struct civil *c)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;
    switch (element) {
    case L_HOUR:
        star_text_printf(text, "%02d", c->hour);
        break;
    case L_HOUR12:
    case L_ZERO_HOUR12:
        star_text_printf(text, element == L_HOUR12 ? "%d" : "%02d", hour12);
        break;
    case L_MINUTE:
    case L_ZERO_MINUTE:
        star_text_printf(text, element == L_MINUTE ? "%d" : "%02d", c->minute);
        break;
    case L_SECOND:
    case L_ZERO_SECOND:
        star_text_printf(text, element == L_SECOND ? "%d" : "%02d", c->second);
        break;
    default:
        star_text_put_z(text, element == L_UPPER_PM ? (c->hour >= 12 ? "PM" : "AM")
                              : c->hour >= 12       ? "pm"
                                                    : "am");
        break;
    }
}

static bool is_clock(enum element element)
{
    return (element >= L_HOUR && element <= L_ZERO_SECOND) || element == L_UPPER_PM ||
           element == L_LOWER_PM;
}

void sl_layout_format(struct star_text *text, struct moment moment, const struct zone *zone,
                      const char *layout)
{
    struct civil c;
    const char *at;
    size_t size;
    enum element element;
    sl_civil(moment, zone, &c);
    for (; (element = next_element(layout, &at, &size)) != L_END; layout = at + size) {
        sl_text_put(text, layout, (size_t)(at - layout));
        if (element == L_ZONE_NAME)
            put_zone_name(text, &c);
        else if (element == L_Z_OFFSET && c.offset == 0)
            sl_text_put_char(text, 'Z');
        else if (element == L_Z_OFFSET || element == L_OFFSET)
            put_offset(text, at, size, c.offset);
        else if (element == L_FRACTION_ZEROS || element == L_FRACTION_NINES)
            put_fraction(text, at, size, element == L_FRACTION_NINES, moment.nanoseconds);
        else if (is_clock(element))
            put_clock(text, element, &c);
        else
            put_date(text, element, &c);
    }
    star_text_put_z(text, layout);
}

/* -----------------------------------------------------------------------------------------------------------------
 * parsing */

/* What a text has said so far. */
struct parse {
    const char *p;
    int64_t year;
    int month, day, yearday, hour, minute, second;
    int32_t nanoseconds;
    bool pm, am, has_offset;
    int32_t offset;
    char zone_name[16];
    const char *out_of_range; /* the name of a field */
};

static bool take_number(struct parse *s, int min_digits, int max_digits, int *ret)
{
    int count = 0, value = 0;
    while (count < max_digits && is_digit(s->p[count]))
        value = value * 10 + (s->p[count++] - '0');
    if (count < min_digits || count == 0)
        return false;
    s->p += count;
    *ret = value;
    return true;
}

static bool take_name(struct parse *s, const char *const *names, int count, bool cut, int *ret)
{
    for (int i = 0; i < count; i++) {
        size_t size = cut ? 3 : strlen(names[i]);
        if (strncasecmp(s->p, names[i], size) == 0) {
            s->p += size;
            *ret = i;
            return true;
        }
    }
    return false;
}

/* A number within limits; beyond them the text is well formed but the field is out of range. */
static bool take_field(struct parse *s, int min_digits, int max_digits, int low, int high,
                       const char *name, int *ret)
{
    if (!take_number(s, min_digits, max_digits, ret))
        return false;
    if (*ret < low || *ret > high)
        s->out_of_range = name;
    return true;
}

static bool take_fraction(struct parse *s)
{
    int32_t unit = 100000000;
    if ((*s->p != '.' && *s->p != ',') || !is_digit(s->p[1]))
        return false;
    s->nanoseconds = 0;
    for (s->p++; is_digit(*s->p); s->p++, unit /= 10)
        s->nanoseconds += (*s->p - '0') * unit;
    return true;
}

static bool take_offset(struct parse *s, const char *layout, size_t size)
{
    bool colons = memchr(layout, ':', size) != NULL;
    size_t digits = size - 1 - (colons ? size / 3 - 1 : 0);
    int parts[3] = {0};
    if (*s->p != '+' && *s->p != '-')
        return false;
    int sign = *s->p++ == '-' ? -1 : 1;
    for (size_t i = 0; i < digits / 2; i++) {
        if (i > 0 && colons && *s->p++ != ':')
            return false;
        if (!take_number(s, 2, 2, &parts[i]))
            return false;
    }
    if (parts[0] > 24 || parts[1] > 60 || parts[2] > 60)
        s->out_of_range = "time zone offset";
    s->offset = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    s->has_offset = true;
    return true;
}

/* Three or four capitals, perhaps with a distance behind GMT; or a sign and digits. */
static bool take_zone_name(struct parse *s)
{
    size_t size = 0;
    if (*s->p == '+' || *s->p == '-')
        size = 1 + strspn(s->p + 1, "0123456789");
    else
        size = strspn(s->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (size < 3 || size > 5)
        return false;
    memcpy(s->zone_name, s->p, size);
    s->zone_name[size] = '\0';
    s->p += size;
    return true;
}

static bool take_pm(struct parse *s, bool upper)
{
    bool pm = strncmp(s->p, upper ? "PM" : "pm", 2) == 0,
         am = strncmp(s->p, upper ? "AM" : "am", 2) == 0;
    s->pm |= pm;
    s->am |= am;
    s->p += 2 * (pm || am);
    return pm || am;
}

static bool take_year(struct parse *s, int digits)
{
    int year;
    if (!take_number(s, digits, digits, &year))
        return false;
    s->year = digits == 4 ? year : year + (year >= 69 ? 1900 : 2000);
    return true;
}

static bool take_month_name(struct parse *s, bool cut)
{
    if (!take_name(s, month_names, 12, cut, &s->month))
        return false;
    s->month++;
    return true;
}

static bool take_date(struct parse *s, enum element element)
{
    int unused;
    switch (element) {
    case L_LONG_MONTH:
    case L_MONTH:
        return take_month_name(s, element == L_MONTH);
    case L_NUM_MONTH:
    case L_ZERO_MONTH:
        return take_field(s, element == L_NUM_MONTH ? 1 : 2, 2, 1, 12, "month", &s->month);
    case L_LONG_WEEKDAY:
    case L_WEEKDAY:
        return take_name(s, weekday_names, 7, element == L_WEEKDAY, &unused);
    case L_DAY:
    case L_UNDER_DAY:
    case L_ZERO_DAY:
        s->p += element == L_UNDER_DAY && *s->p == ' ';
        return take_number(s, element == L_ZERO_DAY ? 2 : 1, 2, &s->day);
    case L_UNDER_YEARDAY:
    case L_ZERO_YEARDAY:
        while (element == L_UNDER_YEARDAY && *s->p == ' ')
            s->p++;
        return take_number(s, 1, 3, &s->yearday);
    default:
        return take_year(s, element == L_LONG_YEAR ? 4 : 2);
    }
}

static bool take_clock(struct parse *s, enum element element, enum element next)
{
    switch (element) {
    case L_HOUR:
        return take_field(s, 1, 2, 0, 23, "hour", &s->hour);
    case L_HOUR12:
    case L_ZERO_HOUR12:
        return take_field(s, element == L_HOUR12 ? 1 : 2, 2, 0, 12, "hour", &s->hour);
    case L_MINUTE:
    case L_ZERO_MINUTE:
        return take_field(s, element == L_MINUTE ? 1 : 2, 2, 0, 59, "minute", &s->minute);
    case L_SECOND:
    case L_ZERO_SECOND:
        if (!take_field(s, element == L_SECOND ? 1 : 2, 2, 0, 59, "second", &s->second))
            return false;
        /* A fraction is taken behind the seconds even where the layout has none. */
        if (next != L_FRACTION_ZEROS && next != L_FRACTION_NINES)
            take_fraction(s);
        return true;
    default:
        return take_pm(s, element == L_UPPER_PM);
    }
}

static bool take_element(struct parse *s, enum element element, const char *at, size_t size)
{
    const char *next_at;
    size_t next_size;
    if (is_clock(element))
        return take_clock(s, element, next_element(at + size, &next_at, &next_size));
    switch (element) {
    case L_ZONE_NAME:
        return take_zone_name(s);
    case L_Z_OFFSET:
        if (*s->p == 'Z') {
            s->p++;
            return s->has_offset = true;
        }
        return take_offset(s, at, size);
    case L_OFFSET:
        return take_offset(s, at, size);
    case L_FRACTION_ZEROS:
        return take_fraction(s);
    case L_FRACTION_NINES:
        return !is_digit(s->p[1]) || (*s->p != '.' && *s->p != ',') || take_fraction(s);
    default:
        return take_date(s, element);
    }
}

static bool days_fit(const struct parse *s)
{
    int64_t first = sl_days_from_civil(s->year, s->month, 1);
    int64_t next = s->month == 12 ? sl_days_from_civil(s->year + 1, 1, 1)
                                  : sl_days_from_civil(s->year, s->month + 1, 1);
    return s->day >= 1 && s->day <= next - first;
}

static bool parse_elements(struct star_vm *vm, struct parse *s, const char *whole_layout,
                           const char *text)
{
    const char *at, *layout = whole_layout;
    size_t size;
    enum element element;
    do {
        element = next_element(layout, &at, &size);
        size_t literal = (size_t)(at - layout);
        if (strncmp(s->p, layout, literal) != 0) {
            star_fail(vm, "parsing time \"%s\" as \"%s\": cannot parse \"%s\" as \"%.*s\"", text,
                      whole_layout, s->p, (int)literal, layout);
            return false;
        }
        s->p += literal;
        const char *before = s->p;
        if (element != L_END && !take_element(s, element, at, size)) {
            star_fail(vm, "parsing time \"%s\" as \"%s\": cannot parse \"%s\" as \"%.*s\"", text,
                      whole_layout, before, (int)size, at);
            return false;
        }
        layout = at + size;
    } while (element != L_END);
    if (*s->p)
        star_fail(vm, "parsing time \"%s\": extra text: \"%s\"", text, s->p);
    return *s->p == '\0';
}

static void settle_zone(const struct parse *s, struct zone *zone, struct moment *moment)
{
    char abbreviation[16];
    if (s->has_offset) {
        moment->seconds -= s->offset;
        if (s->offset == 0 && !zone->data)
            return; /* UTC stays UTC */
        if (sl_zone_offset(zone, moment->seconds, abbreviation) != s->offset) {
            sl_zone_free(zone);
            sl_zone_fixed(zone, s->zone_name, s->offset);
        }
    } else if (s->zone_name[0] && strcmp(s->zone_name, "UTC") != 0) {
        sl_zone_free(zone);
        sl_zone_fixed(zone, s->zone_name, 0);
    }
}

bool sl_layout_parse(struct star_vm *vm, const char *layout, const char *text, struct zone *zone,
                     struct moment *ret)
{
    struct parse s = {.p = text, .month = 1, .day = 1};
    struct zone utc;
    sl_zone_fixed(&utc, "UTC", 0);
    if (!parse_elements(vm, &s, layout, text))
        return false;
    if (s.yearday > 0)
        s.day = s.yearday;
    else if (!s.out_of_range && !days_fit(&s))
        s.out_of_range = "day";
    if (s.out_of_range) {
        star_fail(vm, "parsing time \"%s\": %s out of range", text, s.out_of_range);
        return false;
    }
    if (s.pm && s.hour < 12)
        s.hour += 12;
    else if (s.am && s.hour == 12)
        s.hour = 0;
    const struct zone *assumed = s.has_offset || s.zone_name[0] ? &utc : zone;
    *ret = sl_moment(s.year, s.month, s.day, s.hour, s.minute, s.second, s.nanoseconds, assumed);
    settle_zone(&s, zone, ret);
    return true;
}
