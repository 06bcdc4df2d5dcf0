/* What the files that serve plan/ share: real files, below the directory that the engine gives. */
#ifndef KFS_PLAN_FILES_H
#define KFS_PLAN_FILES_H

#include "kfs/commit.h"
#include "kfs/plan_nodes.h"
#include "kfs/tree_int.h"

/* How large files may grow; EFBIG beyond. A script is read into memory whole. */
#define PLAN_SCRIPT_MAX_BYTES ((off_t)4 << 20)
#define PLAN_FILE_MAX_BYTES   ((off_t)64 << 20)

/* An open file. */
struct plan_handle {
    int fd;
    struct plan_open open;       /* what plan_nodes knows of it */
    uid_t uid;                   /* of who opened it */
    pthread_mutex_t commit_lock; /* guards commit */
    struct commit commit;
};

/* ---- plan_path.c: from inode numbers to real files. Nothing of this leaves plan/, whatever links
 * are in it. ---- */

/* Where the file or directory is. */
int plan_locate(struct tree *tree, uint64_t number, struct plan_place *ret, struct error **err);
/* A descriptor of it, opened with flags. */
int plan_open_at(struct tree *tree, const struct plan_place *place, int flags, struct error **err);
/* A descriptor of the file itself, for looking at it and changing its attributes; also while it is
 * open and has no place any more. *ret has an empty path then. */
int plan_open_self(struct tree *tree, uint64_t number, struct plan_place *ret, struct error **err);
/* The same of a directory, in which names are to be made, looked up or removed. Refuses names that
 * are too long. Fills *ret with its place. */
int plan_open_directory(struct tree *tree, uint64_t number, const char *name,
                        struct plan_place *ret, struct error **err);
/* The serial of a directory as plan_nodes knows it. */
uint64_t plan_serial(uint64_t number);
/* The same as an inode number. */
uint64_t plan_number(uint64_t serial);
/* The most bytes that the file may have. */
off_t plan_limit(const struct plan_place *place);
/* Whether writing the file is a plan that is to run. */
bool plan_acts(const struct plan_place *place);
/* What is shown of a real file's attributes. */
void plan_attributes(const struct tree *tree, uint64_t number, struct stat *attributes);

/* ---- plan_commit.c ---- */

/* The file has been written. If it acts, it is run; req is answered then (FLUSH), or at once.
 * req may be NULL. */
void plan_written_flush(fuse_req_t req, struct tree *tree, uint64_t number, uid_t uid);
/* The same for a rename, which has been done and is answered with success whatever becomes of the
 * plan. */
void plan_written_rename(fuse_req_t req, const struct plan_place *directory, uint64_t parent,
                         const char *name);
void plan_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void plan_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi);

/* ---- plan_names.c, plan_files.c, plan_directory.c: the handlers ---- */

void plan_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void plan_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void plan_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void plan_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void plan_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name);
void plan_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void plan_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void plan_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                 const char *new_name, unsigned flags);
void plan_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *fi);
void plan_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void plan_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi);
void plan_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi);
void plan_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);

/* Answers with the open file and takes fd over. entry: of CREATE, else NULL. */
void plan_reply_open(fuse_req_t req, uint64_t number, int fd, struct fuse_file_info *fi,
                     const struct fuse_entry_param *entry);
/* Fills *ret for the name in a directory that is open, and counts its node. */
int plan_entry(struct tree *tree, int directory, const struct plan_place *place, uint64_t parent,
               const char *name, struct fuse_entry_param *ret, struct error **err);

#endif
