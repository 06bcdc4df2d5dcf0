/*
 * What a test leaves behind: a directory with its output, a table of its steps with times, and what
 * is copied there. While one test runs at a time, its output is shown as it grows.
 *
 * Used by the one thread that runs the test.
 */
#ifndef KFS_TOOLS_TEST_RECORD_H
#define KFS_TOOLS_TEST_RECORD_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct record;

/* Makes the directory; in place of an earlier record if there is one. live: the output goes to
 * standard output, too. */
struct record *record_new(const char *directory, bool live, struct error **err);
void record_free(struct record *record);
CLEANUP_DEFINE(record_free, struct record *)

/* Where output is appended to by others (processes); the record's own. */
int record_fd(const struct record *record);
/* Shows what has come to the output since, if it is live. */
void record_show(void *record);

/* A line of the output. */
void record_line(struct record *record, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Text as it is; a newline is added at its end if it has none. */
void record_text(struct record *record, const char *text);
/* Appends what fd gives until its end; false if nothing came. */
bool record_copy(struct record *record, int fd);

/* Steps do not nest. */
void record_step(struct record *record, const char *name);
/* state: "ok", "failed"; remark: NULL or some words. */
void record_step_end(struct record *record, const char *state, const char *remark);

/* Copies a file of the tree to NAME in the directory; nothing if it cannot be read. */
void record_keep(struct record *record, const char *path, const char *name);
/* Writes a text to NAME. */
void record_put(struct record *record, const char *name, const char *text);
/* Makes a directory NAME (with parents). Its path, the caller's; NULL on failure. */
char *record_directory(struct record *record, const char *name, struct error **err);

#endif
