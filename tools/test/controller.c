/* Controllers: programs of this machine, and containers in the enclave's network. */
#include "tools/test/life_int.h"

#include "backend/base/file.h"
#include "tools/test/process.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SERVICE "test-controller"

enum {
    VARIABLES = 3,
    DEFINITION_MAX = 1 << 20,
    MOUNTINFO_MAX = 16 << 20
};

CLEANUP_DEFINE(json_decref, json_t *)

/* ---- on this machine */

static void environment_free(char **environment)
{
    for (size_t i = 0; i < VARIABLES; i++)
        free(environment[i]);
    free(environment);
}
CLEANUP_DEFINE(environment_free, char **)

/* This process's, but for ours, which come first and are the ones to be freed. */
static char **environment_new(const struct life *life)
{
    size_t count = 0, used = VARIABLES;
    while (environ[count])
        count++;
    char **environment = calloc(count + VARIABLES + 1, sizeof *environment);
    if (!environment || asprintf(&environment[0], "KFS_ENCLAVE=%s", life->enclave.path) < 0 ||
        asprintf(&environment[1], "TEST_NAME=%s", life->test->name) < 0 ||
        asprintf(&environment[2], "KFS_TEST_VOLUME=%s", life->volume) < 0)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t name = strcspn(environ[i], "=") + 1;
        bool ours = false;
        for (size_t j = 0; j < VARIABLES; j++)
            ours = ours || strncmp(environ[i], environment[j], name) == 0;
        if (!ours)
            environment[used++] = environ[i];
    }
    return environment;
}

static enum ending judge(const struct process_result *result, struct error **err)
{
    switch (result->end) {
    case PROCESS_TIMED_OUT:
        return ENDING_TIMED_OUT;
    case PROCESS_CANCELLED:
        return ENDING_CANCELLED;
    case PROCESS_SIGNALLED:
        error_set(err, EIO, "killed by signal %d (%s)", result->code, strsignal(result->code));
        return ENDING_FAILED;
    case PROCESS_EXITED:
    default:
        if (result->code == 0)
            return ENDING_DONE;
        error_set(err, EIO, "exit status %d", result->code);
        return ENDING_FAILED;
    }
}

enum ending controller_run_host(struct life *life, const struct patience *patience,
                                enum outcome *ret_outcome, struct error **err)
{
    cleanup(environment_free) char **environment = environment_new(life);
    struct process_result result;
    char *argv[] = {life->test->path, NULL};
    const struct process_order order = {
        .argv = argv,
        .environment = environment,
        .directory = life->test->directory,
        .output = record_fd(life->record),
        .deadline = patience->deadline,
        .cancel = patience->cancel,
        .tick = record_show,
        .context = life->record,
    };
    if (process_run(&order, &result, err) < 0) {
        *ret_outcome = OUTCOME_ERRORED;
        return ENDING_FAILED;
    }
    return judge(&result, err);
}

/* ---- in the enclave */

/* Whether the container engine, which is root's, can look into the mount: it is root's, or its
 * options let others in. Told by the line of proc_pid_mountinfo(5) with the mount's device. */
static bool mount_lets_in(const char *mount)
{
    struct stat st;
    char device[48];
    cleanup(buf_done) struct buf text = BUF_INIT(MOUNTINFO_MAX);
    if (stat(mount, &st) < 0 || file_read(AT_FDCWD, "/proc/self/mountinfo", &text, NULL) < 0)
        return true;
    snprintf(device, sizeof device, " %u:%u ", major(st.st_dev), minor(st.st_dev));
    char *line = strstr(text.data, device);
    if (!line)
        return true;
    line[strcspn(line, "\n")] = '\0';
    return strstr(line, "user_id=0,") || strstr(line, "allow_other");
}

static int check_mount(const struct life *life, struct error **err)
{
    if (mount_lets_in(life->config->mount))
        return 0;
    return error_set(err, EACCES,
                     "a container cannot see %s, which is another user's: start kfsd as root, or "
                     "with -o allow_other",
                     life->config->mount);
}

static int refuse(const struct life *life, const char *what, struct error **err)
{
    return error_set(err, EINVAL, "%s: %s", life->test->path, what);
}

static bool are_strings(const json_t *values)
{
    size_t i;
    const char *key;
    json_t *value;
    json_array_foreach(values, i, value) if (!json_is_string(value)) return false;
    json_object_foreach((json_t *)values, key, value) if (!json_is_string(value)) return false;
    return true;
}

