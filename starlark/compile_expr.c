/*
 * Expressions. Each is compiled either into a given register or into one of the compiler's choice,
 * which for a local variable is the variable's own: expressions cannot assign to locals, so an
 * operand stays what it was until it is used.
 *
 * Rule: a target register is written by the last instruction of its expression only, so `x = [x,
 * f(x)]` may have x's register as target. Expressions that would write earlier (conditions,
 * comprehensions) go through a temporary.
 */
#include "starlark/compile.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/str.h"

#include <limits.h>

static bool fits_int16(int64_t i)
{
    return i >= INT16_MIN && i <= INT16_MAX;
}

static struct node *without_parens(struct node *node)
{
    while (node->kind == N_PAREN)
        node = node->x;
    return node;
}

enum opcode sl_binary_opcode(enum token op)
{
    static const uint8_t opcodes[TOKEN_MAX] = {
        [T_PLUS] = OP_ADD,
        [T_MINUS] = OP_SUB,
        [T_STAR] = OP_MUL,
        [T_SLASH] = OP_DIV,
        [T_SLASHSLASH] = OP_FLOORDIV,
        [T_PERCENT] = OP_MOD,
        [T_AMP] = OP_AND,
        [T_PIPE] = OP_OR,
        [T_CIRCUMFLEX] = OP_XOR,
        [T_LTLT] = OP_SHL,
        [T_GTGT] = OP_SHR,
        [T_LT] = OP_LT,
        [T_LE] = OP_LE,
        [T_GT] = OP_GT,
        [T_GE] = OP_GE,
        [T_EQL] = OP_EQ,
        [T_NEQ] = OP_NE,
        [T_IN] = OP_IN,
        [T_NOT_IN] = OP_NOTIN,
    };
    return opcodes[op];
}

/* The form of an operator whose right operand is a small constant, 0 if there is none. */
static enum opcode immediate_opcode(enum token op)
{
    static const uint8_t opcodes[TOKEN_MAX] = {
        [T_PLUS] = OP_ADDI,    [T_MINUS] = OP_SUBI,
        [T_STAR] = OP_MULI,    [T_SLASHSLASH] = OP_FLOORDIVI,
        [T_PERCENT] = OP_MODI, [T_AMP] = OP_ANDI,
        [T_LTLT] = OP_SHLI,    [T_GTGT] = OP_SHRI,
    };
    return opcodes[op];
}

/* An integer literal, also a negated one, that fits 16 bits. */
static bool small_literal(struct node *node, int64_t *ret)
{
    node = without_parens(node);
    if (node->kind == N_UNARY && node->op == T_MINUS && without_parens(node->x)->kind == N_INT) {
        *ret = -without_parens(node->x)->integer;
        return fits_int16(*ret);
    }
    *ret = node->integer;
    return node->kind == N_INT && fits_int16(*ret);
}

/* ------------------------------------------------------------------------------------------------------------------
 * names */

void sl_mark_assigned(struct emitter *e, uint32_t local)
{
    if (e->assigned[local])
        return;
    e->assigned[local] = true;
    e->log[e->log_count++] = local;
}

static void load_name(struct emitter *e, struct node *node, uint16_t target)
{
    struct binding *binding = node->ident.binding;
    switch (binding->scope) {
    case SCOPE_LOCAL:
        if (target != binding->index)
            sl_emit(e, OP_MOVE, target, binding->index, 0, node->offset);
        break;
    case SCOPE_CELL:
        sl_emit(e, OP_GETCELL, target, binding->index, 0, node->offset);
        break;
    case SCOPE_FREE:
        sl_emit(e, OP_GETFREE, target, binding->index, 0, node->offset);
        break;
    case SCOPE_GLOBAL:
        sl_emit_wide(e, OP_GETGLOBAL, target, (int32_t)binding->index, node->offset);
        break;
    case SCOPE_PREDECLARED:
        sl_emit_wide(e, OP_GETPRE, target, (int32_t)binding->index, node->offset);
        break;
    default:
        sl_emit_wide(e, OP_GETUNIV, target, (int32_t)binding->index, node->offset);
        break;
    }
}

