/* The words of `kfs run` and `kfs plan`: which are options, and whose arguments count. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tools/kfs/order.h"

#include <string.h>

/* Words end with NULL. */
static void assert_line(const char *const *words, const char *expected, const char *mirror)
{
    char *copies[16];
    int count = 0;
    for (; words[count]; count++)
        copies[count] = strdup(words[count]);
    cleanup(order_done) struct order order;
    cleanup(error_free) struct error *err = NULL;
    if (order_parse(count, copies, &order, &err) < 0)
        fail_msg("%s", error_message(err));
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
    order_put_line(&order, order.locator, &line);
    assert_string_equal(line.data, expected);
    assert_string_equal(order.package_mirror ? order.package_mirror : "-", mirror);
    for (int i = 0; i < count; i++)
        free(copies[i]);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_arguments(void **state)
{
    (void)state;
    assert_line(WORDS("./p"), "./p \n", "-");
    assert_line(WORDS("./p", "{\"a\": 1}"), "./p {\"a\": 1}\n", "-");
    assert_line(WORDS("--args", "{\"a\": 1}", "./p"), "./p {\"a\": 1}\n", "-");
    assert_line(WORDS("--args={\"a\": 1}", "./p"), "./p {\"a\": 1}\n", "-");
    assert_line(WORDS("--args", "a: 1", "./p", "b: 2"), "./p b: 2\n", "-");
}

static void test_options(void **state)
{
    (void)state;
    assert_line(WORDS("--dry-run", "--main-file", "x.star", "./p"),
                "--dry-run --main-file x.star ./p \n", "-");
    assert_line(WORDS("--package-mirror", "/m", "./p"), "./p \n", "/m");
    assert_line(WORDS("--package-mirror=/m", "--parallel", "./p"), "--parallel ./p \n", "/m");
}

static void test_mistakes(void **state)
{
    (void)state;
    char *words[] = {(char[]){"--args"}, (char[]){"x"}, (char[]){"y"}, (char[]){"z"},
                     (char[]){"too much"}};
    for (int count = 0; count <= 5; count += count == 0 ? 2 : 3) {
        cleanup(order_done) struct order order;
        cleanup(error_free) struct error *err = NULL;
        assert_int_equal(order_parse(count, words, &order, &err), -1);
        assert_int_equal(error_code(err), EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
