/*
 * Sets of packages: the root, and what locators mean in which file. A relative locator stays in its
 * repository; an absolute one goes through the root's `replace` and is then fetched.
 */
#include "backend/plan/package.h"

#include "backend/base/file.h"
#include "backend/plan/package_int.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- files of a set ---- */

static void file_free(struct resolved_file *file)
{
    if (!file)
        return;
    free(file->locator);
    free(file->package);
    free(file->path);
    free(file->inside);
    free(file->package_inside);
    free(file);
}
CLEANUP_DEFINE(file_free, struct resolved_file *)

/* The three texts as one. */
static char *concatenate(const char *a, const char *b, const char *c)
{
    char *text = NULL;
    return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : text;
}

/* "github.com/owner/repo[@version]/path" */
static char *locator_of(const struct package_set *set, const struct package_repository *repository,
                        const char *inside)
{
    bool versioned = repository->version && repository != set->root;
    cleanup(free) char *label =
        concatenate(repository->name, versioned ? "@" : "", versioned ? repository->version : "");
    return label ? package_path_append(label, inside) : NULL;
}

/* The folder of the package that the file is in: the first with a kurtosis.yml on the way down from
 * the repository's root. NULL if there is none. */
static char *find_package(const struct package_repository *repository, const char *inside)
{
    cleanup(free) char *folder = strdup(inside);
    for (size_t end = strlen(repository->prefix); folder; end++) {
        if (end > strlen(inside))
            return NULL;
        if (end != 0 && inside[end] != '/' && inside[end] != '\0')
            continue;
        folder[end] = '\0';
        if (package_has_yml(repository, folder))
            return steal(&folder);
        memcpy(folder, inside, strlen(inside) + 1);
    }
    return NULL;
}

static int check_kind(const struct resolved_file *file, mode_t mode, enum package_use use,
                      struct error **err)
{
    if (use == PACKAGE_MODULE && S_ISDIR(mode))
        return error_set(err, EISDIR, "%s is a directory", file->locator);
    if (!S_ISREG(mode) && !S_ISDIR(mode))
        return error_set(err, EINVAL, "%s is neither a file nor a directory", file->locator);
    if (use == PACKAGE_MODULE && !file->package)
        return error_set(err, EINVAL,
                         "%s is in no Kurtosis package: there is no " PACKAGE_YML
                         " in its folder or above it",
                         file->locator);
    return 0;
}

/* Fills in what a file is; takes nothing. */
static int describe_file(const struct package_set *set, const struct package_repository *repository,
                         const char *inside, struct resolved_file *file, struct error **err)
{
    const char *below = package_path_is_in(inside, repository->prefix)
                            ? package_path_below(inside, repository->prefix)
                            : inside;
    file->repository = repository;
    file->inside = strdup(inside);
    file->locator = locator_of(set, repository, inside);
    file->path = package_path_append(repository->directory, below);
    file->package_inside = find_package(repository, inside);
    if (file->package_inside)
        file->package = package_path_append(repository->name, file->package_inside);
    if (!file->inside || !file->locator || !file->path || (file->package_inside && !file->package))
        return error_set(err, ENOMEM, "out of memory");
    return 0;
}

/* The set's file at `inside` of the repository; it must be there and fit its use. */
static const struct package_file *add_file(struct package_set *set,
                                           const struct package_repository *repository,
                                           const char *inside, enum package_use use,
                                           struct error **err)
{
    cleanup(file_free) struct resolved_file *file = calloc(1, sizeof *file);
    if (!file) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (describe_file(set, repository, inside, file, err) < 0)
        return NULL;
    cleanup(close) int fd = package_open_inside(repository, inside, O_PATH, err);
    struct stat st;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) < 0) {
        error_system(err, "cannot look at %s", file->locator);
        return NULL;
    }
    if (check_kind(file, st.st_mode, use, err) < 0)
        return NULL;
    struct resolved_file *present = map_get(&set->files, file->locator);
    if (present)
        return &present->file;
    file->file = (struct package_file){.locator = file->locator,
                                       .package = file->package,
                                       .path = file->path,
                                       .is_directory = S_ISDIR(st.st_mode)};
    map_set(&set->files, file->locator, file);
    return &steal(&file)->file;
}

/* ---- absolute locators ---- */

/* A locator into the root package, from inside it, must be relative: it would load a file a second
 * time, and another version of it once the package is somebody's dependency. */
