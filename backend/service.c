/*
 * Services in the model, and what a person asks of one through the tree: removing, stopping,
 * starting. What was asked is recorded in the enclave's directory (asked/SERVICE-UUID) before the
 * answer and erased when done, so that a restart takes it up.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>

enum {
    STOP_GRACE_SECONDS = 10
};

static const char *const status_names[SERVICE_STATUS_MAX] = {
    [SERVICE_STATUS_STARTING] = "STARTING", [SERVICE_STATUS_RUNNING] = "RUNNING",
    [SERVICE_STATUS_STOPPING] = "STOPPING", [SERVICE_STATUS_STOPPED] = "STOPPED",
    [SERVICE_STATUS_FAILED] = "FAILED",     [SERVICE_STATUS_REMOVING] = "REMOVING",
    [SERVICE_STATUS_NEW] = "NEW",           [SERVICE_STATUS_UNKNOWN] = "UNKNOWN",
};

const char *service_status_name(enum service_status status)
{
    return status_names[status];
}

/* ---- references ---- */

struct member *member_ref(struct member *member)
{
    enclave_ref(member->enclave);
    member->references++;
    return member;
}

/* Under model_lock, or for the last user. */
static void member_release(struct member *member)
{
    if (--member->references > 0)
        return;
    service_facts_unref(member->facts);
    free(member->handle);
    json_decref(member->prepared);
    mirror_free(member->mirror);
    free(member);
}

void member_unref(struct member *member)
{
    struct enclave *enclave = member->enclave;
    pthread_mutex_lock(&enclave->engine->model_lock);
    member_release(member);
    pthread_mutex_unlock(&enclave->engine->model_lock);
    enclave_unref(enclave);
}

struct member *member_hold(struct engine *engine, object_id id, struct error **err)
{
    with_lock(&engine->model_lock);
    struct member *member = (struct member *)object_get(engine, id, OBJECT_SERVICE);
    if (member)
        return member_ref(member);
    error_set(err, ENOENT, "there is no such service any more");
    return NULL;
}

/* ---- the model ---- */

struct member *member_add(struct enclave *enclave, struct service_facts *facts)
{
    struct member *member = calloc(1, sizeof *member);
    if (!member)
        abort();
    member->enclave = enclave;
    member->references = 1;
    member->last_request = &member->requests;
    member->facts = facts;
    memcpy(member->uuid, facts->uuid, sizeof member->uuid);
    memcpy(member->name, facts->name, sizeof member->name);
    facts->id = object_add(enclave->engine, &member->object, OBJECT_SERVICE);
    facts->enclave = enclave->object.id;
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        facts->changed[aspect] = facts->created;
    map_set(&enclave->services, facts->name, member);
    host_ports_take(enclave->engine, facts);
    change_add(enclave->engine, CHANGE_ADDED, &member->object, enclave->object.id, facts->name,
               NULL);
    enclave_touch(enclave, ASPECT_BIT(ASPECT_SERVICES));
    enclave_update_status(enclave);
    return member;
}

void member_set_handle(struct member *member, const char *container)
{
    struct map *handles = &member->enclave->engine->handles;
    if (member->handle && map_get(handles, member->handle) == member)
        map_remove(handles, member->handle);
    fact_set(&member->handle, container);
    member->told = member->enclave->engine->listings;
    /* One that was removed meanwhile may not be found by an event any more: it lives only as long
     * as whoever works on it. */
    if (container && !member->gone)
        map_set(handles, container, member);
}

void member_drop(struct member *member)
{
    struct enclave *enclave = member->enclave;
    if (member->handle)
        map_remove(&enclave->engine->handles, member->handle);
    map_remove(&enclave->services, member->facts->name);
    idmap_remove(&enclave->engine->objects, member->object.id);
    host_ports_release(enclave->engine, member->facts);
    member->gone = true;
    change_add(enclave->engine, CHANGE_REMOVED, &member->object, enclave->object.id,
               member->facts->name, NULL);
    enclave_touch(enclave, ASPECT_BIT(ASPECT_SERVICES));
    enclave_update_status(enclave);
    member_release(member);
}

