/* The orchestrator in memory. What tests of the engine do not reach (images, archives, logs)
 * answers ENOSYS. */
#include "tests/unit/engine/fake_orchestrator.h"

#include "backend/base/clock.h"
#include "backend/base/map.h"

#include <stdio.h>
#include <string.h>

struct fake_object {
    bool is_network;
    char *id, *name, *subnet;
    enum service_state state;
    int exit_code;
    int64_t created;
    struct label *labels;
    size_t label_count;
    struct log_entry *lines;
    size_t line_count;
};

struct fake_orchestrator {
    struct orchestrator orchestrator;
    struct fake_world *world;
};

struct fake_world {
    pthread_mutex_t world_lock; /* guards all below */
    pthread_cond_t world_changed;
    struct map objects;
    unsigned next, calls[FAKE_CALL_MAX], fail_times[FAKE_CALL_MAX], held_now[FAKE_CALL_MAX];
    int fail_code[FAKE_CALL_MAX];
    bool held[FAKE_CALL_MAX];
    char *down;
    orchestrator_event_sink sink;
    void *sink_context;
};

struct fake_world *fake_world_new(void)
{
    struct fake_world *world = calloc(1, sizeof *world);
    pthread_mutex_init(&world->world_lock, NULL);
    pthread_cond_init(&world->world_changed, NULL);
    return world;
}

static struct label *labels_copy(const struct label *labels, size_t count)
{
    struct label *copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct label){strdup(labels[i].key), strdup(labels[i].value)};
    return copy;
}

static void labels_free(struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)labels[i].key);
        free((char *)labels[i].value);
    }
    free(labels);
}

static void object_free(struct fake_object *object)
{
    free(object->id);
    free(object->name);
    free(object->subnet);
    labels_free(object->labels, object->label_count);
    for (size_t i = 0; i < object->line_count; i++)
        free((char *)object->lines[i].text);
    free(object->lines);
    free(object);
}

void fake_world_free(struct fake_world *world)
{
    size_t position = 0;
    for (struct fake_object *object; (object = map_next(&world->objects, &position, NULL));)
        object_free(object);
    map_done(&world->objects);
    free(world->down);
    free(world);
}

static void send(struct fake_world *world, const struct orchestrator_event *event)
{
    pthread_mutex_lock(&world->world_lock);
    orchestrator_event_sink sink = world->sink;
    void *context = world->sink_context;
    pthread_mutex_unlock(&world->world_lock);
    if (sink)
        sink(context, event);
}

/* Counts the call, waits while its kind is held, and fails it if that was asked for. */
static int enter(struct orchestrator *self, int call, struct error **err)
{
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    with_lock(&world->world_lock);
    if (world->down)
        return error_set(err, EAGAIN, "%s", world->down);
    if (call < 0)
        return 0;
    world->calls[call]++;
    world->held_now[call]++;
    pthread_cond_broadcast(&world->world_changed);
    while (world->held[call])
        pthread_cond_wait(&world->world_changed, &world->world_lock);
    world->held_now[call]--;
    if (world->fail_times[call] > 0) {
        world->fail_times[call]--;
        return error_set(err, world->fail_code[call], "failed on cue");
    }
    return 0;
}

static int fake_info(struct orchestrator *self, const struct orchestrator_call *call,
                     struct orchestrator_info *ret_info, struct error **err)
{
    (void)call;
    if (enter(self, -1, err) < 0)
        return -1;
    *ret_info = (struct orchestrator_info){
        .kind = strdup("fake"), .version = strdup("1"), .endpoint = strdup("memory"), .cpus = 2};
    return 0;
}

static int fake_watch(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                      struct error **err)
{
    (void)err;
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    pthread_mutex_lock(&world->world_lock);
    world->sink = sink;
    world->sink_context = context;
    cleanup(free) char *down = world->down ? strdup(world->down) : NULL;
    pthread_mutex_unlock(&world->world_lock);
    send(world, &(struct orchestrator_event){.kind = down ? EVENT_DOWN : EVENT_UP, .reason = down});
    return 0;
}

static bool bears(const struct fake_object *object, const struct label *label)
{
    const char *value = label_get(object->labels, object->label_count, label->key);
    return value && strcmp(value, label->value) == 0;
}

