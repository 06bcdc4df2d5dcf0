/* The arena: a list of blocks, newest first; each is filled from its start and never grows. */
#include "backend/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum {
    /* Small enough to be cheap for one short template, large enough that malloc is rare. */
    ARENA_BLOCK_SIZE = 4096
};

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    size_t bytes = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
    if (bytes > arena->max - arena->held)
        bytes = size; /* the last bytes that the maximum leaves */
    if (bytes > arena->max - arena->held)
        return NULL;
    struct arena_block *block = malloc(sizeof *block + bytes);
    if (!block)
        return NULL;
    *block = (struct arena_block){.older = arena->newest, .size = bytes};
    arena->newest = block;
    arena->held += bytes;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align)
        return NULL;
    size = (size + align - 1) / align * align;
    struct arena_block *block = arena->newest;
    if (!block || size > block->size - block->used)
        block = add_block(arena, size);
    if (!block)
        return NULL;
    char *piece = block->bytes + block->used;
    block->used += size;
    memset(piece, 0, size);
    return piece;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, length + 1);
    if (copy && length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){.newest = arena->newest,
                               .used = arena->newest ? arena->newest->used : 0};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    while (arena->newest != mark.newest) {
        struct arena_block *block = arena->newest;
        arena->newest = block->older;
        arena->held -= block->size;
        free(block);
    }
    if (arena->newest)
        arena->newest->used = mark.used;
}

void arena_done(struct arena *arena)
{
    arena_release(arena, (struct arena_mark){0});
}