void member_set_status(struct member *member, enum service_status status, int exit_code,
                       const char *reason)
{
    const struct service_facts *now = member->facts;
    if (now->status == status && now->exit_code == exit_code && strcmp(now->reason, reason) == 0)
        return;
    struct service_facts *facts = service_facts_clone(now);
    facts->status = status;
    facts->exit_code = exit_code;
    facts->died = status == SERVICE_STATUS_STOPPED && exit_code > 0 && !member->busy &&
                  (now->died || now->status == SERVICE_STATUS_RUNNING);
    fact_set(&facts->reason, reason);
    service_publish(member, facts, ASPECT_BIT(ASPECT_STATUS));
    enclave_update_status(member->enclave);
}

int member_start(struct member *member, const char *container, const struct orchestrator_call *call,
                 struct error **err)
{
    struct engine *engine = member->enclave->engine;
    {
        with_lock(&engine->model_lock);
        member->start_unheard = true;
    }
    int result = engine->orchestrator->service_start(engine->orchestrator, container, call, err);
    if (result == 0)
        return 0;
    with_lock(&engine->model_lock);
    member->start_unheard = false;
    return result < 0 ? -1 : 0;
}

void member_settle_started(struct member *member)
{
    if (member->facts->status == SERVICE_STATUS_STARTING)
        member_set_status(member, SERVICE_STATUS_RUNNING, -1, "");
}

/* ---- reading ---- */

struct service_facts *service_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct member *member = (struct member *)object_get(engine, id, OBJECT_SERVICE);
    if (!member)
        return NULL;
    __atomic_add_fetch(&member->facts->references, 1, __ATOMIC_RELAXED);
    return member->facts;
}

object_id service_find(struct engine *engine, object_id enclave_id, const char *name)
{
    with_lock(&engine->model_lock);
    struct enclave *enclave = (struct enclave *)object_get(engine, enclave_id, OBJECT_ENCLAVE);
    struct member *member = enclave ? map_get(&enclave->services, name) : NULL;
    return member ? member->object.id : 0;
}

static int by_name(const void *a, const void *b)
{
    struct service_facts *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

size_t service_list(struct engine *engine, object_id enclave_id, struct service_facts ***ret_list)
{
    size_t count = 0, position = 0;
    struct service_facts **list;
    {
        with_lock(&engine->model_lock);
        struct enclave *enclave = (struct enclave *)object_get(engine, enclave_id, OBJECT_ENCLAVE);
        list = calloc((enclave ? enclave->services.count : 0) + 1, sizeof *list);
        if (!list)
            abort();
        for (struct member *member;
             enclave && (member = map_next(&enclave->services, &position, NULL));) {
            __atomic_add_fetch(&member->facts->references, 1, __ATOMIC_RELAXED);
            list[count++] = member->facts;
        }
    }
    qsort(list, count, sizeof *list, by_name);
    *ret_list = list;
    return count;
}

/* ---- one piece of work on a service's container at a time ---- */

void member_acquire(struct member *member)
{
    while (member->busy)
        pthread_cond_wait(&member->enclave->engine->model_changed,
                          &member->enclave->engine->model_lock);
    member->busy = true;
}

void member_yield(struct member *member)
{
    member->busy = false;
    member->told = member->enclave->engine->listings;
    pthread_cond_broadcast(&member->enclave->engine->model_changed);
}

/* ---- what was asked for ---- */

/* Records word for the service with this uuid; NULL erases the record. Without model_lock. */
static int asked_record(struct enclave *enclave, const char *uuid, const char *word,
                        struct error **err)
{
    struct engine *engine = enclave->engine;
    cleanup(buf_done) struct buf dir = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        enclave_path(enclave, &dir, "asked");
    }
    cleanup(close) int fd = file_open_dir(engine->state_fd, dir.data, err);
    if (fd < 0)
        return -1;
    return word ? file_write(fd, uuid, word, strlen(word), err) : unlinkat(fd, uuid, 0);
}

