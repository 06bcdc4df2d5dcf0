/*
 * root/ of a service whose file system is not seen from this machine, because the orchestrator is
 * elsewhere, or does not let it be seen, or because the service does not run: a mirror of it, made
 * with the archive operations.
 *
 * The mirror is a directory of real files, so that the tree serves it like any other. It holds what
 * was looked at: names, attributes and links as they were, files of their true size but without
 * content, which is there only while the file is being opened.
 *
 * Each question has a price of its own (Docker: 50 to 400 ms, whatever is asked for), and a
 * directory is listed only by having all that is below it sent. So who asks for a name gets the
 * whole directory that it is in, which then holds for a while, unless that turns out to be dear.
 *
 * Names cannot be removed or changed by archive operations, and devices, pipes and sockets are not
 * shown. In the enclave's directory:
 *     roots/UUID/tree     the mirror
 *     roots/UUID/new      a listing that is being received
 *     roots/UUID/old-N    what listings have replaced, for who still reads it
 */
#include "backend/engine_int.h"

#include "backend/archive.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LISTED_MAX = 8, /* listings that are remembered */
    OLD_MAX = 4,    /* replaced directories that are kept */
    COST = 10       /* a listing that took a second holds for this many */
};
static const int64_t LISTED_LEAST = 1 * CLOCK_SECOND;
static const int64_t DEAR = 1 * CLOCK_SECOND; /* what a listing may take that was not asked for */
static const int64_t DEAR_FOR = 60 * CLOCK_SECOND;

struct mirror {
    bool busy; /* somebody works on it */
    struct listed {
        char *path;
        int64_t until; /* monotonic */
        bool dear;     /* it is not listed: that took too long */
    } listed[LISTED_MAX];
    unsigned listings;
};

/* One piece of work on one service's mirror. */
struct work {
    struct member *member; /* counted */
    char *handle;
    struct buf base; /* absolute path of roots/UUID, ending in a '/' */
};

static void work_done(struct work *work)
{
    struct engine *engine = work->member ? work->member->enclave->engine : NULL;
    if (engine) {
        {
            with_lock(&engine->model_lock);
            if (work->member->mirror && work->handle)
                work->member->mirror->busy = false;
            pthread_cond_broadcast(&engine->model_changed);
        }
        member_unref(work->member);
    }
    free(work->handle);
    buf_done(&work->base);
}

static void cleanup_work_done(struct work *work)
{
    int saved = errno;
    work_done(work);
    errno = saved;
}

/* Under model_lock. */
static int check_container(const struct member *member, struct error **err)
{
    return member->handle
               ? 0
               : error_set(err, EAGAIN, "the service '%s' has no container: its status is %s",
                           member->name, service_status_name(member->facts->status));
}

/* Waits until nobody works on the mirror and makes that the caller's right. */
static int work_begin(struct work *work, struct engine *engine, object_id id, struct error **err)
{
    *work = (struct work){.base = BUF_INIT(PATH_MAX)};
    work->member = member_hold(engine, id, err);
    if (!work->member)
        return -1;
    with_lock(&engine->model_lock);
    struct member *member = work->member;
    if (!member->mirror && !(member->mirror = calloc(1, sizeof *member->mirror)))
        abort();
    while (member->mirror->busy)
        pthread_cond_wait(&engine->model_changed, &engine->model_lock);
    if (check_container(member, err) < 0)
        return -1;
    buf_printf(&work->base, "%s/", engine->state_path);
    enclave_path(member->enclave, &work->base, "roots/");
    buf_printf(&work->base, "%s/", member->uuid);
    if (buf_check(&work->base, err) < 0)
        return -1;
    work->handle = strdup(member->handle);
    member->mirror->busy = true;
    return 0;
}

static char *path_of(const struct work *work, const char *first, const char *rest)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s%s%s", work->base.data, first, *rest ? "/" : "", rest) < 0)
        abort();
    return path;
}

