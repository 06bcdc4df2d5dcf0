/*
 * What the orchestrator does for an enclave: its network, its end, its stop and start. The work on
 * one enclave goes step after step in the order in which it was asked for (the strand); enclaves
 * never wait for each other. Each step is idempotent, and destroying goes on past what fails and is
 * tried again until nothing is left.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"
#include "backend/base/threads.h"

#include <string.h>

enum {
    REMOVED_AT_A_TIME = 8 /* containers of one enclave; more gain nothing (measured with Docker) */
};

/* ---- the strand ---- */

struct operation {
    struct operation *next;
    struct enclave *enclave; /* counted */
    struct job_lane *lane;
    operation_function function;
    void *context;
};

void enclave_pending_add(struct enclave *enclave)
{
    enclave->pending++;
    enclave->engine->pending++;
}

void enclave_pending_done(struct enclave *enclave)
{
    enclave->pending--;
    enclave->engine->pending--;
}

static void operation_run(void *argument);

/* Hands the first queued operation to its lane. Under model_lock. */
static void strand_advance(struct enclave *enclave)
{
    struct operation *operation = enclave->first_operation;
    if (enclave->strand_busy || !operation)
        return;
    enclave->first_operation = operation->next;
    if (!enclave->first_operation)
        enclave->last_operation = &enclave->first_operation;
    enclave->strand_busy = true;
    jobs_submit(operation->lane, operation_run, operation);
}

static void operation_run(void *argument)
{
    struct operation *operation = argument;
    struct enclave *enclave = operation->enclave;
    operation->function(enclave, operation->context);
    free(operation);
    model_lock(enclave->engine);
    enclave->strand_busy = false;
    enclave_pending_done(enclave);
    strand_advance(enclave);
    model_unlock(enclave->engine);
    enclave_unref(enclave);
}

void enclave_submit(struct enclave *enclave, struct job_lane *lane, operation_function function,
                    void *context)
{
    struct operation *operation = malloc(sizeof *operation);
    if (!operation)
        abort();
    *operation = (struct operation){
        .enclave = enclave_ref(enclave), .lane = lane, .function = function, .context = context};
    *enclave->last_operation = operation;
    enclave->last_operation = &operation->next;
    enclave_pending_add(enclave);
    strand_advance(enclave);
}

/* ---- creating ---- */

/* The labels of the enclave's network and volumes. Strings live as long as facts and *storage. */
static void network_labels(const struct enclave_facts *facts, struct buf *created,
                           struct buf *owner, struct label out[static 4])
{
    clock_put_rfc3339_nano(created, facts->created);
    buf_printf(owner, "%u:%u", facts->uid, facts->gid);
    out[0] = (struct label){LABEL_ENCLAVE, facts->uuid};
    out[1] = (struct label){LABEL_ENCLAVE_NAME, facts->name};
    out[2] = (struct label){LABEL_CREATED, created->data};
    out[3] = (struct label){LABEL_OWNER, owner->data};
}

static int create_network(struct enclave *enclave, struct network *ret_network, struct error **err)
{
    struct engine *engine = enclave->engine;
    cleanup(enclave_facts_unref) struct enclave_facts *facts = NULL;
    {
        with_lock(&engine->model_lock);
        facts = enclave_facts_clone(enclave->facts);
    }
    cleanup(buf_done) struct buf created = BUF_INIT(64), owner = BUF_INIT(64), name = BUF_INIT(256);
    struct label labels[4];
    network_labels(facts, &created, &owner, labels);
    buf_printf(&name, "kfs-%s-%.*s", facts->name, UUID_SHORT_LENGTH, facts->uuid);
    struct network_spec spec = {.name = name.data, .labels = {labels, ARRAY_LENGTH(labels)}};
    return engine->orchestrator->network_create(engine->orchestrator, &spec, NULL, ret_network,
                                                err);
}

void enclave_network_set(struct enclave *enclave, const struct network *network)
{
    fact_set(&enclave->network_id, network->id);
    enclave->network_seen = enclave->engine->listings;
    fact_set(&enclave->subnet, network->subnet);
    fact_set(&enclave->gateway, network->gateway);
    error_free(steal(&enclave->create_error));
    enclave_update_status(enclave);
}

void enclave_operation_create(struct enclave *enclave, void *context)
{
    (void)context;
    struct engine *engine = enclave->engine;
    {
        with_lock(&engine->model_lock);
        if (enclave->network_id || enclave->facts->status == ENCLAVE_DESTROYING || engine->ending)
            return;
    }
    struct network network = {0};
    struct error *err = NULL;
    if (create_network(enclave, &network, &err) == 0) {
        with_model(engine);
        enclave_network_set(enclave, &network);
    } else if (error_code(err) == EAGAIN) {
        enclave_retry(enclave, engine->create_lane, enclave_operation_create);
    } else {
        error_wrap(&err, "cannot create the enclave's network");
        log_warning("%s: %s", enclave->uuid, error_message(err));
        enclave_set_error(enclave, error_message(err));
        with_model(engine);
        enclave->create_error = steal(&err);
        enclave_update_status(enclave);
    }
    error_free(err);
    network_done(&network);
}

int enclave_wait_network(struct enclave *enclave, const struct cancel *cancel, struct error **err)
{
    struct engine *engine = enclave->engine;
    with_lock(&engine->model_lock);
    for (;;) {
        if (cancel_fired(cancel) || engine->ending || enclave->facts->status == ENCLAVE_DESTROYING)
            return error_set(err, ECANCELED, "cancelled while waiting for the enclave's network");
        if (enclave->network_id)
            return 0;
        if (enclave->create_error)
            return error_set(err, EIO, "%s", error_message(enclave->create_error));
        if (!engine->facts->up)
            return error_set(err, EAGAIN, "the orchestrator is away: %s", engine->facts->reason);
        clock_condition_wait(&engine->model_changed, &engine->model_lock,
                             clock_monotonic() + CLOCK_SECOND / 2);
    }
}

