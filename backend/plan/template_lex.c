/*
 * The lexer of templates. It knows two worlds: text, which is passed on as it is but for the
 * trimming that {{- and -}} ask for, and actions, whose words are tokens. It accepts some malformed
 * numbers ("0x.2", "089") and any escape in a string; the parser reads those properly and refuses.
 */
#include "backend/plan/template_lex.h"

#include <string.h>

enum {
    RUNE_EOF = -1,
    DELIMITER = 2,  /* bytes of {{ and }} */
    TRIM_MARKER = 2 /* bytes of "- " and " -" */
};

static const struct {
    const char *word;
    enum token_kind kind;
} keywords[] = {
    {"nil", TOKEN_NIL},           {"block", TOKEN_BLOCK},   {"break", TOKEN_BREAK},
    {"continue", TOKEN_CONTINUE}, {"define", TOKEN_DEFINE}, {"else", TOKEN_ELSE},
    {"end", TOKEN_END},           {"if", TOKEN_IF},         {"range", TOKEN_RANGE},
    {"template", TOKEN_TEMPLATE}, {"with", TOKEN_WITH},     {"true", TOKEN_BOOL},
    {"false", TOKEN_BOOL},
};

void lexer_init(struct lexer *lexer, struct text input, struct arena *arena)
{
    *lexer = (struct lexer){.input = input, .arena = arena, .line = 1};
}

/* ---- reading ---- */

static bool at(const struct lexer *lexer, size_t position, const char *word)
{
    size_t length = strlen(word);
    return position <= lexer->input.length && lexer->input.length - position >= length &&
           memcmp(lexer->input.bytes + position, word, length) == 0;
}

static bool is_space(int32_t rune)
{
    return rune == ' ' || rune == '\t' || rune == '\r' || rune == '\n';
}

static bool is_word(int32_t rune)
{
    return rune == '_' || rune_is_letter(rune) || rune_is_digit(rune);
}

static int32_t peek(const struct lexer *lexer)
{
    size_t width;
    int32_t rune = rune_decode(lexer->input.bytes + lexer->position,
                               lexer->input.length - lexer->position, &width);
    return width ? rune : RUNE_EOF;
}

static int32_t next(struct lexer *lexer)
{
    size_t width;
    int32_t rune = rune_decode(lexer->input.bytes + lexer->position,
                               lexer->input.length - lexer->position, &width);
    lexer->position += width;
    return width ? rune : RUNE_EOF;
}

static bool accept(struct lexer *lexer, const char *set)
{
    int32_t rune = peek(lexer);
    if (rune <= 0 || rune >= 0x80 || !strchr(set, rune))
        return false;
    lexer->position++;
    return true;
}

static void accept_run(struct lexer *lexer, const char *set)
{
    while (accept(lexer, set))
        continue;
}

/* Whether input has " -" (any space) at position. */
static bool right_trim_at(const struct lexer *lexer, size_t position)
{
    return lexer->input.length >= position + TRIM_MARKER &&
           is_space(lexer->input.bytes[position]) && lexer->input.bytes[position + 1] == '-';
}

static bool left_trim_at(const struct lexer *lexer, size_t position)
{
    return lexer->input.length >= position + TRIM_MARKER && lexer->input.bytes[position] == '-' &&
           is_space(lexer->input.bytes[position + 1]);
}

static bool at_right_delimiter(const struct lexer *lexer, bool *ret_trim)
{
    *ret_trim =
        right_trim_at(lexer, lexer->position) && at(lexer, lexer->position + TRIM_MARKER, "}}");
    return *ret_trim || at(lexer, lexer->position, "}}");
}

/* Whether what follows may come right after a word: "$x+2" is no two words. */
static bool at_terminator(const struct lexer *lexer)
{
    int32_t rune = peek(lexer);
    if (rune == RUNE_EOF || is_space(rune) || at(lexer, lexer->position, "}}"))
        return true;
    return rune > 0 && rune < 0x80 && strchr(".,|:)(", rune);
}

/* ---- emitting ---- */

static void ignore(struct lexer *lexer)
{
    lexer->start = lexer->position;
}

