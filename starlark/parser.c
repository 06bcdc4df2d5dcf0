/*
 * Recursive descent, with precedence climbing for the binary operators. It stops at the first
 * error, whose text and position are starlark-go's.
 */
#include "starlark/ast.h"

#include <string.h>

struct parser {
    struct source *source;
    struct lexer lexer;
    enum token token;
    int nesting;
    struct node **stack; /* list elements collected so far, of all open lists */
    size_t stack_count, stack_capacity;
};

const char *sl_node_name(const struct node *node)
{
    static const char *const names[] = {
#define X(name, text) [N_##name] = text,
        NODES(X)
#undef X
    };
    return names[node->kind];
}

static struct node *parse_test(struct parser *p);
static struct node *parse_binary(struct parser *p, int level);
static struct nodes parse_suite(struct parser *p);

/* -----------------------------------------------------------------------------------------------------------------
 * basics */

/* Takes the token; gives its offset. */
static uint32_t next(struct parser *p)
{
    uint32_t offset = p->lexer.offset;
    p->token = sl_lexer_next(&p->lexer);
    return offset;
}

/* The end of the token: where starlark-go says that it is not the one that was wanted. */
static uint32_t token_end(const struct parser *p)
{
    return (uint32_t)(p->lexer.at - p->source->text);
}

static const char *shown(const struct parser *p)
{
    return p->token == T_RESERVED ? p->lexer.symbol->name : sl_token_text(p->token);
}

static uint32_t expect(struct parser *p, enum token token)
{
    if (p->token != token)
        sl_source_fail(p->source, token_end(p), "got %s, want %s", shown(p), sl_token_text(token));
    return next(p);
}

static void enter(struct parser *p)
{
    if (++p->nesting > MAX_NESTING)
        sl_source_fail(p->source, p->lexer.offset, "nested too deeply (limit is %d levels)",
                       MAX_NESTING);
}

static void leave(struct parser *p)
{
    p->nesting--;
}

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

static struct node *node_new(struct parser *p, enum node_kind kind, uint32_t offset)
{
    struct node *node = sl_arena_alloc(&p->source->arena, node_size(kind));
    node->kind = (uint8_t)kind;
    node->offset = node->start = offset;
    return node;
}

static void push(struct parser *p, struct node *node)
{
    if (p->stack_count == p->stack_capacity)
        p->stack = sl_arena_grow(&p->source->arena, p->stack, p->stack_count, &p->stack_capacity,
                                 sizeof(struct node *));
    p->stack[p->stack_count++] = node;
}

/* What was pushed since the stack was `base` high, as a list. */
static struct nodes pop_list(struct parser *p, size_t base)
{
    struct nodes list = {.count = (uint32_t)(p->stack_count - base)};
    if (list.count > 0)
        list.items =
            sl_arena_copy(&p->source->arena, p->stack + base, list.count, sizeof(struct node *));
    p->stack_count = base;
    return list;
}

static struct node *pair_new(struct parser *p, enum node_kind kind, uint32_t offset, struct node *x,
                             struct node *y)
{
    struct node *node = node_new(p, kind, offset);
    node->start = x->start;
    node->pair.x = x;
    node->pair.y = y;
    return node;
}

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

static struct node *parse_ident(struct parser *p)
{
    if (p->token != T_IDENT)
        sl_source_fail(p->source, token_end(p), "not an identifier");
    struct node *node = node_new(p, N_IDENT, p->lexer.offset);
    node->ident.symbol = p->lexer.symbol;
    next(p);
    return node;
}

/* ---------------------------------------------------------------------------------------------------------
 * lists and tuples */

/* Pushes the elements after the first, beginning at the comma. */
static void parse_more(struct parser *p, bool trailing_comma)
{
    while (p->token == T_COMMA) {
        uint32_t comma = next(p);
        if (ends_list(p->token)) {
            if (!trailing_comma)
                sl_source_fail(p->source, comma, "unparenthesized tuple with trailing comma");
            return;
        }
        push(p, parse_test(p));
    }
}

/* An expression, or several and commas: a tuple. */
static struct node *parse_expr(struct parser *p, bool in_parens)
{
    struct node *x = parse_test(p);
    if (p->token != T_COMMA)
        return x;
    size_t base = p->stack_count;
    push(p, x);
    parse_more(p, in_parens);
    struct node *tuple = node_new(p, N_TUPLE, x->start);
    tuple->list = pop_list(p, base);
    return tuple;
}

