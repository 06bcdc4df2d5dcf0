/* One value by one verb. Maps are shown in the order of their names, as Go does. */
#include "backend/plan/template_format.h"

#include "backend/plan/template_float.h"

#include <string.h>

enum {
    NUMBER_MAX = 4096, /* bytes of a number without padding; %f of a large one has 309 digits */
    PADDED_MAX = 4 << 20
};

struct verb {
    struct buf *buf;
    const struct format_flags *flags;
    int32_t letter;
};

static void put_value(const struct verb *verb, const struct value *value, unsigned depth);

static void put_padding(struct buf *buf, int count, char byte)
{
    char *end = count > 0 ? buf_reserve(buf, (size_t)count) : NULL;
    if (!end)
        return;
    memset(end, byte, (size_t)count);
    buf_commit(buf, (size_t)count);
}

/* The text, padded to the width. */
static void put_padded(const struct verb *verb, struct text text, bool zeros)
{
    const struct format_flags *flags = verb->flags;
    int missing = flags->has_width ? flags->width - (int)rune_count(text) : 0;
    char byte = zeros && flags->zero ? '0' : ' ';
    if (!flags->minus)
        put_padding(verb->buf, missing, byte);
    buf_append(verb->buf, text.bytes, text.length);
    if (flags->minus)
        put_padding(verb->buf, missing, byte);
}

static void put_bad_verb(const struct verb *verb, const struct value *value)
{
    buf_puts(verb->buf, "%!");
    rune_put(verb->buf, verb->letter);
    buf_putc(verb->buf, '(');
    if (value->kind == VALUE_NONE) {
        buf_puts(verb->buf, "<nil>)");
        return;
    }
    buf_printf(verb->buf, "%s=", value_type(value));
    struct verb plain = {.buf = verb->buf, .flags = verb->flags, .letter = 'v'};
    put_value(&plain, value, 0);
    buf_putc(verb->buf, ')');
}

/* ---- strings ---- */

static struct text cut_to_precision(const struct verb *verb, struct text text)
{
    if (!verb->flags->has_precision)
        return text;
    struct text cut = {.bytes = text.bytes};
    size_t width;
    for (int i = 0; i < verb->flags->precision && cut.length < text.length; i++) {
        rune_decode(text.bytes + cut.length, text.length - cut.length, &width);
        cut.length += width;
    }
    return cut;
}

static void put_quoted(const struct verb *verb, struct text text)
{
    cleanup(buf_done) struct buf quoted = BUF_INIT(verb->buf->max);
    text = cut_to_precision(verb, text);
    if (verb->flags->sharp && quote_can_backquote(text)) {
        buf_putc(&quoted, '`');
        buf_append(&quoted, text.bytes, text.length);
        buf_putc(&quoted, '`');
    } else {
        quote_put_text(&quoted, text, verb->flags->plus);
    }
    put_padded(verb, (struct text){quoted.data, quoted.length}, true);
}

static void put_hex_string(const struct verb *verb, struct text text)
{
    const struct format_flags *flags = verb->flags;
    const char *digits = verb->letter == 'x' ? "0123456789abcdefx" : "0123456789ABCDEFX";
    if (flags->has_precision && (size_t)flags->precision < text.length)
        text.length = (size_t)flags->precision;
    cleanup(buf_done) struct buf hex = BUF_INIT(verb->buf->max);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (flags->space && i > 0)
            buf_putc(&hex, ' ');
        if (flags->sharp && (flags->space || i == 0))
            buf_printf(&hex, "0%c", digits[16]);
        buf_putc(&hex, digits[byte >> 4]);
        buf_putc(&hex, digits[byte & 15]);
    }
    put_padded(verb, (struct text){hex.data, hex.length}, true);
}

static void put_string(const struct verb *verb, const struct value *value)
{
    switch (verb->letter) {
    case 'v':
        if (verb->flags->sharp_v)
            put_quoted(verb, value->text);
        else
            put_padded(verb, cut_to_precision(verb, value->text), true);
        break;
    case 's':
        put_padded(verb, cut_to_precision(verb, value->text), true);
        break;
    case 'x':
    case 'X':
        put_hex_string(verb, value->text);
        break;
    case 'q':
        put_quoted(verb, value->text);
        break;
    default:
        put_bad_verb(verb, value);
        break;
    }
}

/* ---- integers ---- */