static unsigned line_of_start(struct lexer *lexer)
{
    for (; lexer->counted < lexer->start; lexer->counted++)
        lexer->line += lexer->input.bytes[lexer->counted] == '\n';
    return lexer->line;
}

static void emit(struct lexer *lexer, enum token_kind kind)
{
    lexer->token = (struct token){.kind = kind,
                                  .text = {.bytes = lexer->input.bytes + lexer->start,
                                           .length = lexer->position - lexer->start},
                                  .position = lexer->start,
                                  .line = line_of_start(lexer)};
    lexer->emitted = true;
    lexer->start = lexer->position;
}

static void emit_error(struct lexer *lexer, const char *message)
{
    const char *copy = arena_copy(lexer->arena, message, strlen(message));
    copy = copy ? copy : "out of memory";
    lexer->token = (struct token){.kind = TOKEN_ERROR,
                                  .text = {.bytes = copy, .length = strlen(copy)},
                                  .position = lexer->start,
                                  .line = line_of_start(lexer)};
    lexer->emitted = true;
    lexer->state = LEXER_DONE;
}

/* "what U+0023 '#'" */
static void emit_rune_error(struct lexer *lexer, const char *what, int32_t rune)
{
    cleanup(buf_done) struct buf message = BUF_INIT(128);
    buf_printf(&message, "%s U+%04X", what, (unsigned)rune);
    if (rune_is_print(rune)) {
        buf_puts(&message, " '");
        rune_put(&message, rune);
        buf_putc(&message, '\'');
    }
    emit_error(lexer, message.data);
}

static void emit_number_error(struct lexer *lexer)
{
    struct text text = {.bytes = lexer->input.bytes + lexer->start,
                        .length = lexer->position - lexer->start};
    cleanup(buf_done) struct buf message = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&message, "bad number syntax: ");
    quote_put_text(&message, text, false);
    emit_error(lexer, message.data);
}

/* ---- text and comments ---- */

static void skip_space(struct lexer *lexer)
{
    accept_run(lexer, " \t\r\n");
}

static void lex_text(struct lexer *lexer)
{
    const char *from = lexer->input.bytes + lexer->position;
    const char *found = memmem(from, lexer->input.length - lexer->position, "{{", DELIMITER);
    size_t delimiter = found ? (size_t)(found - lexer->input.bytes) : lexer->input.length;
    size_t end = delimiter;
    if (found && left_trim_at(lexer, delimiter + DELIMITER))
        while (end > lexer->start && is_space(lexer->input.bytes[end - 1]))
            end--;
    if (end > lexer->start) {
        lexer->position = end;
        emit(lexer, TOKEN_TEXT);
    }
    lexer->position = delimiter;
    ignore(lexer);
    if (found)
        lexer->state = LEXER_LEFT_DELIMITER;
    else if (!lexer->emitted) {
        emit(lexer, TOKEN_EOF);
        lexer->state = LEXER_DONE;
    }
}

static void lex_comment(struct lexer *lexer)
{
    ignore(lexer);
    lexer->position += DELIMITER;
    const char *from = lexer->input.bytes + lexer->position;
    const char *end = memmem(from, lexer->input.length - lexer->position, "*/", DELIMITER);
    if (!end) {
        emit_error(lexer, "unclosed comment");
        return;
    }
    lexer->position = (size_t)(end - lexer->input.bytes) + DELIMITER;
    bool trim;
    if (!at_right_delimiter(lexer, &trim)) {
        emit_error(lexer, "comment ends before closing delimiter");
        return;
    }
    lexer->position += DELIMITER + (trim ? TRIM_MARKER : 0);
    if (trim)
        skip_space(lexer);
    ignore(lexer);
    lexer->state = LEXER_TEXT;
}

static void lex_left_delimiter(struct lexer *lexer)
{
    lexer->position += DELIMITER;
    size_t trim = left_trim_at(lexer, lexer->position) ? TRIM_MARKER : 0;
    if (at(lexer, lexer->position + trim, "/*")) {
        lexer->position += trim;
        lex_comment(lexer);
        return;
    }
    emit(lexer, TOKEN_LEFT_DELIMITER);
    lexer->position += trim;
    ignore(lexer);
    lexer->parens = 0;
    lexer->state = LEXER_ACTION;
}

