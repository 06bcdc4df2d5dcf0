/* One lock, three maps, and a temporary directory. */
#include "tests/unit/kfs/fake_engine.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/base/map.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    LIST_MAX = 16384
};

struct fake_list {
    object_id *ids;
    size_t count;
};
struct fake_enclave {
    struct enclave_facts *facts;
    struct fake_list services, runs;
};
struct engine_waiter {
    struct engine_waiter *next;
    struct engine *engine;
    enum object_kind kind;
    object_id id;
    void (*done)(void *context, const struct error *err);
    void *context;
    bool fired, calling, released;
    pthread_t caller;
};
struct engine {
    pthread_mutex_t model_lock; /* guards all below */
    pthread_cond_t called;
    struct idmap enclaves, services, runs; /* struct fake_enclave, service_facts, run_facts */
    struct map by_name;
    struct fake_list order; /* of enclaves */
    object_id last_id;
    int state_fd;
    char state_dir[256];
    struct engine_facts *facts;
    struct buf errors;
    engine_change_sink sink;
    void *sink_context;
    bool hold, stall;
    unsigned stalled;
    struct engine_waiter *waiters;
    struct log_follower *followers;
    uint64_t round;
};

/* ---- names ---- */

static bool name_matches(const char *name, size_t max, bool upper)
{
    size_t length = strlen(name);
    for (const char *c = name; *c; c++)
        if (!(*c == '-' || isdigit((unsigned char)*c) || islower((unsigned char)*c) ||
              (upper && isupper((unsigned char)*c))))
            return false;
    return length > 0 && length <= max;
}

bool enclave_name_valid(const char *name)
{
    return name_matches(name, NAME_MAX_ENCLAVE, true);
}

bool service_name_valid(const char *name)
{
    return name_matches(name, NAME_MAX_SERVICE, false);
}

bool port_id_valid(const char *id)
{
    return name_matches(id, NAME_MAX_PORT, false);
}

bool plan_name_acts(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && *name != '.' && *name != '#' && strcmp(name + length - 5, ".star") == 0;
}

const char *enclave_status_name(enum enclave_status status)
{
    static const char *const names[] = {"CREATING", "EMPTY",  "RUNNING",   "STOPPED",
                                        "DEGRADED", "FAILED", "DESTROYING"};
    return names[status];
}

const char *run_status_name(enum run_status status)
{
    static const char *const names[] = {"PENDING",   "INTERPRETING", "VALIDATING", "EXECUTING",
                                        "SUCCEEDED", "FAILED",       "CANCELLED"};
    return names[status];
}

const char *service_status_name(enum service_status status)
{
    if (status == SERVICE_STATUS_RUNNING)
        return "RUNNING";
    return status == SERVICE_STATUS_STOPPED ? "STOPPED" : "OTHER";
}

/* ---- lists and changes ---- */

static void list_add(struct fake_list *list, object_id id)
{
    if (!list->ids)
        list->ids = calloc(LIST_MAX, sizeof *list->ids);
    if (!list->ids || list->count == LIST_MAX)
        abort();
    list->ids[list->count++] = id;
}

static void list_remove(struct fake_list *list, object_id id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->ids[i] == id) {
            memmove(&list->ids[i], &list->ids[i + 1], (--list->count - i) * sizeof *list->ids);
            return;
        }
    }
}

static void tell(struct engine *engine, struct engine_change change)
{
    pthread_mutex_lock(&engine->model_lock);
    engine_change_sink sink = engine->sink;
    void *context = engine->sink_context;
    pthread_mutex_unlock(&engine->model_lock);
    if (sink)
        sink(context, &change);
}

static void tell_modified(struct engine *engine, enum object_kind kind, object_id id,
                          object_id parent, unsigned aspects)
{
    tell(engine, (struct engine_change){.change = CHANGE_MODIFIED,
                                        .kind = kind,
                                        .id = id,
                                        .parent = parent,
                                        .aspects = aspects,
                                        .name = ""});
}

static void touch(int64_t changed[ASPECT_MAX], unsigned aspects)
{
    static atomic_llong last;
    int64_t now = clock_now(), before = last;
    last = now > before ? now : before + 1;
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        if (aspects & ASPECT_BIT(aspect))
            changed[aspect] = last;
}

static char *copy(const char *text)
{
    char *made = text ? strdup(text) : NULL;
    if (text && !made)
        abort();
    return made;
}

/* ---- facts: copied for each change, counted ---- */

static bool unref(unsigned *references)
{
    return __atomic_sub_fetch(references, 1, __ATOMIC_ACQ_REL) == 0;
}

static void *reference(void *facts, unsigned *references)
{
    __atomic_add_fetch(references, 1, __ATOMIC_ACQ_REL);
    return facts;
}

static void *duplicate(const void *facts, size_t size)
{
    void *made = malloc(size);
    if (!made)
        abort();
    return memcpy(made, facts, size);
}

void engine_facts_unref(struct engine_facts *facts)
{
    if (!unref(&facts->references))
        return;
    free(facts->orchestrator);
    free(facts->reason);
    free(facts);
}

void enclave_facts_unref(struct enclave_facts *facts)
{
    if (!unref(&facts->references))
        return;
    free(facts->error);
    free(facts);
}

void run_facts_unref(struct run_facts *facts)
{
    if (unref(&facts->references))
        free(facts);
}

static void ports_free(struct port_facts *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(ports[i].application);
        free(ports[i].url);
        free(ports[i].host_address);
    }
    free(ports);
}

