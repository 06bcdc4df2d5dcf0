/* What stat(2) shows. */
#include "kfs/tree_int.h"

#include "backend/base/clock.h"

#include <string.h>

enum {
    BLOCK_BYTES = 512,
    IO_BYTES = 4096
};

void attributes_map_owner(const struct tree *tree, struct stat *attributes)
{
    if (tree->uid >= 0)
        attributes->st_uid = (uid_t)tree->uid;
    if (tree->gid >= 0)
        attributes->st_gid = (gid_t)tree->gid;
}

static void set_size(struct stat *attributes, off_t size)
{
    attributes->st_size = size;
    attributes->st_blocks = (size + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

void attributes_common(const struct tree *tree, struct node node, const struct subject *subject,
                       struct stat *ret)
{
    const struct row *row = &tree_rows[node.row];
    struct timespec changed = clock_timespec(subject_changed(subject, row->shows));
    *ret = (struct stat){
        .st_ino = node_pack(node),
        .st_mode = row->mode,
        /* 1 for a directory too: its subdirectories are not counted, as on btrfs. */
        .st_nlink = 1,
        .st_uid = subject->enclave ? subject->enclave->uid : geteuid(),
        .st_gid = subject->enclave ? subject->enclave->gid : getegid(),
        .st_blksize = IO_BYTES,
        .st_atim = changed,
        .st_mtim = changed,
        .st_ctim = changed,
    };
    if (row->owner_only)
        ret->st_mode = (row->mode & (mode_t)S_IFMT) | tree->enclave_mode;
    attributes_map_owner(tree, ret);
}

bool attributes_settled(const struct row *row, const struct subject *subject)
{
    if (row->grows || row->changes)
        return false;
    return !row->grows_in_run || subject->run->finished != 0;
}

/* Size and times of the real file; of a directory only the times. */
static int backed(const struct row *row, const struct subject *subject, struct stat *ret,
                  struct error **err)
{
    cleanup(close) int fd = row->back(subject, err);
    struct stat real;
    if (fd < 0)
        return -1;
    if (fstat(fd, &real) < 0)
        return error_system(err, "cannot look at the file");
    if (!S_ISDIR(row->mode))
        set_size(ret, real.st_size);
    /* What is measured anew at each look has no time of its last change: with that of the look, tar
     * would find each one changed as it reads. */
    if (!row->changes || S_ISDIR(row->mode))
        ret->st_atim = ret->st_mtim = ret->st_ctim = real.st_mtim;
    return 0;
}

int attributes_of(const struct tree *tree, struct node node, const struct subject *subject,
                  struct stat *ret, struct error **err)
{
    const struct row *row = &tree_rows[node.row];
    attributes_common(tree, node, subject, ret);
    if (row->back)
        return backed(row, subject, ret, err);
    /* What a waiting read will give is not known yet. */
    if (!row->render || row->waits)
        return 0;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    row->render(subject, &text);
    set_size(ret, (off_t)text.length);
    return buf_check(&text, err);
}