static void lex_right_delimiter(struct lexer *lexer)
{
    bool trim = right_trim_at(lexer, lexer->position);
    if (trim) {
        lexer->position += TRIM_MARKER;
        ignore(lexer);
    }
    lexer->position += DELIMITER;
    emit(lexer, TOKEN_RIGHT_DELIMITER);
    if (trim) {
        skip_space(lexer);
        ignore(lexer);
    }
    lexer->state = LEXER_TEXT;
}

/* ---- inside an action ---- */

static void lex_space(struct lexer *lexer)
{
    skip_space(lexer);
    /* The last space may belong to a trimming delimiter. */
    bool trim = right_trim_at(lexer, lexer->position - 1) &&
                at(lexer, lexer->position - 1 + TRIM_MARKER, "}}");
    if (trim)
        lexer->position--;
    if (lexer->position > lexer->start)
        emit(lexer, TOKEN_SPACE);
    else
        lexer->state = LEXER_RIGHT_DELIMITER;
}

static enum token_kind word_kind(struct text word)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keywords); i++)
        if (text_equal(word, (struct text){keywords[i].word, strlen(keywords[i].word)}))
            return keywords[i].kind;
    return TOKEN_IDENTIFIER;
}

static void skip_word(struct lexer *lexer)
{
    while (is_word(peek(lexer)))
        next(lexer);
}

static void lex_identifier(struct lexer *lexer)
{
    skip_word(lexer);
    if (!at_terminator(lexer)) {
        emit_rune_error(lexer, "bad character", peek(lexer));
        return;
    }
    struct text word = {.bytes = lexer->input.bytes + lexer->start,
                        .length = lexer->position - lexer->start};
    emit(lexer, word_kind(word));
}

/* .word, $word, or the sign alone, which has been read. */
static void lex_field_or_variable(struct lexer *lexer, enum token_kind kind)
{
    if (at_terminator(lexer)) {
        emit(lexer, kind == TOKEN_FIELD ? TOKEN_DOT : kind);
        return;
    }
    skip_word(lexer);
    if (at_terminator(lexer))
        emit(lexer, kind);
    else
        emit_rune_error(lexer, "bad character", peek(lexer));
}

static bool scan_number(struct lexer *lexer)
{
    accept(lexer, "+-");
    const char *digits = "0123456789_";
    char exponent = 'e';
    if (accept(lexer, "0")) {
        if (accept(lexer, "xX")) {
            digits = "0123456789abcdefABCDEF_";
            exponent = 'p';
        } else if (accept(lexer, "oO")) {
            digits = "01234567_";
            exponent = '\0';
        } else if (accept(lexer, "bB")) {
            digits = "01_";
            exponent = '\0';
        }
    }
    accept_run(lexer, digits);
    if (accept(lexer, "."))
        accept_run(lexer, digits);
    if (exponent && accept(lexer, exponent == 'e' ? "eE" : "pP")) {
        accept(lexer, "+-");
        accept_run(lexer, "0123456789_");
    }
    accept(lexer, "i");
    if (!is_word(peek(lexer)))
        return true;
    next(lexer); /* the message shows it */
    return false;
}

static void lex_number(struct lexer *lexer)
{
    if (!scan_number(lexer)) {
        emit_number_error(lexer);
        return;
    }
    int32_t sign = peek(lexer);
    if (sign != '+' && sign != '-') {
        emit(lexer, TOKEN_NUMBER);
        return;
    }
    if (scan_number(lexer) && lexer->input.bytes[lexer->position - 1] == 'i')
        emit(lexer, TOKEN_COMPLEX);
    else
        emit_number_error(lexer);
}

/* A constant in quotes; the opening one has been read. */
static void lex_quoted(struct lexer *lexer, int32_t quote, enum token_kind kind)
{
    for (;;) {
        int32_t rune = next(lexer);
        if (rune == quote) {
            emit(lexer, kind);
            return;
        }
        if (rune == '\\' && quote != '`')
            rune = next(lexer);
        if (rune == RUNE_EOF || (rune == '\n' && quote != '`'))
            break;
    }
    emit_error(lexer, quote == '`'    ? "unterminated raw quoted string"
                      : quote == '\'' ? "unterminated character constant"
                                      : "unterminated quoted string");
}

