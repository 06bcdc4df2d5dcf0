/* Big integers in JSON: text there and back without a lost digit, and nothing else changed. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/plan/json_big.h"

#include <string.h>

static void assert_round_trip(const char *text)
{
    cleanup(error_free) struct error *err = NULL;
    json_t *json = json_big_parse(text, strlen(text), &err);
    if (!json)
        fail_msg("%s: %s", text, error_message(err));
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(json_big_put(&out, json, JSON_COMPACT, &err), 0);
    assert_string_equal(out.data, text);
    json_decref(json);
}

static void test_round_trips(void **state)
{
    (void)state;
    assert_round_trip("123456789012345678901234567890");
    assert_round_trip("-123456789012345678901234567890");
    assert_round_trip("9223372036854775807");
    assert_round_trip("9223372036854775808");
    assert_round_trip("-9223372036854775808");
    assert_round_trip("-9223372036854775809");
    assert_round_trip("[1,-2,{\"a\":99999999999999999999,\"b\":[18446744073709551615]}]");
    assert_round_trip(
        "{\"99999999999999999999\":\"99999999999999999999 \\\" 99999999999999999999\"}");
    assert_round_trip("[1.5,true,null,\"\\\\\",{}]");
    assert_round_trip("{\"a\":{\"$kfs.integer\":\"not digits\"}}");
    assert_round_trip("{\"a\":\"{\\\"$kfs.integer\\\":\\\"5\\\"}\"}");
}

static void test_indented_output_has_plain_numbers(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": 99999999999999999999, \"b\": [1]}";
    json_t *json = json_big_parse(text, sizeof text - 1, NULL);
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(json_big_put(&out, json, JSON_INDENT(2), NULL), 0);
    assert_string_equal(out.data, "{\n  \"a\": 99999999999999999999,\n  \"b\": [\n    1\n  ]\n}");
    json_decref(json);
}

static void test_small_numbers_stay_integers(void **state)
{
    (void)state;
    json_t *small = json_big_new("-9223372036854775808");
    assert_true(json_is_integer(small) && json_integer_value(small) == INT64_MIN);
    assert_null(json_big_digits(small));
    json_t *big = json_big_new("9223372036854775808");
    assert_string_equal(json_big_digits(big), "9223372036854775808");
    json_decref(small);
    json_decref(big);
    assert_null(json_big_new("1.5"));
    assert_null(json_big_new(""));
    assert_null(json_big_new("-"));
    assert_null(json_big_new("0x1"));
}

static void test_bad_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\n\"a\": 99999999999999999999,\n x}",
                                        "[1",
                                        "\"",
                                        "",
                                        "99999999999999999999x",
                                        "-",
                                        "1 2"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        cleanup(error_free) struct error *err = NULL;
        assert_null(json_big_parse(texts[i], strlen(texts[i]), &err));
        assert_int_equal(error_code(err), EINVAL);
        if (i == 0)
            assert_non_null(strstr(error_message(err), "line 3"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_indented_output_has_plain_numbers),
        cmocka_unit_test(test_small_numbers_stay_integers),
        cmocka_unit_test(test_bad_json_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
