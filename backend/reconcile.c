/*
 * Keeping the model true to the orchestrator: one listing at the start and after each loss of the
 * event stream, events in between.
 *
 * A listing is the truth of what exists. What it shows that the model does not know is taken into
 * it if it belongs to an enclave of ours, and removed if it is a leftover: the container of an
 * interrupted run that was never started, an older container of a service that was being replaced,
 * or anything of an enclave that is gone. What the model knows and the listing does not show has
 * gone.
 */
#include "backend/engine_int.h"

#include <malloc.h>
#include <string.h>

#define RELIST_PAUSE CLOCK_SECOND

/* How often leftovers are tried that cannot be removed; what still stays is found by the next
 * listing. */
enum {
    LEFTOVER_TRIES = 5
};

/* How long the orchestrator may take for what it was told by a process that ended meanwhile. */
#define STRAYS_PATIENCE (60 * CLOCK_SECOND)

/* Objects that a listing showed and nobody wants, to be removed when the model is done with. */
struct leftovers {
    char **containers, **networks;
    size_t container_count, network_count;
};

static void remember(char ***list, size_t *count, const char *id)
{
    *list = realloc(*list, (*count + 1) * sizeof **list);
    char *copy = strdup(id);
    if (!*list || !copy)
        abort();
    (*list)[(*count)++] = copy;
}

/* False if something stays. */
static bool leftovers_remove(struct engine *engine, struct leftovers *leftovers)
{
    struct orchestrator *orchestrator = engine->orchestrator;
    bool all = true;
    for (size_t i = 0; i < leftovers->container_count; i++) {
        cleanup(error_free) struct error *err = NULL;
        log_info("removing a leftover container %.12s", leftovers->containers[i]);
        if (orchestrator->service_remove(orchestrator, leftovers->containers[i], NULL, &err) < 0) {
            log_warning("a leftover container stays: %s", error_message(err));
            all = false;
        }
        free(leftovers->containers[i]);
    }
    for (size_t i = 0; i < leftovers->network_count; i++) {
        cleanup(error_free) struct error *err = NULL;
        log_info("removing a leftover network %.12s", leftovers->networks[i]);
        if (orchestrator->network_remove(orchestrator, leftovers->networks[i], NULL, &err) < 0) {
            log_warning("a leftover network stays: %s", error_message(err));
            all = false;
        }
        free(leftovers->networks[i]);
    }
    free(leftovers->containers);
    free(leftovers->networks);
    return all;
}

/* ---- under model_lock ---- */

static struct enclave *enclave_by_uuid(struct engine *engine, const char *uuid)
{
    return uuid ? map_get(&engine->enclave_uuids, uuid) : NULL;
}

static void apply_networks(struct engine *engine, const struct orchestrator_listing *listing,
                           struct leftovers *leftovers)
{
    struct map listed = {0};
    for (size_t i = 0; i < listing->network_count; i++)
        map_set(&listed, listing->networks[i].id, &listing->networks[i]);
    for (size_t i = 0; i < engine->enclave_count; i++) {
        struct enclave *enclave = engine->enclaves[i];
        if (enclave->network_id && enclave->network_seen < engine->listings &&
            !map_get(&listed, enclave->network_id))
            free(steal(&enclave->network_id));
    }
    map_done(&listed);
    for (size_t i = 0; i < listing->network_count; i++) {
        const struct network *network = &listing->networks[i];
        struct enclave *enclave = enclave_by_uuid(
            engine, label_get(network->labels, network->label_count, LABEL_ENCLAVE));
        if (!enclave && engine->adopts)
            enclave = enclave_adopt(engine, network->labels, network->label_count);
        if (!enclave || (enclave->network_id && strcmp(enclave->network_id, network->id) != 0))
            remember(&leftovers->networks, &leftovers->network_count, network->id);
        else
            enclave_network_set(enclave, network);
    }
}

static enum service_status status_of(const struct service *service)
{
    switch (service->state) {
    case SERVICE_RUNNING:
    case SERVICE_PAUSED:
        return SERVICE_STATUS_RUNNING;
    case SERVICE_CREATED:
    case SERVICE_EXITED:
        return SERVICE_STATUS_STOPPED;
    default:
        return SERVICE_STATUS_UNKNOWN;
    }
}

/* Of two containers of one service the running one is it, else the newer. */
static bool better(const struct service *candidate, const struct service *than)
{
    bool a = candidate->state == SERVICE_RUNNING, b = than->state == SERVICE_RUNNING;
    return a != b ? a : candidate->created > than->created;
}

/* By the UUID of each service, the container that stands for it. One that was never started stands
 * for none: it was made ahead by a run that did not come to it. */
static void find_best(const struct orchestrator_listing *listing, struct map *best)
{
    for (size_t i = 0; i < listing->service_count; i++) {
        struct service *service = &listing->services[i];
        const char *uuid = label_get(service->labels, service->label_count, LABEL_SERVICE);
        const struct service *so_far = uuid ? map_get(best, uuid) : NULL;
        if (uuid && service->state != SERVICE_CREATED && (!so_far || better(service, so_far)))
            map_set(best, uuid, service);
    }
}