void service_facts_unref(struct service_facts *facts)
{
    if (!unref(&facts->references))
        return;
    ports_free(facts->ports, facts->port_count);
    free(facts->reason);
    free(facts->image);
    free(facts->address);
    free(facts->config);
    free(facts);
}

/* The engine's facts, changed in the aspects. Under model_lock. */
static void engine_facts_change(struct engine *engine, unsigned aspects)
{
    struct engine_facts *next = duplicate(engine->facts, sizeof *next);
    next->references = 1;
    next->orchestrator = copy(next->orchestrator);
    next->reason = copy(next->reason);
    touch(next->changed, aspects);
    engine_facts_unref(engine->facts);
    engine->facts = next;
}

static struct enclave_facts *enclave_facts_change(struct fake_enclave *enclave, unsigned aspects)
{
    struct enclave_facts *next = duplicate(enclave->facts, sizeof *next);
    next->references = 1;
    next->error = copy(next->error);
    touch(next->changed, aspects);
    enclave_facts_unref(enclave->facts);
    enclave->facts = next;
    return next;
}

static struct port_facts *ports_copy(const struct port_facts *ports, size_t count)
{
    struct port_facts *made = calloc(count + 1, sizeof *made);
    for (size_t i = 0; i < count; i++) {
        made[i] = ports[i];
        made[i].application = copy(ports[i].application);
        made[i].url = copy(ports[i].url);
        made[i].host_address = copy(ports[i].host_address);
    }
    return made;
}

static struct service_facts *service_facts_change(struct engine *engine, object_id id,
                                                  unsigned aspects)
{
    struct service_facts *before = idmap_get(&engine->services, id);
    struct service_facts *next = duplicate(before, sizeof *next);
    next->references = 1;
    next->reason = copy(next->reason);
    next->image = copy(next->image);
    next->address = copy(next->address);
    next->config = copy(next->config);
    next->ports = ports_copy(before->ports, before->port_count);
    touch(next->changed, aspects);
    idmap_set(&engine->services, id, next);
    service_facts_unref(before);
    return next;
}

static struct run_facts *run_facts_change(struct engine *engine, object_id id, unsigned aspects)
{
    struct run_facts *before = idmap_get(&engine->runs, id);
    struct run_facts *next = duplicate(before, sizeof *next);
    next->references = 1;
    touch(next->changed, aspects);
    idmap_set(&engine->runs, id, next);
    run_facts_unref(before);
    return next;
}

/* ---- the engine ---- */

static void populate(struct engine *engine, unsigned enclaves, unsigned services)
{
    for (unsigned i = 0; i < enclaves; i++) {
        char name[32];
        object_id id;
        snprintf(name, sizeof name, "e%u", i);
        if (enclave_create(engine, name, getuid(), getgid(), &id, NULL) < 0)
            abort();
        for (unsigned j = 0; j < services; j++) {
            snprintf(name, sizeof name, "s%u", j);
            fake_service_add(engine, id, name);
        }
    }
}

struct engine *engine_new(const struct engine_options *options, struct orchestrator *orchestrator,
                          struct error **err)
{
    (void)orchestrator;
    struct engine *engine = calloc(1, sizeof *engine);
    struct engine_facts *facts = calloc(1, sizeof *facts);
    if (!engine || !facts)
        abort();
    pthread_mutex_init(&engine->model_lock, NULL);
    pthread_cond_init(&engine->called, NULL);
    engine->errors = BUF_INIT(BUF_MAX_TEXT);
    engine->facts = facts;
    *facts = (struct engine_facts){.up = true, .references = 1, .started = clock_now()};
    facts->orchestrator = copy("fake 1.0 memory:");
    facts->reason = copy("");
    snprintf(engine->state_dir, sizeof engine->state_dir, "%s", options->state_dir);
    if (file_make_dirs(AT_FDCWD, options->state_dir, err) < 0)
        abort();
    engine->state_fd = open(options->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned enclaves = 0, services = 0;
    const char *wanted = getenv("FAKE_ENGINE");
    if (wanted && sscanf(wanted, "%u %u", &enclaves, &services) == 2)
        populate(engine, enclaves, services);
    return engine;
}

static void enclave_drop(struct engine *engine, struct fake_enclave *enclave)
{
    for (size_t i = 0; i < enclave->services.count; i++)
        service_facts_unref(idmap_remove(&engine->services, enclave->services.ids[i]));
    for (size_t i = 0; i < enclave->runs.count; i++)
        run_facts_unref(idmap_remove(&engine->runs, enclave->runs.ids[i]));
    free(enclave->services.ids);
    free(enclave->runs.ids);
    enclave_facts_unref(enclave->facts);
    free(enclave);
}

void engine_free(struct engine *engine)
{
    size_t position = 0;
    for (struct fake_enclave *enclave; (enclave = idmap_next(&engine->enclaves, &position));)
        enclave_drop(engine, enclave);
    idmap_done(&engine->enclaves);
    idmap_done(&engine->services);
    idmap_done(&engine->runs);
    map_done(&engine->by_name);
    free(engine->order.ids);
    engine_facts_unref(engine->facts);
    buf_done(&engine->errors);
    close(engine->state_fd);
    pthread_mutex_destroy(&engine->model_lock);
    pthread_cond_destroy(&engine->called);
    free(engine);
}

void engine_set_change_sink(struct engine *engine, engine_change_sink sink, void *context)
{
    with_lock(&engine->model_lock);
    engine->sink = sink;
    engine->sink_context = context;
}

struct engine_facts *engine_get(struct engine *engine)
{
    with_lock(&engine->model_lock);
    return reference(engine->facts, &engine->facts->references);
}

const char *engine_instance(const struct engine *engine)
{
    (void)engine;
    return "fake";
}

void engine_note_failure(struct engine *engine, object_id id, const char *operation,
                         const char *path, const struct error *failure)
{
    pthread_mutex_lock(&engine->model_lock);
    buf_printf(&engine->errors, "%s %s %s: %s\n", operation, path,
               strerrorname_np(error_code(failure)), error_message(failure));
    engine_facts_change(engine, ASPECT_BIT(ASPECT_ERROR));
    struct fake_enclave *enclave = id ? idmap_get(&engine->enclaves, id) : NULL;
    if (enclave) {
        struct enclave_facts *facts = enclave_facts_change(enclave, ASPECT_BIT(ASPECT_ERROR));
        free(facts->error);
        facts->error = copy(error_message(failure));
    }
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_ENGINE, 0, 0, ASPECT_BIT(ASPECT_ERROR));
    if (enclave)
        tell_modified(engine, OBJECT_ENCLAVE, id, 0, ASPECT_BIT(ASPECT_ERROR));
}