static struct node *literal_node(struct parser *p, enum node_kind kind)
{
    struct node *node = node_new(p, kind, p->lexer.offset);
    node->literal.text = p->lexer.text;
    node->literal.size = p->lexer.size;
    node->literal.base = p->lexer.base;
    next(p);
    return node;
}

static struct node *parse_int(struct parser *p)
{
    if (p->lexer.big)
        return literal_node(p, N_BIGINT);
    struct node *node = node_new(p, N_INT, p->lexer.offset);
    node->integer = p->lexer.integer;
    next(p);
    return node;
}

static struct node *parse_float(struct parser *p)
{
    struct node *node = node_new(p, N_FLOAT, p->lexer.offset);
    node->number = p->lexer.number;
    next(p);
    return node;
}

static struct node *parse_unary(struct parser *p)
{
    struct node *node = node_new(p, N_UNARY, p->lexer.offset);
    node->op = (uint8_t)p->token;
    next(p);
    enter(p);
    node->x = parse_binary(p, 0);
    leave(p);
    return node;
}

static struct node *parse_parens(struct parser *p)
{
    uint32_t offset = next(p);
    if (p->token == T_RPAREN) {
        next(p);
        return node_new(p, N_TUPLE, offset);
    }
    struct node *node = node_new(p, N_PAREN, offset);
    node->x = parse_expr(p, true);
    expect(p, T_RPAREN);
    return node;
}

/* ----------------------------------------------------------------------------------------------------------
 * comprehensions */

static struct node *parse_suffixed(struct parser *p);

/* x, y in `for x, y in`: not parse_expr, which would take the `in` too. */
static struct node *parse_loop_variables(struct parser *p)
{
    struct node *x = parse_suffixed(p);
    if (p->token != T_COMMA)
        return x;
    size_t base = p->stack_count;
    push(p, x);
    while (p->token == T_COMMA) {
        next(p);
        if (ends_list(p->token))
            break;
        push(p, parse_suffixed(p));
    }
    struct node *tuple = node_new(p, N_TUPLE, x->start);
    tuple->list = pop_list(p, base);
    return tuple;
}

static struct node *parse_lambda(struct parser *p, bool allow_cond);

static struct node *parse_test_without_cond(struct parser *p)
{
    return p->token == T_LAMBDA ? parse_lambda(p, false) : parse_binary(p, 1);
}

static struct node *parse_for_clause(struct parser *p)
{
    uint32_t offset = next(p);
    struct node *variables = parse_loop_variables(p);
    expect(p, T_IN);
    struct node *clause = pair_new(p, N_FORCLAUSE, offset, variables, parse_binary(p, 1));
    clause->start = offset;
    return clause;
}

static struct node *parse_comprehension(struct parser *p, uint32_t offset, struct node *body,
                                        enum token end)
{
    struct node *node = node_new(p, N_COMP, offset);
    node->comp = sl_arena_alloc(&p->source->arena, sizeof(*node->comp));
    size_t base = p->stack_count;
    while (p->token != end) {
        if (p->token == T_FOR) {
            push(p, parse_for_clause(p));
        } else if (p->token == T_IF) {
            struct node *clause = node_new(p, N_IFCLAUSE, next(p));
            clause->x = parse_test_without_cond(p);
            push(p, clause);
        } else {
            sl_source_fail(p->source, token_end(p), "got %s, want '%c', for, or if", shown(p),
                           end == T_RBRACK ? ']' : '}');
        }
        if (p->stack_count - base > MAX_NESTING)
            sl_source_fail(p->source, p->lexer.offset, "nested too deeply (limit is %d levels)",
                           MAX_NESTING);
    }
    next(p);
    node->comp->clauses = pop_list(p, base);
    node->comp->body = body;
    return node;
}

static struct node *parse_list(struct parser *p)
{
    uint32_t offset = next(p);
    struct node *node = node_new(p, N_LIST, offset);
    if (p->token == T_RBRACK) {
        next(p);
        return node;
    }
    struct node *x = parse_test(p);
    if (p->token == T_FOR)
        return parse_comprehension(p, offset, x, T_RBRACK);
    size_t base = p->stack_count;
    push(p, x);
    parse_more(p, true);
    expect(p, T_RBRACK);
    node->list = pop_list(p, base);
    return node;
}

static struct node *parse_entry(struct parser *p)
{
    struct node *key = parse_test(p);
    uint32_t colon = expect(p, T_COLON);
    return pair_new(p, N_ENTRY, colon, key, parse_test(p));
}

