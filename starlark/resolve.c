/*
 * The resolver walks each block twice. First it binds every name that the block assigns anywhere,
 * because such a name belongs to the block in all of it, also before the assignment. Then it
 * resolves the uses. A symbol knows its innermost binding in force (`top`, with the outer ones
 * behind it), so that a look-up costs nothing; leaving a block takes its bindings off again.
 */
#include "starlark/resolve.h"
#include "starlark/spell.h"
#include "starlark/starlark.h"
#include "starlark/universe.h"

#include <stdlib.h>
#include <string.h>

/* The file, a function or a comprehension. */
struct block {
    struct block *parent;
    struct function_node *function; /* whose registers its variables take */
    bool is_function;               /* not a comprehension */
    struct bindings bindings;       /* in force because of this block */
};

/* An error of a use that is not reported yet. */
struct bad_use {
    struct node *ident;
    const char *hint;
    uint32_t within; /* number of the outermost def, lambda or comprehension around it; 0: none */
};

struct resolver {
    struct source *source;
    struct resolution *out;
    unsigned dialect;
    struct block *file;
    struct block *block;
    int loops, ifs;
    uint32_t outermost; /* defs, lambdas and comprehensions begun so far that are in no other */
    struct bad_use *bad;
    size_t bad_count, bad_capacity;
};

static void resolve_expr(struct resolver *r, struct node *node);
static void resolve_stmts(struct resolver *r, struct nodes stmts);
static void resolve_function(struct resolver *r, struct function_node *function);

static bool allows(const struct resolver *r, unsigned dialect)
{
    return (r->dialect & dialect) != 0;
}

/* ---------------------------------------------------------------------------------------------------------------
 * bindings */

static void bindings_add(struct resolver *r, struct bindings *list, struct binding *binding)
{
    if (list->count == list->capacity)
        list->items = sl_arena_grow(&r->source->arena, list->items, list->count, &list->capacity,
                                    sizeof(*list->items));
    list->items[list->count++] = binding;
}

/* Puts a new binding in force for the time of `block`. */
static struct binding *binding_new(struct resolver *r, struct block *block, struct symbol *symbol,
                                   uint32_t offset, enum scope scope, struct bindings *variables)
{
    struct binding *binding = sl_arena_alloc(&r->source->arena, sizeof(*binding));
    *binding = (struct binding){.symbol = symbol,
                                .first = offset,
                                .index = (uint32_t)variables->count,
                                .scope = scope,
                                .shadowed = symbol->top,
                                .owner = scope == SCOPE_GLOBAL ? NULL : block->function};
    symbol->top = binding;
    bindings_add(r, variables, binding);
    bindings_add(r, &block->bindings, binding);
    return binding;
}

/* The binding of a symbol that `block` itself made, or NULL. */
static struct binding *binding_in(const struct block *block, const struct symbol *symbol)
{
    struct binding *top = symbol->top;
    if (!top)
        return NULL;
    for (size_t i = block->bindings.count; i-- > 0 && block->bindings.count <= 8;)
        if (block->bindings.items[i] == top)
            return top;
    if (block->bindings.count <= 8)
        return NULL;
    /* In a block of many names, ask the other way round: what was in force before the block began
     * is older than its first. */
    return top->owner == block->function && block->is_function && top->scope != SCOPE_FREE ? top
                                                                                           : NULL;
}

static void push_block(struct resolver *r, struct block *block)
{
    r->outermost += r->block == r->file;
    block->parent = r->block;
    r->block = block;
}

static void pop_block(struct resolver *r)
{
    struct block *block = r->block;
    for (size_t i = block->bindings.count; i-- > 0;)
        block->bindings.items[i]->symbol->top = block->bindings.items[i]->shadowed;
    r->block = block->parent;
}

static const char *scope_name(enum scope scope)
{
    return scope == SCOPE_GLOBAL ? "global" : "local";
}

static void fail_reassign(struct resolver *r, struct node *ident, const struct binding *old)
{
    int line, column;
    struct source *source = r->source;
    sl_position_of(source->lines, source->line_count, source->text, old->first, &line, &column);
    sl_source_error(source, ident->offset, "cannot reassign %s %s declared at %s:%d:%d",
                    scope_name(old->scope), ident->ident.symbol->name, source->file, line, column);
}

