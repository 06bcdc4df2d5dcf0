/* fork, exec, and a wait that knows limits. Between fork and exec only what is safe after a fork of
 * a process with threads. */
#include "tools/test/process.h"

#include "backend/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define GRACE (2 * CLOCK_SECOND) /* between being asked to end and being killed */

/* ---- starting */

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Ends the child, telling the parent why by the errno. */
static void __attribute__((noreturn)) give_up(int report)
{
    int code = errno;
    ssize_t told = write(report, &code, sizeof code);
    _exit(told > 0 ? 127 : 126);
}

static void __attribute__((noreturn)) become(const struct process_order *order, int report)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int output = order->output >= 0 ? order->output : nothing;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    reset_signals();
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || (order->directory && chdir(order->directory) < 0))
        give_up(report);
    execvpe(order->argv[0], order->argv, order->environment ? order->environment : environ);
    give_up(report);
}

/* Waits until the child has become the program. 0, or its errno. */
static int read_report(int fd)
{
    int code = 0;
    ssize_t got;
    while ((got = read(fd, &code, sizeof code)) < 0 && errno == EINTR)
        continue;
    return got == sizeof code ? code : 0;
}

static pid_t start(const struct process_order *order, struct error **err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_system(err, "cannot start %s", order->argv[0]);
    pid_t child = fork();
    if (child == 0)
        become(order, report[1]);
    close(report[1]);
    int code = child < 0 ? errno : read_report(report[0]);
    close(report[0]);
    if (child > 0)
        setpgid(child, child); /* whoever of the two comes first */
    if (code == 0)
        return child;
    if (child > 0)
        waitpid(child, NULL, 0);
    errno = code;
    return error_system(err, "cannot start %s", order->argv[0]);
}

/* ---- waiting */

/* Until it has ended (true), or the deadline or the cancellation comes. */
static bool wait_end(const struct process_order *order, int pidfd, int64_t deadline,
                     const struct cancel *cancel)
{
    struct pollfd waits[] = {{.fd = pidfd, .events = POLLIN},
                             {.fd = cancel_fd(cancel), .events = POLLIN}};
    for (;;) {
        int64_t left = deadline ? (deadline - clock_monotonic()) / CLOCK_MILLISECOND + 1 : TICK_MS;
        int timeout = left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
        poll(waits, ARRAY_LENGTH(waits), timeout);
        if (order->tick)
            order->tick(order->context);
        if (waits[0].revents)
            return true;
        if (cancel_fired(cancel) || (deadline && clock_monotonic() >= deadline))
            return false;
    }
}

static void end_group(const struct process_order *order, pid_t child, int pidfd)
{
    kill(-child, SIGTERM);
    wait_end(order, pidfd, clock_monotonic() + GRACE, NULL);
    kill(-child, SIGKILL);
}

static struct process_result wait_child(const struct process_order *order, pid_t child, int pidfd)
{
    bool ended = wait_end(order, pidfd, order->deadline, order->cancel);
    bool cancelled = !ended && cancel_fired(order->cancel);
    siginfo_t info = {.si_code = 0};
    if (!ended)
        end_group(order, child, pidfd);
    /* Before it is reaped: until then no other process can have its number. */
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    if (!ended)
        return (struct process_result){.end = cancelled ? PROCESS_CANCELLED : PROCESS_TIMED_OUT};
    return (struct process_result){
        .end = info.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_SIGNALLED,
        .code = info.si_status,
    };
}

int process_run(const struct process_order *order, struct process_result *ret_result,
                struct error **err)
{
    pid_t child = start(order, err);
    if (child < 0)
        return -1;
    cleanup(close) int pidfd = pidfd_open(child, 0);
    if (pidfd < 0) {
        kill(-child, SIGKILL);
        waitpid(child, NULL, 0);
        return error_system(err, "cannot wait for %s", order->argv[0]);
    }
    *ret_result = wait_child(order, child, pidfd);
    if (order->tick)
        order->tick(order->context);
    return 0;
}
