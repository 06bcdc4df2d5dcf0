/*
 * Recursive descent, with precedence climbing for the binary operators. It stops at the first
 * error, whose text and position are starlark-go's. Here: the basics and the statements.
 */
#include "starlark/parser.h"

#include <string.h>

const char *sl_node_name(const struct node *node)
{
    static const char *const names[] = {
#define X(name, text) [N_##name] = text,
        NODES(X)
#undef X
    };
    return names[node->kind];
}

static struct nodes parse_suite(struct parser *p);

/* -----------------------------------------------------------------------------------------------------------------
 * basics */

/* How much of a node its kind uses. */
static size_t node_size(enum node_kind kind)
{
#define UP_TO(member) (offsetof(struct node, member) + sizeof(((struct node *)NULL)->member))
    switch (kind) {
    case N_INT:
        return UP_TO(integer);
    case N_FLOAT:
        return UP_TO(number);
    case N_PAREN:
    case N_UNARY:
    case N_STAR:
    case N_STARSTAR:
    case N_IFCLAUSE:
    case N_EXPR_STMT:
    case N_RETURN:
    case N_BRANCH:
        return UP_TO(x);
    case N_COMP:
        return UP_TO(comp);
    case N_IDENT:
        return UP_TO(ident);
    case N_LIST:
    case N_TUPLE:
    case N_DICT:
    case N_LOGICAL:
        return UP_TO(list);
    case N_BINARY:
    case N_INDEX:
    case N_ENTRY:
    case N_ASSIGN:
    case N_FORCLAUSE:
    case N_DOT:
    case N_NAMED:
    case N_LAMBDA:
    case N_DEF:
    case N_PARAM:
        return UP_TO(pair); /* two pointers */
    case N_CALL:
        return UP_TO(call);
    default:
        return sizeof(struct node);
    }
#undef UP_TO
}

struct node *sl_node_new(struct parser *p, enum node_kind kind, uint32_t offset)
{
    struct node *node = sl_arena_alloc(&p->source->arena, node_size(kind));
    node->kind = (uint8_t)kind;
    node->offset = node->start = offset;
    return node;
}

struct nodes sl_parser_pop(struct parser *p, size_t base)
{
    struct nodes list = {.count = (uint32_t)(p->stack_count - base)};
    if (list.count > 0)
        list.items =
            sl_arena_copy(&p->source->arena, p->stack + base, list.count, sizeof(struct node *));
    p->stack_count = base;
    return list;
}

struct node *sl_pair_new(struct parser *p, enum node_kind kind, uint32_t offset, struct node *x,
                         struct node *y)
{
    struct node *node = sl_node_new(p, kind, offset);
    node->start = x->start;
    node->pair.x = x;
    node->pair.y = y;
    return node;
}

struct node *sl_parse_ident(struct parser *p)
{
    if (p->token != T_IDENT)
        sl_source_fail(p->source, sl_parser_token_end(p), "not an identifier");
    struct node *node = sl_node_new(p, N_IDENT, p->lexer.offset);
    node->ident.symbol = p->lexer.symbol;
    sl_parser_next(p);
    return node;
}

struct function_node *sl_function_new(struct parser *p, const char *name, uint32_t offset)
{
    struct function_node *function = sl_arena_alloc(&p->source->arena, sizeof(*function));
    function->name = name;
    function->offset = offset;
    return function;
}

/* --------------------------------------------------------------------------------------------------------------
 * statements */

static struct node *parse_def(struct parser *p)
{
    struct node *node = sl_node_new(p, N_DEF, sl_parser_next(p));
    node->function.ident = sl_parse_ident(p);
    struct function_node *function =
        sl_function_new(p, node->function.ident->ident.symbol->name, node->offset);
    node->function.function = function;
    sl_parser_expect(p, T_LPAREN);
    function->params = sl_parse_params(p);
    sl_parser_expect(p, T_RPAREN);
    sl_parser_expect(p, T_COLON);
    function->body = parse_suite(p);
    return node;
}