static void list_objects(struct fake_world *world, const struct label *having,
                         struct orchestrator_listing **ret_listing)
{
    with_lock(&world->world_lock);
    struct orchestrator_listing *listing = calloc(1, sizeof *listing);
    listing->networks = calloc(world->objects.count + 1, sizeof *listing->networks);
    listing->services = calloc(world->objects.count + 1, sizeof *listing->services);
    size_t position = 0;
    for (struct fake_object *object; (object = map_next(&world->objects, &position, NULL));) {
        if (having && !bears(object, having))
            continue;
        struct label *labels = labels_copy(object->labels, object->label_count);
        if (object->is_network)
            listing->networks[listing->network_count++] =
                (struct network){.id = strdup(object->id),
                                 .name = strdup(object->name),
                                 .subnet = strdup(object->subnet),
                                 .gateway = strdup("10.0.0.1"),
                                 .labels = labels,
                                 .label_count = object->label_count};
        else
            listing->services[listing->service_count++] =
                (struct service){.id = strdup(object->id),
                                 .name = strdup(object->name),
                                 .image = strdup("image"),
                                 .state = object->state,
                                 .exit_code = object->exit_code,
                                 .created = object->created,
                                 .labels = labels,
                                 .label_count = object->label_count};
    }
    *ret_listing = listing;
}

static int fake_list(struct orchestrator *self, const struct label *having,
                     const struct orchestrator_call *call,
                     struct orchestrator_listing **ret_listing, struct error **err)
{
    (void)call;
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    if (enter(self, FAKE_LIST, err) < 0)
        return -1;
    list_objects(world, having, ret_listing);
    enter(self, FAKE_LISTED, NULL);
    return 0;
}

static struct fake_object *add(struct fake_world *world, const char *id, const char *name,
                               struct labels labels)
{
    struct fake_object *object = calloc(1, sizeof *object);
    char made[32];
    snprintf(made, sizeof made, "object-%u", ++world->next);
    object->id = strdup(id ? id : made);
    object->name = strdup(name);
    object->created = clock_now();
    object->exit_code = -1;
    object->labels = labels_copy(labels.items, labels.count);
    object->label_count = labels.count;
    map_set(&world->objects, object->id, object);
    return object;
}

static int fake_network_create(struct orchestrator *self, const struct network_spec *spec,
                               const struct orchestrator_call *call, struct network *ret_network,
                               struct error **err)
{
    (void)call;
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    if (enter(self, FAKE_NETWORK_CREATE, err) < 0)
        return -1;
    with_lock(&world->world_lock);
    struct fake_object *object = NULL;
    size_t position = 0;
    while ((object = map_next(&world->objects, &position, NULL)) &&
           strcmp(object->name, spec->name) != 0)
        continue;
    if (!object) {
        object = add(world, NULL, spec->name, spec->labels);
        object->is_network = true;
        object->subnet = strdup("10.0.0.0/24");
    }
    *ret_network = (struct network){.id = strdup(object->id),
                                    .name = strdup(spec->name),
                                    .subnet = strdup(object->subnet),
                                    .gateway = strdup("10.0.0.1")};
    return 0;
}

static int remove_object(struct orchestrator *self, int call, const char *id, struct error **err)
{
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    if (enter(self, call, err) < 0)
        return -1;
    with_lock(&world->world_lock);
    struct fake_object *object = map_remove(&world->objects, id);
    if (object)
        object_free(object);
    return 0;
}

static int fake_network_remove(struct orchestrator *self, const char *id,
                               const struct orchestrator_call *call, struct error **err)
{
    (void)call;
    return remove_object(self, FAKE_NETWORK_REMOVE, id, err);
}

static int fake_service_remove(struct orchestrator *self, const char *id,
                               const struct orchestrator_call *call, struct error **err)
{
    (void)call;
    return remove_object(self, FAKE_SERVICE_REMOVE, id, err);
}

static int fake_service_create(struct orchestrator *self, const struct service_spec *spec,
                               const struct orchestrator_call *call, char **ret_id,
                               struct error **err)
{
    (void)call;
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    if (enter(self, FAKE_SERVICE_CREATE, err) < 0)
        return -1;
    with_lock(&world->world_lock);
    *ret_id = strdup(add(world, NULL, spec->name, spec->labels)->id);
    return 0;
}

static int set_state(struct orchestrator *self, const char *id, enum service_state state,
                     struct error **err)
{
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    with_lock(&world->world_lock);
    struct fake_object *object = map_get(&world->objects, id);
    if (!object)
        return error_set(err, ENOENT, "no such service");
    object->state = state;
    return 0;
}

static int fake_service_start(struct orchestrator *self, const char *id,
                              const struct orchestrator_call *call, struct error **err)
{
    (void)call;
    return enter(self, FAKE_SERVICE_START, err) < 0 ? -1
                                                    : set_state(self, id, SERVICE_RUNNING, err);
}

static int fake_service_stop(struct orchestrator *self, const char *id, int64_t grace,
                             const struct orchestrator_call *call, struct error **err)
{
    (void)call;
    (void)grace;
    return enter(self, FAKE_SERVICE_STOP, err) < 0 ? -1 : set_state(self, id, SERVICE_EXITED, err);
}

