/*
 * Tokens of a template: text between actions, and the words inside them. Errors are tokens too
 * (TOKEN_ERROR, whose text is the message), so that the parser says where they were met.
 */
#ifndef KFS_PLAN_TEMPLATE_LEX_H
#define KFS_PLAN_TEMPLATE_LEX_H

#include "backend/plan/template_rune.h"

enum token_kind {
    TOKEN_ERROR,
    TOKEN_EOF,
    TOKEN_TEXT,
    TOKEN_LEFT_DELIMITER,
    TOKEN_RIGHT_DELIMITER,
    TOKEN_SPACE,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_PIPE,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_CHAR, /* any other printable ASCII character */
    TOKEN_BOOL,
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_RAW_STRING,
    TOKEN_FIELD,
    TOKEN_VARIABLE,
    TOKEN_IDENTIFIER,
    TOKEN_KEYWORD, /* only a border: all below are keywords */
    TOKEN_DOT,
    TOKEN_NIL,
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
    TOKEN_KIND_MAX
};

struct token {
    enum token_kind kind;
    struct text text; /* in the template's text; of an error, its message, in the arena */
    size_t position;  /* offset of its first byte in the template's text */
    unsigned line;    /* of its first byte, from 1 */
};

enum lexer_state {
    LEXER_TEXT,
    LEXER_LEFT_DELIMITER,
    LEXER_ACTION,
    LEXER_RIGHT_DELIMITER,
    LEXER_DONE
};

struct lexer {
    struct text input;
    struct arena *arena; /* for messages */
    enum lexer_state state;
    size_t start;    /* of the token in the making */
    size_t position; /* what has been read */
    size_t counted;  /* newlines before this offset are in `line` */
    unsigned line;
    unsigned parens;
    bool emitted;
    struct token token;
};

void lexer_init(struct lexer *lexer, struct text input, struct arena *arena);
/* The next token; after an error or the end, that same token for ever. */
struct token lexer_next(struct lexer *lexer);

/* Appends the token as Go's messages show it: "word" quoted and cut, <keyword>, EOF. */
void token_put(struct buf *buf, const struct token *token);

#endif
