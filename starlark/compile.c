/*
 * star_compile: bytes to a program. The front end works in an arena; what outlives it is copied out
 * at the end. A failure anywhere inside jumps back to here.
 */
#include "starlark/compile.h"
#include "starlark/error.h"
#include "starlark/hash.h"
#include "starlark/utf8.h"

#include <stdlib.h>

enum {
    SOURCE_MAX = 1 << 30
};

/* ------------------------------------------------------------------------------------------------------------
 * the program */

struct star_program *star_program_ref(struct star_program *program)
{
    atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

static void code_free(struct code *code)
{
    if (!code)
        return;
    free(code->instrs);
    free(code->offsets);
    free(code->params);
    free(code->captures);
    free(code);
}

static void program_free(struct star_program *program)
{
    for (size_t i = 0; i < program->function_count; i++)
        code_free(program->functions[i]);
    for (size_t i = 0; i < program->constant_count; i++)
        if (is_pointer(program->constants[i]))
            free(head_of(program->constants[i]));
    free(program->functions);
    free(program->constants);
    free(program->globals);
    free(program->predeclared);
    free(program->loads);
    free(program->lines);
    free(program->text);
    free(program->file);
    free(program);
}

struct star_program *star_program_unref(struct star_program *program)
{
    if (program && atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) == 1)
        program_free(program);
    return NULL;
}

const char *star_program_file(const struct star_program *program)
{
    return program->file;
}

const char *star_program_load(const struct star_program *program, size_t i)
{
    return i < program->load_count ? program->loads[i] : NULL;
}

void sl_program_position(const struct star_program *program, uint32_t offset, int *ret_line,
                         int *ret_column)
{
    sl_position_of(program->lines, program->line_count, program->text, offset, ret_line,
                   ret_column);
}

/* -------------------------------------------------------------------------------------------------------------
 * copying out */

static void *copy_out(struct builder *builder, const void *from, size_t count, size_t size)
{
    void *to = malloc(count ? count * size : 1);
    if (!to)
        longjmp(builder->source->failed, FAILED_MEMORY);
    if (count)
        memcpy(to, from, count * size);
    return to;
}

/* Gives an array that is finished its exact size. */
static void *shrunk(void *array, size_t count, size_t size)
{
    void *exact = realloc(array, count * size);
    return exact ? exact : array;
}

static struct code *code_copy_out(struct builder *builder, struct code *from,
                                  struct star_program *program)
{
    struct code *code = copy_out(builder, from, 1, sizeof(*code));
    code->program = program;
    code->instrs = NULL;
    code->offsets = NULL;
    code->params = NULL;
    code->captures = NULL;
    code->outer = from->outer ? program->functions[from->outer->index] : NULL;
    program->functions[program->function_count++] = code;
    size_t params = (size_t)from->param_count + from->has_args + from->has_kwargs;
    code->instrs = shrunk(from->instrs, from->size, sizeof(struct instr));
    code->offsets = shrunk(from->offsets, from->size, sizeof(uint32_t));
    from->instrs = NULL;
    from->offsets = NULL;
    code->params = copy_out(builder, from->params, params, sizeof(struct param));
    code->captures = copy_out(builder, from->captures, from->capture_count, sizeof(struct capture));
    return code;
}

/* The strings of some symbols, which are constants already. */
static star_value *names_copy_out(struct builder *builder, struct symbol **symbols, size_t count)
{
    star_value *names = sl_arena_alloc(&builder->source->arena, count * sizeof(star_value));
    for (size_t i = 0; i < count; i++)
        names[i] = builder->constants[symbols[i]->constant - 1];
    return copy_out(builder, names, count, sizeof(star_value));
}

/* Makes sure that the names of globals and predeclared values are constants; gives their symbols.
 */
static struct symbol **name_symbols(struct builder *builder, const struct bindings *globals)
{
    struct symbol **symbols =
        sl_arena_alloc(&builder->source->arena, globals->count * sizeof(struct symbol *));
    for (size_t i = 0; i < globals->count; i++)
        symbols[i] = globals->items[i]->symbol;
    return symbols;
}

static void name_constants(struct builder *builder, struct symbol **symbols, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sl_constant_symbol(builder, symbols[i]);
}

/* Fills `program` bit by bit, so that program_free can undo it at any point. The constants move
 * over last: until then the builder owns them. */
