/*
 * Runs another program and waits for it: no shell, no terminal, its output captured up to a bound.
 * Cancelling or the deadline kills it with everything in its process group.
 */
#ifndef KFS_BASE_PROGRAM_H
#define KFS_BASE_PROGRAM_H

#include "backend/base/buf.h"
#include "backend/base/cancel.h"

struct program_request {
    const char *const *argv;        /* argv[0] is looked up in PATH; ends with NULL */
    const char *const *environment; /* ends with NULL */
    const struct cancel *cancel;    /* may be NULL */
    int64_t deadline;               /* clock_monotonic() ns; 0: none */
};

/*
 * Appends what the program writes to output and errors; what passes a buffer's maximum is read and
 * dropped, and the buffer has failed. 0 if the program ran to its end, whatever it made of it: then
 * *ret_status is as from waitpid(2). -1: it could not be started (ENOENT: no such program),
 * ECANCELED, ETIMEDOUT. Nothing of it runs on when this returns but what left its process group.
 */
int program_run(const struct program_request *request, struct buf *output, struct buf *errors,
                int *ret_status, struct error **err);

#endif
