/*
 * The FUSE session: what the kernel is promised, which family of files a request is for, and the
 * beginning and end of it all.
 */
#include "kfs/tree_int.h"

#include "backend/base/log.h"
#include "kfs/real_nodes.h"
#include "kfs/serve.h"
#include "kfs/stream.h"
#include "kfs/view.h"
#include "kfs/wait.h"
#include "kfs/watch.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    THREADS_DEFAULT = 3,
    WORKERS = 23,
    COMMITS = 4, /* scripts parsed at a time: each is a process */
    RUNS = 2,    /* `run` commands: may fetch a package */
    LOGS = 4,
    SYNCS = 2,
    EXECS = 6,  /* opening, writing and closing of streams */
    ROOTS = 3,  /* files that are had through the orchestrator */
    STREAMS = 1 /* bytes from streams to their readers */
};

/* The family of real files: of a file or directory below `number`, or of it. */
static const struct fuse_lowlevel_ops *real_family(fuse_req_t req, fuse_ino_t number)
{
    struct tree *tree = tree_of(req);
    struct node node = node_unpack(number);
    if (node.row == ROW_REAL)
        node = node_unpack(real_nodes_top(tree->nodes, node.object));
    bool mirrored = tree_rows[node.row].is == DIR_SERVICE_ROOT &&
                    service_is_mirrored(tree->engine, node.object);
    return mirrored ? &mirror_operations : &real_operations;
}

/* Who answers for a file itself, */
static const struct fuse_lowlevel_ops *family(fuse_req_t req, fuse_ino_t number)
{
    return node_unpack(number).row == ROW_REAL ? real_family(req, number) : &view_operations;
}

/* and who for what is in a directory. */
static const struct fuse_lowlevel_ops *content_family(fuse_req_t req, fuse_ino_t number)
{
    unsigned row = node_unpack(number).row;
    bool real = row == ROW_REAL || tree_rows[row].real;
    return real ? real_family(req, number) : &view_operations;
}

static void count(fuse_req_t req, enum tree_request request)
{
    atomic_fetch_add_explicit(&tree_of(req)->requests[request], 1, memory_order_relaxed);
}

static void on_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    /* Listing with attributes always, not when the kernel guesses so: with long timeouts it saves
     * a request for each entry. The mtime of what changed is what kept pages are checked by. */
    conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_AUTO_INVAL_DATA |
                                   FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ATOMIC_O_TRUNC);
    /* Texts of a hundred bytes are not worth a pipe. */
    conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ |
                              FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count(req, TREE_LOOKUP);
    content_family(req, parent)->lookup(req, parent, name);
}

static void forget(struct tree *tree, fuse_ino_t number, uint64_t lookups)
{
    struct node node = node_unpack(number);
    if (node.row == ROW_REAL)
        real_nodes_forget(tree->nodes, node.object, lookups);
}

static void on_forget(fuse_req_t req, fuse_ino_t number, uint64_t lookups)
{
    count(req, TREE_FORGET);
    forget(tree_of(req), number, lookups);
    fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t length, struct fuse_forget_data *all)
{
    count(req, TREE_FORGET);
    for (size_t i = 0; i < length; i++)
        forget(tree_of(req), all[i].ino, all[i].nlookup);
    fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_GETATTR);
    family(req, number)->getattr(req, number, fi);
}

static void on_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                       struct fuse_file_info *fi)
{
    count(req, TREE_SETATTR);
    family(req, number)->setattr(req, number, wanted, what, fi);
}

static void on_readlink(fuse_req_t req, fuse_ino_t number)
{
    count(req, TREE_READLINK);
    family(req, number)->readlink(req, number);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    count(req, TREE_MKNOD);
    content_family(req, parent)->mknod(req, parent, name, mode, device);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    count(req, TREE_MKDIR);
    content_family(req, parent)->mkdir(req, parent, name, mode);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count(req, TREE_UNLINK);
    content_family(req, parent)->unlink(req, parent, name);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count(req, TREE_RMDIR);
    content_family(req, parent)->rmdir(req, parent, name);
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    count(req, TREE_SYMLINK);
    content_family(req, parent)->symlink(req, target, parent, name);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned flags)
{
    count(req, TREE_RENAME);
    if (content_family(req, parent) != content_family(req, new_parent))
        tree_refuse_with(req, "rename", parent, name, EXDEV,
                         "files of a plan and what the engine shows cannot change places");
    else
        content_family(req, parent)->rename(req, parent, name, new_parent, new_name, flags);
}

static void on_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    count(req, TREE_LINK);
    content_family(req, parent)->link(req, number, parent, name);
}

static void on_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_OPEN);
    family(req, number)->open(req, number, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    count(req, TREE_READ);
    family(req, number)->read(req, number, size, offset, fi);
}

