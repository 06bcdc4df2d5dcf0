/* Running a credential helper: bounded in time and output, and never through a shell. */
#include "backend/docker/helper.h"

#include "backend/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HELPER_TIMEOUT (10 * CLOCK_SECOND)

static int helper_spawn(const char *program, const int in[2], const int out[2], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *const argv[] = {(char *)program, (char *)"get", NULL};
    int cause = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

/* Reads until the end of output, the time limit or a cancellation. */
static int helper_read(int fd, const char *program, const struct cancel *cancel, struct buf *output,
                       struct error **err)
{
    int64_t deadline = clock_monotonic() + HELPER_TIMEOUT;
    for (;;) {
        struct pollfd wait[] = {{.fd = fd, .events = POLLIN},
                                {.fd = cancel_fd(cancel), .events = POLLIN}};
        struct timespec timeout = clock_timespec(deadline - clock_monotonic());
        if (timeout.tv_sec < 0)
            return error_set(err, ETIMEDOUT, "%s took too long", program);
        if (ppoll(wait, 2, &timeout, NULL) < 0 && errno != EINTR)
            return error_system(err, "cannot wait for %s", program);
        if (cancel_fired(cancel))
            return error_set(err, ECANCELED, "cancelled");
        if (!wait[0].revents)
            continue;
        char *space = buf_reserve(output, 4096);
        ssize_t got = space ? read(fd, space, 4096) : -1;
        if (got <= 0)
            return got == 0 ? 0 : error_set(err, EIO, "%s put out too much", program);
        buf_commit(output, (size_t)got);
    }
}

/* Sockets and not pipes: a send to a program that is gone need not raise SIGPIPE. */
static int open_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int helper_converse(const char *program, const char *registry, const struct cancel *cancel,
                           struct buf *output, struct error **err)
{
    int in[2], out[2];
    if (open_pair(in) < 0)
        return error_system(err, "cannot make a pair of sockets");
    if (open_pair(out) < 0) {
        close(in[0]);
        close(in[1]);
        return error_system(err, "cannot make a pair of sockets");
    }
    pid_t pid = 0;
    int cause = helper_spawn(program, in, out, &pid);
    close(in[0]);
    close(out[1]);
    int result = cause == 0 ? 0 : error_set(err, ENOENT, "cannot run %s", program);
    if (cause == 0) /* a name of a registry fits the socket's buffer: this never waits */
        (void)send(in[1], registry, strlen(registry), MSG_NOSIGNAL);
    close(in[1]);
    if (cause == 0) {
        int status = 0;
        result = helper_read(out[0], program, cancel, output, err);
        if (result < 0)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        if (result == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            result = error_set(err, ENOENT, "%s has no credentials for %s", program, registry);
    }
    close(out[0]);
    return result;
}

int helper_get(const char *name, const char *registry, const struct orchestrator_call *call,
               struct buf *output, struct error **err)
{
    cleanup(free) char *program = NULL;
    if (!*name || strchr(name, '/'))
        return error_set(err, EINVAL, "'%s' is no name of a credential helper", name);
    if (asprintf(&program, "docker-credential-%s", name) < 0) {
        program = NULL;
        return error_set(err, ENOMEM, "out of memory");
    }
    return helper_converse(program, registry, call ? call->cancel : NULL, output, err);
}
