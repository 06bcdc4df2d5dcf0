/* The engine that tests run plans against. */
#include "tests/unit/plan/fake_effects.h"

#include "backend/base/clock.h"
#include "backend/base/uuid.h"
#include "backend/plan/schema.h"
#include "backend/plan/tree_hash.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

void fake_init(struct fake *fake)
{
    *fake = (struct fake){
        .services = json_object(),
        .artifacts = json_object(),
        .prepared = json_object(),
        .calls = BUF_INIT(BUF_MAX_TEXT),
        .output = BUF_INIT(BUF_MAX_DOCUMENT),
        .plan = BUF_INIT(BUF_MAX_DOCUMENT),
        .result = BUF_INIT(BUF_MAX_DOCUMENT),
    };
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->prepared_changed, NULL);
}

void fake_done(struct fake *fake)
{
    json_decref(fake->services);
    json_decref(fake->artifacts);
    json_decref(fake->prepared);
    json_decref(fake->applied);
    pthread_cond_destroy(&fake->prepared_changed);
    buf_done(&fake->calls);
    buf_done(&fake->output);
    buf_done(&fake->plan);
    buf_done(&fake->result);
    pthread_mutex_destroy(&fake->lock);
}

void fake_reset(struct fake *fake)
{
    buf_truncate(&fake->calls, 0);
    buf_truncate(&fake->output, 0);
    buf_truncate(&fake->plan, 0);
    buf_truncate(&fake->result, 0);
}

__attribute__((format(printf, 2, 3))) static void note(struct fake *fake, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&fake->calls, format, arguments);
    va_end(arguments);
    buf_putc(&fake->calls, '\n');
}

/* ---- telling ---- */

static void fake_phase(void *context, enum plan_phase phase, unsigned step, unsigned steps)
{
    (void)context, (void)phase, (void)step, (void)steps;
}

static void fake_output(void *context, const char *text, size_t length)
{
    struct fake *fake = context;
    with_lock(&fake->lock);
    buf_append(&fake->output, text, length);
}

static void fake_plan_made(void *context, const char *json, size_t length)
{
    struct fake *fake = context;
    buf_append(&fake->plan, json, length);
}

static void fake_result(void *context, const char *json, size_t length)
{
    struct fake *fake = context;
    buf_append(&fake->result, json, length);
}

static json_t *fake_describe(void *context, struct error **err)
{
    struct fake *fake = context;
    (void)err;
    with_lock(&fake->lock);
    return json_pack("{s:o, s:o, s:s, s:i, s:I}", "services", json_deep_copy(fake->services),
                     "artifacts", json_deep_copy(fake->artifacts), "cluster_type", "docker", "cpus",
                     4, "memory_bytes", (json_int_t)8000000000);
}

static json_t *fake_applied_load(void *context, struct error **err)
{
    struct fake *fake = context;
    (void)err;
    return fake->applied ? json_deep_copy(fake->applied) : json_null();
}

static int fake_applied_save(void *context, json_t *applied, struct error **err)
{
    struct fake *fake = context;
    (void)err;
    with_lock(&fake->lock);
    json_decref(fake->applied);
    fake->applied = json_deep_copy(applied);
    return 0;
}

/* ---- images ---- */

static int fake_image_ensure(void *context, json_t *image, const char *context_dir,
                             enum plan_image_download download,
                             void (*progress)(void *progress_context, const char *text),
                             void *progress_context, const struct plan_call *call,
                             enum plan_image_source *ret_source, struct error **err)
{
    struct fake *fake = context;
    const char *name = json_is_string(image)
                           ? json_string_value(image)
                           : plan_string(image, "image", plan_string(image, "image_name", ""));
    (void)context_dir, (void)download, (void)call;
    {
        with_lock(&fake->lock);
        note(fake, "image %s", name);
    }
    if (fake->bad_image && strcmp(name, fake->bad_image) == 0)
        return error_set(err, ENOENT, "there is no image %s", name);
    progress(progress_context, "Downloading 1/2 MB");
    *ret_source = PLAN_IMAGE_PULLED;
    return 0;
}

/* ---- services ---- */

static void fill_service(const char *name, const json_t *service, struct plan_service *ret_service)
{
    *ret_service = (struct plan_service){
        .name = strdup(name),
        .uuid = strdup(plan_string(service, "uuid", "")),
        .hostname = strdup(plan_string(service, "hostname", "")),
        .address = strdup(plan_string(service, "address", "")),
    };
}

static int fake_service_prepare(void *context, const char *name, json_t *config,
                                const struct plan_call *call, struct error **err)
{
    struct fake *fake = context;
    (void)call, (void)err;
    with_lock(&fake->lock);
    json_object_set_new(fake->prepared, name, json_deep_copy(config));
    pthread_cond_broadcast(&fake->prepared_changed);
    return 0;
}

