/* Control groups, v1 and v2, with dockerd's cgroupfs and systemd drivers. */
#include "backend/docker/cgroup.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
enum {
    CGROUP_FILE_MAX = 1 << 20
};

static int open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool id_plain(const char *id)
{
    return strlen(id) >= 12 && strspn(id, "0123456789abcdef") == strlen(id);
}

int cgroup_open(const char *id, const char *controller, bool *ret_v2)
{
    if (!id_plain(id))
        return -1;
    bool v2 = access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0;
    if (ret_v2)
        *ret_v2 = v2;
    /* dockerd's default parents: /docker, and with systemd system.slice. */
    static const char *const forms[] = {"docker/", "", "system.slice/docker-", ".scope"};
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i += 2) {
        char path[256];
        snprintf(path, sizeof path, CGROUP_ROOT "/%s%s%s%s%s", v2 ? "" : controller, v2 ? "" : "/",
                 forms[i], id, forms[i + 1]);
        int fd = open_dir(path);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* Whether it is process 1 of its own pid namespace: "NSpid: 4711 1" in /proc/PID/status. */
static bool process_is_init(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    cleanup(buf_done) struct buf text = BUF_INIT(CGROUP_FILE_MAX);
    if (file_read(AT_FDCWD, path, &text, NULL) < 0)
        return false;
    const char *line = strstr(text.data, "\nNSpid:");
    if (!line)
        return false;
    size_t length = strcspn(line + 1, "\n") + 1;
    return length >= 2 && line[length - 1] == '1' && strchr(" \t", line[length - 2]);
}

pid_t cgroup_first_process(const char *id)
{
    cleanup(close) int group = cgroup_open(id, "memory", NULL);
    cleanup(buf_done) struct buf text = BUF_INIT(CGROUP_FILE_MAX);
    if (group < 0 || file_read(group, "cgroup.procs", &text, NULL) < 0)
        return 0;
    pid_t first = 0;
    for (char *at = text.data, *end; *at; at = end + (*end == '\n')) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        if (process_is_init((pid_t)pid))
            return (pid_t)pid;
        if (first == 0 || pid < first)
            first = (pid_t)pid;
    }
    return first;
}

bool cgroup_has_process(const char *id, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    cleanup(buf_done) struct buf text = BUF_INIT(CGROUP_FILE_MAX);
    return id_plain(id) && file_read(AT_FDCWD, path, &text, NULL) == 0 && strstr(text.data, id);
}
