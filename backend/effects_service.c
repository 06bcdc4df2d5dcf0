/*
 * What plans do to services. A service is registered in the model with everything that stays the
 * same for its life (UUID, address, host ports), its container is made, and started. One that is
 * replaced keeps all that; its old container is removed only when the new one has started, and
 * started again if the new one cannot be.
 */
#include "backend/run_int.h"

#include "backend/base/file.h"

#include <string.h>

enum {
    START_TRIES = 5,
    REPLACE_GRACE_SECONDS = 10
};

static struct orchestrator_call call_of(const struct plan_call *call)
{
    return (struct orchestrator_call){.deadline = call ? call->deadline : 0,
                                      .cancel = call ? call->cancel : NULL};
}

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (!copied)
        abort();
    return copied;
}

static void service_tell(const struct service_facts *facts, bool existed,
                         struct plan_service *ret_service)
{
    if (ret_service)
        *ret_service = (struct plan_service){.name = copy(facts->name),
                                             .uuid = copy(facts->uuid),
                                             .hostname = copy(facts->name),
                                             .address = copy(facts->address),
                                             .existed = existed};
}

/* ---- making containers ---- */

static int make_volumes(struct engine *engine, const struct enclave_facts *enclave,
                        const struct container_plan *plan, const struct orchestrator_call *call,
                        struct error **err)
{
    const char *const *names, *const *keys;
    size_t count = container_plan_volumes(plan, &names, &keys);
    for (size_t i = 0; i < count; i++) {
        struct label labels[] = {{LABEL_ENCLAVE, enclave->uuid}, {LABEL_KEY, keys[i]}};
        if (engine->orchestrator->volume_create(engine->orchestrator, names[i],
                                                (struct labels){labels, ARRAY_LENGTH(labels)}, call,
                                                err) < 0)
            return -1;
    }
    return 0;
}

/* The member's facts as they are now, counted. */
static struct service_facts *member_facts(struct member *member)
{
    with_lock(&member->enclave->engine->model_lock);
    __atomic_add_fetch(&member->facts->references, 1, __ATOMIC_RELAXED);
    return member->facts;
}

/* Creates a container for the member; *ret_container is its id, the caller's. */
static int make_container(struct run_context *context, struct member *member, json_t *config,
                          const struct orchestrator_call *call, char **ret_container,
                          struct error **err)
{
    struct engine *engine = context->engine;
    cleanup(service_facts_unref) struct service_facts *facts = member_facts(member);
    cleanup(enclave_facts_unref) struct enclave_facts *enclave = NULL;
    cleanup(free) char *network = NULL;
    {
        with_lock(&engine->model_lock);
        if (!context->enclave->network_id)
            return error_set(err, EAGAIN, "the enclave's network is gone");
        enclave = enclave_facts_clone(context->enclave->facts);
        network = copy(context->enclave->network_id);
    }
    cleanup(container_plan_free) struct container_plan *plan =
        container_plan_new(enclave, facts, network, config, err);
    cleanup(free) char *container = NULL;
    struct orchestrator *orchestrator = engine->orchestrator;
    if (!plan || make_volumes(engine, enclave, plan, call, err) < 0 ||
        orchestrator->service_create(orchestrator, container_plan_spec(plan), call, &container,
                                     err) < 0)
        return -1;
    if (artifacts_mount(context->enclave, container, config, call, err) < 0) {
        orchestrator->service_remove(orchestrator, container, NULL, NULL);
        return -1;
    }
    *ret_container = steal(&container);
    return 0;
}

/* Facts for a service of this name and configuration: what an existing one has is kept, what is
 * missing is picked and taken. Under model_lock. */
