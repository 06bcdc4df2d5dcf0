/*
 * Two hash tables that do not own what they hold: struct map from strings, struct idmap from 64-bit
 * numbers. Both are open-addressing tables; the string hash is keyed with a random number per
 * process, so hostile names do not degrade it. Not thread-safe: whoever holds one says which lock
 * guards it.
 */
#ifndef KFS_BASE_MAP_H
#define KFS_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    char *key; /* the map's own copy; NULL if free */
    void *value;
    uint64_t hash;
};
struct map {
    struct map_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* An all-zero struct is an empty map. */
void *map_get(const struct map *map, const char *key);
/* Sets key to value (not NULL) and gives what it was before, NULL if new. Aborts the process if
 * there is no memory. */
void *map_set(struct map *map, const char *key, void *value);
/* Takes key out and gives its value, NULL if there was none. */
void *map_remove(struct map *map, const char *key);
/* Walks the map in no order: *position starts at 0; NULL at the end. The map must not change
 * meanwhile. */
void *map_next(const struct map *map, size_t *position, const char **ret_key);
void map_done(struct map *map);

struct idmap_slot {
    uint64_t id; /* 0 if free: ids are never 0 */
    void *value;
};
struct idmap {
    struct idmap_slot *slots;
    size_t capacity;
    size_t count;
};

void *idmap_get(const struct idmap *map, uint64_t id);
void *idmap_set(struct idmap *map, uint64_t id, void *value);
void *idmap_remove(struct idmap *map, uint64_t id);
void *idmap_next(const struct idmap *map, size_t *position);
void idmap_done(struct idmap *map);

#endif
