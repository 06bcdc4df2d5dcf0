/* What the parts of the starlark command share: the interpreter, its dialect, the modules loaded so
 * far. */
#ifndef TOOLS_STARLARK_SESSION_H
#define TOOLS_STARLARK_SESSION_H

#include "starlark/starlark.h"

enum {
    SESSION_BINDINGS_MAX = 16
};

struct loaded; /* session.c */

struct session {
    struct star_vm *vm;
    unsigned dialect;
    struct star_binding bindings[SESSION_BINDINGS_MAX]; /* predeclared */
    struct star_root *kept[SESSION_BINDINGS_MAX];
    size_t binding_count;
    struct loaded *modules;
};

struct session_options {
    unsigned dialect;
    uint64_t max_steps, max_memory; /* 0: no limit */
    bool test;                      /* predeclare what conformance suites need */
};

/* False when there is no memory. */
bool session_begin(struct session *session, const struct session_options *options);
void session_end(struct session *session);

/* Adds a predeclared name. */
void session_predeclare(struct session *session, const char *name, star_value value);
/* The predeclared names, NULL-terminated, for star_compile. The caller frees the array, not the
 * names. */
const char **session_names(const struct session *session, star_value module);

/* Reads a whole file, "-" is standard input. NULL with errno set. The caller frees it. */
char *session_read(const char *path, size_t *ret_size);

/* Compiles and runs; prints errors to standard error. False if there were any. */
bool session_run(struct session *session, const char *file, const char *source, size_t size,
                 bool check_only);

/* Prints an error and frees it. */
void session_report(struct star_error *error);

/* repl.c: reads, evaluates and prints until the end of input. */
void repl_run(struct session *session);

/* testing.c */
void testing_predeclare(struct session *session);

#endif