static void bind_global(struct resolver *r, struct node *ident)
{
    struct symbol *symbol = ident->ident.symbol;
    struct binding *old = symbol->top;
    if (!old)
        binding_new(r, r->file, symbol, ident->offset, SCOPE_GLOBAL, &r->out->globals);
    else if (!allows(r, STAR_ALLOW_GLOBAL_REASSIGN))
        fail_reassign(r, ident, old);
}

/* Makes a name a variable of the present block. True if it was one already. What a load names is
 * a variable of the file's own, beside a global of that name. */
static bool bind_local(struct resolver *r, struct node *ident)
{
    struct symbol *symbol = ident->ident.symbol;
    const struct binding *old = binding_in(r->block, symbol);
    if (old && old->scope != SCOPE_GLOBAL)
        return true;
    binding_new(r, r->block, symbol, ident->offset, SCOPE_LOCAL, &r->block->function->locals);
    return false;
}

static void bind_name(struct resolver *r, struct node *ident)
{
    if (r->block == r->file)
        bind_global(r, ident);
    else
        bind_local(r, ident);
}

static void bind_target(struct resolver *r, struct node *target)
{
    switch (target->kind) {
    case N_IDENT:
        bind_name(r, target);
        break;
    case N_PAREN:
        bind_target(r, target->x);
        break;
    case N_TUPLE:
    case N_LIST:
        for (uint32_t i = 0; i < target->list.count; i++)
            bind_target(r, target->list.items[i]);
        break;
    default:
        break;
    }
}

static void bind_load(struct resolver *r, struct node *load)
{
    for (uint32_t i = 0; i < load->load.to.count; i++) {
        struct node *to = load->load.to.items[i];
        if (to->ident.symbol->size == 0)
            continue;
        if (allows(r, STAR_LOAD_BINDS_GLOBALLY))
            bind_name(r, to);
        else if (bind_local(r, to) && !allows(r, STAR_ALLOW_GLOBAL_REASSIGN))
            sl_source_error(r->source, to->offset, "cannot reassign top-level %s",
                            to->ident.symbol->name);
    }
}

/* The first walk: binds what the statements assign. */
static void bind_stmts(struct resolver *r, struct nodes stmts)
{
    for (uint32_t i = 0; i < stmts.count; i++) {
        struct node *stmt = stmts.items[i];
        switch (stmt->kind) {
        case N_ASSIGN:
            bind_target(r, stmt->pair.x);
            break;
        case N_DEF:
            bind_name(r, stmt->function.ident);
            break;
        case N_IF:
            for (uint32_t j = 0; j < stmt->branches.count; j++)
                bind_stmts(r, stmt->branches.clauses[j].body);
            bind_stmts(r, stmt->branches.otherwise);
            break;
        case N_FOR:
            bind_target(r, stmt->loop.targets);
            bind_stmts(r, stmt->loop.body);
            break;
        case N_WHILE:
            bind_stmts(r, stmt->loop.body);
            break;
        case N_LOAD:
            bind_load(r, stmt);
            break;
        default:
            break;
        }
    }
}

/* -------------------------------------------------------------------------------------------------------------------
 * uses */

/* With reassignment allowed, code outside functions sees what the file binds only from there on, as
 * in Python. */
static bool in_force(const struct resolver *r, const struct binding *binding)
{
    return r->block != r->file || binding->bound || !allows(r, STAR_ALLOW_GLOBAL_REASSIGN);
}

/* The name in force that an undefined one was perhaps meant to be, or NULL. A hint looks at every
 * name there is, so a file of many errors gets them for the first ones only. */
static const char *hint_for(struct resolver *r, const char *name)
{
    enum {
        HINTS_MAX = 100
    };
    size_t count = 0, n = 0;
    for (struct block *block = r->block; block; block = block->parent)
        count += block->bindings.count;
    if (r->source->diagnostics.count + r->bad_count >= HINTS_MAX)
        count = 0;
    const char **names = sl_arena_alloc(&r->source->arena, count * sizeof(char *));
    for (struct block *block = r->block; block; block = block->parent)
        for (size_t i = 0; i < block->bindings.count && n < count; i++)
            if (in_force(r, block->bindings.items[i]))
                names[n++] = block->bindings.items[i]->symbol->name;
    return sl_spell_nearest(name, names, n);
}

