/*
 * Error objects. Each owns all its strings, in one array of pointers to be freed, so it outlives
 * whatever it came from.
 */
#include "starlark/error.h"
#include "starlark/vm.h"

#include <stdarg.h>
#include <stdio.h>

/* The public part first. */
struct error {
    struct star_error public;
    char *message;
    char *builtin;
    struct star_frame *frames;
    struct star_diagnostic *diagnostics;
    char **strings;
    size_t string_count, string_capacity;
};

/* Stands in when there is no memory for an error; never freed. */
static const struct error no_memory = {
    .public = {.kind = STAR_ERROR_LIMIT,
               .message = "Starlark computation cancelled: out of memory"}};

static struct star_error *no_memory_error(void)
{
    return (struct star_error *)(uintptr_t)&no_memory.public;
}

struct star_error *star_error_free(struct star_error *public)
{
    struct error *error = (struct error *)public;
    if (!error || error == &no_memory)
        return NULL;
    for (size_t i = 0; i < error->string_count; i++)
        free(error->strings[i]);
    free(error->strings);
    free(error->frames);
    free(error->diagnostics);
    free(error->message);
    free(error->builtin);
    free(error);
    return NULL;
}

__attribute__((format(printf, 1, 0))) static char *format_new(const char *format, va_list args)
{
    char *text;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

/* A copy that lives as long as the error; consecutive equal strings are stored once. "" when there
 * is no memory. */
static const char *error_string(struct error *error, const char *string)
{
    if (error->string_count > 0 && strcmp(error->strings[error->string_count - 1], string) == 0)
        return error->strings[error->string_count - 1];
    if (error->string_count == error->string_capacity) {
        size_t capacity = error->string_capacity ? error->string_capacity * 2 : 8;
        char **larger = realloc(error->strings, capacity * sizeof(char *));
        if (!larger)
            return "";
        error->strings = larger;
        error->string_capacity = capacity;
    }
    char *copy = strdup(string);
    if (!copy)
        return "";
    error->strings[error->string_count++] = copy;
    return copy;
}

/* -------------------------------------------------------------------------------------------------------------
 * the stack */

static void frame_describe(const struct frame *frame, struct star_frame *ret)
{
    if (!frame->fn) {
        *ret = (struct star_frame){.name = frame->name, .position = {.file = "<builtin>"}};
        return;
    }
    const struct code *code = frame->fn->code;
    uint32_t offset = frame->pc ? code->offsets[frame->pc - code->instrs - 1] : code->offset;
    *ret = (struct star_frame){.name = code->name->data, .position = {.file = code->program->file}};
    sl_program_position(code->program, offset, &ret->position.line, &ret->position.column);
}

size_t star_frame_count(const struct star_vm *vm)
{
    return vm->frame_count;
}

bool star_frame_at(const struct star_vm *vm, size_t depth, struct star_frame *ret_frame)
{
    if (depth >= vm->frame_count)
        return false;
    frame_describe(&vm->frames[vm->frame_count - 1 - depth], ret_frame);
    return true;
}

const char *sl_builtin_name(const struct star_vm *vm)
{
    if (vm->frame_count == 0 || vm->frames[vm->frame_count - 1].fn)
        return "builtin";
    return vm->frames[vm->frame_count - 1].name;
}

static void error_take_stack(struct error *error, const struct star_vm *vm)
{
    size_t count = vm->frame_count;
    if (count > 0 && !vm->frames[count - 1].fn) {
        count--;
        error->builtin = strdup(vm->frames[count].name);
        error->public.builtin = error->builtin;
    }
    error->frames = calloc(count ? count : 1, sizeof(struct star_frame));
    if (!error->frames)
        return;
    for (size_t i = 0; i < count; i++) {
        struct star_frame frame;
        frame_describe(&vm->frames[i], &frame);
        error->frames[i] = frame;
        error->frames[i].position.file = error_string(error, frame.position.file);
        error->frames[i].name = error_string(error, frame.name);
    }
    error->public.frame_count = count;
    error->public.frames = error->frames;
}

/* ----------------------------------------------------------------------------------------------------------------
 * failing */

static star_value fail(struct star_vm *vm, enum star_error_kind kind, uint64_t tag, char *message)
{
    if (vm->error) {
        free(message);
        return STAR_NULL;
    }
    struct error *error = message ? calloc(1, sizeof(*error)) : NULL;
    if (!error) {
        free(message);
        vm->error = no_memory_error();
        return STAR_NULL;
    }
    error->message = message;
    error->public = (struct star_error){.kind = kind, .message = message, .tag = tag};
    error_take_stack(error, vm);
    vm->error = &error->public;
    return STAR_NULL;
}

star_value star_fail(struct star_vm *vm, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_new(format, args);
    va_end(args);
    return fail(vm, STAR_ERROR_EVAL, 0, message);
}

star_value star_fail_tagged(struct star_vm *vm, uint64_t tag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_new(format, args);
    va_end(args);
    return fail(vm, STAR_ERROR_EVAL, tag, message);
}

static star_value fail_cancelled(struct star_vm *vm, enum star_error_kind kind, const char *reason)
{
    char *message;
    if (asprintf(&message, "Starlark computation cancelled: %s", reason) < 0)
        message = NULL;
    return fail(vm, kind, 0, message);
}

star_value sl_fail_limit(struct star_vm *vm, const char *what)
{
    return fail_cancelled(vm, STAR_ERROR_LIMIT, what);
}

star_value sl_fail_overflow(struct star_vm *vm)
{
    return fail(vm, STAR_ERROR_LIMIT, 0, strdup("Starlark stack overflow"));
}

star_value sl_fail_cancelled(struct star_vm *vm, const char *reason)
{
    return fail_cancelled(vm, STAR_ERROR_CANCELLED, reason);
}

void sl_error_restack(struct star_vm *vm, const char *format, ...)
{
    if (!vm->error || vm->error->kind == STAR_ERROR_LIMIT ||
        vm->error->kind == STAR_ERROR_CANCELLED)
        return;
    struct star_error *inner = star_take_error(vm);
    va_list args;
    va_start(args, format);
    char *lead = format_new(format, args);
    va_end(args);
    star_fail_tagged(vm, inner->tag, "%s%s", lead ? lead : "", inner->message);
    free(lead);
    star_error_free(inner);
}

struct star_error *star_take_error(struct star_vm *vm)
{
    struct star_error *error = vm->error;
    vm->error = NULL;
    return error;
}

star_value star_raise(struct star_vm *vm, struct star_error *error)
{
    if (vm->error)
        star_error_free(error);
    else
        vm->error = error;
    return STAR_NULL;
}

const char *star_error_pending(const struct star_vm *vm)
{
    return vm->error ? vm->error->message : NULL;
}

/* -----------------------------------------------------------------------------------------------------------
 * static errors */

static struct error *error_static_new(size_t count)
{
    struct error *error = calloc(1, sizeof(*error));
    if (!error)
        return NULL;
    error->diagnostics = calloc(count, sizeof(struct star_diagnostic));
    if (!error->diagnostics) {
        free(error);
        return NULL;
    }
    error->public.diagnostics = error->diagnostics;
    return error;
}

static void error_add_diagnostic(struct error *error, const char *file, int line, int column,
                                 const char *message)
{
    struct star_diagnostic *diagnostic = &error->diagnostics[error->public.diagnostic_count++];
    diagnostic->position =
        (struct star_position){.file = error_string(error, file), .line = line, .column = column};
    diagnostic->message = error_string(error, message);
    if (error->public.diagnostic_count == 1)
        error->public.message = diagnostic->message;
}

struct star_error *sl_error_static(const struct source *source)
{
    const struct diagnostic_list *list = &source->diagnostics;
    struct error *error = error_static_new(list->count);
    if (!error)
        return no_memory_error();
    error->public.kind = source->resolving ? STAR_ERROR_RESOLVE : STAR_ERROR_SYNTAX;
    for (size_t i = 0; i < list->count; i++) {
        int line, column;
        sl_position_of(source->lines, source->line_count, source->text, list->items[i].offset,
                       &line, &column);
        error_add_diagnostic(error, source->file, line, column, list->items[i].message);
    }
    return &error->public;
}

struct star_error *sl_error_static_text(const char *file, const char *message)
{
    struct error *error = error_static_new(1);
    if (!error)
        return no_memory_error();
    error->public.kind = STAR_ERROR_LIMIT;
    error_add_diagnostic(error, file, 1, 1, message);
    return &error->public;
}

/* --------------------------------------------------------------------------------------------------------------------
 * text */

static void print_frame(FILE *out, const struct star_frame *frame)
{
    if (frame->position.line > 0)
        fprintf(out, "  %s:%d:%d: in %s\n", frame->position.file, frame->position.line,
                frame->position.column, frame->name);
    else
        fprintf(out, "  %s: in %s\n", frame->position.file, frame->name);
}

char *star_error_text(const struct star_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < error->diagnostic_count; i++) {
        const struct star_diagnostic *diagnostic = &error->diagnostics[i];
        fprintf(out, "%s:%d:%d: %s\n", diagnostic->position.file, diagnostic->position.line,
                diagnostic->position.column, diagnostic->message);
    }
    if (error->diagnostic_count == 0) {
        if (error->frame_count > 0)
            fprintf(out, "Traceback (most recent call last):\n");
        for (size_t i = 0; i < error->frame_count; i++)
            print_frame(out, &error->frames[i]);
        fprintf(out, "Error%s%s: %s\n", error->builtin ? " in " : "",
                error->builtin ? error->builtin : "", error->message);
    }
    return fclose(out) == 0 ? text : NULL;
}
