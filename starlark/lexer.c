/*
 * The lexer: one pass over the bytes, a class table for the first byte of a token, names interned
 * as they are read. Also the odds and ends of `struct source`: symbols, diagnostics, and lines and
 * columns from offsets.
 */
#include "starlark/lexer.h"
#include "starlark/float.h"
#include "starlark/unicode.h"
#include "starlark/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const token_texts[TOKEN_MAX] = {
#define X(name, text) [T_##name] = text,
    TOKENS(X)
#undef X
};

const char *sl_token_text(enum token token)
{
    return token_texts[token];
}

/* -----------------------------------------------------------------------------------------------------------
 * diagnostics */

__attribute__((format(printf, 3, 0))) static void
source_add_error(struct source *source, uint32_t offset, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *message = sl_arena_alloc(&source->arena, (size_t)size + 1);
    vsnprintf(message, (size_t)size + 1, format, args);
    struct diagnostic_list *list = &source->diagnostics;
    if (list->count == list->capacity)
        list->items = sl_arena_grow(&source->arena, list->items, list->count, &list->capacity,
                                    sizeof(*list->items));
    list->items[list->count++] = (struct diagnostic){.offset = offset, .message = message};
}

void sl_source_error(struct source *source, uint32_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    source_add_error(source, offset, format, args);
    va_end(args);
}

void sl_source_fail(struct source *source, uint32_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    source_add_error(source, offset, format, args);
    va_end(args);
    longjmp(source->failed, FAILED_SYNTAX);
}

void sl_position_of(const uint32_t *lines, size_t line_count, const char *text, uint32_t offset,
                    int *ret_line, int *ret_column)
{
    size_t low = 0, high = line_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    size_t column = offset - lines[low];
    if (text)
        column = sl_utf8_count(text + lines[low], column);
    *ret_line = (int)low + 1;
    *ret_column = (int)column + 1;
}

/* ---------------------------------------------------------------------------------------------------------------
 * symbols */

static const struct {
    const char *name;
    enum token token;
} keywords[] = {
    {"and", T_AND},
    {"break", T_BREAK},
    {"continue", T_CONTINUE},
    {"def", T_DEF},
    {"elif", T_ELIF},
    {"else", T_ELSE},
    {"for", T_FOR},
    {"if", T_IF},
    {"in", T_IN},
    {"lambda", T_LAMBDA},
    {"load", T_LOAD},
    {"not", T_NOT},
    {"or", T_OR},
    {"pass", T_PASS},
    {"return", T_RETURN},
    {"while", T_WHILE},
    {"as", T_RESERVED},
    {"async", T_RESERVED},
    {"await", T_RESERVED},
    {"class", T_RESERVED},
    {"del", T_RESERVED},
    {"except", T_RESERVED},
    {"finally", T_RESERVED},
    {"from", T_RESERVED},
    {"global", T_RESERVED},
    {"import", T_RESERVED},
    {"is", T_RESERVED},
    {"nonlocal", T_RESERVED},
    {"raise", T_RESERVED},
    {"try", T_RESERVED},
    {"with", T_RESERVED},
    {"yield", T_RESERVED},
};

/* FNV-1a with a final mix: names come from the file itself, so a collision costs only that file's
 * own compilation; the table is bounded by its size all the same, because probing is linear over at
 * most half full slots. */
