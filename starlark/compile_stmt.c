/*
 * Statements and functions, and which locals surely have a value where: a local that has one is
 * read without a check. After branches a local is assigned if every branch that goes on assigns it;
 * after a loop what its body assigned is forgotten.
 */
#include "starlark/compile.h"

static void compile_stmt(struct emitter *e, struct node *stmt);

static void compile_stmts(struct emitter *e, struct nodes stmts)
{
    for (uint32_t i = 0; i < stmts.count; i++)
        compile_stmt(e, stmts.items[i]);
}

/* -------------------------------------------------------------------------------------------------------------
 * assignment */

/* True if the value of an assignment may be computed right into the variable's register. */
static bool direct_target(const struct node *target, uint16_t *ret)
{
    while (target->kind == N_PAREN)
        target = target->x;
    if (target->kind != N_IDENT || target->ident.binding->scope != SCOPE_LOCAL)
        return false;
    *ret = (uint16_t)target->ident.binding->index;
    return true;
}

/* Is a list or tuple display of as many plain elements as there are targets: `a, b = b, a` needs no
 * tuple. */
static bool parallel(const struct node *target, const struct node *value)
{
    while (target->kind == N_PAREN)
        target = target->x;
    while (value->kind == N_PAREN)
        value = value->x;
    return (target->kind == N_TUPLE || target->kind == N_LIST) && value->kind == N_TUPLE &&
           target->list.count == value->list.count && target->list.count > 0;
}

static void compile_parallel(struct emitter *e, struct node *stmt)
{
    struct node *target = stmt->pair.x, *value = stmt->pair.y;
    while (target->kind == N_PAREN)
        target = target->x;
    while (value->kind == N_PAREN)
        value = value->x;
    uint16_t first = sl_temp(e, value->list.count);
    for (uint32_t i = 0; i < value->list.count; i++)
        sl_compile_to(e, value->list.items[i], (uint16_t)(first + i));
    for (uint32_t i = 0; i < value->list.count; i++)
        sl_assign(e, target->list.items[i], (uint16_t)(first + i), stmt->offset);
}

static void compile_assign(struct emitter *e, struct node *stmt)
{
    uint16_t local;
    if (direct_target(stmt->pair.x, &local)) {
        sl_compile_to(e, stmt->pair.y, local);
        sl_mark_assigned(e, local);
    } else if (parallel(stmt->pair.x, stmt->pair.y)) {
        compile_parallel(e, stmt);
    } else {
        sl_assign(e, stmt->pair.x, sl_compile(e, stmt->pair.y), stmt->offset);
    }
}

static enum token plain_operator(enum token op)
{
    static const uint8_t plain[TOKEN_MAX] = {
        [T_PLUS_EQ] = T_PLUS,
        [T_MINUS_EQ] = T_MINUS,
        [T_STAR_EQ] = T_STAR,
        [T_SLASH_EQ] = T_SLASH,
        [T_SLASHSLASH_EQ] = T_SLASHSLASH,
        [T_PERCENT_EQ] = T_PERCENT,
        [T_AMP_EQ] = T_AMP,
        [T_PIPE_EQ] = T_PIPE,
        [T_CIRCUMFLEX_EQ] = T_CIRCUMFLEX,
        [T_LTLT_EQ] = T_LTLT,
        [T_GTGT_EQ] = T_GTGT,
    };
    return plain[op];
}

static bool literal_int(const struct node *node, int64_t *ret)
{
    while (node->kind == N_PAREN)
        node = node->x;
    *ret = node->integer;
    return node->kind == N_INT && *ret >= INT16_MIN && *ret <= INT16_MAX;
}

/* target = old op value, in place for lists and dicts. */
static void emit_augmented(struct emitter *e, struct node *stmt, uint16_t old, uint16_t target)
{
    enum token op = plain_operator(stmt->op);
    int64_t literal;
    if ((op == T_PLUS || op == T_MINUS) && literal_int(stmt->pair.y, &literal)) {
        sl_emit(e, op == T_PLUS ? OP_ADDI : OP_SUBI, target, old, (uint16_t)literal, stmt->offset);
        return;
    }
    uint16_t value = sl_compile(e, stmt->pair.y);
    enum opcode opcode = op == T_PLUS ? OP_IADD : op == T_PIPE ? OP_IOR : sl_binary_opcode(op);
    sl_emit(e, opcode, target, old, value, stmt->offset);
}