static void apply_known(struct member *member, const struct service *service)
{
    enum service_status status = member->facts->status;
    if (!member->busy && member->told < member->enclave->engine->listings &&
        service->state != SERVICE_CREATED && status != SERVICE_STATUS_STARTING &&
        status != SERVICE_STATUS_STOPPING) {
        member->start_unheard = false;
        member_set_status(member, status_of(service), service->exit_code, "");
    }
    if (member->postponed)
        member_resume(member);
}

/* Takes a container that the model does not know as a service of its enclave. Returns false if it
 * cannot be one. */
static bool apply_unknown(struct enclave *enclave, const struct service *service)
{
    struct service_facts *facts =
        service_facts_from_labels(service->labels, service->label_count, NULL);
    if (!facts)
        return false;
    struct member *member = map_get(&enclave->services, facts->name);
    if (member && (member->busy || member->told == enclave->engine->listings)) {
        service_facts_unref(facts);
        return true; /* it is being replaced, or was since the listing began */
    }
    if (member && member->facts->status == SERVICE_STATUS_NEW)
        draft_forget(enclave, member->name); /* its container started, and then kfsd ended */
    if (member)
        member_drop(member);
    facts->status = status_of(service);
    facts->exit_code = service->exit_code;
    member = member_add(enclave, facts);
    member_set_handle(member, service->id);
    member_resume(member);
    return true;
}

static void apply_service(struct engine *engine, const struct service *service,
                          const struct map *best, struct leftovers *leftovers)
{
    const char *uuid = label_get(service->labels, service->label_count, LABEL_SERVICE);
    struct enclave *enclave =
        enclave_by_uuid(engine, label_get(service->labels, service->label_count, LABEL_ENCLAVE));
    struct member *known = map_get(&engine->handles, service->id);
    if (known)
        apply_known(known, service);
    else if (enclave && enclave->facts->status == ENCLAVE_DESTROYING)
        return; /* its own destruction removes it */
    else if (enclave && enclave->active && service->state == SERVICE_CREATED)
        return; /* the run that made it ahead tidies up itself */
    else if (!enclave || !uuid || map_get(best, uuid) != service ||
             !apply_unknown(enclave, service))
        remember(&leftovers->containers, &leftovers->container_count, service->id);
}

static void drop_vanished(struct engine *engine, const struct orchestrator_listing *listing)
{
    struct map listed = {0};
    for (size_t i = 0; i < listing->service_count; i++)
        map_set(&listed, listing->services[i].id, &listing->services[i]);
    for (size_t i = 0; i < engine->enclave_count; i++) {
        size_t position = 0;
        for (struct member *member;
             (member = map_next(&engine->enclaves[i]->services, &position, NULL));) {
            if (member->handle && !member->busy && member->told < engine->listings &&
                !map_get(&listed, member->handle)) {
                member_drop(member);
                position = 0;
            }
        }
    }
    map_done(&listed);
}

static void apply_listing(struct engine *engine, const struct orchestrator_listing *listing,
                          struct leftovers *leftovers)
{
    struct map best = {0};
    find_best(listing, &best);
    apply_networks(engine, listing, leftovers);
    for (size_t i = 0; i < listing->service_count; i++)
        apply_service(engine, &listing->services[i], &best, leftovers);
    map_done(&best);
    drop_vanished(engine, listing);
    for (size_t i = 0; i < engine->enclave_count; i++) {
        struct enclave *enclave = engine->enclaves[i];
        if (!enclave->network_id && enclave->facts->status != ENCLAVE_DESTROYING) {
            engine_expect_strays(engine);
            enclave_submit(enclave, engine->create_lane, enclave_operation_create, NULL);
        }
        enclave_update_status(enclave);
        runs_schedule(enclave);
    }
}

/* ---- jobs and events ---- */

/* Takes over what info owns. */
static void engine_set_up(struct engine *engine, struct orchestrator_info *info)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "%s %s %s", info->kind, info->version, info->endpoint);
    struct engine_facts *facts = engine_facts_clone(engine->facts);
    facts->up = true;
    fact_set(&facts->orchestrator, text.data);
    fact_set(&facts->reason, "");
    engine_publish(engine, facts, ASPECT_BIT(ASPECT_STATUS));
    orchestrator_info_done(&engine->info);
    engine->info = *info;
    *info = (struct orchestrator_info){0};
}

static void engine_set_down(struct engine *engine, const char *reason)
{
    struct engine_facts *facts = engine_facts_clone(engine->facts);
    if (facts->up)
        facts->since = clock_now();
    facts->up = false;
    fact_set(&facts->reason, reason);
    engine_publish(engine, facts, ASPECT_BIT(ASPECT_STATUS));
}