static struct if_clause parse_if_clause(struct parser *p)
{
    sl_parser_next(p);
    struct if_clause clause = {.cond = sl_parse_test(p)};
    sl_parser_expect(p, T_COLON);
    clause.body = parse_suite(p);
    return clause;
}

static struct node *parse_if(struct parser *p)
{
    struct node *node = sl_node_new(p, N_IF, p->lexer.offset);
    size_t capacity = 0;
    do {
        if (node->branches.count == capacity)
            node->branches.clauses =
                sl_arena_grow(&p->source->arena, node->branches.clauses, node->branches.count,
                              &capacity, sizeof(struct if_clause));
        node->branches.clauses[node->branches.count++] = parse_if_clause(p);
    } while (p->token == T_ELIF);
    if (p->token == T_ELSE) {
        sl_parser_next(p);
        sl_parser_expect(p, T_COLON);
        node->branches.otherwise = parse_suite(p);
    }
    return node;
}

static struct node *parse_for(struct parser *p)
{
    struct node *node = sl_node_new(p, N_FOR, sl_parser_next(p));
    node->loop.targets = sl_parse_targets(p);
    sl_parser_expect(p, T_IN);
    node->loop.x = sl_parse_expr(p, false);
    sl_parser_expect(p, T_COLON);
    node->loop.body = parse_suite(p);
    return node;
}

static struct node *parse_while(struct parser *p)
{
    struct node *node = sl_node_new(p, N_WHILE, sl_parser_next(p));
    node->loop.x = sl_parse_test(p);
    sl_parser_expect(p, T_COLON);
    node->loop.body = parse_suite(p);
    return node;
}

static struct node *parse_quoted_name(struct parser *p)
{
    struct node *name = sl_literal_new(p, N_STRING);
    name->offset++;
    return name;
}

/* One of load's operands: pushes the local name, then the module's. */
static void parse_load_operand(struct parser *p)
{
    if (p->token == T_STRING) {
        struct node *from = parse_quoted_name(p);
        struct node *to = sl_node_new(p, N_IDENT, from->offset);
        to->ident.symbol = sl_symbol(p->source, from->literal.text, from->literal.size);
        sl_parser_push(p, to);
        sl_parser_push(p, from);
    } else if (p->token == T_IDENT) {
        struct node *to = sl_parse_ident(p);
        const char *name = to->ident.symbol->name;
        sl_parser_push(p, to);
        if (p->token != T_EQ)
            sl_source_fail(p->source, sl_parser_token_end(p),
                           "load operand must be \"%s\" or %s=\"originalname\" (want '=' after %s)",
                           name, name, name);
        sl_parser_next(p);
        if (p->token != T_STRING)
            sl_source_fail(p->source, sl_parser_token_end(p),
                           "original name of loaded symbol must be quoted: %s=\"originalname\"",
                           name);
        sl_parser_push(p, parse_quoted_name(p));
    } else {
        sl_source_fail(p->source, sl_parser_token_end(p),
                       "load operand must be \"name\" or localname=\"name\" (got %s)",
                       sl_parser_shown(p));
    }
}

/* Every second node of `both`, beginning with the `first`. */
static struct nodes halve(struct parser *p, struct nodes both, uint32_t first)
{
    struct nodes half = {.count = both.count / 2};
    half.items = sl_arena_alloc(&p->source->arena, half.count * sizeof(struct node *));
    for (uint32_t i = 0; i < half.count; i++)
        half.items[i] = both.items[2 * i + first];
    return half;
}

