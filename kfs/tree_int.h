/* What the files of the FUSE side share. Not for anybody outside kfs/. */
#ifndef KFS_TREE_INT_H
#define KFS_TREE_INT_H

#define FUSE_USE_VERSION 314

#include "backend/base/jobs.h"
#include "kfs/notifier.h"
#include "kfs/row.h"
#include "kfs/tree.h"

#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>

struct real_nodes;
struct waitings;
struct watches;

/* Part of everything that an open file or directory of the kernel's stands for, so that what is
 * still open when the tree is unmounted, and is never released by the kernel, can be freed. */
struct opened {
    struct opened *next, **previous; /* under opened_lock */
    void (*free)(struct tree *tree, struct opened *opened);
};

struct tree {
    struct engine *engine;
    struct fuse_session *session;
    struct notifier *notifier;
    struct real_nodes *nodes;
    struct jobs *jobs;
    struct job_lane *commits, *runs, *logs, *syncs, *execs, *streams, *roots; /* kinds of slow work
                                                       that do not delay each other */
    struct waitings *waitings;
    struct watches *watches;
    pthread_mutex_t opened_lock; /* guards the list of what is open */
    struct opened *opened;
    int64_t uid, gid;
    mode_t enclave_mode;
    unsigned threads;
    bool listening, mounted;
    atomic_ullong requests[TREE_REQUEST_MAX];
};

/* What the kernel may do with what it is told: long, because changes are pushed. The end is only a
 * belt against a push that got lost. */
#define TREE_CACHE_SECONDS 600.0
/* For names whose removal cannot be pushed, as the removed names are not known. */
#define TREE_CACHE_SECONDS_SHORT 1.0

static inline struct tree *tree_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* The two families of files, as tables of handlers. A handler that is NULL is refused with EPERM.
 */
extern const struct fuse_lowlevel_ops view_operations;   /* the rows of the table */
extern const struct fuse_lowlevel_ops real_operations;   /* real files */
extern const struct fuse_lowlevel_ops mirror_operations; /* those of a mirror (real_mirror.c) */

/* Before the kernel is told of it, and when it has released it. */
void tree_opened(struct tree *tree, struct opened *opened,
                 void (*function)(struct tree *tree, struct opened *opened));
void tree_released(struct tree *tree, struct opened *opened);

/* ---- attributes.c ---- */

/* What stat shows of a view; also the size, which a row with back_waits waits for. */
int attributes_of(const struct tree *tree, struct node node, const struct subject *subject,
                  struct stat *ret, struct error **err);
/* The part of it that all rows share: no size yet. */
void attributes_common(const struct tree *tree, struct node node, const struct subject *subject,
                       struct stat *ret);
/* Whether attributes of the row may be cached. */
bool attributes_settled(const struct row *row, const struct subject *subject);
/* The owner that is shown for one that is real. */
void attributes_map_owner(const struct tree *tree, struct stat *attributes);

/* ---- failure.c ---- */

/* The path in the tree of the file `number`, or of `name` in it; for reading by a person. */
void tree_put_path(struct tree *tree, uint64_t number, const char *name, struct buf *out);
/* Writes a refusal down: a line in engine/errors and, in an enclave, its error. */
void tree_note(struct tree *tree, const char *operation, uint64_t number, const char *name,
               const struct error *failure);
/* The same, and answers the request with its errno. */
void tree_refuse(fuse_req_t req, const char *operation, uint64_t number, const char *name,
                 const struct error *failure);
/* The same with words made here. */
void tree_refuse_with(fuse_req_t req, const char *operation, uint64_t number, const char *name,
                      int code, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
