/* Services that end as soon as they are started. */
#include "backend/plan/settle.h"

#include "backend/base/clock.h"

#include <string.h>

/* After which a service counts as started: a third of what its start took, within these bounds.
 * What cannot be executed is told of 10 to 50 ms after starts that take 200 ms on an idle machine
 * (measured), and later where starts take longer. A container that runs for so long is up as far as
 * anybody can say. */
static const int64_t settle_least = 100 * CLOCK_MILLISECOND;
static const int64_t settle_most = CLOCK_SECOND;

/* A service that was started and may still turn out to have failed. */
struct fresh {
    const struct plan_instruction *instruction;
    const char *name; /* the plan's */
    int64_t settled_at;
    struct fresh *next;
};

struct settling {
    pthread_mutex_t list_lock;
    struct fresh *list; /* guarded; oldest last */
};

struct settling *settling_new(void)
{
    struct settling *settling = calloc(1, sizeof *settling);
    if (settling)
        pthread_mutex_init(&settling->list_lock, NULL);
    return settling;
}

static void list_free(struct fresh *list)
{
    while (list) {
        struct fresh *next = list->next;
        free(list);
        list = next;
    }
}

void settling_free(struct settling *settling)
{
    if (!settling)
        return;
    list_free(settling->list);
    pthread_mutex_destroy(&settling->list_lock);
    free(settling);
}

static bool is_waited_for(const json_t *config)
{
    const char *id;
    json_t *port;
    if (json_object_get(config, "ready_conditions"))
        return true;
    json_object_foreach(json_object_get(config, "ports"), id, port)
    {
        if (!json_is_null(json_object_get(port, "wait")))
            return true;
    }
    return false;
}

static int64_t settled_at(const struct service_start *start)
{
    int64_t time = start->start_took / 3;
    time = time < settle_least ? settle_least : time > settle_most ? settle_most : time;
    return start->started_at + time;
}

/* ---- one ---- */

/* Whether it has ended with a failure; with a port that is waited for, the wait has told. */
static int check_ended(const struct step *step, const char *name, struct error **err)
{
    const struct execution *execution = step->execution;
    int code = 0;
    if (execution->effects->service_running(execution->context, name, &code, NULL) != 0 ||
        code == 0)
        return 0;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "service '%s' ended with exit code %d as soon as it was started", name, code);
    service_put_logs(step, name, &text);
    return error_set(err, EIO, "%s", text.data);
}

int service_settle(const struct step *step, const struct service_start *start, struct error **err)
{
    if (is_waited_for(start->config))
        return 0;
    if (cancel_wait(step->execution->stop, settled_at(start)))
        return error_set(err, ECANCELED, "cancelled");
    return check_ended(step, start->name, err);
}

/* ---- those of a plan ---- */

void settling_add(const struct step *step, const struct service_start *start)
{
    struct settling *settling = step->execution->settling;
    struct fresh *fresh = is_waited_for(start->config) ? NULL : malloc(sizeof *fresh);
    if (!fresh)
        return;
    *fresh = (struct fresh){
        .instruction = step->instruction,
        .name = start->name,
        .settled_at = settled_at(start),
    };
    with_lock(&settling->list_lock);
    fresh->next = settling->list;
    settling->list = fresh;
}

void settling_forget(const struct step *step, const char *service)
{
    struct settling *settling = step->execution->settling;
    with_lock(&settling->list_lock);
    for (struct fresh **at = &settling->list; *at;) {
        struct fresh *fresh = *at;
        if (strcmp(fresh->name, service) == 0) {
            *at = fresh->next;
            free(fresh);
        } else {
            at = &fresh->next;
        }
    }
}

static struct fresh *take_all(struct settling *settling)
{
    with_lock(&settling->list_lock);
    struct fresh *list = settling->list;
    settling->list = NULL;
    return list;
}

static void give_back(struct settling *settling, struct fresh *fresh)
{
    with_lock(&settling->list_lock);
    fresh->next = settling->list;
    settling->list = fresh;
}

/* One whose time is not over is looked at again later. */
static int check_one(struct execution *execution, struct fresh *fresh, bool *ret_young,
                     struct error **err)
{
    const struct step step = {.execution = execution, .instruction = fresh->instruction};
    cleanup(error_free) struct error *reason = NULL;
    *ret_young = clock_monotonic() < fresh->settled_at;
    return check_ended(&step, fresh->name, &reason) < 0 ? step_explain(&step, err, &reason) : 0;
}

int settling_check(struct execution *execution, bool wait, struct error **err)
{
    struct fresh *list = take_all(execution->settling), *next;
    int result = 0;
    for (struct fresh *fresh = list; fresh; fresh = next) {
        bool young = false;
        next = fresh->next;
        if (wait && result == 0 && cancel_wait(execution->stop, fresh->settled_at))
            result = error_set(err, ECANCELED, "the run was cancelled");
        if (result == 0)
            result = check_one(execution, fresh, &young, err);
        if (young && result == 0)
            give_back(execution->settling, fresh);
        else
            free(fresh);
    }
    return result;
}
