/* The arena: pieces are zeroed, aligned and apart; the maximum holds; a mark takes back what came
 * after it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/arena.h"

#include <string.h>

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    cleanup(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    for (size_t size = 0; size < 300; size++) {
        char *a = arena_alloc(&arena, size);
        char *b = arena_copy(&arena, "xyz", 3);
        assert_non_null(a);
        assert_int_equal((uintptr_t)a % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(a[i], 0);
        memset(a, 1, size);
        assert_string_equal(b, "xyz");
    }
}

static void test_maximum_holds(void **state)
{
    (void)state;
    cleanup(arena_done) struct arena arena = ARENA_INIT(10000);
    assert_null(arena_alloc(&arena, 10001));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    size_t pieces = 0;
    while (arena_alloc(&arena, 100))
        pieces++;
    assert_in_range(pieces, 80, 100);
    assert_true(arena.held <= 10000);
}

static void test_release_takes_back(void **state)
{
    (void)state;
    cleanup(arena_done) struct arena arena = ARENA_INIT(100000);
    char *kept = arena_copy(&arena, "kept", 4);
    for (int i = 0; i < 1000; i++) {
        struct arena_mark mark = arena_mark(&arena);
        assert_non_null(arena_alloc(&arena, 50000));
        assert_non_null(arena_alloc(&arena, 10));
        arena_release(&arena, mark);
    }
    assert_string_equal(kept, "kept");
    arena_done(&arena);
    assert_int_equal(arena.held, 0);
    struct arena_mark empty = arena_mark(&arena);
    assert_non_null(arena_alloc(&arena, 10));
    arena_release(&arena, empty);
    assert_int_equal(arena.held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_maximum_holds),
        cmocka_unit_test(test_release_takes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