static int read_definition(const struct life *life, json_t **ret_definition, struct error **err)
{
    json_error_t problem;
    cleanup(json_decref) json_t *read =
        json_load_file(life->test->path, JSON_REJECT_DUPLICATES, &problem);
    if (!read)
        return error_set(err, EINVAL, "%s:%d: %s", life->test->path, problem.line, problem.text);
    const char *key;
    json_t *value;
    json_object_foreach(read, key, value)
    {
        bool known = strcmp(key, "image") == 0 ? json_is_string(value)
                     : strcmp(key, "cmd") == 0
                         ? json_is_array(value) && are_strings(value)
                         : strcmp(key, "env") == 0 && json_is_object(value) && are_strings(value);
        if (!known)
            return refuse(life,
                          "a controller is {\"image\": TEXT, \"cmd\": [TEXT...], \"env\": {NAME: "
                          "TEXT}}",
                          err);
    }
    if (!json_object_get(read, "image"))
        return refuse(life, "there is no \"image\"", err);
    *ret_definition = steal(&read);
    return 0;
}

/* A JSON text is a Starlark expression, but for the names of three values, of which none is in a
 * definition, and for escapes beyond the basic plane, which are not made here. */
static void put_json(struct buf *out, const char *field, const json_t *value)
{
    cleanup(free) char *text = json_dumps(value, JSON_ENCODE_ANY);
    buf_printf(out, "            %s = %s,\n", field, text ? text : "");
    out->failed = out->failed || !text;
}

/* The script that starts the controller. */
static void put_script(const struct life *life, const json_t *definition, struct buf *out)
{
    json_t *env = json_pack("{s:s, s:s, s:s}", "KFS_ENCLAVE", INSIDE_ENCLAVE, "TEST_NAME",
                            life->test->name, "KFS_TEST_VOLUME", INSIDE_VOLUME);
    json_t *mounts =
        json_pack("{s:s, s:s}", life->enclave.path, INSIDE_ENCLAVE, life->volume, INSIDE_VOLUME);
    json_object_update_missing(env, json_object_get(definition, "env"));
    buf_puts(out, "def run(plan):\n    plan.add_service(\n        name = \"" SERVICE "\",\n"
                  "        config = ServiceConfig(\n");
    put_json(out, "image", json_object_get(definition, "image"));
    if (json_object_get(definition, "cmd"))
        put_json(out, "cmd", json_object_get(definition, "cmd"));
    put_json(out, "env_vars", env);
    put_json(out, "bind_mounts", mounts);
    buf_puts(out, "        ),\n    )\n");
    json_decref(env);
    json_decref(mounts);
}

static enum ending start_container(struct life *life, const struct patience *patience,
                                   struct error **err)
{
    cleanup(json_decref) json_t *definition = NULL;
    cleanup(buf_done) struct buf script = BUF_INIT(DEFINITION_MAX);
    if (check_mount(life, err) < 0 || read_definition(life, &definition, err) < 0)
        return ENDING_FAILED;
    put_script(life, definition, &script);
    if (buf_check(&script, err) < 0 ||
        enclave_put_text(&life->enclave, script.data, ".kfs-controller.star", err) < 0)
        return ENDING_FAILED;
    return enclave_run(&life->enclave, "--privileged ./.kfs-controller.star\n", patience, err);
}

enum ending controller_run_container(struct life *life, const struct patience *patience,
                                     enum outcome *ret_outcome, struct error **err)
{
    int code;
    cleanup(error_free) struct error *reason = NULL;
    enum ending ending = start_container(life, patience, &reason);
    /* The run fails, too, if what it started ends with a failure at once; that is the test's. */
    bool started = ending == ENDING_DONE ||
                   (ending == ENDING_FAILED && enclave_service_failed(&life->enclave, SERVICE));
    if (!started) {
        error_move(err, &reason);
        error_wrap(err, "the controller was not started");
        *ret_outcome = OUTCOME_ERRORED;
        return ending;
    }
    *ret_outcome = OUTCOME_ERRORED;
    ending = enclave_follow(&life->enclave, SERVICE, patience, &code, err);
    if (ending != ENDING_DONE || code == 0) {
        *ret_outcome = ending == ENDING_TIMED_OUT ? OUTCOME_FAILED : *ret_outcome;
        return ending;
    }
    *ret_outcome = code > 0 ? OUTCOME_FAILED : OUTCOME_ERRORED;
    if (code > 0)
        error_set(err, EIO, "exit status %d", code);
    else
        error_set(err, EIO, "the controller's exit status is not known");
    return ENDING_FAILED;
}
