/* The hash table against a plain array: order, deletion, growth, packing. */
#include "starlark/int.h"
#include "starlark/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    KEYS = 500,
    ROUNDS = 20000
};

/* What the table should hold, in order. */
struct model {
    int64_t keys[KEYS];
    int64_t values[KEYS];
    size_t count;
};

static size_t model_find(const struct model *model, int64_t key)
{
    size_t i = 0;
    while (i < model->count && model->keys[i] != key)
        i++;
    return i;
}

static void model_set(struct model *model, int64_t key, int64_t value)
{
    size_t i = model_find(model, key);
    model->keys[i] = key;
    model->values[i] = value;
    model->count += i == model->count;
}

static bool model_delete(struct model *model, int64_t key)
{
    size_t i = model_find(model, key);
    if (i == model->count)
        return false;
    memmove(model->keys + i, model->keys + i + 1, (model->count - i - 1) * sizeof(int64_t));
    memmove(model->values + i, model->values + i + 1, (model->count - i - 1) * sizeof(int64_t));
    model->count--;
    return true;
}

static void assert_same(const struct table *table, const struct model *model)
{
    uint32_t at = 0;
    assert_int_equal(table->count, model->count);
    for (size_t i = 0; i < model->count; i++) {
        struct entry *entry = sl_table_next(table, &at);
        assert_non_null(entry);
        assert_int_equal(small_get(entry->key), model->keys[i]);
        assert_int_equal(small_get(entry->value), model->values[i]);
    }
    assert_null(sl_table_next(table, &at));
}

static void table_is_like_an_array(void **state)
{
    (void)state;
    struct star_vm *vm = star_vm_new(NULL);
    struct table table = {0};
    struct model model = {0};
    uint64_t random = 88172645463325252u; /* xorshift: the same run every time */
    for (int round = 0; round < ROUNDS; round++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t key = (int64_t)(random >> 20) % KEYS;
        uint32_t hash = (uint32_t)key % 7; /* collisions in plenty */
        struct entry *entry = sl_table_find(vm, &table, small_make(key), hash);
        if (random % 3 == 0) {
            assert_int_equal(entry != NULL, model_delete(&model, key));
            if (entry)
                sl_table_delete(&table, entry);
        } else {
            assert_int_equal(entry != NULL, model_find(&model, key) < model.count);
            assert_true(sl_table_set(vm, &table, small_make(key), hash, small_make(round), NULL));
            model_set(&model, key, round);
        }
        if (round % 100 == 0)
            assert_same(&table, &model);
    }
    assert_same(&table, &model);
    sl_table_clear(vm, &table);
    star_vm_free(vm);
}

static void taking_the_first_is_cheap(void **state)
{
    (void)state;
    struct star_vm *vm = star_vm_new(NULL);
    struct table table = {0};
    enum {
        MANY = 200000
    };
    for (int64_t i = 0; i < MANY; i++)
        assert_true(sl_table_set(vm, &table, small_make(i), sl_int_hash(vm, small_make(i)),
                                 small_make(i), NULL));
    for (int64_t i = 0; i < MANY; i++) {
        uint32_t at = 0;
        struct entry *entry = sl_table_next(&table, &at);
        assert_int_equal(small_get(entry->key), i);
        sl_table_delete(&table, entry);
    }
    assert_int_equal(table.count, 0);
    sl_table_clear(vm, &table);
    star_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_like_an_array),
        cmocka_unit_test(taking_the_first_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
