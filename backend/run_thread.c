/*
 * One run, executed by a thread of its own: a run mostly waits (for images, containers, ports), and
 * enclaves must not wait for each other, so runs do not share a pool. Runs of one enclave go one
 * after another.
 */
#include "backend/run_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>

enum {
    THREAD_STACK_BYTES = 1 << 20
};

/* ---- what a plan tells ---- */

static void effect_phase(void *argument, enum plan_phase phase, unsigned step, unsigned steps)
{
    static const enum run_status statuses[PLAN_PHASE_MAX] = {RUN_INTERPRETING, RUN_VALIDATING,
                                                             RUN_EXECUTING};
    struct run_context *context = argument;
    context->phase = statuses[phase];
    run_set_status(context->run, statuses[phase], step, steps);
}

static void effect_output(void *argument, const char *text, size_t length)
{
    struct run_context *context = argument;
    {
        with_lock(&context->output_lock);
        if (file_write_all(context->output_fd, text, length) < 0)
            log_warning("the output of a run is lost: %m");
    }
    with_model(context->engine);
    run_touch(context->run, ASPECT_BIT(ASPECT_OUTPUT));
}

static void write_file(struct run_context *context, const char *name, const char *text,
                       size_t length)
{
    cleanup(error_free) struct error *err = NULL;
    if (file_write(context->dir_fd, name, text, length, &err) < 0)
        log_warning("%s of a run is lost: %s", name, error_message(err));
    with_model(context->engine);
    run_touch(context->run, ASPECT_BIT(ASPECT_RESULT) | ASPECT_BIT(ASPECT_ERROR));
}

static void effect_plan_made(void *context, const char *json, size_t length)
{
    write_file(context, "plan.json", json, length);
}

static void effect_result(void *context, const char *json, size_t length)
{
    write_file(context, "result.json", json, length);
}

/* ---- what the enclave holds ---- */

/* Its services by name. Under model_lock. */
static json_t *services_describe(const struct enclave *enclave)
{
    json_t *services = json_object();
    size_t position = 0;
    for (const struct member *member; (member = map_next(&enclave->services, &position, NULL));) {
        const struct service_facts *facts = member->facts;
        if (facts->status == SERVICE_STATUS_NEW)
            continue;
        json_object_set_new(services, facts->name,
                            json_pack("{s:s, s:s, s:s, s:b, s:o}", "uuid", facts->uuid, "hostname",
                                      facts->name, "address", facts->address, "running",
                                      facts->status == SERVICE_STATUS_RUNNING, "config",
                                      json_loads(facts->config, 0, NULL)));
    }
    return services;
}

/* Runs begin when the orchestrator has been listed, so it need not be asked who it is. */
static json_t *effect_describe(void *argument, struct error **err)
{
    struct run_context *context = argument;
    struct engine *engine = context->engine;
    json_t *artifacts = artifacts_describe(context->enclave, err);
    if (!artifacts)
        return NULL;
    with_lock(&engine->model_lock);
    return json_pack("{s:o, s:o, s:s, s:i, s:I}", "services", services_describe(context->enclave),
                     "artifacts", artifacts, "cluster_type", engine->info.kind, "cpus",
                     (int)engine->info.cpus, "memory_bytes", (json_int_t)engine->info.memory_bytes);
}

static void applied_path(struct run_context *context, struct buf *path)
{
    with_lock(&context->engine->model_lock);
    enclave_path(context->enclave, path, "");
}

static json_t *effect_applied_load(void *argument, struct error **err)
{
    struct run_context *context = argument;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT), text = BUF_INIT(BUF_MAX_DOCUMENT);
    applied_path(context, &path);
    buf_puts(&path, "applied.json");
    if (faccessat(context->engine->state_fd, path.data, F_OK, 0) < 0)
        return json_null();
    if (file_read(context->engine->state_fd, path.data, &text, err) < 0)
        return NULL;
    json_t *applied = json_loadb(text.data, text.length, JSON_ALLOW_NUL, NULL);
    return applied ? applied : json_null();
}

