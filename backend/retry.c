/*
 * Trying again later: operations on enclaves that failed for a reason that may pass (the
 * orchestrator is away, something is still in use). The timer's thread (timer.c) does it.
 */
#include "backend/engine_int.h"

enum {
    RETRY_SECONDS = 1
};

struct retry {
    struct retry *next;
    struct enclave *enclave; /* counted, and pending */
    struct job_lane *lane;
    operation_function function;
    int64_t due; /* monotonic */
};

void enclave_retry(struct enclave *enclave, struct job_lane *lane, operation_function function)
{
    struct engine *engine = enclave->engine;
    struct retry *retry = malloc(sizeof *retry);
    if (!retry)
        abort();
    with_lock(&engine->model_lock);
    if (engine->ending) { /* the next start takes it up */
        free(retry);
        return;
    }
    *retry = (struct retry){.enclave = enclave_ref(enclave),
                            .lane = lane,
                            .function = function,
                            .due = clock_monotonic() + RETRY_SECONDS * CLOCK_SECOND};
    enclave_pending_add(enclave);
    struct retry **last =
        &engine->retries; /* all pauses are equal, so the newest is the last due */
    while (*last)
        last = &(*last)->next;
    retry->next = NULL;
    *last = retry;
    pthread_cond_signal(&engine->timer_changed);
}

static void retry_take(struct engine *engine)
{
    struct retry *retry = engine->retries;
    engine->retries = retry->next;
    struct enclave *enclave = retry->enclave;
    if (!engine->ending)
        enclave_submit(enclave, retry->lane, retry->function, NULL);
    enclave_pending_done(enclave);
    free(retry);
    pthread_mutex_unlock(&engine->model_lock);
    enclave_unref(enclave);
    pthread_mutex_lock(&engine->model_lock);
}

int64_t retry_work(struct engine *engine)
{
    while (engine->retries && (engine->ending || engine->retries->due <= clock_monotonic()))
        retry_take(engine);
    return engine->retries ? engine->retries->due : INT64_MAX;
}
