/* The mirror, the cache and GitHub, in this order. */
#include "backend/plan/package_fetch.h"

#include "backend/base/file.h"
#include "backend/base/uuid.h"
#include "backend/plan/package_locator.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    RECORD_MAX = 256 /* bytes of what is remembered of one version */
};

__attribute__((format(printf, 1, 2))) static char *path_of(const char *format, ...)
{
    char *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&path, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : path;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_in(const char *directory, const char *name)
{
    cleanup(free) char *path = path_of("%s/%s", directory, name);
    return path && access(path, F_OK) == 0;
}

/* ---- what versions were ---- */

/* The file name for a version: '/' and '%' as %2F and %25. The default branch's is "%". */
static char *record_name(const char *repository, const char *version)
{
    cleanup(buf_done) struct buf name = BUF_INIT(PATH_MAX);
    buf_printf(&name, "%s.versions/", repository);
    if (!version)
        buf_putc(&name, '%');
    for (const char *c = version ? version : ""; *c; c++) {
        if (*c == '/' || *c == '%')
            buf_printf(&name, "%%%02X", (unsigned char)*c);
        else
            buf_putc(&name, *c);
    }
    return buf_steal(&name, NULL);
}

/* Remembering is for convenience: what fails is asked for again. */
static void remember(const struct package_fetch *fetch, const char *repository, const char *version,
                     const struct package_git_version *found)
{
    cleanup(free) char *name = record_name(repository, version);
    cleanup(free) char *parent = path_of("%s/%s.versions", fetch->cache, repository);
    cleanup(free) char *text = path_of("%d %s\n", (int)found->kind, found->commit);
    cleanup(close) int fd = open(fetch->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (name && parent && text && fd >= 0 && file_make_dirs(AT_FDCWD, parent, NULL) == 0)
        file_write(fd, name, text, strlen(text), NULL);
}

static bool recall(const struct package_fetch *fetch, const char *repository, const char *version,
                   struct package_git_version *ret)
{
    cleanup(free) char *name = record_name(repository, version);
    cleanup(close) int fd = open(fetch->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(buf_done) struct buf text = BUF_INIT(RECORD_MAX);
    if (!name || fd < 0 || file_read(fd, name, &text, NULL) < 0)
        return false;
    char *space = strchr(text.data, ' ');
    char *end = strchr(text.data, '\n');
    if (!space || !end || end - space - 1 > GIT_COMMIT_MAX)
        return false;
    ret->kind = (enum package_git_kind)strtol(text.data, NULL, 10);
    snprintf(ret->commit, sizeof ret->commit, "%.*s", (int)(end - space - 1), space + 1);
    return package_version_is_commit(ret->commit);
}

static char *commit_directory(const struct package_fetch *fetch, const char *repository,
                              const char *commit)
{
    return path_of("%s/%s@%s", fetch->cache, repository, commit);
}

/* How far what is in the cache is trusted without asking. */
enum trust {
    TRUST_COMMITS, /* they never change */
    TRUST_TAGS,    /* they do not move, as a rule */
    TRUST_ALL      /* there is no network to ask */
};

static bool is_trusted(enum package_git_kind kind, enum trust trust)
{
    return trust == TRUST_ALL || (trust == TRUST_TAGS && kind == GIT_TAG);
}

/* The first version that is known well enough and whose files are there. */
static bool find_in_cache(const struct package_fetch *fetch, const char *repository,
                          const char *const *versions, enum trust trust,
                          struct package_fetched *ret)
{
    static const char *const default_branch[] = {NULL, NULL};
    const char *const *wanted = versions ? versions : default_branch;
    for (size_t i = 0; i == 0 || (versions && versions[i]); i++) {
        struct package_git_version found = {.kind = GIT_COMMIT};
        if (wanted[i] && package_version_is_commit(wanted[i]))
            snprintf(found.commit, sizeof found.commit, "%s", wanted[i]);
        else if (!recall(fetch, repository, wanted[i], &found) || !is_trusted(found.kind, trust))
            continue;
        cleanup(free) char *directory = commit_directory(fetch, repository, found.commit);
        if (is_directory(directory)) {
            *ret = (struct package_fetched){.directory = steal(&directory), .version_index = i};
            return true;
        }
    }
    return false;
}

/* ---- fetching ---- */

/* Fetches beside its place and moves it there; another process may have been quicker. */
static int fetch_commit(const struct package_fetch *fetch, const char *repository, const char *url,
                        const char *commit, char **ret_directory, struct error **err)
{
    cleanup(free) char *directory = commit_directory(fetch, repository, commit);
    if (is_directory(directory)) {
        *ret_directory = steal(&directory);
        return 0;
    }
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    cleanup(free) char *temporary = path_of("%s/.fetch.%s", fetch->cache, uuid);
    cleanup(free) char *owner = path_of("%s/%s", fetch->cache, repository);
    if (!temporary || !owner || !directory)
        return error_set(err, ENOMEM, "out of memory");
    *strrchr(owner, '/') = '\0';
    if (file_make_dirs(AT_FDCWD, owner, err) < 0)
        return -1;
    int status = package_git_fetch(&fetch->git, url, commit, temporary, err);
    if (status == 0 && rename(temporary, directory) < 0 && !is_directory(directory))
        status = error_system(err, "cannot move %s to %s", temporary, directory);
    file_remove_tree(AT_FDCWD, temporary, NULL);
    if (status == 0)
        *ret_directory = steal(&directory);
    return status;
}

static int fetch_from(const struct package_fetch *fetch, const char *repository, const char *url,
                      const char *const *versions, struct package_fetched *ret, struct error **err)
{
    struct package_git_version found;
    if (package_git_find(&fetch->git, url, versions, &found, err) < 0 ||
        fetch_commit(fetch, repository, url, found.commit, &ret->directory, err) < 0)
        return -1;
    remember(fetch, repository, versions ? versions[found.index] : NULL, &found);
    ret->version_index = found.index;
    return 0;
}

/* ---- the mirror ---- */

static bool is_url(const char *mirror)
{
    return strstr(mirror, "://") != NULL ||
           (*mirror != '/' && *mirror != '.' && strchr(mirror, ':'));
}

static bool is_git(const char *directory)
{
    return is_in(directory, ".git") || (is_in(directory, "HEAD") && is_in(directory, "objects"));
}

/* A plain directory for one of the versions; or for none of them by name, then for all. */
static bool find_plain(const char *path, const char *const *versions, struct package_fetched *ret)
{
    for (size_t i = 0; versions && versions[i]; i++) {
        if (strchr(versions[i], '/')) /* a folder of the directory is no version */
            continue;
        cleanup(free) char *versioned = path_of("%s@%s", path, versions[i]);
        if (is_directory(versioned)) {
            *ret = (struct package_fetched){.directory = realpath(versioned, NULL),
                                            .version_index = i};
            return ret->directory != NULL;
        }
    }
    if (!is_directory(path) || is_git(path))
        return false;
    /* Of versions that may be shorter the shortest is the likeliest to be one. */
    size_t last = 0;
    while (versions && versions[last] && versions[last + 1])
        last++;
    *ret = (struct package_fetched){.directory = realpath(path, NULL), .version_index = last};
    return ret->directory != NULL;
}

/* -1 without an error: there is no mirror. */
static int fetch_from_mirror(const struct package_fetch *fetch, const char *repository,
                             const char *const *versions, struct package_fetched *ret,
                             struct error **err)
{
    if (!fetch->mirror || *fetch->mirror == '\0')
        return -1;
    cleanup(free) char *path = path_of("%s/%s", fetch->mirror, repository);
    cleanup(free) char *bare = path_of("%s/%s.git", fetch->mirror, repository);
    if (!path || !bare)
        return error_set(err, ENOMEM, "out of memory");
    if (is_url(fetch->mirror))
        return fetch_from(fetch, repository, path, versions, ret, err);
    if (find_plain(path, versions, ret))
        return 0;
    if (!is_directory(path) && !is_directory(bare))
        return error_set(err, ENOENT, "the mirror %s has no %s", fetch->mirror, repository);
    /* git wants to know a path from a name. */
    cleanup(free) char *absolute = realpath(is_directory(path) ? path : bare, NULL);
    if (!absolute)
        return error_system(err, "cannot find %s", path);
    return fetch_from(fetch, repository, absolute, versions, ret, err);
}

/* ---- all of it ---- */

static bool stops(const struct error *reason)
{
    return error_code(reason) == ECANCELED || error_code(reason) == ETIMEDOUT;
}

int package_fetch(const struct package_fetch *fetch, const char *repository,
                  const char *const *versions, struct package_fetched *ret, struct error **err)
{
    *ret = (struct package_fetched){0};
    cleanup(error_free) struct error *mirror_reason = NULL;
    cleanup(error_free) struct error *reason = NULL;
    if (find_in_cache(fetch, repository, versions, TRUST_COMMITS, ret) ||
        fetch_from_mirror(fetch, repository, versions, ret, &mirror_reason) == 0)
        return 0;
    if (mirror_reason && stops(mirror_reason))
        return error_move(err, &mirror_reason);
    if (find_in_cache(fetch, repository, versions, TRUST_TAGS, ret))
        return 0;
    cleanup(free) char *url = path_of("https://%s", repository);
    if (!url)
        return error_set(err, ENOMEM, "out of memory");
    if (fetch_from(fetch, repository, url, versions, ret, &reason) == 0)
        return 0;
    if (error_code(reason) == EIO && find_in_cache(fetch, repository, versions, TRUST_ALL, ret))
        return 0;
    if (!mirror_reason || stops(reason))
        return error_move(err, &reason);
    return error_set(err, error_code(reason), "%s; and %s", error_message(mirror_reason),
                     error_message(reason));
}
