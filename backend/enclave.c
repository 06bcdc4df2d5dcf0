/*
 * Enclaves in the model: finding, listing, creating, renaming, and the status that follows from the
 * network and the services. What the orchestrator does for one is in enclave_work.c.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *const status_names[ENCLAVE_STATUS_MAX] = {
    [ENCLAVE_CREATING] = "CREATING",     [ENCLAVE_EMPTY] = "EMPTY",
    [ENCLAVE_RUNNING] = "RUNNING",       [ENCLAVE_STOPPED] = "STOPPED",
    [ENCLAVE_DEGRADED] = "DEGRADED",     [ENCLAVE_FAILED] = "FAILED",
    [ENCLAVE_DESTROYING] = "DESTROYING",
};

const char *enclave_status_name(enum enclave_status status)
{
    return status_names[status];
}

/* ---- references ---- */

struct enclave *enclave_ref(struct enclave *enclave)
{
    enclave->references++;
    return enclave;
}

static void enclave_free(struct enclave *enclave)
{
    enclave_facts_unref(enclave->facts);
    map_done(&enclave->services);
    free(enclave->runs);
    free(enclave->network_id);
    free(enclave->subnet);
    free(enclave->gateway);
    error_free(enclave->create_error);
    free(enclave);
}

void enclave_unref(struct enclave *enclave)
{
    struct engine *engine = enclave->engine;
    pthread_mutex_lock(&engine->model_lock);
    bool last = --enclave->references == 0;
    pthread_mutex_unlock(&engine->model_lock);
    if (last)
        enclave_free(enclave);
}

struct enclave *enclave_hold(struct engine *engine, object_id id, struct error **err)
{
    with_model(engine);
    struct enclave *enclave = (struct enclave *)object_get(engine, id, OBJECT_ENCLAVE);
    if (enclave && enclave->facts->status != ENCLAVE_DESTROYING)
        return enclave_ref(enclave);
    error_set(err, ENOENT, "there is no such enclave any more");
    return NULL;
}

/* ---- reading ---- */

struct enclave_facts *enclave_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct enclave *enclave = (struct enclave *)object_get(engine, id, OBJECT_ENCLAVE);
    if (!enclave || enclave->facts->status == ENCLAVE_DESTROYING)
        return NULL;
    __atomic_add_fetch(&enclave->facts->references, 1, __ATOMIC_RELAXED);
    return enclave->facts;
}

object_id enclave_find(struct engine *engine, const char *name)
{
    with_lock(&engine->model_lock);
    struct enclave *enclave = map_get(&engine->enclave_names, name);
    return enclave ? enclave->object.id : 0;
}

size_t enclave_list(struct engine *engine, bool destroying, struct enclave_facts ***ret_list)
{
    with_lock(&engine->model_lock);
    struct enclave_facts **list = calloc(engine->enclave_count + 1, sizeof *list);
    if (!list)
        abort();
    size_t count = 0;
    for (size_t i = 0; i < engine->enclave_count; i++) {
        struct enclave_facts *facts = engine->enclaves[i]->facts;
        if (facts->status == ENCLAVE_DESTROYING && !destroying)
            continue;
        __atomic_add_fetch(&facts->references, 1, __ATOMIC_RELAXED);
        list[count++] = facts;
    }
    *ret_list = list;
    return count;
}

/* ---- the state directory ---- */

void enclave_path(const struct enclave *enclave, struct buf *out, const char *rest)
{
    buf_printf(out, "%s/%s/%s",
               enclave->facts->status == ENCLAVE_DESTROYING ? "destroying" : "enclaves",
               enclave->uuid, rest);
}

static int save_facts(struct engine *engine, const struct enclave_facts *facts, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf created = BUF_INIT(64);
    clock_put_rfc3339_nano(&created, facts->created);
    cleanup(json_decref) json_t *document =
        json_pack("{s:s, s:s, s:s, s:i, s:i}", "name", facts->name, "uuid", facts->uuid, "created",
                  created.data, "uid", (int)facts->uid, "gid", (int)facts->gid);
    cleanup(free) char *text = json_dumps(document, JSON_INDENT(2));
    buf_printf(&path, "%s/enclave.json", facts->uuid);
    if (!text)
        return error_set(err, ENOMEM, "out of memory");
    return file_write(engine->enclaves_fd, path.data, text, strlen(text), err);
}

void enclave_set_error(struct enclave *enclave, const char *text)
{
    struct engine *engine = enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_model(engine);
        if (strcmp(enclave->facts->error, text) == 0)
            return;
        struct enclave_facts *facts = enclave_facts_clone(enclave->facts);
        fact_set(&facts->error, text);
        enclave_publish(enclave, facts, ASPECT_BIT(ASPECT_ERROR));
        enclave_path(enclave, &path, "error");
    }
    cleanup(error_free) struct error *err = NULL;
    if (file_write(engine->state_fd, path.data, text, strlen(text), &err) < 0)
        log_warning("the error of an enclave is not kept: %s", error_message(err));
}

