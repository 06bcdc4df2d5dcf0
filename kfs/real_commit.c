/*
 * A file that acts has been written: the engine is told, in a job, because it has the script
 * parsed; and the close(2) that ended the writing is answered with what it says.
 */
#include "kfs/parked.h"
#include "kfs/real_files.h"

#include <string.h>

struct written {
    struct parked parked; /* parked.req is NULL if nobody waits for it */
    uint64_t directory;   /* inode number of plan/ */
    uid_t uid;
    bool renamed; /* the answer is success in any case */
    char name[NAME_MAX + 1];
};

static struct written *written_new(struct tree *tree, const struct real_place *place, uid_t uid)
{
    struct written *written = calloc(1, sizeof *written);
    if (!written)
        abort();
    written->parked.tree = tree;
    written->directory = place->top;
    written->uid = uid;
    return written;
}

/* Runs when the kernel has been told of the run. */
static void reply_success(void *context)
{
    struct written *written = context;
    if (parked_claim(&written->parked))
        fuse_reply_err(written->parked.req, 0);
    free(written);
}

static void written_run(void *context)
{
    struct written *written = context;
    struct tree *tree = written->parked.tree;
    cleanup(error_free) struct error *failure = NULL;
    object_id run;
    int result = enclave_plan_written(tree->engine, node_unpack(written->directory).object,
                                      written->name, written->uid, &run, &failure);
    if (result < 0)
        tree_note(tree, written->renamed ? "rename" : "close", written->directory, written->name,
                  failure);
    if (result == 0 && written->parked.req && !written->renamed) {
        notifier_after(tree->notifier, reply_success, written);
        return;
    }
    /* A rename is answered from here: the kernel holds the directory's lock meanwhile, which the
     * notifier may be waiting for. */
    notifier_settle(tree->notifier);
    if (written->parked.req && parked_claim(&written->parked))
        fuse_reply_err(written->parked.req,
                       written->renamed || result == 0 ? 0 : error_code(failure));
    free(written);
}

static void written_start(struct written *written, fuse_req_t req)
{
    struct tree *tree = written->parked.tree;
    if (req)
        parked_init_firm(&written->parked, req);
    jobs_submit(tree->commits, written_run, written);
}

void real_written_flush(fuse_req_t req, struct tree *tree, uint64_t number, uid_t uid)
{
    struct real_place place;
    /* A file that has been removed since, or has another name now, acts under none. */
    bool there = real_locate(tree, number, &place, NULL) == 0;
    if (there)
        real_changed(tree, &place, NULL);
    if (!there || !real_acts(&place)) {
        if (req)
            fuse_reply_err(req, 0);
        return;
    }
    struct written *written = written_new(tree, &place, uid);
    memcpy(written->name, place.path, strlen(place.path) + 1);
    written_start(written, req);
}

void real_written_rename(fuse_req_t req, const struct real_place *directory, uint64_t parent,
                         const char *name)
{
    struct tree *tree = tree_of(req);
    const struct real_policy *policy = real_policy(directory);
    real_changed(tree, directory, name);
    if (real_serial(parent) != 0 || !policy->acts || !policy->acts(name)) {
        fuse_reply_err(req, 0);
        return;
    }
    struct written *written = written_new(tree, directory, fuse_req_ctx(req)->uid);
    written->renamed = true;
    memcpy(written->name, name, strlen(name) + 1);
    written_start(written, req);
}

bool real_flush_commits(fuse_req_t req, struct real_handle *handle)
{
    pthread_mutex_lock(&handle->commit_lock);
    bool dirty = handle->commit.dirty;
    pthread_mutex_unlock(&handle->commit_lock);
    pid_t process = dirty ? commit_process(fuse_req_ctx(req)->pid) : 0;
    pthread_mutex_lock(&handle->commit_lock);
    bool done = commit_closed(&handle->commit, process);
    pthread_mutex_unlock(&handle->commit_lock);
    return done;
}

void real_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct real_handle *handle = (struct real_handle *)(uintptr_t)fi->fh;
    if (real_flush_commits(req, handle))
        real_written_flush(req, tree_of(req), number, handle->uid);
    else
        fuse_reply_err(req, 0);
}

/* ---- fsync: only stores ---- */

struct syncing {
    struct parked parked;
    int fd;
};

static void sync_run(void *context)
{
    struct syncing *syncing = context;
    int code = fdatasync(syncing->fd) < 0 ? errno : 0;
    if (parked_claim(&syncing->parked))
        fuse_reply_err(syncing->parked.req, code);
    close(syncing->fd);
    free(syncing);
}

void real_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi)
{
    (void)number;
    (void)data_only;
    const struct real_handle *handle = (struct real_handle *)(uintptr_t)fi->fh;
    struct syncing *syncing = calloc(1, sizeof *syncing);
    /* A descriptor of its own: an interrupted request may be followed by a close. */
    int fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
    if (!syncing || fd < 0) {
        fuse_reply_err(req, fd < 0 ? errno : ENOMEM);
        if (fd >= 0)
            close(fd);
        free(syncing);
        return;
    }
    syncing->fd = fd;
    parked_init_firm(&syncing->parked, req);
    jobs_submit(tree_of(req)->syncs, sync_run, syncing);
}
