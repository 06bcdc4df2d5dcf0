/* What a host does: values in and out, built-ins and types in C, asking functions, errors as
 * values, loading, the collector. */
#include "starlark/starlark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct star_program *compile(const char *source, const char *const *names)
{
    struct star_error *error = NULL;
    struct star_compile_options options = {.predeclared = names};
    struct star_program *program =
        star_compile(&options, "host.star", source, strlen(source), &error);
    assert_null(error);
    return program;
}

static star_value exec(struct star_vm *vm, const char *source, const struct star_binding *bindings,
                       size_t count)
{
    const char *names[8] = {NULL};
    for (size_t i = 0; i < count; i++)
        names[i] = bindings[i].name;
    struct star_program *program = compile(source, names);
    star_value module = star_exec(vm, program, bindings, count);
    star_program_unref(program);
    return module;
}

static void assert_text(struct star_vm *vm, star_value value, const char *text)
{
    star_value shown = star_repr(vm, value);
    assert_false(star_is_null(shown));
    assert_string_equal(star_text_of(shown, NULL), text);
}

static void values_go_in_and_out(void **state)
{
    struct star_vm *vm = *state;
    int64_t i;
    uint64_t u;
    double d;
    assert_true(star_int_get(star_int(vm, INT64_MIN), &i) && i == INT64_MIN);
    assert_true(star_uint_get(star_uint(vm, UINT64_MAX), &u) && u == UINT64_MAX);
    assert_false(star_int_get(star_uint(vm, UINT64_MAX), &i));
    assert_true(star_float_get(star_float(vm, -0.1), &d) && d == -0.1);
    assert_text(vm, star_int_parse(vm, "-123456789012345678901234567890", 31, 10),
                "-123456789012345678901234567890");
    star_value items[] = {star_none(), star_bool(true), star_string_z(vm, "x\n")};
    assert_text(vm, star_list_new(vm, items, 3), "[None, True, \"x\\n\"]");
    assert_text(vm, star_tuple_new(vm, items, 1), "(None,)");
    star_value dict = star_dict_new(vm);
    assert_true(star_dict_set_z(vm, dict, "a", star_int(vm, 1)) &&
                star_dict_set_z(vm, dict, "b", items[1]));
    assert_text(vm, dict, "{\"a\": 1, \"b\": True}");
    assert_true(star_is_null(star_dict_get_z(vm, dict, "c")));
    struct star_binding fields[] = {{"z", items[0]}, {"a", items[1]}};
    star_value made = star_struct_new(vm, STAR_NULL, fields, 2);
    assert_text(vm, made, "struct(a = True, z = None)");
    assert_true(star_is_null(star_struct_get(made, "q")));
}

static void accessors_take_no_value(void **state)
{
    size_t cursor = 0;
    const char *name;
    star_value value;
    (void)state;
    assert_null(star_text_of(STAR_NULL, NULL));
    assert_int_equal(star_seq_len(STAR_NULL), 0);
    assert_false(star_module_next(STAR_NULL, &cursor, &name, &value));
    assert_false(star_is_callable(STAR_NULL));
}

/* pick(name, index?, *, ...) */
static star_value pick(struct star_vm *vm, const struct star_args *args)
{
    const char *name;
    int64_t index = -1;
    star_value values = STAR_NULL;
    const struct star_param params[] = {{"name", STAR_WANT_TEXT, &name},
                                        {"index?", STAR_WANT_INT, &index},
                                        {"values??", STAR_WANT_LIST, &values}};
    if (!star_unpack(vm, args, params, 3))
        return STAR_NULL;
    return star_string_printf(vm, "%s %lld %zu", name, (long long)index, star_seq_len(values));
}

static void assert_fails(struct star_vm *vm, const char *source, const char *message)
{
    struct star_binding bindings[] = {{"pick", star_builtin_new(vm, "pick", pick, NULL)}};
    assert_true(star_is_null(exec(vm, source, bindings, 1)));
    struct star_error *error = star_take_error(vm);
    assert_string_equal(error->message, message);
    star_error_free(error);
}

static void arguments_are_unpacked(void **state)
{
    struct star_vm *vm = *state;
    struct star_binding bindings[] = {{"pick", star_builtin_new(vm, "pick", pick, NULL)}};
    star_value module = exec(
        vm, "r = [pick('a'), pick(name='b', index=2), pick('c', values=None), pick('d', 1, [1])]",
        bindings, 1);
    assert_text(vm, star_module_get(module, "r"), "[\"a -1 0\", \"b 2 0\", \"c -1 0\", \"d 1 1\"]");
    assert_fails(vm, "pick()", "pick: missing argument for name");
    assert_fails(vm, "pick(1)", "pick: for parameter name: got int, want string");
    assert_fails(vm, "pick('a', 1, [], 2)", "pick: got 4 arguments, want at most 3");
    assert_fails(vm, "pick('a', name='b')",
                 "pick: got multiple values for keyword argument \"name\"");
    assert_fails(vm, "pick('a', indx=1)",
                 "pick: unexpected keyword argument \"indx\" (did you mean index?)");
    assert_fails(vm, "pick('a', 1 << 80)",
                 "pick: for parameter index: 1208925819614629174706176 out of range (want value in "
                 "signed 64-bit range)");
}

