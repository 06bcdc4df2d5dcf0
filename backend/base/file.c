/* Whole-file operations relative to a directory. */
#include "backend/base/file.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int file_read_fd(int fd, const char *name, struct buf *buf, struct error **err)
{
    for (;;) {
        size_t room = buf->max - buf->length < 65536 ? buf->max - buf->length : 65536;
        char *end = buf_reserve(buf, room ? room : 1);
        if (!end)
            return error_set(err, EFBIG, "%s is larger than %zu bytes", name, buf->max);
        ssize_t got = read(fd, end, room ? room : 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_system(err, "cannot read %s", name);
        if (got == 0)
            return 0;
        buf_commit(buf, (size_t)got);
    }
}

int file_read(int dir, const char *name, struct buf *buf, struct error **err)
{
    cleanup(close) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_system(err, "cannot open %s", name);
    return file_read_fd(fd, name, buf, err);
}

int file_copy_range(int from, uint64_t offset, uint64_t length, int to)
{
    for (off_t at = (off_t)offset; length > 0;) {
        ssize_t copied = copy_file_range(from, &at, to, NULL, length, 0);
        if (copied == 0)
            errno = EIO; /* the file is shorter than it was said to be */
        if (copied <= 0)
            return -1;
        length -= (uint64_t)copied;
    }
    return 0;
}

int file_write_all(int fd, const void *data, size_t length)
{
    const char *next = data;
    while (length > 0) {
        ssize_t written = write(fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        next += written;
        length -= (size_t)written;
    }
    return 0;
}

int file_tail(int fd, unsigned lines, struct buf *out, struct error **err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_system(err, "cannot read the end of a file");
    size_t most = out->max - out->length;
    size_t size = (size_t)st.st_size < most ? (size_t)st.st_size : most;
    cleanup(free) char *text = malloc(size + 1);
    ssize_t got = text ? pread(fd, text, size, st.st_size - (off_t)size) : -1;
    if (got < 0)
        return error_system(err, "cannot read the end of a file");
    size_t start = (size_t)got;
    if (start > 0 && text[start - 1] == '\n')
        start--;
    for (unsigned seen = 0; start > 0; start--)
        if (text[start - 1] == '\n' && ++seen == lines)
            break;
    buf_append(out, text + start, (size_t)got - start);
    return 0;
}

/* ---- files that are being made ---- */

/* Makes an empty file under a name of its own. A file that is there has been left by a killed
 * process that had the same id. */
static int unfinished_open(int dir, char name[static 64])
{
    static atomic_uint counter;
    snprintf(name, 64, FILE_UNFINISHED ".%d.%u", (int)getpid(), counter++);
    return openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Gives the file its name, or removes it if it `failed` to become what it was to be. */
static int unfinished_settle(int dir, const char *unfinished, const char *name, bool failed,
                             struct error **err)
{
    if (!failed && renameat(dir, unfinished, dir, name) == 0)
        return 0;
    error_system(err, "cannot write %s", name);
    unlinkat(dir, unfinished, 0);
    return -1;
}

int file_write(int dir, const char *name, const void *data, size_t length, struct error **err)
{
    char unfinished[64];
    cleanup(close) int fd = unfinished_open(dir, unfinished);
    if (fd < 0)
        return error_system(err, "cannot create a file beside %s", name);
    return unfinished_settle(dir, unfinished, name, file_write_all(fd, data, length) < 0, err);
}

int file_temporary(int dir, struct error **err)
{
    char unfinished[64];
    int fd = unfinished_open(dir, unfinished);
    if (fd < 0)
        return error_system(err, "cannot create a temporary file");
    unlinkat(dir, unfinished, 0);
    return fd;
}

void file_sweep(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    cleanup(closedir) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; stream && (entry = readdir(stream));)
        if (strncmp(entry->d_name, FILE_UNFINISHED, strlen(FILE_UNFINISHED)) == 0)
            file_remove_tree(dirfd(stream), entry->d_name, NULL);
}

/* ---- files of lines ---- */

/* Where the newer part of about `keep` bytes begins: behind a newline. */
static uint64_t line_after(int fd, uint64_t from)
{
    char block[65536];
    ssize_t got = pread(fd, block, sizeof block, (off_t)from);
    const char *newline = got > 0 ? memchr(block, '\n', (size_t)got) : NULL;
    return newline ? from + (uint64_t)(newline + 1 - block) : from;
}

int file_drop_oldest(int dir, const char *name, uint64_t keep, uint64_t *ret_dropped,
                     struct error **err)
{
    struct stat st;
    *ret_dropped = 0;
    cleanup(close) int from = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0 || fstat(from, &st) < 0)
        return error_system(err, "cannot shorten %s", name);
    uint64_t size = (uint64_t)st.st_size;
    if (size <= keep)
        return 0;
    char unfinished[64];
    cleanup(close) int to = unfinished_open(dir, unfinished);
    if (to < 0)
        return error_system(err, "cannot shorten %s", name);
    uint64_t cut = line_after(from, size - keep);
    if (unfinished_settle(dir, unfinished, name, file_copy_range(from, cut, size - cut, to) < 0,
                          err) < 0)
        return -1;
    *ret_dropped = cut;
    return 0;
}

int file_append_lines(int dir, const char *name, const void *lines, size_t length, uint64_t max,
                      struct error **err)
{
    struct stat st;
    uint64_t dropped;
    cleanup(close) int fd =
        openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_system(err, "cannot write %s", name);
    if (file_write_all(fd, lines, length) < 0) {
        error_system(err, "cannot write %s", name);
        return ftruncate(fd, st.st_size) < 0 ? error_system(err, "cannot mend %s", name) : -1;
    }
    return (uint64_t)st.st_size + length > max ? file_drop_oldest(dir, name, max / 2, &dropped, err)
                                               : 0;
}

/* ---- directories ---- */

int file_make_dirs(int dir, const char *path, struct error **err)
{
    cleanup(free) char *copy = strdup(path);
    if (!copy)
        return error_set(err, ENOMEM, "out of memory");
    for (char *slash = copy + 1;; *slash++ = '/') {
        slash += strcspn(slash, "/");
        bool last = *slash == '\0';
        *slash = '\0';
        if (mkdirat(dir, copy, 0700) < 0 && errno != EEXIST)
            return error_system(err, "cannot make the directory %s", copy);
        if (last)
            return 0;
    }
}

int file_open_dir(int dir, const char *name, struct error **err)
{
    if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
        return error_system(err, "cannot make the directory %s", name);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? error_system(err, "cannot open the directory %s", name) : fd;
}

/* Removes what is in the directory `fd` refers to. Depth is bounded by the descriptors that a
 * process may hold. */
static int remove_content(int parent, const char *name, struct error **err)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    cleanup(closedir) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        error_system(err, "cannot open the directory %s", name);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            file_remove_tree(dirfd(stream), entry->d_name, err) < 0)
            result = -1;
    return result;
}

int file_remove_tree(int dir, const char *name, struct error **err)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return error_system(err, "cannot remove %s", name);
    /* A directory that its owner may not search cannot be emptied: give it the bits first. */
    fchmodat(dir, name, 0700, AT_SYMLINK_NOFOLLOW);
    int result = remove_content(dir, name, err);
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
        return error_system(err, "cannot remove the directory %s", name);
    return result;
}