static uint32_t symbol_hash(const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static void symbols_grow(struct source *source)
{
    size_t capacity = source->symbol_capacity ? source->symbol_capacity * 2 : 256;
    struct symbol **slots = sl_arena_alloc(&source->arena, capacity * sizeof(struct symbol *));
    for (size_t i = 0; i < source->symbol_capacity; i++) {
        struct symbol *symbol = source->symbols[i];
        if (!symbol)
            continue;
        size_t at = symbol->hash & (capacity - 1);
        while (slots[at])
            at = (at + 1) & (capacity - 1);
        slots[at] = symbol;
    }
    source->symbols = slots;
    source->symbol_capacity = capacity;
}

static struct symbol *symbol_new(struct source *source, const char *name, size_t size,
                                 uint32_t hash)
{
    struct symbol *symbol = sl_arena_alloc(&source->arena, sizeof(*symbol) + size + 1);
    char *copy = (char *)(symbol + 1);
    memcpy(copy, name, size);
    symbol->name = copy;
    symbol->size = (uint32_t)size;
    symbol->hash = hash;
    return symbol;
}

struct symbol *sl_symbol(struct source *source, const char *name, size_t size)
{
    if (source->symbol_count * 2 >= source->symbol_capacity)
        symbols_grow(source);
    uint32_t hash = symbol_hash(name, size);
    size_t at = hash & (source->symbol_capacity - 1);
    for (struct symbol *symbol; (symbol = source->symbols[at]);
         at = (at + 1) & (source->symbol_capacity - 1))
        if (symbol->hash == hash && symbol->size == size && memcmp(symbol->name, name, size) == 0)
            return symbol;
    source->symbol_count++;
    return source->symbols[at] = symbol_new(source, name, size, hash);
}

/* -----------------------------------------------------------------------------------------------------------------
 * tokens */

static uint32_t lexer_offset(const struct lexer *lexer, const char *at)
{
    return (uint32_t)(at - lexer->source->text);
}

static int peek(const struct lexer *lexer, size_t ahead)
{
    return (size_t)(lexer->source->end - lexer->at) > ahead ? (unsigned char)lexer->at[ahead] : -1;
}

static void line_begins(struct lexer *lexer)
{
    struct source *source = lexer->source;
    if (source->line_count == source->line_capacity)
        source->lines = sl_arena_grow(&source->arena, source->lines, source->line_count,
                                      &source->line_capacity, sizeof(uint32_t));
    source->lines[source->line_count++] = lexer_offset(lexer, lexer->at);
}

static void push_indent(struct lexer *lexer, uint32_t width)
{
    if (lexer->indent_count == lexer->indent_capacity)
        lexer->indents = sl_arena_grow(&lexer->source->arena, lexer->indents, lexer->indent_count,
                                       &lexer->indent_capacity, sizeof(uint32_t));
    lexer->indents[lexer->indent_count++] = width;
}

void sl_lexer_init(struct lexer *lexer, struct source *source)
{
    *lexer = (struct lexer){
        .source = source, .at = source->text, .line_start = true, .saw_newline = true};
    line_begins(lexer);
    push_indent(lexer, 0);
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
        sl_symbol(source, keywords[i].name, strlen(keywords[i].name))->keyword =
            (uint8_t)keywords[i].token;
}

/* Steps over one line end: LF, CR or CRLF. */
static void skip_newline(struct lexer *lexer)
{
    if (peek(lexer, 0) == '\r' && peek(lexer, 1) == '\n')
        lexer->at++;
    lexer->at++;
    line_begins(lexer);
}

static bool is_newline(int c)
{
    return c == '\n' || c == '\r';
}

static void skip_comment(struct lexer *lexer)
{
    const char *end = lexer->source->end;
    while (lexer->at < end && !is_newline(*lexer->at))
        lexer->at++;
}

/* The width of the white space at the beginning of a line; leaves `at` behind it. */
static uint32_t measure_indent(struct lexer *lexer)
{
    uint32_t width = 0;
    for (;; lexer->at++) {
        int c = peek(lexer, 0);
        if (c == ' ')
            width++;
        else if (c == '\t')
            width = (width | 7) + 1;
        else
            return width;
    }
}

/* At the beginning of a line outside brackets: steps over blank lines and compares the indentation
 * of the first other. Gives INDENT, OUTDENT (more may be pending) or ILLEGAL for no change. */
static enum token lexer_begin_line(struct lexer *lexer)
{
    uint32_t width;
    for (;;) {
        width = measure_indent(lexer);
        if (peek(lexer, 0) == '#')
            skip_comment(lexer);
        if (!is_newline(peek(lexer, 0)))
            break;
        skip_newline(lexer);
    }
    lexer->line_start = false;
    if (lexer->at == lexer->source->end)
        return T_ILLEGAL;
    lexer->offset = lexer_offset(lexer, lexer->at);
    if (width > lexer->indents[lexer->indent_count - 1]) {
        push_indent(lexer, width);
        return T_INDENT;
    }
    while (width < lexer->indents[lexer->indent_count - 1]) {
        lexer->indent_count--;
        lexer->pending_outdent++;
    }
    if (width != lexer->indents[lexer->indent_count - 1])
        sl_source_fail(lexer->source, lexer->offset,
                       "unindent does not match any outer indentation level");
    return T_ILLEGAL;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* The digits from `digits` to here, in `base`: small, or marked big. */
static enum token lexer_int(struct lexer *lexer, const char *digits, int base)
{
    lexer->text = digits;
    lexer->size = (size_t)(lexer->at - digits);
    lexer->base = base;
    lexer->big = false;
    lexer->integer = 0;
    for (const char *p = digits; p < lexer->at; p++)
        if (__builtin_mul_overflow(lexer->integer, base, &lexer->integer) ||
            __builtin_add_overflow(lexer->integer, digit_value((unsigned char)*p),
                                   &lexer->integer)) {
            lexer->big = true;
            break;
        }
    return T_INT;
}

static enum token lexer_prefixed_int(struct lexer *lexer, int base, const char *what)
{
    lexer->at += 2;
    const char *digits = lexer->at;
    while (digit_value(peek(lexer, 0)) < base)
        lexer->at++;
    if (lexer->at == digits)
        sl_source_fail(lexer->source, base == 16 ? lexer->offset : lexer_offset(lexer, lexer->at),
                       "invalid %s literal", what);
    return lexer_int(lexer, digits, base);
}

static void skip_digits(struct lexer *lexer)
{
    while (is_digit(peek(lexer, 0)))
        lexer->at++;
}

static enum token lexer_float(struct lexer *lexer, const char *start)
{
    if (peek(lexer, 0) == '.') {
        lexer->at++;
        skip_digits(lexer);
    }
    int c = peek(lexer, 0);
    if (c == 'e' || c == 'E') {
        lexer->at++;
        c = peek(lexer, 0);
        if (c == '+' || c == '-')
            lexer->at++;
        if (!is_digit(peek(lexer, 0)))
            sl_source_fail(lexer->source, lexer_offset(lexer, lexer->at), "invalid float literal");
        skip_digits(lexer);
    }
    size_t size = (size_t)(lexer->at - start);
    char *copy = sl_arena_alloc(&lexer->source->arena, size + 1);
    memcpy(copy, start, size);
    lexer->number = sl_strtod(copy, NULL);
    if (isinf(lexer->number))
        sl_source_fail(lexer->source, lexer_offset(lexer, lexer->at), "invalid float literal");
    return T_FLOAT;
}

static bool all_zeros(const char *p, const char *end)
{
    while (p < end && *p == '0')
        p++;
    return p == end;
}

static enum token lexer_number(struct lexer *lexer)
{
    const char *start = lexer->at;
    int c = peek(lexer, 0), next = peek(lexer, 1);
    if (c == '0' && (next == 'x' || next == 'X'))
        return lexer_prefixed_int(lexer, 16, "hex");
    if (c == '0' && (next == 'o' || next == 'O'))
        return lexer_prefixed_int(lexer, 8, "octal");
    if (c == '0' && (next == 'b' || next == 'B'))
        return lexer_prefixed_int(lexer, 2, "binary");
    skip_digits(lexer);
    int after = peek(lexer, 0);
    if (after == '.' || after == 'e' || after == 'E')
        return lexer_float(lexer, start);
    size_t size = (size_t)(lexer->at - start);
    if (c == '0' && !all_zeros(start, lexer->at))
        sl_source_fail(lexer->source, lexer_offset(lexer, lexer->at),
                       "obsolete form of octal literal; use 0o%.*s", (int)size - 1, start + 1);
    return lexer_int(lexer, start, 10);
}

/* ----------------------------------------------------------------------------------------------------------------
 * strings */

/* Where a literal's value is built: never longer than three times its text (each bad byte becomes
 * U+FFFD). */
struct literal {
    struct lexer *lexer;
    const char *at, *end;
    char *out;
    bool bytes;
};

static _Noreturn void bad_escape(const struct literal *literal, const char *what, size_t size)
{
    size_t left = (size_t)(literal->end - literal->at);
    sl_source_fail(literal->lexer->source, literal->lexer->offset, "%s escape sequence %.*s", what,
                   (int)(left < size ? left : size), literal->at);
}

static uint32_t hex_escape(struct literal *literal, size_t digits)
{
    if ((size_t)(literal->end - literal->at) < digits + 2)
        bad_escape(literal, "truncated", SIZE_MAX >> 1 > 1000 ? 1000 : 1);
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_value((unsigned char)literal->at[2 + i]);
        if (digit >= 16)
            bad_escape(literal, "invalid", digits + 2);
        value = value << 4 | (uint32_t)digit;
    }
    return value;
}

static void put_octal_escape(struct literal *literal)
{
    uint32_t value = 0;
    const char *p = literal->at + 1;
    for (int i = 0; i < 3 && p < literal->end && *p >= '0' && *p <= '7'; i++)
        value = value * 8 + (uint32_t)(*p++ - '0');
    struct source *source = literal->lexer->source;
    if (value > 255)
        sl_source_fail(source, literal->lexer->offset, "invalid escape sequence \\%03o", value);
    if (value > 127 && !literal->bytes)
        sl_source_fail(source, literal->lexer->offset,
                       "non-ASCII octal escape \\%o (use \\u%04X for the UTF-8 encoding of U+%04X)",
                       value, value, value);
    *literal->out++ = (char)value;
    literal->at = p;
}

static void put_hex_escape(struct literal *literal)
{
    uint32_t value = hex_escape(literal, 2);
    if (value > 127 && !literal->bytes)
        sl_source_fail(literal->lexer->source, literal->lexer->offset,
                       "non-ASCII hex escape %.4s (use \\u%04X for the UTF-8 encoding of U+%04X)",
                       literal->at, value, value);
    *literal->out++ = (char)value;
    literal->at += 4;
}

static void put_unicode_escape(struct literal *literal)
{
    size_t digits = literal->at[1] == 'u' ? 4 : 8;
    uint32_t value = hex_escape(literal, digits);
    struct source *source = literal->lexer->source;
    if (value > 0x10FFFF)
        sl_source_fail(source, literal->lexer->offset,
                       "code point out of range: %.*s (max \\U%08x)", (int)digits + 2, literal->at,
                       0x10FFFF);
    if (value >= 0xD800 && value <= 0xDFFF)
        sl_source_fail(source, literal->lexer->offset, "invalid Unicode code point U+%04X", value);
    literal->out += sl_utf8_encode(literal->out, value);
    literal->at += digits + 2;
}

static void put_escape(struct literal *literal)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    char c = literal->at[1];
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        *literal->out++ = to[simple - from];
        literal->at += 2;
    } else if (is_newline(c)) {
        literal->at +=
            literal->end - literal->at > 2 && c == '\r' && literal->at[2] == '\n' ? 3 : 2;
    } else if (c >= '0' && c <= '7') {
        put_octal_escape(literal);
    } else if (c == 'x') {
        put_hex_escape(literal);
    } else if (c == 'u' || c == 'U') {
        put_unicode_escape(literal);
    } else {
        uint32_t point;
        int width = sl_utf8_decode(literal->at + 1, literal->end, &point);
        bad_escape(literal, "invalid", (size_t)width + 1);
    }
}