/* One thing asked of one service. */
struct request {
    struct request *next;
    char word[16];
};

static int request_do(struct member *member, const char *container, const char *word,
                      struct error **err)
{
    struct orchestrator *orchestrator = member->enclave->engine->orchestrator;
    if (strcmp(word, "REMOVED") == 0)
        return orchestrator->service_remove(orchestrator, container, NULL, err);
    if (strcmp(word, "RUNNING") != 0 &&
        orchestrator->service_stop(orchestrator, container, STOP_GRACE_SECONDS * CLOCK_SECOND, NULL,
                                   err) < 0)
        return -1;
    return strcmp(word, "STOPPED") == 0 ? 0 : member_start(member, container, NULL, err);
}

/* Shows what is asked while it is done. Under model_lock. */
static void request_show(struct member *member, const char *word)
{
    bool stop = strcmp(word, "STOPPED") == 0;
    if (!member->gone)
        member_set_status(member, stop ? SERVICE_STATUS_STOPPING : SERVICE_STATUS_STARTING, -1, "");
}

/* Shows in the model what became of it. Under model_lock. */
static void request_settle(struct member *member, const char *word, const struct error *failure)
{
    if (member->gone)
        return;
    if (failure)
        member_set_status(member, SERVICE_STATUS_FAILED, -1, error_message(failure));
    else if (strcmp(word, "STOPPED") != 0)
        member_settle_started(member);
    else if (member->facts->status ==
             SERVICE_STATUS_STOPPING) /* else the event has told, with the exit code */
        member_set_status(member, SERVICE_STATUS_STOPPED, -1, "");
}

/* What could not be removed is found by the next listing, and tried again. */
static void operation_relist(struct enclave *enclave, void *context)
{
    (void)context;
    with_model(enclave->engine);
    engine_relist(enclave->engine);
}

/* Erases the record unless more was asked meanwhile, which it tells of then. */
static void asked_erase(struct member *member)
{
    struct engine *engine = member->enclave->engine;
    with_lock(&engine->asked_lock);
    pthread_mutex_lock(&engine->model_lock);
    bool more = member->requests;
    pthread_mutex_unlock(&engine->model_lock);
    if (!more)
        asked_record(member->enclave, member->uuid, NULL, NULL);
}

static void request_serve(struct member *member, const char *word)
{
    struct enclave *enclave = member->enclave;
    struct engine *engine = enclave->engine;
    bool removing = strcmp(word, "REMOVED") == 0;
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *container = NULL;
    {
        with_model(engine);
        member_acquire(member);
        /* What goes with its enclave goes with the others of it. */
        if (member->handle && enclave->facts->status != ENCLAVE_DESTROYING &&
            (removing || !member->gone)) {
            container = strdup(member->handle);
            request_show(member, word);
        }
    }
    if (container && request_do(member, container, word, &err) < 0) {
        error_wrap(&err, "service '%s'", member->name);
        log_warning("%s: %s", word, error_message(err));
        enclave_set_error(enclave, error_message(err));
    }
    bool away = err && error_code(err) == EAGAIN;
    /* The record stays for the listing that takes it up: while the orchestrator is away, and where
     * what was removed still exists. */
    if (!err || (!away && !removing))
        asked_erase(member);
    if (err && !away && removing)
        enclave_retry(enclave, engine->service_lane, operation_relist);
    if (removing)
        mirror_discard(enclave, member->uuid);
    with_model(engine);
    request_settle(member, word, err);
    member->postponed = away;
    member_yield(member);
}