static void lex_sign(struct lexer *lexer, int32_t rune)
{
    if (rune == '=')
        emit(lexer, TOKEN_ASSIGN);
    else if (rune == '|')
        emit(lexer, TOKEN_PIPE);
    else if (rune == '(') {
        lexer->parens++;
        emit(lexer, TOKEN_LEFT_PAREN);
    } else if (rune == ':') {
        if (next(lexer) == '=')
            emit(lexer, TOKEN_DECLARE);
        else
            emit_error(lexer, "expected :=");
    } else if (rune == ')') { /* one too many is the parser's to refuse */
        lexer->parens -= lexer->parens > 0;
        emit(lexer, TOKEN_RIGHT_PAREN);
    } else if (rune_is_print(rune) && rune < 0x80)
        emit(lexer, TOKEN_CHAR);
    else
        emit_rune_error(lexer, "unrecognized character in action:", rune);
}

/* A word whose kind its first character tells; false if it is none. */
static bool lex_word(struct lexer *lexer, int32_t rune)
{
    bool digit_follows = rune_is_digit(peek(lexer)) && peek(lexer) < 0x80;
    if (rune == '"')
        lex_quoted(lexer, rune, TOKEN_STRING);
    else if (rune == '`')
        lex_quoted(lexer, rune, TOKEN_RAW_STRING);
    else if (rune == '\'')
        lex_quoted(lexer, rune, TOKEN_CHAR_CONSTANT);
    else if (rune == '$')
        lex_field_or_variable(lexer, TOKEN_VARIABLE);
    else if (rune == '.' && !digit_follows && peek(lexer) != RUNE_EOF)
        lex_field_or_variable(lexer, TOKEN_FIELD);
    else if ((rune > 0 && rune < 0x80 && strchr(".+-0123456789", rune))) {
        lexer->position--;
        lex_number(lexer);
    } else if (is_word(rune))
        lex_identifier(lexer);
    else
        return false;
    return true;
}

static void lex_action(struct lexer *lexer)
{
    bool trim;
    if (at_right_delimiter(lexer, &trim)) {
        if (lexer->parens == 0)
            lexer->state = LEXER_RIGHT_DELIMITER;
        else
            emit_error(lexer, "unclosed left paren");
        return;
    }
    int32_t rune = next(lexer);
    if (rune == RUNE_EOF)
        emit_error(lexer, "unclosed action");
    else if (is_space(rune))
        lex_space(lexer);
    else if (!lex_word(lexer, rune))
        lex_sign(lexer, rune);
}

struct token lexer_next(struct lexer *lexer)
{
    lexer->emitted = lexer->state == LEXER_DONE;
    while (!lexer->emitted) {
        switch (lexer->state) {
        case LEXER_TEXT:
            lex_text(lexer);
            break;
        case LEXER_LEFT_DELIMITER:
            lex_left_delimiter(lexer);
            break;
        case LEXER_ACTION:
            lex_action(lexer);
            break;
        case LEXER_RIGHT_DELIMITER:
            lex_right_delimiter(lexer);
            break;
        case LEXER_DONE:
        default:
            lexer->emitted = true;
            break;
        }
    }
    return lexer->token;
}

void token_put(struct buf *buf, const struct token *token)
{
    enum {
        SHOWN = 10 /* characters of a long token */
    };
    if (token->kind == TOKEN_EOF) {
        buf_puts(buf, "EOF");
        return;
    }
    if (token->kind == TOKEN_ERROR || token->kind > TOKEN_KEYWORD) {
        bool keyword = token->kind > TOKEN_KEYWORD;
        buf_puts(buf, keyword ? "<" : "");
        buf_append(buf, token->text.bytes, token->text.length);
        buf_puts(buf, keyword ? ">" : "");
        return;
    }
    struct text shown = {.bytes = token->text.bytes};
    size_t width;
    for (int i = 0; i < SHOWN && shown.length < token->text.length; i++) {
        rune_decode(shown.bytes + shown.length, token->text.length - shown.length, &width);
        shown.length += width;
    }
    if (token->text.length <= SHOWN)
        shown = token->text;
    quote_put_text(buf, shown, false);
    buf_puts(buf, token->text.length > SHOWN ? "..." : "");
}
