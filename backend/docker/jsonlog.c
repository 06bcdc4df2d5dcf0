/* Lines of a json-file log. */
#include "backend/docker/jsonlog.h"

#include "backend/base/clock.h"
#include "backend/docker/docker_int.h"

#include <string.h>

#define HEAD            "{\"log\":\""
#define STREAM          "\",\"stream\":\"std"
#define TIME            "\",\"time\":\""
#define TIME_END        "\"}"
#define LENGTH(literal) (sizeof(literal) - 1)
enum {
    STREAM_LENGTH = LENGTH(STREAM) + 3, /* with "out" or "err" */
    TIME_MIN = 20,                      /* 2026-01-02T03:04:05Z */
    TIME_MAX = 35
};

/* ---- times ---- */

static int digits(const char *text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static int time_slow(const char *text, size_t length, int64_t *ret_time)
{
    char copy[TIME_MAX + 1];
    if (length > TIME_MAX)
        return -1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return clock_parse_rfc3339(copy, ret_time);
}

/* Finds when the day began, unless it is the same as before. */
static int time_day(struct jsonlog *jsonlog, const char *text)
{
    if (memcmp(jsonlog->day, text, sizeof jsonlog->day) == 0)
        return 0;
    char midnight[] = "0000-00-00T00:00:00Z";
    memcpy(midnight, text, sizeof jsonlog->day);
    if (clock_parse_rfc3339(midnight, &jsonlog->day_start) < 0)
        return -1;
    memcpy(jsonlog->day, text, sizeof jsonlog->day);
    return 0;
}

static int time_parse(struct jsonlog *jsonlog, const char *text, size_t length, int64_t *ret_time)
{
    if (length < TIME_MIN || text[length - 1] != 'Z' || text[10] != 'T')
        return time_slow(text, length, ret_time);
    int hours = digits(text + 11, 2), minutes = digits(text + 14, 2),
        seconds = digits(text + 17, 2);
    if ((hours | minutes | seconds) < 0 || hours > 23 || minutes > 59 || seconds > 59 ||
        time_day(jsonlog, text) < 0)
        return time_slow(text, length, ret_time);
    int64_t fraction = 0, unit = CLOCK_SECOND / 10;
    for (size_t i = TIME_MIN; i < length - 1; i++, unit /= 10) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        fraction += (text[i] - '0') * unit;
    }
    *ret_time =
        jsonlog->day_start + ((hours * 60 + minutes) * 60 + seconds) * CLOCK_SECOND + fraction;
    return 0;
}

/* ---- texts ---- */

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

static int hex4(const char *text, const char *end)
{
    int number = 0;
    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        static const char hex[] = "0123456789abcdefABCDEF";
        const char *found = text[i] ? strchr(hex, text[i]) : NULL;
        if (!found)
            return -1;
        int value = (int)(found - hex);
        number = number << 4 | (value > 15 ? value - 6 : value);
    }
    return number;
}

/* The character of "\uXXXX" (or a pair of them) whose digits are at *in, which is moved behind. A
 * half of a pair alone is U+FFFD. -1 if these are no digits. */
static int64_t take_unicode(const char **in, const char *end)
{
    int c = hex4(*in, end);
    if (c < 0)
        return -1;
    *in += 4;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c > 0xdbff || end - *in < 6 || (*in)[0] != '\\' || (*in)[1] != 'u')
        return 0xfffd;
    int low = hex4(*in + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *in += 6;
    return 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
}

