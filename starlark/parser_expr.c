/* The parser's expressions. */
#include "starlark/parser.h"

#include <string.h>

static struct node *parse_binary(struct parser *p, int level);

/* ---------------------------------------------------------------------------------------------------------
 * lists and tuples */

static bool ends_list(enum token token)
{
    switch (token) {
    case T_EOF:
    case T_NEWLINE:
    case T_EQ:
    case T_RBRACE:
    case T_RBRACK:
    case T_RPAREN:
    case T_SEMI:
        return true;
    default:
        return false;
    }
}

/* Pushes the elements after the first, beginning at the comma. */
static void parse_more(struct parser *p, bool trailing_comma)
{
    while (p->token == T_COMMA) {
        uint32_t comma = sl_parser_next(p);
        if (ends_list(p->token)) {
            if (!trailing_comma)
                sl_source_fail(p->source, comma, "unparenthesized tuple with trailing comma");
            return;
        }
        sl_parser_push(p, sl_parse_test(p));
    }
}

/* An expression, or several and commas: a tuple. */
struct node *sl_parse_expr(struct parser *p, bool in_parens)
{
    struct node *x = sl_parse_test(p);
    if (p->token != T_COMMA)
        return x;
    size_t base = p->stack_count;
    sl_parser_push(p, x);
    parse_more(p, in_parens);
    struct node *tuple = sl_node_new(p, N_TUPLE, x->start);
    tuple->list = sl_parser_pop(p, base);
    return tuple;
}

struct node *sl_literal_new(struct parser *p, enum node_kind kind)
{
    struct node *node = sl_node_new(p, kind, p->lexer.offset);
    node->literal.text = p->lexer.text;
    node->literal.size = p->lexer.size;
    node->literal.base = p->lexer.base;
    sl_parser_next(p);
    return node;
}

static struct node *parse_int(struct parser *p)
{
    if (p->lexer.big)
        return sl_literal_new(p, N_BIGINT);
    struct node *node = sl_node_new(p, N_INT, p->lexer.offset);
    node->integer = p->lexer.integer;
    sl_parser_next(p);
    return node;
}

static struct node *parse_float(struct parser *p)
{
    struct node *node = sl_node_new(p, N_FLOAT, p->lexer.offset);
    node->number = p->lexer.number;
    sl_parser_next(p);
    return node;
}

static struct node *parse_unary(struct parser *p)
{
    struct node *node = sl_node_new(p, N_UNARY, p->lexer.offset);
    node->op = (uint8_t)p->token;
    sl_parser_next(p);
    sl_parser_enter(p);
    node->x = parse_binary(p, 0);
    sl_parser_leave(p);
    return node;
}

static struct node *parse_parens(struct parser *p)
{
    uint32_t offset = sl_parser_next(p);
    if (p->token == T_RPAREN) {
        sl_parser_next(p);
        return sl_node_new(p, N_TUPLE, offset);
    }
    struct node *node = sl_node_new(p, N_PAREN, offset);
    node->x = sl_parse_expr(p, true);
    sl_parser_expect(p, T_RPAREN);
    return node;
}

/* ----------------------------------------------------------------------------------------------------------
 * comprehensions */

static struct node *parse_suffixed(struct parser *p);

struct node *sl_parse_targets(struct parser *p)
{
    struct node *x = parse_suffixed(p);
    if (p->token != T_COMMA)
        return x;
    size_t base = p->stack_count;
    sl_parser_push(p, x);
    while (p->token == T_COMMA) {
        sl_parser_next(p);
        if (ends_list(p->token))
            break;
        sl_parser_push(p, parse_suffixed(p));
    }
    struct node *tuple = sl_node_new(p, N_TUPLE, x->start);
    tuple->list = sl_parser_pop(p, base);
    return tuple;
}

static struct node *parse_lambda(struct parser *p, bool allow_cond);

static struct node *parse_test_without_cond(struct parser *p)
{
    return p->token == T_LAMBDA ? parse_lambda(p, false) : parse_binary(p, 1);
}

static struct node *parse_for_clause(struct parser *p)
{
    uint32_t offset = sl_parser_next(p);
    struct node *variables = sl_parse_targets(p);
    sl_parser_expect(p, T_IN);
    struct node *clause = sl_pair_new(p, N_FORCLAUSE, offset, variables, parse_binary(p, 1));
    clause->start = offset;
    return clause;
}

