/* Real files: attributes, opening, reading, writing. */
#include "kfs/real_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct real_handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct real_handle *)(uintptr_t)fi->fh;
}

static void note_commit(struct real_handle *handle, void (*note)(struct commit *commit))
{
    with_lock(&handle->commit_lock);
    note(&handle->commit);
}

/* ---- attributes ---- */

static int look(struct tree *tree, uint64_t number, const struct fuse_file_info *fi,
                struct stat *ret, struct error **err)
{
    struct real_place place;
    cleanup(close) int fd = fi ? -1 : real_open_self(tree, number, &place, err);
    if (!fi && fd < 0)
        return -1;
    if (fstat(fi ? handle_of(fi)->fd : fd, ret) < 0)
        return error_system(err, "cannot look at it");
    real_attributes(tree, number, ret);
    return 0;
}

static void real_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct stat attributes;
    cleanup(error_free) struct error *failure = NULL;
    if (look(tree_of(req), number, fi, &attributes, &failure) < 0)
        fuse_reply_err(req, error_code(failure));
    else
        fuse_reply_attr(req, &attributes, TREE_CACHE_SECONDS);
}

static int set_size(struct tree *tree, const struct real_place *place,
                    const struct fuse_file_info *fi, off_t size, struct error **err)
{
    if (size > real_limit(place))
        return error_set(err, EFBIG, "a file here may have at most %lld bytes",
                         (long long)real_limit(place));
    cleanup(close) int fd = fi ? -1 : real_open_at(tree, place, O_WRONLY | O_NONBLOCK, err);
    if (!fi && fd < 0)
        return -1;
    if (ftruncate(fi ? handle_of(fi)->fd : fd, size) < 0)
        return error_system(err, "cannot set its size");
    if (fi && size == 0)
        note_commit(handle_of(fi), commit_emptied);
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

int real_set_attributes(struct tree *tree, uint64_t number, const struct stat *wanted, int what,
                        const struct fuse_file_info *fi, struct error **err)
{
    struct real_place place;
    int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                FUSE_SET_ATTR_MTIME_NOW;
    cleanup(close) int fd = real_open_self(tree, number, &place, err);
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

static void real_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                         struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct stat attributes;
    cleanup(error_free) struct error *failure = NULL;
    if (real_set_attributes(tree, number, wanted, what, fi, &failure) < 0 ||
        look(tree, number, fi, &attributes, &failure) < 0)
        tree_refuse(req, "change attributes of", number, NULL, failure);
    else
        fuse_reply_attr(req, &attributes, TREE_CACHE_SECONDS);
}

static void real_readlink(fuse_req_t req, fuse_ino_t number)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    char target[PATH_MAX];
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int fd = real_locate(tree, number, &place, &failure) < 0
                                ? -1
                                : real_open_at(tree, &place, O_PATH, &failure);
    ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target - 1);
    if (length < 0) {
        fuse_reply_err(req, failure ? error_code(failure) : errno);
        return;
    }
    target[length] = '\0';
    fuse_reply_readlink(req, target);
}

/* ---- open files ---- */

static void handle_free(struct tree *tree, struct opened *opened)
{
    struct real_handle *handle = (struct real_handle *)opened;
    real_nodes_closed(tree->nodes, &handle->open);
    close(handle->fd);
    pthread_mutex_destroy(&handle->commit_lock);
    free(handle);
}

void real_reply_open(fuse_req_t req, uint64_t number, int fd, struct fuse_file_info *fi,
                     const struct fuse_entry_param *entry, bool changed)
{
    struct tree *tree = tree_of(req);
    struct real_handle *handle = calloc(1, sizeof *handle);
    if (!handle)
        abort();
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
    const struct fuse_ctx *context = fuse_req_ctx(req);
    handle->fd = fd;
    handle->open = (struct real_open){.serial = real_serial(number), .fd = fd};
    handle->uid = context->uid;
    pthread_mutex_init(&handle->commit_lock, NULL);
    handle->commit.opener = writes ? commit_process(context->pid) : 0;
    handle->commit.dirty = changed;
    fi->fh = (uintptr_t)handle;
    fi->noflush = !writes;
    real_nodes_opened(tree->nodes, &handle->open);
    tree_opened(tree, &handle->opened, handle_free);
    if ((entry ? fuse_reply_create(req, entry, fi) : fuse_reply_open(req, fi)) != -ENOENT)
        return;
    tree_released(tree, &handle->opened);
    handle_free(tree, &handle->opened);
    if (entry)
        real_nodes_forget(tree->nodes, real_serial(number), 1);
}

static void real_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    cleanup(error_free) struct error *failure = NULL;
    int flags = (fi->flags & (O_ACCMODE | O_TRUNC)) | O_NONBLOCK;
    /* The kernel checks a write against the page it belongs to, so it may have to read it. */
    if ((flags & O_ACCMODE) == O_WRONLY)
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    int fd = real_locate(tree, number, &place, &failure) < 0
                 ? -1
                 : real_open_at(tree, &place, flags, &failure);
    fi->keep_cache = 1;
    if (fd < 0)
        tree_refuse(req, "open", number, NULL, failure);
    else
        real_reply_open(req, number, fd, fi, NULL, real_policy(&place)->root && flags & O_TRUNC);
}

static void real_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
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

static int write_all(struct tree *tree, uint64_t number, int fd, const char *bytes, size_t size,
                     off_t offset, struct error **err)
{
    struct real_place place;
    off_t limit =
        real_locate(tree, number, &place, NULL) < 0 ? real_plan.file_max : real_limit(&place);
    if (offset > limit - (off_t)size)
        return error_set(err, EFBIG, "the file may have at most %lld bytes", (long long)limit);
    for (size_t done = 0; done < size;) {
        ssize_t written = pwrite(fd, bytes + done, size - done, offset + (off_t)done);
        if (written < 0)
            return error_system(err, "cannot write it");
        done += (size_t)written;
    }
    return 0;
}

void real_touched(struct real_handle *handle)
{
    note_commit(handle, commit_written);
}

static void real_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size,
                       off_t offset, struct fuse_file_info *fi)
{
    struct real_handle *handle = handle_of(fi);
    cleanup(error_free) struct error *failure = NULL;
    if (write_all(tree_of(req), number, handle->fd, bytes, size, offset, &failure) < 0) {
        note_commit(handle, commit_failed);
        tree_refuse(req, "write", number, NULL, failure);
        return;
    }
    note_commit(handle, commit_written);
    fuse_reply_write(req, size);
}

static void real_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct real_handle *handle = handle_of(fi);
    if (commit_released(&handle->commit))
        real_written_flush(NULL, tree_of(req), number, handle->uid);
    tree_released(tree_of(req), &handle->opened);
    handle_free(tree_of(req), &handle->opened);
    fuse_reply_err(req, 0);
}

const struct fuse_lowlevel_ops real_operations = {
    .lookup = real_lookup,
    .getattr = real_getattr,
    .setattr = real_setattr,
    .readlink = real_readlink,
    .mknod = real_mknod,
    .mkdir = real_mkdir,
    .unlink = real_unlink,
    .rmdir = real_rmdir,
    .symlink = real_symlink,
    .rename = real_rename,
    .link = real_link,
    .open = real_open,
    .read = real_read,
    .write = real_write,
    .flush = real_flush,
    .release = real_release,
    .fsync = real_fsync,
    .opendir = real_opendir,
    .readdir = real_readdir,
    .readdirplus = real_readdirplus,
    .releasedir = real_releasedir,
    .create = real_create,
};