/* The value of a literal's text. */
static void literal_decode(struct lexer *lexer, const char *text, size_t size, bool raw, bool bytes)
{
    bool plain =
        sl_ascii(text, size) && !memchr(text, '\r', size) && (raw || !memchr(text, '\\', size));
    if (plain) {
        lexer->text = text;
        lexer->size = size;
        return;
    }
    char *out = sl_arena_alloc(&lexer->source->arena, size * 3 + 1);
    struct literal literal = {
        .lexer = lexer, .at = text, .end = text + size, .out = out, .bytes = bytes};
    while (literal.at < literal.end) {
        if (*literal.at == '\\' && !raw) {
            put_escape(&literal);
        } else if (*literal.at == '\r') {
            *literal.out++ = '\n';
            literal.at += literal.end - literal.at > 1 && literal.at[1] == '\n' ? 2 : 1;
        } else {
            uint32_t point;
            literal.at += sl_utf8_decode(literal.at, literal.end, &point);
            literal.out += sl_utf8_encode(literal.out, point);
        }
    }
    lexer->text = out;
    lexer->size = (size_t)(literal.out - out);
}

/* Moves behind the closing quotes; gives the end of the text between. */
static const char *find_closing_quote(struct lexer *lexer, char quote, bool triple)
{
    struct source *source = lexer->source;
    while (lexer->at < source->end) {
        char c = *lexer->at;
        if (c == quote && (!triple || (peek(lexer, 1) == quote && peek(lexer, 2) == quote))) {
            const char *end = lexer->at;
            lexer->at += triple ? 3 : 1;
            return end;
        }
        if (is_newline(c)) {
            if (!triple)
                sl_source_fail(source, lexer->offset, "unexpected newline in string");
            skip_newline(lexer);
            continue;
        }
        lexer->at++;
        if (c != '\\')
            continue;
        if (lexer->at == source->end)
            break;
        if (is_newline(*lexer->at))
            skip_newline(lexer);
        else
            lexer->at++;
    }
    sl_source_fail(source, lexer->offset, "unexpected EOF in string");
}