static void fail_use(struct resolver *r, const struct bad_use *use)
{
    struct symbol *symbol = use->ident->ident.symbol;
    if (symbol->outside == SCOPE_UNIVERSAL)
        sl_source_error(r->source, use->ident->offset,
                        "this Starlark dialect does not support sets");
    else if (use->hint)
        sl_source_error(r->source, use->ident->offset, "undefined: %s (did you mean %s?)",
                        symbol->name, use->hint);
    else
        sl_source_error(r->source, use->ident->offset, "undefined: %s", symbol->name);
}

/* Reports what waits, from the `mark`-th on. */
static void report_bad_uses(struct resolver *r, size_t mark)
{
    for (size_t i = mark; i < r->bad_count; i++) {
        const struct bad_use *use = &r->bad[i];
        struct symbol *symbol = use->ident->ident.symbol;
        bool known = symbol->outside == SCOPE_UNIVERSAL
                         ? symbol->reported != 0
                         : use->within && symbol->reported == use->within;
        if (!known)
            fail_use(r, use);
        symbol->reported = use->within ? use->within : UINT32_MAX;
    }
    r->bad_count = mark;
}

/* As in starlark-go, an undefined name is reported at each use outside functions and once within
 * an outermost def, lambda or comprehension, a use of set once in the file: where the innermost
 * function uses it first. So a use waits until its function ends. */
static void add_bad_use(struct resolver *r, struct node *ident)
{
    if (r->bad_count == r->bad_capacity)
        r->bad = sl_arena_grow(&r->source->arena, r->bad, r->bad_count, &r->bad_capacity,
                               sizeof(*r->bad));
    struct symbol *symbol = ident->ident.symbol;
    r->bad[r->bad_count++] = (struct bad_use){
        .ident = ident,
        .hint = symbol->outside == SCOPE_UNDEFINED ? hint_for(r, symbol->name) : NULL,
        .within = r->block == r->file ? 0 : r->outermost};
    if (r->block == r->file && allows(r, STAR_ALLOW_GLOBAL_REASSIGN))
        report_bad_uses(r, r->bad_count - 1);
}

/* A name that the file does not bind: predeclared, universal or undefined. Its binding is made anew
 * and stays in the symbol. */
static struct binding *resolve_outside(struct resolver *r, struct node *ident)
{
    struct symbol *symbol = ident->ident.symbol;
    struct binding *binding = sl_arena_alloc(&r->source->arena, sizeof(*binding));
    *binding = (struct binding){
        .symbol = symbol, .scope = symbol->outside, .index = symbol->outside_index};
    struct resolution *out = r->out;
    if (symbol->outside == SCOPE_UNDEFINED) {
        add_bad_use(r, ident);
    } else if (symbol->outside == SCOPE_UNIVERSAL) {
        if (!allows(r, STAR_ALLOW_SET) && strcmp(symbol->name, "set") == 0)
            add_bad_use(r, ident);
    } else if (symbol->outside_index == UINT32_MAX) {
        if (out->predeclared_count == out->predeclared_capacity)
            out->predeclared =
                sl_arena_grow(&r->source->arena, out->predeclared, out->predeclared_count,
                              &out->predeclared_capacity, sizeof(struct symbol *));
        binding->index = symbol->outside_index = (uint32_t)out->predeclared_count;
        out->predeclared[out->predeclared_count++] = symbol;
    }
    return binding;
}

/* A variable of an enclosing function, seen from `block`: a free variable of each function in
 * between. */
static struct binding *capture(struct resolver *r, struct block *block, struct binding *found)
{
    while (!block->is_function)
        block = block->parent;
    if (block->function == found->owner)
        return found;
    struct binding *outer = capture(r, block->parent, found);
    if (outer->scope == SCOPE_LOCAL)
        outer->scope = SCOPE_CELL;
    struct binding *free =
        binding_new(r, block, outer->symbol, outer->first, SCOPE_FREE, &block->function->frees);
    free->outer = outer;
    return free;
}

