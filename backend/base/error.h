/*
 * One error object for the whole project: built where the fact is known, wrapped with context on
 * the way up, and turned into an errno only at the FUSE edge.
 *
 * A function that can fail takes `struct error **err` last, returns 0 or a negative number (or
 * NULL), and sets *err only when it fails. err itself may be NULL: then the reason is dropped. The
 * first error wins: setting one where one is set already changes nothing, so a clean-up that fails
 * too does not hide why it was needed.
 *
 * Messages are sentences a user reads: what failed, where, and what to do. They carry no trailing
 * newline or full stop.
 */
#ifndef KFS_BASE_ERROR_H
#define KFS_BASE_ERROR_H

#include "backend/base/cleanup.h"

struct error {
    int code; /* the errno that a file system would give for it: EINVAL, ENOENT, EAGAIN ... never 0
               */
    char *message; /* owned */
};

/* Sets *err and returns -1, so that `return error_set(err, EINVAL, ...)` is a whole error path.
 * errno is left alone. */
int error_set(struct error **err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: the present errno is the code, and its text follows the
 * message after ": ". */
int error_system(struct error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts context before the message of *err ("context: message") and returns -1. Does nothing where
 * no error is set. */
int error_wrap(struct error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hands *from over to *to (first error wins: a set *to is kept and *from freed). Returns -1. Both
 * may be NULL. */
int error_move(struct error **to, struct error **from);

/* The code of err, EIO for NULL: the caller knows that something failed even if the reason was
 * dropped. */
int error_code(const struct error *err);
/* The message of err, a fixed text for NULL. Owned by err. */
const char *error_message(const struct error *err);

void error_free(struct error *err);
CLEANUP_DEFINE(error_free, struct error *)

#endif
