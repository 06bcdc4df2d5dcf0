/* run_sh and run_python: a container of its own, a command in it, files out of it, and it is gone.
 */
#include "backend/plan/instructions.h"

#include "backend/base/clock.h"
#include "backend/plan/recipe.h"
#include "backend/plan/service.h"
#include "backend/plan/staging.h"
#include "backend/plan/validate.h"

#include <stdio.h>
#include <string.h>

enum {
    DESCRIBED_MAX = 80, /* a shorter script is shown in the description */
    /* The kernel takes no word of a command that is longer than 128 KiB (MAX_ARG_STRLEN). */
    WORD_MAX = 120 << 10,
};
static const char task_wait[] = "180s";
static const char script_path[] = "/tmp/kfs-task-script";

/* Keeps the container until it is taken away; ends at once when it is told to. */
static const char keep_alive[] = "exec tail -f /dev/null";

/* Runs "$@" by the Python that the image has, under whichever name. */
static const char python_shell[] =
    "if command -v python >/dev/null 2>&1; then exec python \"$@\"; else exec python3 \"$@\"; fi";

/* ---- describing and validating ---- */

void plan_describe_run_sh(const struct plan_instruction *instruction, struct buf *out)
{
    const char *run = plan_argument(instruction, "run");
    buf_puts(out, "Running sh script");
    if (strlen(run) < DESCRIBED_MAX)
        buf_printf(out, ": `%s`", run);
}

static void check_store(const struct plan_instruction *instruction, struct plan_world *world,
                        struct buf *problems)
{
    json_t *sources = json_object();
    size_t i;
    json_t *spec;
    json_array_foreach(json_object_get(instruction->arguments, "store"), i, spec)
    {
        const char *source = plan_string(spec, "src", "");
        if (json_object_get(sources, source))
            buf_printf(problems, "The path '%s' is stored twice\n", source);
        json_object_set_new(sources, source, json_true());
        world_check_artifact_name(plan_string(spec, "name", ""), problems);
        json_object_set_new(world->artifacts, plan_string(spec, "name", ""), json_true());
    }
    json_decref(sources);
}

void plan_validate_task(const struct plan_instruction *instruction, struct plan_world *world,
                        struct buf *problems)
{
    const char *name = plan_argument(instruction, "name");
    if (!plan_service_name_valid(name))
        buf_printf(problems,
                   "Task name '%s' is not valid: it has to be 1 to 63 lower-case letters, "
                   "digits and dashes, and begin with a letter\n",
                   name);
    if (json_object_get(world->services, name))
        buf_printf(problems, "There is a service called '%s' already\n", name);
    world_check_mounts(world, json_object_get(instruction->arguments, "files"), "The task",
                       problems);
    world_check_image(json_object_get(instruction->arguments, "image"), problems);
    check_store(instruction, world, problems);
}

/* ---- the container ---- */

static json_t *task_config(const struct plan_instruction *instruction, const char *default_image)
{
    static const char *const passed_on[] = {"files",       "env_vars",   "node_selectors",
                                            "tolerations", "privileged", "host_pid_namespace",
                                            "bind_mounts"};
    const json_t *arguments = instruction->arguments;
    json_t *image = json_object_get(arguments, "image");
    json_t *config = json_pack("{s:s, s:o, s:[s,s,s]}", "type", "ServiceConfig", "image",
                               image ? json_incref(image) : json_string(default_image),
                               "entrypoint", "/bin/sh", "-c", keep_alive);
    for (size_t i = 0; i < ARRAY_LENGTH(passed_on); i++)
        if (json_object_get(arguments, passed_on[i]))
            json_object_set(config, passed_on[i], json_object_get(arguments, passed_on[i]));
    return config;
}

/* A task that is being done. */
struct task {
    struct step *step;
    const char *name;
    const char *what;  /* "Run sh", for errors */
    int64_t deadline;  /* 0: none */
    int64_t limit;     /* ns, as the script gave it; 0: none */
    struct buf output; /* of the command */
    int code;
};

