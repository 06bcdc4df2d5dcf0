/* The guardian waits for the signal that the kernel sends at the death of the thread that started
 * it. Between fork and its end it may only do what a signal handler may: other threads held locks.
 */
#include "kfs/guardian.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Not one that a service manager or a terminal sends to all processes of a service. */
#define DEATH_SIGNAL SIGUSR1

/* Forcing is what makes the kernel give up the mount. Being inside keeps it there all the same,
 * dead, as after any other death: what is below it is not uncovered. */
static void give_up(const char *mount_point)
{
    int root = open(mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root >= 0 && fchdir(root) == 0)
        umount2(".", MNT_FORCE);
}

static void guard(const char *mount_point, pid_t parent)
{
    sigset_t all;
    siginfo_t told;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, DEATH_SIGNAL);
    prctl(PR_SET_NAME, "kfsd-guardian");
    close_range(0, ~0U, 0);
    if (setsid() < 0 || chdir("/") < 0)
        return;
    bool dead = getppid() != parent;
    while (!dead)
        dead = sigwaitinfo(&all, &told) == DEATH_SIGNAL;
    give_up(mount_point);
}

pid_t guardian_start(const char *mount_point)
{
    pid_t parent = getpid();
    pid_t guardian = fork();
    if (guardian == 0) {
        guard(mount_point, parent);
        _exit(0);
    }
    return guardian;
}

void guardian_end(pid_t guardian)
{
    if (guardian < 0)
        return;
    kill(guardian, SIGKILL);
    while (waitpid(guardian, NULL, 0) < 0 && errno == EINTR)
        continue;
}