void engine_put_errors(struct engine *engine, struct buf *out)
{
    with_lock(&engine->model_lock);
    engine->stalled++;
    pthread_cond_broadcast(&engine->called);
    while (engine->stall)
        pthread_cond_wait(&engine->called, &engine->model_lock);
    engine->stalled--;
    buf_append(out, engine->errors.data, engine->errors.length);
}

int64_t engine_errors_changed(struct engine *engine)
{
    with_lock(&engine->model_lock);
    return engine->facts->changed[ASPECT_ERROR];
}

/* A file of the state directory for an object. */
static int state_file(struct engine *engine, const char *kind, object_id id, const char *name,
                      int flags)
{
    char path[512];
    snprintf(path, sizeof path, "%s.%llu.%s", kind, (unsigned long long)id, name);
    return openat(engine->state_fd, path, flags | O_CREAT | O_CLOEXEC, 0600);
}

static void state_append(struct engine *engine, const char *kind, object_id id, const char *name,
                         const char *text)
{
    cleanup(close) int fd = state_file(engine, kind, id, name, O_WRONLY | O_APPEND);
    if (fd < 0 || file_write_all(fd, text, strlen(text)) < 0)
        abort();
}

int engine_open_log(struct engine *engine, struct error **err)
{
    (void)err;
    return state_file(engine, "engine", 0, "log", O_RDONLY);
}

int engine_open_events(struct engine *engine, object_id enclave, struct error **err)
{
    (void)err;
    return state_file(engine, "events", enclave, "events", O_RDONLY);
}

void engine_put_metrics(struct engine *engine, struct buf *out)
{
    buf_printf(out, "kfs_enclaves %zu\n", engine->order.count);
}

int enclave_open_logs(struct engine *engine, object_id id, struct error **err)
{
    (void)err;
    return state_file(engine, "enclave", id, "logs", O_RDONLY);
}

int service_put_stats(struct engine *engine, object_id id, struct buf *out, struct error **err)
{
    (void)engine, (void)id, (void)err;
    buf_puts(out, "cpu_nanoseconds 1\n");
    return 0;
}

/* ---- enclaves ---- */

struct enclave_facts *enclave_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, id);
    return enclave ? reference(enclave->facts, &enclave->facts->references) : NULL;
}

object_id enclave_find(struct engine *engine, const char *name)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = map_get(&engine->by_name, name);
    return enclave ? enclave->facts->id : 0;
}

size_t enclave_list(struct engine *engine, bool destroying, struct enclave_facts ***ret_list)
{
    (void)destroying;
    with_lock(&engine->model_lock);
    *ret_list = calloc(engine->order.count + 1, sizeof **ret_list);
    for (size_t i = 0; i < engine->order.count; i++) {
        struct fake_enclave *enclave = idmap_get(&engine->enclaves, engine->order.ids[i]);
        (*ret_list)[i] = reference(enclave->facts, &enclave->facts->references);
    }
    return engine->order.count;
}

static void plan_path(char *path, size_t size, object_id id)
{
    snprintf(path, size, "plan.%llu", (unsigned long long)id);
}

static struct fake_enclave *enclave_new(struct engine *engine, const char *name, uid_t uid,
                                        gid_t gid)
{
    struct fake_enclave *enclave = calloc(1, sizeof *enclave);
    struct enclave_facts *facts = calloc(1, sizeof *facts);
    if (!enclave || !facts)
        abort();
    *facts = (struct enclave_facts){.id = ++engine->last_id,
                                    .status = ENCLAVE_EMPTY,
                                    .created = clock_now(),
                                    .uid = uid,
                                    .gid = gid,
                                    .references = 1};
    snprintf(facts->name, sizeof facts->name, "%s", name);
    uuid_new(facts->uuid);
    facts->error = copy("");
    touch(facts->changed, ~0u);
    enclave->facts = facts;
    return enclave;
}

int enclave_create(struct engine *engine, const char *name, uid_t uid, gid_t gid, object_id *ret_id,
                   struct error **err)
{
    char path[64];
    if (!enclave_name_valid(name))
        return error_set(err, EINVAL, "'%s' is no name for an enclave", name);
    pthread_mutex_lock(&engine->model_lock);
    bool taken = map_get(&engine->by_name, name);
    if (!taken) {
        struct fake_enclave *enclave = enclave_new(engine, name, uid, gid);
        *ret_id = enclave->facts->id;
        idmap_set(&engine->enclaves, *ret_id, enclave);
        map_set(&engine->by_name, name, enclave);
        list_add(&engine->order, *ret_id);
        engine_facts_change(engine, ASPECT_BIT(ASPECT_ENCLAVES));
        plan_path(path, sizeof path, *ret_id);
        if (mkdirat(engine->state_fd, path, 0755) < 0)
            abort();
    }
    pthread_mutex_unlock(&engine->model_lock);
    if (taken)
        return error_set(err, EEXIST, "there is an enclave '%s' already", name);
    tell(engine, (struct engine_change){
                     .change = CHANGE_ADDED, .kind = OBJECT_ENCLAVE, .id = *ret_id, .name = name});
    return 0;
}

