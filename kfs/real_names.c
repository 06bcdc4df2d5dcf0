/* Names of real files: looking up, making, removing, renaming. */
#include "kfs/real_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

int real_entry(struct tree *tree, int directory, const struct real_place *place, uint64_t parent,
               const char *name, struct fuse_entry_param *ret, struct error **err)
{
    double seconds = real_policy(place)->cache_seconds;
    *ret = (struct fuse_entry_param){.attr_timeout = seconds,
                                     .entry_timeout = seconds > 0 ? TREE_CACHE_SECONDS_SHORT : 0};
    if (fstatat(directory, name, &ret->attr, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(err, "cannot look at %s", name);
    uint64_t serial = real_nodes_count(tree->nodes, place->top, real_serial(parent), name);
    if (serial == 0)
        return error_set(err, ESTALE, "the directory has been removed");
    ret->ino = real_number(serial);
    real_attributes(tree, ret->ino, &ret->attr);
    return 0;
}

static void reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
    if (fuse_reply_entry(req, entry) == -ENOENT)
        real_nodes_forget(tree_of(req)->nodes, real_serial(entry->ino), 1);
}

void real_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    struct fuse_entry_param entry;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int directory = real_open_directory(tree, parent, name, &place, &failure);
    if (directory < 0 || real_entry(tree, directory, &place, parent, name, &entry, &failure) < 0)
        fuse_reply_err(req, error_code(failure));
    else
        reply_entry(req, &entry);
}

/* Makes over what was made by the daemon to who asked for it. Fails quietly where the daemon has no
 * right to: then it is not root, and only who runs it can have asked. */
static void give_to_caller(fuse_req_t req, int directory, const char *name)
{
    const struct fuse_ctx *context = fuse_req_ctx(req);
    if (geteuid() == 0 &&
        fchownat(directory, name, context->uid, context->gid, AT_SYMLINK_NOFOLLOW) < 0)
        return;
}

static int make_directory(int directory, const char *name, const void *context)
{
    const mode_t *mode = context;
    if (mkdirat(directory, name, *mode & 07777) < 0)
        return -1;
    /* The kernel has applied the caller's umask; the daemon's own is no concern of the caller. */
    cleanup(close) int made =
        openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return made < 0 ? 0 : fchmod(made, *mode & 07777);
}

/* What mkdir, mknod and symlink have in common. `make` gives what its system call gives. */
static void make_name(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name,
                      int (*make)(int directory, const char *name, const void *context),
                      const void *context)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    struct fuse_entry_param entry;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int directory = real_open_directory(tree, parent, name, &place, &failure);
    bool is_directory = make == make_directory;
    if (directory >= 0 && real_may_make(&place, is_directory, name, &failure) == 0 &&
        make(directory, name, context) < 0)
        error_system(&failure, "cannot make %s", name);
    if (!failure) {
        give_to_caller(req, directory, name);
        real_changed(tree, &place, name);
        real_entry(tree, directory, &place, parent, name, &entry, &failure);
    }
    if (failure)
        tree_refuse(req, operation, parent, name, failure);
    else
        reply_entry(req, &entry);
}

void real_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    make_name(req, "mkdir", parent, name, make_directory, &mode);
}

static int make_file(int directory, const char *name, const void *context)
{
    const mode_t *mode = context;
    cleanup(close) int made =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return made < 0 ? -1 : fchmod(made, *mode & 07777);
}

void real_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void)device;
    if (S_ISREG(mode))
        make_name(req, "mknod", parent, name, make_file, &mode);
    else
        tree_refuse_with(req, "mknod", parent, name, EPERM,
                         "only files, directories and symbolic links can be made here");
}

static int make_symlink(int directory, const char *name, const void *context)
{
    return symlinkat(context, directory, name);
}

void real_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    make_name(req, "symlink", parent, name, make_symlink, target);
}

void real_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    (void)number;
    tree_refuse_with(req, "link", parent, name, EOPNOTSUPP, "there are no hard links here");
}

void real_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    struct fuse_entry_param entry;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int directory = real_open_directory(tree, parent, name, &place, &failure);
    int flags = (fi->flags & (O_ACCMODE | O_TRUNC | O_EXCL)) | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_ACCMODE) == O_WRONLY) /* as when it is opened: it may have to be read */
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    bool may = directory >= 0 && real_may_make(&place, false, name, &failure) == 0;
    cleanup(close) int fd = may ? openat(directory, name, flags, 0600) : -1;
    if (may && fd < 0)
        error_system(&failure, "cannot create %s", name);
    if (!failure && fchmod(fd, mode & 07777) < 0)
        error_system(&failure, "cannot set the mode of %s", name);
    if (!failure) {
        give_to_caller(req, directory, name);
        real_changed(tree, &place, name);
        real_entry(tree, directory, &place, parent, name, &entry, &failure);
    }
    fi->keep_cache = 1;
    if (failure)
        tree_refuse(req, "create", parent, name, failure);
    else
        real_reply_open(req, entry.ino, steal_fd(&fd), fi, &entry, false);
}

/* What unlink and rmdir have in common. */
static void remove_name(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name,
                        int flags)
{
    struct tree *tree = tree_of(req);
    struct real_place place;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int directory = real_open_directory(tree, parent, name, &place, &failure);
    if (directory >= 0 && unlinkat(directory, name, flags) < 0)
        error_system(&failure, "cannot remove %s", name);
    if (failure) {
        tree_refuse(req, operation, parent, name, failure);
        return;
    }
    real_nodes_remove(tree->nodes, place.top, real_serial(parent), name);
    real_changed(tree, &place, name);
    fuse_reply_err(req, 0);
}

void real_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, "unlink", parent, name, 0);
}

void real_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, "rmdir", parent, name, AT_REMOVEDIR);
}

static void rename_check(int source, const char *name, const struct real_place *to,
                         const char *new_name, struct error **err)
{
    struct stat found;
    bool is_directory =
        fstatat(source, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
    real_may_make(to, is_directory, new_name, err);
}

void real_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                 const char *new_name, unsigned flags)
{
    struct tree *tree = tree_of(req);
    struct real_place from, to;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(close) int source = real_open_directory(tree, parent, name, &from, &failure);
    cleanup(close) int target =
        source < 0 ? -1 : real_open_directory(tree, new_parent, new_name, &to, &failure);
    if (!failure && from.top != to.top)
        error_set(&failure, EXDEV, "%s would be in another directory of the tree", new_name);
    if (!failure)
        rename_check(source, name, &to, new_name, &failure);
    if (!failure && renameat2(source, name, target, new_name, flags) < 0)
        error_system(&failure, "cannot rename it to %s", new_name);
    if (failure) {
        tree_refuse(req, "rename", parent, name, failure);
        return;
    }
    real_changed(tree, &from, name);
    real_nodes_move(tree->nodes, from.top, real_serial(parent), name, real_serial(new_parent),
                    new_name, flags & RENAME_EXCHANGE);
    real_written_rename(req, &to, new_parent, new_name);
}
