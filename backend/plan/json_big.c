/*
 * Big integers go through jansson as objects. To read, a large number in the text is replaced by
 * the object's text before jansson sees it; to write, the dumped text is passed on piece by piece
 * and the objects in it become numbers again.
 */
#include "backend/plan/json_big.h"

#include <ctype.h>
#include <string.h>

static const char marker[] = "$kfs.integer";

/* How a marker object looks in a dump, whatever the indentation: { "$kfs.integer" : "DIGITS" }. */
enum {
    SMALL_DIGITS = 18 /* any integer of so many digits fits into 64 bits */
};

static bool is_digits(const char *text)
{
    text += *text == '-';
    if (!isdigit((unsigned char)*text))
        return false;
    while (isdigit((unsigned char)*text))
        text++;
    return *text == '\0';
}

json_t *json_big_new(const char *digits)
{
    if (!is_digits(digits))
        return NULL;
    errno = 0;
    long long small = strtoll(digits, NULL, 10);
    if (errno == 0)
        return json_integer(small);
    return json_pack("{s:s}", marker, digits);
}

const char *json_big_digits(const json_t *json)
{
    if (!json_is_object(json) || json_object_size(json) != 1)
        return NULL;
    const char *digits = json_string_value(json_object_get(json, marker));
    return digits && is_digits(digits) ? digits : NULL;
}

/* The length of the string at text[0] == '"', both quotes included; up to the end if it has none.
 */
static size_t string_length(const char *text, size_t left)
{
    for (size_t i = 1; i < left; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return left;
}

/* The length of the number at text; *ret_large: it is an integer that jansson might refuse. */
static size_t number_length(const char *text, size_t left, bool *ret_large)
{
    size_t length = 0;
    bool integer = true;
    while (length < left && text[length] && strchr("+-.0123456789eE", text[length])) {
        integer = integer && !strchr("+.eE", text[length]);
        length++;
    }
    *ret_large = integer && length > SMALL_DIGITS;
    return length;
}

/* Appends the number in the form that jansson holds. */
static void put_held(struct buf *buf, const char *text, size_t length)
{
    char *digits = strndup(text, length);
    errno = 0;
    bool big = digits && is_digits(digits) && (strtoll(digits, NULL, 10), errno == ERANGE);
    if (big)
        buf_printf(buf, "{\"%s\":\"%s\"}", marker, digits);
    else
        buf_append(buf, text, length);
    free(digits);
}

/* Copies text; every large number becomes its object. Lines and columns before it stay. */
static void put_prepared(struct buf *buf, const char *text, size_t length)
{
    size_t done = 0;
    for (size_t at = 0; at < length;) {
        bool large = false;
        size_t width = 1;
        if (text[at] == '"')
            width = string_length(text + at, length - at);
        else if (text[at] == '-' || isdigit((unsigned char)text[at]))
            width = number_length(text + at, length - at, &large);
        if (large) {
            buf_append(buf, text + done, at - done);
            put_held(buf, text + at, width);
            done = at + width;
        }
        at += width;
    }
    buf_append(buf, text + done, length - done);
}

json_t *json_big_parse(const char *text, size_t length, struct error **err)
{
    cleanup(buf_done) struct buf prepared = BUF_INIT(BUF_MAX_DOCUMENT);
    put_prepared(&prepared, text, length);
    if (buf_check(&prepared, err) < 0)
        return NULL;
    json_error_t reason;
    json_t *json =
        json_loadb(prepared.data, prepared.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
    if (!json)
        error_set(err, EINVAL, "not JSON: line %d, column %d: %s", reason.line, reason.column,
                  reason.text);
    return json;
}

/* Whether a marker object starts at text; then its length and its digits. */
static bool find_object(const char *text, size_t left, size_t *ret_length, const char **ret_digits,
                        size_t *ret_count)
{
    static const char quoted[] = "\"$kfs.integer\"";
    static const char space[] = " \n\t";
    size_t at = 1 + strspn(text + 1, space);
    if (left < at + sizeof quoted || memcmp(text + at, quoted, sizeof quoted - 1) != 0)
        return false;
    at += sizeof quoted - 1;
    at += strspn(text + at, ": \n\t");
    size_t start = at + 1;
    size_t count = strspn(text + start, "-0123456789");
    if (text[at] != '"' || count == 0 || text[start + count] != '"')
        return false;
    at = start + count + 1;
    at += strspn(text + at, space);
    *ret_length = at + 1;
    *ret_digits = text + start;
    *ret_count = count;
    return text[at] == '}';
}

static int put_dumped(const char *piece, size_t length, void *context)
{
    struct buf *buf = context;
    buf_append(buf, piece, length);
    return buf->failed ? -1 : 0;
}

int json_big_put(struct buf *buf, const json_t *json, size_t flags, struct error **err)
{
    cleanup(buf_done) struct buf dumped = BUF_INIT(BUF_MAX_DOCUMENT);
    if (json_dump_callback(json, put_dumped, &dumped, flags | JSON_ENCODE_ANY) < 0 &&
        buf_check(&dumped, err) == 0)
        return error_set(err, EINVAL, "a value cannot be written as JSON");
    if (buf_check(&dumped, err) < 0)
        return -1;
    size_t done = 0;
    for (size_t at = 0; at < dumped.length;) {
        size_t width = 1;
        const char *digits;
        size_t count;
        if (dumped.data[at] == '"')
            width = string_length(dumped.data + at, dumped.length - at);
        else if (dumped.data[at] == '{' &&
                 find_object(dumped.data + at, dumped.length - at, &width, &digits, &count)) {
            buf_append(buf, dumped.data + done, at - done);
            buf_append(buf, digits, count);
            done = at + width;
        }
        at += width;
    }
    buf_append(buf, dumped.data + done, dumped.length - done);
    return buf_check(buf, err);
}