static enum token lexer_string(struct lexer *lexer, bool raw, bool bytes)
{
    char quote = *lexer->at;
    bool triple = peek(lexer, 1) == quote && peek(lexer, 2) == quote;
    lexer->at += triple ? 3 : 1;
    const char *start = lexer->at;
    const char *end = find_closing_quote(lexer, quote, triple);
    literal_decode(lexer, start, (size_t)(end - start), raw, bytes);
    return bytes ? T_BYTES : T_STRING;
}

/* -------------------------------------------------------------------------------------------------
 * names and punctuation */

enum {
    C_OTHER,
    C_NAME,
    C_DIGIT
};

static int class_of(unsigned char c)
{
    static const uint8_t classes[256] = {
        ['0' ... '9'] = C_DIGIT,
        ['a' ... 'z'] = C_NAME,
        ['A' ... 'Z'] = C_NAME,
        ['_'] = C_NAME,
    };
    return classes[c];
}

/* Steps over the letters of a name that are not ASCII. */
static bool skip_wide_letter(struct lexer *lexer)
{
    uint32_t point;
    int width = sl_utf8_decode(lexer->at, lexer->source->end, &point);
    if (!sl_is_letter(point))
        return false;
    lexer->at += width;
    return true;
}

static enum token lexer_name(struct lexer *lexer)
{
    const char *start = lexer->at, *end = lexer->source->end;
    for (;;) {
        while (lexer->at < end && class_of((unsigned char)*lexer->at) != C_OTHER)
            lexer->at++;
        if (lexer->at == end || (unsigned char)*lexer->at < 0x80 || !skip_wide_letter(lexer))
            break;
    }
    lexer->symbol = sl_symbol(lexer->source, start, (size_t)(lexer->at - start));
    return lexer->symbol->keyword ? (enum token)lexer->symbol->keyword : T_IDENT;
}