static void program_fill(struct builder *builder, struct star_program *program,
                         const struct resolution *resolution)
{
    struct source *source = builder->source;
    struct symbol **globals = name_symbols(builder, &resolution->globals);
    name_constants(builder, globals, resolution->globals.count);
    name_constants(builder, resolution->predeclared, resolution->predeclared_count);
    size_t size = (size_t)(source->end - source->text);
    program->file = copy_out(builder, source->file, strlen(source->file) + 1, 1);
    if (!sl_ascii(source->text, size))
        program->text = copy_out(builder, source->text, size, 1);
    program->lines = copy_out(builder, source->lines, source->line_count, sizeof(uint32_t));
    program->line_count = source->line_count;
    program->functions =
        copy_out(builder, builder->functions, builder->function_count, sizeof(struct code *));
    for (size_t i = 0; i < builder->function_count; i++)
        code_copy_out(builder, builder->functions[i], program);
    program->globals = names_copy_out(builder, globals, resolution->globals.count);
    program->global_count = resolution->globals.count;
    program->predeclared =
        names_copy_out(builder, resolution->predeclared, resolution->predeclared_count);
    program->predeclared_count = resolution->predeclared_count;
    program->loads = copy_out(builder, builder->loads, builder->load_count, sizeof(char *));
    program->load_count = builder->load_count;
    program->constants =
        copy_out(builder, builder->constants, builder->constant_count, sizeof(star_value));
    program->constant_count = builder->constant_count;
    builder->constant_count = 0;
}

/* ------------------------------------------------------------------------------------------------------------
 * compilation */

/* All that one compilation holds; outside the frame that setjmp may spoil. */
struct compilation {
    struct source source;
    struct builder builder;
    struct resolution resolution;
    struct star_program *program;
};

static void compile_text(struct compilation *c, const struct star_compile_options *options)
{
    struct function_node *file = sl_parse(&c->source);
    c->source.resolving = true;
    sl_resolve(&c->source, file, options->dialect, options->predeclared, &c->resolution);
    if (c->source.diagnostics.count > 0)
        longjmp(c->source.failed, FAILED_SYNTAX);
    c->builder.keep_result = (options->dialect & STAR_KEEP_RESULT) != 0;
    sl_compile_file(&c->builder, file);
    c->program = calloc(1, sizeof(*c->program));
    if (!c->program)
        longjmp(c->source.failed, FAILED_MEMORY);
    atomic_init(&c->program->references, 1);
    c->program->recursion = (options->dialect & STAR_ALLOW_RECURSION) != 0;
    program_fill(&c->builder, c->program, &c->resolution);
}

static void compilation_free(struct compilation *c)
{
    for (size_t i = 0; i < c->builder.function_count; i++) {
        free(c->builder.functions[i]->instrs);
        free(c->builder.functions[i]->offsets);
    }
    for (size_t i = 0; i < c->builder.constant_count; i++)
        if (is_pointer(c->builder.constants[i]))
            free(head_of(c->builder.constants[i]));
    sl_arena_free(&c->source.arena);
    free(c);
}

static struct compilation *compilation_new(const char *file, const char *source, size_t size)
{
    struct compilation *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->source.file = file;
    c->source.text = size ? source : "";
    c->source.end = c->source.text + size;
    sl_arena_init(&c->source.arena, &c->source.failed);
    c->builder.source = &c->source;
    sl_hash_key(c->builder.key);
    return c;
}

struct star_program *star_compile(const struct star_compile_options *options, const char *file,
                                  const char *source, size_t size, struct star_error **ret_error)
{
    static const struct star_compile_options plain = {0};
    if (size > SOURCE_MAX) {
        *ret_error = sl_error_static_text(file, "source is too large");
        return NULL;
    }
    struct compilation *c = compilation_new(file, source, size);
    if (!c) {
        *ret_error = sl_error_static_text(file, "out of memory");
        return NULL;
    }
    struct star_program *program = NULL;
    int failed = setjmp(c->source.failed);
    if (failed == 0) {
        compile_text(c, options ? options : &plain);
        program = c->program;
    } else {
        if (c->program)
            program_free(c->program);
        *ret_error = failed == FAILED_MEMORY ? sl_error_static_text(file, "out of memory")
                                             : sl_error_static(&c->source);
    }
    compilation_free(c);
    return program;
}
