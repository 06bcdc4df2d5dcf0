/*
 * Files artifacts: named trees of files that services mount. Each is a directory artifacts/NAME of
 * its enclave in the state directory, so that the tree can show it as what it is;
 * artifact-facts/NAME.json beside holds its UUID and the hash of its content.
 *
 * A new content is unpacked beside and exchanged in one step, so a reader or a killed process sees
 * the old or the new one.
 */
#include "backend/run_int.h"

#include "backend/archive.h"
#include "backend/base/file.h"
#include "backend/plan/names.h"
#include "backend/plan/tree_hash.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- where they are ---- */

/* The absolute path of REST in the enclave's directory. */
static void absolute_path(struct enclave *enclave, struct buf *path, const char *rest)
{
    with_lock(&enclave->engine->model_lock);
    buf_printf(path, "%s/", enclave->engine->state_path);
    enclave_path(enclave, path, rest);
}

int artifact_name_check(const char *name, struct error **err)
{
    if (!plan_artifact_name_valid(name))
        return error_set(err, EINVAL,
                         "'%s' is not a name for a files artifact: it becomes a directory, so no "
                         "'/' and no '.' first",
                         name);
    if (!text_is_utf8(name))
        return error_set(err, EINVAL, "'%s' is not UTF-8, so no plan could name it", name);
    return 0;
}

static int open_dirs(struct enclave *enclave, int *ret_artifacts, int *ret_facts,
                     struct error **err)
{
    cleanup(buf_done) struct buf artifacts = BUF_INIT(BUF_MAX_TEXT), facts = BUF_INIT(BUF_MAX_TEXT);
    absolute_path(enclave, &artifacts, "artifacts");
    absolute_path(enclave, &facts, "artifact-facts");
    *ret_artifacts = file_open_dir(AT_FDCWD, artifacts.data, err);
    *ret_facts = file_open_dir(AT_FDCWD, facts.data, err);
    return *ret_artifacts < 0 || *ret_facts < 0 ? -1 : 0;
}

/* ---- what there is ---- */

static json_t *facts_load(int facts_fd, const char *name)
{
    cleanup(buf_done) struct buf file = BUF_INIT(512), text = BUF_INIT(4096);
    buf_printf(&file, "%s.json", name);
    return file_read(facts_fd, file.data, &text, NULL) == 0 ? json_loads(text.data, 0, NULL) : NULL;
}

static int facts_save(int facts_fd, const char *name, const char *uuid, const char *hash,
                      struct error **err)
{
    char file[256], text[256];
    snprintf(file, sizeof file, "%s.json", name);
    snprintf(text, sizeof text, "{\"uuid\": \"%s\", \"hash\": \"%s\"}\n", uuid, hash);
    return file_write(facts_fd, file, text, strlen(text), err);
}

json_t *artifacts_describe(struct enclave *enclave, struct error **err)
{
    cleanup(close) int artifacts = -1, facts = -1;
    if (open_dirs(enclave, &artifacts, &facts, err) < 0)
        return NULL;
    int listing = openat(artifacts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(closedir) DIR *stream = listing < 0 ? NULL : fdopendir(listing);
    json_t *description = json_object();
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        char uuid[UUID_LENGTH + 1];
        if (entry->d_name[0] == '.')
            continue;
        json_t *known = facts_load(facts, entry->d_name);
        if (!known) { /* a person made it in the tree: from now on it has a UUID */
            uuid_new(uuid);
            facts_save(facts, entry->d_name, uuid, "", NULL);
            known = json_pack("{s:s, s:s}", "uuid", uuid, "hash", "");
        }
        json_object_set_new(description, entry->d_name, known);
    }
    return description;
}

int enclave_open_artifacts(struct engine *engine, object_id id, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    cleanup(close) int facts = -1;
    int artifacts = -1;
    if (!enclave || open_dirs(enclave, &artifacts, &facts, err) < 0)
        return -1;
    return artifacts;
}