static enum token take(struct lexer *lexer, size_t size, enum token token)
{
    lexer->at += size;
    return token;
}

/* One of `plain`, or `with_equals` if an = follows. */
static enum token maybe_equals(struct lexer *lexer, enum token plain, enum token with_equals)
{
    return peek(lexer, 1) == '=' ? take(lexer, 2, with_equals) : take(lexer, 1, plain);
}

/* An operator that may be doubled, and each form followed by =. */
static enum token maybe_doubled(struct lexer *lexer, char c, const enum token forms[4])
{
    if (peek(lexer, 1) != c)
        return maybe_equals(lexer, forms[0], forms[1]);
    return peek(lexer, 2) == '=' && forms[3] ? take(lexer, 3, forms[3]) : take(lexer, 2, forms[2]);
}

static _Noreturn void bad_character(struct lexer *lexer)
{
    uint32_t point;
    int width = sl_utf8_decode(lexer->at, lexer->source->end, &point);
    if (sl_is_printable(point))
        sl_source_fail(lexer->source, lexer->offset, "unexpected input character '%.*s'", width,
                       lexer->at);
    static const char *const named[0x20] = {
        ['\a'] = "\\a", ['\b'] = "\\b", ['\f'] = "\\f", ['\v'] = "\\v"};
    if (point < 0x20 && named[point])
        sl_source_fail(lexer->source, lexer->offset, "unexpected input character '%s'",
                       named[point]);
    if (point < 0x20 || point == 0x7F)
        sl_source_fail(lexer->source, lexer->offset, "unexpected input character '\\x%02x'", point);
    sl_source_fail(lexer->source, lexer->offset, "unexpected input character '\\u%04x'", point);
}