static int fake_logs_read(struct orchestrator *self, const char *id, struct log_position *position,
                          bool follow, log_sink sink, void *context,
                          const struct orchestrator_call *call, struct error **err)
{
    (void)follow, (void)call;
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    if (enter(self, -1, err) < 0)
        return -1;
    with_lock(&world->world_lock);
    struct fake_object *object = map_get(&world->objects, id);
    if (!object)
        return error_set(err, ENOENT, "no such service");
    int result = 0;
    while (result == 0 && position->count < object->line_count) {
        const struct log_entry *line = &object->lines[position->count];
        position->count++;
        position->time = line->time;
        result = sink(context, line, 1);
    }
    return result;
}

static void fake_free(struct orchestrator *self)
{
    struct fake_world *world = ((struct fake_orchestrator *)self)->world;
    pthread_mutex_lock(&world->world_lock);
    world->sink = NULL;
    pthread_mutex_unlock(&world->world_lock);
    free(self);
}

struct orchestrator *fake_orchestrator_new(struct fake_world *world)
{
    struct fake_orchestrator *fake = calloc(1, sizeof *fake);
    fake->world = world;
    fake->orchestrator = (struct orchestrator){
        .free = fake_free,
        .info = fake_info,
        .watch = fake_watch,
        .list = fake_list,
        .network_create = fake_network_create,
        .network_remove = fake_network_remove,
        .service_create = fake_service_create,
        .service_start = fake_service_start,
        .service_stop = fake_service_stop,
        .service_remove = fake_service_remove,
        .logs_read = fake_logs_read,
    };
    return &fake->orchestrator;
}

/* ---- the test's side ---- */

void fake_fail(struct fake_world *world, enum fake_call call, int code, unsigned times)
{
    with_lock(&world->world_lock);
    world->fail_code[call] = code;
    world->fail_times[call] = times;
}

void fake_hold(struct fake_world *world, enum fake_call call)
{
    with_lock(&world->world_lock);
    world->held[call] = true;
}

void fake_release(struct fake_world *world, enum fake_call call)
{
    with_lock(&world->world_lock);
    world->held[call] = false;
    pthread_cond_broadcast(&world->world_changed);
}

void fake_wait_held(struct fake_world *world, enum fake_call call)
{
    with_lock(&world->world_lock);
    while (world->held_now[call] == 0)
        pthread_cond_wait(&world->world_changed, &world->world_lock);
}

void fake_set_down(struct fake_world *world, const char *reason)
{
    pthread_mutex_lock(&world->world_lock);
    free(world->down);
    world->down = reason ? strdup(reason) : NULL;
    pthread_mutex_unlock(&world->world_lock);
    send(world,
         &(struct orchestrator_event){.kind = reason ? EVENT_DOWN : EVENT_UP, .reason = reason});
}

unsigned fake_calls(struct fake_world *world, enum fake_call call)
{
    with_lock(&world->world_lock);
    return world->calls[call];
}

unsigned fake_objects(struct fake_world *world)
{
    with_lock(&world->world_lock);
    return (unsigned)world->objects.count;
}

void fake_add_service(struct fake_world *world, const char *id, enum service_state state,
                      struct labels labels)
{
    with_lock(&world->world_lock);
    add(world, id, id, labels)->state = state;
}

void fake_event(struct fake_world *world, enum orchestrator_event_kind kind, const char *id,
                int exit_code)
{
    send(world, &(struct orchestrator_event){.kind = kind, .id = id, .exit_code = exit_code});
}

void fake_appear_network(struct fake_world *world, const char *id, struct labels labels)
{
    {
        with_lock(&world->world_lock);
        struct fake_object *object = add(world, id, id, labels);
        object->is_network = true;
        object->subnet = strdup("10.0.1.0/24");
    }
    fake_event(world, EVENT_NETWORK_CREATED, id, -1);
}

char *fake_newest_service(struct fake_world *world)
{
    const struct fake_object *newest = NULL;
    size_t position = 0;
    with_lock(&world->world_lock);
    for (const struct fake_object *object; (object = map_next(&world->objects, &position, NULL));)
        if (!object->is_network && (!newest || object->created > newest->created))
            newest = object;
    return newest ? strdup(newest->id) : NULL;
}

void fake_exit_service(struct fake_world *world, const char *id, int exit_code)
{
    {
        with_lock(&world->world_lock);
        struct fake_object *object = map_get(&world->objects, id);
        object->state = SERVICE_EXITED;
        object->exit_code = exit_code;
    }
    fake_event(world, EVENT_SERVICE_EXITED, id, exit_code);
}

void fake_log(struct fake_world *world, const char *id, int64_t time, const char *text)
{
    with_lock(&world->world_lock);
    struct fake_object *object = map_get(&world->objects, id);
    object->lines = realloc(object->lines, (object->line_count + 1) * sizeof *object->lines);
    object->lines[object->line_count++] = (struct log_entry){
        .stream = STREAM_STDOUT, .time = time, .text = strdup(text), .length = strlen(text)};
}