static void resolve_use(struct resolver *r, struct node *ident)
{
    struct symbol *symbol = ident->ident.symbol;
    struct binding *top = symbol->top;
    while (top && !in_force(r, top))
        top = top->shadowed;
    if (!top)
        ident->ident.binding = resolve_outside(r, ident);
    else if (top->scope == SCOPE_GLOBAL)
        ident->ident.binding = top;
    else
        ident->ident.binding = capture(r, r->block, top);
}

/* An assigned name: its binding is there already. Of a name that the file both assigns and, later,
 * loads, the assignments before are the global's. */
static void resolve_bound(struct resolver *r, struct node *ident)
{
    struct binding *top = ident->ident.symbol->top;
    if (r->block == r->file && top->first > ident->offset && top->shadowed)
        top = top->shadowed;
    top->bound = true;
    ident->ident.binding = top;
}

static void resolve_list(struct resolver *r, struct nodes list)
{
    for (uint32_t i = 0; i < list.count; i++)
        resolve_expr(r, list.items[i]);
}

static void resolve_target(struct resolver *r, struct node *target, bool augmented)
{
    switch (target->kind) {
    case N_IDENT:
        resolve_bound(r, target);
        break;
    case N_INDEX:
        resolve_expr(r, target->pair.x);
        resolve_expr(r, target->pair.y);
        break;
    case N_DOT:
        resolve_expr(r, target->dot.x);
        break;
    case N_PAREN:
        resolve_target(r, target->x, augmented);
        break;
    case N_TUPLE:
    case N_LIST:
        if (augmented)
            sl_source_error(r->source, target->start,
                            "can't use %s expression in augmented assignment",
                            target->kind == N_TUPLE ? "tuple" : "list");
        for (uint32_t i = 0; i < target->list.count; i++)
            resolve_target(r, target->list.items[i], augmented);
        break;
    default:
        sl_source_error(r->source, target->start, "can't assign to %s", sl_node_name(target));
        break;
    }
}

/* ------------------------------------------------------------------------------------------------------------------
 * calls */

/* What a call's arguments have shown so far. */
struct call_state {
    bool args, kwargs;
    uint32_t positional, named;
};

static void check_named(struct resolver *r, struct call_state *state, struct node *arg,
                        struct nodes before)
{
    if (state->kwargs)
        sl_source_error(r->source, arg->start, "keyword argument may not follow **kwargs");
    else if (state->args)
        sl_source_error(r->source, arg->start, "keyword argument may not follow *args");
    for (uint32_t i = 0; i < before.count; i++) {
        if (before.items[i]->kind == N_NAMED && before.items[i]->named.name == arg->named.name) {
            sl_source_error(r->source, arg->offset, "keyword argument \"%s\" is repeated",
                            arg->named.name->name);
            break;
        }
    }
    state->named++;
}

static void check_star(struct resolver *r, struct call_state *state, struct node *arg)
{
    if (arg->kind == N_STARSTAR) {
        if (state->kwargs)
            sl_source_error(r->source, arg->start, "multiple **kwargs not allowed");
        state->kwargs = true;
        return;
    }
    if (state->kwargs)
        sl_source_error(r->source, arg->start, "*args may not follow **kwargs");
    else if (state->args)
        sl_source_error(r->source, arg->start, "multiple *args not allowed");
    state->args = true;
}

static void check_positional(struct resolver *r, struct call_state *state, struct node *arg)
{
    if (state->args)
        sl_source_error(r->source, arg->start, "positional argument may not follow *args");
    else if (state->kwargs)
        sl_source_error(r->source, arg->start, "positional argument may not follow **kwargs");
    else if (state->named > 0)
        sl_source_error(r->source, arg->start, "positional argument may not follow named");
    state->positional++;
}