/* A local is its own register; it is checked only where it may be unbound. */
static bool local_register(struct emitter *e, struct node *node, uint16_t *ret)
{
    if (node->kind != N_IDENT || node->ident.binding->scope != SCOPE_LOCAL)
        return false;
    uint32_t index = node->ident.binding->index;
    if (!e->assigned[index]) {
        const struct symbol *symbol = node->ident.symbol;
        sl_emit_wide(e, OP_CHECK, index,
                     (int32_t)sl_constant_text(e->builder, symbol->name, symbol->size, false),
                     node->offset);
    }
    *ret = (uint16_t)index;
    return true;
}

void sl_store_name(struct emitter *e, struct node *ident, uint16_t value)
{
    struct binding *binding = ident->ident.binding;
    if (binding->scope == SCOPE_LOCAL) {
        if (binding->index != value)
            sl_emit(e, OP_MOVE, binding->index, value, 0, ident->offset);
        sl_mark_assigned(e, binding->index);
    } else if (binding->scope == SCOPE_CELL) {
        sl_emit(e, OP_SETCELL, binding->index, value, 0, ident->offset);
    } else {
        sl_emit_wide(e, OP_SETGLOBAL, value, (int32_t)binding->index, ident->offset);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * literals */

static void load_int(struct emitter *e, int64_t i, uint16_t target, uint32_t offset)
{
    if (i >= INT32_MIN / 2 && i <= INT32_MAX / 2)
        sl_emit_wide(e, OP_LOADIMM, target, (int32_t)((uint32_t)i << 1 | 1), offset);
    else if (fits_small(i))
        sl_emit_wide(e, OP_LOADK, target, (int32_t)sl_constant(e->builder, small_make(i)), offset);
}

static star_value immortal_or_fail(struct emitter *e, star_value value)
{
    if (star_is_null(value))
        longjmp(e->builder->source->failed, FAILED_MEMORY);
    return value;
}

static void load_constant(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t constant = 0;
    switch (node->kind) {
    case N_INT:
        if (fits_small(node->integer)) {
            load_int(e, node->integer, target, node->offset);
            return;
        }
        constant = sl_constant(e->builder, V_NONE);
        e->builder->constants[constant] = immortal_or_fail(e, sl_int_immortal(node->integer));
        break;
    case N_BIGINT:
        constant = sl_constant(e->builder, V_NONE);
        e->builder->constants[constant] = immortal_or_fail(
            e, sl_int_immortal_text(node->literal.text, node->literal.size, node->literal.base));
        break;
    case N_FLOAT:
        constant = sl_constant(e->builder, V_NONE);
        e->builder->constants[constant] = immortal_or_fail(e, sl_float_immortal(node->number));
        break;
    default:
        constant = sl_constant_text(e->builder, node->literal.text, node->literal.size,
                                    node->kind == N_BYTES);
        break;
    }
    sl_emit_wide(e, OP_LOADK, target, (int32_t)constant, node->offset);
}

/* Evaluates some expressions into consecutive temporaries. */
static uint16_t compile_consecutive(struct emitter *e, struct node **items, uint32_t count)
{
    uint16_t first = sl_temp(e, count);
    for (uint32_t i = 0; i < count; i++)
        sl_compile_to(e, items[i], (uint16_t)(first + i));
    return first;
}

/* Short ones at once; long ones by and by, so that the frame stays small. */
static void compile_sequence(struct emitter *e, struct node *node, uint16_t target)
{
    enum {
        AT_ONCE = 64
    };
    uint32_t count = node->list.count, top = e->top;
    bool tuple = node->kind == N_TUPLE;
    if (count <= AT_ONCE) {
        uint16_t first = compile_consecutive(e, node->list.items, count);
        sl_emit(e, tuple ? OP_TUPLE : OP_LIST, target, first, count, node->offset);
        e->top = top;
        return;
    }
    uint16_t list = sl_temp(e, 1);
    sl_emit(e, OP_LIST, list, list, 0, node->offset);
    for (uint32_t i = 0; i < count; i += AT_ONCE) {
        uint32_t part = count - i < AT_ONCE ? count - i : AT_ONCE;
        uint16_t first = compile_consecutive(e, node->list.items + i, part);
        sl_emit(e, OP_EXTEND, list, first, part, node->offset);
        e->top = list + 1u;
    }
    if (tuple)
        sl_emit(e, OP_FREEZETUPLE, list, 0, 0, node->offset);
    sl_emit(e, OP_MOVE, target, list, 0, node->offset);
    e->top = top;
}

static void compile_dict(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    uint16_t dict = node->list.count == 0 ? target : sl_temp(e, 1);
    sl_emit_wide(e, OP_DICT, dict, (int32_t)node->list.count, node->offset);
    for (uint32_t i = 0; i < node->list.count; i++) {
        struct node *entry = node->list.items[i];
        uint32_t before = e->top;
        uint16_t key = sl_compile(e, entry->pair.x);
        uint16_t value = sl_compile(e, entry->pair.y);
        sl_emit(e, OP_DICTPUT, dict, key, value, entry->offset);
        e->top = before;
    }
    if (dict != target)
        sl_emit(e, OP_MOVE, target, dict, 0, node->offset);
    e->top = top;
}

/* --------------------------------------------------------------------------------------------------------------
 * operators */

static void compile_one_binary(struct emitter *e, struct node *node, uint16_t left, uint16_t target)
{
    int64_t literal;
    enum opcode immediate = immediate_opcode(node->op);
    if (immediate && small_literal(node->pair.y, &literal)) {
        sl_emit(e, immediate, target, left, (uint16_t)literal, node->offset);
        return;
    }
    uint16_t right = sl_compile(e, node->pair.y);
    sl_emit(e, sl_binary_opcode(node->op), target, left, right, node->offset);
}

/* A chain a + b + c without recursion: down the left spine, then its operators from the inside out.
 */
static void compile_binary(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    size_t depth = 0;
    struct node *innermost = node;
    while (innermost->pair.x->kind == N_BINARY) {
        innermost = innermost->pair.x;
        depth++;
    }
    struct node **spine =
        sl_arena_alloc(&e->builder->source->arena, (depth + 1) * sizeof(struct node *));
    for (size_t i = 0; i <= depth; i++, node = node->pair.x)
        spine[depth - i] = node;
    uint16_t left = sl_compile(e, spine[0]->pair.x);
    uint16_t partial = 0;
    for (size_t i = 0; i <= depth; i++) {
        bool last = i == depth;
        if (!last && i == 0)
            partial = sl_temp(e, 1);
        uint32_t before = e->top;
        compile_one_binary(e, spine[i], left, last ? target : partial);
        e->top = before;
        left = partial;
    }
    e->top = top;
}

static void compile_unary(struct emitter *e, struct node *node, uint16_t target)
{
    int64_t literal;
    if (node->op == T_MINUS && small_literal(node, &literal)) {
        load_int(e, literal, target, node->offset);
        return;
    }
    enum opcode op = node->op == T_MINUS  ? OP_NEG
                     : node->op == T_PLUS ? OP_POS
                     : node->op == T_NOT  ? OP_NOT
                                          : OP_INVERT;
    uint32_t top = e->top;
    sl_emit(e, op, target, sl_compile(e, node->x), 0, node->offset);
    e->top = top;
}

static void compile_logical(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    uint16_t result = sl_temp(e, 1);
    struct jumps done = {0};
    size_t log = e->log_count;
    for (uint32_t i = 0; i < node->list.count; i++) {
        sl_compile_to(e, node->list.items[i], result);
        if (i + 1 < node->list.count)
            sl_jumps_add(
                e, &done,
                sl_emit_jump(e, node->op == T_OR ? OP_JIF : OP_JIFNOT, result, node->offset));
    }
    while (e->log_count > log)
        e->assigned[e->log[--e->log_count]] = false;
    sl_jumps_patch(e, &done);
    sl_emit(e, OP_MOVE, target, result, 0, node->offset);
    e->top = top;
}

static void compile_cond(struct emitter *e, struct node *node, uint16_t target)
{
    struct jumps no = {0};
    uint32_t top = e->top;
    sl_compile_jump(e, node->cond.cond, false, &no);
    e->top = top;
    sl_compile_to(e, node->cond.yes, target);
    int32_t done = sl_emit_jump(e, OP_JUMP, 0, node->offset);
    sl_jumps_patch(e, &no);
    sl_compile_to(e, node->cond.no, target);
    sl_patch(e, done);
    e->top = top;
}

/* -------------------------------------------------------------------------------------------------------------
 * conditions */

/* A comparison and a jump in one instruction. */
static bool compile_compare_jump(struct emitter *e, struct node *node, bool sense,
                                 struct jumps *jumps)
{
    static const uint8_t fused[TOKEN_MAX] = {
        [T_LT] = OP_JLT,  [T_LE] = OP_JLE,  [T_GT] = OP_JGT, [T_GE] = OP_JGE,
        [T_EQL] = OP_JEQ, [T_NEQ] = OP_JEQ, [T_IN] = OP_JIN, [T_NOT_IN] = OP_JIN,
    };
    enum opcode op = fused[node->op];
    if (!op)
        return false;
    if (node->op == T_NEQ || node->op == T_NOT_IN)
        sense = !sense;
    uint32_t top = e->top;
    uint16_t left = sl_compile(e, node->pair.x);
    struct node *y = without_parens(node->pair.y);
    int64_t literal;
    int32_t at;
    if (op != OP_JIN && small_literal(y, &literal)) {
        at = sl_emit_wide(e, (enum opcode)(op - OP_JLT + OP_JLTI), left, (int32_t)literal,
                          node->offset);
    } else if (op == OP_JEQ && y->kind == N_STRING) {
        uint32_t constant = sl_constant_text(e->builder, y->literal.text, y->literal.size, false);
        at = sl_emit_wide(e, OP_JEQK, left, (int32_t)constant, node->offset);
    } else {
        uint16_t right = sl_compile(e, y);
        at = sl_emit(e, op, left, right, 0, node->offset);
    }
    e->code->instrs[at].x = sense;
    sl_jumps_add(e, jumps, sl_emit_jump(e, OP_JUMP, 0, node->offset));
    e->top = top;
    return true;
}

static void compile_logical_jump(struct emitter *e, struct node *node, bool sense,
                                 struct jumps *jumps)
{
    bool any = node->op == T_OR; /* one true operand decides */
    struct jumps skip = {0};
    for (uint32_t i = 0; i < node->list.count; i++) {
        bool last = i + 1 == node->list.count;
        if (any == sense)
            sl_compile_jump(e, node->list.items[i], sense, jumps);
        else
            sl_compile_jump(e, node->list.items[i], last ? sense : any, last ? jumps : &skip);
    }
    sl_jumps_patch(e, &skip);
}

void sl_compile_jump(struct emitter *e, struct node *node, bool sense, struct jumps *jumps)
{
    node = without_parens(node);
    if (node->kind == N_UNARY && node->op == T_NOT) {
        sl_compile_jump(e, node->x, !sense, jumps);
    } else if (node->kind == N_LOGICAL) {
        compile_logical_jump(e, node, sense, jumps);
    } else if (node->kind != N_BINARY || !compile_compare_jump(e, node, sense, jumps)) {
        uint32_t top = e->top;
        uint16_t value = sl_compile(e, node);
        sl_jumps_add(e, jumps, sl_emit_jump(e, sense ? OP_JIF : OP_JIFNOT, value, node->offset));
        e->top = top;
    }
}

/* --------------------------------------------------------------------------------------------
 * subscripts, attributes, calls */

static void compile_index(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    uint16_t x = sl_compile(e, node->pair.x);
    struct node *y = without_parens(node->pair.y);
    int64_t literal;
    if (small_literal(y, &literal)) {
        sl_emit(e, OP_INDEXI, target, x, (uint16_t)literal, node->offset);
    } else if (y->kind == N_STRING) {
        sl_emit(e, OP_INDEXK, target, x, 0, node->offset);
        sl_emit_word(e, sl_constant_text(e->builder, y->literal.text, y->literal.size, false));
    } else {
        sl_emit(e, OP_INDEX, target, x, sl_compile(e, y), node->offset);
    }
    e->top = top;
}

static void compile_optional_to(struct emitter *e, struct node *node, uint16_t target,
                                uint32_t offset)
{
    if (node)
        sl_compile_to(e, node, target);
    else
        sl_emit_wide(e, OP_LOADIMM, target, NONE_BITS, offset);
}

static void compile_slice(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    uint16_t first = sl_temp(e, 4);
    sl_compile_to(e, node->slice.x, first);
    compile_optional_to(e, node->slice.low, (uint16_t)(first + 1), node->offset);
    compile_optional_to(e, node->slice.high, (uint16_t)(first + 2), node->offset);
    compile_optional_to(e, node->slice.step, (uint16_t)(first + 3), node->offset);
    sl_emit(e, OP_SLICE, target, first, 0, node->offset);
    e->top = top;
}

static void compile_dot(struct emitter *e, struct node *node, uint16_t target)
{
    uint32_t top = e->top;
    sl_emit(e, OP_ATTR, target, sl_compile(e, node->dot.x), 0, node->offset);
    sl_emit_word(e,
                 sl_constant_text(e->builder, node->dot.name->name, node->dot.name->size, false));
    e->top = top;
}

/* Whether evaluating an argument does nothing that a script could see but to give its value or
 * fail: only then may an attribute that is not there be noticed after it. Not looked at deeply. */
static bool is_quiet(struct node *node, unsigned depth)
{
    node = without_parens(node);
    switch (node->kind) {
    case N_IDENT:
    case N_INT:
    case N_BIGINT:
    case N_FLOAT:
    case N_STRING:
    case N_BYTES:
    case N_LAMBDA:
        return true;
    case N_UNARY:
        return depth > 0 && is_quiet(node->x, depth - 1);
    case N_BINARY:
    case N_INDEX:
        return depth > 0 && is_quiet(node->pair.x, depth - 1) && is_quiet(node->pair.y, depth - 1);
    case N_DOT:
        return depth > 0 && is_quiet(node->dot.x, depth - 1);
    case N_LIST:
    case N_TUPLE:
    case N_DICT:
        return node->list.count == 0;
    default:
        return false;
    }
}

static bool are_quiet(struct nodes args)
{
    enum {
        DEPTH = 3
    };
    for (uint32_t i = 0; i < args.count; i++)
        if (!is_quiet(args.items[i], DEPTH))
            return false;
    return true;
}

/* x.f(a, b): no bound method is made. */
static void compile_method_call(struct emitter *e, struct node *node, uint16_t target)
{
    struct node *dot = node->call.callee;
    struct nodes args = node->call.args;
    uint32_t top = e->top;
    uint16_t base = sl_temp(e, 1);
    uint32_t name = sl_constant_text(e->builder, dot->dot.name->name, dot->dot.name->size, false);
    bool early = !are_quiet(args);
    sl_compile_to(e, dot->dot.x, base);
    if (early) {
        sl_emit(e, OP_FINDMETHOD, base, 0, 0, dot->offset);
        sl_emit_word(e, name);
    }
    compile_consecutive(e, args.items, args.count);
    int32_t at = sl_emit(e, OP_METHOD, base, args.count, target, node->offset);
    e->code->instrs[at].x = early;
    sl_emit_word(e, name);
    e->code->offsets[at + 1] = dot->offset; /* where a missing attribute is reported */
    e->top = top;
}

struct arg_counts {
    uint32_t positional, named;
    bool args, kwargs;
};

static struct arg_counts count_args(struct nodes args)
{
    struct arg_counts counts = {0};
    for (uint32_t i = 0; i < args.count; i++) {
        enum node_kind kind = args.items[i]->kind;
        counts.named += kind == N_NAMED;
        counts.args |= kind == N_STAR;
        counts.kwargs |= kind == N_STARSTAR;
        counts.positional += kind != N_NAMED && kind != N_STAR && kind != N_STARSTAR;
    }
    return counts;
}

/* The names of the named arguments: a tuple constant. */
static uint32_t names_constant(struct emitter *e, struct nodes args, uint32_t count)
{
    if (count == 0)
        return UINT32_MAX;
    star_value *names = sl_arena_alloc(&e->builder->source->arena, count * sizeof(star_value));
    uint32_t n = 0;
    for (uint32_t i = 0; i < args.count; i++)
        if (args.items[i]->kind == N_NAMED)
            names[n++] = object_value(sl_builder_name(e->builder, args.items[i]->named.name->name));
    uint32_t constant = sl_constant(e->builder, V_NONE);
    e->builder->constants[constant] = immortal_or_fail(e, sl_tuple_immortal(names, count));
    return constant;
}

static void compile_call(struct emitter *e, struct node *node, uint16_t target)
{
    struct nodes args = node->call.args;
    struct arg_counts counts = count_args(args);
    bool plain = counts.positional == args.count;
    if (plain && node->call.callee->kind == N_DOT) {
        compile_method_call(e, node, target);
        return;
    }
    uint32_t top = e->top;
    uint16_t base = sl_temp(e, 1);
    sl_compile_to(e, node->call.callee, base);
    uint16_t first = sl_temp(e, args.count);
    for (uint32_t i = 0; i < args.count; i++) {
        struct node *arg = args.items[i];
        struct node *value = arg->kind == N_NAMED                             ? arg->named.value
                             : arg->kind == N_STAR || arg->kind == N_STARSTAR ? arg->x
                                                                              : arg;
        sl_compile_to(e, value, (uint16_t)(first + i));
    }
    if (plain) {
        sl_emit(e, OP_CALL, base, args.count, target, node->offset);
    } else {
        int32_t at = sl_emit(e, OP_CALLX, base, counts.positional, target, node->offset);
        e->code->instrs[at].x = (uint8_t)(counts.args | counts.kwargs << 1);
        sl_emit_word(e, names_constant(e, args, counts.named));
    }
    e->top = top;
}

/* ---------------------------------------------------------------------------------------------------
 * loops and assignment */

/* The register that takes each item: a single local's own, else a temporary. */
static uint16_t item_register(struct emitter *e, struct node *targets)
{
    targets = without_parens(targets);
    if (targets->kind == N_IDENT && targets->ident.binding->scope == SCOPE_LOCAL)
        return (uint16_t)targets->ident.binding->index;
    return sl_temp(e, 1);
}

void sl_for_begin(struct emitter *e, struct node *targets, uint16_t iterable, uint32_t offset,
                  struct for_state *ret_state)
{
    uint16_t iter = sl_temp(e, 3);
    sl_emit(e, OP_ITER, iter, iterable, 0, offset);
    *ret_state = (struct for_state){.iter = iter, .item = item_register(e, targets)};
    ret_state->to_next = sl_emit_jump(e, OP_JUMP, 0, offset);
    ret_state->body = (int32_t)e->code->size;
    sl_assign(e, targets, ret_state->item, offset);
}

void sl_for_end(struct emitter *e, const struct for_state *state, uint32_t offset)
{
    sl_patch(e, state->to_next);
    sl_emit(e, OP_NEXT, state->iter, state->item, 0, offset);
    sl_patch_to(e, sl_emit_jump(e, OP_LOOP, 0, offset), state->body);
}

static void assign_sequence(struct emitter *e, struct node *target, uint16_t value, uint32_t offset)
{
    uint32_t top = e->top;
    uint32_t count = target->list.count;
    uint16_t first = sl_temp(e, count);
    sl_emit(e, OP_UNPACK, value, first, count, offset);
    for (uint32_t i = 0; i < count; i++)
        sl_assign(e, target->list.items[i], (uint16_t)(first + i), offset);
    e->top = top;
}

void sl_assign(struct emitter *e, struct node *target, uint16_t value, uint32_t offset)
{
    uint32_t top = e->top;
    target = without_parens(target);
    switch (target->kind) {
    case N_IDENT:
        sl_store_name(e, target, value);
        break;
    case N_INDEX: {
        uint16_t x = sl_compile(e, target->pair.x);
        uint16_t y = sl_compile(e, target->pair.y);
        sl_emit(e, OP_SETINDEX, x, y, value, target->offset);
        break;
    }
    case N_DOT:
        sl_emit(e, OP_SETATTR, sl_compile(e, target->dot.x), value, 0, target->offset);
        sl_emit_word(
            e, sl_constant_text(e->builder, target->dot.name->name, target->dot.name->size, false));
        break;
    default:
        assign_sequence(e, target, value, offset);
        break;
    }
    e->top = top;
}

/* ---------------------------------------------------------------------------------------------------------
 * comprehensions */

static void emit_comprehension_body(struct emitter *e, struct node *body, uint16_t result)
{
    uint32_t top = e->top;
    if (body->kind == N_ENTRY) {
        uint16_t key = sl_compile(e, body->pair.x);
        uint16_t value = sl_compile(e, body->pair.y);
        sl_emit(e, OP_DICTSET, result, key, value, body->offset);
    } else {
        sl_emit(e, OP_APPEND, result, sl_compile(e, body), 0, body->offset);
    }
    e->top = top;
}

/* The clauses open one after another; behind the body they close in reverse, a false condition
 * going to the next item of the loop around it. */
static void compile_comprehension(struct emitter *e, struct node *node, uint16_t target)
{
    struct nodes clauses = node->comp->clauses;
    bool dict = node->comp->body->kind == N_ENTRY;
    uint32_t top = e->top;
    size_t log = e->log_count;
    struct arena *arena = &e->builder->source->arena;
    struct for_state *loops = sl_arena_alloc(arena, clauses.count * sizeof(*loops));
    struct jumps *skips = sl_arena_alloc(arena, clauses.count * sizeof(*skips));
    uint16_t result = sl_temp(e, 1);
    uint16_t first = sl_compile(e, clauses.items[0]->pair.y);
    if (dict)
        sl_emit_wide(e, OP_DICT, result, 0, node->offset);
    else
        sl_emit(e, OP_LIST, result, result, 0, node->offset);
    size_t depth = 0; /* of loops open */
    for (uint32_t i = 0; i < clauses.count; i++) {
        struct node *clause = clauses.items[i];
        if (clause->kind == N_IFCLAUSE) {
            sl_compile_jump(e, clause->x, false, &skips[depth - 1]);
        } else {
            uint16_t iterable = i == 0 ? first : sl_compile(e, clause->pair.y);
            sl_for_begin(e, clause->pair.x, iterable, clause->offset, &loops[depth]);
            depth++;
        }
    }
    emit_comprehension_body(e, node->comp->body, result);
    while (depth-- > 0) {
        sl_jumps_patch(e, &skips[depth]);
        sl_for_end(e, &loops[depth], node->offset);
    }
    while (e->log_count > log)
        e->assigned[e->log[--e->log_count]] = false;
    sl_emit(e, OP_MOVE, target, result, 0, node->offset);
    e->top = top;
}

/* ---------------------------------------------------------------------------------------------------------------
 * dispatch */

static bool is_constant(enum node_kind kind)
{
    return kind == N_INT || kind == N_BIGINT || kind == N_FLOAT || kind == N_STRING ||
           kind == N_BYTES;
}

void sl_compile_to(struct emitter *e, struct node *node, uint16_t target)
{
    node = without_parens(node);
    uint16_t local;
    if (is_constant(node->kind)) {
        load_constant(e, node, target);
        return;
    }
    switch (node->kind) {
    case N_IDENT:
        local_register(e, node, &local);
        load_name(e, node, target);
        break;
    case N_LIST:
    case N_TUPLE:
        compile_sequence(e, node, target);
        break;
    case N_DICT:
        compile_dict(e, node, target);
        break;
    case N_UNARY:
        compile_unary(e, node, target);
        break;
    case N_BINARY:
        compile_binary(e, node, target);
        break;
    case N_LOGICAL:
        compile_logical(e, node, target);
        break;
    case N_COND:
        compile_cond(e, node, target);
        break;
    case N_INDEX:
        compile_index(e, node, target);
        break;
    case N_SLICE:
        compile_slice(e, node, target);
        break;
    case N_DOT:
        compile_dot(e, node, target);
        break;
    case N_CALL:
        compile_call(e, node, target);
        break;
    case N_LAMBDA:
        sl_compile_function(e, node->function.function, target);
        break;
    default:
        compile_comprehension(e, node, target);
        break;
    }
}

uint16_t sl_compile(struct emitter *e, struct node *node)
{
    uint16_t result;
    node = without_parens(node);
    if (local_register(e, node, &result))
        return result;
    result = sl_temp(e, 1);
    sl_compile_to(e, node, result);
    return result;
}