static struct service_facts *facts_make(struct enclave *enclave, const char *name, json_t *config,
                                        struct error **err)
{
    struct member *member = map_get(&enclave->services, name);
    cleanup(service_facts_unref) struct service_facts *facts =
        member ? service_facts_clone(member->facts) : service_facts_new();
    if (!member) {
        facts->created = clock_now();
        snprintf(facts->name, sizeof facts->name, "%s", name);
        uuid_new(facts->uuid);
        fact_set(&facts->reason, "");
        fact_set(&facts->address, "");
    }
    facts->status = SERVICE_STATUS_STARTING;
    if (service_facts_configure(facts, config, err) < 0 ||
        (!*facts->address && address_pick(enclave, facts, err) < 0) ||
        host_ports_pick(enclave->engine, facts, err) < 0)
        return NULL;
    return steal(&facts);
}

/* Registers the service, or marks the existing one as being replaced; it is then the caller's to
 * work on (member_yield). */
static struct member *member_claim(struct run_context *context, const char *name, json_t *config,
                                   struct service_facts **ret_before, struct error **err)
{
    struct engine *engine = context->engine;
    with_model(engine);
    if (service_name_check(name, err) < 0)
        return NULL;
    struct member *member = map_get(&context->enclave->services, name);
    if (member) {
        member_acquire(member);
        if (member->gone)
            member_yield(member), member = NULL;
    }
    struct service_facts *facts = facts_make(context->enclave, name, config, err);
    if (!facts) {
        if (member)
            member_yield(member);
        return NULL;
    }
    if (member) {
        *ret_before = service_facts_clone(member->facts);
        service_publish(member, facts, ASPECT_BIT(ASPECT_STATUS) | ASPECT_BIT(ASPECT_CONFIG));
    } else {
        member = member_add(context->enclave, facts);
        member->busy = true;
    }
    return member_ref(member);
}

/* ---- made ahead ---- */

/* Takes a service that never started out of the model, and its container away. The caller works on
 * it and holds it. */
static void member_abandon(struct run_context *context, struct member *member)
{
    struct orchestrator *orchestrator = context->engine->orchestrator;
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *container = NULL;
    {
        with_model(context->engine);
        container = steal(&member->handle);
        if (container)
            map_remove(&context->engine->handles, container);
        if (!member->gone)
            member_drop(member);
        member_yield(member);
    }
    if (container && orchestrator->service_remove(orchestrator, container, NULL, &err) < 0)
        log_warning("a container that was not used stays until the next start: %s",
                    error_message(err));
}

/* A service of the enclave that was made ahead and waits for its turn, for the caller to work on;
 * NULL if there is none. */
static struct member *prepared_take(struct enclave *enclave)
{
    with_lock(&enclave->engine->model_lock);
    size_t position = 0;
    for (struct member *member; (member = map_next(&enclave->services, &position, NULL));) {
        if (member->prepared && !member->busy) {
            member->busy = true;
            json_decref(steal(&member->prepared));
            return member_ref(member);
        }
    }
    return NULL;
}

void prepared_discard(struct run_context *context)
{
    for (struct member *member; (member = prepared_take(context->enclave));) {
        member_abandon(context, member);
        member_unref(member);
    }
}

int effect_service_prepare(void *argument, const char *name, json_t *config,
                           const struct plan_call *call, struct error **err)
{
    struct run_context *context = argument;
    struct orchestrator_call limits = call_of(call);
    struct service_facts *before = NULL;
    {
        with_lock(&context->engine->model_lock);
        if (map_get(&context->enclave->services, name))
            return 0; /* one that is replaced is not worth preparing */
    }
    cleanup(member_unref) struct member *member = member_claim(context, name, config, &before, err);
    service_facts_unref(before);
    if (!member)
        return -1;
    cleanup(free) char *container = NULL;
    if (make_container(context, member, config, &limits, &container, err) < 0) {
        member_abandon(context, member);
        return -1;
    }
    with_model(context->engine);
    member_set_handle(member, container);
    member->prepared = json_deep_copy(config);
    member_yield(member);
    return 0;
}

/* ---- starting ---- */

/* Host ports that turned out to be taken by another program are given up for others. Fixed ones
 * stay: their error is the user's. */
