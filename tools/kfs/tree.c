/* Paths, reading and listing in the mounted tree. */
#include "tools/kfs/tree.h"

#include "backend/base/file.h"
#include "tools/kfs/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_component(const char *part)
{
    return *part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0 && !strchr(part, '/');
}

static char *path_of(struct error **err, const char *first, va_list parts)
{
    cleanup(free) char *mount = mounts_find(err);
    if (!mount)
        return NULL;
    cleanup(buf_done) struct buf path = BUF_INIT(PATH_MAX);
    buf_puts(&path, mount);
    for (const char *part = first; part; part = va_arg(parts, const char *)) {
        if (!is_component(part)) {
            error_set(err, EINVAL, "%s: not a name", part);
            return NULL;
        }
        buf_putc(&path, '/');
        buf_puts(&path, part);
    }
    return buf_steal(&path, err);
}

static int open_path(struct error **err, int flags, const char *first, va_list parts)
{
    cleanup(free) char *path = path_of(err, first, parts);
    if (!path)
        return -1;
    int fd = open(path, flags | O_CLOEXEC);
    return fd >= 0 ? fd : error_system(err, "%s", path);
}

char *tree_path(struct error **err, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    char *path = path_of(err, first, parts);
    va_end(parts);
    return path;
}

int tree_open(struct error **err, int flags, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    int fd = open_path(err, flags, first, parts);
    va_end(parts);
    return fd;
}

/* Until the end of the file. */
static int copy_out(int fd, struct error **err)
{
    char bytes[1 << 16];
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got == 0)
            return 0;
        if (got < 0)
            return error_system(err, "cannot read");
        if (file_write_all(STDOUT_FILENO, bytes, (size_t)got) < 0)
            return error_system(err, "standard output");
    }
}

int tree_print(struct error **err, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    cleanup(close) int fd = open_path(err, O_RDONLY, first, parts);
    va_end(parts);
    return fd < 0 ? -1 : copy_out(fd, err);
}

int tree_read(struct error **err, struct buf *out, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    cleanup(free) char *path = path_of(err, first, parts);
    va_end(parts);
    if (!path || file_read(AT_FDCWD, path, out, err) < 0)
        return -1;
    if (out->length && out->data[out->length - 1] == '\n')
        buf_truncate(out, out->length - 1);
    return 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int tree_list(struct error **err, char ***ret_names, size_t *ret_count, const char *first, ...)
{
    va_list parts;
    va_start(parts, first);
    cleanup(free) char *path = path_of(err, first, parts);
    va_end(parts);
    if (!path)
        return -1;
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, alphasort);
    if (count < 0)
        return error_system(err, "%s", path);
    char **names = calloc((size_t)count + 1, sizeof *names);
    for (int i = 0; i < count; i++) {
        if (names)
            names[i] = strdup(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (!names)
        return error_set(err, ENOMEM, "out of memory");
    *ret_names = names;
    *ret_count = (size_t)count;
    return 0;
}

void tree_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