static void resolve_call(struct resolver *r, struct node *call)
{
    enum {
        ARGUMENTS_MAX = 255
    };
    struct call_state state = {0};
    resolve_expr(r, call->call.callee);
    for (uint32_t i = 0; i < call->call.args.count; i++) {
        struct node *arg = call->call.args.items[i];
        if (arg->kind == N_NAMED) {
            if (state.named <= ARGUMENTS_MAX)
                check_named(r, &state, arg, (struct nodes){call->call.args.items, i});
            else
                state.named++;
            resolve_expr(r, arg->named.value);
        } else if (arg->kind == N_STAR || arg->kind == N_STARSTAR) {
            check_star(r, &state, arg);
            resolve_expr(r, arg->x);
        } else {
            check_positional(r, &state, arg);
            resolve_expr(r, arg);
        }
    }
    if (state.positional > ARGUMENTS_MAX)
        sl_source_error(r->source, call->start, "%u positional arguments in call, limit is 255",
                        state.positional);
    if (state.named > ARGUMENTS_MAX)
        sl_source_error(r->source, call->start, "%u keyword arguments in call, limit is 255",
                        state.named);
}

/* ------------------------------------------------------------------------------------------------------------
 * expressions */

static void resolve_comprehension(struct resolver *r, struct node *node)
{
    struct nodes clauses = node->comp->clauses;
    resolve_expr(r, clauses.items[0]->pair.y);
    struct block block = {.function = r->block->function};
    push_block(r, &block);
    for (uint32_t i = 0; i < clauses.count; i++)
        if (clauses.items[i]->kind == N_FORCLAUSE)
            bind_target(r, clauses.items[i]->pair.x);
    resolve_target(r, clauses.items[0]->pair.x, false);
    for (uint32_t i = 1; i < clauses.count; i++) {
        struct node *clause = clauses.items[i];
        if (clause->kind == N_IFCLAUSE) {
            resolve_expr(r, clause->x);
        } else {
            resolve_target(r, clause->pair.x, false);
            resolve_expr(r, clause->pair.y);
        }
    }
    resolve_expr(r, node->comp->body);
    pop_block(r);
}

static int compare_bad_uses(const void *a, const void *b)
{
    const struct bad_use *x = a, *y = b;
    return x->ident->offset < y->ident->offset ? -1 : x->ident->offset > y->ident->offset;
}

/* A chain like a + b + c without recursion, hence from its end; what is wrong with it is still to
 * be reported in order. */
static void resolve_binary(struct resolver *r, struct node *node)
{
    size_t mark = r->bad_count;
    for (; node->kind == N_BINARY; node = node->pair.x)
        resolve_expr(r, node->pair.y);
    resolve_expr(r, node);
    if (r->bad_count > mark + 1)
        qsort(r->bad + mark, r->bad_count - mark, sizeof(*r->bad), compare_bad_uses);
}

static void resolve_optional(struct resolver *r, struct node *node)
{
    if (node)
        resolve_expr(r, node);
}

static void resolve_expr(struct resolver *r, struct node *node)
{
    switch (node->kind) {
    case N_IDENT:
        resolve_use(r, node);
        break;
    case N_PAREN:
    case N_UNARY:
        resolve_expr(r, node->x);
        break;
    case N_LIST:
    case N_TUPLE:
    case N_DICT:
    case N_LOGICAL:
        resolve_list(r, node->list);
        break;
    case N_INDEX:
    case N_ENTRY:
        resolve_expr(r, node->pair.x);
        resolve_expr(r, node->pair.y);
        break;
    case N_BINARY:
        resolve_binary(r, node);
        break;
    case N_COND:
        resolve_expr(r, node->cond.cond);
        resolve_expr(r, node->cond.yes);
        resolve_expr(r, node->cond.no);
        break;
    case N_SLICE:
        resolve_expr(r, node->slice.x);
        resolve_optional(r, node->slice.low);
        resolve_optional(r, node->slice.high);
        resolve_optional(r, node->slice.step);
        break;
    case N_DOT:
        resolve_expr(r, node->dot.x);
        break;
    case N_CALL:
        resolve_call(r, node);
        break;
    case N_LAMBDA:
        resolve_function(r, node->function.function);
        break;
    case N_COMP:
        resolve_comprehension(r, node);
        break;
    default: /* literals */
        break;
    }
}

/* --------------------------------------------------------------------------------------------------------------
 * functions */

/* What a parameter list has shown so far. */
struct param_state {
    struct node *star, *starstar;
    bool optional;
};

static void bind_param(struct resolver *r, struct node *ident, uint32_t offset)
{
    if (bind_local(r, ident))
        sl_source_error(r->source, offset, "duplicate parameter: %s", ident->ident.symbol->name);
    resolve_bound(r, ident);
}

