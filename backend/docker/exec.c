/* Commands inside a service: making them, running one to its end, killing one. */
#include "backend/docker/exec.h"

#include "backend/base/uuid.h"
#include "backend/docker/cgroup.h"
#include "backend/docker/frames.h"

#include <signal.h>
#include <string.h>

#define KILL_TIMEOUT \
    (700 * CLOCK_MILLISECOND) /* so that a cancelled call answers within a second */
/* ---- making ---- */

void exec_done(struct exec *exec)
{
    free(exec->id);
    free(exec->service_id);
    *exec = (struct exec){0};
}

/* Whether the service's processes are seen from here. */
static bool exec_is_local(const char *service_id)
{
    return cgroup_first_process(service_id) != 0;
}

static void exec_make_mark(struct exec *exec)
{
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    snprintf(exec->mark, sizeof exec->mark, "KFS_EXEC=%s", uuid);
}

static json_t *exec_body(const struct exec_spec *spec, bool input, const char *mark)
{
    json_t *environment = json_from_list(spec->env);
    if (*mark)
        json_array_append_new(environment, json_string(mark));
    json_t *body = json_pack("{s:b, s:b, s:b, s:b, s:o, s:o}", "AttachStdin", input, "AttachStdout",
                             1, "AttachStderr", 1, "Tty", spec->terminal, "Cmd",
                             json_from_list(spec->argv), "Env", environment);
    if (body && spec->user)
        json_object_set_new(body, "User", json_string(spec->user));
    return body;
}

int exec_create(struct docker *docker, const struct exec_spec *spec, bool input,
                const struct orchestrator_call *call, struct exec *ret_exec, struct error **err)
{
    *ret_exec = (struct exec){.terminal = spec->terminal};
    if (known_check(docker, OBJECT_SERVICE, spec->service_id, call, err) < 0)
        return -1;
    if (!exec_is_local(spec->service_id))
        exec_make_mark(ret_exec);
    cleanup(json_decref) json_t *body = exec_body(spec, input, ret_exec->mark), *answer = NULL;
    if (!body)
        return error_set(err, EINVAL, "the command is not valid UTF-8");
    const struct api_request request = {
        .method = "POST", .path = http_path("/containers/%s/exec", spec->service_id), .body = body};
    if (api_json(docker, &request, call, &answer, NULL, err) < 0)
        return -1;
    if (text_copy(&ret_exec->id, json_text(answer, "Id"), err) == 0 &&
        text_copy(&ret_exec->service_id, spec->service_id, err) == 0 && ret_exec->id)
        return 0;
    exec_done(ret_exec);
    return error_set(err, EIO, "the Docker engine made an exec without an id");
}

int exec_inspect(struct docker *docker, const struct exec *exec,
                 const struct orchestrator_call *call, bool *ret_running, int *ret_code,
                 struct error **err)
{
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request request = {.method = "GET",
                                        .path = http_path("/exec/%s/json", exec->id)};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    *ret_running = json_flag(json, "Running");
    *ret_code = (int)json_number(json, "ExitCode", -1);
    return 0;
}

/* ---- killing: the Engine API has no call for it ---- */

/* The process id on the engine's host: 0 if it has ended, -1 if that cannot be told. A command that
 * is just being started has none yet: waits for it. */
static pid_t exec_process(struct docker *docker, const struct exec *exec,
                          const struct orchestrator_call *call)
{
    for (;;) {
        cleanup(json_decref) json_t *json = NULL;
        const struct api_request request = {.method = "GET",
                                            .path = http_path("/exec/%s/json", exec->id)};
        if (api_json(docker, &request, call, &json, NULL, NULL) < 0)
            return -1;
        pid_t pid = (pid_t)json_number(json, "Pid", 0);
        if (json_is_integer(json_object_get(json, "ExitCode")) && !json_flag(json, "Running"))
            return 0;
        if (pid > 1)
            return pid;
        if (clock_monotonic() >= call->deadline)
            return -1;
        cancel_wait(NULL, clock_monotonic() + 10 * CLOCK_MILLISECOND);
    }
}

/* By the process id. runc makes each exec a session, so its process group is the command with its
 * children. */
static bool exec_kill_here(struct docker *docker, const struct exec *exec,
                           const struct orchestrator_call *call)
{
    pid_t pid = exec_process(docker, exec, call);
    if (pid <= 0 || !cgroup_has_process(exec->service_id, pid))
        return pid == 0;
    return kill(-pid, SIGKILL) == 0 || kill(pid, SIGKILL) == 0;
}

/* From inside, by the mark in its environment, which its children inherit. Works where the image
 * has a shell and grep. */
