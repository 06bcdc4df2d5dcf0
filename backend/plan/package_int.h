/* What the package files share: repositories, and files in them. */
#ifndef KFS_PLAN_PACKAGE_INT_H
#define KFS_PLAN_PACKAGE_INT_H

#include "backend/base/map.h"
#include "backend/plan/package.h"
#include "backend/plan/package_yml.h"

/* A tree of files that locators with '/' start from. */
struct package_repository {
    struct package_repository *next;
    char *name;        /* github.com/owner/repo */
    char *version;     /* NULL: none was asked for */
    char *prefix;      /* what of the repository is here: "" for all, or the folder that `fd` is */
    char *directory;   /* absolute */
    const char *shown; /* what messages call it; a part of directory */
    int fd;            /* of directory */
    bool is_local;     /* a user's directory, not a fetched one */
    const struct package_replacement *replacement; /* of which it is the target; NULL: of none */
};

struct resolved_file {
    struct package_file file; /* first: the public face */
    char *locator, *package, *path;
    const struct package_repository *repository;
    char *inside;         /* path in the repository */
    char *package_inside; /* path of its package in the repository; NULL: none */
};

struct package_set {
    struct package_options options;
    struct package_yml yml; /* of the root; all zero for a standalone script */
    struct package_repository *repositories;
    struct package_repository *root; /* one of them; NULL for a standalone script */
    char *root_inside;               /* path of the root package in its repository */
    char *main_inside;               /* the file that the root's locator named; NULL: none */
    struct map files;                /* locator -> struct resolved_file */
};

/* Opens a path in the repository, never outside of it. flags as for open(2). */
int package_open_inside(const struct package_repository *repository, const char *inside, int flags,
                        struct error **err);

/* The repository called name at the first of version's candidates; *ret_inside is the path in it,
 * which begins with what of the version was no version. */
struct package_repository *package_open_remote(struct package_set *set,
                                               const struct package_locator *locator,
                                               char **ret_inside, struct error **err);

/* A repository that is a local directory. */
struct package_repository *package_open_local(struct package_set *set, const char *name,
                                              const char *prefix, const char *directory,
                                              struct error **err);

/* What messages call a directory: its path below the directory that all local ones lie in, which is
 * all that a person knows of it, or path itself. A part of path. */
const char *package_path_shown(const struct package_set *set, const char *path);

/* Reads the kurtosis.yml in the folder `inside`. */
int package_read_yml(const struct package_repository *repository, const char *inside,
                     struct package_yml *ret, struct error **err);
bool package_has_yml(const struct package_repository *repository, const char *inside);

/* "a/b", or just one if the other is empty. The caller's to free. */
char *package_path_append(const char *a, const char *b);

static inline const struct resolved_file *package_file_inside(const struct package_file *file)
{
    return (const struct resolved_file *)file;
}

#endif