/* Resolves the escapes of text in place: the new length, or -1. */
static ssize_t text_unescape(char *text, size_t length)
{
    const char *end = text + length;
    const char *in = memchr(text, '\\', length);
    if (!in)
        return (ssize_t)length;
    char *out = text + (in - text);
    while (in < end) {
        static const char codes[] = "n\nt\tr\r\"\"\\\\//b\bf\f";
        in++;
        if (in == end)
            return -1;
        const char *code = codes;
        while (*code && *code != *in)
            code += 2;
        if (*code && *in) {
            *out++ = code[1];
            in++;
        } else if (*in == 'u') {
            in++;
            int64_t c = take_unicode(&in, end);
            if (c < 0)
                return -1;
            out = put_utf8(out, (uint32_t)c);
        } else {
            return -1;
        }
        const char *next = memchr(in, '\\', (size_t)(end - in));
        size_t plain = (size_t)((next ? next : end) - in);
        memmove(out, in, plain);
        out += plain;
        in += plain;
    }
    return out - text;
}

/* ---- lines ---- */

static void entry_finish(struct log_entry *entry, enum stream stream, char *text, size_t length)
{
    bool newline = length > 0 && text[length - 1] == '\n';
    entry->stream = stream;
    entry->text = text;
    entry->length = length - newline;
    entry->partial = !newline;
}

/* A line that is not of the usual form, by the JSON parser. What it means is not longer than how it
 * is written, so it fits into its place. */
static int decode_slow(struct jsonlog *jsonlog, char *line, size_t length, struct log_entry *entry)
{
    cleanup(json_decref) json_t *json = json_loadb(line, length, JSON_ALLOW_NUL, NULL);
    const json_t *log = json_object_get(json, "log");
    const char *stream = json_text(json, "stream"), *time = json_text(json, "time");
    if (!json_is_string(log) || !time || json_string_length(log) > length ||
        time_parse(jsonlog, time, strlen(time), &entry->time) < 0)
        return -1;
    size_t text_length = json_string_length(log);
    memcpy(line, json_string_value(log), text_length);
    entry_finish(entry, stream && strcmp(stream, "stderr") == 0 ? STREAM_STDERR : STREAM_STDOUT,
                 line, text_length);
    return 0;
}

/* Where the time's text begins in a line of the usual form, or NULL. No quote can be inside it, and
 * a quote in the log's text is never without a backslash: what is found here is the structure. */
static const char *find_time(const char *line, const char *end)
{
    size_t window = (size_t)(end - line) < TIME_MAX + 2 ? (size_t)(end - line) : TIME_MAX + 2;
    if ((size_t)(end - line) < LENGTH(HEAD) + STREAM_LENGTH + LENGTH(TIME) + TIME_MIN + 2 ||
        memcmp(end - LENGTH(TIME_END), TIME_END, LENGTH(TIME_END)) != 0)
        return NULL;
    const char *quote = memrchr(end - window, '"', window - LENGTH(TIME_END));
    return quote ? quote + 1 : NULL;
}

int jsonlog_decode(struct jsonlog *jsonlog, char *line, size_t length, struct log_entry *ret_entry)
{
    const char *end = line + length;
    const char *time = find_time(line, end);
    if (!time || (size_t)(time - line) < LENGTH(HEAD) + STREAM_LENGTH + LENGTH(TIME) ||
        memcmp(line, HEAD, LENGTH(HEAD)) != 0 ||
        memcmp(time - LENGTH(TIME), TIME, LENGTH(TIME)) != 0)
        return decode_slow(jsonlog, line, length, ret_entry);
    const char *stream = time - LENGTH(TIME) - STREAM_LENGTH;
    bool out = memcmp(stream + LENGTH(STREAM), "out", 3) == 0;
    bool error = memcmp(stream + LENGTH(STREAM), "err", 3) == 0;
    if (memcmp(stream, STREAM, LENGTH(STREAM)) != 0 || !(out || error) ||
        time_parse(jsonlog, time, (size_t)(end - LENGTH(TIME_END) - time), &ret_entry->time) < 0)
        return decode_slow(jsonlog, line, length, ret_entry);
    char *text = line + LENGTH(HEAD);
    ssize_t text_length = text_unescape(text, (size_t)(stream - text));
    if (text_length < 0)
        return -1;
    entry_finish(ret_entry, out ? STREAM_STDOUT : STREAM_STDERR, text, (size_t)text_length);
    return 0;
}
