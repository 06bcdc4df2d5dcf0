/*
 * Waiting for what is pending. A waiter is a callback in a list; it is fired by whoever ends the
 * last pending operation of its scope, so a thousand waiters cost no thread.
 */
#include "backend/engine_int.h"

#include <stdatomic.h>

/* Whether the waiter's scope is quiet; if so *ret_failure tells how it ended. Under model_lock. */
static bool scope_quiet(const struct engine_waiter *waiter, struct error **ret_failure)
{
    struct engine *engine = waiter->engine;
    if (waiter->kind == OBJECT_ENGINE)
        return engine->pending == 0;
    struct object *object = object_get(engine, waiter->id, waiter->kind);
    if (!object) {
        error_set(ret_failure, ENOENT, "it was removed while it was waited for");
        return true;
    }
    const struct run *run;
    if (waiter->kind == OBJECT_RUN) {
        run = (struct run *)object;
        if (run->facts->finished == 0)
            return false;
    } else {
        const struct enclave *enclave = (struct enclave *)object;
        if (enclave->pending > 0)
            return false;
        if (enclave->facts->status == ENCLAVE_FAILED)
            error_set(ret_failure, EIO, "the enclave could not be created: %s",
                      error_message(enclave->create_error));
        run = enclave->run_count ? enclave->runs[enclave->run_count - 1] : NULL;
    }
    if (run && run->facts->status != RUN_SUCCEEDED)
        error_set(ret_failure, EIO, "run %llu is %s", (unsigned long long)run->facts->number,
                  run_status_name(run->facts->status));
    return true;
}

/* Takes a waiter that can be fired out of the list and marks it as being called. Under model_lock.
 */
static struct engine_waiter *take_quiet(struct engine *engine, struct error **ret_failure)
{
    for (struct engine_waiter *waiter = engine->waiters; waiter; waiter = waiter->next) {
        if (!waiter->fired && scope_quiet(waiter, ret_failure)) {
            waiter->fired = waiter->calling = true;
            waiter->caller = pthread_self();
            return waiter;
        }
    }
    return NULL;
}

static void unlink_and_free(struct engine_waiter *waiter)
{
    *waiter->previous = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    free(waiter);
}

void waiters_check(struct engine *engine)
{
    /* Not model_unlock here: it would call this function again. What is done under the lock
     * publishes nothing. */
    pthread_mutex_lock(&engine->model_lock);
    for (;;) {
        cleanup(error_free) struct error *failure = NULL;
        struct engine_waiter *waiter = take_quiet(engine, &failure);
        if (!waiter)
            break;
        pthread_mutex_unlock(&engine->model_lock);
        waiter->done(waiter->context, failure);
        pthread_mutex_lock(&engine->model_lock);
        waiter->calling = false;
        if (waiter->released)
            unlink_and_free(waiter);
        else
            pthread_cond_broadcast(&engine->model_changed);
    }
    pthread_mutex_unlock(&engine->model_lock);
}

struct engine_waiter *engine_wait(struct engine *engine, enum object_kind kind, object_id id,
                                  void (*done)(void *context, const struct error *err),
                                  void *context)
{
    struct engine_waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        abort();
    *waiter = (struct engine_waiter){
        .engine = engine, .kind = kind, .id = id, .done = done, .context = context};
    with_model(engine);
    waiter->next = engine->waiters;
    waiter->previous = &engine->waiters;
    if (waiter->next)
        waiter->next->previous = &waiter->next;
    engine->waiters = waiter;
    return waiter;
}

void engine_wait_release(struct engine_waiter *waiter)
{
    if (!waiter)
        return;
    struct engine *engine = waiter->engine;
    with_lock(&engine->model_lock);
    if (waiter->calling && pthread_equal(waiter->caller, pthread_self())) {
        waiter->released = true; /* from inside done: freed when it returns */
        return;
    }
    while (waiter->calling)
        pthread_cond_wait(&engine->model_changed, &engine->model_lock);
    unlink_and_free(waiter);
}