int enclave_destroy(struct engine *engine, object_id id, struct error **err)
{
    char name[NAME_MAX_ENCLAVE + 1] = "", path[64];
    pthread_mutex_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_remove(&engine->enclaves, id);
    if (enclave) {
        memcpy(name, enclave->facts->name, sizeof name);
        map_remove(&engine->by_name, name);
        list_remove(&engine->order, id);
        enclave_drop(engine, enclave);
        engine_facts_change(engine, ASPECT_BIT(ASPECT_ENCLAVES));
    }
    pthread_mutex_unlock(&engine->model_lock);
    if (!enclave)
        return error_set(err, ENOENT, "no such enclave");
    plan_path(path, sizeof path, id);
    file_remove_tree(engine->state_fd, path, NULL);
    tell(engine, (struct engine_change){
                     .change = CHANGE_REMOVED, .kind = OBJECT_ENCLAVE, .id = id, .name = name});
    return 0;
}

int enclave_rename(struct engine *engine, object_id id, const char *name, struct error **err)
{
    char old_name[NAME_MAX_ENCLAVE + 1] = "";
    if (!enclave_name_valid(name))
        return error_set(err, EINVAL, "'%s' is no name for an enclave", name);
    pthread_mutex_lock(&engine->model_lock);
    bool taken = map_get(&engine->by_name, name);
    if (!taken) {
        struct fake_enclave *enclave = idmap_get(&engine->enclaves, id);
        memcpy(old_name, enclave->facts->name, sizeof old_name);
        struct enclave_facts *facts = enclave_facts_change(enclave, ASPECT_BIT(ASPECT_IDENTITY));
        snprintf(facts->name, sizeof facts->name, "%s", name);
        map_remove(&engine->by_name, old_name);
        map_set(&engine->by_name, name, enclave);
        engine_facts_change(engine, ASPECT_BIT(ASPECT_ENCLAVES));
    }
    pthread_mutex_unlock(&engine->model_lock);
    if (taken)
        return error_set(err, EEXIST, "there is an enclave '%s' already", name);
    tell(engine, (struct engine_change){.change = CHANGE_RENAMED,
                                        .kind = OBJECT_ENCLAVE,
                                        .id = id,
                                        .name = name,
                                        .old_name = old_name});
    return 0;
}

int enclave_set_status(struct engine *engine, object_id id, const char *word, struct error **err)
{
    enum enclave_status status = strcmp(word, "RUNNING") == 0 ? ENCLAVE_RUNNING : ENCLAVE_STOPPED;
    if (strcmp(word, enclave_status_name(status)) != 0)
        return error_set(err, EINVAL, "'%s' is no status to set", word);
    pthread_mutex_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, id);
    if (enclave) {
        enclave_facts_change(enclave, ASPECT_BIT(ASPECT_STATUS))->status = status;
        engine_facts_change(engine, ASPECT_BIT(ASPECT_ENCLAVES));
    }
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_ENCLAVE, id, 0, ASPECT_BIT(ASPECT_STATUS));
    tell_modified(engine, OBJECT_ENGINE, 0, 0, ASPECT_BIT(ASPECT_ENCLAVES));
    return 0;
}

int enclave_open_plan(struct engine *engine, object_id id, struct error **err)
{
    char path[64];
    plan_path(path, sizeof path, id);
    int fd = openat(engine->state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot open plan/") : fd;
}

int enclave_open_artifacts(struct engine *engine, object_id id, struct error **err)
{
    char path[64];
    snprintf(path, sizeof path, "files.%llu", (unsigned long long)id);
    return file_open_dir(engine->state_fd, path, err);
}

int artifact_name_check(const char *name, struct error **err)
{
    return *name == '.' ? error_set(err, EINVAL, "'%s' is no name for an artifact", name) : 0;
}

void enclave_artifact_changed(struct engine *engine, object_id id, const char *name)
{
    (void)name;
    pthread_mutex_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, id);
    if (enclave)
        enclave_facts_change(enclave, ASPECT_BIT(ASPECT_ARTIFACTS));
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_ENCLAVE, id, 0, ASPECT_BIT(ASPECT_ARTIFACTS));
}

int enclave_artifacts(struct engine *engine, object_id id,
                      void (*each)(void *context, const char *uuid, const char *name),
                      void *context, struct error **err)
{
    int fd = enclave_open_artifacts(engine, id, err);
    cleanup(closedir) DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        if (*entry->d_name != '.')
            each(context, "0123456789abcdef0123456789abcdef", entry->d_name);
    return 0;
}

char *service_root(struct engine *engine, object_id id, struct error **err)
{
    (void)id, (void)err;
    return copy(engine->state_dir);
}

/* ---- runs ---- */

