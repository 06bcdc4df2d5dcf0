/*
 * The `git` program: finds versions of a repository and fetches one. The user's configuration and
 * credential helpers are used; hooks, submodules and prompts are not. Three tries, as in Kurtosis,
 * with a pause that doubles; an answer that no further try would change ends them.
 */
#ifndef KFS_PLAN_PACKAGE_GIT_H
#define KFS_PLAN_PACKAGE_GIT_H

#include "backend/base/cancel.h"

#include <stddef.h>

enum {
    GIT_TRIES = 3,
    GIT_COMMIT_MAX = 64 /* hex digits of a commit's name: 40, or 64 with SHA-256 */
};

struct package_git {
    const struct cancel *cancel; /* may be NULL */
    int64_t deadline;            /* clock_monotonic() ns; 0: ten minutes for each command */
    int64_t pause;               /* ns before the second try; doubles after each */
};

/* What a version turned out to be. */
enum package_git_kind {
    GIT_HEAD, /* the default branch */
    GIT_TAG,
    GIT_BRANCH,
    GIT_COMMIT
};

struct package_git_version {
    size_t index; /* which of the versions asked for it is */
    enum package_git_kind kind;
    char commit[GIT_COMMIT_MAX + 1];
};

/*
 * Asks the repository at url (also a path) for the first of `versions` (NULL-terminated; NULL: the
 * default branch) that it has, each as tag, then branch, then full name of a commit, which is
 * believed. ENOENT: the repository answered, and has none of them. EACCES, or EIO with what git
 * says: it could not be reached. ECANCELED, ETIMEDOUT.
 */
int package_git_find(const struct package_git *git, const char *url, const char *const *versions,
                     struct package_git_version *ret, struct error **err);

/* Puts the files of commit into the directory (which is made), without .git. Errors as above; then
 * the directory may be there in part. */
int package_git_fetch(const struct package_git *git, const char *url, const char *commit,
                      const char *directory, struct error **err);

#endif
