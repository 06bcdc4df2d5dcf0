/* A directory for one test, with files in it. */
#ifndef KFS_TESTS_UNIT_TOOLS_SCRATCH_H
#define KFS_TESTS_UNIT_TOOLS_SCRATCH_H

#include "backend/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

struct scratch {
    char path[64];
};

static inline void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof scratch->path, "/tmp/kfs-unit-XXXXXX");
    assert_non_null(mkdtemp(scratch->path));
}

static inline void scratch_remove(struct scratch *scratch)
{
    assert_int_equal(file_remove_tree(AT_FDCWD, scratch->path, NULL), 0);
}

/* Writes a file; its directories are made. */
static inline void scratch_put(const struct scratch *scratch, const char *name, const char *text,
                               mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", scratch->path, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(file_make_dirs(AT_FDCWD, path, NULL), 0);
    *slash = '/';
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(close(fd), 0);
}

#endif
