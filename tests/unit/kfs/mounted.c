/* Mounting for tests. */
#include "tests/unit/kfs/mounted.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <cmocka.h>

enum {
    SKIPPED = 77,
    READ_MAX = 1 << 20
};

static char base[] = "/tmp/kfs-test-XXXXXX";

int mounted_run(int (*tests)(void))
{
    if (access("/dev/fuse", R_OK | W_OK) < 0)
        return SKIPPED;
    if (!mkdtemp(base))
        return EXIT_FAILURE;
    pid_t child = fork();
    if (child == 0)
        exit(tests());
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    char path[128];
    for (unsigned i = 0; i < 64; i++) {
        snprintf(path, sizeof path, "%s/%u/mnt", base, i);
        umount2(path, MNT_DETACH);
    }
    file_remove_tree(AT_FDCWD, base, NULL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static void *serve(void *argument)
{
    struct mounted *mounted = argument;
    tree_serve(mounted->tree, NULL);
    return NULL;
}

struct mounted *mounted_new(void)
{
    static unsigned made;
    struct mounted *mounted = calloc(1, sizeof *mounted);
    cleanup(error_free) struct error *failure = NULL;
    char state[80];
    assert_non_null(mounted);
    snprintf(mounted->directory, sizeof mounted->directory, "%s/%u", base, made++);
    snprintf(mounted->path, sizeof mounted->path, "%s/mnt", mounted->directory);
    snprintf(state, sizeof state, "%s/state", mounted->directory);
    assert_int_equal(file_make_dirs(AT_FDCWD, mounted->path, NULL), 0);
    mounted->engine = engine_new(&(struct engine_options){.state_dir = state}, NULL, &failure);
    mounted->tree = tree_new(
        mounted->engine, &(struct tree_options){.mount_point = mounted->path, .uid = -1, .gid = -1},
        &failure);
    if (!mounted->tree)
        fail_msg("%s", error_message(failure));
    assert_int_equal(pthread_create(&mounted->server, NULL, serve, mounted), 0);
    /* An answer shows that serving has begun, so that a signal to the server ends it and not us. */
    struct statfs answered;
    assert_int_equal(statfs(mounted->path, &answered), 0);
    return mounted;
}

void mounted_free(struct mounted *mounted)
{
    kill(getpid(), SIGTERM); /* any thread may take it */
    pthread_join(mounted->server, NULL);
    tree_free(mounted->tree);
    engine_free(mounted->engine);
    free(mounted);
}

const char *mounted_path(const struct mounted *mounted, const char *format, ...)
{
    static __thread char buffers[4][512];
    static __thread unsigned next;
    char *path = buffers[next++ % ARRAY_LENGTH(buffers)];
    int length = snprintf(path, sizeof buffers[0], "%s/", mounted->path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, sizeof buffers[0] - (size_t)length, format, arguments);
    va_end(arguments);
    return path;
}

char *mounted_read(const struct mounted *mounted, const char *path)
{
    struct buf text = BUF_INIT(READ_MAX);
    cleanup(error_free) struct error *failure = NULL;
    if (file_read(AT_FDCWD, mounted_path(mounted, "%s", path), &text, &failure) < 0)
        fail_msg("%s", error_message(failure));
    buf_append(&text, "", 0);
    char *copy = strdup(text.data);
    buf_done(&text);
    return copy;
}

void mounted_expect(const struct mounted *mounted, const char *path, const char *text)
{
    cleanup(free) char *found = mounted_read(mounted, path);
    if (strcmp(found, text) != 0)
        fail_msg("%s says '%s' instead of '%s'", path, found, text);
}

int mounted_write(const struct mounted *mounted, const char *path, const char *text)
{
    int fd = open(mounted_path(mounted, "%s", path), O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return code;
}

int mounted_shell(const struct mounted *mounted, const char *command)
{
    pid_t child = fork();
    if (child == 0) {
        if (chdir(mounted->path) == 0)
            execl("/bin/bash", "bash", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

uint64_t mounted_requests(const struct mounted *mounted)
{
    uint64_t all = 0;
    for (int request = 0; request < TREE_REQUEST_MAX; request++)
        if (request != TREE_FORGET && request != TREE_RELEASE && request != TREE_RELEASEDIR)
            all += tree_request_count(mounted->tree, (enum tree_request)request);
    return all;
}