static int effect_applied_save(void *argument, json_t *applied, struct error **err)
{
    struct run_context *context = argument;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    applied_path(context, &path);
    cleanup(close) int dir =
        openat(context->engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(free) char *text = json_dumps(applied, JSON_COMPACT);
    if (dir < 0 || !text)
        return error_system(err, "cannot record what was applied");
    return file_write(dir, "applied.json", text, strlen(text), err);
}

const struct plan_effects run_effects = {
    .phase = effect_phase,
    .output = effect_output,
    .plan_made = effect_plan_made,
    .result = effect_result,
    .describe = effect_describe,
    .applied_load = effect_applied_load,
    .applied_save = effect_applied_save,
    .image_ensure = effect_image_ensure,
    .service_prepare = effect_service_prepare,
    .service_start = effect_service_start,
    .service_restart = effect_service_restart,
    .service_stop = effect_service_stop,
    .service_remove = effect_service_remove,
    .service_running = effect_service_running,
    .service_find = effect_service_find,
    .service_logs = effect_service_logs,
    .exec = effect_exec,
    .artifact_store = effect_artifact_store,
    .artifact_store_from_service = effect_artifact_store_from_service,
};

/* ---- the thread ---- */

static int context_open(struct run_context *context, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&context->engine->model_lock);
        run_path(context->run, &path, "");
    }
    context->dir_fd =
        openat(context->engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (context->dir_fd < 0)
        return error_system(err, "cannot open the run's directory");
    context->output_fd = openat(context->dir_fd, "output", O_WRONLY | O_APPEND | O_CLOEXEC);
    return context->output_fd < 0 ? error_system(err, "cannot open the run's output") : 0;
}

/* The request's texts are read into script and arguments, which live as long as it. */
static int request_make(struct run_context *context, struct plan_request *request,
                        struct buf *script, struct buf *arguments, struct buf *package,
                        struct buf *root, char **storage, struct error **err)
{
    const struct run_order *order = &context->run->order;
    struct engine *engine = context->engine;
    if (file_read(context->dir_fd, "script", script, err) < 0 ||
        file_read(context->dir_fd, "args", arguments, err) < 0)
        return -1;
    if (order->line && plan_parse_run_line(order->line, request, storage, err) < 0)
        return -1;
    request->interpreter = engine->interpreter;
    request->cancel = context->run->cancel;
    request->package_mirror = engine->package_mirror;
    request->package_cache = engine->package_cache;
    request->arguments = arguments->data;
    if (request->parallelism == 0)
        request->parallelism = engine->parallelism;
    request->name = order->name;
    request->package = NULL;
    if (!order->package) {
        request->source = script->data;
        request->source_length = script->length;
        return 0;
    }
    {
        with_lock(&engine->model_lock);
        buf_printf(root, "%s/", engine->state_path);
        enclave_path(context->enclave, root, "plan");
    }
    if (strncmp(order->package, "./", 2) == 0)
        buf_printf(package, "%s/%s", root->data, order->package + 2);
    else
        buf_puts(package, order->package);
    request->package_root = root->data;
    request->package = package->data;
    return buf_check(package, err);
}

static void execute(struct run_context *context, struct error **err)
{
    cleanup(buf_done) struct buf script = BUF_INIT(BUF_MAX_DOCUMENT),
                                 arguments = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(buf_done) struct buf package = BUF_INIT(BUF_MAX_TEXT), root = BUF_INIT(BUF_MAX_TEXT);
    cleanup(free) char *storage = NULL;
    struct plan_request request = {0};
    if (context_open(context, err) < 0 ||
        request_make(context, &request, &script, &arguments, &package, &root, &storage, err) < 0 ||
        enclave_wait_network(context->enclave, context->run->cancel, err) < 0)
        return;
    plan_run(&request, &run_effects, context, err);
}