static struct node *parse_dict(struct parser *p)
{
    uint32_t offset = next(p);
    struct node *node = node_new(p, N_DICT, offset);
    if (p->token == T_RBRACE) {
        next(p);
        return node;
    }
    struct node *entry = parse_entry(p);
    if (p->token == T_FOR)
        return parse_comprehension(p, offset, entry, T_RBRACE);
    size_t base = p->stack_count;
    push(p, entry);
    while (p->token == T_COMMA) {
        next(p);
        if (p->token == T_RBRACE)
            break;
        push(p, parse_entry(p));
    }
    expect(p, T_RBRACE);
    node->list = pop_list(p, base);
    return node;
}

/* -------------------------------------------------------------------------------------------------
 * primaries and suffixes */

static struct node *parse_primary(struct parser *p)
{
    switch (p->token) {
    case T_IDENT:
        return parse_ident(p);
    case T_INT:
        return parse_int(p);
    case T_FLOAT:
        return parse_float(p);
    case T_STRING:
        return literal_node(p, N_STRING);
    case T_BYTES:
        return literal_node(p, N_BYTES);
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
        sl_source_fail(p->source, p->lexer.offset, "got %s, want primary expression", shown(p));
    }
}

static struct node *parse_subscript(struct parser *p, struct node *x)
{
    uint32_t bracket = next(p);
    struct node *low = NULL, *high = NULL, *step = NULL;
    if (p->token != T_COLON) {
        low = parse_expr(p, false);
        if (p->token == T_RBRACK) {
            next(p);
            return pair_new(p, N_INDEX, bracket, x, low);
        }
    }
    if (p->token == T_COLON) {
        next(p);
        if (p->token != T_COLON && p->token != T_RBRACK)
            high = parse_test(p);
    }
    if (p->token == T_COLON) {
        next(p);
        if (p->token != T_RBRACK)
            step = parse_test(p);
    }
    expect(p, T_RBRACK);
    struct node *node = node_new(p, N_SLICE, bracket);
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
        struct node *node = node_new(p, p->token == T_STAR ? N_STAR : N_STARSTAR, p->lexer.offset);
        next(p);
        node->x = parse_test(p);
        return node;
    }
    struct node *x = parse_test(p);
    if (p->token != T_EQ)
        return x;
    if (x->kind != N_IDENT)
        sl_source_fail(p->source, token_end(p), "keyword argument must have form name=expr");
    next(p);
    struct node *node = node_new(p, N_NAMED, x->offset);
    node->named.name = x->ident.symbol;
    node->named.value = parse_test(p);
    return node;
}

static struct node *parse_call(struct parser *p, struct node *callee)
{
    struct node *node = node_new(p, N_CALL, next(p));
    node->start = callee->start;
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_EOF) {
        if (p->stack_count > base)
            expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        push(p, parse_argument(p));
    }
    expect(p, T_RPAREN);
    node->call.callee = callee;
    node->call.args = pop_list(p, base);
    return node;
}

static struct node *parse_dot(struct parser *p, struct node *x)
{
    struct node *node = node_new(p, N_DOT, next(p));
    node->start = x->start;
    node->dot.x = x;
    struct node *name = parse_ident(p);
    node->dot.name = name->ident.symbol;
    return node;
}

/* A primary and its calls, subscripts and attributes. The chain is a deep tree to whoever walks it,
 * so it counts as nesting. */