static int check_own_package(const struct package_set *set, const struct resolved_file *from,
                             const char *text, const char *absolute, struct error **err)
{
    const char *own = set->yml.name;
    if (!from || !own || from->repository != set->root || !package_path_is_in(absolute, own) ||
        !package_path_is_in(from->inside, set->root_inside))
        return 0;
    return error_set(err, EINVAL,
                     "'%s' cannot be used inside its own package '%s': only relative import syntax "
                     "(path starting with '/' or '.') is allowed within a package; write '/%s'",
                     text, own, package_path_below(absolute, set->root->name));
}

static struct package_repository *find_target(struct package_set *set,
                                              const struct package_replacement *replacement)
{
    for (struct package_repository *each = set->repositories; each; each = each->next)
        if (each->replacement == replacement)
            return each;
    return NULL;
}

/* The local directory that replaces something, as a repository in which it has the old name. */
static struct package_repository *open_local_target(struct package_set *set,
                                                    const struct package_replacement *replacement,
                                                    struct error **err)
{
    struct package_repository *present = find_target(set, replacement);
    if (present)
        return present;
    if (!set->root->is_local) {
        error_set(err, EINVAL,
                  "replace: '%s' by the directory '%s' is only possible in a local package",
                  replacement->from, replacement->to);
        return NULL;
    }
    const char *below = package_path_below(set->root_inside, set->root->prefix);
    bool absolute = replacement->to[0] == '/';
    cleanup(free) char *folder = package_path_append(set->root->directory, below);
    cleanup(free) char *directory =
        folder ? concatenate(absolute ? "" : folder, absolute ? "" : "/", replacement->to) : NULL;
    cleanup(package_locator_done) struct package_locator from;
    if (!directory || package_locator_parse(replacement->from, &from, err) < 0)
        return NULL;
    struct package_repository *repository =
        package_open_local(set, from.repository, from.path, directory, err);
    if (!repository)
        error_wrap(err, "replace: '%s'", replacement->from);
    else
        repository->replacement = replacement;
    return repository;
}

/* A locator as `replace` changes it: the target's path in front of what follows the replaced part;
 * the target's version, or else the one asked for. */
static int retarget(const struct package_replacement *replacement, const char *rest,
                    struct package_locator *locator, struct error **err)
{
    const struct package_locator *target = &replacement->target;
    struct package_locator changed = {.repository = strdup(target->repository),
                                      .path = package_path_append(target->path, rest)};
    size_t behind = strlen(locator->path) - locator->before_version;
    if (target->version) {
        changed.version_may_be_shorter = target->version_may_be_shorter;
        changed.before_version = target->before_version;
    } else if (behind <= strlen(rest)) {
        changed.version_may_be_shorter = locator->version_may_be_shorter;
        changed.before_version =
            strlen(target->path) + (*target->path && *rest) + strlen(rest) - behind;
    }
    const char *version = target->version ? target->version : locator->version;
    changed.version = version ? strdup(version) : NULL;
    package_locator_done(locator);
    *locator = changed;
    if (changed.repository && changed.path && (changed.version || !version))
        return 0;
    return error_set(err, ENOMEM, "out of memory");
}

static const struct package_file *resolve_fetched(struct package_set *set,
                                                  const struct package_locator *locator,
                                                  enum package_use use, struct error **err)
{
    cleanup(free) char *inside = NULL;
    struct package_repository *repository = package_open_remote(set, locator, &inside, err);
    return repository ? add_file(set, repository, inside, use, err) : NULL;
}

/* What an absolute locator without a version means without asking anybody: a file of the root's
 * repository, or of the caller's own, in the version that the caller has. */
static const struct package_repository *present_repository(const struct package_set *set,
                                                           const struct resolved_file *from,
                                                           const struct package_locator *locator)
{
    if (locator->version)
        return NULL;
    if (from && strcmp(from->repository->name, locator->repository) == 0 &&
        package_path_is_in(locator->path, from->repository->prefix))
        return from->repository;
    if (set->root && strcmp(set->root->name, locator->repository) == 0 &&
        package_path_is_in(locator->path, set->root->prefix))
        return set->root;
    return NULL;
}