/* ---- what is known to be fresh ---- */

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strcmp(directory, ".") == 0 ||
           (strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* Whether a listing has shown it a moment ago. A listed directory does not show its own attributes.
 */
static bool is_fresh(const struct work *work, const char *path, bool listing)
{
    const struct mirror *mirror = work->member->mirror;
    int64_t now = clock_monotonic();
    for (size_t i = 0; i < LISTED_MAX; i++) {
        const struct listed *listed = &mirror->listed[i];
        if (listed->path && !listed->dear && now < listed->until && is_below(path, listed->path) &&
            (listing || strcmp(path, listed->path) != 0))
            return true;
    }
    return false;
}

static bool is_dear(const struct work *work, const char *path)
{
    const struct mirror *mirror = work->member->mirror;
    int64_t now = clock_monotonic();
    for (size_t i = 0; i < LISTED_MAX; i++)
        if (mirror->listed[i].path && mirror->listed[i].dear && now < mirror->listed[i].until &&
            strcmp(path, mirror->listed[i].path) == 0)
            return true;
    return false;
}

static void remember(const struct work *work, const char *path, int64_t lasts, bool dear)
{
    struct mirror *mirror = work->member->mirror;
    struct listed *listed = &mirror->listed[mirror->listings++ % LISTED_MAX];
    fact_set(&listed->path, path);
    listed->until = clock_monotonic() + lasts;
    listed->dear = dear;
}

void mirror_free(struct mirror *mirror)
{
    for (size_t i = 0; mirror && i < LISTED_MAX; i++)
        free(mirror->listed[i].path);
    free(mirror);
}

/* ---- the directory that holds a path ---- */

/* A descriptor of the directory of the mirror that `path` is in, which is made if it is not there.
 * No symbolic link of the service's is followed. *ret_name is the last component. */
static int open_parent(const struct work *work, const char *path, const char **ret_name,
                       struct error **err)
{
    cleanup(free) char *tree = path_of(work, "tree", "");
    if (file_make_dirs(AT_FDCWD, tree, err) < 0)
        return -1;
    cleanup(close) int fd = open(tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (const char *slash; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        cleanup(free) char *name = strndup(path, (size_t)(slash - path));
        int next = mkdirat(fd, name, 0755) == 0 || errno == EEXIST
                       ? openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                       : -1;
        close(fd);
        fd = next;
    }
    *ret_name = path;
    return fd < 0 ? error_system(err, "cannot make the mirror of the service's files")
                  : steal_fd(&fd);
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
    if (!parent)
        abort();
    return parent;
}

/* What is done to the mirror only does not change when the directory was changed. */
static void restore_time(int directory, const struct stat *before)
{
    struct timespec times[2] = {before->st_atim, before->st_mtim};
    if (utimensat(directory, "", times, AT_EMPTY_PATH) < 0)
        log_debug("the time of a directory is not kept: %m");
}

/* It is not there any more. */
static void forget(const struct work *work, const char *path)
{
    const char *name;
    cleanup(close) int parent = open_parent(work, path, &name, NULL);
    if (parent >= 0)
        file_remove_tree(parent, name, NULL);
}

/* ---- receiving ---- */

struct taking {
    struct archive_sink *sink;
    int64_t deadline; /* monotonic; 0: none */
};

static int take(void *context, const void *bytes, size_t length)
{
    const struct taking *taking = context;
    if (taking->deadline && clock_monotonic() > taking->deadline)
        return -1;
    return archive_sink_write(taking->sink, bytes, length);
}

/* Unpacks what the orchestrator gives for the path into the directory. ETIMEDOUT after the
 * deadline.
 */
static int receive(const struct work *work, const char *path, const char *suffix,
                   const char *directory, unsigned flags, int64_t deadline, struct error **err)
{
    struct orchestrator *orchestrator = work->member->enclave->engine->orchestrator;
    cleanup(free) char *source = NULL;
    if (asprintf(&source, "/%s%s", strcmp(path, ".") == 0 ? "" : path, suffix) < 0)
        abort();
    cleanup(archive_sink_free) struct archive_sink *sink = archive_sink_open(directory, flags, err);
    cleanup(error_free) struct error *failure = NULL;
    if (!sink)
        return -1;
    struct taking taking = {.sink = sink, .deadline = deadline};
    int result = orchestrator->archive_get(orchestrator, work->handle, source, take, &taking, NULL,
                                           &failure);
    if (result < 0 && error_code(failure) == ECANCELED && deadline && clock_monotonic() > deadline)
        return error_set(err, ETIMEDOUT, "there is too much in /%s", path);
    if (archive_sink_finish(sink, err) < 0)
        return -1;
    /* It was stopped when it had what it wanted. */
    if (result < 0 && !(flags & ARCHIVE_FIRST_ONLY && error_code(failure) == ECANCELED))
        return error_move(err, &failure);
    return 0;
}

/* One file, link or directory itself, without what is in it. */
static int receive_entry(const struct work *work, const char *path, unsigned flags,
                         struct error **err)
{
    const char *name;
    cleanup(close) int parent = open_parent(work, path, &name, err);
    cleanup(free) char *parent_path = parent_of(path),
                       *directory = path_of(work, "tree", parent_path);
    cleanup(error_free) struct error *failure = NULL;
    struct stat found, before;
    if (parent < 0)
        return -1;
    if (fstat(parent, &before) < 0)
        return error_system(err, "cannot use the mirror of the service's files");
    flags |= ARCHIVE_FIRST_ONLY | ARCHIVE_OWNERS;
    int result = receive(work, path, "", directory, flags, 0, &failure);
    restore_time(parent, &before);
    if (result < 0 && error_code(failure) == ENOENT) {
        forget(work, path);
        return 0;
    }
    if (result < 0 && fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(found.st_mode)) { /* something else now */
        forget(work, path);
        return receive(work, path, "", directory, flags, 0, err);
    }
    return result < 0 ? error_move(err, &failure) : 0;
}

/* ---- listing ---- */

/* A listed directory is as it was, but for what is in it. */
static void copy_attributes(int parent, const char *name, const char *to)
{
    struct stat before;
    if (fstatat(parent, name, &before, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(before.st_mode))
        return;
    struct timespec times[2] = {before.st_atim, before.st_mtim};
    if (chmod(to, before.st_mode & 07777) < 0 || lchown(to, before.st_uid, before.st_gid) < 0 ||
        utimensat(AT_FDCWD, to, times, 0) < 0)
        log_debug("the attributes of %s are not kept: %m", name);
}

/* Puts roots/UUID/new in the place of the directory; what was there is kept for a while. */
static int exchange(const struct work *work, const char *path, struct error **err)
{
    char old[32];
    snprintf(old, sizeof old, "old-%u", work->member->mirror->listings % OLD_MAX);
    bool whole = strcmp(path, ".") == 0;
    const char *name = "tree";
    cleanup(close) int base = open(work->base.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(close) int parent = whole ? dup(base) : open_parent(work, path, &name, err);
    cleanup(free) char *fresh = path_of(work, "new", "");
    if (base < 0 || parent < 0)
        return error_system(err, "cannot use the mirror of the service's files");
    copy_attributes(parent, name, fresh);
    file_remove_tree(base, old, NULL);
    if (renameat2(base, "new", parent, name, RENAME_EXCHANGE) < 0 &&
        renameat(base, "new", parent, name) < 0)
        return error_system(err, "cannot put a listing into the mirror");
    renameat(base, "new", base, old);
    return 0;
}

static int receive_listing(const struct work *work, const char *path, int64_t deadline,
                           struct error **err)
{
    cleanup(free) char *fresh = path_of(work, "new", "");
    cleanup(error_free) struct error *failure = NULL;
    int64_t start = clock_monotonic();
    file_remove_tree(AT_FDCWD, fresh, NULL);
    if (file_make_dirs(AT_FDCWD, fresh, err) < 0)
        return -1;
    if (chmod(fresh, 0755) < 0 ||
        receive(work, path, "/.", fresh, ARCHIVE_SKELETON | ARCHIVE_OWNERS, deadline, &failure) <
            0) {
        if (error_code(failure) == ENOENT)
            forget(work, path);
        return error_move(err, &failure);
    }
    if (exchange(work, path, err) < 0)
        return -1;
    int64_t lasts = (clock_monotonic() - start) * COST;
    remember(work, path, lasts > LISTED_LEAST ? lasts : LISTED_LEAST, false);
    return 0;
}

/* A name, with the directory that it is in unless that is dear. */
static int receive_name(const struct work *work, const char *path, struct error **err)
{
    cleanup(free) char *parent = parent_of(path);
    const char *directory = *parent ? parent : ".";
    cleanup(error_free) struct error *failure = NULL;
    if (!is_dear(work, directory)) {
        if (receive_listing(work, directory, clock_monotonic() + DEAR, &failure) == 0 ||
            error_code(failure) == ENOENT)
            return 0;
        if (error_code(failure) != ETIMEDOUT)
            return error_move(err, &failure);
        remember(work, directory, DEAR_FOR, true);
    }
    return receive_entry(work, path, ARCHIVE_SKELETON, err);
}

/* ---- for the tree ---- */

int service_mirror_open(struct engine *engine, object_id id, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(PATH_MAX);
    cleanup(member_unref) struct member *member = member_hold(engine, id, err);
    if (!member)
        return -1;
    {
        with_lock(&engine->model_lock);
        if (check_container(member, err) < 0)
            return -1;
        enclave_path(member->enclave, &path, "roots/");
        buf_printf(&path, "%s/tree", member->uuid);
    }
    int fd = openat(engine->state_fd, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && file_make_dirs(engine->state_fd, path.data, err) == 0)
        fd = openat(engine->state_fd, path.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot make the mirror of the service's files") : fd;
}

int service_mirror_refresh(struct engine *engine, object_id id, const char *path,
                           enum mirror_part part, struct error **err)
{
    cleanup(work_done) struct work work = {0};
    if (work_begin(&work, engine, id, err) < 0)
        return -1;
    if (part == MIRROR_LISTING)
        return is_fresh(&work, path, true) ? 0 : receive_listing(&work, path, 0, err);
    if (strcmp(path, ".") == 0 || is_fresh(&work, path, false))
        return 0;
    return receive_name(&work, path, err);
}

/* A file like the one there, with a hole for its content. */
static int make_hollow(const struct stat *like, const char *temporary)
{
    cleanup(close) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct timespec times[2] = {like->st_atim, like->st_mtim};
    if (fd < 0 || ftruncate(fd, like->st_size) < 0)
        return -1;
    if (geteuid() == 0 && fchown(fd, like->st_uid, like->st_gid) < 0)
        return -1;
    return fchmod(fd, like->st_mode & 07777) < 0 ? -1 : futimens(fd, times);
}

/* Puts a file like this one, with a hole for its content, into its place. */
static void hollow(const struct work *work, int parent, const char *name, const struct stat *like)
{
    cleanup(free) char *temporary = path_of(work, "hollow", "");
    struct stat before;
    if (fstat(parent, &before) == 0 && make_hollow(like, temporary) == 0 &&
        renameat(AT_FDCWD, temporary, parent, name) == 0)
        restore_time(parent, &before);
}

/* An empty file like this one, that has no name. */
static int open_empty(const struct work *work, const struct stat *like)
{
    cleanup(free) char *temporary = path_of(work, "hollow", "");
    struct stat empty = *like;
    empty.st_size = 0;
    if (make_hollow(&empty, temporary) < 0)
        return -1;
    int fd = open(temporary, O_RDWR | O_CLOEXEC);
    unlink(temporary);
    return fd;
}

static int open_content(int parent, const char *name)
{
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(parent, name, O_RDWR | flags);
    return fd < 0 && errno == EACCES ? openat(parent, name, O_RDONLY | flags) : fd;
}

int service_mirror_content(struct engine *engine, object_id id, const char *path, bool empty,
                           struct error **err)
{
    cleanup(work_done) struct work work = {0};
    const char *name;
    struct stat found;
    if (work_begin(&work, engine, id, err) < 0 ||
        (!empty && receive_entry(&work, path, 0, err) < 0))
        return -1;
    cleanup(close) int parent = open_parent(&work, path, &name, err);
    if (parent < 0)
        return -1;
    if (fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(err, "cannot open /%s", path);
    if (!S_ISREG(found.st_mode))
        return error_set(err, EINVAL, "/%s is no file any more", path);
    int fd = empty ? open_empty(&work, &found) : open_content(parent, name);
    if (fd < 0)
        return error_system(err, "cannot open /%s", path);
    if (!empty)
        hollow(&work, parent, name, &found);
    return fd;
}

/* Shows in the mirror what was put into the service, by unpacking the same. */
static int show(const struct work *work, const char *path, const struct stat *attributes,
                const char *target, int fd, struct error **err)
{
    const char *name;
    char piece[64 << 10];
    cleanup(free) char *tree = path_of(work, "tree", "");
    cleanup(close) int parent = open_parent(work, path, &name, err);
    cleanup(archive_source_free) struct archive_source *source =
        parent < 0 ? NULL : archive_source_open_entry(path, attributes, target, fd, err);
    cleanup(archive_sink_free) struct archive_sink *sink =
        source ? archive_sink_open(tree, ARCHIVE_SKELETON | ARCHIVE_OWNERS, err) : NULL;
    if (!sink)
        return -1;
    for (ssize_t got; (got = archive_source_read(source, piece, sizeof piece)) > 0;)
        if (archive_sink_write(sink, piece, (size_t)got) < 0)
            break;
    return archive_sink_finish(sink, err);
}

int service_mirror_put(struct engine *engine, object_id id, const char *path,
                       const struct stat *attributes, const char *target, int fd,
                       struct error **err)
{
    cleanup(work_done) struct work work = {0};
    if (work_begin(&work, engine, id, err) < 0)
        return -1;
    /* From the root, because a relative link must not lead out of where it is put. */
    cleanup(archive_source_free) struct archive_source *source =
        archive_source_open_entry(path, attributes, target, fd, err);
    if (!source || engine->orchestrator->archive_put(engine->orchestrator, work.handle, "/",
                                                     archive_source_read, source, NULL, err) < 0)
        return -1;
    return show(&work, path, attributes, target, fd, err);
}

void mirror_discard(struct enclave *enclave, const char *uuid)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&enclave->engine->model_lock);
        enclave_path(enclave, &path, "roots/");
    }
    buf_puts(&path, uuid);
    file_remove_tree(enclave->engine->state_fd, path.data, NULL);
}
