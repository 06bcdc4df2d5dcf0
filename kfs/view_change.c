/*
 * Making, removing and renaming among views: enclaves and services are made, removed and renamed by
 * the engine. Removing anything else in an enclave is accepted and changes nothing, because
 * refusing it would make `rm -r` delete a user's plans and leave the containers running.
 */
#include "kfs/view.h"

#include <limits.h>
#include <linux/fs.h>
#include <string.h>

#define NOT_HERE                                                                                 \
    "nothing can be made here: only enclaves, with mkdir in enclaves/, services, with mkdir in " \
    "services/, and files below plan/ and files/"

static void refuse_making(fuse_req_t req, const char *operation, uint64_t parent, const char *name)
{
    tree_refuse_with(req, operation, parent, name, EPERM, NOT_HERE);
}

static bool name_too_long(fuse_req_t req, const char *operation, uint64_t parent, const char *name)
{
    if (strlen(name) <= NAME_MAX)
        return false;
    tree_refuse_with(req, operation, parent, name, ENAMETOOLONG, "a name may have at most %d bytes",
                     NAME_MAX);
    return true;
}

static void reply_made(fuse_req_t req, struct node node, uint64_t parent, const char *name,
                       uint64_t sequence)
{
    struct tree *tree = tree_of(req);
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    struct fuse_entry_param entry;
    notifier_settle(tree->notifier);
    if (subject_get(tree, node, &subject) < 0)
        fuse_reply_err(req, ENOENT); /* made, and removed at once by somebody else */
    else if (view_entry(tree, node, &subject, sequence, &entry, &failure) < 0)
        tree_refuse(req, "mkdir", parent, name, failure);
    else
        fuse_reply_entry(req, &entry);
}

void view_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    struct tree *tree = tree_of(req);
    unsigned row = row_of_members(tree_rows[node_unpack(parent).row].is);
    const struct fuse_ctx *context = fuse_req_ctx(req);
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    object_id id = 0;
    if (name_too_long(req, "mkdir", parent, name))
        return;
    if (subject_get(tree, node_unpack(parent), &subject) < 0)
        fuse_reply_err(req, ENOENT);
    else if (row == ROW_NONE || !tree_rows[row].members->make)
        refuse_making(req, "mkdir", parent, name);
    else if (tree_rows[row].members->make(&subject, name, context->uid, context->gid, &id,
                                          &failure) < 0)
        tree_refuse(req, "mkdir", parent, name, failure);
    else
        reply_made(req, (struct node){.row = row, .object = id}, parent, name,
                   notifier_sequence(tree->notifier));
}

/* The node of the name; answers the request and gives ROW_NONE if there is none. */
static struct node find_or_miss(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *tree = tree_of(req);
    struct node directory = node_unpack(parent), node = {.row = ROW_NONE};
    cleanup(subject_done) struct subject subject = {0};
    if (subject_get(tree, directory, &subject) == 0)
        node = view_find(tree, directory, &subject, name);
    if (node.row == ROW_NONE)
        fuse_reply_err(req, ENOENT);
    return node;
}

void view_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *tree = tree_of(req);
    struct node node = find_or_miss(req, parent, name);
    const struct row *row = &tree_rows[node.row];
    cleanup(error_free) struct error *failure = NULL;
    if (node.row == ROW_NONE)
        return;
    if (row_object(node.row) == OBJECT_ENGINE) {
        tree_refuse_with(req, "rmdir", parent, name, EPERM, "it is part of every mount");
        return;
    }
    if (row->members && row->members->remove &&
        row->members->remove(tree->engine, node.object, &failure) < 0) {
        tree_refuse(req, "rmdir", parent, name, failure);
        return;
    }
    notifier_settle(tree->notifier);
    fuse_reply_err(req, 0);
}

void view_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (find_or_miss(req, parent, name).row != ROW_NONE)
        fuse_reply_err(req, 0);
}

void view_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                 const char *new_name, unsigned flags)
{
    struct tree *tree = tree_of(req);
    cleanup(error_free) struct error *failure = NULL;
    if (name_too_long(req, "rename", parent, new_name))
        return;
    struct node node = find_or_miss(req, parent, name);
    const struct members *members = tree_rows[node.row].members;
    if (node.row == ROW_NONE)
        return;
    if (flags & RENAME_EXCHANGE)
        tree_refuse_with(req, "rename", parent, name, EINVAL, "enclaves cannot be exchanged");
    else if (!members || !members->rename)
        tree_refuse_with(req, "rename", parent, name, EPERM, "only enclaves can be renamed");
    else if (parent != new_parent)
        tree_refuse_with(req, "rename", parent, name, EPERM, "an enclave stays in enclaves/");
    else if (members->rename(tree->engine, node.object, new_name, &failure) < 0)
        tree_refuse(req, "rename", parent, name, failure);
    else {
        notifier_settle(tree->notifier);
        fuse_reply_err(req, 0);
    }
}

void view_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *fi)
{
    (void)mode;
    (void)fi;
    refuse_making(req, "create", parent, name);
}

void view_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    (void)mode;
    (void)device;
    refuse_making(req, "mknod", parent, name);
}

void view_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    refuse_making(req, "symlink", parent, name);
}

void view_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    (void)number;
    refuse_making(req, "link", parent, name);
}

const struct fuse_lowlevel_ops view_operations = {
    .lookup = view_lookup,
    .getattr = view_getattr,
    .setattr = view_setattr,
    .readlink = view_readlink,
    .mknod = view_mknod,
    .mkdir = view_mkdir,
    .unlink = view_unlink,
    .rmdir = view_rmdir,
    .symlink = view_symlink,
    .rename = view_rename,
    .link = view_link,
    .open = view_open,
    .read = view_read,
    .write = view_write,
    .flush = view_flush,
    .release = view_release,
    .opendir = view_opendir,
    .readdir = view_readdir,
    .readdirplus = view_readdirplus,
    .releasedir = view_releasedir,
    .create = view_create,
};