/* Takes the oldest request out; NULL and no longer serving if there is none. */
static struct request *request_take(struct member *member)
{
    with_lock(&member->enclave->engine->model_lock);
    struct request *request = member->requests;
    if (!request)
        member->serving = false;
    else if (!(member->requests = request->next))
        member->last_request = &member->requests;
    return request;
}

/* The job: one service's requests, one after the other. */
static void requests_run(void *argument)
{
    struct member *member = argument;
    struct enclave *enclave = member->enclave;
    for (struct request *request; (request = request_take(member)); free(request)) {
        request_serve(member, request->word);
        with_model(enclave->engine);
        enclave_pending_done(enclave);
        if (--enclave->asked == 0)
            runs_schedule(enclave);
    }
    member_unref(member);
}

/* Under model_lock. Shows the intention and queues the work. */
static void request_submit(struct member *member, const char *word)
{
    struct enclave *enclave = member->enclave;
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        abort();
    snprintf(request->word, sizeof request->word, "%s", word);
    *member->last_request = request;
    member->last_request = &request->next;
    enclave_pending_add(enclave);
    enclave->asked++;
    if (!member->serving)
        jobs_submit(enclave->engine->service_lane, requests_run, member_ref(member));
    member->serving = true;
    if (strcmp(word, "REMOVED") == 0) {
        draft_forget(enclave, member->name); /* if a run was just configuring it */
        member_drop(member);
    } else {
        request_show(member, word);
    }
}

static int ask(struct engine *engine, object_id id, const char *word, struct error **err)
{
    cleanup(member_unref) struct member *member = member_hold(engine, id, err);
    if (!member || engine_up_check(engine, err) < 0)
        return -1;
    with_lock(&engine->asked_lock);
    if (asked_record(member->enclave, member->uuid, word, err) < 0)
        return -1;
    with_model(engine);
    if (!member->gone)
        request_submit(member, word);
    return 0;
}

int service_remove(struct engine *engine, object_id id, struct error **err)
{
    if (draft_remove(engine, id))
        return 0;
    return ask(engine, id, "REMOVED", err);
}

int service_set_status(struct engine *engine, object_id id, const char *word, struct error **err)
{
    static const char *const words[] = {"RUNNING", "STOPPED", "RESTART"};
    cleanup(service_facts_unref) struct service_facts *facts = service_get(engine, id);
    if (facts && facts->status == SERVICE_STATUS_NEW)
        return error_set(err, EINVAL,
                         "the service '%s' is not configured yet: write its config.json first",
                         facts->name);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (strcmp(word, words[i]) == 0)
            return ask(engine, id, word, err);
    return error_set(
        err, EINVAL,
        "'%s' is no state that a service can be given: write RUNNING, STOPPED or RESTART", word);
}

void member_resume(struct member *member)
{
    struct engine *engine = member->enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT), word = BUF_INIT(15);
    member->postponed = false;
    enclave_path(member->enclave, &path, "asked/");
    buf_puts(&path, member->uuid);
    if (file_read(engine->state_fd, path.data, &word, NULL) == 0 && word.length > 0)
        request_submit(member, word.data);
}

int enclave_set_status(struct engine *engine, object_id id, const char *word, struct error **err)
{
    bool stop = strcmp(word, "STOPPED") == 0;
    if (!stop && strcmp(word, "RUNNING") != 0)
        return error_set(err, EINVAL,
                         "'%s' is no state that an enclave can be given: write RUNNING or STOPPED",
                         word);
    struct service_facts **list;
    size_t count = service_list(engine, id, &list);
    int result = engine_up_check(engine, err);
    for (size_t i = 0; i < count; i++) {
        bool running = list[i]->status == SERVICE_STATUS_RUNNING;
        bool configured = list[i]->status != SERVICE_STATUS_NEW;
        if (result == 0 && configured && running == stop && ask(engine, list[i]->id, word, err) < 0)
            result = -1;
        service_facts_unref(list[i]);
    }
    free(list);
    return result;
}