static enum token bracket(struct lexer *lexer, int change, enum token token)
{
    lexer->depth += change;
    return take(lexer, 1, token);
}

/* Closing brackets without an opening one do not make the depth negative: newlines keep their
 * meaning. */
static enum token close_bracket(struct lexer *lexer, enum token token)
{
    if (lexer->depth == 0)
        sl_source_fail(lexer->source, lexer->offset, "unexpected '%c'", *lexer->at);
    return bracket(lexer, -1, token);
}

static enum token lexer_punctuation(struct lexer *lexer, int c)
{
    static const enum token less[4] = {T_LT, T_LE, T_LTLT, T_LTLT_EQ};
    static const enum token greater[4] = {T_GT, T_GE, T_GTGT, T_GTGT_EQ};
    static const enum token slash[4] = {T_SLASH, T_SLASH_EQ, T_SLASHSLASH, T_SLASHSLASH_EQ};
    static const enum token star[4] = {T_STAR, T_STAR_EQ, T_STARSTAR, 0};
    switch (c) {
    case ',':
        return take(lexer, 1, T_COMMA);
    case '(':
        return bracket(lexer, 1, T_LPAREN);
    case ')':
        return close_bracket(lexer, T_RPAREN);
    case '[':
        return bracket(lexer, 1, T_LBRACK);
    case ']':
        return close_bracket(lexer, T_RBRACK);
    case '{':
        return bracket(lexer, 1, T_LBRACE);
    case '}':
        return close_bracket(lexer, T_RBRACE);
    case ':':
        return take(lexer, 1, T_COLON);
    case ';':
        return take(lexer, 1, T_SEMI);
    case '~':
        return take(lexer, 1, T_TILDE);
    case '=':
        return maybe_equals(lexer, T_EQ, T_EQL);
    case '+':
        return maybe_equals(lexer, T_PLUS, T_PLUS_EQ);
    case '-':
        return maybe_equals(lexer, T_MINUS, T_MINUS_EQ);
    case '%':
        return maybe_equals(lexer, T_PERCENT, T_PERCENT_EQ);
    case '&':
        return maybe_equals(lexer, T_AMP, T_AMP_EQ);
    case '|':
        return maybe_equals(lexer, T_PIPE, T_PIPE_EQ);
    case '^':
        return maybe_equals(lexer, T_CIRCUMFLEX, T_CIRCUMFLEX_EQ);
    case '<':
        return maybe_doubled(lexer, '<', less);
    case '>':
        return maybe_doubled(lexer, '>', greater);
    case '/':
        return maybe_doubled(lexer, '/', slash);
    case '*':
        return maybe_doubled(lexer, '*', star);
    case '!':
        if (peek(lexer, 1) == '=')
            return take(lexer, 2, T_NEQ);
        bad_character(lexer);
    default:
        bad_character(lexer);
    }
}

