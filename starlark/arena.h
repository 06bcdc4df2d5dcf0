/*
 * A bump allocator for one compilation: everything that the lexer, parser and resolver make dies
 * together with it. Out of memory is reported through the arena's handler, which does not return,
 * so that the front end's code is not littered with checks; the jump stays inside star_compile.
 */
#ifndef STARLARK_ARENA_H
#define STARLARK_ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    char *at, *end;
    jmp_buf *out_of_memory;
};

void sl_arena_init(struct arena *arena, jmp_buf *out_of_memory);
void sl_arena_free(struct arena *arena);

/* Zeroed, 8-aligned, never NULL. */
void *sl_arena_alloc(struct arena *arena, size_t size);

/* A copy of `count` elements of `size` bytes. */
void *sl_arena_copy(struct arena *arena, const void *from, size_t count, size_t size);

/* Doubles an array inside the arena (the old copy stays until the arena goes). */
void *sl_arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size);

#endif