static const struct package_file *resolve_absolute(struct package_set *set,
                                                   const struct resolved_file *from,
                                                   struct package_locator *locator,
                                                   enum package_use use, struct error **err)
{
    cleanup(free) char *absolute = package_path_append(locator->repository, locator->path);
    if (!absolute) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    const struct package_replacement *replacement = package_yml_replacement(&set->yml, absolute);
    if (replacement && replacement->is_local) {
        struct package_repository *target = open_local_target(set, replacement, err);
        return target ? add_file(set, target, locator->path, use, err) : NULL;
    }
    if (replacement) {
        const char *rest = package_path_below(absolute, replacement->from);
        if (retarget(replacement, rest, locator, err) < 0)
            return NULL;
        return resolve_fetched(set, locator, use, err);
    }
    const struct package_repository *present = present_repository(set, from, locator);
    return present ? add_file(set, present, locator->path, use, err)
                   : resolve_fetched(set, locator, use, err);
}

static const struct package_file *resolve_remote(struct package_set *set,
                                                 const struct resolved_file *from, const char *text,
                                                 enum package_use use, struct error **err)
{
    cleanup(package_locator_done) struct package_locator locator;
    if (package_locator_parse(text, &locator, err) < 0)
        return NULL;
    cleanup(free) char *absolute = package_path_append(locator.repository, locator.path);
    if (!absolute) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (check_own_package(set, from, text, absolute, err) < 0)
        return NULL;
    return resolve_absolute(set, from, &locator, use, err);
}

/* ---- relative locators ---- */

/* A path that lies in what another entry of `replace` stands for, or outside of the folder that a
 * local target is, is somewhere else than its file. */
static bool is_elsewhere(const struct package_set *set, const struct package_repository *repository,
                         const char *inside)
{
    if (repository == set->root)
        return false;
    if (repository->replacement && !package_path_is_in(inside, repository->prefix))
        return true;
    cleanup(free) char *absolute = package_path_append(repository->name, inside);
    const struct package_replacement *replacement =
        absolute ? package_yml_replacement(&set->yml, absolute) : NULL;
    return replacement && replacement != repository->replacement;
}

static const struct package_file *resolve_relative(struct package_set *set,
                                                   const struct resolved_file *from,
                                                   const char *text, enum package_use use,
                                                   struct error **err)
{
    cleanup(free) char *inside = package_path_join(from->inside, text, err);
    if (!inside)
        return NULL;
    if (!is_elsewhere(set, from->repository, inside))
        return add_file(set, from->repository, inside, use, err);
    cleanup(package_locator_done) struct package_locator locator = {
        .repository = strdup(from->repository->name), .path = strdup(inside)};
    if (!locator.repository || !locator.path) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    return resolve_absolute(set, NULL, &locator, use, err);
}

const struct package_file *package_resolve(struct package_set *set, const char *from,
                                           const char *locator, enum package_use use,
                                           struct error **err)
{
    const struct resolved_file *file = from ? map_get(&set->files, from) : NULL;
    if (package_locator_is_remote(locator))
        return resolve_remote(set, file, locator, use, err);
    if (strstr(locator, "://")) {
        error_set(err, EINVAL, "'%s' is no locator: leave '%.*s' away", locator,
                  (int)(strstr(locator, "://") + 3 - locator), locator);
        return NULL;
    }
    if (!file) {
        error_set(err, EINVAL,
                  "'%s' cannot be found: a standalone script has no files beside it; make it a "
                  "package, or give a locator that begins with github.com/",
                  locator);
        return NULL;
    }
    return resolve_relative(set, file, locator, use, err);
}

/* ---- the root ---- */

/* A local package in a folder of a git repository has that as its repository, so that '/' means the
 * same as when it is fetched. Gives the repository's directory, or NULL if there is none around. */
static char *find_work_tree(const struct package_set *set, const char *directory,
                            const char *folder)
{
    size_t length = strlen(directory);
    size_t tail = strlen(folder);
    if (tail == 0 || length <= tail + 1 || directory[length - tail - 1] != '/' ||
        strcmp(directory + length - tail, folder) != 0)
        return NULL;
    cleanup(free) char *above = strndup(directory, length - tail - 1);
    cleanup(free) char *git = above ? package_path_append(above, ".git") : NULL;
    cleanup(free) char *limit =
        set->options.local_root ? realpath(set->options.local_root, NULL) : NULL;
    if (!git || access(git, F_OK) < 0 || (limit && !package_path_is_in(above, limit)))
        return NULL;
    return steal(&above);
}

