/*
 * What the two halves of the parser share: parser.c has its basics and the statements,
 * parser_expr.c the expressions.
 */
#ifndef STARLARK_PARSER_H
#define STARLARK_PARSER_H

#include "starlark/ast.h"

struct parser {
    struct source *source;
    struct lexer lexer;
    enum token token;
    int nesting;
    struct node **stack; /* list elements collected so far, of all open lists */
    size_t stack_count, stack_capacity;
};

/* Takes the token; gives its offset. */
static inline uint32_t sl_parser_next(struct parser *p)
{
    uint32_t offset = p->lexer.offset;
    p->token = sl_lexer_next(&p->lexer);
    return offset;
}

/* The end of the token: where starlark-go says that it is not the one that was wanted. */
static inline uint32_t sl_parser_token_end(const struct parser *p)
{
    return (uint32_t)(p->lexer.at - p->source->text);
}

static inline const char *sl_parser_shown(const struct parser *p)
{
    return p->token == T_RESERVED ? p->lexer.symbol->name : sl_token_text(p->token);
}

static inline uint32_t sl_parser_expect(struct parser *p, enum token token)
{
    if (p->token != token)
        sl_source_fail(p->source, sl_parser_token_end(p), "got %s, want %s", sl_parser_shown(p),
                       sl_token_text(token));
    return sl_parser_next(p);
}

static inline void sl_parser_enter(struct parser *p)
{
    if (++p->nesting > MAX_NESTING)
        sl_source_fail(p->source, p->lexer.offset, "nested too deeply (limit is %d levels)",
                       MAX_NESTING);
}

static inline void sl_parser_leave(struct parser *p)
{
    p->nesting--;
}

static inline void sl_parser_push(struct parser *p, struct node *node)
{
    if (p->stack_count == p->stack_capacity)
        p->stack = sl_arena_grow(&p->source->arena, p->stack, p->stack_count, &p->stack_capacity,
                                 sizeof(struct node *));
    p->stack[p->stack_count++] = node;
}

/* parser.c */
struct node *sl_node_new(struct parser *p, enum node_kind kind, uint32_t offset);
/* A node of two, that begins where the first does. */
struct node *sl_pair_new(struct parser *p, enum node_kind kind, uint32_t offset, struct node *x,
                         struct node *y);
/* What was pushed since the stack was `base` high, as a list. */
struct nodes sl_parser_pop(struct parser *p, size_t base);
struct function_node *sl_function_new(struct parser *p, const char *name, uint32_t offset);
struct node *sl_parse_ident(struct parser *p);

/* parser_expr.c */
/* One expression, or several as a tuple; in parentheses a comma may come last. */
struct node *sl_parse_expr(struct parser *p, bool in_parens);
/* One expression. */
struct node *sl_parse_test(struct parser *p);
/* x, y in `for x, y in`: not sl_parse_expr, which would take the `in` too. */
struct node *sl_parse_targets(struct parser *p);
struct nodes sl_parse_params(struct parser *p);
/* The literal that is the token: its text is the node's value. Takes the token. */
struct node *sl_literal_new(struct parser *p, enum node_kind kind);

#endif
