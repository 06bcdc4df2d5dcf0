/*
 * Small files of the state directory: whole reads, atomic writes, removal of trees. Nothing here
 * follows a symbolic link in the last component. Names are relative to a directory descriptor
 * (AT_FDCWD: the working directory).
 */
#ifndef KFS_BASE_FILE_H
#define KFS_BASE_FILE_H

#include "backend/base/buf.h"

#include <stdint.h>
#include <sys/types.h>

/* Appends the whole of the file to buf. EFBIG if it does not fit buf's maximum. */
int file_read(int dir, const char *name, struct buf *buf, struct error **err);
/* The same from an open file; name is what messages call it. */
int file_read_fd(int fd, const char *name, struct buf *buf, struct error **err);

/* Replaces the file by data in one step: a reader, or a process killed at any moment, sees the old
 * or the new content. Not flushed to the disk: what is promised is to survive the death of a
 * process. */
int file_write(int dir, const char *name, const void *data, size_t length, struct error **err);

/* Makes the directory and its missing parents, mode 0700. No error if it is there. */
int file_make_dirs(int dir, const char *path, struct error **err);

/* A descriptor of the directory name, made if missing (mode 0700). -1 on failure. */
int file_open_dir(int dir, const char *name, struct error **err);

/* Removes name and, if it is a directory, all that is in it. No error if it is not there. Goes on
 * past what fails. */
int file_remove_tree(int dir, const char *name, struct error **err);

/* Appends the last `lines` lines of the file to out, or as many as fit its maximum. */
int file_tail(int fd, unsigned lines, struct buf *out, struct error **err);

/* Appends `length` bytes of `from`, from `offset` on, to `to`. 0, or -1 with errno set. */
int file_copy_range(int from, uint64_t offset, uint64_t length, int to);

/* Writes all of data to fd, also when write(2) takes less at a time. 0, or -1 with errno set. */
int file_write_all(int fd, const void *data, size_t length);

#endif
