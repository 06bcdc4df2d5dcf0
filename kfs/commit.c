/* The rule of commit.h, and which process a thread is of. */
#include "kfs/commit.h"

#include "backend/base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void commit_written(struct commit *commit)
{
    commit->dirty = true;
}

void commit_failed(struct commit *commit)
{
    commit->failed = true;
}

void commit_emptied(struct commit *commit)
{
    commit->failed = false;
}

bool commit_closed(struct commit *commit, pid_t process)
{
    if (!commit->dirty || commit->failed || process == 0 || process != commit->opener)
        return false;
    commit->dirty = false;
    return true;
}

bool commit_released(struct commit *commit)
{
    bool written = commit->dirty && !commit->failed;
    commit->dirty = false;
    return written;
}

pid_t commit_process(pid_t thread)
{
    char text[1024]; /* "Tgid:" is the fourth line */
    snprintf(text, sizeof text, "/proc/%d/status", (int)thread);
    cleanup(close) int fd = thread > 0 ? open(text, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    const char *line = strstr(text, "\nTgid:");
    return line ? (pid_t)strtol(line + 6, NULL, 10) : 0;
}