/* Decimal digits of any length as digits of another base, in buf, most significant first. */
static void put_converted(struct buf *buf, struct text decimal, unsigned base, bool upper)
{
    const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    cleanup(buf_done) struct buf left = BUF_INIT(NUMBER_MAX * 4);
    cleanup(buf_done) struct buf reversed = BUF_INIT(NUMBER_MAX * 4);
    buf_append(&left, decimal.bytes, decimal.length);
    size_t first = 0;
    while (first < left.length) {
        unsigned rest = 0;
        for (size_t i = first; i < left.length; i++) {
            unsigned step = rest * 10 + (unsigned)(left.data[i] - '0');
            left.data[i] = (char)('0' + step / base);
            rest = step % base;
        }
        buf_putc(&reversed, letters[rest]);
        while (first < left.length && left.data[first] == '0')
            first++;
    }
    for (size_t i = reversed.length; i > 0; i--)
        buf_putc(buf, reversed.data[i - 1]);
}

static void put_base_prefix(struct buf *buf, const struct verb *verb, unsigned base, char first)
{
    if (verb->letter == 'O')
        buf_puts(buf, "0o");
    if (!verb->flags->sharp)
        return;
    if (base == 2)
        buf_puts(buf, "0b");
    else if (base == 8 && first != '0')
        buf_putc(buf, '0');
    else if (base == 16)
        buf_puts(buf, verb->letter == 'X' ? "0X" : "0x");
}

/* The digits of an integer, its sign told apart. */
struct magnitude {
    struct text decimal;
    bool negative;
    bool zero;
};

static void put_integer(const struct verb *verb, const struct magnitude *number, unsigned base)
{
    const struct format_flags *flags = verb->flags;
    if (flags->has_precision && flags->precision == 0 && number->zero) {
        put_padding(verb->buf, flags->has_width ? flags->width : 0, ' ');
        return;
    }
    int wanted = flags->has_precision ? flags->precision : 0;
    if (!flags->has_precision && flags->zero && flags->has_width)
        wanted = flags->width - (number->negative || flags->plus || flags->space);
    cleanup(buf_done) struct buf digits = BUF_INIT(PADDED_MAX);
    put_converted(&digits, number->decimal, base, verb->letter == 'X');
    cleanup(buf_done) struct buf text = BUF_INIT(PADDED_MAX);
    if (number->negative || flags->plus || flags->space)
        buf_putc(&text, number->negative ? '-' : flags->plus ? '+' : ' ');
    bool zeros = wanted > (int)digits.length;
    put_base_prefix(&text, verb, base, zeros ? '0' : digits.data[0]);
    put_padding(&text, wanted - (int)digits.length, '0');
    buf_append(&text, digits.data, digits.length);
    put_padded(verb, (struct text){text.data, text.length}, false);
}

static void put_unicode(const struct verb *verb, int64_t rune)
{
    const struct format_flags *flags = verb->flags;
    int digits = flags->has_precision && flags->precision > 4 ? flags->precision : 4;
    cleanup(buf_done) struct buf text = BUF_INIT(PADDED_MAX);
    buf_printf(&text, "U+%0*llX", digits, (unsigned long long)rune);
    if (flags->sharp && rune >= 0 && rune <= RUNE_MAX && rune_is_print((int32_t)rune)) {
        buf_puts(&text, " '");
        rune_put(&text, rune);
        buf_putc(&text, '\'');
    }
    put_padded(verb, (struct text){text.data, text.length}, false);
}

/* %c and %q of a number: the character of that code. */
static void put_character(const struct verb *verb, int64_t rune)
{
    cleanup(buf_done) struct buf text = BUF_INIT(NUMBER_MAX);
    if (verb->letter == 'q')
        quote_put_rune(&text, rune, verb->flags->plus);
    else
        rune_put(&text, rune);
    put_padded(verb, (struct text){text.data, text.length}, true);
}

/* The base that an integer verb writes; 0 if the letter is none. */
static unsigned verb_base(int32_t letter)
{
    switch (letter) {
    case 'v':
    case 'd':
        return 10;
    case 'b':
        return 2;
    case 'o':
    case 'O':
        return 8;
    case 'x':
    case 'X':
        return 16;
    default:
        return 0;
    }
}

static void put_whole(const struct verb *verb, const struct value *value, const int64_t *small)
{
    cleanup(buf_done) struct buf decimal = BUF_INIT(NUMBER_MAX * 4);
    struct value integer = small ? value_integer(*small) : *value;
    value_put_number(&decimal, &integer);
    bool negative = decimal.data[0] == '-';
    struct magnitude number = {.decimal = {decimal.data + negative, decimal.length - negative},
                               .negative = negative,
                               .zero = small && *small == 0};
    if (value->byte && verb->flags->sharp_v && verb->letter == 'v') {
        struct format_flags flags = *verb->flags;
        flags.sharp = true;
        put_integer(&(struct verb){.buf = verb->buf, .flags = &flags, .letter = 'v'}, &number, 16);
        return;
    }
    put_integer(verb, &number, verb_base(verb->letter));
}

/* ---- floats ---- */

