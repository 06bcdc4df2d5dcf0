/*
 * Files of the mounted tree. A path is made of the parts given, each one component, ended by NULL:
 * tree_print(err, "enclaves", name, "status", NULL). A part that is empty, ".", ".." or has a '/'
 * is refused with EINVAL, so that a name from the command line cannot lead elsewhere.
 */
#ifndef KFS_TOOLS_TREE_H
#define KFS_TOOLS_TREE_H

#include "backend/base/buf.h"

#include <stdarg.h>
#include <stddef.h>

/* A descriptor; the caller closes it. -1: the message says what is missing in the words of the
 * tree. */
int tree_open(struct error **err, int flags, const char *first, ...) __attribute__((sentinel));

/* Copies the whole file to standard output. */
int tree_print(struct error **err, const char *first, ...) __attribute__((sentinel));

/* Appends the whole file, without the newline at its end. */
int tree_read(struct error **err, struct buf *out, const char *first, ...)
    __attribute__((sentinel));

/* The sorted names in a directory that do not begin with '.'. *ret_names is the caller's, to be
 * freed with tree_names_free. */
int tree_list(struct error **err, char ***ret_names, size_t *ret_count, const char *first, ...)
    __attribute__((sentinel));
void tree_names_free(char **names, size_t count);

/* The path itself. The caller frees it; NULL on failure. */
char *tree_path(struct error **err, const char *first, ...) __attribute__((sentinel));

#endif
