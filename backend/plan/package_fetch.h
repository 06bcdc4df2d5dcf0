/*
 * Repositories on this machine: found in a mirror, in the cache, or fetched from GitHub into it.
 *
 * The cache holds a directory for each commit, github.com/OWNER/REPO@COMMIT, made in one step and
 * never changed, so any number of processes may share it, and two versions of a repository stand
 * side by side. Beside it github.com/OWNER/REPO.versions/ remembers what versions were, for when
 * there is no network; a tag is not asked for again. To forget, remove the cache while nothing uses
 * it.
 */
#ifndef KFS_PLAN_PACKAGE_FETCH_H
#define KFS_PLAN_PACKAGE_FETCH_H

#include "backend/plan/package_git.h"

struct package_fetch {
    struct package_git git;
    const char *cache; /* a directory, made if missing */
    const char
        *mirror; /* directory or URL under which github.com/OWNER/REPO is found; NULL: none */
};

struct package_fetched {
    char *directory;      /* absolute; the caller's to free */
    size_t version_index; /* which of the versions asked for it is */
};

/*
 * The files of repository ("github.com/owner/repo") at the first of `versions` (NULL-terminated;
 * NULL: the default branch) that it has. In a mirror that is a directory, what is no git repository
 * is taken as it is: github.com/OWNER/REPO@VERSION, else github.com/OWNER/REPO, for whatever
 * version. Errors as of package_git.h, with what the mirror and GitHub said.
 */
int package_fetch(const struct package_fetch *fetch, const char *repository,
                  const char *const *versions, struct package_fetched *ret, struct error **err);

#endif