/* What '#' adds to %g and its kin: the decimal point and zeros up to the precision. */
static void put_sharp_float(struct buf *out, struct text number, char form, int precision)
{
    bool hex = form == 'x' || form == 'X';
    int missing = 0;
    if (form == 'g' || form == 'G' || form == 'x') /* Go forgot X */
        missing = precision < 0 ? 6 : precision;
    size_t end = 0;
    bool point = false;
    bool nonzero = false;
    for (; end < number.length; end++) {
        char c = number.bytes[end];
        if (c == 'p' || c == 'P' || (!hex && (c == 'e' || c == 'E')))
            break;
        point = point || c == '.';
        nonzero = nonzero || (c != '0' && c != '.');
        missing -= nonzero && c != '.';
    }
    buf_append(out, number.bytes, end);
    if (!point) {
        missing -= end == 1 && number.bytes[0] == '0';
        buf_putc(out, '.');
    }
    put_padding(out, missing, '0');
    buf_append(out, number.bytes + end, number.length - end);
}

static void put_signed(const struct verb *verb, struct text number, char sign, bool finite)
{
    const struct format_flags *flags = verb->flags;
    cleanup(buf_done) struct buf text = BUF_INIT(PADDED_MAX);
    bool shown = sign == '-' || flags->plus || (flags->space && sign == ' ');
    if (shown && flags->zero && finite && flags->has_width &&
        flags->width > (int)number.length + 1) {
        buf_putc(verb->buf, sign);
        put_padding(verb->buf, flags->width - (int)number.length - 1, '0');
        buf_append(verb->buf, number.bytes, number.length);
        return;
    }
    if (shown)
        buf_putc(&text, sign);
    buf_append(&text, number.bytes, number.length);
    put_padded(verb, (struct text){text.data, text.length}, finite);
}

static void put_float_form(const struct verb *verb, double number, char form, int precision)
{
    const struct format_flags *flags = verb->flags;
    if (flags->has_precision)
        precision = flags->precision;
    cleanup(buf_done) struct buf plain = BUF_INIT(PADDED_MAX);
    float_put(&plain, number, form, precision);
    bool negative = plain.data[0] == '-';
    size_t skip = negative || plain.data[0] == '+';
    struct text digits = {plain.data + skip, plain.length - skip};
    char sign = negative ? '-' : flags->space && !flags->plus ? ' ' : '+';
    bool finite = digits.bytes[0] != 'I' && digits.bytes[0] != 'N';
    cleanup(buf_done) struct buf sharp = BUF_INIT(PADDED_MAX);
    if (finite && flags->sharp && form != 'b') {
        put_sharp_float(&sharp, digits, form, precision);
        digits = (struct text){sharp.data, sharp.length};
    }
    put_signed(verb, digits, sign, finite);
}

/* Whether the letter is a verb of floats; then its form and default precision. */
static bool float_form(int32_t letter, char *ret_form, int *ret_precision)
{
    *ret_form = letter == 'F' ? 'f' : letter == 'v' ? 'g' : (char)letter;
    *ret_precision =
        letter == 'f' || letter == 'F' || letter == 'e' || letter == 'E' ? 6 : FLOAT_SHORTEST;
    return letter > 0 && letter < 0x80 && strchr("vbgGxXfFeE", letter);
}

static void put_float(const struct verb *verb, const struct value *value)
{
    char form;
    int precision;
    if (!float_form(verb->letter, &form, &precision)) {
        put_bad_verb(verb, value);
        return;
    }
    const struct format_flags *flags = verb->flags;
    if (value->from_data && verb->letter == 'v' && !flags->has_precision && !flags->space) {
        cleanup(buf_done) struct buf text = BUF_INIT(NUMBER_MAX);
        float_put_json(&text, value->number);
        put_padded(verb, (struct text){text.data, text.length}, true);
        return;
    }
    put_float_form(verb, value->number, form, precision);
}

static void put_complex(const struct verb *verb, const struct value *value)
{
    char form;
    int precision;
    if (!float_form(verb->letter, &form, &precision)) {
        put_bad_verb(verb, value);
        return;
    }
    struct format_flags flags = *verb->flags;
    struct verb part = {.buf = verb->buf, .flags = &flags, .letter = verb->letter};
    buf_putc(verb->buf, '(');
    put_float_form(&part, value->complex.real, form, precision);
    flags.plus = true;
    put_float_form(&part, value->complex.imaginary, form, precision);
    buf_puts(verb->buf, "i)");
}

/* ---- numbers of either kind ---- */

/* A number of the data does what the verb asks for, whether it is written 2 or 2.0; and by %s and
 * %q it is its text. */