static struct node *parse_comprehension(struct parser *p, uint32_t offset, struct node *body,
                                        enum token end)
{
    struct node *node = sl_node_new(p, N_COMP, offset);
    node->comp = sl_arena_alloc(&p->source->arena, sizeof(*node->comp));
    size_t base = p->stack_count;
    while (p->token != end) {
        if (p->token == T_FOR) {
            sl_parser_push(p, parse_for_clause(p));
        } else if (p->token == T_IF) {
            struct node *clause = sl_node_new(p, N_IFCLAUSE, sl_parser_next(p));
            clause->x = parse_test_without_cond(p);
            sl_parser_push(p, clause);
        } else {
            sl_source_fail(p->source, sl_parser_token_end(p), "got %s, want '%c', for, or if",
                           sl_parser_shown(p), end == T_RBRACK ? ']' : '}');
        }
        if (p->stack_count - base > MAX_NESTING)
            sl_source_fail(p->source, p->lexer.offset, "nested too deeply (limit is %d levels)",
                           MAX_NESTING);
    }
    sl_parser_next(p);
    node->comp->clauses = sl_parser_pop(p, base);
    node->comp->body = body;
    return node;
}

static struct node *parse_list(struct parser *p)
{
    uint32_t offset = sl_parser_next(p);
    struct node *node = sl_node_new(p, N_LIST, offset);
    if (p->token == T_RBRACK) {
        sl_parser_next(p);
        return node;
    }
    struct node *x = sl_parse_test(p);
    if (p->token == T_FOR)
        return parse_comprehension(p, offset, x, T_RBRACK);
    size_t base = p->stack_count;
    sl_parser_push(p, x);
    parse_more(p, true);
    sl_parser_expect(p, T_RBRACK);
    node->list = sl_parser_pop(p, base);
    return node;
}

static struct node *parse_entry(struct parser *p)
{
    struct node *key = sl_parse_test(p);
    uint32_t colon = sl_parser_expect(p, T_COLON);
    return sl_pair_new(p, N_ENTRY, colon, key, sl_parse_test(p));
}

static struct node *parse_dict(struct parser *p)
{
    uint32_t offset = sl_parser_next(p);
    struct node *node = sl_node_new(p, N_DICT, offset);
    if (p->token == T_RBRACE) {
        sl_parser_next(p);
        return node;
    }
    struct node *entry = parse_entry(p);
    if (p->token == T_FOR)
        return parse_comprehension(p, offset, entry, T_RBRACE);
    size_t base = p->stack_count;
    sl_parser_push(p, entry);
    while (p->token == T_COMMA) {
        sl_parser_next(p);
        if (p->token == T_RBRACE)
            break;
        sl_parser_push(p, parse_entry(p));
    }
    sl_parser_expect(p, T_RBRACE);
    node->list = sl_parser_pop(p, base);
    return node;
}

/* -------------------------------------------------------------------------------------------------
 * primaries and suffixes */

static struct node *parse_primary(struct parser *p)
{
    switch (p->token) {
    case T_IDENT:
        return sl_parse_ident(p);
    case T_INT:
        return parse_int(p);
    case T_FLOAT:
        return parse_float(p);
    case T_STRING:
        return sl_literal_new(p, N_STRING);
    case T_BYTES:
        return sl_literal_new(p, N_BYTES);
    case T_LBRACK:
        return parse_list(p);
    case T_LBRACE:
        return parse_dict(p);
    case T_LPAREN:
        return parse_parens(p);
    case T_MINUS:
    case T_PLUS:
    case T_TILDE:
        return parse_unary(p);
    default:
        sl_source_fail(p->source, p->lexer.offset, "got %s, want primary expression",
                       sl_parser_shown(p));
    }
}

static struct node *parse_subscript(struct parser *p, struct node *x)
{
    uint32_t bracket = sl_parser_next(p);
    struct node *low = NULL, *high = NULL, *step = NULL;
    if (p->token != T_COLON) {
        low = sl_parse_expr(p, false);
        if (p->token == T_RBRACK) {
            sl_parser_next(p);
            return sl_pair_new(p, N_INDEX, bracket, x, low);
        }
    }
    if (p->token == T_COLON) {
        sl_parser_next(p);
        if (p->token != T_COLON && p->token != T_RBRACK)
            high = sl_parse_test(p);
    }
    if (p->token == T_COLON) {
        sl_parser_next(p);
        if (p->token != T_RBRACK)
            step = sl_parse_test(p);
    }
    sl_parser_expect(p, T_RBRACK);
    struct node *node = sl_node_new(p, N_SLICE, bracket);
    node->start = x->start;
    node->slice.x = x;
    node->slice.low = low;
    node->slice.high = high;
    node->slice.step = step;
    return node;
}