static struct node *parse_suffixed(struct parser *p)
{
    enter(p);
    int nesting = p->nesting;
    struct node *x = parse_primary(p);
    for (;; enter(p)) {
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
    leave(p);
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
    struct node *node = node_new(p, N_UNARY, next(p));
    node->op = T_NOT;
    enter(p);
    node->x = parse_binary(p, LEVEL_NOT);
    leave(p);
    return node;
}

/* After an operand `not` can only begin `not in`, which becomes one token. */
static void join_not_in(struct parser *p)
{
    next(p);
    if (p->token != T_IN)
        sl_source_fail(p->source, token_end(p), "got %s, want in", shown(p));
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
    sl_source_fail(p->source, token_end(p), "%s does not associate with %s (use parens)",
                   bare(first, one), bare(p->token, two));
}

/* x or y or ...: one list. */
static struct node *parse_logical(struct parser *p, struct node *x, int level)
{
    enum token op = p->token;
    struct node *node = node_new(p, N_LOGICAL, p->lexer.offset);
    node->op = (uint8_t)op;
    node->start = x->start;
    size_t base = p->stack_count;
    push(p, x);
    while (p->token == op) {
        next(p);
        push(p, parse_binary(p, level + 1));
        if (p->token == T_NOT)
            join_not_in(p);
    }
    node->list = pop_list(p, base);
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
            uint32_t offset = next(p);
            x = pair_new(p, N_BINARY, offset, x, parse_binary(p, binds + 1));
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
    struct node *node = node_new(p, N_COND, next(p));
    node->start = yes->start;
    node->cond.yes = yes;
    node->cond.cond = parse_binary(p, 1);
    if (p->token != T_ELSE)
        sl_source_fail(p->source, node->offset, "conditional expression without else clause");
    next(p);
    node->cond.no = parse_test(p);
    return node;
}

static struct node *parse_test(struct parser *p)
{
    enter(p);
    struct node *x;
    if (p->token == T_LAMBDA) {
        x = parse_lambda(p, true);
    } else {
        x = parse_binary(p, 1);
        if (p->token == T_IF)
            x = parse_cond(p, x);
    }
    leave(p);
    return x;
}

/* ---------------------------------------------------------------------------------------------------------------
 * functions */

static struct node *parse_param(struct parser *p)
{
    struct node *node = node_new(p, N_PARAM, p->lexer.offset);
    if (p->token == T_STAR || p->token == T_STARSTAR) {
        node->op = (uint8_t)p->token;
        next(p);
        if (node->op == T_STARSTAR || p->token == T_IDENT)
            node->param.ident = parse_ident(p);
        return node;
    }
    node->param.ident = parse_ident(p);
    if (p->token == T_EQ) {
        node->op = T_EQ;
        node->offset = next(p);
        node->param.value = parse_test(p);
    }
    return node;
}

static struct nodes parse_params(struct parser *p)
{
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_COLON && p->token != T_EOF) {
        if (p->stack_count > base)
            expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        push(p, parse_param(p));
    }
    return pop_list(p, base);
}

static struct function_node *function_new(struct parser *p, const char *name, uint32_t offset)
{
    struct function_node *function = sl_arena_alloc(&p->source->arena, sizeof(*function));
    function->name = name;
    function->offset = offset;
    return function;
}

static struct node *parse_lambda(struct parser *p, bool allow_cond)
{
    struct node *node = node_new(p, N_LAMBDA, next(p));
    struct function_node *function = node->function.function =
        function_new(p, "lambda", node->offset);
    enter(p);
    if (p->token != T_COLON)
        function->params = parse_params(p);
    expect(p, T_COLON);
    function->lambda_body = allow_cond ? parse_test(p) : parse_test_without_cond(p);
    leave(p);
    return node;
}

static struct node *parse_def(struct parser *p)
{
    struct node *node = node_new(p, N_DEF, next(p));
    node->function.ident = parse_ident(p);
    struct function_node *function =
        function_new(p, node->function.ident->ident.symbol->name, node->offset);
    node->function.function = function;
    expect(p, T_LPAREN);
    function->params = parse_params(p);
    expect(p, T_RPAREN);
    expect(p, T_COLON);
    function->body = parse_suite(p);
    return node;
}

/* --------------------------------------------------------------------------------------------------------------
 * statements */

static struct if_clause parse_if_clause(struct parser *p)
{
    next(p);
    struct if_clause clause = {.cond = parse_test(p)};
    expect(p, T_COLON);
    clause.body = parse_suite(p);
    return clause;
}

static struct node *parse_if(struct parser *p)
{
    struct node *node = node_new(p, N_IF, p->lexer.offset);
    size_t capacity = 0;
    do {
        if (node->branches.count == capacity)
            node->branches.clauses =
                sl_arena_grow(&p->source->arena, node->branches.clauses, node->branches.count,
                              &capacity, sizeof(struct if_clause));
        node->branches.clauses[node->branches.count++] = parse_if_clause(p);
    } while (p->token == T_ELIF);
    if (p->token == T_ELSE) {
        next(p);
        expect(p, T_COLON);
        node->branches.otherwise = parse_suite(p);
    }
    return node;
}

static struct node *parse_for(struct parser *p)
{
    struct node *node = node_new(p, N_FOR, next(p));
    node->loop.targets = parse_loop_variables(p);
    expect(p, T_IN);
    node->loop.x = parse_expr(p, false);
    expect(p, T_COLON);
    node->loop.body = parse_suite(p);
    return node;
}

static struct node *parse_while(struct parser *p)
{
    struct node *node = node_new(p, N_WHILE, next(p));
    node->loop.x = parse_test(p);
    expect(p, T_COLON);
    node->loop.body = parse_suite(p);
    return node;
}

static struct node *parse_quoted_name(struct parser *p)
{
    struct node *name = literal_node(p, N_STRING);
    name->offset++;
    return name;
}

