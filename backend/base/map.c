/* Linear probing with backward-shift deletion: no tombstones, so a table that churns for ever stays
 * as fast as a new one. */
#include "backend/base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A map that silently lost an entry would be worse than an end: the supervisor restarts the daemon,
 * which recovers. */
static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static uint64_t hash_key;
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
    while (getrandom(&hash_key, sizeof hash_key, 0) != sizeof hash_key)
        continue;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

static uint64_t hash_text(const char *text)
{
    pthread_once(&hash_key_once, hash_key_make);
    uint64_t hash = hash_key;
    size_t length = strlen(text);
    for (; length >= 8; text += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = mix(hash ^ word);
    }
    uint64_t last = 0;
    memcpy(&last, text, length);
    return mix(hash ^ last ^ ((uint64_t)length << 56));
}

/* The slot that holds key, or the free one where it would go. The table has a free slot. */
static size_t map_find(const struct map *map, const char *key, uint64_t hash)
{
    size_t mask = map->capacity - 1, i = hash & mask;
    while (map->slots[i].key && (map->slots[i].hash != hash || strcmp(map->slots[i].key, key) != 0))
        i = (i + 1) & mask;
    return i;
}

static void map_grow(struct map *map)
{
    struct map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 8;
    map->slots = must_calloc(map->capacity, sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            map->slots[map_find(map, old.slots[i].key, old.slots[i].hash)] = old.slots[i];
    free(old.slots);
}

void *map_get(const struct map *map, const char *key)
{
    if (map->count == 0)
        return NULL;
    return map->slots[map_find(map, key, hash_text(key))].value;
}

void *map_set(struct map *map, const char *key, void *value)
{
    if (map->count >= map->capacity - map->capacity / 4)
        map_grow(map);
    uint64_t hash = hash_text(key);
    struct map_slot *slot = &map->slots[map_find(map, key, hash)];
    void *before = slot->value;
    if (!slot->key) {
        slot->key = must_calloc(1, strlen(key) + 1);
        memcpy(slot->key, key, strlen(key));
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return before;
}

void *map_remove(struct map *map, const char *key)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->capacity - 1, hole = map_find(map, key, hash_text(key));
    void *value = map->slots[hole].value;
    if (!map->slots[hole].key)
        return NULL;
    free(map->slots[hole].key);
    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct map_slot){0};
    map->count--;
    return value;
}

void *map_next(const struct map *map, size_t *position, const char **ret_key)
{
    while (*position < map->capacity) {
        const struct map_slot *slot = &map->slots[(*position)++];
        if (slot->key) {
            if (ret_key)
                *ret_key = slot->key;
            return slot->value;
        }
    }
    return NULL;
}

void map_done(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct map){0};
}

static size_t idmap_find(const struct idmap *map, uint64_t id)
{
    size_t mask = map->capacity - 1, i = mix(id) & mask;
    while (map->slots[i].id && map->slots[i].id != id)
        i = (i + 1) & mask;
    return i;
}

static void idmap_grow(struct idmap *map)
{
    struct idmap old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 8;
    map->slots = must_calloc(map->capacity, sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].id)
            map->slots[idmap_find(map, old.slots[i].id)] = old.slots[i];
    free(old.slots);
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
    return map->count ? map->slots[idmap_find(map, id)].value : NULL;
}

void *idmap_set(struct idmap *map, uint64_t id, void *value)
{
    if (map->count >= map->capacity - map->capacity / 4)
        idmap_grow(map);
    struct idmap_slot *slot = &map->slots[idmap_find(map, id)];
    void *before = slot->value;
    map->count += slot->id == 0;
    slot->id = id;
    slot->value = value;
    return before;
}

void *idmap_remove(struct idmap *map, uint64_t id)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->capacity - 1, hole = idmap_find(map, id);
    void *value = map->slots[hole].value;
    if (!map->slots[hole].id)
        return NULL;
    for (size_t i = (hole + 1) & mask; map->slots[i].id; i = (i + 1) & mask) {
        size_t home = mix(map->slots[i].id) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct idmap_slot){0};
    map->count--;
    return value;
}

void *idmap_next(const struct idmap *map, size_t *position)
{
    while (*position < map->capacity) {
        const struct idmap_slot *slot = &map->slots[(*position)++];
        if (slot->id)
            return slot->value;
    }
    return NULL;
}

void idmap_done(struct idmap *map)
{
    free(map->slots);
    *map = (struct idmap){0};
}
