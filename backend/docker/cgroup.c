/* Control groups, v1 and v2, with dockerd's cgroupfs and systemd drivers, whatever its parent group
 * is. */
#include "backend/docker/cgroup.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
enum {
    CGROUP_FILE_MAX = 1 << 20
};

static bool id_plain(const char *id)
{
    return strlen(id) >= 12 && strspn(id, "0123456789abcdef") == strlen(id);
}

static int open_dir(int parent, const char *path)
{
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The container's group in a directory of groups: named by the cgroupfs driver, or by systemd's. */
static int open_group(int parent, const char *id)
{
    char scope[128];
    int fd = open_dir(parent, id);
    if (fd >= 0 || snprintf(scope, sizeof scope, "docker-%s.scope", id) >= (int)sizeof scope)
        return fd;
    return open_dir(parent, scope);
}

static int open_group_below(int base, const char *parent, const char *id)
{
    cleanup(close) int fd = open_dir(base, parent);
    return fd < 0 ? -1 : open_group(fd, id);
}

/* Looks through all groups of the first level: dockerd's --cgroup-parent may be any. */
static int search_group(int base, const char *id)
{
    int copy = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(closedir) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    int fd = -1;
    while (dir && fd < 0 && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            fd = open_group_below(base, entry->d_name, id);
    return fd;
}

int cgroup_open(const char *id, const char *controller, bool *ret_v2)
{
    if (!id_plain(id))
        return -1;
    bool v2 = access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0;
    if (ret_v2)
        *ret_v2 = v2;
    char path[128];
    snprintf(path, sizeof path, CGROUP_ROOT "/%s", v2 ? "" : controller);
    cleanup(close) int base = open_dir(AT_FDCWD, path);
    if (base < 0)
        return -1;
    static const char *const usual[] = {"docker", "system.slice"};
    int fd = -1;
    for (size_t i = 0; i < ARRAY_LENGTH(usual) && fd < 0; i++)
        fd = open_group_below(base, usual[i], id);
    return fd >= 0 ? fd : search_group(base, id);
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