/* Steps over spaces, comments, joined lines, and inside brackets newlines. */
static void skip_space(struct lexer *lexer)
{
    for (;;) {
        int c = peek(lexer, 0);
        if (c == ' ' || c == '\t') {
            lexer->at++;
        } else if (c == '#') {
            skip_comment(lexer);
        } else if (is_newline(c) && lexer->depth > 0) {
            skip_newline(lexer);
            lexer->saw_newline = true;
        } else if (c == '\\') {
            if (!is_newline(peek(lexer, 1)))
                sl_source_fail(lexer->source, lexer_offset(lexer, lexer->at) + 1,
                               "stray backslash in program");
            lexer->at++;
            skip_newline(lexer);
            lexer->saw_newline = false;
        } else {
            return;
        }
    }
}

/* The end of the file acts as a newline, unless one was just given, and closes all blocks. */
static enum token lexer_end(struct lexer *lexer)
{
    if (lexer->indent_count > 1) {
        if (!lexer->saw_newline) {
            lexer->saw_newline = true;
            return T_NEWLINE;
        }
        lexer->indent_count--;
        return T_OUTDENT;
    }
    return T_EOF;
}

/* r"", b"", rb"": the length of the prefix, 0 if a name begins here. */
static size_t string_prefix(const struct lexer *lexer, bool *ret_raw, bool *ret_bytes)
{
    int c = peek(lexer, 0), next = peek(lexer, 1), third = peek(lexer, 2);
    *ret_raw = c == 'r';
    *ret_bytes = c == 'b' || (c == 'r' && next == 'b');
    if ((c == 'r' || c == 'b') && (next == '"' || next == '\''))
        return *ret_bytes = c == 'b', 1;
    return c == 'r' && next == 'b' && (third == '"' || third == '\'') ? 2 : 0;
}

static enum token lexer_token(struct lexer *lexer)
{
    int c = peek(lexer, 0);
    lexer->offset = lexer_offset(lexer, lexer->at);
    if (c < 0)
        return lexer_end(lexer);
    if (is_newline(c)) {
        skip_newline(lexer);
        lexer->line_start = true;
        return T_NEWLINE;
    }
    switch (class_of((unsigned char)c)) {
    case C_NAME:
        if (c == 'r' || c == 'b') {
            bool raw, bytes;
            size_t prefix = string_prefix(lexer, &raw, &bytes);
            lexer->at += prefix;
            if (prefix)
                return lexer_string(lexer, raw, bytes);
        }
        return lexer_name(lexer);
    case C_DIGIT:
        return lexer_number(lexer);
    default:
        break;
    }
    if (c == '"' || c == '\'')
        return lexer_string(lexer, false, false);
    if (c == '.')
        return is_digit(peek(lexer, 1)) ? lexer_float(lexer, lexer->at) : take(lexer, 1, T_DOT);
    if (c >= 0x80) {
        const char *start = lexer->at;
        if (skip_wide_letter(lexer)) {
            lexer->at = start;
            return lexer_name(lexer);
        }
    }
    return lexer_punctuation(lexer, c);
}

enum token sl_lexer_next(struct lexer *lexer)
{
    if (lexer->line_start && lexer->depth == 0) {
        enum token dent = lexer_begin_line(lexer);
        if (dent == T_INDENT)
            return dent;
    }
    if (lexer->pending_outdent > 0) {
        lexer->pending_outdent--;
        return T_OUTDENT;
    }
    skip_space(lexer);
    enum token token = lexer_token(lexer);
    lexer->saw_newline = token == T_NEWLINE || (token == T_OUTDENT && lexer->saw_newline);
    return token;
}
