/*
 * Drafts: services that were made with mkdir and have no container, because nobody has said yet
 * what they are to be. One is NEW until a configuration that was written for it has been applied;
 * when that fails it is NEW again, and shows what was written.
 *
 * The orchestrator knows nothing of a draft, so the state directory holds it: new/NAME in the
 * enclave's directory, from mkdir until its first container has started, or rmdir.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* What is shown before anything has been written: the fields that most services have, with the
 * values that they have when they are left out. */
static const char template[] = "{"
                               "\"image\": \"\","
                               "\"ports\": {},"
                               "\"files\": {},"
                               "\"entrypoint\": [],"
                               "\"cmd\": [],"
                               "\"env_vars\": {},"
                               "\"labels\": {}"
                               "}";

/* ---- the record ---- */

static void record_path(const struct enclave *enclave, const char *name, struct buf *out)
{
    enclave_path(enclave, out, "new/");
    buf_puts(out, name);
}

static int record_write(struct enclave *enclave, const struct service_facts *facts,
                        struct error **err)
{
    struct engine *engine = enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT), created = BUF_INIT(64);
    {
        with_lock(&engine->model_lock);
        enclave_path(enclave, &path, "new");
    }
    clock_put_rfc3339_nano(&created, facts->created);
    cleanup(json_decref) json_t *document = json_pack(
        "{s:s, s:s, s:s}", "uuid", facts->uuid, "created", created.data, "config", facts->config);
    cleanup(free) char *text = json_dumps(document, JSON_INDENT(2));
    cleanup(close) int dir = file_open_dir(engine->state_fd, path.data, err);
    if (dir < 0)
        return -1;
    return text ? file_write(dir, facts->name, text, strlen(text), err)
                : error_set(err, ENOMEM, "out of memory");
}

void draft_forget(struct enclave *enclave, const char *name)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    record_path(enclave, name, &path);
    if (unlinkat(enclave->engine->state_fd, path.data, 0) < 0 && errno != ENOENT)
        log_warning("the record of the new service '%s' stays: %m", name);
}

static struct service_facts *facts_new(const char *name, const char *uuid, int64_t created,
                                       const char *config)
{
    struct service_facts *facts = service_facts_new();
    facts->status = SERVICE_STATUS_NEW;
    facts->created = created;
    snprintf(facts->name, sizeof facts->name, "%s", name);
    snprintf(facts->uuid, sizeof facts->uuid, "%s", uuid);
    fact_set(&facts->reason, "");
    fact_set(&facts->image, "");
    fact_set(&facts->address, "");
    fact_set(&facts->config, config);
    return facts;
}

/* ---- loading ---- */

/* NULL: it is none, or damaged. */
static struct service_facts *record_load(int dir, const char *name)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    const char *uuid, *created, *config;
    int64_t time;
    if (!service_name_valid(name) || file_read(dir, name, &text, NULL) < 0)
        return NULL;
    cleanup(json_decref) json_t *document = json_loads(text.data, 0, NULL);
    if (json_unpack(document, "{s:s, s:s, s:s}", "uuid", &uuid, "created", &created, "config",
                    &config) ||
        !uuid_valid(uuid) || clock_parse_rfc3339(created, &time) < 0)
        return NULL;
    return facts_new(name, uuid, time, config);
}

void drafts_load(struct enclave *enclave)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    enclave_path(enclave, &path, "new");
    int fd = openat(enclave->engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(closedir) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return; /* nobody has made one */
    for (struct dirent *entry; (entry = readdir(stream));) {
        struct service_facts *facts = record_load(dirfd(stream), entry->d_name);
        if (facts)
            member_add(enclave, facts);
    }
}

/* ---- making and removing ---- */

static int name_check(struct enclave *enclave, const char *name, struct error **err)
{
    if (service_name_check(name, err) < 0)
        return -1;
    with_lock(&enclave->engine->model_lock);
    if (map_get(&enclave->services, name))
        return error_set(err, EEXIST, "the enclave has a service '%s' already", name);
    return 0;
}

int service_create(struct engine *engine, object_id enclave_id, const char *name, object_id *ret_id,
                   struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, enclave_id, err);
    if (!enclave || name_check(enclave, name, err) < 0)
        return -1;
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    cleanup(service_facts_unref) struct service_facts *facts =
        facts_new(name, uuid, clock_now(), template);
    if (record_write(enclave, facts, err) < 0)
        return -1;
    with_model(engine);
    /* A plan may have added one since; its service has no need of the record. */
    if (map_get(&enclave->services, name)) {
        draft_forget(enclave, name);
        return error_set(err, EEXIST, "the enclave has a service '%s' already", name);
    }
    if (enclave->facts->status == ENCLAVE_DESTROYING)
        return error_set(err, ENOENT, "there is no such enclave any more");
    *ret_id = member_add(enclave, steal(&facts))->object.id;
    return 0;
}

bool draft_remove(struct engine *engine, object_id id)
{
    with_model(engine);
    struct member *member = (struct member *)object_get(engine, id, OBJECT_SERVICE);
    if (!member || member->facts->status != SERVICE_STATUS_NEW || member->busy)
        return false;
    draft_forget(member->enclave, member->name);
    member_drop(member);
    return true;
}

/* ---- configuring ---- */

int draft_configure(struct enclave *enclave, const char *name, const char *config,
                    struct error **err)
{
    cleanup(service_facts_unref) struct service_facts *facts = NULL;
    {
        with_lock(&enclave->engine->model_lock);
        const struct member *member = map_get(&enclave->services, name);
        if (!member || member->facts->status != SERVICE_STATUS_NEW)
            return 0;
        facts = service_facts_clone(member->facts);
    }
    fact_set(&facts->config, config);
    if (record_write(enclave, facts, err) < 0)
        return -1;
    with_model(enclave->engine);
    struct member *member = map_get(&enclave->services, name);
    if (member && member->facts->status == SERVICE_STATUS_NEW)
        service_publish(member, steal(&facts), ASPECT_BIT(ASPECT_CONFIG));
    return 0;
}
