/* A digest of a tree of files. */
#include "backend/plan/tree_hash.h"

#include "backend/base/uuid.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    DEPTH_MAX = 64
};

/* Two sums of 64 bits; to tell a changed tree from an unchanged one, not to withstand an attack. */
struct digest {
    uint64_t a, b;
};

static void add(struct digest *digest, const void *data, size_t length)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < length; i++) {
        digest->a = (digest->a ^ at[i]) * UINT64_C(0x100000001b3);
        digest->b = (digest->b + at[i]) * UINT64_C(0x9e3779b97f4a7c15);
        digest->b ^= digest->b >> 29;
    }
}

static void add_number(struct digest *digest, uint64_t number)
{
    add(digest, &number, sizeof number);
}

static int add_file(struct digest *digest, int fd, const char *name, struct error **err)
{
    char piece[64 << 10];
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0)
        add(digest, piece, (size_t)got);
    return got < 0 ? error_system(err, "cannot read %s", name) : 0;
}

static int add_entry(struct digest *digest, int dir, const char *name, unsigned depth,
                     struct error **err);

static int add_entries(struct digest *digest, int fd, const char *name, unsigned depth,
                       struct error **err)
{
    struct dirent **entries;
    int count = scandirat(fd, ".", &entries, NULL, alphasort), result = 0;
    if (count < 0)
        return error_system(err, "cannot read %s", name);
    for (int i = 0; i < count; i++) {
        const char *entry = entries[i]->d_name;
        if (result == 0 && strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0)
            result = add_entry(digest, fd, entry, depth, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int add_opened(struct digest *digest, int dir, const char *name, mode_t mode, unsigned depth,
                      struct error **err)
{
    cleanup(close) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_system(err, "cannot open %s", name);
    return S_ISDIR(mode) ? add_entries(digest, fd, name, depth + 1, err)
                         : add_file(digest, fd, name, err);
}

static int add_entry(struct digest *digest, int dir, const char *name, unsigned depth,
                     struct error **err)
{
    struct stat status;
    char target[4096];
    ssize_t length;
    if (depth > DEPTH_MAX)
        return error_set(err, EINVAL, "%s: directories are nested too deeply", name);
    if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(err, "cannot find %s", name);
    add(digest, name, strlen(name) + 1);
    add_number(digest, status.st_mode);
    add_number(digest, S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0);
    if (S_ISLNK(status.st_mode)) {
        length = readlinkat(dir, name, target, sizeof target);
        add(digest, target, length > 0 ? (size_t)length : 0);
        return 0;
    }
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        return 0;
    return add_opened(digest, dir, name, status.st_mode, depth, err);
}

char *tree_hash(const char *path, struct error **err)
{
    struct digest digest = {.a = UINT64_C(0xcbf29ce484222325), .b = 1};
    struct stat status;
    char *text = NULL;
    if (!path || stat(path, &status) < 0) {
        error_system(err, "cannot find %s", path ? path : "a file of the package");
        return NULL;
    }
    cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        error_system(err, "cannot open %s", path);
        return NULL;
    }
    /* Of the top only the content counts, and a file's name: that is what an artifact is made of.
     */
    if (S_ISREG(status.st_mode))
        add(&digest, strrchr(path, '/') ? strrchr(path, '/') : path,
            strlen(strrchr(path, '/') ? strrchr(path, '/') : path));
    int result = S_ISDIR(status.st_mode) ? add_entries(&digest, fd, path, 0, err)
                                         : add_file(&digest, fd, path, err);
    if (result < 0)
        return NULL;
    if (asprintf(&text, "%016llx%016llx", (unsigned long long)digest.a,
                 (unsigned long long)digest.b) < 0) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    return text;
}
