/* Starting, watching and ending confined children. */
#include "backend/plan/confined.h"

#include "backend/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

const struct confined_limits confined_default_limits = {
    .memory = UINT64_C(1) << 30,
    .cpu_seconds = 30,
    .silence = 60 * CLOCK_SECOND,
};

struct confined {
    pid_t pid; /* 0: has been waited for */
    int fd;
    struct confined_limits limits;
    const struct cancel *cancel;
};

static int spawn_with(struct confined *child, const char *program, int fd,
                      posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    char memory[24], cpu[24];
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)child->limits.memory);
    snprintf(cpu, sizeof cpu, "%u", child->limits.cpu_seconds);
    char *argv[] = {(char *)program, memory, cpu, NULL};
    char *environment[] = {NULL};
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_adddup2(actions, fd, FRAME_CHILD_FD);
    return failed ? failed
                  : posix_spawn(&child->pid, program, actions, attributes, argv, environment);
}

static int spawn(struct confined *child, const char *program, int fd, struct error **err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int failed = spawn_with(child, program, fd, &actions, &attributes);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed == 0)
        return 0;
    child->pid = 0;
    errno = failed;
    return error_system(err, "cannot start %s", program);
}

struct confined *confined_start(const char *program, const struct confined_limits *limits,
                                const struct cancel *cancel, struct error **err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_system(err, "cannot make a socket for the interpreter");
        return NULL;
    }
    struct confined *child = calloc(1, sizeof *child);
    if (child) {
        *child = (struct confined){.fd = pair[0], .limits = *limits, .cancel = cancel};
        if (spawn(child, program, pair[1], err) < 0) {
            free(child);
            child = NULL;
        }
    } else {
        error_set(err, ENOMEM, "out of memory");
    }
    close(pair[1]);
    if (!child)
        close(pair[0]);
    return child;
}

void confined_end(struct confined *child)
{
    if (!child)
        return;
    close(child->fd);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    free(child);
}

static int explain_signal(const struct confined *child, int signal, struct error **err)
{
    switch (signal) {
    case SIGXCPU:
        return error_set(err, EIO, "the script used more than %u seconds of processor time",
                         child->limits.cpu_seconds);
    case SIGSYS:
        return error_set(err, EIO,
                         "the interpreter tried to do what it may not do, and was killed");
    case SIGKILL:
        return error_set(err, EIO, "the interpreter was killed, by someone or for want of memory");
    default:
        return error_set(err, EIO, "the interpreter crashed (signal %d, %s)", signal,
                         sigdescr_np(signal));
    }
}

/* How it died, once its socket has closed. */
static int explain_death(struct confined *child, struct error **err)
{
    int status = 0;
    kill(child->pid, SIGCONT); /* a stopped one would never end */
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    if (WIFSIGNALED(status))
        return explain_signal(child, WTERMSIG(status), err);
    if (WEXITSTATUS(status) == 127)
        return error_set(err, EIO, "the interpreter could not be started");
    if (WEXITSTATUS(status) == 3)
        return error_set(err, EIO,
                         "the interpreter could not be confined; the kernel has to "
                         "support seccomp");
    return error_set(err, EIO, "the interpreter ended without an answer (status %d)",
                     WEXITSTATUS(status));
}

/* Waits until the child's socket can be read. */
static int wait_readable(void *context, struct error **err)
{
    struct confined *child = context;
    struct pollfd fds[] = {
        {.fd = child->fd, .events = POLLIN},
        {.fd = cancel_fd(child->cancel), .events = POLLIN},
    };
    int ready;
    do
        ready = poll(fds, 2, (int)(child->limits.silence / CLOCK_MILLISECOND));
    while (ready < 0 && errno == EINTR);
    if (cancel_fired(child->cancel))
        return error_set(err, ECANCELED, "cancelled");
    if (ready == 0)
        return error_set(err, ETIMEDOUT, "the interpreter has not answered for %lld seconds",
                         (long long)(child->limits.silence / CLOCK_SECOND));
    return 0;
}

int confined_send(struct confined *child, enum frame_kind kind, const json_t *json,
                  const void *bytes, size_t length, struct error **err)
{
    cleanup(error_free) struct error *reason = NULL;
    if (frame_send(child->fd, kind, json, bytes, length, &reason) == 0)
        return 0;
    if (error_code(reason) == EPIPE || error_code(reason) == ECONNRESET)
        return explain_death(child, err);
    return error_move(err, &reason);
}

int confined_receive(struct confined *child, struct frame *ret_frame, struct error **err)
{
    cleanup(error_free) struct error *reason = NULL;
    if (frame_receive(child->fd, wait_readable, child, ret_frame, &reason) == 0)
        return 0;
    if (error_code(reason) == ECONNRESET && child->pid > 0)
        return explain_death(child, err);
    if (error_code(reason) == EPROTO)
        return error_set(err, EIO, "the interpreter sent what is no message");
    return error_move(err, &reason);
}
