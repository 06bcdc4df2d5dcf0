/*
 * Following logs. A follower is a place in the kept log of a service, so it costs no queue and no
 * thread: the timer looks at every service that is followed and tells its followers when the kept
 * log has grown.
 *
 * When the kept log is shortened under a reader that is too slow, it is told how many lines it
 * missed.
 */
#include "backend/engine_int.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
    TICK_MS = 100
};

struct log_follower {
    struct log_follower *next;
    struct member *member; /* counted */
    void (*grown)(void *context);
    void *context;
    uint64_t place, lines; /* how much of all that was ever logged it has read: bytes, lines */
    bool calling;          /* grown runs now; under model_lock, as is next */
};

/* Brings the log of one followed service up to date and tells its followers if there is more. */
static void look(struct engine *engine, struct member *member)
{
    struct log_extent before, after;
    bool gone;
    service_logs_total(member, &before);
    service_logs_catch_up(member, NULL);
    service_logs_total(member, &after);
    pthread_mutex_lock(&engine->model_lock);
    gone = member->gone;
    for (struct log_follower *follower = engine->followers; follower; follower = follower->next) {
        if (follower->member != member || (after.lines == before.lines && !gone))
            continue;
        follower->calling = true;
        pthread_mutex_unlock(&engine->model_lock);
        follower->grown(follower->context);
        pthread_mutex_lock(&engine->model_lock);
        follower->calling = false;
        pthread_cond_broadcast(&engine->follower_called);
    }
    pthread_mutex_unlock(&engine->model_lock);
}

/* The services that are followed, each once, counted. Under model_lock. */
static size_t followed(struct engine *engine, struct member ***ret_list)
{
    size_t count = 0, capacity = 0;
    struct member **list = NULL;
    for (struct log_follower *follower = engine->followers; follower; follower = follower->next) {
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = list[i] == follower->member;
        if (known)
            continue;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            list = realloc(list, capacity * sizeof *list);
            if (!list)
                abort();
        }
        list[count++] = member_ref(follower->member);
    }
    *ret_list = list;
    return count;
}

int64_t follow_work(struct engine *engine)
{
    if (!engine->followers || engine->ending)
        return INT64_MAX;
    if (clock_monotonic() < engine->tick)
        return engine->tick;
    struct member **list;
    size_t count = followed(engine, &list);
    pthread_mutex_unlock(&engine->model_lock);
    for (size_t i = 0; i < count; i++) {
        look(engine, list[i]);
        member_unref(list[i]);
    }
    free(list);
    pthread_mutex_lock(&engine->model_lock);
    engine->tick = clock_monotonic() + TICK_MS * CLOCK_MILLISECOND;
    return engine->tick;
}

/* ---- followers ---- */

struct log_follower *service_follow(struct engine *engine, object_id id,
                                    void (*grown)(void *context), void *context, struct error **err)
{
    struct member *member = member_hold(engine, id, err);
    cleanup(error_free) struct error *failure = NULL;
    if (!member)
        return NULL;
    if (service_logs_catch_up(member, &failure) < 0 && error_code(failure) == ENOSYS) {
        member_unref(member);
        error_move(err, &failure);
        return NULL;
    }
    struct log_follower *follower = calloc(1, sizeof *follower);
    if (!follower)
        abort();
    *follower = (struct log_follower){.member = member, .grown = grown, .context = context};
    struct log_extent now;
    service_logs_total(member, &now);
    follower->place = now.dropped + now.length;
    follower->lines = now.lines;
    with_lock(&engine->model_lock);
    follower->next = engine->followers;
    engine->followers = follower;
    pthread_cond_signal(&engine->timer_changed);
    return follower;
}

ssize_t log_follower_read(struct log_follower *follower, void *bytes, size_t size,
                          uint64_t *ret_lost)
{
    struct engine *engine = follower->member->enclave->engine;
    bool gone;
    {
        with_lock(&engine->model_lock);
        gone = follower->member->gone;
    }
    ssize_t got = service_logs_read(follower->member, &follower->place, &follower->lines, bytes,
                                    size, ret_lost);
    return got > 0 ? got : gone ? -1 : 0;
}

void log_follower_free(struct log_follower *follower)
{
    if (!follower)
        return;
    struct engine *engine = follower->member->enclave->engine;
    {
        with_lock(&engine->model_lock);
        while (follower->calling)
            pthread_cond_wait(&engine->follower_called, &engine->model_lock);
        struct log_follower **link = &engine->followers;
        while (*link != follower)
            link = &(*link)->next;
        *link = follower->next;
    }
    member_unref(follower->member);
    free(follower);
}