static void enter_start(struct fake *fake)
{
    with_lock(&fake->lock);
    if (++fake->starting > fake->most_starting)
        fake->most_starting = fake->starting;
    while (fake->await_prepared && !json_object_get(fake->prepared, fake->await_prepared))
        pthread_cond_wait(&fake->prepared_changed, &fake->lock);
}

static void store_service(struct fake *fake, const char *name, json_t *config,
                          struct plan_service *ret_service)
{
    with_lock(&fake->lock);
    json_t *service = json_object_get(fake->services, name);
    bool existed = service != NULL;
    fake->starting--;
    if (!service) {
        char uuid[UUID_LENGTH + 1];
        uuid_new(uuid);
        service =
            json_pack("{s:s, s:s, s:s}", "uuid", uuid, "hostname", name, "address", "127.0.0.1");
        json_object_set_new(fake->services, name, service);
    }
    bool dead = fake->dead_service && strcmp(name, fake->dead_service) == 0;
    json_object_set_new(service, "config", json_deep_copy(config));
    json_object_set_new(service, "running", json_boolean(!dead));
    note(fake, "%s %s", existed ? "replace" : "start", name);
    fill_service(name, service, ret_service);
    ret_service->existed = existed;
}

static int fake_service_start(void *context, const char *name, json_t *config,
                              const struct plan_call *call, struct plan_service *ret_service,
                              struct error **err)
{
    struct fake *fake = context;
    enter_start(fake);
    if (fake->cancel_at_start)
        cancel_fire(fake->cancel_at_start);
    int64_t takes = fake->start_takes;
    if (fake->slow_service && strcmp(name, fake->slow_service) == 0)
        takes = 3600 * CLOCK_SECOND;
    if (takes > 0 && cancel_wait(call->cancel, clock_monotonic() + takes)) {
        with_lock(&fake->lock);
        fake->starting--;
        return error_set(err, ECANCELED, "cancelled");
    }
    if (fake->bad_service && strcmp(name, fake->bad_service) == 0) {
        with_lock(&fake->lock);
        fake->starting--;
        return error_set(err, EIO, "the container of %s cannot be started", name);
    }
    if (fake->opens_with && strcmp(name, fake->opens_with) == 0)
        listen(fake->socket, 1);
    store_service(fake, name, config, ret_service);
    return 0;
}

static int set_running(struct fake *fake, const char *name, bool running, const char *what,
                       struct error **err)
{
    with_lock(&fake->lock);
    json_t *service = json_object_get(fake->services, name);
    if (!service)
        return error_set(err, ENOENT, "there is no service %s", name);
    json_object_set_new(service, "running", json_boolean(running));
    note(fake, "%s %s", what, name);
    return 0;
}

static int fake_service_restart(void *context, const char *name, const struct plan_call *call,
                                struct error **err)
{
    (void)call;
    return set_running(context, name, true, "restart", err);
}

static int fake_service_stop(void *context, const char *name, const struct plan_call *call,
                             struct error **err)
{
    (void)call;
    return set_running(context, name, false, "stop", err);
}

static int fake_service_remove(void *context, const char *name, const struct plan_call *call,
                               struct plan_service *ret_service, struct error **err)
{
    struct fake *fake = context;
    (void)call;
    with_lock(&fake->lock);
    json_t *service = json_object_get(fake->services, name);
    if (!service)
        return error_set(err, ENOENT, "there is no service %s", name);
    fill_service(name, service, ret_service);
    json_object_del(fake->services, name);
    note(fake, "remove %s", name);
    return 0;
}

static int fake_service_running(void *context, const char *name, int *ret_exit_code,
                                struct error **err)
{
    struct fake *fake = context;
    (void)err;
    with_lock(&fake->lock);
    json_t *service = json_object_get(fake->services, name);
    *ret_exit_code = 7;
    return service ? plan_bool(service, "running", false) : -1;
}

static int fake_service_find(void *context, const char *identifier,
                             struct plan_service *ret_service, struct error **err)
{
    struct fake *fake = context;
    const char *name;
    json_t *service;
    with_lock(&fake->lock);
    json_object_foreach(fake->services, name, service)
    {
        const char *uuid = plan_string(service, "uuid", "");
        bool is_short = strlen(identifier) == UUID_SHORT_LENGTH &&
                        strncmp(uuid, identifier, UUID_SHORT_LENGTH) == 0;
        if (strcmp(name, identifier) == 0 || strcmp(uuid, identifier) == 0 || is_short) {
            fill_service(name, service, ret_service);
            return 0;
        }
    }
    return error_set(err, ENOENT, "there is no service %s", identifier);
}

static int fake_service_logs(void *context, const char *name, unsigned lines, struct buf *out,
                             struct error **err)
{
    (void)context, (void)lines, (void)err;
    buf_printf(out, "the last words of %s\n", name);
    return 0;
}

/* ---- commands, on this machine ---- */