void enclave_artifact_changed(struct engine *engine, object_id id, const char *name)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, NULL);
    cleanup(close) int artifacts = -1, facts = -1;
    char file[256];
    if (!enclave || open_dirs(enclave, &artifacts, &facts, NULL) < 0)
        return;
    /* A changed content has no known hash; a removed artifact no facts, so that its successor gets
     * a new UUID. */
    cleanup(json_decref) json_t *known = facts_load(facts, name);
    const char *uuid = json_string_value(json_object_get(known, "uuid"));
    snprintf(file, sizeof file, "%s.json", name);
    if (faccessat(artifacts, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        unlinkat(facts, file, 0);
    else if (uuid)
        facts_save(facts, name, uuid, "", NULL);
    with_model(engine);
    enclave_touch(enclave, ASPECT_BIT(ASPECT_ARTIFACTS));
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int enclave_artifacts(struct engine *engine, object_id id,
                      void (*each)(void *context, const char *uuid, const char *name),
                      void *context, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    cleanup(json_decref) json_t *description = enclave ? artifacts_describe(enclave, err) : NULL;
    if (!description)
        return -1;
    size_t count = 0;
    cleanup(free) const char **names = calloc(json_object_size(description) + 1, sizeof *names);
    const char *name;
    json_t *facts;
    json_object_foreach(description, name, facts) names[count++] = name;
    qsort(names, count, sizeof *names, names_compare);
    for (size_t i = 0; i < count; i++)
        each(context,
             json_string_value(json_object_get(json_object_get(description, names[i]), "uuid")),
             names[i]);
    return 0;
}

/* ---- storing ---- */

/* Gives the new content in artifacts/temporary the name: replaces what bears it. */
static int publish(struct enclave *enclave, int artifacts, int facts, const char *temporary,
                   const char *name, struct plan_artifact *ret_artifact, struct error **err)
{
    char uuid[UUID_LENGTH + 1];
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    absolute_path(enclave, &path, "artifacts/");
    buf_puts(&path, temporary);
    cleanup(json_decref) json_t *known = facts_load(facts, name);
    const char *known_uuid = json_string_value(json_object_get(known, "uuid"));
    const char *known_hash = json_string_value(json_object_get(known, "hash"));
    bool existed = faccessat(artifacts, name, F_OK, 0) == 0;
    cleanup(free) char *hash = tree_hash(path.data, err);
    if (!hash)
        return -1;
    uuid_new(uuid);
    if (existed && known_uuid && uuid_valid(known_uuid))
        memcpy(uuid, known_uuid, sizeof uuid);
    if (renameat2(artifacts, temporary, artifacts, name,
                  existed ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
        return error_system(err, "cannot store the files artifact '%s'", name);
    if (facts_save(facts, name, uuid, hash, err) < 0)
        return -1;
    bool changed = existed && (!known_hash || strcmp(known_hash, hash) != 0);
    *ret_artifact = (struct plan_artifact){
        .uuid = strdup(uuid), .hash = steal(&hash), .existed = existed, .changed = changed};
    with_model(enclave->engine);
    enclave_touch(enclave, ASPECT_BIT(ASPECT_ARTIFACTS));
    return 0;
}

/* Stores what `fill` puts into a new directory, whose path it is given. */
static int store(struct enclave *enclave, const char *name,
                 int (*fill)(const char *path, void *context, struct error **err), void *context,
                 struct plan_artifact *ret_artifact, struct error **err)
{
    cleanup(close) int artifacts = -1, facts = -1;
    char temporary[sizeof FILE_UNFINISHED + UUID_LENGTH] = FILE_UNFINISHED;
    uuid_new(temporary + strlen(FILE_UNFINISHED));
    if (artifact_name_check(name, err) < 0 || open_dirs(enclave, &artifacts, &facts, err) < 0)
        return -1;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    absolute_path(enclave, &path, "artifacts/");
    buf_puts(&path, temporary);
    if (mkdirat(artifacts, temporary, 0755) < 0)
        return error_system(err, "cannot store the files artifact '%s'", name);
    int result = fill(path.data, context, err);
    if (result == 0)
        result = publish(enclave, artifacts, facts, temporary, name, ret_artifact, err);
    file_remove_tree(artifacts, temporary,
                     NULL); /* what is left of it, or the content that was replaced */
    return result;
}

static int fill_from_directory(const char *path, void *context, struct error **err)
{
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", *(const int *)context);
    cleanup(archive_source_free) struct archive_source *source = archive_source_open(from, err);
    cleanup(archive_sink_free) struct archive_sink *sink =
        source ? archive_sink_open(path, 0, err) : NULL;
    char block[65536];
    ssize_t got = sink ? 1 : -1;
    while (got > 0 && (got = archive_source_read(source, block, sizeof block)) > 0)
        if (archive_sink_write(sink, block, (size_t)got) < 0)
            break;
    if (sink && archive_source_error(source))
        return error_set(err, EIO, "%s", error_message(archive_source_error(source)));
    return sink ? archive_sink_finish(sink, err) : -1;
}

int effect_artifact_store(void *argument, const char *name, int dir_fd,
                          const struct plan_call *call, struct plan_artifact *ret_artifact,
                          struct error **err)
{
    (void)call;
    struct run_context *context = argument;
    return store(context->enclave, name, fill_from_directory, &dir_fd, ret_artifact, err);
}

struct service_copy {
    struct run_context *context;
    const char *service, *container, *path;
    struct orchestrator_call call;
};

static int fill_from_service(const char *path, void *argument, struct error **err)
{
    struct service_copy *copy = argument;
    struct orchestrator *orchestrator = copy->context->engine->orchestrator;
    cleanup(archive_sink_free) struct archive_sink *sink =
        archive_sink_open(path, ARCHIVE_DROP_FIRST, err);
    cleanup(error_free) struct error *failure = NULL;
    if (!sink)
        return -1;
    int result = orchestrator->archive_get(orchestrator, copy->container, copy->path,
                                           archive_sink_write, sink, &copy->call, &failure);
    if (archive_sink_finish(sink, err) < 0)
        return -1;
    if (result < 0 && error_code(failure) == ENOENT)
        return error_set(err, ENOENT, "there is no '%s' in service '%s'", copy->path,
                         copy->service);
    return result < 0 ? error_move(err, &failure) : 0;
}

int effect_artifact_store_from_service(void *argument, const char *name, const char *service,
                                       const char *path, const struct plan_call *call,
                                       struct plan_artifact *ret_artifact, struct error **err)
{
    struct run_context *context = argument;
    cleanup(free) char *container = NULL, *source_path = NULL;
    {
        with_lock(&context->engine->model_lock);
        struct member *member = map_get(&context->enclave->services, service);
        if (!member || !member->handle)
            return error_set(err, ENOENT, "there is no service '%s' in the enclave", service);
        container = strdup(member->handle);
    }
    size_t length = strlen(path); /* "DIR/" and a star means the directory's content, as DIR does */
    source_path = length > 2 && strcmp(path + length - 2, "/*") == 0 ? strndup(path, length - 2)
                                                                     : strdup(path);
    struct service_copy copy = {
        .context = context,
        .service = service,
        .container = container,
        .path = source_path,
        .call = {.deadline = call ? call->deadline : 0, .cancel = call ? call->cancel : NULL}};
    return store(context->enclave, name, fill_from_service, &copy, ret_artifact, err);
}

/* ---- mounting ---- */

static int mount_one(struct enclave *enclave, const char *container, const char *name,
                     const char *path, const struct orchestrator_call *call, struct error **err)
{
    struct orchestrator *orchestrator = enclave->engine->orchestrator;
    cleanup(buf_done) struct buf directory = BUF_INIT(BUF_MAX_TEXT);
    absolute_path(enclave, &directory, "artifacts/");
    buf_puts(&directory, name);
    if (artifact_name_check(name, err) < 0)
        return -1;
    if (access(directory.data, F_OK) < 0)
        return error_set(err, ENOENT, "there is no files artifact '%s' in the enclave", name);
    while (*path == '/')
        path++;
    cleanup(archive_source_free) struct archive_source *source =
        archive_source_open_below(directory.data, path, err);
    if (!source || orchestrator->archive_put(orchestrator, container, "/", archive_source_read,
                                             source, call, err) < 0)
        return error_wrap(err, "cannot mount the files artifact '%s' at /%s", name, path);
    return 0;
}

int artifacts_mount(struct enclave *enclave, const char *container, json_t *config,
                    const struct orchestrator_call *call, struct error **err)
{
    json_t *mount, *name;
    const char *path;
    size_t index;
    json_object_foreach(json_object_get(config, "files"), path, mount)
    {
        if (json_is_string(mount) &&
            mount_one(enclave, container, json_string_value(mount), path, call, err) < 0)
            return -1;
        json_array_foreach(json_object_get(mount, "artifact_names"), index, name)
        {
            if (json_is_string(name) &&
                mount_one(enclave, container, json_string_value(name), path, call, err) < 0)
                return -1;
        }
    }
    return 0;
}