static struct node *parse_argument(struct parser *p)
{
    if (p->token == T_STAR || p->token == T_STARSTAR) {
        struct node *node =
            sl_node_new(p, p->token == T_STAR ? N_STAR : N_STARSTAR, p->lexer.offset);
        sl_parser_next(p);
        node->x = sl_parse_test(p);
        return node;
    }
    struct node *x = sl_parse_test(p);
    if (p->token != T_EQ)
        return x;
    if (x->kind != N_IDENT)
        sl_source_fail(p->source, sl_parser_token_end(p),
                       "keyword argument must have form name=expr");
    sl_parser_next(p);
    struct node *node = sl_node_new(p, N_NAMED, x->offset);
    node->named.name = x->ident.symbol;
    node->named.value = sl_parse_test(p);
    return node;
}

static struct node *parse_call(struct parser *p, struct node *callee)
{
    struct node *node = sl_node_new(p, N_CALL, sl_parser_next(p));
    node->start = callee->start;
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_EOF) {
        if (p->stack_count > base)
            sl_parser_expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        sl_parser_push(p, parse_argument(p));
    }
    sl_parser_expect(p, T_RPAREN);
    node->call.callee = callee;
    node->call.args = sl_parser_pop(p, base);
    return node;
}

static struct node *parse_dot(struct parser *p, struct node *x)
{
    struct node *node = sl_node_new(p, N_DOT, sl_parser_next(p));
    node->start = x->start;
    node->dot.x = x;
    struct node *name = sl_parse_ident(p);
    node->dot.name = name->ident.symbol;
    return node;
}

/* A primary and its calls, subscripts and attributes. The chain is a deep tree to whoever walks it,
 * so it counts as nesting. */
static struct node *parse_suffixed(struct parser *p)
{
    sl_parser_enter(p);
    int nesting = p->nesting;
    struct node *x = parse_primary(p);
    for (;; sl_parser_enter(p)) {
        if (p->token == T_DOT)
            x = parse_dot(p, x);
        else if (p->token == T_LBRACK)
            x = parse_subscript(p, x);
        else if (p->token == T_LPAREN)
            x = parse_call(p, x);
        else
            break;
    }
    p->nesting = nesting;
    sl_parser_leave(p);
    return x;
}

/* ---------------------------------------------------------------------------------------------------------------
 * operators */

enum {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_OPERAND = 11
};

/* How tightly a binary operator binds; 0 for other tokens. */
static int level_of(enum token token)
{
    static const uint8_t levels[TOKEN_MAX] = {
        [T_OR] = LEVEL_OR,
        [T_AND] = LEVEL_AND,
        [T_EQL] = LEVEL_COMPARE,
        [T_NEQ] = LEVEL_COMPARE,
        [T_LT] = LEVEL_COMPARE,
        [T_GT] = LEVEL_COMPARE,
        [T_LE] = LEVEL_COMPARE,
        [T_GE] = LEVEL_COMPARE,
        [T_IN] = LEVEL_COMPARE,
        [T_NOT_IN] = LEVEL_COMPARE,
        [T_PIPE] = 5,
        [T_CIRCUMFLEX] = 6,
        [T_AMP] = 7,
        [T_LTLT] = 8,
        [T_GTGT] = 8,
        [T_MINUS] = 9,
        [T_PLUS] = 9,
        [T_STAR] = 10,
        [T_PERCENT] = 10,
        [T_SLASH] = 10,
        [T_SLASHSLASH] = 10,
    };
    return levels[token];
}

static struct node *parse_not(struct parser *p)
{
    struct node *node = sl_node_new(p, N_UNARY, sl_parser_next(p));
    node->op = T_NOT;
    sl_parser_enter(p);
    node->x = parse_binary(p, LEVEL_NOT);
    sl_parser_leave(p);
    return node;
}

/* After an operand `not` can only begin `not in`, which becomes one token. */
static void join_not_in(struct parser *p)
{
    sl_parser_next(p);
    if (p->token != T_IN)
        sl_source_fail(p->source, sl_parser_token_end(p), "got %s, want in", sl_parser_shown(p));
    p->token = T_NOT_IN;
}

/* An operator without the quotes that token texts have. */
static const char *bare(enum token token, char *to)
{
    const char *text = sl_token_text(token);
    size_t size = strlen(text);
    if (text[0] != '\'')
        return text;
    memcpy(to, text + 1, size - 2);
    to[size - 2] = '\0';
    return to;
}

