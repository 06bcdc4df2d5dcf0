/* A digest of a tree of files: of all names, modes and contents. To tell a changed tree from an
 * unchanged one, not to withstand an attack. */
#ifndef KFS_PLAN_TREE_HASH_H
#define KFS_PLAN_TREE_HASH_H

#include "backend/base/error.h"

#include <stdint.h>
#include <sys/stat.h>

struct tree_digest {
    uint64_t a, b;
};

struct tree_digest tree_digest_begin(void);

/* Adds one entry; a package_visit (package.h), with the digest as its context. Not its contents if
 * it is a directory. */
int tree_digest_visit(void *digest, const char *path, int dir_fd, const char *name,
                      const struct stat *status, struct error **err);
/* Adds all that is in a directory. */
int tree_digest_add(struct tree_digest *digest, int dir_fd, struct error **err);

/* 32 hex digits, the caller's to free. */
char *tree_digest_end(const struct tree_digest *digest, struct error **err);

/* The whole for the content of a directory, or for one file. NULL on failure. */
char *tree_hash(const char *path, struct error **err);

#endif