/* ---- destroying ---- */

/* What is left of an enclave that is being destroyed. */
struct remains {
    struct orchestrator *orchestrator;
    const char *uuid;
    struct orchestrator_listing *listing;
    pthread_mutex_t failure_lock;
    struct error *failure; /* the first; guarded */
};

/* Whatever was listed: only what says that it is the enclave's is removed. */
static bool is_remains(const struct remains *remains, const struct label *labels, size_t count)
{
    const char *enclave = label_get(labels, count, LABEL_ENCLAVE);
    return enclave && strcmp(enclave, remains->uuid) == 0;
}

static void note_failure(struct remains *remains, struct error *failure)
{
    with_lock(&remains->failure_lock);
    if (remains->failure)
        error_free(failure);
    else
        remains->failure = failure;
}

static void remove_service(void *context, size_t i)
{
    struct remains *remains = context;
    struct orchestrator *orchestrator = remains->orchestrator;
    const struct service *service = &remains->listing->services[i];
    struct error *failure = NULL;
    if (is_remains(remains, service->labels, service->label_count) &&
        orchestrator->service_remove(orchestrator, service->id, NULL, &failure) < 0)
        note_failure(remains, failure);
}

static void remove_all(struct remains *remains)
{
    struct orchestrator *orchestrator = remains->orchestrator;
    const struct orchestrator_listing *listing = remains->listing;
    threads_for_each(listing->service_count, REMOVED_AT_A_TIME, remove_service, remains);
    for (size_t i = 0; i < listing->network_count; i++) {
        const struct network *network = &listing->networks[i];
        struct error *failure = NULL;
        if (is_remains(remains, network->labels, network->label_count) &&
            orchestrator->network_remove(orchestrator, network->id, NULL, &failure) < 0)
            note_failure(remains, failure);
    }
    for (size_t i = 0; i < listing->volume_count; i++) {
        const struct volume *volume = &listing->volumes[i];
        struct error *failure = NULL;
        if (is_remains(remains, volume->labels, volume->label_count) &&
            orchestrator->volume_remove(orchestrator, volume->name, NULL, &failure) < 0)
            note_failure(remains, failure);
    }
}

/* Removes every object that bears the enclave's label. All are tried; the first failure is told. */
static int remove_objects(struct engine *engine, const char *uuid, struct error **err)
{
    struct remains remains = {.orchestrator = engine->orchestrator, .uuid = uuid};
    const struct label label = {LABEL_ENCLAVE, uuid};
    if (remains.orchestrator->list(remains.orchestrator, &label, NULL, &remains.listing, err) < 0)
        return -1;
    pthread_mutex_init(&remains.failure_lock, NULL);
    remove_all(&remains);
    pthread_mutex_destroy(&remains.failure_lock);
    orchestrator_listing_free(remains.listing);
    return remains.failure ? error_move(err, &remains.failure) : 0;
}

/* Takes the enclave out of the model for good. Under model_lock. */
static void forget(struct enclave *enclave)
{
    struct engine *engine = enclave->engine;
    size_t position = 0;
    for (struct member *member; (member = map_next(&enclave->services, &position, NULL));
         position = 0)
        member_drop(member);
    for (size_t i = 0; i < enclave->run_count; i++)
        run_drop(enclave->runs[i]);
    enclave->run_count = 0;
    for (size_t i = 0; i < engine->enclave_count; i++) {
        if (engine->enclaves[i] == enclave) {
            memmove(engine->enclaves + i, engine->enclaves + i + 1,
                    (--engine->enclave_count - i) * sizeof *engine->enclaves);
            break;
        }
    }
    map_remove(&engine->enclave_uuids, enclave->uuid);
    idmap_remove(&engine->objects, enclave->object.id);
    enclave->gone = true;
    engine_touch(engine, ASPECT_BIT(ASPECT_ENCLAVES));
}

/* Waits until the enclave's run has noticed that it was cancelled. */
static void wait_for_run(struct enclave *enclave)
{
    with_lock(&enclave->engine->model_lock);
    while (enclave->active)
        pthread_cond_wait(&enclave->engine->model_changed, &enclave->engine->model_lock);
}

void enclave_operation_destroy(struct enclave *enclave, void *context)
{
    (void)context;
    struct engine *engine = enclave->engine;
    wait_for_run(enclave);
    const char *uuid = enclave->uuid;
    {
        with_lock(&engine->model_lock);
        if (engine->ending)
            return; /* the next start takes it up */
    }
    cleanup(error_free) struct error *err = NULL;
    if (remove_objects(engine, uuid, &err) < 0) {
        log_warning("destroying enclave %s: %s", uuid, error_message(err));
        enclave_retry(enclave, engine->destroy_lane, enclave_operation_destroy);
        return;
    }
    cleanup(error_free) struct error *leftover = NULL;
    if (file_remove_tree(engine->destroying_fd, uuid, &leftover) < 0)
        log_warning("destroying enclave %s: %s", uuid, error_message(leftover));
    with_model(engine);
    forget(enclave);
    enclave->references--; /* the model's own; the strand holds another */
}

void enclave_begin_destroy(struct enclave *enclave)
{
    for (size_t i = 0; i < enclave->run_count; i++)
        if (enclave->runs[i]->facts->finished == 0)
            cancel_fire(enclave->runs[i]->cancel);
    enclave_submit(enclave, enclave->engine->destroy_lane, enclave_operation_destroy, NULL);
}
