/*
 * Running files: compiling, the predeclared modules, load() relative to the loading file, errors in
 * words. Every file is run once.
 */
#include "tools/starlark/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that load() has asked for. */
struct loaded {
    struct loaded *next;
    char *path;
    struct star_root *module; /* NULL while it runs */
};

char *session_read(const char *path, size_t *ret_size)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return NULL;
    size_t size = 0, capacity = 64 * 1024;
    char *text = malloc(capacity);
    while (text) {
        size_t got = fread(text + size, 1, capacity - size, file);
        size += got;
        if (got == 0)
            break;
        if (size < capacity)
            continue;
        char *larger = realloc(text, capacity *= 2);
        if (!larger)
            free(text);
        text = larger;
    }
    int failed = !text ? ENOMEM : ferror(file) ? errno : 0;
    if (file != stdin)
        fclose(file);
    if (failed) {
        free(text);
        errno = failed;
        return NULL;
    }
    *ret_size = size;
    return text;
}

void session_report(struct star_error *error)
{
    char *text = error ? star_error_text(error) : NULL;
    fputs(text ? text : "out of memory\n", stderr);
    free(text);
    star_error_free(error);
}

const char **session_names(const struct session *session, star_value module)
{
    size_t count = session->binding_count, cursor = 0, n = 0;
    const char *name;
    star_value member;
    while (star_module_next(module, &cursor, &name, &member))
        count++;
    const char **names = calloc(count + 1, sizeof(char *));
    if (!names)
        return NULL;
    for (; n < session->binding_count; n++)
        names[n] = session->bindings[n].name;
    cursor = 0;
    while (star_module_next(module, &cursor, &name, &member))
        names[n++] = name;
    return names;
}

static struct star_program *compile(struct session *session, const char *file, const char *source,
                                    size_t size, struct star_error **ret_error)
{
    const char **names = session_names(session, STAR_NULL);
    struct star_compile_options options = {.dialect = session->dialect, .predeclared = names};
    struct star_program *program = star_compile(&options, file, source, size, ret_error);
    free(names);
    return program;
}

/* -------------------------------------------------------------------------------------------------------------------
 * load */

/* `module` beside the file that is running. */
static char *path_beside(struct star_vm *vm, const char *module)
{
    struct star_frame frame;
    const char *slash = star_frame_at(vm, 0, &frame) ? strrchr(frame.position.file, '/') : NULL;
    char *path;
    if (module[0] == '/' || !slash)
        return strdup(module);
    return asprintf(&path, "%.*s/%s", (int)(slash - frame.position.file), frame.position.file,
                    module) < 0
               ? NULL
               : path;
}

static struct loaded *find_loaded(struct session *session, const char *path)
{
    for (struct loaded *loaded = session->modules; loaded; loaded = loaded->next)
        if (strcmp(loaded->path, path) == 0)
            return loaded;
    return NULL;
}

static star_value fail_static(struct star_vm *vm, struct star_error *error)
{
    const struct star_diagnostic *first = &error->diagnostics[0];
    star_fail(vm, "%s:%d:%d: %s", first->position.file, first->position.line,
              first->position.column, first->message);
    star_error_free(error);
    return STAR_NULL;
}

static star_value run_module(struct session *session, const char *path)
{
    size_t size;
    struct star_error *error = NULL;
    char *source = session_read(path, &size);
    if (!source)
        return star_fail(session->vm, "open %s: %s", path, strerror(errno));
    struct star_program *program = compile(session, path, source, size, &error);
    free(source);
    if (!program)
        return fail_static(session->vm, error);
    star_value module = star_exec(session->vm, program, session->bindings, session->binding_count);
    star_program_unref(program);
    return module;
}

static star_value load(struct star_vm *vm, void *data, const char *module)
{
    struct session *session = data;
    char *path = path_beside(vm, module);
    struct loaded *loaded = path ? find_loaded(session, path) : NULL;
    if (loaded) {
        free(path);
        return loaded->module ? star_root_get(loaded->module)
                              : star_fail(vm, "cycle in load graph");
    }
    loaded = path ? calloc(1, sizeof(*loaded)) : NULL;
    if (!loaded) {
        free(path);
        return star_fail(vm, "out of memory");
    }
    loaded->path = path;
    loaded->next = session->modules;
    session->modules = loaded;
    star_value value = run_module(session, path);
    if (!star_is_null(value))
        loaded->module = star_root_new(vm, value);
    return value;
}

/* ---------------------------------------------------------------------------------------------------------------
 * the session */

static void print(struct star_vm *vm, void *data, const char *text, size_t size)
{
    (void)vm;
    (void)data;
    fwrite(text, 1, size, stderr);
    fputc('\n', stderr);
}

void session_predeclare(struct session *session, const char *name, star_value value)
{
    if (session->binding_count == SESSION_BINDINGS_MAX || star_is_null(value))
        return;
    session->kept[session->binding_count] = star_root_new(session->vm, value);
    session->bindings[session->binding_count++] = (struct star_binding){name, value};
}

bool session_begin(struct session *session, const struct session_options *options)
{
    *session = (struct session){.dialect = options->dialect};
    session->vm = star_vm_new(&(struct star_config){.max_steps = options->max_steps,
                                                    .max_memory = options->max_memory,
                                                    .print = print,
                                                    .load = load,
                                                    .data = session});
    if (!session->vm)
        return false;
    session_predeclare(session, "json", star_lib_json(session->vm));
    session_predeclare(session, "math", star_lib_math(session->vm));
    session_predeclare(session, "struct", star_lib_struct(session->vm));
    session_predeclare(session, "time", star_lib_time(session->vm));
    if (options->test)
        testing_predeclare(session);
    return true;
}

void session_end(struct session *session)
{
    star_vm_free(session->vm);
    while (session->modules) {
        struct loaded *next = session->modules->next;
        free(session->modules->path);
        free(session->modules);
        session->modules = next;
    }
}

bool session_run(struct session *session, const char *file, const char *source, size_t size,
                 bool check_only)
{
    struct star_error *error = NULL;
    struct star_program *program = compile(session, file, source, size, &error);
    if (!program) {
        session_report(error);
        return false;
    }
    bool ok = check_only || !star_is_null(star_exec(session->vm, program, session->bindings,
                                                    session->binding_count));
    star_program_unref(program);
    if (!ok)
        session_report(star_take_error(session->vm));
    return ok;
}
