/* What the files that serve views share. */
#ifndef KFS_VIEW_H
#define KFS_VIEW_H

#include "kfs/commit.h"
#include "kfs/tree_int.h"
#include "kfs/watch.h"

#define VIEW_READ_ONLY "it shows what the engine knows and cannot be written, by nobody"

/* An open view. The facts of the time of opening stay with it, so that it can be read after its
 * object has gone. */
struct view_handle {
    struct opened opened;   /* first: the two are converted into each other */
    atomic_uint references; /* work that was interrupted may outlive the open file */
    struct subject subject;
    int fd;                 /* of a row with a file behind it; else -1 */
    atomic_llong caught_up; /* monotonic: when a file that must be brought up to date last was */
    struct watch watch;     /* of a row that is polled */
    atomic_llong seen;      /* likewise: where the last read ended */
    pthread_mutex_t answer_lock;
    struct buf answer; /* of a row that waits: what reading gives once it is known */
    bool answered;

    /* of a document that is open for writing */
    bool writes;
    uid_t uid;
    pthread_mutex_t document_lock; /* guards the two below */
    struct buf document;
    struct commit commit;
};

/* With one reference. Fails with ENOENT, or with what the file behind it fails with. [waits] if the
 * row's back does. */
struct view_handle *view_handle_new(struct tree *tree, struct node node, struct error **err);
/* Answers with the open file, which the kernel holds from then on, unless nobody wants it. */
void view_handle_reply(fuse_req_t req, struct view_handle *handle, struct fuse_file_info *fi);
struct view_handle *view_handle_ref(struct view_handle *handle);
void view_handle_unref(struct view_handle *handle);
CLEANUP_DEFINE(view_handle_unref, struct view_handle *)
/* Brings the file behind an open view up to date: also to another file, if the engine has begun a
 * new one. [waits] if the row's back does. */
int view_handle_catch_up(struct view_handle *handle, unsigned row, struct error **err);

/* view_lookup.c */
void view_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void view_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void view_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                  struct fuse_file_info *fi);
void view_readlink(fuse_req_t req, fuse_ino_t number);
/* Fills *ret for a file found, and whether and how long it may be cached; `sequence` is of before
 * its facts were taken. */
int view_entry(struct tree *tree, struct node node, const struct subject *subject,
               uint64_t sequence, struct fuse_entry_param *ret, struct error **err);

/* view_directory.c */
void view_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void view_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi);
void view_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi);
void view_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);

/* view_file.c */
void view_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void view_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
               struct fuse_file_info *fi);
void view_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size, off_t offset,
                struct fuse_file_info *fi);
void view_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void view_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void view_poll(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
               struct fuse_pollhandle *poll);
/* The part of a text that a read asks for, as the answer. */
void view_reply_slice(fuse_req_t req, const struct buf *text, size_t size, off_t offset);

/* view_late.c: the same for a file that must be waited for */
void view_getattr_late(fuse_req_t req, struct node node, struct view_handle *handle);
void view_open_late(fuse_req_t req, struct node node, const struct fuse_file_info *fi);
void view_read_late(fuse_req_t req, struct node node, struct view_handle *handle, size_t size,
                    off_t offset);
void view_write_late(fuse_req_t req, struct node node, const char *text, size_t size);

/* view_document.c: files that are written in any pieces and act when they have been written */
void document_open(fuse_req_t req, struct view_handle *handle, struct node node, int flags);
void document_read(fuse_req_t req, struct view_handle *handle, size_t size, off_t offset);
void document_write(fuse_req_t req, struct node node, struct view_handle *handle, const char *bytes,
                    size_t size, off_t offset);
/* Sets the length of what has been written. */
void document_cut(struct view_handle *handle, off_t size);
void document_flush(fuse_req_t req, struct node node, struct view_handle *handle);
/* What was not committed by a flush is now, with nobody to answer. */
void document_release(struct tree *tree, struct node node, struct view_handle *handle);

/* view_change.c */
void view_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void view_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void view_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void view_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                 const char *new_name, unsigned flags);
void view_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *fi);
void view_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void view_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void view_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name);

/* The node of `name` in the directory, with ROW_NONE if there is none. */
struct node view_find(struct tree *tree, struct node directory, const struct subject *subject,
                      const char *name);

#endif
