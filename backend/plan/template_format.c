/* fmt's three ways to print, and the language of its formats. */
#include "backend/plan/template_format.h"

#include <limits.h>

enum {
    LARGEST = 1000000 /* of a width or precision; Go takes larger ones for mistakes */
};

static bool is_string(const struct value *value)
{
    return value->kind == VALUE_STRING;
}

void format_print(struct buf *buf, const struct value *values, size_t count)
{
    static const struct format_flags plain;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !is_string(&values[i]) && !is_string(&values[i - 1]))
            buf_putc(buf, ' ');
        format_verb(buf, &plain, 'v', &values[i]);
    }
}

void format_println(struct buf *buf, const struct value *values, size_t count)
{
    static const struct format_flags plain;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(buf, ' ');
        format_verb(buf, &plain, 'v', &values[i]);
    }
    buf_putc(buf, '\n');
}

/* ---- formats ---- */

struct format_state {
    struct buf *buf;
    struct text format;
    size_t at;
    const struct value *values;
    size_t count;
    size_t argument;  /* the next value to use */
    bool reordered;   /* an index like [2] was used: unused values are no mistake */
    bool good;        /* the indexes of this verb are valid */
    bool after_index; /* the last thing read was an index */
    struct format_flags flags;
};

static bool more(const struct format_state *state)
{
    return state->at < state->format.length;
}

static char current(const struct format_state *state)
{
    return state->format.bytes[state->at];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number at *at, before end. False if there is none; a number that is too large takes all the
 * text up to end. */
static bool read_number(struct text text, size_t *at, size_t end, int *ret)
{
    bool found = false;
    *ret = 0;
    while (*at < end && is_digit(text.bytes[*at])) {
        if (*ret > LARGEST) {
            *ret = 0;
            *at = end;
            return false;
        }
        *ret = *ret * 10 + (text.bytes[(*at)++] - '0');
        found = true;
    }
    return found;
}

static void read_flags(struct format_state *state)
{
    struct format_flags *flags = &state->flags;
    for (; more(state); state->at++) {
        switch (current(state)) {
        case '#':
            flags->sharp = true;
            break;
        case '0':
            flags->zero = !flags->minus;
            break;
        case '+':
            flags->plus = true;
            break;
        case '-':
            flags->minus = true;
            flags->zero = false;
            break;
        case ' ':
            flags->space = true;
            break;
        default:
            return;
        }
    }
}

/* An index like [2], which says which value is next. */
static void read_index(struct format_state *state)
{
    state->after_index = false;
    if (!more(state) || current(state) != '[')
        return;
    state->reordered = true;
    size_t close = state->at + 1;
    while (close < state->format.length && state->format.bytes[close] != ']')
        close++;
    if (close == state->format.length || state->format.length - state->at < 3) {
        state->at++; /* no ']': only the '[' is taken */
        state->good = false;
        return;
    }
    size_t at = state->at + 1;
    int index;
    bool number = read_number(state->format, &at, close, &index) && at == close;
    state->at = close + 1;
    state->after_index = number;
    if (number && index >= 1 && (size_t)index <= state->count)
        state->argument = (size_t)index - 1;
    else
        state->good = false;
}

/* The value of a '*'. */
static bool take_integer(struct format_state *state, int *ret)
{
    *ret = 0;
    if (state->argument >= state->count)
        return false;
    int64_t integer;
    if (!value_as_integer(&state->values[state->argument++], &integer) || integer > LARGEST ||
        integer < -LARGEST)
        return false;
    *ret = (int)integer;
    return true;
}

static void read_width(struct format_state *state)
{
    struct format_flags *flags = &state->flags;
    if (!more(state) || current(state) != '*') {
        flags->has_width =
            read_number(state->format, &state->at, state->format.length, &flags->width);
        if (state->after_index && flags->has_width) /* "%[3]2d" */
            state->good = false;
        return;
    }
    state->at++;
    flags->has_width = take_integer(state, &flags->width);
    if (!flags->has_width)
        buf_puts(state->buf, "%!(BADWIDTH)");
    if (flags->width < 0) {
        flags->width = -flags->width;
        flags->minus = true;
        flags->zero = false;
    }
    state->after_index = false;
}

static void read_precision(struct format_state *state)
{
    struct format_flags *flags = &state->flags;
    if (state->at + 1 >= state->format.length || current(state) != '.')
        return;
    state->at++;
    if (state->after_index) /* "%[3].2d" */
        state->good = false;
    read_index(state);
    if (!more(state) || current(state) != '*') {
        if (!read_number(state->format, &state->at, state->format.length, &flags->precision))
            flags->precision = 0;
        flags->has_precision = true;
        return;
    }
    state->at++;
    flags->has_precision = take_integer(state, &flags->precision) && flags->precision >= 0;
    if (!flags->has_precision) {
        flags->precision = 0;
        buf_puts(state->buf, "%!(BADPREC)");
    }
    state->after_index = false;
}

static void put_mistake(struct format_state *state, int32_t verb, const char *what)
{
    buf_puts(state->buf, "%!");
    rune_put(state->buf, verb);
    buf_puts(state->buf, what);
}

static void put_verb(struct format_state *state)
{
    if (!more(state)) {
        buf_puts(state->buf, "%!(NOVERB)");
        return;
    }
    size_t width;
    int32_t verb =
        rune_decode(state->format.bytes + state->at, state->format.length - state->at, &width);
    state->at += width;
    if (verb == '%') {
        buf_putc(state->buf, '%');
        return;
    }
    if (!state->good) {
        put_mistake(state, verb, "(BADINDEX)");
        return;
    }
    if (state->argument >= state->count) {
        put_mistake(state, verb, "(MISSING)");
        return;
    }
    struct format_flags *flags = &state->flags;
    if (verb == 'v') {
        flags->sharp_v = flags->sharp;
        flags->plus_v = flags->plus;
        flags->sharp = flags->plus = false;
    }
    format_verb(state->buf, flags, verb, &state->values[state->argument++]);
}

static void put_extra(const struct format_state *state)
{
    static const struct format_flags plain;
    buf_puts(state->buf, "%!(EXTRA ");
    for (size_t i = state->argument; i < state->count; i++) {
        const struct value *value = &state->values[i];
        if (i > state->argument)
            buf_puts(state->buf, ", ");
        if (value->kind != VALUE_NONE)
            buf_printf(state->buf, "%s=", value_type(value));
        format_verb(state->buf, &plain, 'v', value);
    }
    buf_putc(state->buf, ')');
}

static void put_directive(struct format_state *state)
{
    state->good = true;
    state->after_index = false;
    state->flags = (struct format_flags){.width = 0};
    read_flags(state);
    read_index(state);
    read_width(state);
    read_precision(state);
    if (!state->after_index)
        read_index(state);
    put_verb(state);
}

void format_printf(struct buf *buf, struct text format, const struct value *values, size_t count)
{
    struct format_state state = {.buf = buf, .format = format, .values = values, .count = count};
    while (more(&state)) {
        size_t start = state.at;
        while (more(&state) && current(&state) != '%')
            state.at++;
        buf_append(buf, format.bytes + start, state.at - start);
        if (!more(&state))
            break;
        state.at++;
        put_directive(&state);
    }
    if (!state.reordered && state.argument < count)
        put_extra(&state);
}
