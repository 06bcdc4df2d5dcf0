/* A digest of a file or of all names, modes and contents under a directory. */
#ifndef KFS_PLAN_TREE_HASH_H
#define KFS_PLAN_TREE_HASH_H

#include "backend/base/error.h"

/* 32 hex digits, the caller's to free. NULL on failure. */
char *tree_hash(const char *path, struct error **err);

#endif