static void on_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size,
                     off_t offset, struct fuse_file_info *fi)
{
    count(req, TREE_WRITE);
    family(req, number)->write(req, number, bytes, size, offset, fi);
}

static void on_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_FLUSH);
    if (family(req, number)->flush)
        family(req, number)->flush(req, number, fi);
    else
        fuse_reply_err(req, 0);
}

static void on_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_RELEASE);
    family(req, number)->release(req, number, fi);
}

/* Only stores, and views are not stored: `sync` of one has nothing to wait for. */
static void on_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi)
{
    count(req, TREE_FSYNC);
    if (family(req, number)->fsync)
        family(req, number)->fsync(req, number, data_only, fi);
    else
        fuse_reply_err(req, 0);
}

static void on_fsyncdir(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi)
{
    (void)number;
    (void)data_only;
    (void)fi;
    count(req, TREE_FSYNC);
    fuse_reply_err(req, 0);
}

static void on_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_OPENDIR);
    content_family(req, number)->opendir(req, number, fi);
}

static void on_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    count(req, TREE_READDIR);
    content_family(req, number)->readdir(req, number, size, offset, fi);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
    count(req, TREE_READDIR);
    content_family(req, number)->readdirplus(req, number, size, offset, fi);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    count(req, TREE_RELEASEDIR);
    content_family(req, number)->releasedir(req, number, fi);
}

static void on_statfs(fuse_req_t req, fuse_ino_t number)
{
    (void)number;
    count(req, TREE_STATFS);
    /* No blocks, as /proc has none: df leaves such file systems out. */
    fuse_reply_statfs(req,
                      &(struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX});
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    count(req, TREE_CREATE);
    content_family(req, parent)->create(req, parent, name, mode, fi);
}

static void on_poll(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                    struct fuse_pollhandle *poll)
{
    count(req, TREE_POLL);
    const struct row *row = &tree_rows[node_unpack(number).row];
    if (row->stream || row->polled) {
        (row->stream ? stream_poll : view_poll)(req, number, fi, poll);
        return;
    }
    /* Reading and writing anything else never has to be waited for. */
    if (poll)
        fuse_pollhandle_destroy(poll);
    fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

/* Programs ask each file that they open whether it is a terminal. */
static void on_ioctl(fuse_req_t req, fuse_ino_t number, unsigned command, void *argument,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
                     size_t out_size)
{
    (void)argument, (void)flags, (void)out_size;
    struct node node = node_unpack(number);
    if (tree_rows[node.row].stream)
        stream_ioctl(req, node, command, in, in_size, fi);
    else
        fuse_reply_err(req, ENOTTY);
}

/* What is not here the kernel does itself or refuses after having asked once: extended attributes,
 * locks, access checks (default_permissions). */
static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_multi,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .readlink = on_readlink,
    .mknod = on_mknod,
    .mkdir = on_mkdir,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .symlink = on_symlink,
    .rename = on_rename,
    .link = on_link,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .release = on_release,
    .fsync = on_fsync,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
    .releasedir = on_releasedir,
    .fsyncdir = on_fsyncdir,
    .statfs = on_statfs,
    .create = on_create,
    .ioctl = on_ioctl,
    .poll = on_poll,
};

const char *tree_request_name(enum tree_request request)
{
    static const char *const names[TREE_REQUEST_MAX] = {
        [TREE_LOOKUP] = "lookup",   [TREE_FORGET] = "forget",     [TREE_GETATTR] = "getattr",
        [TREE_SETATTR] = "setattr", [TREE_READLINK] = "readlink", [TREE_MKNOD] = "mknod",
        [TREE_MKDIR] = "mkdir",     [TREE_UNLINK] = "unlink",     [TREE_RMDIR] = "rmdir",
        [TREE_SYMLINK] = "symlink", [TREE_RENAME] = "rename",     [TREE_LINK] = "link",
        [TREE_OPEN] = "open",       [TREE_READ] = "read",         [TREE_WRITE] = "write",
        [TREE_FLUSH] = "flush",     [TREE_RELEASE] = "release",   [TREE_FSYNC] = "fsync",
        [TREE_OPENDIR] = "opendir", [TREE_READDIR] = "readdir",   [TREE_RELEASEDIR] = "releasedir",
        [TREE_STATFS] = "statfs",   [TREE_CREATE] = "create",     [TREE_POLL] = "poll",
    };
    return names[request];
}

uint64_t tree_request_count(const struct tree *tree, enum tree_request request)
{
    return tree->requests[request];
}

/* ---- what is open ---- */

