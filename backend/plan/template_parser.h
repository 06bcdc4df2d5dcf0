/*
 * The parser's state, shared by its two files: template_parse.c (statements) and
 * template_expression.c (pipelines and what they are made of).
 *
 * All functions give NULL or -1 once an error is set; the first one stands.
 */
#ifndef KFS_PLAN_TEMPLATE_PARSER_H
#define KFS_PLAN_TEMPLATE_PARSER_H

#include "backend/plan/template_lex.h"
#include "backend/plan/template_tree.h"

enum {
    LOOKAHEAD = 3
};

struct variable_name {
    struct variable_name *older;
    struct text name;
};

/* One per definition; the definitions of a text share the lexer. */
struct parser {
    struct template *template;
    struct lexer *lexer;
    struct error **err;
    unsigned nesting;
    unsigned range_depth;
    unsigned action_line; /* where the action began that is being parsed; 0: none */
    struct variable_name *variables;
    struct token tokens[LOOKAHEAD]; /* read ahead and put back, newest last */
    unsigned peeked;
};

struct token parser_next(struct parser *parser);
struct token parser_peek(struct parser *parser);
void parser_back(struct parser *parser);
struct token parser_next_word(struct parser *parser); /* skips space */
struct token parser_peek_word(struct parser *parser);

int parser_error(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "unexpected TOKEN in CONTEXT", or the lexer's message. */
int parser_unexpected(struct parser *parser, const struct token *token, const char *context);

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t position);
void node_list_append(struct node_list *list, struct node *node);
int parser_enter(struct parser *parser); /* -1 if nested too deep; else parser_leave */
void parser_leave(struct parser *parser);
void parser_add_variable(struct parser *parser, struct text name);

/* The text of a string token. */
int parser_string(struct parser *parser, const struct token *token, struct text *ret);

/* A pipeline up to the token `end`. context is what messages call it. */
struct node *parser_pipeline(struct parser *parser, const char *context, enum token_kind end);

#endif
