/*
 * Confinement of a child process: what evaluates what a stranger wrote gives up everything but
 * computing and its one socket.
 */
#ifndef KFS_PLAN_CONFINE_H
#define KFS_PLAN_CONFINE_H

#include <stdint.h>

struct confine_limits {
    uint64_t memory;      /* bytes of address space beyond what the program itself has mapped */
    uint64_t cpu_seconds; /* then the kernel kills */
};

/* Gives up, for ever: new privileges, core dumps, all descriptors but `fd` (files cannot be opened
 * any more, also by the C library: they fail with EACCES), all system calls but those for memory
 * and for the socket (any other kills). 0, or -1 and errno. */
int confine_enter(int fd, const struct confine_limits *limits);

/* Reads limits from a program's arguments: MEMORY_BYTES CPU_SECONDS. */
int confine_parse_limits(int argc, char **argv, struct confine_limits *ret_limits);

#endif
