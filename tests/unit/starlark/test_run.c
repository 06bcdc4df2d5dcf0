/* The whole way from text to values: what programs compute, what they fail with, and what a host
 * sees of it. */
#include "starlark/starlark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Runs a program and gives its global `result` as text, or the error's text. The caller frees it.
 */
static char *run(const char *source, unsigned dialect)
{
    static const char *const names[] = {"struct", NULL};
    struct star_error *error = NULL;
    struct star_compile_options options = {.dialect = dialect, .predeclared = names};
    struct star_program *program = star_compile(&options, "t.star", source, strlen(source), &error);
    char *text = NULL;
    if (program) {
        struct star_vm *vm =
            star_vm_new(&(struct star_config){.max_steps = 10000000, .max_memory = 64 << 20});
        struct star_binding bindings[] = {{"struct", star_lib_struct(vm)}};
        star_value module = star_exec(vm, program, bindings, 1);
        star_value shown =
            star_is_null(module) ? STAR_NULL : star_repr(vm, star_module_get(module, "result"));
        if (star_is_null(shown))
            error = star_take_error(vm);
        else
            text = strdup(star_text_of(shown, NULL));
        star_vm_free(vm);
        star_program_unref(program);
    }
    if (error)
        text = star_error_text(error);
    star_error_free(error);
    return text;
}

static void expect(const char *source, const char *result)
{
    char *text = run(source, STAR_ALLOW_SET | STAR_ALLOW_TOPLEVEL_CONTROL);
    assert_string_equal(text, result);
    free(text);
}

static void arithmetic(void **state)
{
    (void)state;
    expect("result = [7 // 2, -7 // 2, -7 % 3, 7 / 2, 1 << 70, 2 * 3.5]",
           "[3, -4, 2, 3.5, 1180591620717411303424, 7.0]");
    expect("result = 9223372036854775807 + 1", "9223372036854775808");
    expect("result = [4611686018427387904 * 2 - 1, -4611686018427387904 - 1]",
           "[9223372036854775807, -4611686018427387905]");
    expect("result = 1 // 0", "Traceback (most recent call last):\n  t.star:1:12: in <toplevel>\n"
                              "Error: floored division by zero\n");
}

static void calls(void **state)
{
    (void)state;
    expect("def f(a, b=2, *args, c, d=4, **kw):\n    return (a, b, args, c, d, kw)\n"
           "result = f(c=9, *[1, 2, 3], **{\"q\": 1})",
           "(1, 2, (3,), 9, 4, {\"q\": 1})");
    expect("def f(a, b): pass\nresult = f(1)",
           "Traceback (most recent call last):\n  t.star:2:11: in <toplevel>\n"
           "  t.star:1:1: in f\nError: function f missing 1 argument (b)\n");
    expect("def f(): return f()\nf()",
           "Traceback (most recent call last):\n  t.star:2:2: in <toplevel>\n"
           "  t.star:1:18: in f\n  t.star:1:1: in f\nError: function f called recursively\n");
}

static void closures_share_variables(void **state)
{
    (void)state;
    expect("def f():\n    fs = []\n    for i in range(3):\n        fs.append(lambda: i)\n    "
           "return [g() for g in fs]\n"
           "result = f()",
           "[2, 2, 2]");
}

static void iteration_locks(void **state)
{
    (void)state;
    expect("x = [1]\nfor i in x:\n    x.append(2)",
           "Traceback (most recent call last):\n  t.star:3:13: in <toplevel>\n"
           "Error in append: append: cannot append to list during iteration\n");
    expect("def f():\n    x = [1, 2]\n    for i in x:\n        if i == 1:\n            break\n    "
           "x.append(3)\n    return x\n"
           "result = f()",
           "[1, 2, 3]");
}

static void static_errors_come_all(void **state)
{
    (void)state;
    char *text = run("x = 1\nx = 2\ny = zz\nbreak\n", 0);
    assert_string_equal(
        text,
        "t.star:2:1: cannot reassign global x declared at t.star:1:1\nt.star:3:5: undefined: zz\n"
        "t.star:4:1: break not in a loop\n");
    free(text);
}

static void limits_hold(void **state)
{
    (void)state;
    char *text = run("while True:\n    pass\n", STAR_ALLOW_WHILE | STAR_ALLOW_TOPLEVEL_CONTROL);
    assert_non_null(strstr(text, "Starlark computation cancelled: too many steps"));
    free(text);
    text = run("x = []\nwhile True:\n    x.append('abc' * 100000)\n",
               STAR_ALLOW_WHILE | STAR_ALLOW_TOPLEVEL_CONTROL);
    assert_non_null(strstr(text, "Starlark computation cancelled: too much memory"));
    free(text);
}

static void garbage_is_collected(void **state)
{
    (void)state;
    expect("def f():\n    n = 0\n    for i in range(100000):\n        n += len([str(i)] * 100)\n   "
           " return n\nresult = f()",
           "10000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(calls),
        cmocka_unit_test(closures_share_variables),
        cmocka_unit_test(iteration_locks),
        cmocka_unit_test(static_errors_come_all),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(garbage_is_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
