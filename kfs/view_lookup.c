/* Finding views and looking at them. */
#include "kfs/stream.h"
#include "kfs/view.h"

#include <string.h>

struct node view_find(struct tree *tree, struct node directory, const struct subject *subject,
                      const char *name)
{
    (void)tree;
    enum directory in = tree_rows[directory.row].is;
    unsigned row = row_find(in, name);
    if (row != ROW_NONE) {
        if (tree_rows[row].exists && !tree_rows[row].exists(subject))
            row = ROW_NONE;
        return (struct node){.row = row, .object = directory.object};
    }
    struct member member = {0};
    row = row_of_members(in);
    if (row == ROW_NONE || !tree_rows[row].members->find(subject, name, &member))
        return (struct node){.row = ROW_NONE};
    return (struct node){.row = row, .object = member.object, .part = member.part};
}

int view_entry(struct tree *tree, struct node node, const struct subject *subject,
               uint64_t sequence, struct fuse_entry_param *ret, struct error **err)
{
    const struct row *row = &tree_rows[node.row];
    *ret = (struct fuse_entry_param){.ino = node_pack(node)};
    if (attributes_of(tree, node, subject, &ret->attr, err) < 0)
        return -1;
    if (!notifier_cacheable(tree->notifier, sequence))
        return 0;
    ret->entry_timeout = row->in == DIR_PORTS ? TREE_CACHE_SECONDS_SHORT : TREE_CACHE_SECONDS;
    ret->attr_timeout = attributes_settled(row, subject) ? TREE_CACHE_SECONDS : 0;
    return 0;
}

/* Not found is no refusal: shells and compilers look for what may not be there all the time. */
static void reply_missing(fuse_req_t req)
{
    fuse_reply_err(req, ENOENT);
}

static void lookup_found(fuse_req_t req, fuse_ino_t parent, const char *name, struct node node,
                         uint64_t sequence)
{
    struct tree *tree = tree_of(req);
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    struct fuse_entry_param entry;
    if (subject_get(tree, node, &subject) < 0)
        reply_missing(req);
    else if (view_entry(tree, node, &subject, sequence, &entry, &failure) < 0)
        tree_refuse(req, "lookup", parent, name, failure);
    else
        fuse_reply_entry(req, &entry);
}

/* A file that is brought up to date when somebody looks at it: finding it, as whoever removes it
 * does, is no look. Its attributes are valid for no time, so the kernel asks for them. */
static void reply_unlooked(fuse_req_t req, struct node node)
{
    struct tree *tree = tree_of(req);
    cleanup(subject_done) struct subject subject = {0};
    struct fuse_entry_param entry = {.ino = node_pack(node), .entry_timeout = TREE_CACHE_SECONDS};
    uint64_t sequence = notifier_sequence(tree->notifier);
    if (subject_get(tree, node, &subject) < 0) {
        reply_missing(req);
        return;
    }
    attributes_common(tree, node, &subject, &entry.attr);
    if (!notifier_cacheable(tree->notifier, sequence))
        entry.entry_timeout = 0;
    fuse_reply_entry(req, &entry);
}

void view_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *tree = tree_of(req);
    uint64_t sequence = notifier_sequence(tree->notifier);
    struct node directory = node_unpack(parent);
    cleanup(subject_done) struct subject subject = {0};
    if (subject_get(tree, directory, &subject) < 0) {
        reply_missing(req);
        return;
    }
    struct node node = view_find(tree, directory, &subject, name);
    if (node.row == ROW_NONE)
        reply_missing(req);
    else if (tree_rows[node.row].back_waits)
        reply_unlooked(req, node);
    else
        lookup_found(req, parent, name, node, sequence);
}

static void reply_attributes(fuse_req_t req, struct node node)
{
    struct tree *tree = tree_of(req);
    uint64_t sequence = notifier_sequence(tree->notifier);
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    struct fuse_entry_param entry;
    if (subject_get(tree, node, &subject) < 0)
        reply_missing(req);
    else if (view_entry(tree, node, &subject, sequence, &entry, &failure) < 0)
        tree_refuse(req, "stat", node_pack(node), NULL, failure);
    else
        fuse_reply_attr(req, &entry.attr, entry.attr_timeout);
}

void view_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct node node = node_unpack(number);
    if (tree_rows[node.row].back_waits)
        view_getattr_late(req, node, fi ? (struct view_handle *)(uintptr_t)fi->fh : NULL);
    else
        reply_attributes(req, node);
}

void view_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                  struct fuse_file_info *fi)
{
    struct node node = node_unpack(number);
    const struct row *row = &tree_rows[node.row];
    if (!(what & FUSE_SET_ATTR_SIZE))
        tree_refuse_with(req, "change attributes of", number, NULL, EPERM,
                         "owner, mode and times of what the engine shows cannot be set");
    else if (!row->write && !(row->stream && row->stream->write))
        tree_refuse_with(req, "truncate", number, NULL, EACCES, VIEW_READ_ONLY);
    /* Cutting a file that takes commands is what a shell's `>` does before it writes one. */
    else {
        if (row->document && fi)
            document_cut((struct view_handle *)(uintptr_t)fi->fh, wanted->st_size);
        view_getattr(req, number, fi);
    }
}

void view_readlink(fuse_req_t req, fuse_ino_t number)
{
    struct tree *tree = tree_of(req);
    struct node node = node_unpack(number);
    cleanup(subject_done) struct subject subject = {0};
    if (!S_ISLNK(tree_rows[node.row].mode)) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    if (subject_get(tree, node, &subject) < 0) {
        reply_missing(req);
        return;
    }
    cleanup(buf_done) struct buf target = BUF_INIT(PATH_MAX);
    tree_rows[node.row].render(&subject, &target);
    fuse_reply_readlink(req, target.data);
}
