/*
 * Memory that is given back all at once: many small pieces with one owner and one end, such as the
 * nodes of a parsed text. It has a maximum, so that what an outsider makes it hold is bounded.
 *
 * Not thread-safe; what lies in an arena may be read by any thread once nobody allocates any more.
 */
#ifndef KFS_BASE_ARENA_H
#define KFS_BASE_ARENA_H

#include "backend/base/cleanup.h"

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *newest;
    size_t held; /* bytes in all blocks */
    size_t max;  /* held never passes this */
};

/* An empty arena of at most max bytes; allocates nothing. */
#define ARENA_INIT(max_bytes) ((struct arena){.max = (max_bytes)})

/* size zeroed bytes, aligned for any type; NULL if they do not fit the maximum or there is no
 * memory. They live until arena_release or arena_done. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of the bytes with a '\0' after them. */
char *arena_copy(struct arena *arena, const void *bytes, size_t length);

/* A point in the arena's life; arena_release frees everything that was allocated after it. */
struct arena_mark {
    struct arena_block *newest;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* Frees everything; the arena is empty and can be used again. */
void arena_done(struct arena *arena);

static inline void cleanup_arena_done(struct arena *arena)
{
    int saved = errno;
    arena_done(arena);
    errno = saved;
}

#endif
