/*
 * Floating-point numbers as text. libc's conversions are correctly rounded, as Go's are, so they do
 * the work; what differs is the shape: the shortest digits, when an exponent is shown, and how long
 * it is. The process keeps the C locale for numbers.
 */
#include "backend/plan/template_float.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    HEX_DIGITS = 13, /* after the point: all that a double has */
    DIGITS_MAX = 17, /* always enough to tell two doubles apart */
    SHORT_TEXT = 64  /* of a number with at most DIGITS_MAX digits and an exponent */
};

/* The digits of a number: 0.DIGITS * 10^point, and how many they are. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int count;
    int point;
};

static struct decimal shortest_decimal(double number)
{
    char text[SHORT_TEXT];
    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, fabs(number));
        if (strtod(text, NULL) == fabs(number))
            break;
    }
    struct decimal decimal = {.count = 0};
    char *exponent = strchr(text, 'e');
    for (const char *c = text; c < exponent; c++)
        if (*c != '.')
            decimal.digits[decimal.count++] = *c;
    decimal.point = (int)strtol(exponent + 1, NULL, 10) + 1;
    if (number == 0)
        decimal.point = 1;
    return decimal;
}

static void put_exponent(struct buf *buf, char letter, int exponent)
{
    buf_printf(buf, "%c%c%02d", letter, exponent < 0 ? '-' : '+', abs(exponent));
}

static void put_scientific(struct buf *buf, const struct decimal *decimal, char letter)
{
    buf_putc(buf, decimal->digits[0]);
    if (decimal->count > 1)
        buf_printf(buf, ".%.*s", decimal->count - 1, decimal->digits + 1);
    put_exponent(buf, letter, decimal->point - 1);
}

static void put_plain(struct buf *buf, const struct decimal *decimal)
{
    for (int i = 0; i < decimal->point; i++)
        buf_putc(buf, i < decimal->count ? decimal->digits[i] : '0');
    if (decimal->point <= 0)
        buf_putc(buf, '0');
    if (decimal->count <= decimal->point)
        return;
    buf_putc(buf, '.');
    for (int i = decimal->point; i < decimal->count; i++)
        buf_putc(buf, i < 0 ? '0' : decimal->digits[i]);
}

static void put_shortest(struct buf *buf, double number, char form)
{
    struct decimal decimal = shortest_decimal(number);
    char letter = form == 'G' || form == 'E' ? 'E' : 'e';
    int exponent = decimal.point - 1;
    bool scientific = form == 'e' || form == 'E';
    if (form == 'g' || form == 'G')
        scientific = exponent < -4 || exponent >= 6; /* %g's bounds, as for precision 6 */
    if (scientific)
        put_scientific(buf, &decimal, letter);
    else
        put_plain(buf, &decimal);
}

/* Where C differs: it does not pad this exponent to two digits, nor normalise a subnormal number.
 */
static void put_hex(struct buf *buf, double number, bool upper, int precision)
{
    char text[SHORT_TEXT];
    int scale = number != 0 && !isnormal(number) ? 100 : 0;
    number = ldexp(fabs(number), scale);
    int shown = precision < HEX_DIGITS ? precision : HEX_DIGITS;
    if (shown >= 0)
        snprintf(text, sizeof text, upper ? "%.*A" : "%.*a", shown, number);
    else
        snprintf(text, sizeof text, upper ? "%A" : "%a", number);
    char *exponent = strchr(text, upper ? 'P' : 'p');
    int power = (int)strtol(exponent + 1, NULL, 10) - scale;
    if (text[2] == '2') { /* rounded up; Go then halves */
        text[2] = '1';
        power++;
    }
    buf_append(buf, text, (size_t)(exponent - text));
    for (int i = shown; i < precision; i++)
        buf_putc(buf, '0');
    put_exponent(buf, *exponent, power);
}

static void put_binary(struct buf *buf, double number)
{
    int exponent;
    double mantissa = frexp(fabs(number), &exponent);
    exponent = number == 0 ? -1021 : exponent;
    int bits = exponent < -1021 ? 53 - (-1021 - exponent) : 53; /* fewer when subnormal */
    buf_printf(buf, "%.0fp%+d", ldexp(mantissa, bits), exponent - bits);
}

