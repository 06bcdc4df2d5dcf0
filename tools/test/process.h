/*
 * A child process with a limit, in a process group of its own. When it ends, in whatever way, all
 * that is left of its group is killed; when the calling thread dies, so does it.
 */
#ifndef KFS_TOOLS_TEST_PROCESS_H
#define KFS_TOOLS_TEST_PROCESS_H

#include "backend/base/cancel.h"

#include <stdint.h>

enum {
    TICK_MS = 100 /* how often a wait looks at what grows meanwhile */
};

struct process_order {
    char *const *argv;        /* argv[0] is a path, or a name that is looked up in PATH */
    char *const *environment; /* NULL: this process's */
    const char *directory;    /* to start in; NULL: this process's */
    int output;               /* descriptor for both of its streams; -1: /dev/null */
    int64_t deadline;         /* clock_monotonic() ns; 0: none */
    const struct cancel *cancel;
    void (*tick)(void *context); /* called now and then while it runs; NULL: none */
    void *context;
};

enum process_end {
    PROCESS_EXITED,    /* code: the exit status */
    PROCESS_SIGNALLED, /* code: the signal */
    PROCESS_TIMED_OUT,
    PROCESS_CANCELLED
};

struct process_result {
    enum process_end end;
    int code;
};

/* Starts it and waits for its end. -1 if it cannot be started. Thread-safe. */
int process_run(const struct process_order *order, struct process_result *ret_result,
                struct error **err);

#endif
