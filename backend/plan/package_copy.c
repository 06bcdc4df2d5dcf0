/* Reading, walking and copying what was resolved. */
#include "backend/plan/package.h"

#include "backend/base/file.h"
#include "backend/plan/package_ignore.h"
#include "backend/plan/package_int.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum {
    IGNORE_MAX = 1 << 20, /* bytes of a .kurtosisignore */
    DEPTH_MAX = 64        /* folders in folders: each holds a descriptor */
};

#define IGNORE_FILE ".kurtosisignore"

/* ---- open and read ---- */

int package_open(const struct package_file *file, struct error **err)
{
    const struct resolved_file *resolved = package_file_inside(file);
    /* O_NONBLOCK: a pipe that took the file's place must not make anybody wait. */
    cleanup(close) int fd =
        package_open_inside(resolved->repository, resolved->inside, O_RDONLY | O_NONBLOCK, err);
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) != file->is_directory ||
        (!file->is_directory && !S_ISREG(st.st_mode)))
        return error_set(err, EINVAL, "%s is no longer what it was", file->locator);
    return steal_fd(&fd);
}

int package_read(const struct package_file *file, struct buf *buf, struct error **err)
{
    if (file->is_directory)
        return error_set(err, EISDIR, "%s is a directory", file->locator);
    cleanup(close) int fd = package_open(file, err);
    return fd < 0 ? -1 : file_read_fd(fd, file->locator, buf, err);
}

/* ---- walking ---- */

struct walk {
    package_visit visit;
    void *context;
    struct error **err;
    struct package_ignore *own;     /* of the directory that is walked */
    struct package_ignore *package; /* of the local package around it; paths below are prefixed */
    const char *in_package;         /* the directory's path in that package */
    bool is_repository;             /* it is a repository's root: its .git is no content */
    unsigned depth;
};

static int walk_directory(struct walk *walk, int fd, const char *path);

/* The patterns in a folder; NULL if it has no such file. */
static struct package_ignore *read_ignore(const struct package_repository *repository,
                                          const char *folder)
{
    cleanup(free) char *path = package_path_append(folder, IGNORE_FILE);
    cleanup(close) int fd =
        path ? package_open_inside(repository, path, O_RDONLY | O_NONBLOCK, NULL) : -1;
    cleanup(buf_done) struct buf text = BUF_INIT(IGNORE_MAX);
    if (fd < 0 || file_read_fd(fd, path, &text, NULL) < 0)
        return NULL;
    return package_ignore_parse(text.data, text.length);
}

static bool is_left_out(const struct walk *walk, const char *path, bool is_directory)
{
    if (walk->is_repository && strcmp(path, ".git") == 0)
        return true;
    if (package_ignore_matches(walk->own, path, is_directory))
        return true;
    cleanup(free) char *in_package = package_path_append(walk->in_package, path);
    return in_package && package_ignore_matches(walk->package, in_package, is_directory);
}

