/* Recovering from a daemon that was killed: its mount answers ENOTCONN to everything. */
#include "kfs/mount_point.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

enum {
    MOUNTS_ON_TOP_MAX = 16 /* dead mounts over each other that are still taken for an accident */
};

static int detach_by_helper(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-uz", "--", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0 ? 0 : -1;
}

static int detach(const char *path, struct error **err)
{
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        return 0;
    if (errno == EPERM && detach_by_helper(path) == 0)
        return 0;
    return error_set(err, EBUSY,
                     "a daemon that is gone left its mount on %s, and it cannot be unmounted: try "
                     "fusermount3 -uz %s",
                     path, path);
}

/* The path made absolute without looking at what is mounted there. */
static char *absolute_path(const char *path, struct error **err)
{
    char *absolute;
    cleanup(free) char *here = *path == '/' ? NULL : realpath(".", NULL);
    if (*path != '/' && !here) {
        error_system(err, "cannot find the working directory");
        return NULL;
    }
    if (asprintf(&absolute, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    for (size_t end = strlen(absolute); end > 1 && absolute[end - 1] == '/'; end--)
        absolute[end - 1] = '\0';
    return absolute;
}

/* Whether a kfs is mounted just there. /proc/self/mountinfo writes odd bytes of a path as octal
 * numbers; a path that has such bytes is only not told of here, and libfuse decides. */
static bool kfs_is_mounted(const char *path)
{
    cleanup(free) char *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    while (mounts && !found && getline(&line, &size, mounts) > 0) {
        char point[PATH_MAX] = "";
        found = strstr(line, " - fuse.kfs ") &&
                sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && strcmp(point, path) == 0;
    }
    if (mounts)
        fclose(mounts);
    return found;
}

/* A dead mount may still give its attributes, from the kernel's cache; statfs(2) always asks. */
static int probe(const char *path, struct stat *ret)
{
    struct statfs ignored;
    return statfs(path, &ignored) < 0 ? -1 : stat(path, ret);
}

char *mount_point_prepare(const char *path, struct error **err)
{
    cleanup(free) char *absolute = absolute_path(path, err);
    struct stat found;
    if (!absolute)
        return NULL;
    for (int i = 0; probe(absolute, &found) < 0; i++) {
        if (errno != ENOTCONN || i == MOUNTS_ON_TOP_MAX) {
            error_system(err, "cannot mount on %s", path);
            return NULL;
        }
        if (detach(absolute, err) < 0)
            return NULL;
    }
    if (!S_ISDIR(found.st_mode)) {
        error_set(err, ENOTDIR, "cannot mount on %s: it is not a directory", path);
        return NULL;
    }
    cleanup(free) char *real = realpath(absolute, NULL);
    if (real && kfs_is_mounted(real)) {
        error_set(err, EBUSY, "kfs is mounted on %s already", path);
        return NULL;
    }
    if (!real)
        error_system(err, "cannot mount on %s", path);
    return steal(&real);
}
