/* One program shared by interpreters in several threads, and one interpreter cancelled from another
 * thread. */
#include "starlark/starlark.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct star_program *compile(const char *source, unsigned dialect)
{
    struct star_error *error = NULL;
    struct star_compile_options options = {.dialect = dialect};
    struct star_program *program = star_compile(&options, "t.star", source, strlen(source), &error);
    assert_non_null(program);
    return program;
}

static void *run_shared(void *data)
{
    struct star_vm *vm = star_vm_new(NULL);
    star_value module = star_exec(vm, data, NULL, 0);
    star_value shown =
        star_is_null(module) ? STAR_NULL : star_repr(vm, star_module_get(module, "r"));
    char *text = star_is_null(shown) ? NULL : strdup(star_text_of(shown, NULL));
    star_vm_free(vm);
    return text;
}

static void programs_are_shared(void **state)
{
    enum {
        THREADS = 4
    };
    pthread_t threads[THREADS];
    (void)state;
    struct star_program *program =
        compile("def f(n):\n    d = {}\n    for i in range(n):\n        d['k%d' % i] = [i]\n"
                "    return len(d)\nr = (f(5000), 'abc'.upper(), {'a': 1}['a'])\n",
                0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_shared, program), 0);
    for (int i = 0; i < THREADS; i++) {
        void *text;
        assert_int_equal(pthread_join(threads[i], &text), 0);
        assert_string_equal(text, "(5000, \"ABC\", 1)");
        free(text);
    }
    star_program_unref(program);
}

static void *cancel(void *data)
{
    star_vm_cancel(data, "enough");
    return NULL;
}

/* Starts the other thread from inside the run, so that it surely comes in the middle. */
static void start_cancel(struct star_vm *vm, void *data, const char *text, size_t size)
{
    (void)text;
    (void)size;
    assert_int_equal(pthread_create(data, NULL, cancel, vm), 0);
}

static void runs_are_cancelled(void **state)
{
    pthread_t thread;
    (void)state;
    struct star_program *program = compile("print('running')\nwhile True:\n    pass\n",
                                           STAR_ALLOW_WHILE | STAR_ALLOW_TOPLEVEL_CONTROL);
    struct star_vm *vm = star_vm_new(&(struct star_config){.print = start_cancel, .data = &thread});
    assert_true(star_is_null(star_exec(vm, program, NULL, 0)));
    struct star_error *error = star_take_error(vm);
    assert_int_equal(error->kind, STAR_ERROR_CANCELLED);
    assert_string_equal(error->message, "Starlark computation cancelled: enough");
    star_error_free(error);
    pthread_join(thread, NULL);
    star_vm_free(vm);
    star_program_unref(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_shared),
        cmocka_unit_test(runs_are_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
