/* What the files that serve real files share: those below the directories that the engine gives for
 * plan/, files/ and root/. */
#ifndef KFS_REAL_FILES_H
#define KFS_REAL_FILES_H

#include "kfs/commit.h"
#include "kfs/real_nodes.h"
#include "kfs/tree_int.h"

/* How the real files below one of the tree's directories are treated. */
struct real_policy {
    /* Which files directly in it are run when they have been written. NULL: none. */
    bool (*acts)(const char *name);
    /* Whether a directory directly in it may bear the name, and only directories may be made there.
     * NULL: anything may. */
    int (*check)(const char *name, struct error **err);
    /* What is directly in it by this name, or is below that, was changed by somebody. NULL: nobody
     * wants to know. */
    void (*changed)(struct tree *tree, uint64_t top, const char *name);
    double cache_seconds;     /* how long attributes hold */
    bool root;                /* it is a root of its own, of a system that changes by itself */
    off_t file_max, acts_max; /* how large files may grow, bytes; EFBIG beyond */
};
extern const struct real_policy real_plan;
extern const struct real_policy real_artifacts;
extern const struct real_policy real_root;

/* An open file. */
struct real_handle {
    struct opened opened; /* first: the two are converted into each other */
    int fd;
    struct real_open open;       /* what real_nodes knows of it */
    uid_t uid;                   /* of who opened it */
    pthread_mutex_t commit_lock; /* guards commit */
    struct commit commit;
};

/* ---- real_path.c: from inode numbers to real files. Nothing of this leaves the top, whatever
 * links are in it. ---- */

/* Where the file or directory is. */
int real_locate(struct tree *tree, uint64_t number, struct real_place *ret, struct error **err);
/* A descriptor of it, opened with flags. */
int real_open_at(struct tree *tree, const struct real_place *place, int flags, struct error **err);
/* A descriptor of the file itself, for looking at it and changing its attributes; also while it is
 * open and has no place any more. *ret has an empty path then. */
int real_open_self(struct tree *tree, uint64_t number, struct real_place *ret, struct error **err);
/* The same of a directory, in which names are to be made, looked up or removed. Refuses names that
 * are too long. Fills *ret with its place. */
int real_open_directory(struct tree *tree, uint64_t number, const char *name,
                        struct real_place *ret, struct error **err);
/* The serial of a directory as real_nodes knows it. */
uint64_t real_serial(uint64_t number);
/* The same as an inode number. */
uint64_t real_number(uint64_t serial);
const struct real_policy *real_policy(const struct real_place *place);
/* Whether a file or directory may be made by this name there. */
int real_may_make(const struct real_place *directory, bool is_directory, const char *name,
                  struct error **err);
/* It, or what is in it by `name` (NULL: itself), was changed. */
void real_changed(struct tree *tree, const struct real_place *place, const char *name);
/* The most bytes that the file may have. */
off_t real_limit(const struct real_place *place);
/* Whether writing the file is a plan that is to run. */
bool real_acts(const struct real_place *place);
/* What is shown of a real file's attributes. */
void real_attributes(const struct tree *tree, uint64_t number, struct stat *attributes);

/* ---- real_commit.c ---- */

/* The file has been written. If it acts, it is run; req is answered then (FLUSH), or at once.
 * req may be NULL. */
void real_written_flush(fuse_req_t req, struct tree *tree, uint64_t number, uid_t uid);
/* The same for a rename, which has been done and is answered with success whatever becomes of the
 * plan. */
void real_written_rename(fuse_req_t req, const struct real_place *directory, uint64_t parent,
                         const char *name);
/* Whether the close(2) that is told by this request ends the writing. */
bool real_flush_commits(fuse_req_t req, struct real_handle *handle);
void real_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void real_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi);

/* ---- real_names.c, real_files.c, real_directory.c: the handlers ---- */

void real_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void real_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void real_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void real_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void real_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name);
void real_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void real_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void real_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                 const char *new_name, unsigned flags);
void real_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *fi);
void real_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void real_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi);
void real_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi);
void real_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);

/* Answers with the open file and takes fd over. entry: of CREATE, else NULL. changed: opening it
 * has changed it, and that counts as written. Whether the kernel may keep pages of it is the
 * caller's to say in fi. */
void real_reply_open(fuse_req_t req, uint64_t number, int fd, struct fuse_file_info *fi,
                     const struct fuse_entry_param *entry, bool changed);
/* Something was written, or changed that goes with what is. */
void real_touched(struct real_handle *handle);
/* What setattr does, `what` being FUSE_SET_ATTR_…. */
int real_set_attributes(struct tree *tree, uint64_t number, const struct stat *wanted, int what,
                        const struct fuse_file_info *fi, struct error **err);
/* Fills *ret for the name in a directory that is open, and counts its node. */
int real_entry(struct tree *tree, int directory, const struct real_place *place, uint64_t parent,
               const char *name, struct fuse_entry_param *ret, struct error **err);

#endif