static struct node *parse_load(struct parser *p)
{
    struct node *node = sl_node_new(p, N_LOAD, sl_parser_next(p));
    uint32_t paren = sl_parser_expect(p, T_LPAREN);
    if (p->token != T_STRING)
        sl_source_fail(p->source, sl_parser_token_end(p),
                       "first operand of load statement must be a string literal");
    node->load.module = sl_literal_new(p, N_STRING);
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_EOF) {
        sl_parser_expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        parse_load_operand(p);
    }
    sl_parser_expect(p, T_RPAREN);
    struct nodes both = sl_parser_pop(p, base);
    if (both.count == 0)
        sl_source_fail(p->source, paren, "load statement must import at least 1 symbol");
    node->load.to = halve(p, both, 0);
    node->load.from = halve(p, both, 1);
    return node;
}

static struct node *parse_return(struct parser *p)
{
    struct node *node = sl_node_new(p, N_RETURN, sl_parser_next(p));
    if (p->token != T_EOF && p->token != T_NEWLINE && p->token != T_SEMI)
        node->x = sl_parse_expr(p, false);
    return node;
}

static struct node *parse_branch(struct parser *p)
{
    struct node *node = sl_node_new(p, N_BRANCH, p->lexer.offset);
    node->op = (uint8_t)p->token;
    sl_parser_next(p);
    return node;
}

static bool is_assignment(enum token token)
{
    return token == T_EQ || (token >= T_PLUS_EQ && token <= T_GTGT_EQ);
}

static struct node *parse_small_stmt(struct parser *p)
{
    switch (p->token) {
    case T_RETURN:
        return parse_return(p);
    case T_BREAK:
    case T_CONTINUE:
    case T_PASS:
        return parse_branch(p);
    case T_LOAD:
        return parse_load(p);
    default:
        break;
    }
    struct node *x = sl_parse_expr(p, false);
    if (is_assignment(p->token)) {
        enum token op = p->token;
        uint32_t offset = sl_parser_next(p);
        struct node *node = sl_pair_new(p, N_ASSIGN, offset, x, sl_parse_expr(p, false));
        node->op = (uint8_t)op;
        return node;
    }
    struct node *node = sl_node_new(p, N_EXPR_STMT, x->offset);
    node->x = x;
    return node;
}

/* small statements with semicolons between, to the end of the line. */
static void parse_simple_stmts(struct parser *p)
{
    for (;;) {
        sl_parser_push(p, parse_small_stmt(p));
        if (p->token != T_SEMI)
            break;
        sl_parser_next(p);
        if (p->token == T_NEWLINE || p->token == T_EOF)
            break;
    }
    if (p->token != T_EOF)
        sl_parser_expect(p, T_NEWLINE);
}

static void parse_stmt(struct parser *p)
{
    sl_parser_enter(p);
    switch (p->token) {
    case T_DEF:
        sl_parser_push(p, parse_def(p));
        break;
    case T_IF:
        sl_parser_push(p, parse_if(p));
        break;
    case T_FOR:
        sl_parser_push(p, parse_for(p));
        break;
    case T_WHILE:
        sl_parser_push(p, parse_while(p));
        break;
    default:
        parse_simple_stmts(p);
        break;
    }
    sl_parser_leave(p);
}

static struct nodes parse_suite(struct parser *p)
{
    size_t base = p->stack_count;
    if (p->token != T_NEWLINE) {
        parse_simple_stmts(p);
        return sl_parser_pop(p, base);
    }
    sl_parser_next(p);
    sl_parser_expect(p, T_INDENT);
    while (p->token != T_OUTDENT && p->token != T_EOF)
        parse_stmt(p);
    sl_parser_expect(p, T_OUTDENT);
    return sl_parser_pop(p, base);
}

struct function_node *sl_parse(struct source *source)
{
    struct parser parser = {.source = source}, *p = &parser;
    sl_lexer_init(&p->lexer, source);
    sl_parser_next(p);
    while (p->token != T_EOF) {
        if (p->token == T_NEWLINE)
            sl_parser_next(p);
        else
            parse_stmt(p);
    }
    struct function_node *file = sl_function_new(p, "<toplevel>", 0);
    file->body = sl_parser_pop(p, 0);
    return file;
}