void tree_opened(struct tree *tree, struct opened *opened,
                 void (*function)(struct tree *tree, struct opened *opened))
{
    with_lock(&tree->opened_lock);
    opened->free = function;
    opened->next = tree->opened;
    opened->previous = &tree->opened;
    if (opened->next)
        opened->next->previous = &opened->next;
    tree->opened = opened;
}

void tree_released(struct tree *tree, struct opened *opened)
{
    with_lock(&tree->opened_lock);
    *opened->previous = opened->next;
    if (opened->next)
        opened->next->previous = opened->previous;
}

static void free_opened(struct tree *tree)
{
    for (struct opened *opened; (opened = tree->opened);) {
        tree_released(tree, opened);
        opened->free(tree, opened);
    }
}

/* ---- the session ---- */

/* "-o a,b,c" for libfuse. */
static int make_arguments(const struct tree_options *options, struct fuse_args *ret,
                          struct error **err)
{
    cleanup(buf_done) struct buf list = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&list, "fsname=kfs,subtype=kfs,default_permissions");
    if (options->allow_other)
        buf_puts(&list, ",allow_other");
    if (options->fuse_options && *options->fuse_options)
        buf_printf(&list, ",%s", options->fuse_options);
    if (fuse_opt_add_arg(ret, "kfsd") < 0 || fuse_opt_add_arg(ret, "-o") < 0 ||
        fuse_opt_add_arg(ret, list.data) < 0)
        return error_set(err, ENOMEM, "out of memory");
    return 0;
}

static int make_session(struct tree *tree, const struct tree_options *options, struct error **err)
{
    struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
    if (make_arguments(options, &arguments, err) == 0) {
        tree->session = fuse_session_new(&arguments, &operations, sizeof operations, tree);
        if (!tree->session)
            error_set(err, EINVAL, "libfuse refuses the mount options");
    }
    fuse_opt_free_args(&arguments);
    return tree->session ? 0 : -1;
}

static int make_workers(struct tree *tree, struct error **err)
{
    tree->jobs = jobs_new(WORKERS);
    tree->nodes = real_nodes_new();
    tree->waitings = waitings_new(wait_kernel_limit());
    tree->watches = watches_new();
    if (tree->nodes && tree->watches)
        tree->notifier = notifier_new(tree->engine, tree->session, tree->nodes, tree->watches);
    if (!tree->jobs || !tree->nodes || !tree->waitings || !tree->notifier)
        return error_set(err, ENOMEM, "out of memory");
    tree->commits = jobs_lane(tree->jobs, "commits", COMMITS);
    tree->runs = jobs_lane(tree->jobs, "runs", RUNS);
    tree->logs = jobs_lane(tree->jobs, "logs", LOGS);
    tree->syncs = jobs_lane(tree->jobs, "syncs", SYNCS);
    tree->execs = jobs_lane(tree->jobs, "execs", EXECS);
    tree->roots = jobs_lane(tree->jobs, "roots", ROOTS);
    tree->streams = jobs_lane(tree->jobs, "streams", STREAMS);
    return 0;
}

struct tree *tree_new(struct engine *engine, const struct tree_options *options, struct error **err)
{
    cleanup(tree_free) struct tree *tree = calloc(1, sizeof *tree);
    if (!tree) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&tree->opened_lock, NULL);
    tree->engine = engine;
    tree->uid = options->uid;
    tree->gid = options->gid;
    tree->enclave_mode = options->enclave_mode ? options->enclave_mode : 0700;
    tree->threads = options->threads ? options->threads : THREADS_DEFAULT;
    if (make_session(tree, options, err) < 0 || make_workers(tree, err) < 0)
        return NULL;
    engine_set_change_sink(engine, notifier_sink, tree->notifier);
    tree->listening = true;
    if (fuse_session_mount(tree->session, options->mount_point) != 0) {
        error_set(err, EIO, "cannot mount on %s (the lines above say why)", options->mount_point);
        return NULL;
    }
    tree->mounted = true;
    return steal(&tree);
}

int tree_serve(struct tree *tree, struct error **err)
{
    return serve_session(tree->session, tree->threads, err);
}

void tree_free(struct tree *tree)
{
    if (!tree)
        return;
    /* First what may still answer, then the mount, then what all of it used. */
    if (tree->listening)
        engine_set_change_sink(tree->engine, NULL, NULL);
    waitings_free(tree->waitings);
    if (tree->jobs)
        jobs_drain(tree->jobs);
    free_opened(tree);
    jobs_free(tree->jobs);
    notifier_free(tree->notifier);
    if (tree->mounted)
        fuse_session_unmount(tree->session);
    if (tree->session)
        fuse_session_destroy(tree->session);
    watches_free(tree->watches);
    real_nodes_free(tree->nodes);
    pthread_mutex_destroy(&tree->opened_lock);
    free(tree);
}
