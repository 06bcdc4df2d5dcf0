/*
 * The state directory: opening it, and loading what an earlier process left in it. One engine at a
 * time uses it, which a lock on the file `lock` ensures (it ends with the process, however that
 * ends).
 */
#include "backend/engine_int.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_PATIENCE (5 * CLOCK_SECOND)
#define LOCK_INTERVAL (20 * CLOCK_MILLISECOND)

/* A predecessor that was just unmounted or killed holds the lock a moment longer. */
static bool lock_wait(int fd)
{
    int64_t end = clock_monotonic() + LOCK_PATIENCE;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || clock_monotonic() > end)
            return false;
        struct timespec interval = clock_timespec(LOCK_INTERVAL);
        nanosleep(&interval, NULL);
    }
    return true;
}

static int lock_take(struct engine *engine, const char *path, struct error **err)
{
    engine->lock_fd = openat(engine->state_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->lock_fd < 0)
        return error_system(err, "cannot open the lock of the state directory %s", path);
    if (!lock_wait(engine->lock_fd))
        return error_set(
            err, EBUSY,
            "another kfsd uses the state directory %s; give this one another with --state-dir",
            path);
    return 0;
}

static bool instance_valid(const char *instance)
{
    size_t length =
        strspn(instance, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return length > 0 && length <= UUID_LENGTH * 2 && instance[length] == '\0';
}

/* The instance asked for, else the recorded one, else a new one. What exists of an instance that is
 * asked for and not recorded is adopted. */
static int instance_choose(struct engine *engine, const char *wanted, struct error **err)
{
    cleanup(buf_done) struct buf recorded = BUF_INIT(sizeof engine->instance);
    if (wanted && !instance_valid(wanted))
        return error_set(
            err, EINVAL,
            "'%s' is no name for an instance: use up to %d letters, digits, '.', '_', '-'", wanted,
            UUID_LENGTH * 2);
    if (faccessat(engine->state_fd, "instance", F_OK, 0) == 0 &&
        file_read(engine->state_fd, "instance", &recorded, err) < 0)
        return -1;
    buf_truncate(&recorded, strcspn(recorded.data, "\n"));
    if (recorded.length > 0 && wanted && strcmp(wanted, recorded.data) != 0)
        return error_set(err, EINVAL,
                         "the state directory belongs to the instance '%s', not to '%s'",
                         recorded.data, wanted);
    if (recorded.length > 0 && instance_valid(recorded.data)) {
        snprintf(engine->instance, sizeof engine->instance, "%s", recorded.data);
        return 0;
    }
    engine->adopts = wanted != NULL;
    if (wanted)
        snprintf(engine->instance, sizeof engine->instance, "%s", wanted);
    else
        uuid_new(engine->instance);
    return file_write(engine->state_fd, "instance", engine->instance, strlen(engine->instance),
                      err);
}

int state_open(struct engine *engine, const struct engine_options *options, struct error **err)
{
    const char *path = options->state_dir;
    if (file_make_dirs(AT_FDCWD, path, err) < 0)
        return -1;
    engine->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (engine->state_fd < 0)
        return error_system(err, "cannot open the state directory %s", path);
    if (lock_take(engine, path, err) < 0 || instance_choose(engine, options->instance, err) < 0)
        return -1;
    file_sweep(engine->state_fd, ".");
    engine->enclaves_fd = file_open_dir(engine->state_fd, "enclaves", err);
    engine->destroying_fd =
        engine->enclaves_fd < 0 ? -1 : file_open_dir(engine->state_fd, "destroying", err);
    if (engine->destroying_fd < 0)
        return -1;
    engine->state_path = realpath(path, NULL);
    if (!engine->state_path ||
        asprintf(&engine->package_cache, "%s/packages", engine->state_path) < 0)
        return error_set(err, ENOMEM, "out of memory");
    return file_make_dirs(AT_FDCWD, engine->package_cache, err);
}

/* ---- loading ---- */

/* ENOENT: there is no enclave.json. */
static struct enclave_facts *facts_load(int dir, const char *uuid, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT), text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&path, "%s/enclave.json", uuid);
    const char *name, *created;
    int uid, gid;
    if (file_read(dir, path.data, &text, err) < 0)
        return NULL;
    cleanup(json_decref) json_t *document = json_loads(text.data, 0, NULL);
    int64_t created_at;
    if (json_unpack(document, "{s:s, s:s, s:i, s:i}", "name", &name, "created", &created, "uid",
                    &uid, "gid", &gid) ||
        !enclave_name_valid(name) || clock_parse_rfc3339(created, &created_at) < 0) {
        error_set(err, EINVAL, "its enclave.json is damaged: mend it, or take the directory away");
        return NULL;
    }
    struct enclave_facts *facts = enclave_facts_new(name, uuid);
    facts->created = created_at;
    facts->uid = (uid_t)uid;
    facts->gid = (gid_t)gid;
    buf_truncate(&path, 0);
    buf_truncate(&text, 0);
    buf_printf(&path, "%s/error", uuid);
    if (file_read(dir, path.data, &text, NULL) == 0)
        fact_set(&facts->error, text.data);
    return facts;
}