static void exec_kill_inside(struct docker *docker, const struct exec *exec,
                             const struct orchestrator_call *call)
{
    static const char script[] = "for f in $(grep -l \"$0\" /proc/[0-9]*/environ 2>/dev/null); do"
                                 " p=${f#/proc/}; kill -9 ${p%/environ}; done";
    char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, (char *)exec->mark,
                          NULL};
    const struct exec_spec spec = {.service_id = exec->service_id, .argv = argv, .user = "0"};
    cleanup(json_decref) json_t *body = exec_body(&spec, false, ""), *answer = NULL;
    const struct api_request create = {
        .method = "POST", .path = http_path("/containers/%s/exec", exec->service_id), .body = body};
    if (api_json(docker, &create, call, &answer, NULL, NULL) < 0 || !json_text(answer, "Id"))
        return;
    cleanup(json_decref) json_t *detached = json_pack("{s:b}", "Detach", 1);
    const struct api_request start = {.method = "POST",
                                      .path = http_path("/exec/%s/start", json_text(answer, "Id")),
                                      .body = detached};
    api_json(docker, &start, call, NULL, NULL, NULL);
}

void exec_kill(struct docker *docker, const struct exec *exec)
{
    const struct orchestrator_call call = {.deadline = clock_monotonic() + KILL_TIMEOUT};
    if (!exec_kill_here(docker, exec, &call) && *exec->mark)
        exec_kill_inside(docker, exec, &call);
}

/* ---- running one to its end ---- */

void exec_words_take(struct exec_words *words, const void *bytes, size_t length)
{
    size_t room = EXEC_WORDS_MAX - words->length;
    size_t kept = length < room ? length : room;
    memcpy(words->text + words->length, bytes, kept);
    words->length += kept;
}

/* A command that cannot be started has the code 126 and the reason as its output, in Docker before
 * 25 also where a shell says 127. */
int exec_words_code(const struct exec_words *words, int code)
{
    bool missing = strstr(words->text, "executable file not found") ||
                   strstr(words->text, "no such file or directory");
    return code == 126 && strstr(words->text, "OCI runtime exec failed") && missing ? 127 : code;
}

struct run {
    exec_sink sink;
    void *context;
    bool terminal;
    struct frames frames;
    struct exec_words words;
};

static int run_take(struct run *run, enum stream stream, const void *bytes, size_t length)
{
    exec_words_take(&run->words, bytes, length);
    return length == 0 ? 0 : run->sink(run->context, stream, bytes, length);
}

static int run_piece(void *context, const struct frame_piece *piece)
{
    return run_take(context, piece->stream, piece->bytes, piece->length);
}

static int run_bytes(void *context, const void *bytes, size_t length)
{
    struct run *run = context;
    if (run->terminal)
        return run_take(run, STREAM_STDOUT, bytes, length);
    return frames_take(&run->frames, bytes, length, run_piece, run);
}

static int run_start(struct docker *docker, const struct exec *exec, struct run *run,
                     const struct orchestrator_call *call, struct error **err)
{
    static const char *const json_type[] = {"Content-Type: application/json", NULL};
    const char *body =
        run->terminal ? "{\"Detach\":false,\"Tty\":true}" : "{\"Detach\":false,\"Tty\":false}";
    cleanup(free) char *path = http_path("/exec/%s/start", exec->id);
    const struct http_request request = {.method = "POST",
                                         .path = path,
                                         .headers = json_type,
                                         .body = body,
                                         .body_length = strlen(body),
                                         .sink = run_bytes,
                                         .sink_context = run,
                                         .timeout = API_TIMEOUT_STREAM};
    cleanup(http_answer_done) struct http_answer answer;
    if (api_call(docker, &request, call, &answer, err) < 0)
        return -1;
    if (!run->terminal && !frames_complete(&run->frames))
        return error_set(err, EIO, "the output of the command was cut off");
    return 0;
}

int docker_exec_run(struct orchestrator *self, const struct exec_spec *spec, exec_sink sink,
                    void *context, const struct orchestrator_call *call, int *ret_code,
                    struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(exec_done) struct exec exec = {0};
    struct run run = {.sink = sink, .context = context, .terminal = spec->terminal};
    if (exec_create(docker, spec, false, call, &exec, err) < 0)
        return -1;
    cleanup(error_free) struct error *reason = NULL;
    if (run_start(docker, &exec, &run, call, &reason) < 0) {
        exec_kill(docker, &exec);
        if (run.frames.broken)
            return error_set(err, EIO, "the output of the command is not in Docker's framing");
        return error_move(err, &reason);
    }
    bool running;
    int code;
    if (exec_inspect(docker, &exec, call, &running, &code, err) < 0)
        return -1;
    *ret_code = exec_words_code(&run.words, code);
    return 0;
}
