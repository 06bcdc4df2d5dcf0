/* Where kfs is mounted, by the kernel's own list. */
#ifndef KFS_TOOLS_MOUNTS_H
#define KFS_TOOLS_MOUNTS_H

#include "backend/base/error.h"

#include <stddef.h>

/* The mount points of file systems of type fuse.kfs in a text such as /proc/self/mountinfo, in its
 * order, each once. *ret_points is an array of strings, both to be freed with mounts_free. */
int mounts_parse(const char *mountinfo, char ***ret_points, size_t *ret_count, struct error **err);
int mounts_list(char ***ret_points, size_t *ret_count, struct error **err);
void mounts_free(char **points, size_t count);

/* The one to work with: $KFS_MOUNT, else the one that the working directory is in, else the only
 * one. ENOENT if there is none, EINVAL if there are several. The caller frees it; NULL on failure.
 */
char *mounts_find(struct error **err);

#endif