static void check_star_param(struct resolver *r, struct param_state *state, struct node *param)
{
    if (param->op == T_STARSTAR) {
        if (state->starstar)
            sl_source_error(r->source, param->offset, "multiple ** parameters not allowed");
        state->starstar = param;
    } else if (state->starstar) {
        sl_source_error(r->source, param->offset, "* parameter may not follow **%s",
                        state->starstar->param.ident->ident.symbol->name);
    } else if (state->star) {
        sl_source_error(r->source, param->offset, "multiple * parameters not allowed");
    } else {
        state->star = param;
    }
}

static void resolve_param(struct resolver *r, struct function_node *function,
                          struct param_state *state, struct node *param)
{
    if (param->op == T_STAR || param->op == T_STARSTAR) {
        check_star_param(r, state, param);
        return;
    }
    bool required = param->op != T_EQ;
    if (state->starstar)
        sl_source_error(r->source, param->offset, "%s parameter may not follow **%s",
                        required ? "required" : "optional",
                        state->starstar->param.ident->ident.symbol->name);
    else if (state->star)
        function->kwonly_count++;
    else if (required && state->optional)
        sl_source_error(r->source, param->offset, "required parameter may not follow optional");
    state->optional |= !required;
    bind_param(r, param->param.ident, param->offset);
    function->param_count++;
}

/* *args and **kwargs come last, so that the others are contiguous. */
static void resolve_params(struct resolver *r, struct function_node *function)
{
    struct param_state state = {0};
    for (uint32_t i = 0; i < function->params.count; i++)
        resolve_param(r, function, &state, function->params.items[i]);
    if (state.star && state.star->param.ident) {
        bind_param(r, state.star->param.ident, state.star->param.ident->offset);
        function->has_args = true;
    } else if (state.star && function->kwonly_count == 0) {
        sl_source_error(r->source, state.star->offset,
                        "bare * must be followed by keyword-only parameters");
    }
    if (state.starstar) {
        bind_param(r, state.starstar->param.ident, state.starstar->param.ident->offset);
        function->has_kwargs = true;
    }
}

static void resolve_function(struct resolver *r, struct function_node *function)
{
    for (uint32_t i = 0; i < function->params.count; i++)
        if (function->params.items[i]->op == T_EQ)
            resolve_expr(r, function->params.items[i]->param.value);
    struct block block = {.function = function, .is_function = true};
    int loops = r->loops, ifs = r->ifs;
    r->loops = r->ifs = 0;
    push_block(r, &block);
    size_t mark = r->bad_count;
    resolve_params(r, function);
    if (function->lambda_body) {
        resolve_expr(r, function->lambda_body);
    } else {
        bind_stmts(r, function->body);
        resolve_stmts(r, function->body);
    }
    pop_block(r);
    report_bad_uses(r, mark);
    r->loops = loops;
    r->ifs = ifs;
}

/* -------------------------------------------------------------------------------------------------------------
 * statements */

static bool at_toplevel(const struct resolver *r)
{
    return r->block == r->file;
}

static bool toplevel_control(const struct resolver *r)
{
    return allows(r, STAR_ALLOW_TOPLEVEL_CONTROL);
}

static void resolve_if(struct resolver *r, struct node *stmt)
{
    if (at_toplevel(r) && !toplevel_control(r))
        sl_source_error(r->source, stmt->offset, "if statement not within a function");
    r->ifs++;
    for (uint32_t i = 0; i < stmt->branches.count; i++) {
        resolve_expr(r, stmt->branches.clauses[i].cond);
        resolve_stmts(r, stmt->branches.clauses[i].body);
    }
    resolve_stmts(r, stmt->branches.otherwise);
    r->ifs--;
}

static void resolve_loop(struct resolver *r, struct node *stmt)
{
    if (stmt->kind == N_WHILE && !allows(r, STAR_ALLOW_WHILE | STAR_ALLOW_RECURSION))
        sl_source_error(r->source, stmt->offset,
                        "this Starlark dialect does not support while loops");
    if (at_toplevel(r) && !toplevel_control(r))
        sl_source_error(r->source, stmt->offset, "%s loop not within a function",
                        stmt->kind == N_FOR ? "for" : "while");
    resolve_expr(r, stmt->loop.x);
    if (stmt->kind == N_FOR)
        resolve_target(r, stmt->loop.targets, false);
    r->loops++;
    resolve_stmts(r, stmt->loop.body);
    r->loops--;
}

