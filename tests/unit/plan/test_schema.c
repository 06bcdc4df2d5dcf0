/* Names, placeholders, the tables of types, comparisons, and replacing of values. */
#include "tests/unit/plan/unit.h"

#include "backend/plan/assertion.h"
#include "backend/plan/instruction.h"
#include "backend/plan/names.h"
#include "backend/plan/runtime_values.h"

#include <string.h>

static void names_are_checked(void **state)
{
    (void)state;
    char long_name[80];
    memset(long_name, 'a', sizeof long_name);
    long_name[63] = '\0';
    assert_true(plan_service_name_valid("web"));
    assert_true(plan_service_name_valid("web-1"));
    assert_true(plan_service_name_valid(long_name));
    long_name[63] = 'a';
    long_name[64] = '\0';
    assert_false(plan_service_name_valid(long_name));
    const char *const bad[] = {"", "Web", "1web", "web-", "../x", "a b", "web_1", "w\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(plan_service_name_valid(bad[i]));
    assert_true(plan_port_id_valid("abcdefghijklmno"));
    assert_false(plan_port_id_valid("abcdefghijklmnop"));
    assert_true(plan_label_key_valid("a.b_c-1"));
    assert_false(plan_label_key_valid("A"));
}

static void ids_are_digests(void **state)
{
    (void)state;
    char a[UUID_LENGTH + 1], b[UUID_LENGTH + 1];
    plan_id_digest((const char *const[]){"ab", "c"}, 2, a);
    plan_id_digest((const char *const[]){"a", "bc"}, 2, b);
    assert_true(uuid_valid(a));
    assert_string_not_equal(a, b);
    plan_id_digest((const char *const[]){"ab", "c"}, 2, b);
    assert_string_equal(a, b);
}

#define ID    "0123456789abcdef0123456789abcdef"
#define VALUE "{{kurtosis:" ID ":output.runtime_value}}"

static void placeholders_are_found(void **state)
{
    (void)state;
    const char *text = "x {{kurtosis:short:a.runtime_value}} " VALUE "{{kurtosis:" ID
                       ":extract.a-b_c.runtime_value}}"
                       "{{kurtosis:" ID ":.runtime_value}} {{kurtosis:" ID ":a b.runtime_value}}";
    struct plan_placeholder found;
    size_t offset = 0;
    assert_true(plan_placeholder_next(text, strlen(text), &offset, &found));
    assert_string_equal(found.id, ID);
    assert_string_equal(found.field, "output");
    assert_true(plan_placeholder_next(text, strlen(text), &offset, &found));
    assert_string_equal(found.field, "extract.a-b_c");
    assert_false(plan_placeholder_next(text, strlen(text), &offset, &found));
}

static void check(const char *type, const char *json, const char *complaint)
{
    struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    const struct plan_type *found = plan_type_find(type);
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(found);
    assert_non_null(value);
    plan_check_fields(found->fields, value, "", &problems);
    if (problems.length == 0 && found->check)
        found->check(value, &problems);
    if (!complaint)
        assert_string_equal(problems.data, "");
    else if (!strstr(problems.data, complaint))
        fail_msg("%s %s: want %s, got %s", type, json, complaint, problems.data);
    json_decref(value);
    buf_done(&problems);
}

static void types_are_checked(void **state)
{
    (void)state;
    check("PortSpec", "{\"number\": 80}", NULL);
    check("PortSpec", "{\"number\": 80, \"wait\": null, \"url\": \"x\"}", NULL);
    check("PortSpec", "{}", "'number' argument is missing");
    check("PortSpec", "{\"number\": 0}", "between 1 and 65535");
    check("PortSpec", "{\"number\": 80, \"wait\": \"\"}", "a duration");
    check("PortSpec", "{\"number\": 80, \"wait\": \"2 minutes\"}", "a duration");
    check("PortSpec", "{\"number\": 80, \"transport_protocol\": \"tcp\"}", "TCP, UDP or SCTP");
    check("PortSpec", "{\"number\": 80, \"application_protocol\": \"a/b\"}", "letters, digits");
    check("Directory", "{\"artifact_names\": [\"a\"]}", NULL);
    check("Directory", "{\"size\": 5}", "exactly one of");
    check("Directory", "{\"artifact_names\": [\"a\"], \"persistent_key\": \"k\"}", "exactly one");
    check("ExecRecipe", "{\"command\": [\"a\"], \"extract\": {\"a b\": \".\"}}", "key 'a b'");
    check("User", "{\"uid\": -1}", "at least 0");
    check("Toleration", "{\"operator\": \"Exists\"}", NULL);
    check("Toleration", "{\"value\": \"x\"}", "must be Exists");
    check("Toleration", "{\"key\": \"k\", \"operator\": \"Exists\", \"value\": \"x\"}",
          "no 'value'");
    check("GpuConfig", "{\"driver\": {\"docker\": \"a\", \"kubernetes\": \"b\"}}", NULL);
    check("GpuConfig", "{\"driver\": {\"other\": \"a\"}}", "'driver'");
    check("GpuConfig", "{\"count\": -1, \"ulimits\": {\"nofile\": -1}}", NULL);
    check("ServiceConfig", "{\"image\": \"a\", \"env_vars\": {\"A\": 1}}", "env_vars[\"A\"]");
    check("ServiceConfig", "{\"image\": \"\"}", "empty");
    check("ServiceConfig", "{\"image\": 5}", "an ImageSpec");
    check("ServiceConfig", "{\"image\": \"a\", \"cmd\": null}", "leave it out");
    check("ServiceConfig", "{\"image\": \"a\", \"max_memory\": 5}", "at least 6");
    check("ServiceConfig", "{\"image\": \"a\", \"labels\": {\"A\": \"b\"}}", "label 'A'");
    check("ServiceConfig", "{\"image\": \"a\", \"nonsense\": 1}", "no argument 'nonsense'");
    check("ServiceConfig", "{\"image\": \"a\", \"bind_mounts\": {\"/a\": \"/b\"}}", NULL);
    check("ServiceConfig", "{\"image\": \"a\", \"bind_mounts\": {\"a\": \"/b\"}}", "absolute");
    check("ServiceConfig", "{\"image\": \"a\", \"bind_mounts\": {\"/a\": \"b\"}}", "absolute");
    check("ServiceConfig",
          "{\"image\": \"a\", \"ports\": {\"a\": {\"type\": \"PortSpec\", \"number\": 1}, \"b\": "
          "{\"type\": \"PortSpec\", \"number\": 1, \"transport_protocol\": \"TCP\"}}}",
          "are the same port");
    check("ServiceConfig",
          "{\"image\": \"a\", \"public_ports\": {\"a\": {\"type\": \"PortSpec\", \"number\": 1}}}",
          "no port of that id");
    check("ServiceConfig", "{\"image\": \"a\", \"ports\": {\"a\": {\"number\": 1}}}", "PortSpec");
    check("ServiceConfig",
          "{\"image\": {\"type\": \"ImageSpec\", \"image\": \"b\"}, \"files\": {\"/a\": \"x\", "
          "\"/b\": {\"type\": \"Directory\", \"persistent_key\": \"k\"}}}",
          NULL);
    check("ReadyCondition",
          "{\"recipe\": {\"type\": \"ExecRecipe\", \"command\": [\"a\"]}, \"field\": \"code\", "
          "\"assertion\": \"=\", \"target_value\": 0}",
          "'assertion' argument is '='");
}

static void every_table_ends_and_is_found(void **state)
{
    (void)state;
    size_t count = 0;
    for (; plan_instruction_at(count); count++) {
        const struct plan_instruction_spec *spec = plan_instruction_at(count);
        assert_ptr_equal(plan_instruction_find(spec->name), spec);
        assert_non_null(spec->execute);
        assert_true(spec->describe || spec->description);
    }
    assert_int_equal(count, 20);
    assert_null(plan_type_at(PLAN_TYPE_COUNT));
}

static void calls_are_printed_as_written(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(BUF_MAX_TEXT);
    json_t *value = json_loads(
        "{\"type\": \"ServiceConfig\", \"env_vars\": {\"B\": \"1\", \"A\": \"x\\\"y\"}, \"image\": "
        "{\"type\": \"ImageSpec\", \"image\": \"i\", \"password\": \"secret\"}, \"cmd\": [\"a\"], "
        "\"tty_enabled\": true, \"max_cpu\": 5}",
        0, NULL);
    plan_put_value(&out, value);
    assert_string_equal(out.data,
                        "ServiceConfig(image=ImageSpec(image=\"i\", password=\"***\"), "
                        "cmd=[\"a\"], env_vars={\"A\": \"x\\\"y\", \"B\": \"1\"}, max_cpu=5, "
                        "tty_enabled=True)");
    json_decref(value);
    buf_done(&out);
}

static void compare(const char *value, const char *assertion, const char *target,
                    const char *complaint)
{
    struct error *err = NULL;
    json_t *a = json_loads(value, JSON_DECODE_ANY, NULL);
    json_t *b = json_loads(target, JSON_DECODE_ANY, NULL);
    int result = plan_assert("Verification", a, assertion, b, &err);
    if (complaint)
        assert_non_null(strstr(error_message(err), complaint));
    else
        assert_int_equal(result, 0);
    json_decref(a);
    json_decref(b);
    error_free(err);
}

static void comparisons_are_starlarks(void **state)
{
    (void)state;
    compare("1", "==", "1", NULL);
    compare("1", "==", "1.0", NULL);
    compare("\"a\"", "<", "\"b\"", NULL);
    compare("2", ">=", "10", "Verification failed '2' '>=' '10'");
    compare("false", "<", "true", NULL);
    compare("[1, {\"a\": 2}]", "==", "[1, {\"a\": 2}]", NULL);
    compare("{}", "<", "{}", "cannot order");
    compare("\"1\"", "==", "1", "'1' is type 'string' and '1' is type 'int'");
    compare("\"b\"", "IN", "[\"a\", \"b\"]", NULL);
    compare("[1]", "IN", "[[1]]", NULL);
    compare("5", "NOT_IN", "[1, 2]", NULL);
    compare("1", "NOT_IN", "[1, 2]", "Verification failed '1' 'NOT_IN' '[1, 2]'");
}

static void values_are_replaced(void **state)
{
    (void)state;
    struct error *err = NULL;
    struct buf out = BUF_INIT(BUF_MAX_TEXT);
    struct runtime_values *values = runtime_values_new(NULL, NULL);
    assert_true(runtime_values_set(values, ID, "output", json_string("a \"b\"\n")));
    assert_false(runtime_values_set(values, ID, "output", json_string("a \"b\"\n")));
    assert_true(runtime_values_set(values, ID, "code", json_integer(3)));
    assert_int_equal(runtime_values_replace(values, "<" VALUE ">", RUNTIME_PLAIN, &out, NULL), 0);
    assert_string_equal(out.data, "<a \"b\"\n>");
    buf_truncate(&out, 0);
    assert_int_equal(
        runtime_values_replace(values, "{\"x\": \"" VALUE "\"}", RUNTIME_JSON, &out, NULL), 0);
    assert_string_equal(out.data, "{\"x\": \"a \\\"b\\\"\\n\"}");
    json_t *typed = runtime_values_resolve(values, "{{kurtosis:" ID ":code.runtime_value}}", NULL);
    assert_int_equal(json_integer_value(typed), 3);
    json_decref(typed);
    typed = runtime_values_resolve(values, "{{kurtosis:" ID ":code.runtime_value}}!", NULL);
    assert_string_equal(json_string_value(typed), "3!");
    json_decref(typed);
    assert_null(runtime_values_resolve(values, "{{kurtosis:" ID ":body.runtime_value}}", &err));
    assert_non_null(strstr(error_message(err), "Runtime UUID '" ID "' was found, but not set"));
    error_free(err);
    buf_done(&out);
    runtime_values_free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(ids_are_digests),
        cmocka_unit_test(placeholders_are_found),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(every_table_ends_and_is_found),
        cmocka_unit_test(calls_are_printed_as_written),
        cmocka_unit_test(comparisons_are_starlarks),
        cmocka_unit_test(values_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