static int read_output(int fd, const struct plan_call *call, struct buf *output)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                               {.fd = cancel_fd(call->cancel), .events = POLLIN}};
        int64_t left =
            call->deadline ? (call->deadline - clock_monotonic()) / CLOCK_MILLISECOND : -1;
        if (call->deadline && left <= 0)
            return ETIMEDOUT;
        poll(fds, 2, (int)left);
        if (cancel_fired(call->cancel))
            return ECANCELED;
        if (!fds[0].revents)
            continue;
        char piece[4096];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got <= 0)
            return 0;
        buf_append(output, piece, (size_t)got);
    }
}

static int run_command(char *const *argv, const struct plan_call *call, struct buf *output,
                       int *ret_code)
{
    int ends[2], status = 0;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        *ret_code = 127;
        return 0;
    }
    int outcome = read_output(ends[0], call, output);
    close(ends[0]);
    if (outcome)
        kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return outcome;
}

static int fake_exec(void *context, const char *name, char *const *argv,
                     const struct plan_call *call, struct buf *output, int *ret_code,
                     struct error **err)
{
    struct fake *fake = context;
    {
        with_lock(&fake->lock);
        if (!json_object_get(fake->services, name))
            return error_set(err, ENOENT, "there is no service %s", name);
        note(fake, "exec %s %s", name, argv[0]);
    }
    int failed = run_command(argv, call, output, ret_code);
    return failed ? error_set(err, failed, "the command was stopped") : 0;
}

/* ---- artifacts ---- */

static void read_files(int dir, const char *prefix, json_t *files)
{
    cleanup(close) int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fdopendir(steal_fd(&copy));
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        char path[4096];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
        cleanup(close) int fd = openat(dirfd(stream), entry->d_name, O_RDONLY | O_CLOEXEC);
        cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
        char piece[4096];
        if (fd < 0 || fstat(fd, &status) < 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            read_files(fd, path, files);
            continue;
        }
        for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;)
            buf_append(&text, piece, (size_t)got);
        json_object_set_new(files, path, plan_text_n(text.data, text.length));
    }
    if (stream)
        closedir(stream);
}

static void store_artifact(struct fake *fake, const char *name, const char *hash, json_t *files,
                           struct plan_artifact *ret_artifact)
{
    with_lock(&fake->lock);
    json_t *before = json_object_get(fake->artifacts, name);
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    *ret_artifact = (struct plan_artifact){
        .uuid = strdup(plan_string(before, "uuid", uuid)),
        .hash = strdup(hash),
        .existed = before != NULL,
        .changed = before && strcmp(plan_string(before, "hash", ""), hash) != 0,
    };
    note(fake, "store %s", name);
    json_object_set_new(
        fake->artifacts, name,
        json_pack("{s:s, s:s, s:o}", "uuid", ret_artifact->uuid, "hash", hash, "files", files));
}

static int fake_artifact_store(void *context, const char *name, int dir_fd,
                               const struct plan_call *call, struct plan_artifact *ret_artifact,
                               struct error **err)
{
    struct tree_digest digest = tree_digest_begin();
    (void)call;
    if (tree_digest_add(&digest, dir_fd, err) < 0)
        return -1;
    cleanup(free) char *hash = tree_digest_end(&digest, err);
    json_t *files = json_object();
    read_files(dir_fd, "", files);
    store_artifact(context, name, hash, files, ret_artifact);
    return 0;
}

static int fake_artifact_store_from_service(void *context, const char *name, const char *service,
                                            const char *path, const struct plan_call *call,
                                            struct plan_artifact *ret_artifact, struct error **err)
{
    (void)call;
    if (strstr(path, "missing"))
        return error_set(err, ENOENT, "there is no %s in %s", path, service);
    store_artifact(context, name, path, json_pack("{s:s}", "from", path), ret_artifact);
    return 0;
}

const struct plan_effects fake_effects = {
    .phase = fake_phase,
    .output = fake_output,
    .plan_made = fake_plan_made,
    .result = fake_result,
    .describe = fake_describe,
    .applied_load = fake_applied_load,
    .applied_save = fake_applied_save,
    .image_ensure = fake_image_ensure,
    .service_prepare = fake_service_prepare,
    .service_start = fake_service_start,
    .service_restart = fake_service_restart,
    .service_stop = fake_service_stop,
    .service_remove = fake_service_remove,
    .service_running = fake_service_running,
    .service_find = fake_service_find,
    .service_logs = fake_service_logs,
    .exec = fake_exec,
    .artifact_store = fake_artifact_store,
    .artifact_store_from_service = fake_artifact_store_from_service,
};

/* ---- runs ---- */

struct plan_request fake_request(const char *script, const char *arguments)
{
    return (struct plan_request){
        .interpreter = KFS_INTERPRETER,
        .name = "app.star",
        .source = script,
        .source_length = strlen(script),
        .arguments = arguments,
        .parallelism = 4,
    };
}

int fake_run(struct fake *fake, const char *script, const char *arguments, struct error **err)
{
    struct plan_request request = fake_request(script, arguments);
    return plan_run(&request, &fake_effects, fake, err);
}
