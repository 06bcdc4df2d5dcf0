/* The engine as a whole: starting and ending it, and the facts about itself. */
#include "backend/engine_int.h"

#include <fcntl.h>
#include <string.h>

enum {
    /* How much of each kind of work goes on at a time. An orchestrator on a small machine is
     * saturated by about four (measured with Docker); the rest leaves room for what waits for
     * something else. */
    RELIST_RUNNING = 1,
    CREATE_RUNNING = 4,
    DESTROY_RUNNING = 4,
    SERVICE_RUNNING_MAX = 8,
    LOGS_RUNNING = 4,
    WORKERS = RELIST_RUNNING + CREATE_RUNNING + DESTROY_RUNNING + SERVICE_RUNNING_MAX + LOGS_RUNNING
};

static int engine_open(struct engine *engine, const struct engine_options *options,
                       struct error **err)
{
    fact_set(&engine->interpreter, options->interpreter);
    fact_set(&engine->package_mirror, options->package_mirror);
    engine->privilege = options->privilege;
    engine->log_bytes_max =
        options->log_bytes_max ? options->log_bytes_max : ENGINE_LOG_BYTES_DEFAULT;
    engine->parallelism = options->parallelism;
    engine->no_local_root = options->no_local_root;
    engine->facts = engine_facts_new();
    engine->jobs = jobs_new(WORKERS);
    if (!engine->jobs)
        return error_set(err, ENOMEM, "out of memory");
    engine->relist_lane = jobs_lane(engine->jobs, "relist", RELIST_RUNNING);
    engine->create_lane = jobs_lane(engine->jobs, "create", CREATE_RUNNING);
    engine->destroy_lane = jobs_lane(engine->jobs, "destroy", DESTROY_RUNNING);
    engine->service_lane = jobs_lane(engine->jobs, "service", SERVICE_RUNNING_MAX);
    engine->logs_lane = jobs_lane(engine->jobs, "logs", LOGS_RUNNING);
    engine->facts->started = engine->facts->since = clock_now();
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        engine->facts->changed[aspect] = engine->facts->started;
    fact_set(&engine->facts->orchestrator, "");
    fact_set(&engine->facts->reason, "it has not answered yet");
    if (state_open(engine, options, err) < 0 || failures_open(engine, err) < 0 ||
        timer_start(engine, err) < 0)
        return -1;
    return 0;
}

struct engine *engine_new(const struct engine_options *options, struct orchestrator *orchestrator,
                          struct error **err)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        abort();
    engine->state_fd = engine->enclaves_fd = engine->destroying_fd = engine->lock_fd = -1;
    engine->unheard = true;
    engine->pending = 1;
    engine->last_change = &engine->changes;
    engine->last_event = &engine->events;
    engine->failures = BUF_INIT(0);
    engine->port_cursor = (unsigned)(clock_now() / CLOCK_MILLISECOND);
    pthread_mutex_init(&engine->model_lock, NULL);
    pthread_mutex_init(&engine->failures_lock, NULL);
    pthread_rwlock_init(&engine->sink_lock, NULL);
    pthread_mutex_init(&engine->asked_lock, NULL);
    pthread_mutex_init(&engine->events_lock, NULL);
    clock_condition_init(&engine->model_changed);
    clock_condition_init(&engine->timer_changed);
    pthread_cond_init(&engine->follower_called, NULL);
    engine->end = cancel_new(err);
    engine->orchestrator = timed_new(orchestrator, engine->end);
    if (!engine->end || engine_open(engine, options, err) < 0 || state_load(engine, err) < 0 ||
        engine->orchestrator->watch(engine->orchestrator, engine_on_event, engine, err) < 0) {
        engine_free(engine);
        return NULL;
    }
    return engine;
}

/* Stops runs and waits until their threads have ended. */
static void stop_runs(struct engine *engine)
{
    with_lock(&engine->model_lock);
    engine->ending = true;
    for (size_t i = 0; i < engine->enclave_count; i++)
        if (engine->enclaves[i]->active)
            cancel_fire(engine->enclaves[i]->active->cancel);
    pthread_cond_broadcast(&engine->model_changed);
    while (engine->threads > 0)
        pthread_cond_wait(&engine->model_changed, &engine->model_lock);
}

static void free_model(struct engine *engine)
{
    for (size_t i = 0; i < engine->enclave_count; i++) {
        struct enclave *enclave = engine->enclaves[i];
        size_t position = 0;
        for (struct member *member; (member = map_next(&enclave->services, &position, NULL));
             position = 0)
            member_drop(member);
        while (enclave->run_count > 0)
            run_drop(enclave->runs[--enclave->run_count]);
    }
    engine->sink = NULL;
    model_lock(engine);
    model_unlock(engine);
    for (size_t i = 0; i < engine->enclave_count; i++)
        enclave_unref(engine->enclaves[i]);
    free(engine->enclaves);
    idmap_done(&engine->objects);
    map_done(&engine->enclave_names);
    map_done(&engine->enclave_uuids);
    map_done(&engine->handles);
    map_done(&engine->host_ports);
    engine_facts_unref(engine->facts);
    orchestrator_info_done(&engine->info);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    cancel_fire(engine->end);
    if (engine->timer) {
        stop_runs(engine);
        timer_stop(engine);
    }
    jobs_free(engine->jobs);
    engine->orchestrator->free(engine->orchestrator);
    if (engine->facts)
        free_model(engine);
    buf_done(&engine->failures);
    cancel_unref(engine->end);
    int fds[] = {engine->enclaves_fd, engine->destroying_fd, engine->lock_fd, engine->state_fd};
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(engine->interpreter);
    free(engine->package_mirror);
    free(engine->package_cache);
    free(engine->state_path);
    pthread_mutex_destroy(&engine->model_lock);
    pthread_mutex_destroy(&engine->failures_lock);
    pthread_rwlock_destroy(&engine->sink_lock);
    pthread_mutex_destroy(&engine->asked_lock);
    pthread_mutex_destroy(&engine->events_lock);
    pthread_cond_destroy(&engine->model_changed);
    pthread_cond_destroy(&engine->timer_changed);
    pthread_cond_destroy(&engine->follower_called);
    free(engine);
}

void engine_set_change_sink(struct engine *engine, engine_change_sink sink, void *context)
{
    pthread_rwlock_wrlock(&engine->sink_lock);
    engine->sink = sink;
    engine->sink_context = context;
    pthread_rwlock_unlock(&engine->sink_lock);
}

struct engine_facts *engine_get(struct engine *engine)
{
    with_lock(&engine->model_lock);
    __atomic_add_fetch(&engine->facts->references, 1, __ATOMIC_RELAXED);
    return engine->facts;
}

const char *engine_instance(const struct engine *engine)
{
    return engine->instance;
}

int engine_open_log(struct engine *engine, struct error **err)
{
    int fd = openat(engine->state_fd, "log", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot open the daemon's log") : fd;
}
