/* Arguments as JSON and YAML: what text becomes which value, and what is refused. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/plan/arguments.h"
#include "backend/plan/json_big.h"
#include "backend/plan/yaml_json.h"

#include <string.h>

static void assert_arguments(const char *text, const char *expected)
{
    cleanup(error_free) struct error *err = NULL;
    json_t *json = arguments_parse(text, strlen(text), &err);
    if (!json)
        fail_msg("%s: %s", text, error_message(err));
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(json_big_put(&out, json, JSON_COMPACT | JSON_SORT_KEYS, NULL), 0);
    assert_string_equal(out.data, expected);
    json_decref(json);
}

static void test_json(void **state)
{
    (void)state;
    assert_arguments("{}", "{}");
    assert_arguments("", "{}");
    assert_arguments(" \n", "{}");
    assert_arguments("{\"a\": 1, \"b\": 1.0, \"c\": [true, null, \"x\"]}",
                     "{\"a\":1,\"b\":1.0,\"c\":[true,null,\"x\"]}");
    assert_arguments("{\"wei\": 123456789012345678901234567890}",
                     "{\"wei\":123456789012345678901234567890}");
}

static void test_yaml(void **state)
{
    (void)state;
    assert_arguments("a: 1\nb: 1.0\nc: [x, 'y', \"z\"]\n",
                     "{\"a\":1,\"b\":1.0,\"c\":[\"x\",\"y\",\"z\"]}");
    assert_arguments("# only a comment\n", "{}");
    assert_arguments("a:\n  b:\n  - c: d\n    e: ~\n",
                     "{\"a\":{\"b\":[{\"c\":\"d\",\"e\":null}]}}");
    assert_arguments("a: {b: [1, 2]}", "{\"a\":{\"b\":[1,2]}}");
    assert_arguments("t: true\nu: yes\nv: Off\nw: y\n",
                     "{\"t\":true,\"u\":true,\"v\":false,\"w\":\"y\"}");
    assert_arguments("a: 0x1F\nb: 017\nc: 0b101\nd: 1_000\ne: -5\nf: 0o17\n",
                     "{\"a\":31,\"b\":15,\"c\":5,\"d\":1000,\"e\":-5,\"f\":15}");
    assert_arguments("wei: 123456789012345678901234567890",
                     "{\"wei\":123456789012345678901234567890}");
    assert_arguments("a: 1e3\nb: .5\nc: -1.5\n", "{\"a\":1000.0,\"b\":0.5,\"c\":-1.5}");
    assert_arguments("a: \"5\"\nb: '0x1F'\nc: 1.2.3\nd: 2020-01-01\ne: 0xabcdefg\nf: 12e4567\n",
                     "{\"a\":\"5\",\"b\":\"0x1F\",\"c\":\"1.2.3\",\"d\":\"2020-01-01\","
                     "\"e\":\"0xabcdefg\",\"f\":\"12e4567\"}");
    assert_arguments("zero: 0x0000000000000000000000000000000000000000\n",
                     "{\"zero\":\"0x0000000000000000000000000000000000000000\"}");
    assert_arguments("addr: 0x00000000219ab540356cBB839Cbe05303d7705Fa\n",
                     "{\"addr\":\"0x00000000219ab540356cBB839Cbe05303d7705Fa\"}");
    assert_arguments("a: |\n  two\n  lines\nb: >-\n  one\n  line\n",
                     "{\"a\":\"two\\nlines\\n\",\"b\":\"one line\"}");
    assert_arguments("x: &a {k: 1}\ny: *a\nz: {<<: *a, k: 2, l: 3}\n",
                     "{\"x\":{\"k\":1},\"y\":{\"k\":1},\"z\":{\"k\":2,\"l\":3}}");
    assert_arguments("x: &a {k: 1}\nz:\n  <<: [*a, {k: 5, m: 6}]\n",
                     "{\"x\":{\"k\":1},\"z\":{\"k\":1,\"m\":6}}");
    assert_arguments("1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}");
}

static void assert_refused(const char *text, const char *part)
{
    cleanup(error_free) struct error *err = NULL;
    json_t *json = arguments_parse(text, strlen(text), &err);
    if (json)
        fail_msg("taken: %s", text);
    assert_int_equal(error_code(err), EINVAL);
    if (!strstr(error_message(err), part))
        fail_msg("%s: %s", text, error_message(err));
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("[1]", "must be a map of names to values, but are a list");
    assert_refused("5", "but are a number");
    assert_refused("text", "but are a text");
    assert_refused("{\"a\": 1", "neither JSON nor YAML");
    assert_refused("a: 1\na: 2\n", "line 2, column 1: key \"a\" appears twice");
    assert_refused("a: .inf\n", "no infinite number");
    assert_refused("a: .nan\n", "no NaN");
    assert_refused("? [1]\n: 2\n", "a key that is no text");
    assert_refused("a: *b\n", "not YAML");
    assert_refused("a: 1\n---\nb: 2\n", "more than one document");
    assert_refused("<<: 5\n", "<< wants a map");
    assert_refused("a: \xff\n", "not YAML");
}

static void test_bombs_are_refused(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&text, "%s*a%d", j ? ", " : "", i - 1);
        buf_puts(&text, "]\n");
    }
    assert_refused(text.data, "too many values");
    assert_refused("a: &a [*a]\n", "nested too deep");
    buf_truncate(&text, 0);
    buf_puts(&text, "a: ");
    for (int i = 0; i < 100000; i++)
        buf_putc(&text, '[');
    assert_refused(text.data, "nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bombs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
