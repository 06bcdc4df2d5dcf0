/*
 * kfs-interpreter MEMORY_BYTES CPU_SECONDS: reads one request from descriptor 3, evaluates the
 * script in it, answers, and ends. Started by the engine (interpret.c); of no use by hand.
 */
#include "backend/plan/interpreter/confine.h"
#include "backend/plan/interpreter/interpreter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Steps of evaluation, about ten seconds of them; a loop that never ends is told from hard work
 * before the kernel's limit on CPU time has to kill. */
static const uint64_t steps_max = 1000000000;

/* ---- telling errors ---- */

static json_t *position_to_json(const struct star_position *position)
{
    return json_pack("{s:s, s:i, s:i}", "file", position->file ? position->file : "", "line",
                     position->line, "column", position->column);
}

static json_t *diagnostics_to_json(const struct star_error *error)
{
    json_t *list = json_array();
    for (size_t i = 0; i < error->diagnostic_count; i++) {
        json_t *entry = position_to_json(&error->diagnostics[i].position);
        json_object_set_new(entry, "message", json_string(error->diagnostics[i].message));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *frames_to_json(const struct star_error *error)
{
    json_t *list = json_array();
    size_t first = error->frame_count > FRAMES_MAX ? error->frame_count - FRAMES_MAX : 0;
    for (size_t i = first; i < error->frame_count; i++) {
        json_t *entry = position_to_json(&error->frames[i].position);
        json_object_set_new(entry, "name", json_string(error->frames[i].name));
        json_array_append_new(list, entry);
    }
    return list;
}

static const char *kind_name(enum star_error_kind kind)
{
    switch (kind) {
    case STAR_ERROR_SYNTAX:
    case STAR_ERROR_RESOLVE:
        return "static";
    case STAR_ERROR_LIMIT:
    case STAR_ERROR_CANCELLED:
        return "limit";
    case STAR_ERROR_EVAL:
    default:
        return "evaluation";
    }
}

static void send_failure(struct interpreter *in, const struct star_error *error)
{
    json_t *failure =
        json_pack("{s:s, s:o, s:o, s:o}", "kind", error ? kind_name(error->kind) : "limit",
                  "message", plan_text(error ? error->message : "out of memory"), "frames",
                  error ? frames_to_json(error) : json_array(), "diagnostics",
                  error ? diagnostics_to_json(error) : json_array());
    frame_send(in->fd, FRAME_FAILED, failure, NULL, 0, NULL);
    json_decref(failure);
}

static int send_pending(struct interpreter *in)
{
    struct star_error *error = star_take_error(in->vm);
    send_failure(in, error);
    star_error_free(error);
    return 1;
}

/* ---- the work ---- */

static int set_up(struct interpreter *in)
{
    const struct star_config config = {
        .max_steps = steps_max,
        .max_memory = (uint64_t)plan_int(in->start, "memory", 0),
        .json_plain_whole_floats = true,
        .load = modules_load_hook(),
        .data = in,
    };
    in->vm = star_vm_new(&config);
    if (!in->vm)
        return -1;
    in->keep = star_root_new(in->vm, star_list_new(in->vm, NULL, 0));
    in->enclave = json_object_get(in->start, "enclave");
    in->instructions = json_array();
    in->services = json_object();
    in->occurrences = json_object();
    in->artifacts = json_object();
    return in->keep && modules_declare(in) && types_declare(in) && assert_declare(in) ? 0 : -1;
}

/* The script, compiled; NULL: its errors have been sent. */
static struct star_program *compile(struct interpreter *in, const struct frame *request)
{
    const struct star_compile_options options = {.predeclared = in->predeclared_names};
    struct star_error *error = NULL;
    struct star_program *program = star_compile(&options, plan_string(in->start, "name", "script"),
                                                request->bytes.data, request->bytes.length, &error);
    if (!program)
        send_failure(in, error);
    star_error_free(error);
    return program;
}

static int send_plan(struct interpreter *in, const char *result)
{
    json_t *plan =
        json_pack("{s:O, s:o}", "instructions", in->instructions, "result", plan_text(result));
    int sent = frame_send(in->fd, FRAME_DONE, plan, NULL, 0, NULL);
    json_decref(plan);
    return sent == 0 ? 0 : 1;
}

static int run(struct interpreter *in, struct star_program *program)
{
    /* Its own root: importing the main file from another is a cycle. */
    struct star_root *root = star_root_new(in->vm, star_none());
    map_set(&in->modules, star_program_file(program), root);
    star_value module = star_exec(in->vm, program, in->predeclared, in->predeclared_count);
    if (star_is_null(module))
        return send_pending(in);
    star_root_set(root, module);
    cleanup(free) char *result = entry_run(in, module);
    return result ? send_plan(in, result) : send_pending(in);
}

static int serve(struct interpreter *in)
{
    struct frame request;
    if (frame_receive(in->fd, NULL, NULL, &request, NULL) < 0 || request.kind != FRAME_START)
        return 1;
    in->start = request.json;
    if (set_up(in) < 0) {
        send_failure(in, NULL);
        return 1;
    }
    struct star_program *program = compile(in, &request);
    if (!program)
        return 1;
    if (strcmp(plan_string(in->start, "mode", "run"), "check") != 0)
        return run(in, program);
    json_t *nothing = json_object();
    int sent = frame_send(in->fd, FRAME_DONE, nothing, NULL, 0, NULL);
    json_decref(nothing);
    return sent == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct confine_limits limits;
    struct interpreter in = {.fd = FRAME_CHILD_FD};
    if (confine_parse_limits(argc, argv, &limits) < 0)
        return 2;
    json_object_seed(0);
    if (confine_enter(in.fd, &limits) < 0)
        return 3;
    /* Without freeing: the process ends here, and the kernel is quicker. */
    _exit(serve(&in));
}