/* The parts of the target are evaluated once. */
static void compile_augmented(struct emitter *e, struct node *stmt)
{
    struct node *target = stmt->pair.x;
    uint16_t local;
    while (target->kind == N_PAREN)
        target = target->x;
    if (target->kind == N_IDENT) {
        uint16_t old = sl_compile(e, target);
        if (direct_target(target, &local)) {
            emit_augmented(e, stmt, old, local);
            return;
        }
        uint16_t result = sl_temp(e, 1);
        emit_augmented(e, stmt, old, result);
        sl_store_name(e, target, result);
    } else if (target->kind == N_INDEX) {
        uint16_t x = sl_compile(e, target->pair.x);
        uint16_t y = sl_compile(e, target->pair.y);
        uint16_t result = sl_temp(e, 1);
        sl_emit(e, OP_INDEX, result, x, y, target->offset);
        emit_augmented(e, stmt, result, result);
        sl_emit(e, OP_SETINDEX, x, y, result, target->offset);
    } else {
        uint16_t x = sl_compile(e, target->dot.x);
        uint16_t result = sl_temp(e, 1);
        uint32_t name =
            sl_constant_text(e->builder, target->dot.name->name, target->dot.name->size, false);
        sl_emit(e, OP_ATTR, result, x, 0, target->offset);
        sl_emit_word(e, name);
        emit_augmented(e, stmt, result, result);
        sl_emit(e, OP_SETATTR, x, result, 0, target->offset);
        sl_emit_word(e, name);
    }
}

/* ---------------------------------------------------------------------------------------------------
 * branches and loops */

/* The locals that every branch so far that goes on has assigned. */
struct merge {
    size_t mark; /* of the log, before the branches */
    uint32_t branches;
    uint32_t *locals;
    size_t count;
};

static void forget(struct emitter *e, size_t mark)
{
    while (e->log_count > mark)
        e->assigned[e->log[--e->log_count]] = false;
}

static void merge_branch(struct emitter *e, struct merge *merge)
{
    if (merge->branches++ == 0) {
        merge->count = e->log_count - merge->mark;
        merge->locals = sl_arena_copy(&e->builder->source->arena, e->log + merge->mark,
                                      merge->count, sizeof(uint32_t));
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < merge->count; i++)
        if (e->assigned[merge->locals[i]])
            merge->locals[kept++] = merge->locals[i];
    merge->count = kept;
}

/* A branch's statements. True if control goes on behind them. */
static bool compile_branch(struct emitter *e, struct nodes body, struct merge *merge)
{
    e->unreachable = false;
    compile_stmts(e, body);
    bool goes_on = !e->unreachable;
    e->unreachable = false;
    if (goes_on)
        merge_branch(e, merge);
    forget(e, merge->mark);
    return goes_on;
}

static void compile_if(struct emitter *e, struct node *stmt)
{
    struct jumps done = {0};
    struct merge merge = {.mark = e->log_count};
    for (uint32_t i = 0; i < stmt->branches.count; i++) {
        struct if_clause *clause = &stmt->branches.clauses[i];
        struct jumps no = {0};
        sl_compile_jump(e, clause->cond, false, &no);
        bool goes_on = compile_branch(e, clause->body, &merge);
        bool last = i + 1 == stmt->branches.count && stmt->branches.otherwise.count == 0;
        if (goes_on && !last)
            sl_jumps_add(e, &done, sl_emit_jump(e, OP_JUMP, 0, stmt->offset));
        sl_jumps_patch(e, &no);
    }
    compile_branch(e, stmt->branches.otherwise, &merge);
    sl_jumps_patch(e, &done);
    for (size_t i = 0; i < merge.count; i++)
        sl_mark_assigned(e, merge.locals[i]);
    e->unreachable = merge.branches == 0;
}

static void compile_for(struct emitter *e, struct node *stmt)
{
    struct for_state state;
    size_t mark = e->log_count;
    uint16_t iterable = sl_compile(e, stmt->loop.x);
    sl_for_begin(e, stmt->loop.targets, iterable, stmt->offset, &state);
    struct loop loop = {.outer = e->loop, .iter = state.iter, .is_for = true};
    e->loop = &loop;
    compile_stmts(e, stmt->loop.body);
    e->loop = loop.outer;
    sl_jumps_patch(e, &loop.to_next);
    sl_for_end(e, &state, stmt->offset);
    sl_jumps_patch(e, &loop.to_end);
    forget(e, mark);
    e->unreachable = false;
}

static void compile_while(struct emitter *e, struct node *stmt)
{
    struct loop loop = {.outer = e->loop};
    size_t mark = e->log_count;
    int32_t begin = (int32_t)e->code->size;
    sl_compile_jump(e, stmt->loop.x, false, &loop.to_end);
    e->loop = &loop;
    compile_stmts(e, stmt->loop.body);
    e->loop = loop.outer;
    sl_jumps_patch(e, &loop.to_next);
    sl_patch_to(e, sl_emit_jump(e, OP_LOOP, 0, stmt->offset), begin);
    sl_jumps_patch(e, &loop.to_end);
    forget(e, mark);
    e->unreachable = false;
}

