/*
 * The control groups of the engine's containers, where this host is the engine's: the way to a
 * container's processes and counters that costs no call of the engine. A container's id is 256
 * random bits, so a group found under it is that container's.
 */
#ifndef KFS_DOCKER_CGROUP_H
#define KFS_DOCKER_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor of the group's directory for the controller ("memory", "cpuacct", "pids", "blkio");
 * with cgroup v2 there is one for all. -1 if the container has none here. *ret_v2 may be NULL. */
int cgroup_open(const char *id, const char *controller, bool *ret_v2);

/* The container's first process, 0 if none is seen here. */
pid_t cgroup_first_process(const char *id);

/* Whether the process belongs to the container. */
bool cgroup_has_process(const char *id, pid_t pid);

#endif
