/*
 * The real files that the kernel knows, below plan/, files/ and root/: which real file an inode
 * number stands for.
 *
 * A node is a name in a directory, counted by the kernel's lookups and forgotten when the kernel
 * forgets it. It holds no descriptor: a path below the directory that the tree
 * shows is put together when needed, so a directory that is renamed takes along what is in it. A
 * name that is removed or overwritten leaves its node without a place: what is open goes on, what
 * comes by path is told ESTALE. Numbers are never used again. Thread-safe.
 */
#ifndef KFS_REAL_NODES_H
#define KFS_REAL_NODES_H

#include "backend/base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct real_nodes;

/* Where a file is: the path, relative to the directory of the tree that it is below, the `top` (an
 * inode number); "." for that itself. */
struct real_place {
    uint64_t top;
    uint64_t parent; /* the directory's serial, 0: the top itself */
    char path[PATH_MAX];
};

struct real_nodes *real_nodes_new(void);
void real_nodes_free(struct real_nodes *nodes);

/* The serial of `name` in the directory `parent` (0: the top), a new one if it was not
 * known, counted once more. 0 if parent has no place any more. */
uint64_t real_nodes_count(struct real_nodes *nodes, uint64_t top, uint64_t parent,
                          const char *name);
/* Takes back `count` of the countings. */
void real_nodes_forget(struct real_nodes *nodes, uint64_t serial, uint64_t count);

/* The top that the node is below, also when it has no place any more; 0 if there is no such node.
 */
uint64_t real_nodes_top(struct real_nodes *nodes, uint64_t serial);

/* Fills *ret for the node, or, if serial is 0, for the top. ESTALE if it has no place.
 */
int real_nodes_locate(struct real_nodes *nodes, uint64_t top, uint64_t serial,
                      struct real_place *ret, struct error **err);

/* The name in the directory was removed: its node, if any, has no place any more. */
void real_nodes_remove(struct real_nodes *nodes, uint64_t top, uint64_t parent, const char *name);
/* The name was moved; what had the new name has no place any more, or, with `exchange`, has the old
 * one. Both directories are below the same top. */
void real_nodes_move(struct real_nodes *nodes, uint64_t top, uint64_t from, const char *from_name,
                     uint64_t to, const char *to_name, bool exchange);

/* A file is open: while it has no place, it is reached through the descriptors that are open of it.
 * `open` stays the caller's, and in place until real_nodes_closed. */
struct real_open {
    struct real_open *next;
    uint64_t serial;
    int fd;
};
void real_nodes_opened(struct real_nodes *nodes, struct real_open *open);
void real_nodes_closed(struct real_nodes *nodes, struct real_open *open);
/* A copy of such a descriptor, the caller's; -1 if the file is not open. */
int real_nodes_reopen(struct real_nodes *nodes, uint64_t serial);

/* The serials of the nodes below the top, in an array that the caller frees. */
size_t real_nodes_of(struct real_nodes *nodes, uint64_t top, uint64_t **ret_serials);
size_t real_nodes_known(struct real_nodes *nodes);

#endif