static void compile_branch_stmt(struct emitter *e, struct node *stmt)
{
    if (stmt->op == T_PASS)
        return;
    struct loop *loop = e->loop;
    if (stmt->op == T_BREAK && loop->is_for)
        sl_emit(e, OP_ITEREND, loop->iter, 0, 0, stmt->offset);
    sl_jumps_add(e, stmt->op == T_BREAK ? &loop->to_end : &loop->to_next,
                 sl_emit_jump(e, OP_JUMP, 0, stmt->offset));
    e->unreachable = true;
}

/* -------------------------------------------------------------------------------------------------------------------
 * load */

static void compile_load(struct emitter *e, struct node *stmt)
{
    struct builder *builder = e->builder;
    struct node *module = stmt->load.module;
    uint32_t name = sl_constant_text(builder, module->literal.text, module->literal.size, false);
    if (builder->load_count == builder->load_capacity)
        builder->loads = sl_arena_grow(&builder->source->arena, builder->loads, builder->load_count,
                                       &builder->load_capacity, sizeof(char *));
    builder->loads[builder->load_count++] = as_str(builder->constants[name])->data;
    uint16_t loaded = sl_temp(e, 2);
    sl_emit_wide(e, OP_LOAD, loaded, (int32_t)name, stmt->offset);
    for (uint32_t i = 0; i < stmt->load.from.count; i++) {
        struct node *from = stmt->load.from.items[i];
        sl_emit(e, OP_LOADNAME, loaded + 1u, loaded, 0, stmt->offset);
        sl_emit_word(e, sl_constant_text(builder, from->literal.text, from->literal.size, false));
        sl_emit_word(e, name);
        sl_store_name(e, stmt->load.to.items[i], (uint16_t)(loaded + 1));
    }
}

/* --------------------------------------------------------------------------------------------------------------
 * functions */

/* A closure: its defaults, evaluated here, from consecutive registers. */
static void emit_closure(struct emitter *e, struct function_node *node, const struct code *code,
                         uint16_t target)
{
    uint32_t top = e->top;
    uint16_t first = sl_temp(e, code->default_count);
    uint32_t at = 0;
    bool star = false, optional = false;
    for (uint32_t i = 0; i < node->params.count; i++) {
        struct node *param = node->params.items[i];
        star |= param->op == T_STAR;
        if (param->op == T_STAR || param->op == T_STARSTAR)
            continue;
        optional |= param->op == T_EQ;
        if (param->op == T_EQ)
            sl_compile_to(e, param->param.value, (uint16_t)(first + at++));
        else if (star || optional)
            sl_emit_wide(e, OP_LOADIMM, first + at++, 0, node->offset);
    }
    sl_emit_wide(e, OP_FUNCTION, target, (int32_t)code->index, node->offset);
    sl_emit_word(e, first);
    e->top = top;
}

/* Keyword-only parameters always count as having a default, STAR_NULL if it has to be given. */
static uint16_t count_defaults(const struct function_node *node)
{
    uint32_t count = 0;
    bool star = false;
    for (uint32_t i = 0; i < node->params.count; i++) {
        const struct node *param = node->params.items[i];
        star |= param->op == T_STAR;
        if (param->op == T_EQ || (param->op == 0 && star))
            count++;
    }
    return (uint16_t)count;
}

static void describe_params(struct emitter *e)
{
    struct function_node *node = e->node;
    struct code *code = e->code;
    code->param_count = (uint16_t)node->param_count;
    code->kwonly_count = (uint16_t)node->kwonly_count;
    code->default_count = count_defaults(node);
    code->has_args = node->has_args;
    code->has_kwargs = node->has_kwargs;
    code->simple = !node->has_args && !node->has_kwargs && node->kwonly_count == 0;
    uint32_t all = node->param_count + node->has_args + node->has_kwargs;
    code->params = sl_arena_alloc(&e->builder->source->arena, all * sizeof(struct param));
    for (uint32_t i = 0; i < all; i++) {
        struct binding *local = node->locals.items[i];
        enum star_param_kind kind = i < node->param_count - node->kwonly_count ? STAR_PARAM_PLAIN
                                    : i < node->param_count                    ? STAR_PARAM_KEYWORD
                                    : i == node->param_count && node->has_args ? STAR_PARAM_ARGS
                                                                               : STAR_PARAM_KWARGS;
        code->params[i] = (struct param){.name = sl_builder_name(e->builder, local->symbol->name),
                                         .offset = local->first,
                                         .kind = (uint8_t)kind};
        sl_mark_assigned(e, i);
    }
}

