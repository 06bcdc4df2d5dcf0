/* The front end's bump allocator. Blocks double in size up to a bound; requests beyond a block get
 * one of their own. */
#include "starlark/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    char data[];
};

enum {
    BLOCK_MIN = 16 * 1024,
    BLOCK_MAX = 1024 * 1024
};

void sl_arena_init(struct arena *arena, jmp_buf *out_of_memory)
{
    *arena = (struct arena){.out_of_memory = out_of_memory};
}

void sl_arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}

static void arena_add_block(struct arena *arena, size_t size)
{
    size_t wanted = arena->blocks ? arena->blocks->size * 2 : BLOCK_MIN;
    if (wanted > BLOCK_MAX)
        wanted = BLOCK_MAX;
    if (wanted < size)
        wanted = size;
    struct arena_block *block = malloc(sizeof(*block) + wanted);
    if (!block)
        longjmp(*arena->out_of_memory, 1);
    block->size = wanted;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = block->data;
    arena->end = block->data + wanted;
}

void *sl_arena_alloc(struct arena *arena, size_t size)
{
    if (size > PTRDIFF_MAX / 2)
        longjmp(*arena->out_of_memory, 1);
    size = (size + 7) & ~(size_t)7;
    if ((size_t)(arena->end - arena->at) < size)
        arena_add_block(arena, size);
    void *memory = arena->at;
    arena->at += size;
    return memset(memory, 0, size);
}

void *sl_arena_copy(struct arena *arena, const void *from, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void *to = sl_arena_alloc(arena, count * size);
    return memcpy(to, from, count * size);
}

void *sl_arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size)
{
    *capacity = *capacity ? *capacity * 2 : 8;
    void *larger = sl_arena_alloc(arena, *capacity * size);
    if (count > 0)
        memcpy(larger, array, count * size);
    return larger;
}
