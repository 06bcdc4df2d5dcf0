/* Programs as children: posix_spawn, two pipes, and a pidfd to see the end. */
#include "backend/base/program.h"

#include "backend/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum {
    OUTPUT,
    ERRORS,
    ENDED,
    CANCEL,
    WATCHED
};

struct child {
    pid_t pid;
    int pidfd;
    int pipes[2]; /* what it writes: OUTPUT and ERRORS */
};

/* ---- starting ---- */

static int prepare_actions(posix_spawn_file_actions_t *actions, int output, int errors)
{
    int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, errors, 2);
    return code;
}

/* A session of its own, so that nothing asks on a terminal and one kill reaches all of it; and no
 * signal ignored or blocked that the caller has. */
static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID);
}

static int spawn(const struct program_request *request, int output, int errors, pid_t *ret_pid,
                 struct error **err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int code = prepare_actions(&actions, output, errors);
    if (code == 0)
        code = prepare_attributes(&attributes);
    /* posix_spawn takes the words as changeable for historical reasons, and does not change them.
     */
    if (code == 0)
        code = posix_spawnp(ret_pid, request->argv[0], &actions, &attributes,
                            (char *const *)(uintptr_t)request->argv,
                            (char *const *)(uintptr_t)request->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code == 0)
        return 0;
    errno = code;
    return error_system(err, "cannot run %s", request->argv[0]);
}

static int start(const struct program_request *request, struct child *child, struct error **err)
{
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    int status = -1;
    if (pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
        error_system(err, "cannot run %s", request->argv[0]);
    else
        status = spawn(request, output[1], errors[1], &child->pid, err);
    if (output[1] >= 0)
        close(output[1]);
    if (errors[1] >= 0)
        close(errors[1]);
    child->pipes[OUTPUT] = output[0];
    child->pipes[ERRORS] = errors[0];
    for (int i = 0; i < 2 && status == 0; i++)
        fcntl(child->pipes[i], F_SETFL, O_NONBLOCK);
    child->pidfd = status == 0 ? pidfd_open(child->pid, 0) : -1;
    if (status == 0 && child->pidfd < 0) { /* its end could not be seen */
        status = error_system(err, "cannot watch %s", request->argv[0]);
        kill(-child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    return status;
}

/* ---- waiting ---- */

/* Takes what there is to read; closes the pipe at its end. */
static void drain(int *pipe, struct buf *buf)
{
    char chunk[4096];
    ssize_t got = 0;
    while (*pipe >= 0 && (got = read(*pipe, chunk, sizeof chunk)) > 0)
        buf_append(buf, chunk, (size_t)got);
    if (*pipe >= 0 && got == 0) {
        close(*pipe);
        *pipe = -1;
    }
}

/* Waits for output, the end or the cancellation; whether the child has ended. */
static bool wait_some(const struct program_request *request, struct child *child)
{
    struct pollfd watched[WATCHED] = {
        [OUTPUT] = {.fd = child->pipes[OUTPUT], .events = POLLIN},
        [ERRORS] = {.fd = child->pipes[ERRORS], .events = POLLIN},
        [ENDED] = {.fd = child->pidfd, .events = POLLIN},
        [CANCEL] = {.fd = cancel_fd(request->cancel), .events = POLLIN},
    };
    int64_t left = request->deadline ? request->deadline - clock_monotonic() : CLOCK_SECOND;
    struct timespec timeout = clock_timespec(left > 0 ? left : 0);
    ppoll(watched, WATCHED, &timeout, NULL);
    return watched[ENDED].revents != 0;
}

static int why_stop(const struct program_request *request)
{
    if (cancel_fired(request->cancel))
        return ECANCELED;
    return request->deadline && clock_monotonic() >= request->deadline ? ETIMEDOUT : 0;
}

int program_run(const struct program_request *request, struct buf *output, struct buf *errors,
                int *ret_status, struct error **err)
{
    struct child child = {.pidfd = -1, .pipes = {-1, -1}};
    int started = start(request, &child, err);
    int stopped = 0;
    bool ended = started < 0;
    while (!ended && !stopped) {
        ended = wait_some(request, &child);
        drain(&child.pipes[OUTPUT], output);
        drain(&child.pipes[ERRORS], errors);
        stopped = ended ? 0 : why_stop(request);
    }
    if (started == 0) {
        kill(-child.pid, SIGKILL); /* helpers that it may have left, or all of it */
        while (waitpid(child.pid, ret_status, 0) < 0 && errno == EINTR)
            continue;
    }
    int *descriptors[] = {&child.pipes[OUTPUT], &child.pipes[ERRORS], &child.pidfd};
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++)
        if (*descriptors[i] >= 0)
            close(*descriptors[i]);
    if (stopped == ECANCELED)
        return error_set(err, ECANCELED, "%s was cancelled", request->argv[0]);
    if (stopped)
        return error_set(err, ETIMEDOUT, "%s did not end in time", request->argv[0]);
    return started;
}
