/*
 * The timer: the one thread of the engine that waits for a time. It tries operations again that
 * failed, and looks at logs that are followed; with nothing of either it sleeps for good.
 */
#include "backend/engine_int.h"

static void *timer_run(void *argument)
{
    struct engine *engine = argument;
    pthread_mutex_lock(&engine->model_lock);
    for (;;) {
        int64_t next = retry_work(engine), tick = follow_work(engine);
        next = tick < next ? tick : next;
        if (engine->ending && !engine->retries)
            break;
        if (engine->ending)
            continue; /* it may have begun to end while they worked */
        clock_condition_wait(&engine->timer_changed, &engine->model_lock, next);
    }
    pthread_mutex_unlock(&engine->model_lock);
    return NULL;
}

int timer_start(struct engine *engine, struct error **err)
{
    errno = pthread_create(&engine->timer, NULL, timer_run, engine);
    return errno ? error_system(err, "cannot start a thread") : 0;
}

void timer_stop(struct engine *engine)
{
    pthread_mutex_lock(&engine->model_lock);
    engine->ending = true;
    pthread_cond_signal(&engine->timer_changed);
    pthread_mutex_unlock(&engine->model_lock);
    pthread_join(engine->timer, NULL);
}
