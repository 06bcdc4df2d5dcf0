/*
 * The syntax tree. Nodes live in the compilation's arena, lists are arrays in it. The parser fills
 * all but what is marked as the resolver's. Chains that files really have in great length - `a + b
 * + c ...`, `x or y or ...`, elif - are either lists here or walked without recursion; everything
 * else is bounded by MAX_NESTING, so that no file can exhaust the stack of C.
 */
#ifndef STARLARK_AST_H
#define STARLARK_AST_H

#include "starlark/lexer.h"

/* How deep expressions, blocks and functions may nest: some hundred times what people write, and at
 * most a few hundred kilobytes of C stack in the parser, the resolver or the compiler. */
enum {
    MAX_NESTING = 600
};

/* clang-format off */
#define NODES(X)                                                                                                   \
    X(IDENT, "ident") X(INT, "literal") X(BIGINT, "literal") X(FLOAT, "literal") X(STRING, "literal")               \
    X(BYTES, "literal") X(PAREN, "parenexpr") X(LIST, "listexpr") X(TUPLE, "tupleexpr") X(DICT, "dictexpr")         \
    X(ENTRY, "dictentry") X(UNARY, "unaryexpr") X(BINARY, "binaryexpr") X(LOGICAL, "binaryexpr")                    \
    X(COND, "condexpr") X(INDEX, "indexexpr") X(SLICE, "sliceexpr") X(DOT, "dotexpr") X(CALL, "callexpr")           \
    X(NAMED, "binaryexpr") X(STAR, "unaryexpr") X(STARSTAR, "unaryexpr") X(LAMBDA, "lambdaexpr")                    \
    X(COMP, "comprehension") X(FORCLAUSE, "forclause") X(IFCLAUSE, "ifclause") X(PARAM, "param")                    \
    X(EXPR_STMT, "") X(ASSIGN, "") X(DEF, "") X(IF, "") X(FOR, "") X(WHILE, "") X(RETURN, "") X(BRANCH, "")         \
    X(LOAD, "")
/* clang-format on */

enum node_kind {
#define X(name, text) N_##name,
    NODES(X)
#undef X
};

struct node;

struct nodes {
    struct node **items;
    uint32_t count;
};

/* Resolver: how a use of a name finds its value. */
enum scope {
    SCOPE_UNDEFINED,
    SCOPE_LOCAL,
    SCOPE_CELL,
    SCOPE_FREE,
    SCOPE_GLOBAL,
    SCOPE_PREDECLARED,
    SCOPE_UNIVERSAL
};

/* Resolver: one variable. The chain through `shadowed` is that of the symbol's bindings in force,
 * innermost first. */
struct binding {
    struct symbol *symbol;
    uint32_t first; /* offset of its first binding occurrence */
    uint32_t index; /* within its function's locals, its free variables, or the module's globals */
    enum scope scope;
    bool bound; /* by what has been resolved so far */
    struct binding *shadowed;
    struct function_node *owner; /* whose local or free variable it is; NULL: a global */
    struct binding *outer;       /* FREE: the variable of the enclosing function */
};

struct bindings {
    struct binding **items;
    size_t count, capacity;
};

/* A def or lambda, or the file itself. */
struct function_node {
    const char *name;
    uint32_t offset;
    struct nodes params;
    struct nodes body;
    struct node *lambda_body; /* instead of a body */
    /* the resolver's: */
    struct bindings locals; /* parameters first: plain, keyword-only, *args, **kwargs */
    struct bindings frees;
    uint32_t param_count; /* without *args and **kwargs */
    uint32_t kwonly_count;
    bool has_args, has_kwargs;
};

struct if_clause {
    struct node *cond;
    struct nodes body;
};

/* Allocated only as far as its kind uses it (parser.c): leaves are most of a tree. */
struct node {
    uint8_t kind;
    uint8_t op;      /* enum token, where there is an operator */
    uint32_t offset; /* where errors of this node point */
    uint32_t start;  /* where its text begins */
    union {
        struct {
            struct symbol *symbol;
            struct binding *binding; /* the resolver's */
        } ident;
        int64_t integer;
        double number;
        struct {
            const char *text;
            size_t size;
            int base;
        } literal;
        struct nodes list; /* LIST, TUPLE, DICT (ENTRYs), LOGICAL */
        struct node
            *x; /* PAREN, UNARY, STAR, STARSTAR, IFCLAUSE, EXPR_STMT, RETURN (may be NULL) */
        struct {
            struct node *x, *y;
        } pair; /* BINARY, INDEX, ENTRY (key, value), ASSIGN (target, value), FORCLAUSE (targets,
                   iterable) */
        struct {
            struct node *cond, *yes, *no;
        } cond;
        struct {
            struct node *x, *low, *high, *step;
        } slice;
        struct {
            struct node *x;
            struct symbol *name;
        } dot;
        struct {
            struct node *callee;
            struct nodes args;
        } call;
        struct {
            struct symbol *name;
            struct node *value;
        } named;
        struct {
            struct node *ident; /* NULL: bare * */
            struct node *value; /* the default, or NULL */
        } param;                /* op: 0, T_EQ, T_STAR or T_STARSTAR */
        struct {
            struct function_node *function;
            struct node *ident; /* DEF */
        } function;             /* LAMBDA, DEF */
        struct {
            struct nodes clauses;
            struct node *body;         /* an expression or an ENTRY */
            struct bindings variables; /* the resolver's: scratch */
        } * comp;
        struct {
            struct if_clause *clauses;
            uint32_t count;
            struct nodes otherwise;
        } branches; /* IF */
        struct {
            struct node *targets; /* NULL for while */
            struct node *x;       /* iterable or condition */
            struct nodes body;
        } loop; /* FOR, WHILE */
        struct {
            struct node *module; /* STRING */
            struct nodes to;     /* IDENTs */
            struct nodes from;   /* STRINGs, whose offset is inside the quotes */
        } load;
    };
};

/* How "can't assign to ..." calls a node. */
const char *sl_node_name(const struct node *node);

/* Parses the whole source; jumps to source->failed at the first error. */
struct function_node *sl_parse(struct source *source);

#endif
