/*
 * Interpretation: has a confined child evaluate a script, answers what it asks for, and gives back
 * what it says. The answer is data from a process that may have been taken over: whoever uses it
 * checks it (document.h).
 */
#ifndef KFS_PLAN_INTERPRET_H
#define KFS_PLAN_INTERPRET_H

#include "backend/plan/confined.h"

/* What a script may ask for. `from` is the file that asks, as a position shows it. Errors are shown
 * to the script's author. */
struct interpret_host {
    void *context;
    /* A module or a text: its id (the name that positions show; equal for equal files; the
     * caller's to free) and its bytes. */
    int (*module)(void *context, const char *from, const char *locator, char **ret_id,
                  struct buf *ret_bytes, struct error **err);
    int (*file)(void *context, const char *from, const char *locator, char **ret_id,
                struct buf *ret_bytes, struct error **err);
    /* A directory or file that the plan will need: a number for it. */
    int (*directory)(void *context, const char *from, const char *locator, int64_t *ret_number,
                     struct error **err);
};

struct interpret_request {
    const char *program; /* kfs-interpreter */
    const struct confined_limits *limits;
    const struct cancel *cancel;
    json_t *start; /* {"mode", "name", "package"?, "main_function"?, "arguments"?, "enclave"?,
                      "made_names"?, "privileged"?} */
    const char *source;
    size_t length;
    const struct interpret_host *host; /* NULL: nothing can be asked for */
};

/* Gives what the child answered, an object that the caller owns. EINVAL with words and positions if
 * the script is wrong; ECANCELED; ETIMEDOUT; EIO if the child died. */
int interpret(const struct interpret_request *request, json_t **ret_answer, struct error **err);

#endif