/* Reads a directory's kurtosis.yml before it is known where in its repository it lies. */
static int read_local_yml(struct package_set *set, const char *directory, struct error **err)
{
    struct package_repository *probe = package_open_local(set, "", "", directory, err);
    if (!probe)
        return -1;
    return package_read_yml(probe, "", &set->yml, err);
}

static int open_local_root(struct package_set *set, const char *path, struct error **err)
{
    cleanup(free) char *directory = realpath(path, NULL);
    if (!directory)
        return error_system(err, "cannot find the package %s", package_path_shown(set, path));
    char *last = strrchr(directory, '/');
    if (last > directory && strcmp(last + 1, PACKAGE_YML) == 0)
        *last = '\0';
    cleanup(package_locator_done) struct package_locator name = {0};
    if (read_local_yml(set, directory, err) < 0 ||
        package_locator_parse(set->yml.name, &name, err) < 0)
        return -1;
    cleanup(free) char *above = find_work_tree(set, directory, name.path);
    set->root_inside = strdup(name.path);
    set->root = package_open_local(set, name.repository, above ? "" : name.path,
                                   above ? above : directory, err);
    return set->root && set->root_inside ? 0 : error_set(err, ENOMEM, "out of memory");
}

static int open_remote_root(struct package_set *set, const char *text, struct error **err)
{
    cleanup(package_locator_done) struct package_locator locator;
    cleanup(free) char *inside = NULL;
    if (package_locator_parse(text, &locator, err) < 0)
        return -1;
    set->root = package_open_remote(set, &locator, &inside, err);
    if (!set->root)
        return -1;
    /* A package that lies in a package's folder is what its own locator names. */
    set->root_inside =
        package_has_yml(set->root, inside) ? strdup(inside) : find_package(set->root, inside);
    if (!set->root_inside)
        return error_set(err, ENOENT,
                         "%s is no package: there is no " PACKAGE_YML " in its folder or above it",
                         text);
    if (strcmp(inside, set->root_inside) != 0)
        set->main_inside = strdup(inside);
    if (package_read_yml(set->root, set->root_inside, &set->yml, err) < 0)
        return -1;
    cleanup(free) char *place = package_path_append(set->root->name, set->root_inside);
    if (place && strcmp(place, set->yml.name) != 0)
        return error_set(err, EINVAL, PACKAGE_YML ": the package calls itself '%s', but is at '%s'",
                         set->yml.name, place);
    return 0;
}

struct package_set *package_set_new(const struct package_options *options, const char *locator,
                                    struct error **err)
{
    cleanup(package_set_free) struct package_set *set = calloc(1, sizeof *set);
    if (!set) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    set->options = *options;
    int status = !locator                             ? 0
                 : package_locator_is_remote(locator) ? open_remote_root(set, locator, err)
                                                      : open_local_root(set, locator, err);
    return status < 0 ? NULL : steal(&set);
}

void package_set_free(struct package_set *set)
{
    if (!set)
        return;
    size_t position = 0;
    for (struct resolved_file *file; (file = map_next(&set->files, &position, NULL));)
        file_free(file);
    map_done(&set->files);
    while (set->repositories) {
        struct package_repository *repository = set->repositories;
        set->repositories = repository->next;
        close(repository->fd);
        free(repository->name);
        free(repository->version);
        free(repository->prefix);
        free(repository->directory);
        free(repository);
    }
    package_yml_done(&set->yml);
    free(set->root_inside);
    free(set->main_inside);
    free(set);
}

const char *package_set_name(const struct package_set *set)
{
    return set->yml.name;
}

const char *package_set_description(const struct package_set *set)
{
    return set->yml.description;
}

const struct package_file *package_main(struct package_set *set, const char *main_file,
                                        struct error **err)
{
    if (!set->root) {
        error_set(err, EINVAL, "a standalone script has no main file");
        return NULL;
    }
    if (!main_file && set->main_inside)
        return add_file(set, set->root, set->main_inside, PACKAGE_MODULE, err);
    cleanup(free) char *folder = package_path_append(set->root_inside, "-");
    cleanup(free) char *inside =
        folder ? package_path_join(folder, main_file ? main_file : "main.star", err) : NULL;
    if (!inside)
        return NULL;
    return add_file(set, set->root, inside, PACKAGE_MODULE, err);
}