static bool put_data_number(const struct verb *verb, const struct value *value)
{
    char form;
    int precision;
    int64_t integer;
    if (verb->letter == 's' || verb->letter == 'q') {
        cleanup(buf_done) struct buf text = BUF_INIT(NUMBER_MAX * 4);
        value_put_number(&text, value);
        struct value string = value_string((struct text){text.data, text.length});
        put_string(verb, &string);
        return true;
    }
    if (value->kind == VALUE_INTEGER && verb_base(verb->letter) == 0 &&
        float_form(verb->letter, &form, &precision)) {
        put_float_form(verb, (double)value->integer, form, precision);
        return true;
    }
    if (value->kind == VALUE_FLOAT && verb->letter != 'v' &&
        (verb_base(verb->letter) != 0 || verb->letter == 'c' || verb->letter == 'U') &&
        value_as_integer(value, &integer)) {
        struct value whole = value_integer(integer);
        put_value(verb, &whole, 0);
        return true;
    }
    return false;
}

static void put_number(const struct verb *verb, const struct value *value)
{
    if (value->from_data && put_data_number(verb, value))
        return;
    if (value->kind == VALUE_FLOAT) {
        put_float(verb, value);
        return;
    }
    const int64_t *small = value->kind == VALUE_INTEGER ? &value->integer : NULL;
    if (verb_base(verb->letter) != 0)
        put_whole(verb, value, small);
    else if (verb->letter == 'c' || verb->letter == 'q')
        put_character(verb, small ? *small : RUNE_ERROR);
    else if (verb->letter == 'U' && small)
        put_unicode(verb, *small);
    else
        put_bad_verb(verb, value);
}

/* ---- everything else ---- */

static void put_list(const struct verb *verb, const struct value *list, unsigned depth)
{
    bool go = verb->flags->sharp_v;
    buf_puts(verb->buf, go ? "[]interface {}{" : "[");
    for (size_t i = 0; i < value_length(list); i++) {
        if (i > 0)
            buf_puts(verb->buf, go ? ", " : " ");
        struct value element = value_element(list, i);
        put_value(verb, &element, depth + 1);
    }
    buf_putc(verb->buf, go ? '}' : ']');
}

static void put_map(const struct verb *verb, const struct value *map, unsigned depth)
{
    bool go = verb->flags->sharp_v;
    cleanup(arena_done) struct arena arena = ARENA_INIT(verb->buf->max);
    size_t count;
    struct text *names = value_sorted_names(&arena, map, &count);
    if (!names) {
        verb->buf->failed = true; /* no memory: the text is not whole */
        return;
    }
    buf_puts(verb->buf, go ? "map[string]interface {}{" : "map[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_puts(verb->buf, go ? ", " : " ");
        struct value name = value_string(names[i]);
        put_value(verb, &name, depth + 1);
        buf_putc(verb->buf, ':');
        struct value member = value_member(map, names[i]);
        put_value(verb, &member, depth + 1);
    }
    buf_putc(verb->buf, go ? '}' : ']');
}

static void put_nil(const struct verb *verb, const struct value *value, unsigned depth)
{
    if (depth > 0)
        buf_puts(verb->buf, verb->flags->sharp_v ? "interface {}(nil)" : "<nil>");
    else if (verb->letter == 'v')
        put_padded(verb, TEXT("<nil>"), true);
    else
        put_bad_verb(verb, value);
}

static void put_bool(const struct verb *verb, const struct value *value)
{
    if (verb->letter != 't' && verb->letter != 'v')
        put_bad_verb(verb, value);
    else
        put_padded(verb, value->truth ? TEXT("true") : TEXT("false"), true);
}

static void put_value(const struct verb *verb, const struct value *value, unsigned depth)
{
    switch (value->kind) {
    case VALUE_NONE:
        put_nil(verb, value, depth);
        break;
    case VALUE_BOOL:
        put_bool(verb, value);
        break;
    case VALUE_INTEGER:
    case VALUE_BIG:
    case VALUE_FLOAT:
        put_number(verb, value);
        break;
    case VALUE_COMPLEX:
        put_complex(verb, value);
        break;
    case VALUE_STRING:
        put_string(verb, value);
        break;
    case VALUE_LIST:
        put_list(verb, value, depth);
        break;
    case VALUE_MAP:
    case VALUE_KIND_MAX:
    default:
        put_map(verb, value, depth);
        break;
    }
}

void format_verb(struct buf *buf, const struct format_flags *flags, int32_t letter,
                 const struct value *value)
{
    struct verb verb = {.buf = buf, .flags = flags, .letter = letter};
    bool composite = value->kind == VALUE_LIST || value->kind == VALUE_MAP;
    const char *type = value_type(value);
    if (letter == 'T' && value->kind != VALUE_NONE)
        put_padded(&verb, cut_to_precision(&verb, (struct text){type, strlen(type)}), true);
    else if (letter == 'T')
        put_padded(&verb, TEXT("<nil>"), true);
    else if (letter == 'p' || (letter == 'w' && composite))
        /* nothing here has an address to show, or is an error to wrap */
        put_bad_verb(&verb, value);
    else
        put_value(&verb, value, 0);
}
