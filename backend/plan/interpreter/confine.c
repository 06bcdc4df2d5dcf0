/* Confinement by resource limits, no_new_privs and a seccomp filter that knows what is allowed. */
#include "backend/plan/interpreter/confine.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A sanitizer's runtime maps terabytes and calls more of the kernel; those builds look for faults
 * of memory, the others prove the confinement. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int confine_parse_limits(int argc, char **argv, struct confine_limits *ret_limits)
{
    if (argc != 3)
        return -1;
    ret_limits->memory = strtoull(argv[1], NULL, 10);
    ret_limits->cpu_seconds = strtoull(argv[2], NULL, 10);
    return ret_limits->memory > 0 && ret_limits->cpu_seconds > 0 ? 0 : -1;
}

/* The address space that the program takes before it has done anything: its libraries. */
static uint64_t mapped_now(void)
{
    unsigned long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        if (fscanf(statm, "%llu", &pages) != 1)
            pages = 0;
        fclose(statm);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int limit(__rlimit_resource_t resource, uint64_t value)
{
    struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &both);
}

static int enter_limits(const struct confine_limits *limits)
{
    if (!SANITIZED && limit(RLIMIT_AS, mapped_now() + limits->memory) < 0)
        return -1;
    struct rlimit cpu = {.rlim_cur = limits->cpu_seconds, .rlim_max = limits->cpu_seconds + 1};
    if (setrlimit(RLIMIT_CPU, &cpu) < 0 || limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_FSIZE, 0) < 0)
        return -1;
    return 0;
}

/* System calls that need no look at their arguments: none of them reaches beyond memory that the
 * process has and descriptors that are open. */
static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(readv),
    SCMP_SYS(recvfrom),      SCMP_SYS(write),
    SCMP_SYS(writev),        SCMP_SYS(sendto),
    SCMP_SYS(close),         SCMP_SYS(brk),
    SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),       SCMP_SYS(futex),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),     SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(getpid),
    SCMP_SYS(gettid),        SCMP_SYS(sched_yield),
};

/* What the C library tries on its own (time zones, locales) and copes with not getting. */
static const int refused[] = {
    SCMP_SYS(open),  SCMP_SYS(openat),     SCMP_SYS(stat),     SCMP_SYS(lstat),
    SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),    SCMP_SYS(access),
    SCMP_SYS(ioctl), SCMP_SYS(lseek),      SCMP_SYS(readlink),
};

static int add_rules(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    /* Memory, but none that can be executed and none of a file; abort() by the process itself. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                               SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
    return failed ? -1 : 0;
}

static int enter_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -1;
    int result = add_rules(filter) == 0 && seccomp_load(filter) == 0 ? 0 : -1;
    seccomp_release(filter);
    return result;
}

int confine_enter(int fd, const struct confine_limits *limits)
{
    tzset(); /* while the zone's file can still be read */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || chdir("/") < 0)
        return -1;
    if (enter_limits(limits) < 0)
        return -1;
    if (close_range(0, (unsigned)fd - 1, 0) < 0 || close_range((unsigned)fd + 1, ~0U, 0) < 0)
        return -1;
    return SANITIZED ? 0 : enter_filter();
}
