/* Output in the order of the script, from many threads. */
#include "tests/unit/plan/unit.h"

#include "backend/plan/output.h"
#include "backend/base/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    COUNT = 200
};

static void collect(void *context, const char *text, size_t length)
{
    buf_append(context, text, length); /* output.h: one thread writes at a time */
}

static void speak(void *context, size_t i)
{
    struct output *output = context;
    char text[32];
    /* Out of order: the first share the work with the last. */
    size_t index = i % 2 ? COUNT - i : i;
    for (int part = 0; part < 3; part++) {
        snprintf(text, sizeof text, "%zu.%d\n", index, part);
        output_put(output, index, text, strlen(text));
    }
    output_finish(output, index);
}

static void output_is_in_order(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(BUF_MAX_TEXT), want = BUF_INIT(BUF_MAX_TEXT);
    struct output *output = output_new(COUNT, collect, &text, NULL);
    threads_for_each(COUNT, 8, speak, output);
    for (int i = 0; i < COUNT; i++)
        buf_printf(&want, "%d.0\n%d.1\n%d.2\n", i, i, i);
    assert_string_equal(text.data, want.data);
    output_free(output);
    buf_done(&text);
    buf_done(&want);
}

static void first_writes_through_and_rest_is_flushed(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    struct output *output = output_new(3, collect, &text, NULL);
    output_put(output, 1, "b", 1);
    output_put(output, 0, "a", 1);
    assert_string_equal(text.data, "a");
    output_put(output, 2, "c", 1);
    output_flush(output);
    assert_string_equal(text.data, "abc");
    output_free(output);
    buf_done(&text);
}

static void count_one(void *context, size_t i)
{
    (void)i;
    atomic_fetch_add((atomic_int *)context, 1);
}

static void every_turn_of_a_loop_is_taken_once(void **state)
{
    (void)state;
    atomic_int count = 0;
    threads_for_each(1000, 16, count_one, &count);
    threads_for_each(0, 16, count_one, &count);
    assert_int_equal(atomic_load(&count), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_in_order),
        cmocka_unit_test(first_writes_through_and_rest_is_flushed),
        cmocka_unit_test(every_turn_of_a_loop_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