static object_id run_add(struct engine *engine, object_id enclave_id, const char *script, uid_t uid)
{
    pthread_mutex_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    struct run_facts *run = calloc(1, sizeof *run);
    if (!enclave || !run)
        abort();
    *run = (struct run_facts){.id = ++engine->last_id,
                              .enclave = enclave_id,
                              .number = enclave->runs.count + 1,
                              .status = engine->hold ? RUN_EXECUTING : RUN_SUCCEEDED,
                              .step = 1,
                              .steps = 2,
                              .submitted = clock_now(),
                              .started = clock_now(),
                              .finished = engine->hold ? 0 : clock_now(),
                              .uid = uid,
                              .references = 1};
    touch(run->changed, ~0u);
    object_id id = run->id;
    list_add(&enclave->runs, id);
    idmap_set(&engine->runs, id, run);
    enclave_facts_change(enclave, ASPECT_BIT(ASPECT_RUNS))->last_run = run->number;
    state_append(engine, "run", id, "script", script);
    pthread_mutex_unlock(&engine->model_lock);
    tell(engine, (struct engine_change){.change = CHANGE_ADDED,
                                        .kind = OBJECT_RUN,
                                        .id = id,
                                        .parent = enclave_id,
                                        .name = "1"});
    return id;
}

int enclave_plan_written(struct engine *engine, object_id id, const char *name, uid_t uid,
                         object_id *ret_run, struct error **err)
{
    cleanup(close) int plan = enclave_open_plan(engine, id, err);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    *ret_run = 0;
    if (plan < 0 || file_read(plan, name, &text, err) < 0)
        return -1;
    if (text.length > 0)
        *ret_run = run_add(engine, id, text.data, uid);
    if (!strstr(text.data, "syntax error"))
        return 0;
    fake_run_finish(engine, *ret_run, RUN_FAILED);
    return error_set(err, EINVAL, "%s:1:1: syntax error", name);
}

int enclave_run(struct engine *engine, object_id id, const char *line, uid_t uid,
                object_id *ret_run, struct error **err)
{
    if (*line != '.' && *line != '/')
        return error_set(err, EINVAL, "'%s' is no locator", line);
    *ret_run = run_add(engine, id, line, uid);
    return 0;
}

struct run_facts *run_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct run_facts *run = idmap_get(&engine->runs, id);
    return run ? reference(run, &run->references) : NULL;
}

object_id run_find(struct engine *engine, object_id enclave_id, uint64_t number)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    return enclave && number - 1 < enclave->runs.count ? enclave->runs.ids[number - 1] : 0;
}

size_t run_list(struct engine *engine, object_id enclave_id, struct run_facts ***ret_list)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    size_t count = enclave ? enclave->runs.count : 0;
    *ret_list = calloc(count + 1, sizeof **ret_list);
    for (size_t i = 0; i < count; i++) {
        struct run_facts *run = idmap_get(&engine->runs, enclave->runs.ids[i]);
        (*ret_list)[i] = reference(run, &run->references);
    }
    return count;
}

int run_open_file(struct engine *engine, object_id run, enum run_file file, struct error **err)
{
    static const char *const names[RUN_FILE_MAX] = {"script", "args",  "plan",
                                                    "output", "error", "result"};
    int fd = state_file(engine, "run", run, names[file], O_RDONLY);
    return fd < 0 ? error_system(err, "cannot open the file") : fd;
}

int run_cancel(struct engine *engine, object_id run, struct error **err)
{
    struct run_facts *facts = run_get(engine, run);
    bool finished = !facts || facts->finished;
    if (facts)
        run_facts_unref(facts);
    if (finished)
        return error_set(err, EINVAL, "the run is finished");
    fake_run_finish(engine, run, RUN_CANCELLED);
    return 0;
}

/* ---- services ---- */

struct service_facts *service_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct service_facts *service = idmap_get(&engine->services, id);
    return service ? reference(service, &service->references) : NULL;
}

object_id service_find(struct engine *engine, object_id enclave_id, const char *name)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    for (size_t i = 0; enclave && i < enclave->services.count; i++) {
        struct service_facts *service = idmap_get(&engine->services, enclave->services.ids[i]);
        if (strcmp(service->name, name) == 0)
            return service->id;
    }
    return 0;
}

size_t service_list(struct engine *engine, object_id enclave_id, struct service_facts ***ret_list)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    size_t count = enclave ? enclave->services.count : 0;
    *ret_list = calloc(count + 1, sizeof **ret_list);
    for (size_t i = 0; i < count; i++) {
        struct service_facts *service = idmap_get(&engine->services, enclave->services.ids[i]);
        (*ret_list)[i] = reference(service, &service->references);
    }
    return count;
}

static void followers_tell(struct engine *engine, object_id service);

int service_create(struct engine *engine, object_id enclave, const char *name, object_id *ret_id,
                   struct error **err)
{
    if (!service_name_valid(name))
        return error_set(err, EINVAL, "'%s' is no name for a service", name);
    if (service_find(engine, enclave, name))
        return error_set(err, EEXIST, "there is a service '%s'", name);
    *ret_id = fake_service_add(engine, enclave, name);
    fake_service_set_status(engine, *ret_id, SERVICE_STATUS_NEW);
    return 0;
}

int service_remove(struct engine *engine, object_id id, struct error **err)
{
    pthread_mutex_lock(&engine->model_lock);
    struct service_facts *service = idmap_remove(&engine->services, id);
    struct fake_enclave *enclave = service ? idmap_get(&engine->enclaves, service->enclave) : NULL;
    if (enclave) {
        list_remove(&enclave->services, id);
        enclave_facts_change(enclave, ASPECT_BIT(ASPECT_SERVICES));
    }
    pthread_mutex_unlock(&engine->model_lock);
    if (!service)
        return error_set(err, ENOENT, "no such service");
    tell(engine, (struct engine_change){.change = CHANGE_REMOVED,
                                        .kind = OBJECT_SERVICE,
                                        .id = id,
                                        .parent = service->enclave,
                                        .name = service->name});
    followers_tell(engine, id);
    service_facts_unref(service);
    return 0;
}