/* where(): the position of its caller. */
static star_value where(struct star_vm *vm, const struct star_args *args)
{
    struct star_frame frame;
    (void)args;
    assert_true(star_frame_at(vm, 0, &frame));
    assert_string_equal(frame.name, "where");
    assert_true(star_frame_at(vm, 1, &frame));
    return star_string_printf(vm, "%s:%s:%d:%d", frame.name, frame.position.file,
                              frame.position.line, frame.position.column);
}

static void builtins_know_their_callers(void **state)
{
    struct star_vm *vm = *state;
    struct star_binding bindings[] = {{"where", star_builtin_new(vm, "where", where, NULL)}};
    star_value module = exec(vm, "def f():\n    return where()\nr = f()\n", bindings, 1);
    assert_text(vm, star_module_get(module, "r"), "\"f:host.star:2:17\"");
}

static void functions_are_asked(void **state)
{
    struct star_vm *vm = *state;
    struct star_param_info info;
    struct star_position position;
    star_value module =
        exec(vm, "\ndef run(plan, a, b=[1], *args, c, d=2, **kw):\n    'Does it.'\n", NULL, 0);
    star_value run = star_module_get(module, "run");
    assert_string_equal(star_name_of(run), "run");
    assert_string_equal(star_function_doc(run), "Does it.");
    assert_int_equal(star_function_param_count(run), 7);
    static const char *const names[] = {"plan", "a", "b", "args", "c", "d", "kw"};
    static const bool defaults[] = {false, false, true, false, false, true, false};
    for (size_t i = 0; i < 7; i++) {
        assert_true(star_function_param(run, i, &info));
        assert_string_equal(info.name, names[i]);
        assert_int_equal(!star_is_null(info.default_value), defaults[i]);
    }
    assert_true(star_function_param(run, 3, &info) && info.kind == STAR_PARAM_ARGS);
    assert_true(star_function_param(run, 4, &info) && info.kind == STAR_PARAM_KEYWORD);
    assert_true(star_function_param(run, 6, &info) && info.kind == STAR_PARAM_KWARGS);
    assert_true(star_function_position(run, &position) && position.line == 2 &&
                position.column == 1);
}

static void errors_are_values(void **state)
{
    struct star_vm *vm = *state;
    star_value module =
        exec(vm, "def f(x):\n    return g(x)\ndef g(x):\n    return len(x)\n", NULL, 0);
    star_value one = star_int(vm, 1);
    assert_true(star_is_null(star_call(vm, star_module_get(module, "f"),
                                       &(struct star_args){.count = 1, .values = &one})));
    struct star_error *error = star_take_error(vm);
    assert_int_equal(error->kind, STAR_ERROR_EVAL);
    assert_string_equal(error->message, "len: value of type int has no len");
    assert_string_equal(error->builtin, "len");
    assert_int_equal(error->frame_count, 2);
    assert_string_equal(error->frames[1].name, "g");
    assert_int_equal(error->frames[1].position.line, 4);
    assert_int_equal(error->frames[1].position.column, 15);
    star_error_free(error);
    assert_null(star_take_error(vm));
}

/* ----------------------------------------------------------------------------------------------------------
 * a type of its own */

struct counter {
    int64_t count;
    star_value label;
};

static int freed;

static star_value counter_attr(struct star_vm *vm, star_value self, const char *name)
{
    struct counter *counter = star_object_body(self);
    if (strcmp(name, "count") == 0)
        return star_int(vm, counter->count);
    return strcmp(name, "label") == 0 ? counter->label : STAR_NULL;
}

static bool counter_names(struct star_vm *vm, star_value self, star_value list)
{
    (void)self;
    return star_list_append(vm, list, star_string_z(vm, "count")) &&
           star_list_append(vm, list, star_string_z(vm, "label"));
}

static bool counter_set(struct star_vm *vm, star_value self, const char *name, star_value to)
{
    struct counter *counter = star_object_body(self);
    if (star_is_frozen(self) || strcmp(name, "label") != 0) {
        star_fail(vm, "cannot set .%s", name);
        return false;
    }
    counter->label = to;
    return true;
}

static bool counter_next(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                         star_value *ret_item)
{
    struct counter *counter = star_object_body(self);
    *ret_item = star_int(vm, (int64_t)cursor->n);
    return cursor->n++ < (uint64_t)counter->count;
}

