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

/* How the name of something begins that is being made. What a killed process left under such a name
 * means nothing. */
#define FILE_UNFINISHED ".new"

/* Removes everything unfinished from the directory name, if it is there. */
void file_sweep(int dir, const char *name);

/* Replaces the file by data in one step: a reader, or a process killed at any moment, sees the old
 * or the new content. Not flushed to the disk: what is promised is to survive the death of a
 * process. The unfinished file is in dir, also where name has directories in it. */
int file_write(int dir, const char *name, const void *data, size_t length, struct error **err);

/* Makes the directory and its missing parents, mode 0700. No error if it is there. */
int file_make_dirs(int dir, const char *path, struct error **err);

/* A descriptor of the directory name, made if missing (mode 0700). -1 on failure. */
int file_open_dir(int dir, const char *name, struct error **err);

/* Removes name and, if it is a directory, all that is in it. No error if it is not there. Goes on
 * past what fails. */
int file_remove_tree(int dir, const char *name, struct error **err);

/* Appends whole lines to a file (made if missing, mode 0600), and drops the older half of it when
 * it has passed max bytes. Of lines that cannot be written nothing stays. Callers take turns. */
int file_append_lines(int dir, const char *name, const void *lines, size_t length, uint64_t max,
                      struct error **err);

/* Drops the oldest lines of a file in one step, so that the newest `keep` bytes stay from the
 * beginning of a line on (from wherever it is if there is none within 64 KiB). Nothing is done to a
 * file that has no more. Who has the old file open keeps it. *ret_dropped: bytes. */
int file_drop_oldest(int dir, const char *name, uint64_t keep, uint64_t *ret_dropped,
                     struct error **err);

/* A new file in dir for reading and writing that has no name, so that it ends with the process. */
int file_temporary(int dir, struct error **err);

/* Appends the last `lines` lines of the file to out, or as many as fit its maximum. */
int file_tail(int fd, unsigned lines, struct buf *out, struct error **err);

/* Appends `length` bytes of `from`, from `offset` on, to `to`. 0, or -1 with errno set. */
int file_copy_range(int from, uint64_t offset, uint64_t length, int to);

/* Writes all of data to fd, also when write(2) takes less at a time. 0, or -1 with errno set. */
int file_write_all(int fd, const void *data, size_t length);

#endif
