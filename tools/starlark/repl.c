/*
 * The read-eval-print loop, with libedit's line editing and a history file. A line that does not
 * parse only because it ends too early, or that opens a block, is continued; a blank line ends a
 * block.
 *
 * libedit is loaded here and not linked: with what it needs it would be a quarter of the memory
 * that the command takes for a small script. Without it lines are read as they come.
 */
#include "tools/starlark/session.h"

#include <dlfcn.h>
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct repl {
    struct session *session;
    struct star_root *module; /* what has been defined so far */
    char *chunk;
    size_t size;
};

static bool repl_append(struct repl *repl, const char *line)
{
    size_t size = strlen(line);
    char *larger = realloc(repl->chunk, repl->size + size + 2);
    if (!larger)
        return false;
    memcpy(larger + repl->size, line, size);
    repl->chunk = larger;
    repl->size += size;
    repl->chunk[repl->size++] = '\n';
    return true;
}

static bool ends_too_early(const struct star_error *error)
{
    return error->kind == STAR_ERROR_SYNTAX &&
           (strstr(error->message, "end of file") || strstr(error->message, "unexpected EOF"));
}

/* True if the last line, blank ones apart, belongs to a block. */
static bool in_block(const struct repl *repl)
{
    size_t end = repl->size - 1, start;
    for (start = end; start > 0 && repl->chunk[start - 1] != '\n'; start--)
        ;
    if (start == end)
        return false; /* a blank line: the block is done */
    return repl->chunk[start] == ' ' || repl->chunk[start] == '\t' || repl->chunk[end - 1] == ':';
}

static void repl_evaluate(struct repl *repl, struct star_program *program)
{
    struct session *session = repl->session;
    star_value result = STAR_NULL;
    star_value module =
        star_exec_repl(session->vm, program, repl->module ? star_root_get(repl->module) : STAR_NULL,
                       session->bindings, session->binding_count, &result);
    if (star_is_null(module)) {
        session_report(star_take_error(session->vm));
        return;
    }
    if (repl->module)
        star_root_set(repl->module, module);
    else
        repl->module = star_root_new(session->vm, module);
    star_value shown =
        star_kind_of(result) == STAR_NONE ? STAR_NULL : star_repr(session->vm, result);
    if (!star_is_null(shown))
        printf("%s\n", star_text_of(shown, NULL));
}

/* Runs the chunk if it is complete; false if more lines are wanted. */
static bool repl_try(struct repl *repl)
{
    struct session *session = repl->session;
    struct star_error *error = NULL;
    if (in_block(repl))
        return false;
    const char **names =
        session_names(session, repl->module ? star_root_get(repl->module) : STAR_NULL);
    struct star_compile_options options = {.dialect = session->dialect | STAR_KEEP_RESULT |
                                                      STAR_LOAD_BINDS_GLOBALLY |
                                                      STAR_ALLOW_TOPLEVEL_CONTROL,
                                           .predeclared = names};
    struct star_program *program =
        star_compile(&options, "<stdin>", repl->chunk, repl->size, &error);
    free(names);
    bool more = !program && ends_too_early(error);
    if (more)
        star_error_free(error);
    else if (!program)
        session_report(error);
    else
        repl_evaluate(repl, program);
    star_program_unref(program);
    if (!more)
        repl->size = 0;
    return !more;
}

/* ---- lines ---- */

enum {
    HISTORY_LINES = 1000
};

/* What is used of libedit; all NULL if it is not there. */
struct editor {
    typeof(readline) *readline;
    typeof(using_history) *using_history;
    typeof(stifle_history) *stifle_history;
    typeof(read_history) *read_history;
    typeof(add_history) *add_history;
    typeof(write_history) *write_history;
};

static struct editor editor_load(void)
{
    struct editor editor = {0};
    void *library = dlopen("libedit.so.2", RTLD_NOW); /* for as long as the process lives */
#define LOAD(name) (*(void **)&editor.name = dlsym(library, #name)) != NULL
    bool whole = library && LOAD(readline) && LOAD(using_history) && LOAD(stifle_history) &&
                 LOAD(read_history) && LOAD(add_history) && LOAD(write_history);
#undef LOAD
    return whole ? editor : (struct editor){0};
}

static char *history_path(void)
{
    const char *home = getenv("HOME");
    char *path;
    return home && asprintf(&path, "%s/.starlark_history", home) >= 0 ? path : NULL;
}

static void history_begin(const struct editor *editor, const char *path)
{
    if (!editor->readline)
        return;
    editor->using_history();
    editor->stifle_history(HISTORY_LINES);
    if (path)
        editor->read_history(path);
}

/* Without its newline, the caller's; NULL at the end. */
static char *read_line(const struct editor *editor, const char *prompt)
{
    if (editor->readline)
        return editor->readline(prompt);
    fputs(prompt, stdout);
    fflush(stdout);
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, stdin);
    if (length < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

void repl_run(struct session *session)
{
    struct repl repl = {.session = session};
    struct editor editor = editor_load();
    char *history = history_path(), *line;
    history_begin(&editor, history);
    while ((line = read_line(&editor, repl.size ? "... " : ">>> "))) {
        if (*line && editor.readline)
            editor.add_history(line);
        if ((*line || repl.size) && repl_append(&repl, line))
            repl_try(&repl);
        free(line);
    }
    putchar('\n');
    if (history && editor.readline)
        editor.write_history(history);
    free(history);
    free(repl.chunk);
    star_root_free(repl.module);
}