static star_value counter_binary(struct star_vm *vm, enum star_op op, star_value self,
                                 star_value other, bool left)
{
    int64_t more;
    if (op != STAR_ADD || !left || !star_int_get(other, &more))
        return STAR_NULL;
    return star_int(vm, ((struct counter *)star_object_body(self))->count + more);
}

static void counter_trace(void *body, struct star_tracer *tracer)
{
    star_trace(tracer, ((struct counter *)body)->label);
}

static void counter_free(void *body)
{
    (void)body;
    freed++;
}

static const struct star_type counter_type = {.name = "counter",
                                              .size = sizeof(struct counter),
                                              .attr = counter_attr,
                                              .attr_names = counter_names,
                                              .set_attr = counter_set,
                                              .next = counter_next,
                                              .binary = counter_binary,
                                              .trace = counter_trace,
                                              .free = counter_free};

static star_value make_counter(struct star_vm *vm, const struct star_args *args)
{
    (void)args;
    star_value value = star_object_new(vm, &counter_type);
    *(struct counter *)star_object_body(value) =
        (struct counter){.count = 3, .label = star_string_z(vm, "none")};
    return value;
}

static void types_are_defined(void **state)
{
    struct star_vm *vm = *state;
    struct star_binding bindings[] = {
        {"counter", star_builtin_new(vm, "counter", make_counter, NULL)}};
    star_value module = exec(
        vm,
        "def f():\n    c = counter()\n    c.label = ['x']\n    for i in range(20000):\n        "
        "counter()\n"
        "    return [type(c), str(c), list(c), c + 4, c.label, dir(c), c == c, c == counter()]\n"
        "r = f()\nkept = counter()\n",
        bindings, 1);
    assert_text(
        vm, star_module_get(module, "r"),
        "[\"counter\", \"<counter>\", [0, 1, 2], 7, [\"x\"], [\"count\", \"label\"], True, False]");
    assert_true(star_is_frozen(star_module_get(module, "kept")));
    struct star_root *root = star_root_new(vm, module);
    star_vm_collect(vm);
    assert_true(freed >= 20000);
    assert_text(vm, star_attr(vm, star_module_get(star_root_get(root), "kept"), "label"),
                "\"none\"");
    star_root_free(root);
    bindings[0].value = star_builtin_new(vm, "counter", make_counter, NULL);
    assert_true(star_is_null(exec(vm, "counter().cout", bindings, 1)));
    struct star_error *error = star_take_error(vm);
    assert_string_equal(error->message,
                        "counter has no .cout field or method (did you mean .count?)");
    star_error_free(error);
}

/* each(f, n): calls f n times and keeps what it gives. */
static star_value each(struct star_vm *vm, const struct star_args *args)
{
    star_value f, list = star_keep(vm, star_list_new(vm, NULL, 0));
    int64_t n;
    const struct star_param params[] = {{"f", STAR_WANT_CALLABLE, &f}, {"n", STAR_WANT_INT, &n}};
    if (!star_unpack(vm, args, params, 2))
        return STAR_NULL;
    for (int64_t i = 0; i < n; i++) {
        star_value argument = star_int(vm, i);
        star_value result = star_call(vm, f, &(struct star_args){.count = 1, .values = &argument});
        if (star_is_null(result) || !star_list_append(vm, list, result))
            return STAR_NULL;
    }
    return list;
}

static void builtins_call_back(void **state)
{
    struct star_vm *vm = *state;
    struct star_binding bindings[] = {{"each", star_builtin_new(vm, "each", each, NULL)}};
    star_value module = exec(vm, "r = len(each(lambda i: str(i) * 200, 20000))", bindings, 1);
    assert_text(vm, star_module_get(module, "r"), "20000");
    bindings[0].value = star_builtin_new(vm, "each", each, NULL);
    assert_true(star_is_null(exec(vm, "def f(i):\n    return 1 // i\neach(f, 2)\n", bindings, 1)));
    struct star_error *error = star_take_error(vm);
    assert_int_equal(error->frame_count, 3);
    assert_string_equal(error->frames[1].name, "each");
    assert_string_equal(error->frames[2].name, "f");
    assert_null(error->builtin);
    star_error_free(error);
}

static int begin(void **state)
{
    *state = star_vm_new(&(struct star_config){.max_memory = 64 << 20, .max_steps = 50000000});
    return *state ? 0 : -1;
}

static int end(void **state)
{
    star_vm_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_go_in_and_out, begin, end),
        cmocka_unit_test(accessors_take_no_value),
        cmocka_unit_test_setup_teardown(arguments_are_unpacked, begin, end),
        cmocka_unit_test_setup_teardown(builtins_know_their_callers, begin, end),
        cmocka_unit_test_setup_teardown(functions_are_asked, begin, end),
        cmocka_unit_test_setup_teardown(errors_are_values, begin, end),
        cmocka_unit_test_setup_teardown(types_are_defined, begin, end),
        cmocka_unit_test_setup_teardown(builtins_call_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