/* Removes what a killed process was just writing. Of runs, run_load_all does. */
static void sweep(int dir, const char *uuid)
{
    static const char *const parts[] = {"", "/artifacts", "/artifact-facts", "/asked", "/logs"};
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        cleanup(buf_done) struct buf path = BUF_INIT(256);
        buf_printf(&path, "%s%s", uuid, parts[i]);
        file_sweep(dir, path.data);
    }
}

/* Mirrors are made anew when somebody looks. */
static void mirrors_sweep(int dir, const char *uuid)
{
    cleanup(buf_done) struct buf path = BUF_INIT(256);
    buf_printf(&path, "%s/roots", uuid);
    file_remove_tree(dir, path.data, NULL);
}

/* A directory without enclave.json is one whose mkdir was never answered: it goes. One that cannot
 * be read keeps the engine from starting, because its plans and services would be lost with it. */
static int load_one(struct engine *engine, int dir, const char *uuid, bool destroying,
                    struct error **err)
{
    cleanup(error_free) struct error *failure = NULL;
    if (!uuid_valid(uuid)) {
        log_warning("the state directory holds '%s', which is no enclave's", uuid);
        return 0;
    }
    struct enclave_facts *facts = facts_load(dir, uuid, &failure);
    if (!facts && !destroying && error_code(failure) == ENOENT) {
        log_warning("removing the half-made enclave directory %s", uuid);
        return file_remove_tree(dir, uuid, err);
    }
    if (!facts && !destroying)
        return error_move(err, &failure);
    if (!facts) /* it does not tell any more who it was; its UUID is enough */
        facts = enclave_facts_new("", uuid);
    struct enclave *enclave = enclave_add(engine, facts, destroying);
    if (destroying) {
        engine_expect_strays(engine);
        enclave_begin_destroy(enclave);
        return 0;
    }
    sweep(dir, uuid);
    mirrors_sweep(dir, uuid);
    drafts_load(enclave);
    return run_load_all(enclave, err);
}

static int load_all(struct engine *engine, int dir, bool destroying, struct error **err)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(closedir) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return error_system(err, "cannot list the enclaves of the state directory");
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            load_one(engine, dir, entry->d_name, destroying, err) < 0)
            return error_wrap(err, "cannot load the enclave %s", entry->d_name);
    return 0;
}

int state_load(struct engine *engine, struct error **err)
{
    with_model(engine);
    file_sweep(engine->enclaves_fd, ".");
    if (load_all(engine, engine->enclaves_fd, false, err) < 0)
        return -1;
    return load_all(engine, engine->destroying_fd, true, err);
}
