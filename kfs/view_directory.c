/*
 * Listing. A listing is a picture taken when it is read from its beginning: entries that come or go
 * while it is read do not shift it, so rm -r of ten thousand enclaves skips none.
 */
#include "kfs/view.h"

#include <stdio.h>
#include <string.h>

struct listing {
    struct opened opened; /* first: the two are converted into each other */
    bool taken;
    unsigned directory; /* row */
    struct subject subject;
    uint64_t sequence;
    unsigned member_row; /* ROW_NONE: all entries are rows */
    void **facts;
    size_t count;
};

enum {
    FIXED_ENTRIES = 2 /* . and .. */
};

static void listing_clear(struct listing *listing)
{
    const struct row *row = &tree_rows[listing->member_row];
    for (size_t i = 0; i < listing->count && row->members->unref; i++)
        row->members->unref(listing->facts[i]);
    free(listing->facts);
    if (listing->taken)
        subject_done(&listing->subject);
    /* Not `opened`: its links belong to the list's lock. */
    listing->taken = false;
    listing->member_row = ROW_NONE;
    listing->facts = NULL;
    listing->count = 0;
}

static int listing_take(struct tree *tree, struct listing *listing, struct node node)
{
    listing_clear(listing);
    listing->sequence = notifier_sequence(tree->notifier);
    if (subject_get(tree, node, &listing->subject) < 0)
        return -1;
    listing->taken = true;
    listing->directory = node.row;
    unsigned row = row_of_members(tree_rows[node.row].is);
    if (row != ROW_NONE) {
        listing->member_row = row;
        listing->count = tree_rows[row].members->list(&listing->subject, &listing->facts);
    }
    return 0;
}

/* One entry, as a node with a name and the facts about it, which are borrowed. */
struct listed {
    struct node node;
    const char *name;
    const struct subject *subject;
    struct member member; /* storage for the two above */
};

/* The row that is entry number `index` (from 0) of its directory, ROW_NONE past the last one.
 * Unlisted ones have no number. */
static unsigned fixed_row(const struct listing *listing, size_t index)
{
    enum directory in = tree_rows[listing->directory].is;
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++) {
        const struct row *it = &tree_rows[row];
        if (it->in != in || !it->name || it->about ||
            (it->exists && !it->exists(&listing->subject)))
            continue;
        if (index-- == 0)
            return row;
    }
    return ROW_NONE;
}

static size_t fixed_count(const struct listing *listing)
{
    size_t count = 0;
    while (fixed_row(listing, count) != ROW_NONE)
        count++;
    return count;
}

/* False past the end. `fixed` is fixed_count. */
static bool listing_at(const struct listing *listing, size_t fixed, size_t index,
                       struct listed *ret)
{
    object_id object = subject_id(&listing->subject);
    if (index < FIXED_ENTRIES) {
        ret->node = (struct node){.row = listing->directory, .object = object};
        ret->name = index == 0 ? "." : "..";
        ret->subject = &listing->subject;
        return true;
    }
    index -= FIXED_ENTRIES;
    if (index < fixed) {
        ret->node = (struct node){.row = fixed_row(listing, index), .object = object};
        ret->name = tree_rows[ret->node.row].name;
        ret->subject = &listing->subject;
        return true;
    }
    index -= fixed;
    if (index >= listing->count)
        return false;
    ret->member = (struct member){0};
    tree_rows[listing->member_row].members->describe(&listing->subject, listing->facts[index],
                                                     &ret->member);
    ret->node = (struct node){
        .row = listing->member_row, .object = ret->member.object, .part = ret->member.part};
    ret->name = ret->member.name;
    ret->subject = &ret->member.subject;
    return true;
}

/* The entry with all attributes, so that looking at it later asks nothing; without, if they would
 * have to be waited for. */
static void describe_entry(struct tree *tree, const struct listing *listing,
                           const struct listed *listed, struct fuse_entry_param *ret)
{
    const struct row *row = &tree_rows[listed->node.row];
    *ret = (struct fuse_entry_param){
        .attr = {.st_ino = node_pack(listed->node), .st_mode = row->mode}};
    /* With an inode number of 0 the kernel takes the name only. */
    if (*listed->name == '.' || row->back_waits)
        return;
    if (view_entry(tree, listed->node, listed->subject, listing->sequence, ret, NULL) < 0)
        ret->ino = 0;
}

static size_t put_entry(fuse_req_t req, char *out, size_t room, const struct listing *listing,
                        const struct listed *listed, off_t next, bool plus)
{
    if (plus) {
        struct fuse_entry_param entry;
        describe_entry(tree_of(req), listing, listed, &entry);
        return fuse_add_direntry_plus(req, out, room, listed->name, &entry, next);
    }
    struct stat attributes = {.st_ino = node_pack(listed->node),
                              .st_mode = tree_rows[listed->node.row].mode};
    return fuse_add_direntry(req, out, room, listed->name, &attributes, next);
}

static void list(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                 struct fuse_file_info *fi, bool plus)
{
    struct listing *listing = (struct listing *)(uintptr_t)fi->fh;
    if ((offset == 0 || !listing->taken) &&
        listing_take(tree_of(req), listing, node_unpack(number)) < 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    cleanup(free) char *out = malloc(size);
    if (!out) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    size_t used = 0, fixed = fixed_count(listing);
    struct listed listed;
    for (size_t i = (size_t)offset; listing_at(listing, fixed, i, &listed); i++) {
        size_t entry =
            put_entry(req, out + used, size - used, listing, &listed, (off_t)i + 1, plus);
        if (entry > size - used)
            break;
        used += entry;
    }
    fuse_reply_buf(req, out, used);
}

static void listing_free(struct tree *tree, struct opened *opened)
{
    (void)tree;
    struct listing *listing = (struct listing *)opened;
    listing_clear(listing);
    free(listing);
}

void view_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    (void)number;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    fi->fh = (uintptr_t)listing;
    /* The kernel drops what it kept when the directory's mtime is another. */
    fi->cache_readdir = 1;
    fi->keep_cache = 1;
    notifier_settle(tree_of(req)->notifier);
    struct tree *tree = tree_of(req);
    tree_opened(tree, &listing->opened, listing_free);
    if (fuse_reply_open(req, fi) == -ENOENT) {
        tree_released(tree, &listing->opened);
        free(listing);
    }
}

void view_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi)
{
    list(req, number, size, offset, fi, false);
}

void view_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    list(req, number, size, offset, fi, true);
}

void view_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    (void)number;
    struct listing *listing = (struct listing *)(uintptr_t)fi->fh;
    tree_released(tree_of(req), &listing->opened);
    listing_free(tree_of(req), &listing->opened);
    fuse_reply_err(req, 0);
}
