/* The front end alone: what parses, what does not and where, and that hostile texts end in errors.
 */
#include "starlark/starlark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The first diagnostic as "line:column: message", "ok" if there is none. */
static const char *check(const char *source, size_t size, unsigned dialect)
{
    static char text[300];
    struct star_error *error = NULL;
    struct star_compile_options options = {.dialect = dialect};
    struct star_program *program = star_compile(&options, "t", source, size, &error);
    if (program) {
        star_program_unref(program);
        return "ok";
    }
    const struct star_diagnostic *first = &error->diagnostics[0];
    snprintf(text, sizeof(text), "%d:%d: %s", first->position.line, first->position.column,
             first->message);
    star_error_free(error);
    return text;
}

static void expect(const char *source, const char *outcome)
{
    assert_string_equal(check(source, strlen(source), 0), outcome);
}

static void tokens(void **state)
{
    (void)state;
    expect("x = 0xFF + 0o17 + 0b11 + 1. + .5 + 1e3 + 00", "ok");
    expect("x = 017", "1:8: obsolete form of octal literal; use 0o17");
    expect("x = 'a\nb'", "1:5: unexpected newline in string");
    expect("x = '\\q'", "1:5: invalid escape sequence \\q");
    expect("x = '\\x80'",
           "1:5: non-ASCII hex escape \\x80 (use \\u0080 for the UTF-8 encoding of U+0080)");
    expect("x = b'\\x80'", "ok");
    expect("x = r'\\q' + rb'\\q'", "ok");
    expect("x = 1e400", "1:10: invalid float literal");
    expect("x = $", "1:5: unexpected input character '$'");
    expect("x = \f", "1:5: unexpected input character '\\f'");
    expect("x = \x01", "1:5: unexpected input character '\\x01'");
    expect("if 1:\n    x\n  y", "3:3: unindent does not match any outer indentation level");
}

static void columns_count_code_points(void **state)
{
    (void)state;
    expect("x = '\xc3\xa9\xc3\xa9' $", "1:10: unexpected input character '$'");
    expect("\xc3\xa9 = 1\n\xc3\xa9 = y", "2:1: cannot reassign global \xc3\xa9 declared at t:1:1");
}

static void grammar(void **state)
{
    (void)state;
    expect("x = 1 < 2 < 3", "1:12: < does not associate with < (use parens)");
    expect("x = 1,", "1:6: unparenthesized tuple with trailing comma");
    expect("x = 2 ** 3", "1:9: got '**', want newline");
    expect("f(a, b", "1:7: got end of file, want ')'");
    expect("def f(:\n  pass", "1:8: got ':', want ')'");
    expect("load('m')", "1:5: load statement must import at least 1 symbol");
    expect("f() = 1", "1:1: can't assign to callexpr");
    expect("x = not 1 == 2 and not 3 in [4] or 5 not in [6]", "ok");
    expect("x = [a for b in [1]]", "1:6: undefined: a");
}

static void dialect(void **state)
{
    (void)state;
    const char *loop = "def f():\n    while True: pass\n";
    expect(loop, "2:5: this Starlark dialect does not support while loops");
    assert_string_equal(check(loop, strlen(loop), STAR_ALLOW_WHILE), "ok");
    expect("set([1])", "1:1: this Starlark dialect does not support sets");
    expect("for i in []: pass", "1:1: for loop not within a function");
    assert_string_equal(check("x = 1\nx = 2\n", 12, STAR_ALLOW_GLOBAL_REASSIGN), "ok");
}

/* `count` times `unit`, between `before` and `after`. */
static char *repeated(const char *before, const char *unit, size_t count, const char *after,
                      size_t *ret_size)
{
    size_t first = strlen(before), each = strlen(unit), last = strlen(after);
    char *text = malloc(first + each * count + last + 1);
    assert_non_null(text);
    memcpy(text, before, first);
    for (size_t i = 0; i < count; i++)
        memcpy(text + first + i * each, unit, each);
    memcpy(text + first + count * each, after, last + 1);
    *ret_size = first + each * count + last;
    return text;
}

static void expect_repeated(const char *before, const char *unit, size_t count, const char *after,
                            const char *outcome)
{
    size_t size;
    char *text = repeated(before, unit, count, after, &size);
    const char *got = check(text, size, 0);
    if (strcmp(outcome, "error") == 0)
        assert_string_not_equal(got, "ok");
    else
        assert_string_equal(got, outcome);
    free(text);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    expect_repeated("x = ", "(", 100000, "", "error");
    expect_repeated("x = ", "[", 100000, "", "error");
    expect_repeated("x = ", "-", 100000, "1", "error");
    expect_repeated("x = ", "not ", 100000, "1", "error");
    expect_repeated("x = ", "lambda: ", 100000, "1", "error");
    expect_repeated("x = ", "1 if 1 else ", 100000, "1", "error");
    expect_repeated("x = y", ".a", 100000, "", "error");
    expect_repeated("x = y", "()", 100000, "", "error");
}

static void long_chains_are_fine(void **state)
{
    (void)state;
    expect_repeated("x = 1", " + 1", 100000, "", "ok");
    expect_repeated("x = 1", " or 1", 100000, "", "ok");
    expect_repeated("x = [", "1, ", 200000, "]", "ok");
    expect_repeated("x = {", "'a': 1, ", 1, "}", "ok");
    expect_repeated("def f(x):\n  if x: pass\n", "  elif x: pass\n", 20000, "", "ok");
}

static void calls_are_narrow(void **state)
{
    (void)state;
    expect_repeated("print(", "1, ", 255, ")", "ok");
    expect_repeated("print(", "1, ", 256, ")",
                    "1:1: 256 positional arguments in call, limit is 255");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(columns_count_code_points),
        cmocka_unit_test(grammar),
        cmocka_unit_test(dialect),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(long_chains_are_fine),
        cmocka_unit_test(calls_are_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
