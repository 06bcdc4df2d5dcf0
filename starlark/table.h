/* The hash table behind dicts and sets. Keys must be hashable; what fails is only comparison
 * (depth) and memory. */
#ifndef STARLARK_TABLE_H
#define STARLARK_TABLE_H

#include "starlark/vm.h"

/* The entry of a key, NULL if there is none or an error is pending (ask vm->error). */
struct entry *sl_table_find(struct star_vm *vm, const struct table *table, star_value key,
                            uint32_t hash);
/* The same for a string. */
struct entry *sl_table_find_str(const struct table *table, const struct str *key, uint32_t hash);
/* Sets or inserts. `ret_new` may be NULL. */
bool sl_table_set(struct star_vm *vm, struct table *table, star_value key, uint32_t hash,
                  star_value value, bool *ret_new);
/* For keys that are known to be absent. */
bool sl_table_insert(struct star_vm *vm, struct table *table, star_value key, uint32_t hash,
                     star_value value);
void sl_table_delete(struct table *table, struct entry *entry);
void sl_table_clear(struct star_vm *vm, struct table *table);
bool sl_table_reserve(struct star_vm *vm, struct table *table, uint32_t count);
/* The first live entry at or after *at, which moves behind it; NULL at the end. */
struct entry *sl_table_next(const struct table *table, uint32_t *at);

/* dict.c: the checks of dicts and sets around it. */
struct dict *sl_dict_new(struct star_vm *vm, enum kind kind);
bool sl_dict_writable(struct star_vm *vm, const struct dict *dict, const char *verb);
bool sl_dict_put(struct star_vm *vm, struct dict *dict, star_value key, star_value value);
/* STAR_NULL: absent, or an error is pending. */
star_value sl_dict_find(struct star_vm *vm, struct dict *dict, star_value key);
bool sl_dict_copy_into(struct star_vm *vm, struct dict *to, const struct dict *from);

#endif