int enclave_open_plan(struct engine *engine, object_id id, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    if (!enclave)
        return -1;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        enclave_path(enclave, &path, "plan");
    }
    int fd = openat(engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? error_system(err, "cannot open the directory of plan/") : fd;
}

/* ---- the status ---- */

static enum enclave_status derive_status(const struct enclave *enclave)
{
    if (enclave->facts->status == ENCLAVE_DESTROYING)
        return ENCLAVE_DESTROYING;
    if (!enclave->network_id)
        return enclave->create_error ? ENCLAVE_FAILED : ENCLAVE_CREATING;
    size_t up = 0, down = 0, drafts = 0, position = 0;
    for (const struct member *member; (member = map_next(&enclave->services, &position, NULL));) {
        enum service_status status = member->facts->status;
        up += status == SERVICE_STATUS_RUNNING || status == SERVICE_STATUS_STARTING;
        down += status == SERVICE_STATUS_STOPPED || status == SERVICE_STATUS_STOPPING ||
                status == SERVICE_STATUS_FAILED;
        drafts += status == SERVICE_STATUS_NEW;
    }
    if (enclave->services.count == drafts)
        return ENCLAVE_EMPTY;
    if (up > 0)
        return down > 0 ? ENCLAVE_DEGRADED : ENCLAVE_RUNNING;
    return ENCLAVE_STOPPED;
}

void enclave_update_status(struct enclave *enclave)
{
    enum enclave_status status = derive_status(enclave);
    if (status == enclave->facts->status)
        return;
    struct enclave_facts *facts = enclave_facts_clone(enclave->facts);
    facts->status = status;
    enclave_publish(enclave, facts, ASPECT_BIT(ASPECT_STATUS));
}

/* ---- adding, creating, renaming ---- */

struct enclave *enclave_add(struct engine *engine, struct enclave_facts *facts, bool destroying)
{
    struct enclave *enclave = calloc(1, sizeof *enclave);
    if (engine->enclave_count == engine->enclave_capacity) {
        engine->enclave_capacity = engine->enclave_capacity ? engine->enclave_capacity * 2 : 16;
        engine->enclaves =
            realloc(engine->enclaves, engine->enclave_capacity * sizeof *engine->enclaves);
    }
    if (!enclave || !engine->enclaves)
        abort();
    enclave->engine = engine;
    enclave->references = 1;
    enclave->last_operation = &enclave->first_operation;
    enclave->facts = facts;
    memcpy(enclave->uuid, facts->uuid, sizeof enclave->uuid);
    enclave->next_run = 1;
    facts->id = object_add(engine, &enclave->object, OBJECT_ENCLAVE);
    facts->status = destroying ? ENCLAVE_DESTROYING : ENCLAVE_CREATING;
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        facts->changed[aspect] = facts->created;
    size_t at = engine->enclave_count++;
    for (; at > 0 && engine->enclaves[at - 1]->facts->created > facts->created; at--)
        engine->enclaves[at] = engine->enclaves[at - 1];
    engine->enclaves[at] = enclave;
    map_set(&engine->enclave_uuids, enclave->uuid, enclave);
    if (!destroying) {
        map_set(&engine->enclave_names, facts->name, enclave);
        change_add(engine, CHANGE_ADDED, &enclave->object, 0, facts->name, NULL);
    }
    engine_touch(engine, ASPECT_BIT(ASPECT_ENCLAVES));
    return enclave;
}

static int name_check(struct engine *engine, const char *name, struct error **err)
{
    if (!enclave_name_valid(name))
        return error_set(
            err, EINVAL,
            "'%s' is not a name for an enclave: use 1 to %d letters, digits and hyphens", name,
            NAME_MAX_ENCLAVE);
    with_lock(&engine->model_lock);
    if (map_get(&engine->enclave_names, name))
        return error_set(err, EEXIST,
                         "an enclave named '%s' exists already; remove it first: rmdir enclaves/%s",
                         name, name);
    return 0;
}

/* Makes the enclave's directory in the state directory. Its enclave.json, written last and in one
 * step, is what makes it one: a directory without is removed at the next start. */
static int make_directory(struct engine *engine, const struct enclave_facts *facts,
                          struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    static const char *const parts[] = {"", "/plan", "/runs"};
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        buf_truncate(&path, 0);
        buf_printf(&path, "%s%s", facts->uuid, parts[i]);
        if (mkdirat(engine->enclaves_fd, path.data, 0700) < 0)
            return error_system(err, "cannot make the enclave's directory in the state directory");
    }
    return save_facts(engine, facts, err);
}

