/* fork, a pipe, and one datagram. */
#include "kfs/daemon.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* What the starter does: it reads a byte, or the end if the child died without one. */
static _Noreturn void await_child(int pipe_end, pid_t child)
{
    char byte;
    ssize_t got;
    while ((got = read(pipe_end, &byte, 1)) < 0 && errno == EINTR)
        continue;
    if (got == 1)
        _exit(EXIT_SUCCESS);
    int status;
    waitpid(child, &status, 0);
    _exit(EXIT_FAILURE);
}

int daemon_background(struct error **err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_system(err, "cannot make a pipe");
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return error_system(err, "cannot start the daemon's process");
    }
    if (child > 0) {
        close(ends[1]);
        await_child(ends[0], child);
    }
    close(ends[0]);
    setsid();
    return ends[1];
}

static void drop_terminal(void)
{
    cleanup(close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        if (dup2(null, fd) < 0)
            return;
}

/* sd_notify(3) in a few lines: one datagram to the socket that systemd names. */
static void tell_manager(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0'; /* an abstract name */
    cleanup(close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd >= 0)
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
}

void daemon_ready(int ready)
{
    tell_manager("READY=1");
    if (ready < 0)
        return;
    /* The state directory and the mount point may be relative no more. */
    if (chdir("/") == 0)
        drop_terminal();
    while (write(ready, "", 1) < 0 && errno == EINTR)
        continue;
    close(ready);
}

void daemon_stopping(void)
{
    tell_manager("STOPPING=1");
}