/* A failed run is a failed operation: its line is in engine/errors, its words are the enclave's. */
static void note_failure(struct run_context *context, const struct error *err)
{
    char path[NAME_MAX_ENCLAVE + 64];
    {
        with_lock(&context->engine->model_lock);
        snprintf(path, sizeof path, "enclaves/%s/runs/%llu", context->enclave->facts->name,
                 (unsigned long long)context->run->facts->number);
    }
    engine_note_failure(context->engine, context->enclave->object.id, "run", path, err);
}

/* What has gone wrong with a later run is not made good by this one. */
static bool is_newest(const struct run_context *context)
{
    const struct enclave *enclave = context->enclave;
    with_lock(&context->engine->model_lock);
    return enclave->runs[enclave->run_count - 1] == context->run;
}

/* Records how the run ended: the error's text in the run and in the enclave, then the status, which
 * is what others wait for. */
static void settle(struct run_context *context, struct error **err)
{
    bool cancelled = cancel_fired(context->run->cancel);
    {
        with_lock(&context->engine->model_lock);
        if (cancelled && context->engine->ending)
            return; /* the next start takes the run up, or says that it was interrupted */
    }
    if (cancelled) {
        error_free(steal(err));
        error_set(err, ECANCELED, "the run was cancelled");
    }
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    if (*err)
        buf_printf(&text, "%s\n", error_message(*err));
    write_file(context, "error", text.data, text.length);
    if (*err)
        note_failure(context, *err);
    else if (is_newest(context))
        enclave_set_error(context->enclave, "");
    run_finish(context->run, !*err ? RUN_SUCCEEDED : cancelled ? RUN_CANCELLED : RUN_FAILED);
}

static void *run_thread(void *argument)
{
    struct run_context *context = argument;
    struct engine *engine = context->engine;
    struct enclave *enclave = context->enclave;
    cleanup(error_free) struct error *err = NULL;
    execute(context, &err);
    prepared_discard(context);
    settle(context, &err);
    {
        with_model(engine);
        if (context->run->facts->finished)
            enclave_pending_done(enclave);
        enclave->active = NULL;
        enclave_update_status(enclave);
        runs_schedule(enclave);
    }
    if (context->dir_fd >= 0)
        close(context->dir_fd);
    if (context->output_fd >= 0)
        close(context->output_fd);
    pthread_mutex_destroy(&context->output_lock);
    free(context);
    enclave_unref(enclave);
    /* The last thing that touches the engine: whoever ends it waits for this count. */
    with_lock(&engine->model_lock);
    engine->threads--;
    pthread_cond_broadcast(&engine->model_changed);
    return NULL;
}

static void thread_start(struct run *run)
{
    struct enclave *enclave = run->enclave;
    struct run_context *context = calloc(1, sizeof *context);
    if (!context)
        abort();
    *context = (struct run_context){.engine = enclave->engine,
                                    .enclave = enclave_ref(enclave),
                                    .run = run,
                                    .dir_fd = -1,
                                    .output_fd = -1};
    pthread_mutex_init(&context->output_lock, NULL);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    enclave->active = run;
    enclave->engine->threads++;
    if (pthread_create(&thread, &attributes, run_thread, context) != 0)
        abort(); /* no thread for a run: the supervisor's restart takes it up */
    pthread_attr_destroy(&attributes);
}

void runs_schedule(struct enclave *enclave)
{
    struct engine *engine = enclave->engine;
    if (enclave->active || engine->ending || enclave->facts->status == ENCLAVE_DESTROYING)
        return;
    for (size_t i = 0; i < enclave->run_count; i++) {
        struct run *run = enclave->runs[i];
        bool may_begin = engine->facts->up && enclave->asked == 0;
        if (run->facts->finished == 0 && (may_begin || cancel_fired(run->cancel))) {
            thread_start(run);
            return;
        }
    }
}