int service_set_status(struct engine *engine, object_id id, const char *word, struct error **err)
{
    bool stop = strcmp(word, "STOPPED") == 0;
    if (!stop && strcmp(word, "RUNNING") != 0 && strcmp(word, "RESTART") != 0)
        return error_set(err, EINVAL, "'%s' is no status to set", word);
    fake_service_set_status(engine, id, stop ? SERVICE_STATUS_STOPPED : SERVICE_STATUS_RUNNING);
    return 0;
}

int service_configure(struct engine *engine, object_id enclave, const char *name, const char *json,
                      size_t length, uid_t uid, object_id *ret_run, struct error **err)
{
    object_id id = service_find(engine, enclave, name);
    if (length == 0 || *json != '{')
        return error_set(err, EINVAL, "it is no ServiceConfig");
    pthread_mutex_lock(&engine->model_lock);
    struct service_facts *facts = service_facts_change(engine, id, ASPECT_BIT(ASPECT_CONFIG));
    free(facts->config);
    facts->config = copy(json);
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_SERVICE, id, enclave, ASPECT_BIT(ASPECT_CONFIG));
    *ret_run = run_add(engine, enclave, json, uid);
    return 0;
}

int service_open_logs(struct engine *engine, object_id id, struct error **err)
{
    int fd = state_file(engine, "service", id, "logs", O_RDONLY);
    return fd < 0 ? error_system(err, "cannot open the log") : fd;
}

/* ---- streams ---- */

struct log_follower {
    struct log_follower *next;
    struct engine *engine;
    object_id service;
    void (*grown)(void *context);
    void *context;
    off_t offset;
    uint64_t round; /* in which it was told last */
    bool calling;
};

struct log_follower *service_follow(struct engine *engine, object_id id,
                                    void (*grown)(void *context), void *context, struct error **err)
{
    struct log_follower *follower = calloc(1, sizeof *follower);
    cleanup(close) int fd = service_open_logs(engine, id, err);
    if (!follower || fd < 0)
        abort();
    *follower = (struct log_follower){.engine = engine,
                                      .service = id,
                                      .grown = grown,
                                      .context = context,
                                      .offset = lseek(fd, 0, SEEK_END)};
    {
        with_lock(&engine->model_lock);
        follower->next = engine->followers;
        engine->followers = follower;
    }
    grown(context); /* the log may grow before the caller has what is returned */
    return follower;
}

ssize_t log_follower_read(struct log_follower *follower, void *bytes, size_t size,
                          uint64_t *ret_lost)
{
    *ret_lost = 0;
    cleanup(close) int fd = service_open_logs(follower->engine, follower->service, NULL);
    ssize_t got = fd < 0 ? 0 : pread(fd, bytes, size, follower->offset);
    if (got > 0)
        follower->offset += got;
    if (got > 0)
        return got;
    with_lock(&follower->engine->model_lock);
    return idmap_get(&follower->engine->services, follower->service) ? 0 : -1;
}

void log_follower_free(struct log_follower *follower)
{
    struct engine *engine = follower->engine;
    with_lock(&engine->model_lock);
    struct log_follower **link = &engine->followers;
    while (*link != follower)
        link = &(*link)->next;
    *link = follower->next;
    while (follower->calling)
        pthread_cond_wait(&engine->called, &engine->model_lock);
    free(follower);
}

/* One who follows the service and was not told in this round. Under model_lock. */
static struct log_follower *follower_next(struct engine *engine, object_id service, uint64_t round)
{
    struct log_follower *follower = engine->followers;
    while (follower && (follower->service != service || follower->round == round))
        follower = follower->next;
    return follower;
}

static void followers_tell(struct engine *engine, object_id service)
{
    with_lock(&engine->model_lock);
    uint64_t round = ++engine->round;
    for (struct log_follower *follower; (follower = follower_next(engine, service, round));) {
        follower->round = round;
        follower->calling = true;
        pthread_mutex_unlock(&engine->model_lock);
        follower->grown(follower->context);
        pthread_mutex_lock(&engine->model_lock);
        follower->calling = false;
        pthread_cond_broadcast(&engine->called);
    }
}

/* A command is run here, by this machine. */
struct service_exec {
    pid_t child;
    int to, from;
    pthread_t thread;
    void (*grown)(void *context);
    void *context;
    pthread_mutex_t output_lock;
    struct buf output;
    bool ended;
    int code;
};

static void *exec_watch(void *argument)
{
    struct service_exec *exec = argument;
    char bytes[4096];
    int status = 0;
    for (ssize_t got; (got = read(exec->from, bytes, sizeof bytes)) > 0;) {
        pthread_mutex_lock(&exec->output_lock);
        buf_append(&exec->output, bytes, (size_t)got);
        pthread_mutex_unlock(&exec->output_lock);
        exec->grown(exec->context);
    }
    waitpid(exec->child, &status, 0);
    pthread_mutex_lock(&exec->output_lock);
    exec->ended = true;
    exec->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pthread_mutex_unlock(&exec->output_lock);
    exec->grown(exec->context);
    return NULL;
}

