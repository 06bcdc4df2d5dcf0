/*
 * A tree over the engine in memory, mounted on a temporary directory and served by threads of the
 * test itself, so that a test can change the engine behind the tree's back and count requests.
 */
#ifndef KFS_TESTS_MOUNTED_H
#define KFS_TESTS_MOUNTED_H

#include "kfs/tree.h"
#include "tests/unit/kfs/fake_engine.h"

struct mounted {
    char directory[64]; /* holds the two below */
    char path[80];      /* the mount point */
    struct engine *engine;
    struct tree *tree;
    pthread_t server;
};

/* Runs the tests in a process of their own, so that a mount that a crash leaves is removed. Gives
 * what main() returns: 77 (skipped) where nothing can be mounted. */
int mounted_run(int (*tests)(void));

struct mounted *mounted_new(void);
void mounted_free(struct mounted *mounted);

/* The path of a file in the tree, in one of a few buffers that are used in turn. */
const char *mounted_path(const struct mounted *mounted, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What the file says, the caller's; fails the test if it cannot be read. */
char *mounted_read(const struct mounted *mounted, const char *path);
/* Fails the test unless the file says that. */
void mounted_expect(const struct mounted *mounted, const char *path, const char *text);
/* Writes text with one write(2). 0 or the errno. */
int mounted_write(const struct mounted *mounted, const char *path, const char *text);
/* Runs a shell command with the mount point as working directory; gives its exit status. */
int mounted_shell(const struct mounted *mounted, const char *command);

/* Requests of all kinds that make their sender wait: not forget and release. */
uint64_t mounted_requests(const struct mounted *mounted);

#endif