int engine_up_check(struct engine *engine, struct error **err)
{
    with_lock(&engine->model_lock);
    if (engine->facts->up)
        return 0;
    return error_set(err, EAGAIN,
                     "the orchestrator is away: %s; try again when engine/status says RUNNING",
                     engine->facts->reason);
}

int enclave_create(struct engine *engine, const char *name, uid_t uid, gid_t gid, object_id *ret_id,
                   struct error **err)
{
    if (name_check(engine, name, err) < 0 || engine_up_check(engine, err) < 0)
        return -1;
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    struct enclave_facts *facts = enclave_facts_new(name, uuid);
    facts->created = clock_now();
    facts->uid = uid;
    facts->gid = gid;
    if (make_directory(engine, facts, err) < 0) {
        file_remove_tree(engine->enclaves_fd, facts->uuid, NULL);
        enclave_facts_unref(facts);
        return -1;
    }
    with_model(engine);
    /* Another mkdir of the same name may have come between: the kernel serialises those of one
     * mount, not those of two. */
    if (map_get(&engine->enclave_names, name)) {
        file_remove_tree(engine->enclaves_fd, facts->uuid, NULL);
        enclave_facts_unref(facts);
        return error_set(err, EEXIST, "an enclave named '%s' exists already", name);
    }
    struct enclave *enclave = enclave_add(engine, facts, false);
    enclave_submit(enclave, engine->create_lane, enclave_operation_create, NULL);
    *ret_id = enclave->object.id;
    return 0;
}

struct enclave *enclave_adopt(struct engine *engine, const struct label *labels, size_t count)
{
    const char *uuid = label_get(labels, count, LABEL_ENCLAVE),
               *name = label_get(labels, count, LABEL_ENCLAVE_NAME);
    const char *created = label_get(labels, count, LABEL_CREATED),
               *owner = label_get(labels, count, LABEL_OWNER);
    if (!uuid || !uuid_valid(uuid) || !name || !enclave_name_valid(name) ||
        map_get(&engine->enclave_names, name) || !created || !owner)
        return NULL;
    cleanup(enclave_facts_unref) struct enclave_facts *facts = enclave_facts_new(name, uuid);
    if (clock_parse_rfc3339(created, &facts->created) < 0 ||
        sscanf(owner, "%u:%u", &facts->uid, &facts->gid) != 2)
        return NULL;
    cleanup(error_free) struct error *err = NULL;
    if (make_directory(engine, facts, &err) < 0) {
        log_warning("enclave '%s' exists but cannot be taken over: %s", name, error_message(err));
        return NULL;
    }
    return enclave_add(engine, steal(&facts), false);
}

int enclave_rename(struct engine *engine, object_id id, const char *name, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    if (!enclave || name_check(engine, name, err) < 0)
        return -1;
    char old_name[NAME_MAX_ENCLAVE + 1];
    model_lock(engine);
    cleanup(enclave_facts_unref) struct enclave_facts *facts = enclave_facts_clone(enclave->facts);
    memcpy(old_name, facts->name, sizeof old_name);
    snprintf(facts->name, sizeof facts->name, "%s", name);
    model_unlock(engine);
    if (save_facts(engine, facts, err) < 0)
        return -1;
    with_model(engine);
    if (enclave->facts->status == ENCLAVE_DESTROYING)
        return error_set(err, ENOENT, "there is no such enclave any more");
    map_remove(&engine->enclave_names, old_name);
    map_set(&engine->enclave_names, name, enclave);
    /* What else changed meanwhile stays. */
    struct enclave_facts *now = enclave_facts_clone(enclave->facts);
    snprintf(now->name, sizeof now->name, "%s", name);
    enclave_publish(enclave, now, ASPECT_BIT(ASPECT_IDENTITY));
    change_add(engine, CHANGE_RENAMED, &enclave->object, 0, name, old_name);
    return 0;
}

int enclave_destroy(struct engine *engine, object_id id, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    if (!enclave)
        return -1;
    /* The rename is the decision: once done, a restart completes what this process may not. */
    cleanup(buf_done) struct buf to = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&to, "destroying/%s", enclave->uuid);
    if (renameat(engine->enclaves_fd, enclave->uuid, engine->state_fd, to.data) < 0)
        return error_system(err,
                            "cannot mark the enclave as being destroyed in the state directory");
    with_model(engine);
    if (enclave->facts->status == ENCLAVE_DESTROYING)
        return error_set(err, ENOENT, "there is no such enclave any more");
    map_remove(&engine->enclave_names, enclave->facts->name);
    struct enclave_facts *facts = enclave_facts_clone(enclave->facts);
    facts->status = ENCLAVE_DESTROYING;
    enclave_publish(enclave, facts, ASPECT_BIT(ASPECT_STATUS));
    change_add(engine, CHANGE_REMOVED, &enclave->object, 0, facts->name, NULL);
    enclave_begin_destroy(enclave);
    return 0;
}
