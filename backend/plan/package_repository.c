/* Repositories of a set: opening them, and files in them and nowhere else. */
#include "backend/plan/package_int.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/plan/package_fetch.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum {
    YML_MAX = 1 << 20 /* bytes of a kurtosis.yml */
};

char *package_path_append(const char *a, const char *b)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", a, *a && *b ? "/" : "", b) < 0)
        return NULL;
    return path;
}

/* ---- files ---- */

int package_open_inside(const struct package_repository *repository, const char *inside, int flags,
                        struct error **err)
{
    if (!package_path_is_in(inside, repository->prefix))
        return error_set(err, ENOENT,
                         "%s/%s is not here: only the folder '%s' of its repository is",
                         repository->name, inside, repository->prefix);
    const char *below = package_path_below(inside, repository->prefix);
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd;
    do /* EAGAIN: a rename nearby kept the kernel from being sure */
        fd = syscall(SYS_openat2, repository->fd, *below ? below : ".", &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    if (fd >= 0)
        return (int)fd;
    if (errno == EXDEV)
        return error_set(err, EINVAL, "%s/%s leads out of its repository by a symbolic link",
                         repository->name, inside);
    return error_system(err, "cannot open %s/%s", repository->name, inside);
}

bool package_has_yml(const struct package_repository *repository, const char *inside)
{
    cleanup(free) char *path = package_path_append(inside, PACKAGE_YML);
    cleanup(close) int fd = path ? package_open_inside(repository, path, O_PATH, NULL) : -1;
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int package_read_yml(const struct package_repository *repository, const char *inside,
                     struct package_yml *ret, struct error **err)
{
    cleanup(free) char *path = package_path_append(inside, PACKAGE_YML);
    if (!path)
        return error_set(err, ENOMEM, "out of memory");
    if (!package_has_yml(repository, inside))
        return error_set(err, ENOENT, "%s is no package: it has no " PACKAGE_YML,
                         *inside || !repository->is_local ? path : repository->shown);
    cleanup(close) int fd = package_open_inside(repository, path, O_RDONLY | O_NONBLOCK, err);
    cleanup(buf_done) struct buf text = BUF_INIT(YML_MAX);
    if (fd < 0 || file_read_fd(fd, path, &text, err) < 0)
        return -1;
    if (package_yml_parse(text.data, text.length, ret, err) == 0)
        return 0;
    return error_wrap(err, "%s", repository->shown);
}

/* ---- repositories ---- */

const char *package_path_shown(const struct package_set *set, const char *path)
{
    const char *root = set->options.local_root;
    const char *below =
        root && package_path_is_in(path, root) ? package_path_below(path, root) : "";
    return *below ? below : path;
}

/* Adds a repository; fd, of its directory, is taken in any case. */
static struct package_repository *add_repository(struct package_set *set, const char *name,
                                                 const char *version, const char *prefix,
                                                 const char *directory, int fd, struct error **err)
{
    struct package_repository *repository = calloc(1, sizeof *repository);
    if (!repository) {
        close(fd);
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    *repository = (struct package_repository){.next = set->repositories,
                                              .name = strdup(name),
                                              .version = version ? strdup(version) : NULL,
                                              .prefix = strdup(prefix),
                                              .directory = strdup(directory),
                                              .fd = fd};
    set->repositories = repository; /* from now on package_set_free owns it, whole or not */
    if (repository->directory)
        repository->shown = package_path_shown(set, repository->directory);
    if (repository->name && repository->prefix && repository->directory &&
        (repository->version || !version))
        return repository;
    error_set(err, ENOMEM, "out of memory");
    return NULL;
}

static int open_directory(const char *directory, struct error **err)
{
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot open the directory %s", directory) : fd;
}

/* The path of what fd refers to: of what was opened, not of what has its name by now. */
static char *path_of_fd(int fd, struct error **err)
{
    char link[64];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        error_system(err, "cannot find out where a directory is");
        return NULL;
    }
    path[length] = '\0';
    char *copy = strdup(path);
    if (!copy)
        error_set(err, ENOMEM, "out of memory");
    return copy;
}

static int check_local_root(const char *local_root, const char *directory, struct error **err)
{
    if (!local_root)
        return 0;
    cleanup(free) char *root = realpath(local_root, NULL);
    if (!root)
        return error_system(err, "cannot find the directory %s", local_root);
    if (package_path_is_in(directory, strcmp(root, "/") == 0 ? "" : root))
        return 0;
    return error_set(err, EACCES, "%s may not be used: it is not in %s", directory, local_root);
}

struct package_repository *package_open_local(struct package_set *set, const char *name,
                                              const char *prefix, const char *directory,
                                              struct error **err)
{
    cleanup(close) int fd = open_directory(directory, err);
    cleanup(free) char *real = fd < 0 ? NULL : path_of_fd(fd, err);
    if (!real || check_local_root(set->options.local_root, real, err) < 0)
        return NULL;
    struct package_repository *repository =
        add_repository(set, name, NULL, prefix, real, steal_fd(&fd), err);
    if (repository)
        repository->is_local = true;
    return repository;
}

static bool same_version(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct package_repository *find_fetched(struct package_set *set, const char *name,
                                               const char *version)
{
    for (struct package_repository *each = set->repositories; each; each = each->next)
        if (!each->is_local && each->name && strcmp(each->name, name) == 0 &&
            same_version(each->version, version))
            return each;
    return NULL;
}

/* ---- versions that may be shorter ---- */

enum {
    CANDIDATES_MAX = 32
};

/* "a/b/c", "a/b", "a", in that order; NULL at the end. */
struct candidates {
    char *versions[CANDIDATES_MAX + 1];
};

static void candidates_done(struct candidates *candidates)
{
    for (size_t i = 0; candidates->versions[i]; i++)
        free(candidates->versions[i]);
}

static int candidates_init(struct candidates *candidates, const struct package_locator *locator,
                           struct error **err)
{
    *candidates = (struct candidates){0};
    size_t length = locator->version ? strlen(locator->version) : 0;
    for (size_t count = 0; length > 0 && count < CANDIDATES_MAX; count++) {
        candidates->versions[count] = strndup(locator->version, length);
        if (!candidates->versions[count])
            return error_set(err, ENOMEM, "out of memory");
        if (!locator->version_may_be_shorter)
            break;
        while (length > 0 && locator->version[length - 1] != '/')
            length--;
        length -= length > 0;
    }
    return 0;
}

/* The path that remains when `version` is all of the locator's version that is one. "sub@v1/a/b/f"
 * is sub/a/b/f at v1. */
static char *path_for(const struct package_locator *locator, const char *version)
{
    if (!version || strlen(version) == strlen(locator->version))
        return strdup(locator->path);
    const char *moved = locator->version + strlen(version) + 1;
    cleanup(free) char *front = strndup(locator->path, locator->before_version);
    cleanup(free) char *middle = front ? package_path_append(front, moved) : NULL;
    const char *rest = locator->path + locator->before_version;
    return middle ? package_path_append(middle, rest + (*rest == '/')) : NULL;
}

static struct package_repository *fetch_repository(struct package_set *set,
                                                   const struct package_locator *locator,
                                                   const struct candidates *candidates,
                                                   const char **ret_version, struct error **err)
{
    const struct package_options *options = &set->options;
    if (!options->cache) {
        error_set(err, EINVAL, "%s cannot be fetched: there is no directory to keep it in",
                  locator->repository);
        return NULL;
    }
    struct package_fetch fetch = {
        .git = {.cancel = options->cancel,
                .deadline = options->deadline,
                .pause = options->retry_pause ? options->retry_pause : CLOCK_SECOND},
        .cache = options->cache,
        .mirror = options->mirror,
    };
    const char *const *versions =
        locator->version ? (const char *const *)candidates->versions : NULL;
    struct package_fetched fetched;
    if (package_fetch(&fetch, locator->repository, versions, &fetched, err) < 0)
        return NULL;
    cleanup(free) char *directory = fetched.directory;
    *ret_version = versions ? versions[fetched.version_index] : NULL;
    struct package_repository *repository = find_fetched(set, locator->repository, *ret_version);
    if (repository)
        return repository;
    int fd = open_directory(directory, err);
    if (fd < 0)
        return NULL;
    return add_repository(set, locator->repository, *ret_version, "", directory, fd, err);
}

struct package_repository *package_open_remote(struct package_set *set,
                                               const struct package_locator *locator,
                                               char **ret_inside, struct error **err)
{
    struct candidates candidates;
    const char *version = locator->version;
    struct package_repository *repository = find_fetched(set, locator->repository, version);
    int status = candidates_init(&candidates, locator, err);
    if (status == 0 && !repository)
        repository = fetch_repository(set, locator, &candidates, &version, err);
    *ret_inside = repository ? path_for(locator, version) : NULL;
    candidates_done(&candidates);
    if (repository && !*ret_inside)
        error_set(err, ENOMEM, "out of memory");
    return *ret_inside ? repository : NULL;
}
