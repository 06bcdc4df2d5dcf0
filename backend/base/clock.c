/* Times and durations as text. RFC 3339 and RFC 1123 for points in time; Go's duration syntax
 * because plans use it. */
#include "backend/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t clock_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

struct timespec clock_timespec(int64_t nanoseconds)
{
    struct timespec ts = {.tv_sec = nanoseconds / CLOCK_SECOND,
                          .tv_nsec = nanoseconds % CLOCK_SECOND};
    if (ts.tv_nsec < 0) {
        ts.tv_sec--;
        ts.tv_nsec += CLOCK_SECOND;
    }
    return ts;
}

void clock_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    struct timespec end = clock_timespec(until);
    if (until == INT64_MAX)
        pthread_cond_wait(condition, lock);
    else
        pthread_cond_timedwait(condition, lock, &end);
}

static void put_calendar(struct buf *buf, int64_t real_time)
{
    struct tm tm;
    time_t seconds = clock_timespec(real_time).tv_sec;
    gmtime_r(&seconds, &tm);
    buf_printf(buf, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void clock_put_rfc3339(struct buf *buf, int64_t real_time)
{
    put_calendar(buf, real_time);
    buf_putc(buf, 'Z');
}

void clock_put_rfc3339_nano(struct buf *buf, int64_t real_time)
{
    put_calendar(buf, real_time);
    buf_printf(buf, ".%09ldZ", clock_timespec(real_time).tv_nsec);
}

void clock_put_rfc1123(struct buf *buf, int64_t real_time)
{
    char text[64];
    struct tm tm;
    time_t seconds = clock_timespec(real_time).tv_sec;
    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S %Z", &tm);
    buf_puts(buf, text);
}

/* The decimals after a point as nanoseconds; digits past the ninth are dropped. Moves *text behind
 * them. */
static int64_t parse_decimals(const char **text)
{
    int64_t value = 0, unit = CLOCK_SECOND;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        unit /= 10;
        value += (**text - '0') * unit;
    }
    return value;
}

/* Within what a calendar knows and 64 bits of nanoseconds hold. */
static bool date_valid(const struct tm *tm)
{
    return tm->tm_year >= 1678 && tm->tm_year <= 2261 && tm->tm_mon >= 1 && tm->tm_mon <= 12 &&
           tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour >= 0 && tm->tm_hour <= 23 &&
           tm->tm_min >= 0 && tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

int clock_parse_rfc3339(const char *text, int64_t *ret_real_time)
{
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        !date_valid(&tm))
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    const char *rest = text + used;
    int64_t nanoseconds = 0;
    if (*rest == '.') {
        rest++;
        nanoseconds = parse_decimals(&rest);
    }
    int hours = 0, minutes = 0;
    char sign = *rest;
    if (sign == '+' || sign == '-') {
        if (sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || rest[1 + used] != '\0')
            return -1;
    } else if (strcmp(rest, "Z") != 0) {
        return -1;
    }
    int64_t offset = (hours * 60 + minutes) * 60;
    int64_t seconds = timegm(&tm) - (sign == '-' ? -offset : offset);
    *ret_real_time = seconds * CLOCK_SECOND + nanoseconds;
    return 0;
}

static const struct {
    const char *name;
    int64_t nanoseconds;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* U+00B5, micro sign */
    {"\xce\xbcs", 1000}, /* U+03BC, Greek mu */
    {"ms", CLOCK_MILLISECOND},
    {"s", CLOCK_SECOND},
    {"m", 60 * CLOCK_SECOND},
    {"h", 3600 * CLOCK_SECOND},
};

/* One "NUMBER UNIT" of a duration, added to *sum. Exact for the digits that count; false if text is
 * not one. */
static bool parse_component(const char **text, double *sum)
{
    const char *start = *text;
    size_t whole = strspn(start, "0123456789");
    size_t fraction = start[whole] == '.' ? strspn(start + whole + 1, "0123456789") : 0;
    if (whole + fraction == 0)
        return false;
    double number = strtod(start, NULL);
    const char *name = start + whole + (start[whole] == '.') + fraction;
    size_t length = strcspn(name, ".0123456789");
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0) {
            *sum += number * (double)units[i].nanoseconds;
            *text = name + length;
            return true;
        }
    }
    return false;
}

int clock_parse_duration(const char *text, int64_t *ret_nanoseconds, struct error **err)
{
    const char *rest = text;
    bool negative = *rest == '-';
    if (*rest == '-' || *rest == '+')
        rest++;
    double sum = 0;
    if (strcmp(rest, "0") == 0)
        rest++;
    else if (*rest == '\0')
        return error_set(err, EINVAL, "'%s' is not a duration, such as 300ms, 10s or 1h30m", text);
    while (*rest)
        if (!parse_component(&rest, &sum))
            return error_set(err, EINVAL, "'%s' is not a duration, such as 300ms, 10s or 1h30m",
                             text);
    if (sum >= 9.2e18)
        return error_set(err, EINVAL, "the duration '%s' is longer than 292 years", text);
    int64_t nanoseconds = llrint(sum);
    *ret_nanoseconds = negative ? -nanoseconds : nanoseconds;
    return 0;
}

/* value/unit with as many decimals as it has, up to `digits`, no trailing zeros. */
static void put_fraction(struct buf *buf, uint64_t value, uint64_t unit, int digits)
{
    buf_printf(buf, "%llu", (unsigned long long)(value / unit));
    uint64_t rest = value % unit;
    if (rest == 0)
        return;
    char text[32];
    snprintf(text, sizeof text, "%0*llu", digits, (unsigned long long)rest);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '0')
        length--;
    buf_putc(buf, '.');
    buf_append(buf, text, length);
}

void clock_put_duration(struct buf *buf, int64_t nanoseconds)
{
    uint64_t value = nanoseconds < 0 ? -(uint64_t)nanoseconds : (uint64_t)nanoseconds;
    const uint64_t second = (uint64_t)CLOCK_SECOND;
    if (nanoseconds < 0)
        buf_putc(buf, '-');
    if (value == 0) {
        buf_puts(buf, "0s");
    } else if (value < 1000) {
        buf_printf(buf, "%lluns", (unsigned long long)value);
    } else if (value < 1000000) {
        put_fraction(buf, value, 1000, 3);
        buf_puts(buf, "\xc2\xb5s");
    } else if (value < second) {
        put_fraction(buf, value, 1000000, 6);
        buf_puts(buf, "ms");
    } else {
        uint64_t minutes = value / (60 * second);
        if (minutes >= 60)
            buf_printf(buf, "%lluh", (unsigned long long)(minutes / 60));
        if (minutes > 0)
            buf_printf(buf, "%llum", (unsigned long long)(minutes % 60));
        put_fraction(buf, value % (60 * second), second, 9);
        buf_putc(buf, 's');
    }
}