/* Asks once: who is it, and what does it hold? Whether that is done with: if not, to be asked again
 * after a pause, because no event will say that it answers again. *ret_clean: no leftover stays. */
static bool relist_once(struct engine *engine, bool *ret_clean)
{
    struct orchestrator *orchestrator = engine->orchestrator;
    struct orchestrator_info info = {0};
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    cleanup(error_free) struct error *err = NULL;
    struct leftovers leftovers = {0};
    bool done;
    {
        with_lock(&engine->model_lock);
        engine->listings++;
    }
    bool known = orchestrator->info(orchestrator, NULL, &info, &err) == 0 &&
                 orchestrator->list(orchestrator, NULL, NULL, &listing, &err) == 0;
    {
        with_model(engine);
        if (known && !engine->ending) {
            engine_set_up(engine, &info); /* first: runs are begun only then */
            apply_listing(engine, listing, &leftovers);
        } else {
            engine_set_down(engine, error_message(err));
        }
        done = known || engine->ending || !engine->heard;
        engine->relisting = !done;
        engine->adopts = engine->adopts && !known;
        if (engine->relist_again && known)
            engine_relist(engine);
    }
    orchestrator_info_done(&info);
    *ret_clean = leftovers_remove(engine, &leftovers);
    /* A listing takes more memory than the model that is made of it, and is freed in pieces between
     * what stays: given back, so that the daemon is as large as what it knows. */
    orchestrator_listing_free(steal(&listing));
    malloc_trim(0);
    return done;
}

/* The orchestrator answers (again). */
static void relist(void *argument)
{
    struct engine *engine = argument;
    unsigned tries = LEFTOVER_TRIES;
    for (bool clean = true; !relist_once(engine, &clean) || (!clean && --tries > 0);)
        cancel_wait(engine->end, clock_monotonic() + RELIST_PAUSE);
    with_model(engine);
    engine->pending--;
}

void engine_relist(struct engine *engine)
{
    engine->relist_again = engine->relisting;
    if (engine->relisting)
        return;
    engine->relisting = true;
    engine->pending++;
    jobs_submit(engine->relist_lane, relist, engine);
}

void engine_expect_strays(struct engine *engine)
{
    engine->strays_until = clock_monotonic() + STRAYS_PATIENCE;
}

/* What nobody here has asked for may be an earlier process's: a listing takes it in or away. Nearly
 * always there was none, and nothing is done. */
static void stray_event(struct engine *engine, const char *id)
{
    if (clock_monotonic() >= engine->strays_until || map_get(&engine->handles, id))
        return;
    for (size_t i = 0; i < engine->enclave_count; i++)
        if (engine->enclaves[i]->network_id && strcmp(engine->enclaves[i]->network_id, id) == 0)
            return;
    engine_relist(engine);
}

static void service_event(struct engine *engine, const struct orchestrator_event *event)
{
    struct member *member = event->id ? map_get(&engine->handles, event->id) : NULL;
    if (!member)
        return;
    if (event->kind == EVENT_SERVICE_STARTED) {
        member->start_unheard = false;
        member_set_status(member, SERVICE_STATUS_RUNNING, -1, "");
    } else if (event->kind == EVENT_SERVICE_EXITED && !member->start_unheard &&
               member->facts->status != SERVICE_STATUS_STARTING) {
        member_set_status(member, SERVICE_STATUS_STOPPED, event->exit_code, "");
    } else if (event->kind == EVENT_SERVICE_REMOVED && !member->busy) {
        member_drop(member);
    }
}

/* The network of an enclave was removed behind our back: make it anew, so that the enclave can be
 * used again. */
static void network_event(struct engine *engine, const char *id)
{
    for (size_t i = 0; i < engine->enclave_count; i++) {
        struct enclave *enclave = engine->enclaves[i];
        if (enclave->network_id && strcmp(enclave->network_id, id) == 0 &&
            enclave->facts->status != ENCLAVE_DESTROYING) {
            free(steal(&enclave->network_id));
            enclave_submit(enclave, engine->create_lane, enclave_operation_create, NULL);
        }
    }
}

void engine_on_event(void *context, const struct orchestrator_event *event)
{
    struct engine *engine = context;
    with_model(engine);
    if (engine->ending)
        return;
    engine->pending -= engine->unheard;
    engine->unheard = false;
    switch (event->kind) {
    case EVENT_UP:
        engine->heard = true;
        engine_relist(engine);
        break;
    case EVENT_DOWN:
        engine->heard = false;
        engine_set_down(engine, event->reason ? event->reason : "the connection was lost");
        break;
    case EVENT_NETWORK_CREATED:
    case EVENT_SERVICE_CREATED:
        stray_event(engine, event->id);
        break;
    case EVENT_NETWORK_REMOVED:
        network_event(engine, event->id);
        break;
    default:
        /* A listing that is under way may not show this yet, and must not undo it. */
        engine->relist_again = engine->relisting;
        service_event(engine, event);
        break;
    }
}