/* Captured variables live in cells from the beginning. */
static void make_cells(struct emitter *e)
{
    for (size_t i = 0; i < e->node->locals.count; i++)
        if (e->node->locals.items[i]->scope == SCOPE_CELL)
            sl_emit(e, OP_MAKECELL, (uint32_t)i, 0, 0, e->node->offset);
}

static void describe_captures(struct emitter *e)
{
    struct code *code = e->code;
    struct bindings *frees = &e->node->frees;
    code->capture_count = (uint32_t)frees->count;
    code->captures =
        sl_arena_alloc(&e->builder->source->arena, frees->count * sizeof(struct capture));
    for (size_t i = 0; i < frees->count; i++) {
        struct binding *outer = frees->items[i]->outer;
        code->captures[i] =
            (struct capture){.from_free = outer->scope == SCOPE_FREE,
                             .index = (uint16_t)outer->index,
                             .name = sl_builder_name(e->builder, outer->symbol->name)};
    }
}

static void set_doc(struct emitter *e)
{
    struct nodes body = e->node->body;
    if (body.count == 0 || body.items[0]->kind != N_EXPR_STMT || body.items[0]->x->kind != N_STRING)
        return;
    struct node *doc = body.items[0]->x;
    uint32_t constant = sl_constant_text(e->builder, doc->literal.text, doc->literal.size, false);
    e->code->doc = as_str(e->builder->constants[constant])->data;
}

static void compile_body(struct emitter *e)
{
    struct function_node *node = e->node;
    e->code->name = sl_builder_name(e->builder, node->name);
    e->code->offset = node->offset;
    describe_params(e);
    describe_captures(e);
    make_cells(e);
    set_doc(e);
    if (node->lambda_body)
        sl_emit(e, OP_RETURN, sl_compile(e, node->lambda_body), 0, 0, node->offset);
    else
        compile_stmts(e, node->body);
    sl_emit(e, OP_RETNONE, 0, 0, 0, node->offset);
}

void sl_compile_file(struct builder *builder, struct function_node *file)
{
    compile_body(sl_emitter_new(builder, NULL, file));
}

void sl_compile_function(struct emitter *e, struct function_node *node, uint16_t target)
{
    struct emitter *inner = sl_emitter_new(e->builder, e, node);
    compile_body(inner);
    emit_closure(e, node, inner->code, target);
}

static void compile_def(struct emitter *e, struct node *stmt)
{
    uint16_t target;
    if (!direct_target(stmt->function.ident, &target)) {
        target = sl_temp(e, 1);
        sl_compile_function(e, stmt->function.function, target);
        sl_store_name(e, stmt->function.ident, target);
        return;
    }
    sl_compile_function(e, stmt->function.function, target);
    sl_mark_assigned(e, target);
}

static void compile_return(struct emitter *e, struct node *stmt)
{
    if (stmt->x)
        sl_emit(e, OP_RETURN, sl_compile(e, stmt->x), 0, 0, stmt->offset);
    else
        sl_emit(e, OP_RETNONE, 0, 0, 0, stmt->offset);
    e->unreachable = true;
}

static void compile_expr_stmt(struct emitter *e, struct node *stmt)
{
    uint16_t result = sl_compile(e, stmt->x);
    bool last = !e->outer && e->node->body.items[e->node->body.count - 1] == stmt;
    if (last && e->builder->keep_result)
        sl_emit(e, OP_RETURN, result, 0, 0, stmt->offset);
}

static void compile_stmt(struct emitter *e, struct node *stmt)
{
    uint32_t top = e->top;
    e->unreachable = false;
    switch (stmt->kind) {
    case N_EXPR_STMT:
        compile_expr_stmt(e, stmt);
        break;
    case N_ASSIGN:
        if (stmt->op == T_EQ)
            compile_assign(e, stmt);
        else
            compile_augmented(e, stmt);
        break;
    case N_DEF:
        compile_def(e, stmt);
        break;
    case N_IF:
        compile_if(e, stmt);
        break;
    case N_FOR:
        compile_for(e, stmt);
        break;
    case N_WHILE:
        compile_while(e, stmt);
        break;
    case N_RETURN:
        compile_return(e, stmt);
        break;
    case N_LOAD:
        compile_load(e, stmt);
        break;
    default:
        compile_branch_stmt(e, stmt);
        break;
    }
    e->top = top;
}
