/*
 * measure FD COMMAND...: runs a command and writes what it cost to the descriptor: wall
 * microseconds, processor microseconds, peak KiB.
 *
 * It is a program of its own because a child's peak begins with the pages of the parent it was
 * forked from: a child of Python would show Python's. This one has half a MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long microseconds(struct timeval time)
{
    return time.tv_sec * 1000000L + time.tv_usec;
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int costs = atoi(argv[1]);
    long start = now();
    pid_t child = fork();
    if (child == 0) {
        close(costs);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 1;
    dprintf(costs, "%ld %ld %ld\n", now() - start,
            microseconds(usage.ru_utime) + microseconds(usage.ru_stime), usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
