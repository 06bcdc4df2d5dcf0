/*
 * Locators: how scripts name files, "./lib.star", "/src/lib.star" or
 * "github.com/owner/repo[/path][@version]". Text only: nothing here looks at a disk or a network.
 * The rules are those of Kurtosis (its documentation, "locators").
 */
#ifndef KFS_PLAN_PACKAGE_LOCATOR_H
#define KFS_PLAN_PACKAGE_LOCATOR_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A remote locator in its parts, each the struct's own. */
struct package_locator {
    char *repository; /* "github.com/owner/repo" */
    char *path;       /* inside the repository, normalised: "" or "dir/file" */
    char *version;    /* tag, branch or commit; NULL if none is given */
    /*
     * A version before a path may have slashes itself: in @a/b/file.star it may be "a/b" or "a".
     * Then version is the longest that it can be; this tells that a shorter one is to be tried
     * too, its rest moved into path behind what stood before the '@', before_version bytes of it.
     */
    bool version_may_be_shorter;
    size_t before_version;
};

void package_locator_done(struct package_locator *locator);

static inline void cleanup_package_locator_done(struct package_locator *locator)
{
    int saved = errno;
    package_locator_done(locator);
    errno = saved;
}

/* Whether text is a remote locator: begins with "github.com/". */
bool package_locator_is_remote(const char *text);

/* Takes a remote locator apart. EINVAL with what is wrong, also for names that git refuses. */
int package_locator_parse(const char *text, struct package_locator *ret, struct error **err);

/*
 * The path inside its repository that `relative` means in the file `from` (a path inside the same
 * repository): from the repository's root if it begins with '/', else from the file's folder. A
 * normalised path without a leading '/', "" for the root; NULL and EINVAL if it leaves the
 * repository or is empty. The caller's to free.
 */
char *package_path_join(const char *from, const char *relative, struct error **err);

/* Whether path is prefix or lies below it; on the borders of components, so "a/b" is in "a" and
 * "ab" is not. Everything is in "". */
bool package_path_is_in(const char *path, const char *prefix);

/* What follows prefix in path, which is in it, without a leading '/'. A part of path. */
const char *package_path_below(const char *path, const char *prefix);

/* Whether version is the full name of a commit: 40 or 64 lower-case hex digits. */
bool package_version_is_commit(const char *version);

#endif
