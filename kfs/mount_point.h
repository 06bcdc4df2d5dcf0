/* The directory to mount on, made fit for it. */
#ifndef KFS_MOUNT_POINT_H
#define KFS_MOUNT_POINT_H

#include "backend/base/error.h"

/* The absolute path of the directory, the caller's. What a killed daemon left mounted there is
 * unmounted first. NULL: it is no directory, or a tree that is alive is mounted there (EBUSY). */
char *mount_point_prepare(const char *path, struct error **err);

#endif
