/* Real files below plan/: attributes, opening, reading, writing. */
#include "kfs/plan_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct plan_handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct plan_handle *)(uintptr_t)fi->fh;
}

/* ---- attributes ---- */

static int look(struct tree *tree, uint64_t number, const struct fuse_file_info *fi,
                struct stat *ret, struct error **err)
{
    struct plan_place place;
    cleanup(close) int fd = fi ? -1 : plan_open_self(tree, number, &place, err);
    if (!fi && fd < 0)
        return -1;
    if (fstat(fi ? handle_of(fi)->fd : fd, ret) < 0)
        return error_system(err, "cannot look at it");
    plan_attributes(tree, number, ret);
    return 0;
}

static void plan_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct stat attributes;
    cleanup(error_free) struct error *failure = NULL;
    if (look(tree_of(req), number, fi, &attributes, &failure) < 0)
        fuse_reply_err(req, error_code(failure));
    else
        fuse_reply_attr(req, &attributes, TREE_CACHE_SECONDS);
}

static int set_size(struct tree *tree, const struct plan_place *place,
                    const struct fuse_file_info *fi, off_t size, struct error **err)
{
    if (size > plan_limit(place))
        return error_set(err, EFBIG, "a file here may have at most %lld bytes",
                         (long long)plan_limit(place));
    cleanup(close) int fd = fi ? -1 : plan_open_at(tree, place, O_WRONLY | O_NONBLOCK, err);
    if (!fi && fd < 0)
        return -1;
    if (ftruncate(fi ? handle_of(fi)->fd : fd, size) < 0)
        return error_system(err, "cannot set its size");
    return 0;
}

/* chmod(2) does not take a descriptor of this kind, but its name in /proc. */
static int set_mode(int fd, mode_t mode, struct error **err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return chmod(path, mode & 07777) < 0 ? error_system(err, "cannot set its mode") : 0;
}

static int set_owner(int fd, const struct stat *wanted, int what, struct error **err)
{
    uid_t uid = what & FUSE_SET_ATTR_UID ? wanted->st_uid : (uid_t)-1;
    gid_t gid = what & FUSE_SET_ATTR_GID ? wanted->st_gid : (gid_t)-1;
    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? error_system(err, "cannot set its owner")
                                                         : 0;
}

static struct timespec wanted_time(int what, int set, int set_now, struct timespec given)
{
    if (what & set_now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    return what & set ? given : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_times(int fd, const struct stat *wanted, int what, struct error **err)
{
    struct timespec times[2] = {
        wanted_time(what, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, wanted->st_atim),
        wanted_time(what, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, wanted->st_mtim)};
    return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? error_system(err, "cannot set its times")
                                                       : 0;
}

static int set_attributes(struct tree *tree, uint64_t number, const struct stat *wanted, int what,
                          const struct fuse_file_info *fi, struct error **err)
{
    struct plan_place place;
    int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                FUSE_SET_ATTR_MTIME_NOW;
    cleanup(close) int fd = plan_open_self(tree, number, &place, err);
    if (fd < 0)
        return -1;
    if (what & FUSE_SET_ATTR_SIZE && set_size(tree, &place, fi, wanted->st_size, err) < 0)
        return -1;
    if (what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) && set_owner(fd, wanted, what, err) < 0)
        return -1;
    if (what & FUSE_SET_ATTR_MODE && set_mode(fd, wanted->st_mode, err) < 0)
        return -1;
    return what & times ? set_times(fd, wanted, what, err) : 0;
}

static void plan_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                         struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct stat attributes;
    cleanup(error_free) struct error *failure = NULL;
    if (set_attributes(tree, number, wanted, what, fi, &failure) < 0 ||
        look(tree, number, fi, &attributes, &failure) < 0)
        tree_refuse(req, "change attributes of", number, NULL, failure);
    else
        fuse_reply_attr(req, &attributes, TREE_CACHE_SECONDS);
}

static void plan_readlink(fuse_req_t req, fuse_ino_t number)
{
    struct tree *tree = tree_of(req);
    struct plan_place place;
    char target[PATH_MAX];
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int fd = plan_locate(tree, number, &place, &failure) < 0
                                ? -1
                                : plan_open_at(tree, &place, O_PATH, &failure);
    ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target - 1);
    if (length < 0) {
        fuse_reply_err(req, failure ? error_code(failure) : errno);
        return;
    }
    target[length] = '\0';
    fuse_reply_readlink(req, target);
}