/* One of load's operands: pushes the local name, then the module's. */
static void parse_load_operand(struct parser *p)
{
    if (p->token == T_STRING) {
        struct node *from = parse_quoted_name(p);
        struct node *to = node_new(p, N_IDENT, from->offset);
        to->ident.symbol = sl_symbol(p->source, from->literal.text, from->literal.size);
        push(p, to);
        push(p, from);
    } else if (p->token == T_IDENT) {
        struct node *to = parse_ident(p);
        const char *name = to->ident.symbol->name;
        push(p, to);
        if (p->token != T_EQ)
            sl_source_fail(p->source, token_end(p),
                           "load operand must be \"%s\" or %s=\"originalname\" (want '=' after %s)",
                           name, name, name);
        next(p);
        if (p->token != T_STRING)
            sl_source_fail(p->source, token_end(p),
                           "original name of loaded symbol must be quoted: %s=\"originalname\"",
                           name);
        push(p, parse_quoted_name(p));
    } else {
        sl_source_fail(p->source, token_end(p),
                       "load operand must be \"name\" or localname=\"name\" (got %s)", shown(p));
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
    struct node *node = node_new(p, N_LOAD, next(p));
    uint32_t paren = expect(p, T_LPAREN);
    if (p->token != T_STRING)
        sl_source_fail(p->source, token_end(p),
                       "first operand of load statement must be a string literal");
    node->load.module = literal_node(p, N_STRING);
    size_t base = p->stack_count;
    while (p->token != T_RPAREN && p->token != T_EOF) {
        expect(p, T_COMMA);
        if (p->token == T_RPAREN)
            break;
        parse_load_operand(p);
    }
    expect(p, T_RPAREN);
    struct nodes both = pop_list(p, base);
    if (both.count == 0)
        sl_source_fail(p->source, paren, "load statement must import at least 1 symbol");
    node->load.to = halve(p, both, 0);
    node->load.from = halve(p, both, 1);
    return node;
}

static struct node *parse_return(struct parser *p)
{
    struct node *node = node_new(p, N_RETURN, next(p));
    if (p->token != T_EOF && p->token != T_NEWLINE && p->token != T_SEMI)
        node->x = parse_expr(p, false);
    return node;
}

static struct node *parse_branch(struct parser *p)
{
    struct node *node = node_new(p, N_BRANCH, p->lexer.offset);
    node->op = (uint8_t)p->token;
    next(p);
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
    struct node *x = parse_expr(p, false);
    if (is_assignment(p->token)) {
        enum token op = p->token;
        uint32_t offset = next(p);
        struct node *node = pair_new(p, N_ASSIGN, offset, x, parse_expr(p, false));
        node->op = (uint8_t)op;
        return node;
    }
    struct node *node = node_new(p, N_EXPR_STMT, x->offset);
    node->x = x;
    return node;
}

/* small statements with semicolons between, to the end of the line. */
static void parse_simple_stmts(struct parser *p)
{
    for (;;) {
        push(p, parse_small_stmt(p));
        if (p->token != T_SEMI)
            break;
        next(p);
        if (p->token == T_NEWLINE || p->token == T_EOF)
            break;
    }
    if (p->token != T_EOF)
        expect(p, T_NEWLINE);
}

static void parse_stmt(struct parser *p)
{
    enter(p);
    switch (p->token) {
    case T_DEF:
        push(p, parse_def(p));
        break;
    case T_IF:
        push(p, parse_if(p));
        break;
    case T_FOR:
        push(p, parse_for(p));
        break;
    case T_WHILE:
        push(p, parse_while(p));
        break;
    default:
        parse_simple_stmts(p);
        break;
    }
    leave(p);
}

static struct nodes parse_suite(struct parser *p)
{
    size_t base = p->stack_count;
    if (p->token != T_NEWLINE) {
        parse_simple_stmts(p);
        return pop_list(p, base);
    }
    next(p);
    expect(p, T_INDENT);
    while (p->token != T_OUTDENT && p->token != T_EOF)
        parse_stmt(p);
    expect(p, T_OUTDENT);
    return pop_list(p, base);
}

struct function_node *sl_parse(struct source *source)
{
    struct parser parser = {.source = source}, *p = &parser;
    sl_lexer_init(&p->lexer, source);
    next(p);
    while (p->token != T_EOF) {
        if (p->token == T_NEWLINE)
            next(p);
        else
            parse_stmt(p);
    }
    struct function_node *file = function_new(p, "<toplevel>", 0);
    file->body = pop_list(p, 0);
    return file;
}