static void put_precise(struct buf *buf, double number, char form, int precision)
{
    number = fabs(number);
    switch (form) {
    case 'e':
        buf_printf(buf, "%.*e", precision, number);
        break;
    case 'E':
        buf_printf(buf, "%.*E", precision, number);
        break;
    case 'g':
        buf_printf(buf, "%.*g", precision, number);
        break;
    case 'G':
        buf_printf(buf, "%.*G", precision, number);
        break;
    default:
        buf_printf(buf, "%.*f", precision, number);
        break;
    }
}

void float_put(struct buf *buf, double number, char form, int precision)
{
    if (isnan(number)) {
        buf_puts(buf, "NaN");
        return;
    }
    if (isinf(number)) {
        buf_puts(buf, number > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (signbit(number))
        buf_putc(buf, '-');
    if (form == 'x' || form == 'X')
        put_hex(buf, number, form == 'X', precision);
    else if (form == 'b')
        put_binary(buf, number);
    else if (precision == FLOAT_SHORTEST)
        put_shortest(buf, number, form);
    else
        put_precise(buf, number, form, precision);
}

void float_put_json(struct buf *buf, double number)
{
    double size = fabs(number);
    if (size == 0 || (size >= 1e-6 && size < 1e21)) {
        float_put(buf, number, 'f', FLOAT_SHORTEST);
        return;
    }
    cleanup(buf_done) struct buf text = BUF_INIT(SHORT_TEXT);
    float_put(&text, number, 'e', FLOAT_SHORTEST);
    char *exponent = strstr(text.data, "e-0"); /* encoding/json writes e-7, not e-07 */
    buf_append(buf, text.data, exponent ? (size_t)(exponent + 2 - text.data) : text.length);
    if (exponent)
        buf_puts(buf, exponent + 3);
}

/* Go's rule for '_': between digits, or between a base prefix and a digit. */
static bool underscores_valid(struct text text)
{
    size_t i = text.length && (text.bytes[0] == '-' || text.bytes[0] == '+');
    char before = '!';
    bool hex = false;
    if (text.length >= i + 2 && text.bytes[i] == '0' && strchr("bBoOxX", text.bytes[i + 1])) {
        hex = text.bytes[i + 1] == 'x' || text.bytes[i + 1] == 'X';
        before = '0';
        i += 2;
    }
    for (; i < text.length; i++) {
        char c = text.bytes[i];
        bool digit = (c >= '0' && c <= '9') || (hex && strchr("abcdefABCDEF", c));
        if (c == '_' ? before != '0' : !digit && before == '_')
            return false;
        before = digit ? '0' : c == '_' ? '_' : '!';
    }
    return before != '_';
}

/* Copies text without its underscores; -1 if they are misplaced or it does not fit. */
static int strip_underscores(struct text text, char *out, size_t size)
{
    if (text.length == 0 || text.length >= size || !underscores_valid(text))
        return -1;
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] != '_')
            out[length++] = text.bytes[i];
    out[length] = '\0';
    return 0;
}

int float_parse(struct text text, double *ret)
{
    char digits[512];
    if (strip_underscores(text, digits, sizeof digits) < 0)
        return -1;
    const char *number = digits + (digits[0] == '-' || digits[0] == '+');
    bool hex = number[0] == '0' && (number[1] == 'x' || number[1] == 'X');
    if (hex && !strpbrk(number, "pP")) /* Go wants the exponent, C does not */
        return -1;
    char *end;
    *ret = strtod(digits, &end);
    return *end != '\0' || end == digits || !isfinite(*ret) ? -1 : 0;
}

int integer_parse(struct text text, int64_t *ret, bool *ret_unsigned)
{
    char digits[128];
    if (strip_underscores(text, digits, sizeof digits) < 0)
        return -1;
    bool negative = digits[0] == '-';
    const char *number = digits + (negative || digits[0] == '+');
    int base = 10;
    if (number[0] == '0' && number[1] != '\0') {
        bool letter = strchr("bBoOxX", number[1]) != NULL;
        base = number[1] == 'x' || number[1] == 'X'   ? 16
               : number[1] == 'b' || number[1] == 'B' ? 2
                                                      : 8;
        number += letter ? 2 : 1;
    }
    if (!strchr("0123456789abcdefABCDEF", *number) || *number == '\0')
        return -1;
    errno = 0;
    char *end;
    uint64_t value = strtoull(number, &end, base);
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (*end != '\0' || errno == ERANGE || (negative && value > limit))
        return -1;
    *ret_unsigned = value > limit;
    *ret = (int64_t)(negative ? -value : value);
    return *ret_unsigned && digits[0] == '+' ? -1 : 0;
}
