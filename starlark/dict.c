/* Dicts and sets as values: who may change one when, and the host's functions. */
#include "starlark/str.h"
#include "starlark/table.h"

struct dict *sl_dict_new(struct star_vm *vm, enum kind kind)
{
    struct dict *dict = sl_alloc(vm, sizeof(*dict), kind);
    if (dict)
        dict->table = (struct table){0};
    return dict;
}

bool sl_dict_writable(struct star_vm *vm, const struct dict *dict, const char *verb)
{
    bool from = strcmp(verb, "delete") == 0, clear = strcmp(verb, "clear") == 0;
    const char *preposition = from ? " from" : clear ? "" : " into";
    if (dict->head.flags & F_FROZEN)
        star_fail(vm, "cannot %s%s frozen hash table", verb, preposition);
    else if (dict->head.aux > 0)
        star_fail(vm, "cannot %s%s hash table during iteration", verb, preposition);
    else
        return true;
    return false;
}

bool sl_dict_put(struct star_vm *vm, struct dict *dict, star_value key, star_value value)
{
    uint32_t hash;
    return sl_dict_writable(vm, dict, "insert") && sl_hash(vm, key, DEPTH_MAX, &hash) &&
           sl_table_set(vm, &dict->table, key, hash, value, NULL);
}

star_value sl_dict_find(struct star_vm *vm, struct dict *dict, star_value key)
{
    uint32_t hash;
    struct entry *entry;
    if (is_string(key)) {
        entry = sl_table_find_str(&dict->table, as_str(key), sl_str_hash(as_str(key), vm->key));
    } else {
        if (!sl_hash(vm, key, DEPTH_MAX, &hash))
            return STAR_NULL;
        entry = sl_table_find(vm, &dict->table, key, hash);
    }
    return entry ? entry->value : STAR_NULL;
}

bool sl_dict_copy_into(struct star_vm *vm, struct dict *to, const struct dict *from)
{
    uint32_t at = 0;
    for (struct entry *entry; (entry = sl_table_next(&from->table, &at));)
        if (!sl_table_set(vm, &to->table, entry->key, entry->hash, entry->value, NULL))
            return false;
    return sl_charge(vm, from->table.count);
}

/* --------------------------------------------------------------------------------------------------------------------
 * API */

static bool is_dict(star_value value)
{
    return is_kind(value, K_DICT);
}

static bool want(struct star_vm *vm, star_value value, enum kind kind, const char *name)
{
    if (is_kind(value, kind))
        return true;
    star_fail(vm, "got %s, want %s", star_type_name(value), name);
    return false;
}

star_value star_dict_new(struct star_vm *vm)
{
    return object_value(sl_dict_new(vm, K_DICT));
}

bool star_dict_set(struct star_vm *vm, star_value dict, star_value key, star_value value)
{
    return want(vm, dict, K_DICT, "dict") && sl_dict_put(vm, AS(dict, dict), key, value);
}

bool star_dict_set_z(struct star_vm *vm, star_value dict, const char *key, star_value value)
{
    star_value string = star_string_z(vm, key);
    return !star_is_null(string) && star_dict_set(vm, dict, string, value);
}

/* Raises nothing: an error that the look-up made goes. */
static star_value find_quietly(struct star_vm *vm, star_value dict, star_value key)
{
    bool pending = vm->error != NULL;
    star_value found = sl_dict_find(vm, AS(dict, dict), key);
    if (!pending && vm->error)
        star_error_free(star_take_error(vm));
    return found;
}

star_value star_dict_get(struct star_vm *vm, star_value dict, star_value key)
{
    return is_dict(dict) ? find_quietly(vm, dict, key) : STAR_NULL;
}

star_value star_dict_get_z(struct star_vm *vm, star_value dict, const char *key)
{
    if (!is_dict(dict))
        return STAR_NULL;
    size_t size = strlen(key);
    uint32_t hash = sl_hash_bytes(key, size, vm->key), at = 0;
    struct table *table = &AS(dict, dict)->table;
    for (struct entry *entry; (entry = sl_table_next(table, &at));)
        if (entry->hash == hash && is_string(entry->key) && as_str(entry->key)->size == size &&
            memcmp(as_str(entry->key)->data, key, size) == 0)
            return entry->value;
    return STAR_NULL;
}

bool star_dict_delete(struct star_vm *vm, star_value dict, star_value key, bool *ret_found)
{
    uint32_t hash;
    if (!want(vm, dict, K_DICT, "dict") || !sl_dict_writable(vm, AS(dict, dict), "delete") ||
        !sl_hash(vm, key, DEPTH_MAX, &hash))
        return false;
    struct entry *entry = sl_table_find(vm, &AS(dict, dict)->table, key, hash);
    if (entry)
        sl_table_delete(&AS(dict, dict)->table, entry);
    if (ret_found)
        *ret_found = entry != NULL;
    return !vm->error;
}

size_t star_dict_len(star_value value)
{
    return is_dict(value) || is_kind(value, K_SET) ? AS(dict, value)->table.count : 0;
}

bool star_dict_next(star_value dict, size_t *cursor, star_value *ret_key, star_value *ret_value)
{
    uint32_t at = (uint32_t)*cursor;
    struct entry *entry = is_dict(dict) ? sl_table_next(&AS(dict, dict)->table, &at) : NULL;
    if (!entry)
        return false;
    *cursor = at;
    *ret_key = entry->key;
    *ret_value = entry->value;
    return true;
}

star_value star_set_new(struct star_vm *vm)
{
    return object_value(sl_dict_new(vm, K_SET));
}

bool star_set_add(struct star_vm *vm, star_value set, star_value item)
{
    return want(vm, set, K_SET, "set") && sl_dict_put(vm, AS(dict, set), item, V_NONE);
}

bool star_set_has(struct star_vm *vm, star_value set, star_value item)
{
    return is_kind(set, K_SET) && !star_is_null(find_quietly(vm, set, item));
}

bool star_set_next(star_value set, size_t *cursor, star_value *ret_item)
{
    uint32_t at = (uint32_t)*cursor;
    struct entry *entry = is_kind(set, K_SET) ? sl_table_next(&AS(dict, set)->table, &at) : NULL;
    if (!entry)
        return false;
    *cursor = at;
    *ret_item = entry->key;
    return true;
}
