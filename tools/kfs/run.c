/*
 * run: has an enclave run something, shows the run's output as it grows, and ends as the run ends.
 *
 * A script of this machine is copied into a directory of the enclave's plan/ (where nothing runs by
 * being written); a package directory is named by its absolute path; a github.com locator goes as
 * it is. Then one line is written to the enclave's `run` file.
 */
#include "tools/kfs/command.h"

#include "backend/base/file.h"
#include "tools/kfs/order.h"
#include "tools/kfs/tree.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPTS ".run" /* in plan/: where scripts and packages are copied to */

enum {
    OUTPUT_INTERVAL = 100 /* ms between two looks at the output */
};

/* ---- what to run */

/* The enclave is made if it is not there, as `kurtosis run` does. */
static int make_enclave(const char *name, struct error **err)
{
    cleanup(free) char *path = tree_path(err, "enclaves", name, NULL);
    if (!path)
        return -1;
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return error_system(err, "%s", path);
    return 0;
}

/* Runs a program of the system and waits for it; it has said on standard error what went wrong. */
static int call(const char *const *argv, struct error **err)
{
    pid_t child;
    int status;
    int failure = posix_spawnp(&child, argv[0], NULL, NULL, (char *const *)argv, environ);
    if (failure)
        return error_set(err, failure, "cannot run %s", argv[0]);
    if (waitpid(child, &status, 0) < 0)
        return error_system(err, "cannot wait for %s", argv[0]);
    return status == 0 ? 0 : error_set(err, EIO, "%s failed", argv[0]);
}

/* Copies a script or a package to plan/.run/NAME, in place of an older copy; gives how the run file
 * names it. */
static char *copy_in(const char *enclave, const char *source, struct error **err)
{
    cleanup(free) char *path = realpath(source, NULL);
    cleanup(free) char *dir = tree_path(err, "enclaves", enclave, "plan", SCRIPTS, NULL);
    cleanup(free) char *target = NULL;
    if (!path)
        error_system(err, "%s", source);
    if (!path || !dir || asprintf(&target, "%s/%s", dir, basename(path)) < 0)
        return NULL;
    const char *make[] = {"mkdir", "-p", "--", dir, NULL};
    const char *clear[] = {"rm", "-rf", "--", target, NULL};
    const char *copy[] = {"cp", "-rT", "--", path, target, NULL};
    if (call(make, err) < 0 || call(clear, err) < 0 || call(copy, err) < 0)
        return NULL;
    char *locator;
    return asprintf(&locator, "./" SCRIPTS "/%s", basename(path)) < 0 ? NULL : locator;
}

/* How the run file names what the user named. */
static char *locate(const char *enclave, const char *named, struct error **err)
{
    if (access(named, F_OK) < 0)
        return strdup(named);
    return copy_in(enclave, named, err);
}

/* Writes the line; number gets the run that it made. */
static int submit(const char *enclave, const char *line, char *number, size_t size,
                  struct error **err)
{
    cleanup(close) int fd = tree_open(err, O_WRONLY, "enclaves", enclave, "run", NULL);
    if (fd < 0)
        return -1;
    if (file_write_all(fd, line, strlen(line)) < 0 || close(steal_fd(&fd)) < 0) {
        cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
        int code = errno;
        if (tree_read(NULL, &reason, "enclaves", enclave, "error", NULL) < 0 || !reason.length)
            return errno = code, error_system(err, "%s does not run it", enclave);
        return error_set(err, code, "%s", reason.data);
    }
    cleanup(free) char *last = tree_path(err, "enclaves", enclave, "runs", "last", NULL);
    ssize_t length = last ? readlink(last, number, size - 1) : -1;
    if (length < 0)
        return error_system(err, "%s has no run", enclave);
    number[length] = '\0';
    return 0;
}

/* ---- following it */

/* A process that ends when the run has ended. */
static pid_t start_waiter(const char *enclave, const char *number)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    char bytes[256];
    int fd = tree_open(NULL, O_RDONLY, "enclaves", enclave, "runs", number, "wait", NULL);
    bool succeeded = fd >= 0 && read(fd, bytes, sizeof bytes) > 0;
    _exit(succeeded ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void copy_growth(int fd)
{
    char bytes[1 << 16];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        if (file_write_all(STDOUT_FILENO, bytes, (size_t)got) < 0)
            return;
}

/* Shows the output until the run has ended; 0 if it succeeded. */
static int follow(const char *enclave, const char *number, struct error **err)
{
    cleanup(close) int output =
        tree_open(err, O_RDONLY, "enclaves", enclave, "runs", number, "output", NULL);
    if (output < 0)
        return -1;
    pid_t waiter = start_waiter(enclave, number);
    cleanup(close) int ended = waiter < 0 ? -1 : pidfd_open(waiter, 0);
    if (ended < 0)
        return error_system(err, "cannot wait for the run");
    struct pollfd wait = {.fd = ended, .events = POLLIN};
    while (poll(&wait, 1, OUTPUT_INTERVAL) == 0)
        copy_growth(output);
    copy_growth(output);
    int status;
    if (waitpid(waiter, &status, 0) < 0)
        return error_system(err, "cannot wait for the run");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int command_run(int argc, char **argv, struct error **err)
{
    char number[32];
    cleanup(order_done) struct order order;
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_DOCUMENT);
    if (order_parse(argc - 2, argv + 2, &order, err) < 0)
        return COMMAND_MISUSED;
    if (order.package_mirror) {
        error_set(err, EINVAL, "--package-mirror is an option of kfs plan, and of kfsd for runs");
        return COMMAND_MISUSED;
    }
    if (make_enclave(argv[1], err) < 0)
        return EXIT_FAILURE;
    cleanup(free) char *locator = locate(argv[1], order.locator, err);
    if (!locator)
        return EXIT_FAILURE;
    order_put_line(&order, locator, &line);
    if (buf_check(&line, err) < 0 || submit(argv[1], line.data, number, sizeof number, err) < 0)
        return EXIT_FAILURE;
    if (follow(argv[1], number, err) == 0)
        return EXIT_SUCCESS;
    cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
    if (tree_read(err, &reason, "enclaves", argv[1], "runs", number, "error", NULL) == 0)
        error_set(err, EIO, "run %s failed: %s", number, reason.data);
    return EXIT_FAILURE;
}
