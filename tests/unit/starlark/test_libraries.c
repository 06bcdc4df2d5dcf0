/* The modules json, math and time. */
#include "starlark/starlark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text of an expression's value, or the message of its error. */
static char *evaluate(const char *expression, bool plain)
{
    static const char *const names[] = {"json", "math", "time", "struct", NULL};
    char source[1000] = "r = ";
    struct star_error *error = NULL;
    memcpy(source + 4, expression, strlen(expression) + 1);
    struct star_compile_options options = {.predeclared = names};
    struct star_program *program = star_compile(&options, "t", source, strlen(source), &error);
    assert_null(error);
    struct star_vm *vm = star_vm_new(
        &(struct star_config){.json_plain_whole_floats = plain, .max_memory = 64 << 20});
    struct star_binding bindings[] = {{"json", star_lib_json(vm)},
                                      {"math", star_lib_math(vm)},
                                      {"time", star_lib_time(vm)},
                                      {"struct", star_lib_struct(vm)}};
    star_value module = star_exec(vm, program, bindings, 4);
    star_value shown =
        star_is_null(module) ? STAR_NULL : star_str(vm, star_module_get(module, "r"));
    char *text = strdup(star_is_null(shown) ? star_error_pending(vm) : star_text_of(shown, NULL));
    star_vm_free(vm);
    star_program_unref(program);
    return text;
}

static void expect(const char *expression, const char *result)
{
    char *text = evaluate(expression, false);
    assert_string_equal(text, result);
    free(text);
}

static void json_encodes(void **state)
{
    (void)state;
    expect("json.encode({'b': 1, 'a': [1.0, None, True, (2,)]})",
           "{\"a\":[1.0,null,true,[2]],\"b\":1}");
    expect("json.encode(struct(b = 'x\\n', a = '<'))", "{\"a\":\"<\",\"b\":\"x\\n\"}");
    expect("json.encode('\xc3\xa9<')", "\"\xc3\xa9\\u003c\"");
    expect("json.encode({1: 2})", "json.encode: dict has int key, want string");
    expect("json.encode({'a': [1, len]})", "json.encode: in dict key \"a\": at list index 1: "
                                           "cannot encode builtin_function_or_method as JSON");
    expect("json.encode(float('inf'))", "json.encode: cannot encode non-finite float +inf");
    expect("json.indent('{\"a\":[1,{}]}', indent='  ')", "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    char *text = evaluate("json.encode([1.0, 2.5, 1e21])", true);
    assert_string_equal(text, "[1,2.5,1e+21]");
    free(text);
}

static void json_decodes(void **state)
{
    (void)state;
    expect("json.decode('[1, -2.5e3, \"a\\\\u00e9\\\\ud83d\\\\ude00\", null, {\"k\": [true, "
           "false]}]')",
           "[1, -2500.0, \"a\xc3\xa9\xf0\x9f\x98\x80\", None, {\"k\": [True, False]}]");
    expect("json.decode('12345678901234567890')", "12345678901234567890");
    expect("json.decode('x')", "json.decode: at offset 0, unexpected character 'x'");
    expect("json.decode('[1,]')", "json.decode: at offset 3, unexpected character ']'");
    expect("json.decode('01')", "json.decode: at offset 2, invalid number: 01");
    expect("json.decode('')", "json.decode: at offset 0, unexpected end of file");
    expect("json.decode('x', 7)", "7");
    expect("json.decode('[' * 100000)", "json.decode: at offset 1000, nested too deeply");
}

static void math_computes(void **state)
{
    (void)state;
    expect("[math.floor(-2.5), math.ceil(1e30), math.round(2.5), math.pow(2, 0.5) == math.sqrt(2)]",
           "[-3, 1000000000000000019884624838656, 3.0, True]");
    expect("math.log(8, 2)", "3.0");
    expect("math.log(8, 1)", "division by zero");
    expect("math.sqrt('x')", "sqrt: for parameter 1: got string, want float or int");
    expect("math.floor(float('inf'))", "floor: cannot convert float infinity to integer");
}

static void durations(void **state)
{
    (void)state;
    expect("[str(d) for d in [time.parse_duration('1h15m30.5s'), time.second * 0, time.microsecond "
           "* 3 // time.nanosecond, "
           "time.minute / 4, -1 * time.hour]]",
           "[\"1h15m30.5s\", \"0s\", \"3000\", \"15s\", \"-1h0m0s\"]");
    expect("time.parse_duration('3x')",
           "parse_duration: for parameter 1: time: unknown unit \"x\" in duration \"3x\"");
    expect("(time.hour.minutes, time.hour.milliseconds)", "(60.0, 3600000)");
}

static void times(void **state)
{
    (void)state;
    expect("time.time(year = 2020)", "2019-11-30 00:00:00 +0000 UTC");
    expect("time.parse_time('2021-03-22T23:20:50.52Z') + time.hour",
           "2021-03-23 00:20:50.52 +0000 UTC");
    expect("time.parse_time('2021-03-22T23:20:50+02:00').unix", "1616448050");
    expect("time.from_timestamp(1600000000).format('Mon Jan _2 3:04PM 2006')",
           "Sun Sep 13 12:26PM 2020");
    expect("time.parse_time('2021-13-01T00:00:00Z')",
           "parsing time \"2021-13-01T00:00:00Z\": month out of range");
    expect("time.time(year = 2000, month = 2, day = 29) < time.from_timestamp(0)", "False");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_encodes),  cmocka_unit_test(json_decodes),
        cmocka_unit_test(math_computes), cmocka_unit_test(durations),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
