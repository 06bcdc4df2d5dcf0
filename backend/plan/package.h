/*
 * Packages: the files that a run's scripts name, wherever they are. One set serves one run: it
 * holds the package that was asked for (the root) and whatever that imports, fetched as it is
 * needed.
 *
 * This runs in the engine, never in the interpreter: scripts name files by locators, and get bytes.
 * A locator never leads out of its repository, neither by ".." nor by a symbolic link.
 *
 * Not thread-safe, but for package_open, package_read, package_walk and package_copy of files that
 * were resolved before.
 */
#ifndef KFS_PLAN_PACKAGE_H
#define KFS_PLAN_PACKAGE_H

#include "backend/base/buf.h"
#include "backend/base/cancel.h"

#include <sys/stat.h>

struct package_options {
    /* Absolute directory for what is fetched; made if missing. NULL: nothing can be fetched. */
    const char *cache;
    const char *mirror;     /* directory or URL, tried first; NULL: none (package_fetch.h) */
    const char *local_root; /* local directories (root, `replace`) must lie in it; NULL: anywhere */
    const struct cancel *cancel; /* may be NULL */
    int64_t deadline;            /* clock_monotonic() ns, for all that is fetched; 0: none */
    int64_t retry_pause;         /* ns before git's second try; 0: one second */
};

struct package_set;

/* What a file is wanted for. */
enum package_use {
    PACKAGE_MODULE, /* import_module, read_file: a regular file, in a Kurtosis package */
    PACKAGE_UPLOAD  /* upload_files, build contexts: a file or directory, in any repository */
};

/* A file or directory that was resolved. It and its texts are the set's, as long as that lives. */
struct package_file {
    const char *locator; /* its one name in the set, which also positions show:
                            github.com/owner/repo[@version]/path; without version in the root */
    const char *package; /* the package that it is in: github.com/owner/repo[/path]; NULL: none */
    const char *path;    /* on this machine, absolute: for messages and for what cannot be given a
                            descriptor; opening it follows links, package_open is safe */
    bool is_directory;
};

/*
 * A set whose root is `locator`: the absolute path of a directory with a kurtosis.yml (or of that
 * file), a remote locator, or NULL for a standalone script, which can name remote files only. The
 * options' texts must live as long as the set. NULL: EINVAL (kurtosis.yml, name, locator), ENOENT,
 * EACCES, EIO (fetching), ECANCELED, ETIMEDOUT.
 */
struct package_set *package_set_new(const struct package_options *options, const char *locator,
                                    struct error **err);
void package_set_free(struct package_set *set);
CLEANUP_DEFINE(package_set_free, struct package_set *)

/* The root's name as its kurtosis.yml says it, its description; NULL for a standalone script. */
const char *package_set_name(const struct package_set *set);
const char *package_set_description(const struct package_set *set);

/* The file that is run: main_file, relative to the root package, NULL for main.star or, if the
 * root's locator named a file, that. NULL: ENOENT, EINVAL. */
const struct package_file *package_main(struct package_set *set, const char *main_file,
                                        struct error **err);

/*
 * What `locator` means in the file whose name in the set is `from` (NULL, or a name that
 * is none: in a standalone script).
 * Fetches if need be. NULL: EINVAL with the way out (an absolute locator into the root's own
 * package, a way out of the repository, a wrong locator), ENOENT, and as package_set_new.
 */
const struct package_file *package_resolve(struct package_set *set, const char *from,
                                           const char *locator, enum package_use use,
                                           struct error **err);

/* A descriptor (O_RDONLY) of the file or directory; -1. */
int package_open(const struct package_file *file, struct error **err);

/* Appends the file's bytes to buf. EFBIG, EISDIR. */
int package_read(const struct package_file *file, struct buf *buf, struct error **err);

/*
 * Calls visit for everything below a directory, parents first, by name, but for what
 * .kurtosisignore leaves out: the directory's own, and in a local package also the package's. A
 * file is visited alone. path is relative; the entry is `name` in dir_fd, status is of itself, not
 * of what it links to. A visit that gives -1 ends the walk.
 */
typedef int (*package_visit)(void *context, const char *path, int dir_fd, const char *name,
                             const struct stat *status, struct error **err);
int package_walk(const struct package_file *file, package_visit visit, void *context,
                 struct error **err);

/* Copies what package_walk visits into the directory target_fd: files, directories and links, with
 * their modes. EINVAL for anything else. */
int package_copy(const struct package_file *file, int target_fd, struct error **err);

#endif
