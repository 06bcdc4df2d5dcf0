/*
 * An insertion-ordered hash table: an array of entries, and from the ninth entry on an index of
 * places into it, half empty at least. Deleting leaves a hole; the array is packed when it is full
 * and a quarter of it are holes. popitem takes from the front, so the table knows before which
 * place nothing lives.
 */
#include "starlark/table.h"
#include "starlark/str.h"

enum {
    SCANNED_MAX = 8,
    ENTRIES_MAX = 1 << 28
};

static inline bool key_equal(struct star_vm *vm, star_value a, star_value b)
{
    if (same(a, b))
        return true;
    if (is_string(a) && is_string(b))
        return vm->fuel -= as_str(a)->size >> 6, sl_str_same(as_str(a), as_str(b));
    if (both_small(a, b))
        return false;
    bool equal;
    return sl_equal(vm, a, b, COMPARE_DEPTH, &equal) && equal;
}

static struct entry *table_scan(struct star_vm *vm, const struct table *table, star_value key,
                                uint32_t hash)
{
    for (uint32_t i = table->first; i < table->used; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->hash == hash && !star_is_null(entry->key)) {
            if (key_equal(vm, entry->key, key))
                return entry;
            if (vm->error)
                return NULL;
        }
    }
    return NULL;
}

struct entry *sl_table_find(struct star_vm *vm, const struct table *table, star_value key,
                            uint32_t hash)
{
    if (!table->index)
        return table_scan(vm, table, key, hash);
    uint32_t mask = table->index_size - 1;
    for (uint32_t at = hash & mask, slot; (slot = table->index[at]); at = (at + 1) & mask) {
        struct entry *entry = &table->entries[slot - 1];
        if (entry->hash == hash && !star_is_null(entry->key)) {
            if (key_equal(vm, entry->key, key))
                return entry;
            if (vm->error)
                return NULL;
        }
    }
    return NULL;
}

static inline bool is_str_key(star_value key, const struct str *wanted)
{
    return as_str(key) == wanted ||
           (!star_is_null(key) && is_string(key) && sl_str_same(as_str(key), wanted));
}

struct entry *sl_table_find_str(const struct table *table, const struct str *key, uint32_t hash)
{
    if (!table->index) {
        for (uint32_t i = table->first; i < table->used; i++)
            if (table->entries[i].hash == hash && is_str_key(table->entries[i].key, key))
                return &table->entries[i];
        return NULL;
    }
    uint32_t mask = table->index_size - 1;
    for (uint32_t at = hash & mask, slot; (slot = table->index[at]); at = (at + 1) & mask) {
        struct entry *entry = &table->entries[slot - 1];
        if (entry->hash == hash && is_str_key(entry->key, key))
            return entry;
    }
    return NULL;
}

struct entry *sl_table_next(const struct table *table, uint32_t *at)
{
    if (*at < table->first)
        *at = table->first;
    while (*at < table->used) {
        struct entry *entry = &table->entries[(*at)++];
        if (!star_is_null(entry->key))
            return entry;
    }
    return NULL;
}

/* -----------------------------------------------------------------------------------------------------------------
 * growing */

static void index_put(struct table *table, uint32_t hash, uint32_t place)
{
    uint32_t mask = table->index_size - 1, at = hash & mask;
    while (table->index[at])
        at = (at + 1) & mask;
    table->index[at] = place + 1;
}

static void index_fill(struct table *table)
{
    memset(table->index, 0, table->index_size * sizeof(uint32_t));
    for (uint32_t i = 0; i < table->used; i++)
        index_put(table, table->entries[i].hash, i);
}

/* Drops the holes. */
static void table_pack(struct table *table)
{
    uint32_t used = 0;
    for (uint32_t i = table->first; i < table->used; i++)
        if (!star_is_null(table->entries[i].key))
            table->entries[used++] = table->entries[i];
    table->used = used;
    table->first = 0;
    if (table->index)
        index_fill(table);
}

static bool table_resize(struct star_vm *vm, struct table *table, uint32_t capacity)
{
    if (capacity > ENTRIES_MAX) {
        star_fail(vm, "excessive number of entries");
        return false;
    }
    struct entry *entries = sl_realloc(vm, table->entries, table->capacity * sizeof(struct entry),
                                       capacity * sizeof(struct entry));
    if (!entries)
        return false;
    table->entries = entries;
    table->capacity = capacity;
    uint32_t slots = 16;
    while (slots < capacity + capacity / 2)
        slots *= 2;
    if (capacity <= SCANNED_MAX || slots == table->index_size)
        return true;
    uint32_t *index = sl_realloc(vm, table->index, table->index_size * sizeof(uint32_t),
                                 slots * sizeof(uint32_t));
    if (!index)
        return false;
    table->index = index;
    table->index_size = slots;
    index_fill(table);
    return true;
}

bool sl_table_reserve(struct star_vm *vm, struct table *table, uint32_t count)
{
    return count <= table->capacity || table_resize(vm, table, count);
}

static bool table_make_room(struct star_vm *vm, struct table *table)
{
    if (table->count < table->used - table->used / 4) {
        table_pack(table);
        if (table->used < table->capacity)
            return true;
    }
    return table_resize(vm, table, table->capacity < 4 ? 4 : table->capacity * 2);
}

bool sl_table_insert(struct star_vm *vm, struct table *table, star_value key, uint32_t hash,
                     star_value value)
{
    if (table->used == table->capacity && !table_make_room(vm, table))
        return false;
    table->entries[table->used] = (struct entry){.key = key, .value = value, .hash = hash};
    if (table->index)
        index_put(table, hash, table->used);
    table->used++;
    table->count++;
    return true;
}

bool sl_table_set(struct star_vm *vm, struct table *table, star_value key, uint32_t hash,
                  star_value value, bool *ret_new)
{
    struct entry *entry = sl_table_find(vm, table, key, hash);
    if (!entry && vm->error)
        return false;
    if (ret_new)
        *ret_new = !entry;
    if (!entry)
        return sl_table_insert(vm, table, key, hash, value);
    entry->value = value;
    return true;
}

/* The index keeps pointing at the hole until the table is packed. */
void sl_table_delete(struct table *table, struct entry *entry)
{
    entry->key = entry->value = STAR_NULL;
    table->count--;
    while (table->first < table->used && star_is_null(table->entries[table->first].key))
        table->first++;
    if (table->count == 0) {
        table->used = table->first = 0;
        if (table->index)
            memset(table->index, 0, table->index_size * sizeof(uint32_t));
    }
}

void sl_table_clear(struct star_vm *vm, struct table *table)
{
    sl_realloc(vm, table->entries, table->capacity * sizeof(struct entry), 0);
    sl_realloc(vm, table->index, table->index_size * sizeof(uint32_t), 0);
    *table = (struct table){0};
}
