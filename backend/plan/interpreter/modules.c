/* The names that every file sees, and how a script reaches other files: by asking the engine, which
 * decides what a locator means and may refuse. */
#include "backend/plan/interpreter/interpreter.h"

#include <stdlib.h>
#include <string.h>

bool declare(struct interpreter *in, const char *name, star_value value)
{
    if (star_is_null(value) || in->predeclared_count + 1 >= PREDECLARED_MAX ||
        !star_list_append(in->vm, star_root_get(in->keep), value))
        return false;
    in->predeclared_names[in->predeclared_count] = name;
    in->predeclared[in->predeclared_count++] = (struct star_binding){name, value};
    return true;
}

/* ---- asking ---- */

/* The file in which the running built-in is called. */
static const char *calling_file(struct interpreter *in)
{
    struct star_frame frame;
    for (size_t depth = 1; star_frame_at(in->vm, depth, &frame); depth++)
        if (frame.position.line > 0)
            return frame.position.file;
    return "";
}

static bool exchange(struct interpreter *in, const json_t *question, struct frame *ret_answer)
{
    cleanup(error_free) struct error *err = NULL;
    if (frame_send(in->fd, FRAME_ASK, question, NULL, 0, &err) < 0 ||
        frame_receive(in->fd, NULL, NULL, ret_answer, &err) < 0) {
        star_fail(in->vm, "%s", error_message(err));
        return false;
    }
    const char *error = json_string_value(json_object_get(ret_answer->json, "error"));
    if (ret_answer->kind == FRAME_ANSWER && !error)
        return true;
    star_fail(in->vm, "%s", error ? error : "the engine gave no answer");
    frame_done(ret_answer);
    return false;
}

bool engine_ask(struct interpreter *in, const char *what, const char *locator,
                struct frame *ret_answer)
{
    json_t *question =
        json_pack("{s:s, s:s, s:s}", "what", what, "locator", locator, "from", calling_file(in));
    bool answered = question && exchange(in, question, ret_answer);
    if (!question)
        star_fail(in->vm, "the locator is not UTF-8");
    json_decref(question);
    return answered;
}

int64_t engine_resolve(struct interpreter *in, const char *locator)
{
    struct frame answer;
    if (!engine_ask(in, "directory", locator, &answer))
        return -1;
    int64_t number = plan_int(answer.json, "number", -1);
    frame_done(&answer);
    if (number < 0)
        star_fail(in->vm, "the engine gave no number for '%s'", locator);
    return number;
}

/* ---- import_module ---- */

/* Static errors of a file as one message, a line each. */
static star_value fail_static(struct interpreter *in, const struct star_error *error)
{
    cleanup(free) char *text = star_error_text(error);
    size_t length = text ? strlen(text) : 0;
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    return star_fail(in->vm, "%s", text ? text : "out of memory");
}

star_value module_run(struct interpreter *in, const char *file, const char *source, size_t length)
{
    const struct star_compile_options options = {.predeclared = in->predeclared_names};
    struct star_error *error = NULL;
    struct star_program *program = star_compile(&options, file, source, length, &error);
    if (!program) {
        fail_static(in, error);
        star_error_free(error);
        return STAR_NULL;
    }
    star_value module = star_exec(in->vm, program, in->predeclared, in->predeclared_count);
    star_program_unref(program);
    return module;
}

static star_value load_module(struct interpreter *in, const struct frame *answer, const char *id)
{
    struct star_root *root = star_root_new(in->vm, star_none());
    if (!root)
        return star_fail(in->vm, "out of memory");
    map_set(&in->modules, id, root);
    star_value module = module_run(in, id, answer->bytes.data, answer->bytes.length);
    if (!star_is_null(module))
        star_root_set(root, module);
    return module;
}

static star_value import_module(struct star_vm *vm, const struct star_args *args)
{
    struct interpreter *in = args->data;
    const char *locator = NULL;
    const struct star_param params[] = {{"module_file", STAR_WANT_TEXT, &locator}};
    struct frame answer;
    if (!star_unpack(vm, args, params, 1) || !engine_ask(in, "module", locator, &answer))
        return STAR_NULL;
    const char *id = plan_string(answer.json, "id", locator);
    struct star_root *known = map_get(&in->modules, id);
    star_value module;
    if (known && star_kind_of(star_root_get(known)) == STAR_NONE)
        module =
            star_fail(vm, "There's a cycle in the import_module calls: '%s' is being loaded", id);
    else if (known)
        module = star_root_get(known);
    else
        module = load_module(in, &answer, id);
    frame_done(&answer);
    return module;
}

static star_value read_file(struct star_vm *vm, const struct star_args *args)
{
    struct interpreter *in = args->data;
    const char *locator = NULL;
    const struct star_param params[] = {{"src", STAR_WANT_TEXT, &locator}};
    struct frame answer;
    if (!star_unpack(vm, args, params, 1) || !engine_ask(in, "file", locator, &answer))
        return STAR_NULL;
    star_value text = star_string(vm, answer.bytes.data, answer.bytes.length);
    frame_done(&answer);
    return text;
}

/* ---- what is there to tell what is not ---- */

static star_value refuse_print(struct star_vm *vm, const struct star_args *args)
{
    (void)args;
    return star_fail(vm, "print is not available in plans; call plan.print(...), which prints when "
                         "the plan executes");
}

static star_value refuse_now(struct star_vm *vm, const struct star_args *args)
{
    (void)args;
    return star_fail(vm,
                     "time.now is not available, because a plan is the same whenever it is "
                     "made; take the time where it is needed, for example with plan.run_python");
}

static star_value load_hook(struct star_vm *vm, void *data, const char *module)
{
    (void)data;
    return star_fail(vm, "load is not available; write x = import_module(\"%s\") and use x.name",
                     module);
}

bool modules_declare(struct interpreter *in)
{
    struct star_vm *vm = in->vm;
    star_value now = star_builtin_new(vm, "now", refuse_now, NULL);
    star_value time = star_module_with(vm, star_lib_time(vm), "now", now);
    return declare(in, "struct", star_lib_struct(vm)) && declare(in, "json", star_lib_json(vm)) &&
           declare(in, "time", time) &&
           declare(in, "kurtosis", star_module_new(vm, "kurtosis", NULL, 0)) &&
           declare(in, "import_module", star_builtin_new(vm, "import_module", import_module, in)) &&
           declare(in, "read_file", star_builtin_new(vm, "read_file", read_file, in)) &&
           declare(in, "print", star_builtin_new(vm, "print", refuse_print, NULL));
}

star_load_fn modules_load_hook(void)
{
    return load_hook;
}