static int64_t time_left(const struct task *task)
{
    int64_t left = task->deadline - clock_monotonic();
    return task->deadline == 0 ? 0 : left > 0 ? left : 1;
}

static int run_words(struct task *task, char *const *words, struct buf *output, int *ret_code,
                     struct error **err)
{
    const struct execution *execution = task->step->execution;
    const struct plan_call call = step_call(task->step, time_left(task));
    cleanup(error_free) struct error *reason = NULL;
    if (execution->effects->exec(execution->context, task->name, words, &call, output, ret_code,
                                 &reason) == 0)
        return 0;
    if (error_code(reason) == ETIMEDOUT)
        return error_set(err, ETIMEDOUT, "The exec request timed out after %g seconds",
                         (double)task->limit / (double)CLOCK_SECOND);
    return error_move(err, &reason);
}

/* Writes a script that is too long for one word into a file of the container. */
static int write_script(struct task *task, const char *script, struct error **err)
{
    size_t length = strlen(script);
    for (size_t at = 0; at < length; at += WORD_MAX) {
        cleanup(buf_done) struct buf output = BUF_INIT(BUF_MAX_TEXT);
        cleanup(free) char *piece = strndup(script + at, WORD_MAX);
        char *words[] = {(char *)"/bin/sh",   (char *)"-c", (char *)"printf %s \"$1\" >> \"$0\"",
                         (char *)script_path, piece,        NULL};
        int code = 0;
        if (!piece)
            return error_set(err, ENOMEM, "out of memory");
        if (run_words(task, words, &output, &code, err) < 0)
            return -1;
        if (code != 0)
            return error_set(err, EIO, "the script cannot be written to %s: %s", script_path,
                             output.data);
    }
    return 0;
}

/* ---- what comes after the command ---- */

static int store_one(struct task *task, const json_t *spec, struct error **err)
{
    const struct execution *execution = task->step->execution;
    const struct plan_call call = step_call(task->step, 0);
    const char *name = plan_string(spec, "name", "");
    struct plan_artifact artifact = {0};
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&path, plan_string(spec, "src", ""));
    staging_trim_pattern(&path);
    if (execution->effects->artifact_store_from_service(execution->context, name, task->name,
                                                        path.data, &call, &artifact, err) < 0)
        return error_wrap(err, "cannot store '%s' of the task", plan_string(spec, "src", ""));
    if (!artifact.existed || artifact.changed)
        step_mark_changed(task->step, PLAN_RESOURCE_ARTIFACT, name);
    plan_artifact_done(&artifact);
    return 0;
}

static int conclude(struct task *task, struct buf *result, struct error **err)
{
    const json_t *arguments = task->step->instruction->arguments;
    json_t *recipe = json_pack("{s:s}", "type", "ExecRecipe");
    json_t *answer = json_pack("{s:i, s:o}", "code", task->code, "output",
                               plan_text_n(task->output.data, task->output.length));
    int outcome = 0;
    size_t i;
    json_t *spec;
    recipe_store_answer(task->step, answer);
    if (!plan_bool(arguments, "skip_code_check", false))
        outcome = recipe_check_code(task->what, recipe, answer,
                                    json_object_get(arguments, "acceptable_codes"), err);
    json_array_foreach(json_object_get(arguments, "store"), i, spec) if (outcome == 0) outcome =
        store_one(task, spec, err);
    if (outcome == 0)
        recipe_put_answer(result, recipe, answer);
    json_decref(answer);
    json_decref(recipe);
    return outcome;
}

/* ---- the whole ---- */

static int run_task(struct step *step, const char *what, const char *default_image,
                    int (*command)(struct task *task, struct error **err), struct buf *result,
                    struct error **err)
{
    json_t *config = task_config(step->instruction, default_image);
    struct service_start start = {.name = plan_argument(step->instruction, "name"),
                                  .config = config};
    struct task task = {.step = step,
                        .name = start.name,
                        .what = what,
                        .limit = plan_duration(step->instruction->arguments, "wait", task_wait),
                        .output = BUF_INIT(BUF_MAX_DOCUMENT)};
    int outcome = service_start_and_wait(step, &start, err);
    task.deadline = task.limit > 0 ? clock_monotonic() + task.limit : 0;
    if (outcome == 0)
        outcome = command(&task, err);
    if (outcome == 0)
        outcome = conclude(&task, result, err);
    start.service.existed = false; /* a task is always taken away */
    service_start_undo(step, &start);
    service_start_done(&start);
    buf_done(&task.output);
    json_decref(config);
    return outcome;
}

