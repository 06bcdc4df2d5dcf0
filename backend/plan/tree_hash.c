/* A digest of a tree of files. */
#include "backend/plan/tree_hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
    DEPTH_MAX = 64,
    PATH_MAX_TEXT = 4096
};

struct tree_digest tree_digest_begin(void)
{
    return (struct tree_digest){.a = UINT64_C(0xcbf29ce484222325), .b = 1};
}

static void add(struct tree_digest *digest, const void *data, size_t length)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < length; i++) {
        digest->a = (digest->a ^ at[i]) * UINT64_C(0x100000001b3);
        digest->b = (digest->b + at[i]) * UINT64_C(0x9e3779b97f4a7c15);
        digest->b ^= digest->b >> 29;
    }
}

static void add_number(struct tree_digest *digest, uint64_t number)
{
    add(digest, &number, sizeof number);
}

static int add_link(struct tree_digest *digest, int dir_fd, const char *name, struct error **err)
{
    char target[PATH_MAX_TEXT];
    ssize_t length = readlinkat(dir_fd, name, target, sizeof target);
    if (length < 0)
        return error_system(err, "cannot read the link %s", name);
    add(digest, target, (size_t)length);
    return 0;
}

static int add_file(struct tree_digest *digest, int dir_fd, const char *name, struct error **err)
{
    char piece[64 << 10];
    ssize_t got;
    cleanup(close) int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_system(err, "cannot open %s", name);
    while ((got = read(fd, piece, sizeof piece)) > 0)
        add(digest, piece, (size_t)got);
    return got < 0 ? error_system(err, "cannot read %s", name) : 0;
}

int tree_digest_visit(void *context, const char *path, int dir_fd, const char *name,
                      const struct stat *status, struct error **err)
{
    struct tree_digest *digest = context;
    add(digest, path, strlen(path) + 1);
    add_number(digest, status->st_mode);
    if (S_ISLNK(status->st_mode))
        return add_link(digest, dir_fd, name, err);
    if (!S_ISREG(status->st_mode))
        return 0;
    add_number(digest, (uint64_t)status->st_size);
    return add_file(digest, dir_fd, name, err);
}

static int add_tree(struct tree_digest *digest, int dir_fd, const char *prefix, unsigned depth,
                    struct error **err);

static int add_entry(struct tree_digest *digest, int dir_fd, const char *prefix, const char *name,
                     unsigned depth, struct error **err)
{
    char path[PATH_MAX_TEXT];
    struct stat status;
    snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", name);
    if (fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return error_system(err, "cannot find %s", path);
    if (tree_digest_visit(digest, path, dir_fd, name, &status, err) < 0)
        return -1;
    if (!S_ISDIR(status.st_mode))
        return 0;
    cleanup(close) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot open %s", path)
                  : add_tree(digest, fd, path, depth + 1, err);
}

static int add_tree(struct tree_digest *digest, int dir_fd, const char *prefix, unsigned depth,
                    struct error **err)
{
    struct dirent **entries;
    int count = depth < DEPTH_MAX ? scandirat(dir_fd, ".", &entries, NULL, alphasort) : -1;
    int result = 0;
    if (depth >= DEPTH_MAX)
        return error_set(err, EINVAL, "%s: directories are nested too deeply", prefix);
    if (count < 0)
        return error_system(err, "cannot read %s", prefix);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (result == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            result = add_entry(digest, dir_fd, prefix, name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

int tree_digest_add(struct tree_digest *digest, int dir_fd, struct error **err)
{
    return add_tree(digest, dir_fd, "", 0, err);
}

char *tree_digest_end(const struct tree_digest *digest, struct error **err)
{
    char *text = NULL;
    if (asprintf(&text, "%016llx%016llx", (unsigned long long)digest->a,
                 (unsigned long long)digest->b) >= 0)
        return text;
    error_set(err, ENOMEM, "out of memory");
    return NULL;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *tree_hash(const char *path, struct error **err)
{
    struct tree_digest digest = tree_digest_begin();
    struct stat status;
    cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) < 0) {
        error_system(err, "cannot open %s", path);
        return NULL;
    }
    int result = S_ISDIR(status.st_mode)
                     ? tree_digest_add(&digest, fd, err)
                     : tree_digest_visit(&digest, last_name(path), AT_FDCWD, path, &status, err);
    return result < 0 ? NULL : tree_digest_end(&digest, err);
}