static int pick_other_ports(struct member *member, struct error **err)
{
    with_model(member->enclave->engine);
    struct service_facts *facts = service_facts_clone(member->facts);
    bool movable = false;
    for (size_t i = 0; i < facts->port_count; i++) {
        if (facts->ports[i].host_address && !facts->ports[i].open) {
            facts->ports[i].host_port = 0;
            movable = true;
        }
    }
    /* The old numbers stay marked as taken, so that they are not picked again. */
    if (!movable || host_ports_pick(member->enclave->engine, facts, err) < 0) {
        service_facts_unref(facts);
        return -1;
    }
    service_publish(member, facts, ASPECT_BIT(ASPECT_CONFIG));
    return 0;
}

/* Starts a container for the member: the one made ahead if there is one, else a new one; again with
 * other ports where they are taken. */
static int start_container(struct run_context *context, struct member *member, json_t *config,
                           char **ready, const struct orchestrator_call *call, struct error **err)
{
    struct orchestrator *orchestrator = context->engine->orchestrator;
    for (int tries = START_TRIES;; tries--) {
        cleanup(error_free) struct error *failure = NULL;
        cleanup(free) char *container = steal(ready);
        if (!container && make_container(context, member, config, call, &container, err) < 0)
            return -1;
        {
            /* Known before the start, so that the event of the start finds its service. */
            with_model(context->engine);
            member_set_handle(member, container);
        }
        if (member_start(member, container, call, &failure) == 0)
            return 0;
        orchestrator->service_remove(orchestrator, container, NULL, NULL);
        {
            with_model(context->engine);
            member_set_handle(member, NULL);
        }
        bool again =
            error_code(failure) == EADDRINUSE && tries > 1 && pick_other_ports(member, NULL) == 0;
        if (!again)
            return error_move(err, &failure);
    }
}

/* Brings a service that could not be replaced back to what it was. */
static void restore(struct run_context *context, struct member *member,
                    struct service_facts *before, const char *old, bool was_running)
{
    cleanup(error_free) struct error *err = NULL;
    {
        with_model(context->engine);
        member_set_handle(member, old);
    }
    if (old && was_running)
        member_start(member, old, NULL, &err);
    with_model(context->engine);
    if (before->status == SERVICE_STATUS_NEW)
        host_ports_release(context->engine, member->facts);
    service_publish(member, service_facts_clone(before),
                    ASPECT_BIT(ASPECT_CONFIG) | ASPECT_BIT(ASPECT_STATUS));
    if (before->status == SERVICE_STATUS_NEW)
        enclave_update_status(member->enclave);
    else if (err || !was_running)
        member_set_status(member, err ? SERVICE_STATUS_FAILED : SERVICE_STATUS_STOPPED, -1,
                          error_message(err));
    else
        member_set_status(member, SERVICE_STATUS_RUNNING, -1, "");
    member_yield(member);
}

/* The container that a claimed member has now: to be started if it was made ahead for this
 * configuration, else to be replaced. */
static void container_split(struct member *member, json_t *config, char **ret_ready, char **ret_old)
{
    with_lock(&member->enclave->engine->model_lock);
    char *container = member->handle ? copy(member->handle) : NULL;
    cleanup(json_decref) json_t *prepared = steal(&member->prepared);
    if (prepared && json_equal(prepared, config))
        *ret_ready = container;
    else
        *ret_old = container;
}

static int started(struct run_context *context, struct member *member, struct error **err)
{
    bool gone;
    {
        with_model(context->engine);
        gone = member->gone;
        if (!gone) {
            draft_forget(member->enclave, member->name);
            member_settle_started(member);
            member_yield(member);
        }
    }
    if (!gone)
        return 0;
    member_abandon(context, member);
    return error_set(err, ECANCELED, "the service was removed while it was being started");
}

