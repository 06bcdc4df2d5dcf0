/*
 * Staging: a directory that holds what is to become a files artifact, either one of its own, gone
 * with the object, or one that is there already.
 */
#ifndef KFS_PLAN_STAGING_H
#define KFS_PLAN_STAGING_H

#include "backend/base/buf.h"

struct staging;

/* A new empty directory. */
struct staging *staging_new(struct error **err);
/* One that stands for the open directory dir_fd, which stays the caller's. */
struct staging *staging_of(int dir_fd, struct error **err);
void staging_free(struct staging *staging);
CLEANUP_DEFINE(staging_free, struct staging *)

/* The directory; owned by staging. */
int staging_fd(const struct staging *staging);

/* Writes a file below dir, making its parents (mode 0755, files 0644). Leading slashes of path are
 * dropped; it has no "..". */
int staging_write(int dir, const char *path, const void *data, size_t length, struct error **err);

/* Cuts the pattern that means "all in it" from a path in a container: "/dir/" + "*" is "/dir". */
void staging_trim_pattern(struct buf *path);

#endif
