/* Directories on their way to becoming artifacts. */
#include "backend/plan/staging.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct staging {
    char *path; /* of a directory of our own; NULL: someone else's */
    int fd;
};

static const char *temporary_root(void)
{
    const char *root = getenv("TMPDIR");
    return root && *root ? root : "/tmp";
}

static int open_dir(const char *path, struct error **err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot open %s", path) : fd;
}

static struct staging *staging_make(char *path, int fd, struct error **err)
{
    struct staging *staging = malloc(sizeof *staging);
    if (!staging) {
        error_set(err, ENOMEM, "out of memory");
        free(path);
        close(fd);
        return NULL;
    }
    *staging = (struct staging){.path = path, .fd = fd};
    return staging;
}

struct staging *staging_new(struct error **err)
{
    cleanup(free) char *path = NULL;
    if (asprintf(&path, "%s/kfs-artifact-XXXXXX", temporary_root()) < 0 || !mkdtemp(path)) {
        error_system(err, "cannot make a temporary directory in %s", temporary_root());
        return NULL;
    }
    int fd = open_dir(path, err);
    if (fd < 0 || fchmod(fd, 0755) < 0) {
        rmdir(path);
        return NULL;
    }
    return staging_make(steal(&path), fd, err);
}

void staging_free(struct staging *staging)
{
    if (!staging)
        return;
    close(staging->fd);
    if (staging->path)
        file_remove_tree(AT_FDCWD, staging->path, NULL);
    free(staging->path);
    free(staging);
}

int staging_fd(const struct staging *staging)
{
    return staging->fd;
}

static int make_parents(int dir, const char *path, struct error **err)
{
    cleanup(free) char *part = strdup(path);
    for (char *slash = part; slash && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (*part && mkdirat(dir, part, 0755) < 0 && errno != EEXIST)
            return error_system(err, "cannot make the directory %s", part);
        *slash = '/';
    }
    return 0;
}

int staging_write(int dir, const char *path, const void *data, size_t length, struct error **err)
{
    path += strspn(path, "/");
    if (make_parents(dir, path, err) < 0)
        return -1;
    cleanup(close) int fd =
        openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || fchmod(fd, 0644) < 0 || file_write_all(fd, data, length) < 0)
        return error_system(err, "cannot write %s", path);
    return 0;
}

struct staging *staging_of(int dir_fd, struct error **err)
{
    int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        error_system(err, "cannot use a directory again");
        return NULL;
    }
    return staging_make(NULL, fd, err);
}

void staging_trim_pattern(struct buf *path)
{
    if (path->length > 2 && strcmp(path->data + path->length - 2, "/*") == 0)
        buf_truncate(path, path->length - 2);
}
