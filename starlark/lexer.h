/*
 * Bytes to tokens. The lexer is asked for one token at a time and keeps no list. Positions are byte
 * offsets into the source; lines and columns are worked out only when someone wants to see one
 * (sl_position_of).
 */
#ifndef STARLARK_LEXER_H
#define STARLARK_LEXER_H

#include "starlark/arena.h"
#include "starlark/token.h"

#include <stdbool.h>
#include <stdint.h>

/* A name, one per spelling and compilation, so that names compare as pointers. `top` belongs to the
 * resolver. */
struct symbol {
    const char *name; /* NUL-terminated */
    uint32_t size;
    uint32_t hash;
    uint8_t keyword; /* enum token, or 0 */
    uint8_t outside; /* resolver: enum scope of a name from outside the file, and its index there */
    uint32_t outside_index;
    uint32_t reported;   /* resolver: the outermost function in which an error was reported last */
    uint32_t constant;   /* compiler: 1 + index of its string in the program's names, 0: none yet */
    struct binding *top; /* resolver: innermost binding in force */
    struct symbol *seen_in; /* resolver: mark against repeated keyword arguments */
};

/* What the front end shares: the source, its lines, the names, the first error. */
struct source {
    const char *file;
    const char *text; /* the caller's, bounded by `end` */
    const char *end;
    struct arena arena;
    uint32_t *lines; /* offset of each line's first byte */
    size_t line_count, line_capacity;
    struct symbol **symbols; /* open addressing, a power of two */
    size_t symbol_count, symbol_capacity;
    struct diagnostic_list {
        struct diagnostic {
            uint32_t offset;
            uint32_t number; /* for sorting */
            const char *message;
        } * items;
        size_t count, capacity;
    } diagnostics;
    bool resolving; /* the text has been parsed: errors are the resolver's */
    jmp_buf failed; /* longjmp here with FAILED_SYNTAX once a diagnostic has been added, or
                       FAILED_MEMORY */
};

enum {
    FAILED_MEMORY = 1,
    FAILED_SYNTAX = 2
};

struct lexer {
    struct source *source;
    const char *at;
    int depth;           /* of brackets */
    bool line_start;     /* indentation is to be measured */
    bool saw_newline;    /* since the last token but NEWLINE and OUTDENT a line has ended */
    int pending_outdent; /* OUTDENT tokens still to be given */
    uint32_t *indents;
    size_t indent_count, indent_capacity;

    /* of the token just read */
    uint32_t offset;
    struct symbol *symbol; /* IDENT, RESERVED, keywords */
    const char *text;      /* STRING, BYTES: the value; INT, FLOAT: the literal's spelling */
    size_t size;
    double number;   /* FLOAT */
    int64_t integer; /* INT, if small */
    bool big;        /* INT: does not fit; use text (digits without prefix), base */
    int base;
};

void sl_lexer_init(struct lexer *lexer, struct source *source);
enum token sl_lexer_next(struct lexer *lexer);

/* How error messages name a token. */
const char *sl_token_text(enum token token);

struct symbol *sl_symbol(struct source *source, const char *name, size_t size);

/* Adds an error, formatted into the arena. */
void sl_source_error(struct source *source, uint32_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and ends the compilation. */
_Noreturn void sl_source_fail(struct source *source, uint32_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Line and column (from 1, in code points) of an offset; `text` NULL means all ASCII. */
void sl_position_of(const uint32_t *lines, size_t line_count, const char *text, uint32_t offset,
                    int *ret_line, int *ret_column);

#endif
