/*
 * The mounted tree: FUSE in, engine calls out.
 *
 * Handlers answer from the engine's model and never wait: what waits is parked and answered later
 * from another thread, so a few threads serve any number of waiting readers. The kernel may keep
 * names, attributes and pages for long, because every change of the model is pushed to it (see
 * notifier.h).
 */
#ifndef KFS_TREE_H
#define KFS_TREE_H

#include "backend/engine.h"

struct tree;

struct tree_options {
    const char *mount_point;  /* an existing directory, absolute */
    const char *fuse_options; /* "allow_other,…" as after -o, handed to libfuse; NULL: none */
    bool allow_other; /* also told by fuse_options: other users than the mounting one may enter */
    int64_t uid, gid; /* shown as owner of everything; -1: whose it is */
    mode_t enclave_mode; /* of an enclave's directory; 0: 0700 */
    unsigned threads;    /* that serve requests; 0: 3 */
};

/* Mounts. The requests that come are answered from tree_serve on. Both are only borrowed, the
 * engine until tree_free. NULL: why it cannot be mounted. */
struct tree *tree_new(struct engine *engine, const struct tree_options *options,
                      struct error **err);

/* Serves until the tree is unmounted or SIGTERM or SIGINT comes to the process. 0,
 * or -1 if serving broke down. */
int tree_serve(struct tree *tree, struct error **err);

/* Answers what is parked, ends what runs behind, unmounts, frees. Not before tree_serve has
 * returned. */
void tree_free(struct tree *tree);
CLEANUP_DEFINE(tree_free, struct tree *)

/* Requests that came from the kernel so far, for measurements. */
enum tree_request {
    TREE_LOOKUP,
    TREE_FORGET,
    TREE_GETATTR,
    TREE_SETATTR,
    TREE_READLINK,
    TREE_MKNOD,
    TREE_MKDIR,
    TREE_UNLINK,
    TREE_RMDIR,
    TREE_SYMLINK,
    TREE_RENAME,
    TREE_LINK,
    TREE_OPEN,
    TREE_READ,
    TREE_WRITE,
    TREE_FLUSH,
    TREE_RELEASE,
    TREE_FSYNC,
    TREE_OPENDIR,
    TREE_READDIR,
    TREE_RELEASEDIR,
    TREE_STATFS,
    TREE_CREATE,
    TREE_POLL,
    TREE_REQUEST_MAX
};
const char *tree_request_name(enum tree_request request);
uint64_t tree_request_count(const struct tree *tree, enum tree_request request);

#endif