struct service_exec *service_exec_start(struct engine *engine, object_id id, char *const *argv,
                                        bool terminal, void (*grown)(void *context), void *context,
                                        struct error **err)
{
    (void)engine, (void)id, (void)terminal, (void)err;
    struct service_exec *exec = calloc(1, sizeof *exec);
    int in[2], out[2];
    if (!exec || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        abort();
    *exec = (struct service_exec){.to = in[1], .from = out[0], .grown = grown, .context = context};
    exec->output = BUF_INIT(BUF_MAX_TEXT);
    pthread_mutex_init(&exec->output_lock, NULL);
    exec->child = fork();
    if (exec->child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    pthread_create(&exec->thread, NULL, exec_watch, exec);
    return exec;
}

ssize_t service_exec_read(struct service_exec *exec, void *bytes, size_t size)
{
    with_lock(&exec->output_lock);
    size_t length = exec->output.length < size ? exec->output.length : size;
    if (length == 0)
        return exec->ended ? -1 : 0;
    memcpy(bytes, exec->output.data, length);
    struct buf rest = BUF_INIT(BUF_MAX_TEXT);
    buf_append(&rest, exec->output.data + length, exec->output.length - length);
    buf_done(&exec->output);
    exec->output = rest;
    return (ssize_t)length;
}

int service_exec_write(struct service_exec *exec, const void *bytes, size_t length,
                       struct error **err)
{
    return file_write_all(exec->to, bytes, length) < 0 ? error_system(err, "cannot write") : 0;
}

int service_exec_close_input(struct service_exec *exec, struct error **err)
{
    (void)err;
    close(exec->to);
    exec->to = -1;
    return 0;
}

bool service_exec_has_room(struct service_exec *exec)
{
    (void)exec;
    return true;
}

int service_exec_resize(struct service_exec *exec, unsigned rows, unsigned columns,
                        struct error **err)
{
    (void)exec;
    return rows && columns ? 0 : error_set(err, EINVAL, "a terminal has a size");
}

int service_exec_code(struct service_exec *exec, int *ret_code, struct error **err)
{
    with_lock(&exec->output_lock);
    *ret_code = exec->code;
    return exec->ended ? 0 : error_set(err, EAGAIN, "it runs");
}

void service_exec_free(struct service_exec *exec)
{
    kill(exec->child, SIGKILL);
    pthread_join(exec->thread, NULL);
    if (exec->to >= 0)
        close(exec->to);
    close(exec->from);
    buf_done(&exec->output);
    free(exec);
}

/* ---- mirrors: there is a local view always ---- */

bool service_is_mirrored(struct engine *engine, object_id id)
{
    (void)engine, (void)id;
    return false;
}

int service_mirror_open(struct engine *engine, object_id id, struct error **err)
{
    (void)engine, (void)id;
    return error_set(err, ENOSYS, "there are no mirrors");
}

int service_mirror_refresh(struct engine *engine, object_id id, const char *path,
                           enum mirror_part part, struct error **err)
{
    (void)path, (void)part;
    return service_mirror_open(engine, id, err);
}

int service_mirror_content(struct engine *engine, object_id id, const char *path, bool empty,
                           struct error **err)
{
    (void)path, (void)empty;
    return service_mirror_open(engine, id, err);
}

int service_mirror_put(struct engine *engine, object_id id, const char *path,
                       const struct stat *attributes, const char *target, int fd,
                       struct error **err)
{
    (void)path, (void)attributes, (void)target, (void)fd;
    return service_mirror_open(engine, id, err);
}

/* ---- waiting ---- */

static bool scope_busy(const struct engine *engine, const struct engine_waiter *waiter,
                       struct error **ret_failure)
{
    size_t position = 0;
    for (struct run_facts *run; (run = idmap_next(&engine->runs, &position));) {
        bool inside = waiter->kind == OBJECT_ENGINE ||
                      (waiter->kind == OBJECT_ENCLAVE && run->enclave == waiter->id) ||
                      (waiter->kind == OBJECT_RUN && run->id == waiter->id);
        if (inside && run->finished == 0)
            return true;
        if (inside && run->status != RUN_SUCCEEDED && waiter->kind != OBJECT_ENGINE)
            error_set(ret_failure, EIO, "run %llu is %s", (unsigned long long)run->number,
                      run_status_name(run->status));
    }
    return false;
}

static void waiters_check(struct engine *engine)
{
    pthread_mutex_lock(&engine->model_lock);
    for (struct engine_waiter *waiter = engine->waiters; waiter;) {
        cleanup(error_free) struct error *failure = NULL;
        if (waiter->fired || scope_busy(engine, waiter, &failure)) {
            waiter = waiter->next;
            continue;
        }
        waiter->fired = waiter->calling = true;
        waiter->caller = pthread_self();
        pthread_mutex_unlock(&engine->model_lock);
        waiter->done(waiter->context, failure);
        pthread_mutex_lock(&engine->model_lock);
        waiter->calling = false;
        if (waiter->released)
            free(waiter);
        pthread_cond_broadcast(&engine->called);
        waiter = engine->waiters; /* the list may be another by now */
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
    pthread_mutex_lock(&engine->model_lock);
    waiter->next = engine->waiters;
    engine->waiters = waiter;
    pthread_mutex_unlock(&engine->model_lock);
    waiters_check(engine);
    return waiter;
}

void engine_wait_release(struct engine_waiter *waiter)
{
    struct engine *engine = waiter->engine;
    with_lock(&engine->model_lock);
    struct engine_waiter **link = &engine->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (waiter->calling && pthread_equal(waiter->caller, pthread_self())) {
        waiter->released = true;
        return;
    }
    while (waiter->calling)
        pthread_cond_wait(&engine->called, &engine->model_lock);
    free(waiter);
}

size_t fake_waiters(struct engine *engine)
{
    with_lock(&engine->model_lock);
    size_t count = 0;
    for (struct engine_waiter *waiter = engine->waiters; waiter; waiter = waiter->next)
        count++;
    return count;
}

size_t fake_followers(struct engine *engine)
{
    with_lock(&engine->model_lock);
    size_t count = 0;
    for (struct log_follower *follower = engine->followers; follower; follower = follower->next)
        count++;
    return count;
}

/* ---- what tests do ---- */

static struct port_facts port_make(const char *name, uint16_t number)
{
    struct port_facts port = {.number = number, .host_port = (uint16_t)(60000 + number)};
    snprintf(port.id, sizeof port.id, "%s", name);
    snprintf(port.transport, sizeof port.transport, "tcp");
    port.application = copy("http");
    port.host_address = copy("127.0.0.1");
    return port;
}

object_id fake_service_add(struct engine *engine, object_id enclave_id, const char *name)
{
    pthread_mutex_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    struct service_facts *service = calloc(1, sizeof *service);
    if (!enclave || !service)
        abort();
    *service = (struct service_facts){.id = ++engine->last_id,
                                      .enclave = enclave_id,
                                      .status = SERVICE_STATUS_RUNNING,
                                      .exit_code = -1,
                                      .created = clock_now(),
                                      .port_count = 1,
                                      .references = 1};
    snprintf(service->name, sizeof service->name, "%s", name);
    uuid_new(service->uuid);
    service->reason = copy("");
    service->image = copy("image:1");
    service->address = copy("10.0.0.2");
    service->config = copy("{\"image\":\"image:1\",\"cmd\":[\"run\",\"it\\nnow\"],"
                           "\"env_vars\":{\"A\":\"1\",\"B\":\"two words\"}}");
    service->ports = calloc(1, sizeof *service->ports);
    service->ports[0] = port_make("http", 80);
    touch(service->changed, ~0u);
    object_id id = service->id;
    idmap_set(&engine->services, id, service);
    list_add(&enclave->services, id);
    enclave_facts_change(enclave, ASPECT_BIT(ASPECT_SERVICES));
    pthread_mutex_unlock(&engine->model_lock);
    tell(engine, (struct engine_change){.change = CHANGE_ADDED,
                                        .kind = OBJECT_SERVICE,
                                        .id = id,
                                        .parent = enclave_id,
                                        .name = name});
    return id;
}

void fake_service_set_status(struct engine *engine, object_id id, enum service_status status)
{
    pthread_mutex_lock(&engine->model_lock);
    struct service_facts *facts = service_facts_change(engine, id, ASPECT_BIT(ASPECT_STATUS));
    facts->status = status;
    object_id enclave = facts->enclave;
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_SERVICE, id, enclave, ASPECT_BIT(ASPECT_STATUS));
}

void fake_service_set_ports(struct engine *engine, object_id id, size_t count,
                            const char *const names[])
{
    pthread_mutex_lock(&engine->model_lock);
    struct service_facts *facts = service_facts_change(engine, id, ASPECT_BIT(ASPECT_CONFIG));
    ports_free(facts->ports, facts->port_count);
    facts->ports = calloc(count + 1, sizeof *facts->ports);
    facts->port_count = count;
    for (size_t i = 0; i < count; i++)
        facts->ports[i] = port_make(names[i], (uint16_t)(80 + i));
    object_id enclave = facts->enclave;
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_SERVICE, id, enclave, ASPECT_BIT(ASPECT_CONFIG));
}

void fake_service_log(struct engine *engine, object_id service, const char *text)
{
    state_append(engine, "service", service, "logs", text);
    followers_tell(engine, service);
}

void fake_hold_runs(struct engine *engine, bool hold)
{
    with_lock(&engine->model_lock);
    engine->hold = hold;
}

void fake_stall(struct engine *engine, bool stall)
{
    with_lock(&engine->model_lock);
    engine->stall = stall;
    pthread_cond_broadcast(&engine->called);
}

void fake_await_stalled(struct engine *engine)
{
    with_lock(&engine->model_lock);
    while (engine->stalled == 0)
        pthread_cond_wait(&engine->called, &engine->model_lock);
}

void fake_event(struct engine *engine, object_id enclave, const char *line)
{
    state_append(engine, "events", enclave, "events", line);
    tell_modified(engine, OBJECT_ENCLAVE, enclave, 0, ASPECT_BIT(ASPECT_EVENTS));
}

void fake_run_output(struct engine *engine, object_id run, const char *text)
{
    state_append(engine, "run", run, "output", text);
    pthread_mutex_lock(&engine->model_lock);
    object_id enclave = run_facts_change(engine, run, ASPECT_BIT(ASPECT_OUTPUT))->enclave;
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_RUN, run, enclave, ASPECT_BIT(ASPECT_OUTPUT));
}

void fake_run_finish(struct engine *engine, object_id run, enum run_status status)
{
    unsigned aspects = ASPECT_BIT(ASPECT_STATUS) | ASPECT_BIT(ASPECT_RESULT);
    pthread_mutex_lock(&engine->model_lock);
    struct run_facts *facts = run_facts_change(engine, run, aspects);
    facts->status = status;
    facts->finished = clock_now();
    object_id enclave = facts->enclave;
    pthread_mutex_unlock(&engine->model_lock);
    tell_modified(engine, OBJECT_RUN, run, enclave, aspects);
    waiters_check(engine);
}

uint64_t fake_last_run(struct engine *engine, object_id enclave_id)
{
    with_lock(&engine->model_lock);
    struct fake_enclave *enclave = idmap_get(&engine->enclaves, enclave_id);
    return enclave ? enclave->facts->last_run : 0;
}