static _Noreturn void fail_association(struct parser *p, enum token first)
{
    char one[16], two[16];
    sl_source_fail(p->source, sl_parser_token_end(p), "%s does not associate with %s (use parens)",
                   bare(first, one), bare(p->token, two));
}

/* x or y or ...: one list. */
static struct node *parse_logical(struct parser *p, struct node *x, int level)
{
    enum token op = p->token;
    struct node *node = sl_node_new(p, N_LOGICAL, p->lexer.offset);
    node->op = (uint8_t)op;
    node->start = x->start;
    size_t base = p->stack_count;
    sl_parser_push(p, x);
    while (p->token == op) {
        sl_parser_next(p);
        sl_parser_push(p, parse_binary(p, level + 1));
        if (p->token == T_NOT)
            join_not_in(p);
    }
    node->list = sl_parser_pop(p, base);
    return node;
}

/* Operators that bind at least as tightly as `level`; level 0 is an operand only. */
static struct node *parse_binary(struct parser *p, int level)
{
    struct node *x =
        p->token == T_NOT && level && level <= LEVEL_NOT ? parse_not(p) : parse_suffixed(p);
    int allowed = x->kind == N_UNARY && x->op == T_NOT ? LEVEL_AND : LEVEL_OPERAND;
    if (level == 0)
        return x;
    for (;;) {
        if (p->token == T_NOT)
            join_not_in(p);
        enum token op = p->token;
        int binds = level_of(op);
        if (binds == 0 || binds < level || binds > allowed)
            return x;
        if (binds <= LEVEL_AND) {
            x = parse_logical(p, x, binds);
        } else {
            uint32_t offset = sl_parser_next(p);
            x = sl_pair_new(p, N_BINARY, offset, x, parse_binary(p, binds + 1));
            x->op = (uint8_t)op;
            if (p->token == T_NOT)
                join_not_in(p);
            if (binds == LEVEL_COMPARE && level_of(p->token) == LEVEL_COMPARE)
                fail_association(p, op);
        }
        allowed = binds;
    }
}

static struct node *parse_cond(struct parser *p, struct node *yes)
{
    struct node *node = sl_node_new(p, N_COND, sl_parser_next(p));
    node->start = yes->start;
    node->cond.yes = yes;
    node->cond.cond = parse_binary(p, 1);
    if (p->token != T_ELSE)
        sl_source_fail(p->source, node->offset, "conditional expression without else clause");
    sl_parser_next(p);
    node->cond.no = sl_parse_test(p);
    return node;
}

struct node *sl_parse_test(struct parser *p)
{
    sl_parser_enter(p);
    struct node *x;
    if (p->token == T_LAMBDA) {
        x = parse_lambda(p, true);
    } else {
        x = parse_binary(p, 1);
        if (p->token == T_IF)
            x = parse_cond(p, x);
    }
    sl_parser_leave(p);
    return x;
}

/* ---------------------------------------------------------------------------------------------------------------
 * parameters and lambda */

static struct node *parse_param(struct parser *p)
{
    struct node *node = sl_node_new(p, N_PARAM, p->lexer.offset);
    if (p->token == T_STAR || p->token == T_STARSTAR) {
        node->op = (uint8_t)p->token;
        sl_parser_next(p);
        if (node->op == T_STARSTAR || p->token == T_IDENT)
            node->param.ident = sl_parse_ident(p);
        return node;
    }
    node->param.ident = sl_parse_ident(p);
    if (p->token == T_EQ) {
        node->op = T_EQ;
        node->offset = sl_parser_next(p);
        node->param.value = sl_parse_test(p);
    }
    return node;
}

struct nodes sl_parse_params(struct parser *p)
{
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_COLON && p->token != T_EOF) {
        if (p->stack_count > base)
            sl_parser_expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        sl_parser_push(p, parse_param(p));
    }
    return sl_parser_pop(p, base);
}

static struct node *parse_lambda(struct parser *p, bool allow_cond)
{
    struct node *node = sl_node_new(p, N_LAMBDA, sl_parser_next(p));
    struct function_node *function = node->function.function =
        sl_function_new(p, "lambda", node->offset);
    sl_parser_enter(p);
    if (p->token != T_COLON)
        function->params = sl_parse_params(p);
    sl_parser_expect(p, T_COLON);
    function->lambda_body = allow_cond ? sl_parse_test(p) : parse_test_without_cond(p);
    sl_parser_leave(p);
    return node;
}
