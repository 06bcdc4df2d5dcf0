/* The lowest layer of the compiler: instructions, jumps, registers and constants. It knows nothing
 * of the tree. */
#include "starlark/compile.h"
#include "starlark/int.h"
#include "starlark/str.h"

#include <stdlib.h>

static _Noreturn void fail_size(struct emitter *e, const char *what)
{
    sl_source_fail(e->builder->source, e->node->offset, "function %s has too many %s",
                   e->node->name, what);
}

/* Instructions are not in the arena: they move into the program as they are. */
static void grow(struct emitter *e)
{
    struct code *code = e->code;
    size_t capacity = e->capacity ? e->capacity * 2 : 32;
    if (capacity > INT32_MAX / 2)
        fail_size(e, "instructions");
    struct instr *instrs = realloc(code->instrs, capacity * sizeof(struct instr));
    code->instrs = instrs ? instrs : code->instrs;
    uint32_t *offsets = realloc(code->offsets, capacity * sizeof(uint32_t));
    code->offsets = offsets ? offsets : code->offsets;
    if (!instrs || !offsets)
        longjmp(e->builder->source->failed, FAILED_MEMORY);
    e->capacity = capacity;
}

static int32_t emit(struct emitter *e, struct instr instr, uint32_t offset)
{
    struct code *code = e->code;
    if (code->size == e->capacity)
        grow(e);
    code->instrs[code->size] = instr;
    code->offsets[code->size] = offset;
    return (int32_t)code->size++;
}

int32_t sl_emit(struct emitter *e, enum opcode op, uint32_t a, uint32_t b, uint32_t c,
                uint32_t offset)
{
    return emit(
        e, (struct instr){.op = (uint8_t)op, .a = (uint16_t)a, .b = (uint16_t)b, .c = (uint16_t)c},
        offset);
}

int32_t sl_emit_wide(struct emitter *e, enum opcode op, uint32_t a, int32_t bx, uint32_t offset)
{
    return emit(e, (struct instr){.op = (uint8_t)op, .a = (uint16_t)a, .bx = bx}, offset);
}

void sl_emit_word(struct emitter *e, uint32_t word)
{
    emit(e, (struct instr){.ux = word}, e->code->offsets[e->code->size - 1]);
}

int32_t sl_emit_jump(struct emitter *e, enum opcode op, uint32_t a, uint32_t offset)
{
    return sl_emit_wide(e, op, a, 0, offset);
}

void sl_patch_to(struct emitter *e, int32_t jump, int32_t target)
{
    e->code->instrs[jump].bx = target - jump - 1;
}

void sl_patch(struct emitter *e, int32_t jump)
{
    sl_patch_to(e, jump, (int32_t)e->code->size);
}

void sl_jumps_add(struct emitter *e, struct jumps *jumps, int32_t jump)
{
    if (jumps->count == jumps->capacity)
        jumps->items = sl_arena_grow(&e->builder->source->arena, jumps->items, jumps->count,
                                     &jumps->capacity, sizeof(int32_t));
    jumps->items[jumps->count++] = jump;
}

void sl_jumps_patch(struct emitter *e, const struct jumps *jumps)
{
    for (size_t i = 0; i < jumps->count; i++)
        sl_patch(e, jumps->items[i]);
}

uint16_t sl_temp(struct emitter *e, uint32_t count)
{
    uint32_t first = e->top;
    if (first + count > REGISTERS_MAX)
        fail_size(e, "variables and temporaries");
    e->top += count;
    if (e->top > e->code->registers)
        e->code->registers = (uint16_t)e->top;
    return (uint16_t)first;
}

struct emitter *sl_emitter_new(struct builder *builder, struct emitter *outer,
                               struct function_node *node)
{
    struct arena *arena = &builder->source->arena;
    struct emitter *e = sl_arena_alloc(arena, sizeof(*e));
    size_t locals = node->locals.count;
    *e = (struct emitter){.builder = builder, .outer = outer, .node = node};
    e->code = sl_arena_alloc(arena, sizeof(*e->code));
    e->assigned = sl_arena_alloc(arena, locals * sizeof(bool));
    e->log = sl_arena_alloc(arena, locals * sizeof(uint32_t));
    if (builder->function_count == builder->function_capacity)
        builder->functions = sl_arena_grow(arena, builder->functions, builder->function_count,
                                           &builder->function_capacity, sizeof(struct code *));
    e->code->outer = outer ? outer->code : NULL;
    e->code->index = (uint32_t)builder->function_count;
    builder->functions[builder->function_count++] = e->code;
    sl_temp(e, (uint32_t)locals);
    return e;
}

/* --------------------------------------------------------------------------------------------------------------
 * constants */

uint32_t sl_constant(struct builder *builder, star_value value)
{
    if (builder->constant_count == builder->constant_capacity)
        builder->constants =
            sl_arena_grow(&builder->source->arena, builder->constants, builder->constant_count,
                          &builder->constant_capacity, sizeof(star_value));
    builder->constants[builder->constant_count] = value;
    return (uint32_t)builder->constant_count++;
}

static star_value text_new(struct builder *builder, const char *text, size_t size, bool bytes)
{
    struct str *str = sl_str_immortal(text, size, bytes, builder->key);
    if (!str)
        longjmp(builder->source->failed, FAILED_MEMORY);
    return object_value(str);
}

uint32_t sl_constant_symbol(struct builder *builder, struct symbol *symbol)
{
    if (symbol->constant == 0) {
        symbol->constant = sl_constant(builder, V_NONE) + 1;
        builder->constants[symbol->constant - 1] =
            text_new(builder, symbol->name, symbol->size, false);
    }
    return symbol->constant - 1;
}

/* Texts that could be names are shared, so that the interpreter's comparisons mostly end at the
 * pointer. */
uint32_t sl_constant_text(struct builder *builder, const char *text, size_t size, bool bytes)
{
    enum {
        SHARED_MAX = 64
    };
    if (!bytes && size <= SHARED_MAX)
        return sl_constant_symbol(builder, sl_symbol(builder->source, text, size));
    uint32_t at = sl_constant(builder, V_NONE);
    builder->constants[at] = text_new(builder, text, size, bytes);
    return at;
}

struct str *sl_builder_name(struct builder *builder, const char *name)
{
    uint32_t constant = sl_constant_symbol(
        builder, sl_symbol(builder->source, name, strlen(name))); /* may move the array */
    return as_str(builder->constants[constant]);
}