static int sh_command(struct task *task, struct error **err)
{
    cleanup(buf_done) struct buf script = BUF_INIT(BUF_MAX_DOCUMENT);
    if (step_text(task->step, "run", &script, err) < 0)
        return -1;
    char *words[] = {(char *)"/bin/sh", (char *)"-c", script.data, NULL};
    if (script.length > WORD_MAX) {
        if (write_script(task, script.data, err) < 0)
            return -1;
        words[1] = (char *)script_path;
        words[2] = NULL;
    }
    return run_words(task, words, &task->output, &task->code, err);
}

int plan_execute_run_sh(struct step *step, struct buf *result, struct error **err)
{
    return run_task(step, "Run sh", "badouralix/curl-jq", sh_command, result, err);
}

/* The words of a Python command, with room for `more` of the instruction's own. */
static char **python_words(size_t more)
{
    char **words = calloc(6 + more + 1, sizeof *words);
    if (words) {
        words[0] = (char *)"/bin/sh";
        words[1] = (char *)"-c";
        words[2] = (char *)python_shell;
        words[3] = (char *)"python";
    }
    return words;
}

static int install_packages(struct task *task, struct error **err)
{
    const json_t *packages = json_object_get(task->step->instruction->arguments, "packages");
    cleanup(buf_done) struct buf output = BUF_INIT(BUF_MAX_DOCUMENT);
    size_t i, count = json_array_size(packages);
    json_t *name;
    int code = 0;
    if (count == 0)
        return 0;
    cleanup(free) char **words = python_words(count + 1);
    if (!words)
        return error_set(err, ENOMEM, "out of memory");
    words[4] = (char *)"-m";
    words[5] = (char *)"pip";
    words[6] = (char *)"install";
    json_array_foreach(packages, i, name) words[7 + i] = (char *)json_string_value(name);
    if (run_words(task, words, &output, &code, err) < 0)
        return -1;
    return code == 0 ? 0
                     : error_set(err, EIO,
                                 "an error occurred while installing dependencies as pip exited "
                                 "with code '%d', with output:\n%s",
                                 code, output.data);
}

static int run_script(struct task *task, const char *script, const json_t *args, struct error **err)
{
    size_t i;
    json_t *word;
    bool is_long = strlen(script) > WORD_MAX;
    cleanup(free) char **words = python_words(json_array_size(args) + 1);
    if (!words)
        return error_set(err, ENOMEM, "out of memory");
    if (is_long && write_script(task, script, err) < 0)
        return -1;
    size_t count = 4;
    words[count++] = (char *)"-u";
    if (!is_long)
        words[count++] = (char *)"-c";
    words[count++] = is_long ? (char *)script_path : (char *)script;
    json_array_foreach(args, i, word) words[count + i] = (char *)json_string_value(word);
    return run_words(task, words, &task->output, &task->code, err);
}

static int python_command(struct task *task, struct error **err)
{
    struct runtime_values *values = task->step->execution->values;
    const json_t *given = json_object_get(task->step->instruction->arguments, "args");
    cleanup(buf_done) struct buf script = BUF_INIT(BUF_MAX_DOCUMENT);
    if (install_packages(task, err) < 0 || step_text(task->step, "run", &script, err) < 0)
        return -1;
    json_t *args = given ? runtime_values_replace_in(values, given, false, err) : json_array();
    int outcome = args ? run_script(task, script.data, args, err) : -1;
    json_decref(args);
    return outcome;
}

int plan_execute_run_python(struct step *step, struct buf *result, struct error **err)
{
    return run_task(step, "Run python", "python:3.11-alpine", python_command, result, err);
}
