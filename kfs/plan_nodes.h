/*
 * The files below plan/ that the kernel knows: which real file an inode number stands for.
 *
 * A node is a name in a directory, counted by the kernel's lookups and forgotten when the kernel
 * forgets it. It holds no descriptor: a path below the enclave's plan/ is put together when
 * needed, so a directory that is renamed takes along what is in it. A name that is removed or
 * overwritten leaves its node without a place: what is open goes on, what comes by path is told
 * ESTALE. Numbers are never used again. Thread-safe.
 */
#ifndef KFS_PLAN_NODES_H
#define KFS_PLAN_NODES_H

#include "backend/engine.h"

#include <limits.h>

struct plan_nodes;

/* Where a file is: the path, relative to the enclave's plan/; "." for plan/ itself. */
struct plan_place {
    object_id enclave;
    uint64_t parent; /* the directory's serial, 0: plan/ itself */
    char path[PATH_MAX];
};

struct plan_nodes *plan_nodes_new(void);
void plan_nodes_free(struct plan_nodes *nodes);

/* The serial of `name` in the directory `parent` (0: plan/ of the enclave), a new one if it was not
 * known, counted once more. 0 if parent has no place any more. */
uint64_t plan_nodes_count(struct plan_nodes *nodes, object_id enclave, uint64_t parent,
                          const char *name);
/* Takes back `count` of the countings. */
void plan_nodes_forget(struct plan_nodes *nodes, uint64_t serial, uint64_t count);

/* Fills *ret for the node, or, if serial is 0, for plan/ of the enclave. ESTALE if it has no place.
 */
int plan_nodes_locate(struct plan_nodes *nodes, object_id enclave, uint64_t serial,
                      struct plan_place *ret, struct error **err);

/* The name in the directory was removed: its node, if any, has no place any more. */
void plan_nodes_remove(struct plan_nodes *nodes, object_id enclave, uint64_t parent,
                       const char *name);
/* The name was moved; what had the new name has no place any more, or, with `exchange`, has the old
 * one. Both directories are of the same enclave. */
void plan_nodes_move(struct plan_nodes *nodes, object_id enclave, uint64_t from,
                     const char *from_name, uint64_t to, const char *to_name, bool exchange);

/* A file is open: while it has no place, it is reached through the descriptors that are open of it.
 * `open` stays the caller's, and in place until plan_nodes_closed. */
struct plan_open {
    struct plan_open *next;
    uint64_t serial;
    int fd;
};
void plan_nodes_opened(struct plan_nodes *nodes, struct plan_open *open);
void plan_nodes_closed(struct plan_nodes *nodes, struct plan_open *open);
/* A copy of such a descriptor, the caller's; -1 if the file is not open. */
int plan_nodes_reopen(struct plan_nodes *nodes, uint64_t serial);

/* The serials of the enclave's nodes, in an array that the caller frees. */
size_t plan_nodes_of(struct plan_nodes *nodes, object_id enclave, uint64_t **ret_serials);
size_t plan_nodes_known(struct plan_nodes *nodes);

#endif