int effect_service_start(void *argument, const char *name, json_t *config,
                         const struct plan_call *call, struct plan_service *ret_service,
                         struct error **err)
{
    struct run_context *context = argument;
    struct orchestrator *orchestrator = context->engine->orchestrator;
    struct orchestrator_call limits = call_of(call);
    cleanup(service_facts_unref) struct service_facts *before = NULL;
    cleanup(member_unref) struct member *member = member_claim(context, name, config, &before, err);
    if (!member)
        return -1;
    cleanup(free) char *ready = NULL, *old = NULL;
    container_split(member, config, &ready, &old);
    bool draft = before && before->status == SERVICE_STATUS_NEW;
    bool existed = before && !ready && !draft,
         was_running = before && before->status == SERVICE_STATUS_RUNNING;
    if (old)
        service_logs_catch_up(member, NULL);
    if (old)
        orchestrator->service_stop(orchestrator, old, REPLACE_GRACE_SECONDS * CLOCK_SECOND, &limits,
                                   NULL);
    if (start_container(context, member, config, &ready, &limits, err) < 0) {
        error_wrap(err, "service '%s' could not be started", name);
        if (existed || draft)
            restore(context, member, before, old, was_running);
        else
            member_abandon(context, member);
        return -1;
    }
    cleanup(service_facts_unref) struct service_facts *facts = member_facts(member);
    service_tell(facts, existed, ret_service);
    if (old)
        orchestrator->service_remove(orchestrator, old, NULL, NULL);
    return started(context, member, err);
}

/* ---- the rest of a service's life ---- */

/* The service of this name for the caller to work on; *ret_container is its container's id, the
 * caller's. ENOENT */
static struct member *member_work(struct run_context *context, const char *name,
                                  char **ret_container, struct error **err)
{
    with_lock(&context->engine->model_lock);
    struct member *member = map_get(&context->enclave->services, name);
    if (member) {
        member_ref(member);
        member_acquire(member);
        if (!member->gone && member->handle) {
            *ret_container = copy(member->handle);
            return member;
        }
        member_yield(member);
        member->references--; /* the enclave is held by the run */
        context->enclave->references--;
    }
    error_set(err, ENOENT, "there is no service '%s' in the enclave", name);
    return NULL;
}

static void work_done(struct run_context *context, struct member *member)
{
    {
        with_model(context->engine);
        member_yield(member);
    }
    member_unref(member);
}

/* Shows what it is after it was started or stopped. Under model_lock. */
static void show_running(struct member *member, bool run)
{
    if (member->gone)
        return;
    if (run)
        member_settle_started(member);
    else if (member->facts->status != SERVICE_STATUS_STOPPED) /* else its event has told how */
        member_set_status(member, SERVICE_STATUS_STOPPED, -1, "");
}

/* Starts or stops the service as it is. */
static int set_running(struct run_context *context, const char *name, bool run,
                       const struct plan_call *call, struct error **err)
{
    struct orchestrator *orchestrator = context->engine->orchestrator;
    struct orchestrator_call limits = call_of(call);
    cleanup(free) char *container = NULL;
    struct member *member = member_work(context, name, &container, err);
    if (!member)
        return -1;
    cleanup(service_facts_unref) struct service_facts *before = member_facts(member);
    if (run) {
        with_model(context->engine);
        if (!member->gone)
            member_set_status(member, SERVICE_STATUS_STARTING, -1, "");
    }
    int result =
        run ? member_start(member, container, &limits, err)
            : orchestrator->service_stop(orchestrator, container,
                                         REPLACE_GRACE_SECONDS * CLOCK_SECOND, &limits, err);
    {
        with_model(context->engine);
        if (result == 0)
            show_running(member, run);
        else if (run && !member->gone)
            member_set_status(member, before->status, before->exit_code, before->reason);
    }
    work_done(context, member);
    return result;
}

int effect_service_restart(void *context, const char *name, const struct plan_call *call,
                           struct error **err)
{
    return set_running(context, name, true, call, err);
}