static int walk_entry(struct walk *walk, int fd, const char *path, const char *name)
{
    struct stat st;
    cleanup(free) char *entry = package_path_append(path, name);
    if (!entry)
        return error_set(walk->err, ENOMEM, "out of memory");
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(walk->err, "cannot look at %s", entry);
    if (is_left_out(walk, entry, S_ISDIR(st.st_mode)))
        return 0;
    if (walk->visit(walk->context, entry, fd, name, &st, walk->err) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return 0;
    cleanup(close) int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below < 0)
        return error_system(walk->err, "cannot open %s", entry);
    return walk_directory(walk, below, entry);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* By bytes, so that the order is everywhere the same. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_directory(struct walk *walk, int fd, const char *path)
{
    struct dirent **entries;
    if (walk->depth == DEPTH_MAX)
        return error_set(walk->err, EINVAL, "%s: more than %d folders in folders", path, DEPTH_MAX);
    int count = scandirat(fd, ".", &entries, is_entry, compare_entries);
    if (count < 0)
        return error_system(walk->err, "cannot list %s", *path ? path : "a directory");
    int status = 0;
    walk->depth++;
    for (int i = 0; i < count; i++) {
        if (status == 0)
            status = walk_entry(walk, fd, path, entries[i]->d_name);
        free(entries[i]);
    }
    walk->depth--;
    free(entries);
    return status;
}

static int walk_file(const struct package_file *file, package_visit visit, void *context,
                     struct error **err)
{
    const struct resolved_file *resolved = package_file_inside(file);
    const char *slash = strrchr(resolved->inside, '/');
    const char *name = slash ? slash + 1 : resolved->inside;
    cleanup(free) char *folder =
        strndup(resolved->inside, slash ? (size_t)(slash - resolved->inside) : 0);
    cleanup(close) int fd =
        folder ? package_open_inside(resolved->repository, folder, O_RDONLY | O_DIRECTORY, err)
               : -1;
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(err, "cannot look at %s", file->locator);
    if (S_ISREG(st.st_mode))
        return visit(context, name, fd, name, &st, err);
    /* A link to a file: what it links to is visited, under the link's name. */
    cleanup(close) int target = package_open(file, err);
    if (target < 0 || fstat(target, &st) < 0)
        return -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", target);
    return visit(context, name, AT_FDCWD, path, &st, err);
}

int package_walk(const struct package_file *file, package_visit visit, void *context,
                 struct error **err)
{
    if (!file->is_directory)
        return walk_file(file, visit, context, err);
    const struct resolved_file *resolved = package_file_inside(file);
    cleanup(close) int fd = package_open(file, err);
    if (fd < 0)
        return -1;
    const char *package = resolved->package_inside;
    bool in_local =
        package && resolved->repository->is_local && strcmp(package, resolved->inside) != 0;
    cleanup(package_ignore_free) struct package_ignore *own =
        read_ignore(resolved->repository, resolved->inside);
    cleanup(package_ignore_free) struct package_ignore *around =
        in_local ? read_ignore(resolved->repository, package) : NULL;
    struct walk walk = {.visit = visit,
                        .context = context,
                        .err = err,
                        .own = own,
                        .package = around,
                        .in_package = in_local ? package_path_below(resolved->inside, package) : "",
                        .is_repository =
                            strcmp(resolved->inside, resolved->repository->prefix) == 0};
    return walk_directory(&walk, fd, "");
}

/* ---- copying ---- */

static int copy_file(int from_dir, const char *name, const char *path, int target, mode_t mode,
                     struct error **err)
{
    /* A link is opened only where package_walk names it by its descriptor. */
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (from_dir == AT_FDCWD ? 0 : O_NOFOLLOW);
    cleanup(close) int in = openat(from_dir, name, flags);
    if (in < 0)
        return error_system(err, "cannot open %s", path);
    cleanup(close) int out =
        openat(target, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return error_system(err, "cannot create %s", path);
    char chunk[65536];
    ssize_t got;
    while ((got = read(in, chunk, sizeof chunk)) > 0)
        if (file_write_all(out, chunk, (size_t)got) < 0)
            return error_system(err, "cannot write %s", path);
    if (got < 0)
        return error_system(err, "cannot read %s", path);
    return fchmod(out, mode) < 0 ? error_system(err, "cannot write %s", path) : 0;
}

static int copy_link(int from_dir, const char *name, const char *path, int target,
                     struct error **err)
{
    char link[PATH_MAX];
    ssize_t length = readlinkat(from_dir, name, link, sizeof link - 1);
    if (length < 0)
        return error_system(err, "cannot read the link %s", path);
    link[length] = '\0';
    return symlinkat(link, target, path) < 0 ? error_system(err, "cannot create %s", path) : 0;
}

/* A package_visit; context is the target's descriptor. */
static int copy_entry(void *context, const char *path, int dir_fd, const char *name,
                      const struct stat *status, struct error **err)
{
    const int *target = context;
    if (S_ISREG(status->st_mode))
        return copy_file(dir_fd, name, path, *target, status->st_mode & 0777, err);
    if (S_ISLNK(status->st_mode))
        return copy_link(dir_fd, name, path, *target, err);
    if (!S_ISDIR(status->st_mode))
        return error_set(err, EINVAL, "%s is no file, directory or link", path);
    /* Writable for us, whatever it is in the package: its content comes next. */
    mode_t mode = (status->st_mode & 0777) | 0700;
    if (mkdirat(*target, path, mode) < 0 || fchmodat(*target, path, mode, 0) < 0)
        return error_system(err, "cannot create %s", path);
    return 0;
}

int package_copy(const struct package_file *file, int target_fd, struct error **err)
{
    return package_walk(file, copy_entry, &target_fd, err);
}
