/* The bounded buffer: its maximum holds, a failure sticks, JSON escaping is valid for any bytes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/buf.h"

#include <string.h>

static void test_appends_and_terminates(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf buf = BUF_INIT(100);
    assert_string_equal(buf.data, "");
    buf_puts(&buf, "one");
    buf_putc(&buf, ' ');
    buf_printf(&buf, "%d-%s", 2, "three");
    assert_string_equal(buf.data, "one 2-three");
    assert_int_equal(buf.length, 11);
}

static void test_maximum_holds_and_failure_sticks(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf buf = BUF_INIT(4);
    buf_puts(&buf, "1234");
    assert_false(buf.failed);
    buf_puts(&buf, "5");
    assert_true(buf.failed);
    buf_truncate(&buf, 0);
    buf_puts(&buf, "x");
    assert_string_equal(buf.data, "");
    cleanup(error_free) struct error *err = NULL;
    assert_null(buf_steal(&buf, &err));
    assert_int_equal(error_code(err), EFBIG);
}

static void test_text_becomes_utf8(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf buf = BUF_INIT(1000);
    buf_put_utf8(&buf, "a\xff\xc3\xa9\xed\xa0.star");
    assert_string_equal(buf.data, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd.star");
    assert_true(text_is_utf8(buf.data));
    assert_true(text_is_utf8(""));
    assert_false(text_is_utf8("a\xff"));
    assert_false(text_is_utf8("\xc3"));
}

static void test_json_escaping_is_valid_utf8(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf buf = BUF_INIT(1000);
    const char hostile[] = "a\"\\\n\x01\xff\xc0\xaf\xed\xa0\x80\xc3\xa9";
    buf_put_json_escaped(&buf, hostile, sizeof hostile - 1);
    assert_string_equal(buf.data, "a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_and_terminates),
        cmocka_unit_test(test_maximum_holds_and_failure_sticks),
        cmocka_unit_test(test_text_becomes_utf8),
        cmocka_unit_test(test_json_escaping_is_valid_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