int effect_service_stop(void *context, const char *name, const struct plan_call *call,
                        struct error **err)
{
    return set_running(context, name, false, call, err);
}

int effect_service_remove(void *argument, const char *name, const struct plan_call *call,
                          struct plan_service *ret_service, struct error **err)
{
    struct run_context *context = argument;
    struct orchestrator_call limits = call_of(call);
    cleanup(free) char *container = NULL;
    struct member *member = member_work(context, name, &container, err);
    if (!member)
        return -1;
    cleanup(service_facts_unref) struct service_facts *facts = member_facts(member);
    service_tell(facts, true, ret_service);
    service_logs_catch_up(member, NULL); /* its log outlives it */
    int result = context->engine->orchestrator->service_remove(context->engine->orchestrator,
                                                               container, &limits, err);
    if (result == 0) {
        with_model(context->engine);
        if (!member->gone)
            member_drop(member);
    }
    work_done(context, member);
    return result;
}

int effect_service_running(void *argument, const char *name, int *ret_exit_code, struct error **err)
{
    struct run_context *context = argument;
    with_lock(&context->engine->model_lock);
    struct member *member = map_get(&context->enclave->services, name);
    if (!member || member->facts->status == SERVICE_STATUS_NEW)
        return error_set(err, ENOENT, "there is no service '%s' in the enclave", name);
    *ret_exit_code = member->facts->exit_code;
    return member->facts->status == SERVICE_STATUS_RUNNING ||
           member->facts->status == SERVICE_STATUS_STARTING;
}

int effect_service_find(void *argument, const char *identifier, struct plan_service *ret_service,
                        struct error **err)
{
    struct run_context *context = argument;
    with_lock(&context->engine->model_lock);
    struct member *member = map_get(&context->enclave->services, identifier);
    size_t position = 0, matches = 0;
    if (!member && strlen(identifier) >= UUID_SHORT_LENGTH) {
        for (struct member *other;
             (other = map_next(&context->enclave->services, &position, NULL));) {
            if (strncmp(other->facts->uuid, identifier, strlen(identifier)) == 0) {
                member = other;
                matches++;
            }
        }
    }
    if (matches > 1)
        return error_set(err, EINVAL, "'%s' is the beginning of the UUIDs of %zu services",
                         identifier, matches);
    if (!member || member->facts->status == SERVICE_STATUS_NEW)
        return error_set(err, ENOENT, "there is no service '%s' in the enclave", identifier);
    service_tell(member->facts, true, ret_service);
    return 0;
}

int effect_service_logs(void *argument, const char *name, unsigned lines, struct buf *out,
                        struct error **err)
{
    struct run_context *context = argument;
    object_id id = service_find(context->engine, context->enclave->object.id, name);
    cleanup(close) int fd = service_open_logs(context->engine, id, err);
    return fd < 0 ? -1 : file_tail(fd, lines, out, err);
}

static int exec_output(void *argument, enum stream stream, const void *bytes, size_t length)
{
    (void)stream;
    struct buf *output = argument;
    size_t room = output->max - output->length;
    buf_append(output, bytes, length < room ? length : room);
    return 0;
}

int effect_exec(void *argument, const char *name, char *const *argv, const struct plan_call *call,
                struct buf *output, int *ret_code, struct error **err)
{
    struct run_context *context = argument;
    struct orchestrator_call limits = call_of(call);
    cleanup(free) char *container = NULL;
    {
        with_lock(&context->engine->model_lock);
        struct member *member = map_get(&context->enclave->services, name);
        if (!member || !member->handle)
            return error_set(err, ENOENT, "there is no service '%s' in the enclave", name);
        container = copy(member->handle);
    }
    struct exec_spec spec = {.service_id = container, .argv = argv};
    return context->engine->orchestrator->exec_run(context->engine->orchestrator, &spec,
                                                   exec_output, output, &limits, ret_code, err);
}