/* ---- open files ---- */

static void handle_free(struct tree *tree, struct plan_handle *handle)
{
    plan_nodes_closed(tree->nodes, &handle->open);
    close(handle->fd);
    pthread_mutex_destroy(&handle->commit_lock);
    free(handle);
}

void plan_reply_open(fuse_req_t req, uint64_t number, int fd, struct fuse_file_info *fi,
                     const struct fuse_entry_param *entry)
{
    struct tree *tree = tree_of(req);
    struct plan_handle *handle = calloc(1, sizeof *handle);
    if (!handle)
        abort();
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
    const struct fuse_ctx *context = fuse_req_ctx(req);
    handle->fd = fd;
    handle->open = (struct plan_open){.serial = plan_serial(number), .fd = fd};
    handle->uid = context->uid;
    pthread_mutex_init(&handle->commit_lock, NULL);
    handle->commit.opener = writes ? commit_process(context->pid) : 0;
    fi->fh = (uintptr_t)handle;
    fi->keep_cache = 1;
    fi->noflush = !writes;
    plan_nodes_opened(tree->nodes, &handle->open);
    if ((entry ? fuse_reply_create(req, entry, fi) : fuse_reply_open(req, fi)) != -ENOENT)
        return;
    handle_free(tree, handle);
    if (entry)
        plan_nodes_forget(tree->nodes, plan_serial(number), 1);
}

static void plan_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct plan_place place;
    cleanup(error_free) struct error *failure = NULL;
    int flags = (fi->flags & (O_ACCMODE | O_TRUNC)) | O_NONBLOCK;
    /* The kernel checks a write against the page it belongs to, so it may have to read it. */
    if ((flags & O_ACCMODE) == O_WRONLY)
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    int fd = plan_locate(tree, number, &place, &failure) < 0
                 ? -1
                 : plan_open_at(tree, &place, flags, &failure);
    if (fd < 0)
        tree_refuse(req, "open", number, NULL, failure);
    else
        plan_reply_open(req, number, fd, fi, NULL);
}

static void plan_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    (void)number;
    cleanup(free) char *bytes = malloc(size);
    ssize_t got = bytes ? pread(handle_of(fi)->fd, bytes, size, offset) : -1;
    if (got < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_buf(req, bytes, (size_t)got);
}

static void plan_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size,
                       off_t offset, struct fuse_file_info *fi)
{
    struct plan_handle *handle = handle_of(fi);
    struct plan_place place;
    off_t limit = plan_locate(tree_of(req), number, &place, NULL) < 0 ? PLAN_FILE_MAX_BYTES
                                                                      : plan_limit(&place);
    if (offset > limit - (off_t)size) {
        tree_refuse_with(req, "write", number, NULL, EFBIG, "the file may have at most %lld bytes",
                         (long long)limit);
        return;
    }
    ssize_t written = pwrite(handle->fd, bytes, size, offset);
    if (written < 0) {
        tree_refuse_with(req, "write", number, NULL, errno, "cannot write it: %m");
        return;
    }
    pthread_mutex_lock(&handle->commit_lock);
    commit_written(&handle->commit);
    pthread_mutex_unlock(&handle->commit_lock);
    fuse_reply_write(req, (size_t)written);
}

static void plan_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct plan_handle *handle = handle_of(fi);
    if (commit_released(&handle->commit))
        plan_written_flush(NULL, tree_of(req), number, handle->uid);
    handle_free(tree_of(req), handle);
    fuse_reply_err(req, 0);
}

const struct fuse_lowlevel_ops plan_operations = {
    .lookup = plan_lookup,
    .getattr = plan_getattr,
    .setattr = plan_setattr,
    .readlink = plan_readlink,
    .mknod = plan_mknod,
    .mkdir = plan_mkdir,
    .unlink = plan_unlink,
    .rmdir = plan_rmdir,
    .symlink = plan_symlink,
    .rename = plan_rename,
    .link = plan_link,
    .open = plan_open,
    .read = plan_read,
    .write = plan_write,
    .flush = plan_flush,
    .release = plan_release,
    .fsync = plan_fsync,
    .opendir = plan_opendir,
    .readdir = plan_readdir,
    .readdirplus = plan_readdirplus,
    .releasedir = plan_releasedir,
    .create = plan_create,
};
