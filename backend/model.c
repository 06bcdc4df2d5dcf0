/*
 * The model's lock, its table of objects, and how changes are published: under the lock they are
 * queued, and after it is dropped the tree is told. What an object's change means for its enclave
 * (a list of members changed) is decided here, so that nobody forgets it.
 */
#include "backend/engine_int.h"

#include <string.h>

struct pending_change {
    struct pending_change *next;
    struct engine_change change;
    char *name, *old_name;
    bool is_event;
};

void model_lock(struct engine *engine)
{
    pthread_mutex_lock(&engine->model_lock);
}

/* Says that the files of events have grown. */
static void event_deliver(struct engine *engine, const struct pending_change *pending)
{
    struct engine_change grown = {.change = CHANGE_MODIFIED,
                                  .kind = OBJECT_ENGINE,
                                  .aspects = ASPECT_BIT(ASPECT_EVENTS),
                                  .name = "engine"};
    if (engine->sink)
        engine->sink(engine->sink_context, &grown);
    grown.kind = OBJECT_ENCLAVE;
    grown.id = pending->change.kind == OBJECT_ENCLAVE ? pending->change.id : pending->change.parent;
    if (engine->sink && grown.id)
        engine->sink(engine->sink_context, &grown);
}

static void change_deliver(struct engine *engine, struct pending_change *first)
{
    if (!first)
        return;
    pthread_rwlock_rdlock(&engine->sink_lock);
    for (struct pending_change *next; first; first = next) {
        next = first->next;
        if (first->is_event)
            event_deliver(engine, first);
        if (engine->sink)
            engine->sink(engine->sink_context, &first->change);
        free(first->name);
        free(first->old_name);
        free(first);
    }
    pthread_rwlock_unlock(&engine->sink_lock);
}

void model_unlock(struct engine *engine)
{
    struct pending_change *changes = steal(&engine->changes);
    bool events = engine->events != NULL;
    engine->last_change = &engine->changes;
    if (changes)
        pthread_cond_broadcast(&engine->model_changed);
    pthread_mutex_unlock(&engine->model_lock);
    if (events)
        events_write(engine);
    change_deliver(engine, changes);
    waiters_check(engine);
}

static const char *status_of(struct engine *engine, const struct engine_change *change)
{
    struct object *object = idmap_get(&engine->objects, change->id);
    if (change->change == CHANGE_REMOVED || !object)
        return "";
    switch (change->kind) {
    case OBJECT_ENCLAVE:
        return enclave_status_name(((struct enclave *)object)->facts->status);
    case OBJECT_SERVICE:
        return service_status_name(((struct member *)object)->facts->status);
    case OBJECT_RUN:
        return run_status_name(((struct run *)object)->facts->status);
    default:
        return "";
    }
}

/* The line is made now, while the object is as the change left it. */
static void event_prepare(struct engine *engine, const struct engine_change *change)
{
    cleanup(buf_done) struct buf line = BUF_INIT(4096), path = BUF_INIT(BUF_MAX_TEXT);
    struct enclave *enclave =
        idmap_get(&engine->objects, change->kind == OBJECT_ENCLAVE ? change->id : change->parent);
    event_put(&line, change, enclave ? enclave->facts->name : "", status_of(engine, change));
    if (enclave && enclave->facts->status != ENCLAVE_DESTROYING) {
        enclave_path(enclave, &path, "events");
        event_queue(engine, buf_steal(&line, NULL), buf_steal(&path, NULL));
    } else {
        event_queue(engine, buf_steal(&line, NULL), NULL);
    }
}

static void change_queue(struct engine *engine, const struct engine_change *change)
{
    struct pending_change *pending = calloc(1, sizeof *pending);
    if (!pending)
        abort();
    pending->change = *change;
    fact_set(&pending->name, change->name);
    fact_set(&pending->old_name, change->old_name);
    pending->change.name = pending->name;
    pending->change.old_name = pending->old_name;
    pending->is_event = event_wanted(change);
    if (pending->is_event)
        event_prepare(engine, change);
    *engine->last_change = pending;
    engine->last_change = &pending->next;
}

static void mark_changed(int64_t changed[ASPECT_MAX], unsigned aspects)
{
    int64_t now = clock_now();
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        if (aspects & ASPECT_BIT(aspect))
            changed[aspect] = now;
}

static void change_modified(struct engine *engine, const struct object *object, object_id parent,
                            const char *name, unsigned aspects)
{
    change_queue(engine, &(struct engine_change){.change = CHANGE_MODIFIED,
                                                 .kind = object->kind,
                                                 .id = object->id,
                                                 .parent = parent,
                                                 .aspects = aspects,
                                                 .name = name});
}

void engine_publish(struct engine *engine, struct engine_facts *facts, unsigned aspects)
{
    mark_changed(facts->changed, aspects);
    engine_facts_unref(engine->facts);
    engine->facts = facts;
    change_modified(engine, &(struct object){.kind = OBJECT_ENGINE}, 0, "engine", aspects);
}

void engine_touch(struct engine *engine, unsigned aspects)
{
    engine_publish(engine, engine_facts_clone(engine->facts), aspects);
}

void enclave_publish(struct enclave *enclave, struct enclave_facts *facts, unsigned aspects)
{
    mark_changed(facts->changed, aspects);
    enclave_facts_unref(enclave->facts);
    enclave->facts = facts;
    change_modified(enclave->engine, &enclave->object, 0, facts->name, aspects);
    /* The table of enclaves shows names and states. */
    if (aspects & (ASPECT_BIT(ASPECT_STATUS) | ASPECT_BIT(ASPECT_IDENTITY)))
        engine_touch(enclave->engine, ASPECT_BIT(ASPECT_ENCLAVES));
}

void enclave_touch(struct enclave *enclave, unsigned aspects)
{
    enclave_publish(enclave, enclave_facts_clone(enclave->facts), aspects);
}

void service_publish(struct member *member, struct service_facts *facts, unsigned aspects)
{
    mark_changed(facts->changed, aspects);
    service_facts_unref(member->facts);
    member->facts = facts;
    change_modified(member->enclave->engine, &member->object, member->enclave->object.id,
                    facts->name, aspects);
    /* The enclave's page shows its services with ports and states. */
    enclave_touch(member->enclave, ASPECT_BIT(ASPECT_SERVICES));
}

void run_publish(struct run *run, struct run_facts *facts, unsigned aspects)
{
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)facts->number);
    mark_changed(facts->changed, aspects);
    run_facts_unref(run->facts);
    run->facts = facts;
    change_modified(run->enclave->engine, &run->object, run->enclave->object.id, name, aspects);
}

void run_touch(struct run *run, unsigned aspects)
{
    run_publish(run, run_facts_clone(run->facts), aspects);
}

void change_add(struct engine *engine, enum change_kind change, const struct object *object,
                object_id parent, const char *name, const char *old_name)
{
    change_queue(engine, &(struct engine_change){.change = change,
                                                 .kind = object->kind,
                                                 .id = object->id,
                                                 .parent = parent,
                                                 .name = name,
                                                 .old_name = old_name});
}

struct object *object_get(struct engine *engine, object_id id, enum object_kind kind)
{
    struct object *object = idmap_get(&engine->objects, id);
    return object && object->kind == kind ? object : NULL;
}

object_id object_add(struct engine *engine, struct object *object, enum object_kind kind)
{
    object->kind = kind;
    object->id = ++engine->last_id;
    idmap_set(&engine->objects, object->id, object);
    return object->id;
}