static void resolve_load(struct resolver *r, struct node *stmt)
{
    if (!at_toplevel(r))
        sl_source_error(r->source, stmt->offset, "load statement within a function");
    else if (r->loops > 0)
        sl_source_error(r->source, stmt->offset, "load statement within a loop");
    else if (r->ifs > 0)
        sl_source_error(r->source, stmt->offset, "load statement within a conditional");
    for (uint32_t i = 0; i < stmt->load.from.count; i++) {
        struct node *from = stmt->load.from.items[i];
        if (from->literal.size == 0) {
            sl_source_error(r->source, from->offset, "load: empty identifier");
            continue;
        }
        if (from->literal.text[0] == '_')
            sl_source_error(r->source, from->offset,
                            "load: names with leading underscores are not exported: %.*s",
                            (int)from->literal.size, from->literal.text);
        resolve_bound(r, stmt->load.to.items[i]);
    }
}

static void resolve_stmt(struct resolver *r, struct node *stmt)
{
    switch (stmt->kind) {
    case N_EXPR_STMT:
        resolve_expr(r, stmt->x);
        break;
    case N_BRANCH:
        if (r->loops == 0 && stmt->op != T_PASS)
            sl_source_error(r->source, stmt->offset, "%s not in a loop", sl_token_text(stmt->op));
        break;
    case N_IF:
        resolve_if(r, stmt);
        break;
    case N_ASSIGN:
        resolve_expr(r, stmt->pair.y);
        resolve_target(r, stmt->pair.x, stmt->op != T_EQ);
        break;
    case N_DEF:
        resolve_bound(r, stmt->function.ident);
        resolve_function(r, stmt->function.function);
        break;
    case N_FOR:
    case N_WHILE:
        resolve_loop(r, stmt);
        break;
    case N_RETURN:
        if (at_toplevel(r))
            sl_source_error(r->source, stmt->offset, "return statement not within a function");
        resolve_optional(r, stmt->x);
        break;
    case N_LOAD:
        resolve_load(r, stmt);
        break;
    default:
        break;
    }
}

static void resolve_stmts(struct resolver *r, struct nodes stmts)
{
    for (uint32_t i = 0; i < stmts.count; i++)
        resolve_stmt(r, stmts.items[i]);
}

/* ----------------------------------------------------------------------------------------------------------------
 * the file */

static void declare_outside(struct source *source, const char *const *predeclared)
{
    const char *name;
    for (uint32_t i = 0; (name = sl_universe_name(i)); i++) {
        struct symbol *symbol = sl_symbol(source, name, strlen(name));
        symbol->outside = SCOPE_UNIVERSAL;
        symbol->outside_index = i;
    }
    for (size_t i = 0; predeclared && predeclared[i]; i++) {
        struct symbol *symbol = sl_symbol(source, predeclared[i], strlen(predeclared[i]));
        symbol->outside = SCOPE_PREDECLARED;
        symbol->outside_index = UINT32_MAX;
    }
}

/* By position, and where that is equal as they were found. */
static int compare_diagnostics(const void *a, const void *b)
{
    const struct diagnostic *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void sort_diagnostics(struct diagnostic_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        list->items[i].number = (uint32_t)i;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(list->items[0]), compare_diagnostics);
}

void sl_resolve(struct source *source, struct function_node *file, unsigned dialect,
                const char *const *predeclared, struct resolution *ret_resolution)
{
    declare_outside(source, predeclared);
    struct block block = {.function = file, .is_function = true};
    struct resolver resolver = {.source = source,
                                .out = ret_resolution,
                                .dialect = dialect,
                                .file = &block,
                                .block = &block};
    bind_stmts(&resolver, file->body);
    resolve_stmts(&resolver, file->body);
    report_bad_uses(&resolver, 0);
    sort_diagnostics(&source->diagnostics);
}
