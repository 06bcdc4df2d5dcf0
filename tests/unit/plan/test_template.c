/*
 * Templates. The cases are data: one JSON object a line, {"template", "data", "output"} or with
 * "error" instead of "output"; {"define": NAME, "data"} names data that cases refer to as "with".
 * template_cases.go.jsonl holds what Go's own text/template answered to them;
 * template_cases.own.jsonl what is meant to be otherwise here, or newer than that Go. What needs
 * code stands below: limits, and use by many threads.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/file.h"
#include "backend/plan/json_big.h"
#include "backend/plan/template.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Parses and executes; the output, or NULL and err. Freed by the caller. */
static char *render(const char *text, size_t length, json_t *data, struct error **err)
{
    cleanup(template_free) struct template *template = template_parse("t", text, length, err);
    cleanup(buf_done) struct buf output = BUF_INIT(4 << 20);
    if (!template || template_execute(template, data, &output, err) < 0)
        return NULL;
    return buf_steal(&output, err);
}

static char *render_with(const char *text, const char *data, struct error **err)
{
    json_t *json = json_big_parse(data, strlen(data), NULL);
    assert_non_null(json);
    char *output = render(text, strlen(text), json, err);
    json_decref(json);
    return output;
}

/* ---- the tables ---- */

static void check_case(json_t *record, json_t *shared, const char *file, unsigned line)
{
    const char *with = json_string_value(json_object_get(record, "with"));
    json_t *data = with ? json_object_get(shared, with) : json_object_get(record, "data");
    assert_non_null(data);
    json_t *text = json_object_get(record, "template");
    const char *expected = json_string_value(json_object_get(record, "output"));
    const char *expected_error = json_string_value(json_object_get(record, "error"));
    assert_true(expected || expected_error);
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *output =
        render(json_string_value(text), json_string_length(text), data, &err);
    const char *got = output ? output : error_message(err);
    const char *wanted = expected ? expected : expected_error;
    if (!output == !expected && strcmp(got, wanted) == 0)
        return;
    fail_msg("%s:%u: %s\n  gives  %s\n  not    %s", file, line, json_string_value(text), got,
             wanted);
}

static void check_cases(const char *file, unsigned at_least)
{
    FILE *stream = fopen(file, "re");
    assert_non_null(stream);
    cleanup(free) char *text = NULL;
    size_t capacity = 0;
    json_t *shared = json_object();
    unsigned line = 0;
    ssize_t length;
    while ((length = getline(&text, &capacity, stream)) > 0) {
        cleanup(error_free) struct error *err = NULL;
        json_t *record = json_big_parse(text, (size_t)length, &err);
        line++;
        if (!record)
            fail_msg("%s:%u: %s", file, line, error_message(err));
        const char *name = json_string_value(json_object_get(record, "define"));
        if (name)
            json_object_set(shared, name, json_object_get(record, "data"));
        else
            check_case(record, shared, file, line);
        json_decref(record);
    }
    json_decref(shared);
    fclose(stream);
    assert_true(line >= at_least);
}

static void test_go_cases(void **state)
{
    (void)state;
    check_cases(TEMPLATE_CASES ".go.jsonl", 500);
}

static void test_own_cases(void **state)
{
    (void)state;
    check_cases(TEMPLATE_CASES ".own.jsonl", 50);
}

/* The table of kfs-plan(7): "TEMPLATE -> OUTPUT" lines behind a line of data. */
static void test_manual(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf page = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(file_read(AT_FDCWD, MANUAL, &page, NULL), 0);
    char *line = strstr(page.data, ".Sh TEMPLATES\n");
    assert_non_null(line);
    const char *data = NULL;
    unsigned lines = 0;
    for (char *next; (next = strchr(line, '\n')) && strncmp(next, "\n.Sh ", 5) != 0;
         line = next + 1) {
        *next = '\0';
        char *arrow = strstr(line, " -> ");
        if (strncmp(line, "{\"", 2) == 0)
            data = line;
        if (!arrow)
            continue;
        const char *expected = arrow + strlen(" -> ");
        while (arrow > line && arrow[-1] == ' ')
            arrow--;
        *arrow = '\0';
        cleanup(error_free) struct error *err = NULL;
        cleanup(free) char *output = render_with(line, data, &err);
        if (!output || strcmp(output, expected) != 0)
            fail_msg("%s: %s, not %s", line, output ? output : error_message(err), expected);
        lines++;
    }
    assert_true(lines > 10);
}

/* ---- limits ---- */

static void assert_fails(const char *text, const char *data, int code, const char *part)
{
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *output = render_with(text, data, &err);
    assert_null(output);
    if (error_code(err) != code || !strstr(error_message(err), part))
        fail_msg("%s: %s", text, error_message(err));
}

static void test_endless_recursion_ends(void **state)
{
    (void)state;
    assert_fails("{{define \"a\"}}x{{template \"a\" .}}{{end}}{{template \"a\" .}}", "{}", EINVAL,
                 "executing \"a\" at <{{template \"a\" .}}>: exceeded maximum template depth");
    assert_fails(
        "{{define \"a\"}}{{template \"b\"}}{{end}}{{define \"b\"}}{{template \"a\"}}{{end}}"
        "{{template \"a\"}}",
        "{}", EINVAL, "exceeded maximum template depth");
}

static void test_endless_loops_end(void **state)
{
    (void)state;
    assert_fails("{{range 9000000000000000000}}{{end}}", "{}", EINVAL, "steps");
}

static void test_output_has_a_maximum(void **state)
{
    (void)state;
    assert_fails("{{range 1000000}}0123456789{{end}}", "{}", EFBIG, "larger than");
    assert_fails("{{range 1000}}{{printf \"%100000d\" 1}}{{end}}", "{}", EFBIG, "larger than");
}

static void test_values_have_a_maximum(void **state)
{
    (void)state;
    assert_fails("{{$x := \"ab\"}}{{range 40}}{{$x = print $x $x}}{{end}}", "{}", EINVAL, "more");
}

/* What actions print is freed as they end, so it does not count against the maximum of values. */
static void test_long_loops_do_not_collect_memory(void **state)
{
    (void)state;
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *output =
        render_with("{{range 2000}}{{slice (printf \"%100000d\" 1) 99999}}{{end}}", "{}", &err);
    assert_non_null(output);
    assert_int_equal(strlen(output), 2000);
}

/* prefix, then middle `count` times, then suffix */
static char *repeat(const char *prefix, const char *middle, unsigned count, const char *suffix,
                    unsigned suffix_count)
{
    struct buf text = BUF_INIT(64 << 20);
    buf_puts(&text, prefix);
    for (unsigned i = 0; i < count; i++)
        buf_puts(&text, middle);
    for (unsigned i = 0; i < suffix_count; i++)
        buf_puts(&text, suffix);
    return buf_steal(&text, NULL);
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    cleanup(free) char *parens = repeat("{{", "(", 100000, ")", 100000);
    assert_fails(parens, "{}", EINVAL, "template: t:1: nested more than 500 levels deep");
    cleanup(free) char *ifs = repeat("", "{{if .}}", 100000, "{{end}}", 100000);
    assert_fails(ifs, "{}", EINVAL, "nested more than");
    cleanup(free) char *elses = repeat("{{if .}}", "{{else if .}}", 100000, "{{end}}", 1);
    assert_fails(elses, "{}", EINVAL, "nested more than");
    cleanup(free) char *blocks = repeat("", "{{block \"a\" .}}", 100000, "{{end}}", 100000);
    assert_fails(blocks, "{}", EINVAL, "nested more than");
}

static void test_nesting_within_the_limit_works(void **state)
{
    (void)state;
    cleanup(error_free) struct error *err = NULL;
    cleanup(free) char *text = repeat("{{if .a}}{{else}}", "{{if 1}}", 200, "{{end}}", 201);
    cleanup(free) char *output = render_with(text, "{}", &err);
    assert_string_equal(output, "");
}

static void test_text_may_hold_any_byte(void **state)
{
    (void)state;
    static const char text[] = "a\0b\xff{{printf \"%q\" \"\xff\"}}";
    cleanup(error_free) struct error *err = NULL;
    cleanup(template_free) struct template *template =
        template_parse("t", text, sizeof text - 1, &err);
    cleanup(buf_done) struct buf output = BUF_INIT(100);
    assert_int_equal(template_execute(template, NULL, &output, &err), 0);
    assert_memory_equal(output.data, "a\0b\xff\"\\xff\"", 11);
}

static void test_error_object_is_optional(void **state)
{
    (void)state;
    assert_null(template_parse("t", "{{", 2, NULL));
    cleanup(template_free) struct template *template = template_parse("t", "{{index 1}}", 11, NULL);
    cleanup(buf_done) struct buf output = BUF_INIT(100);
    assert_int_equal(template_execute(template, NULL, &output, NULL), 0);
    cleanup(template_free) struct template *wrong = template_parse("t", "{{len 1}}", 9, NULL);
    assert_int_equal(template_execute(wrong, NULL, &output, NULL), -1);
}

/* ---- threads ---- */

struct reader {
    pthread_t thread;
    const struct template *template;
    json_t *data;
    unsigned right;
};

static void *execute_often(void *context)
{
    struct reader *reader = context;
    for (int i = 0; i < 200; i++) {
        cleanup(buf_done) struct buf output = BUF_INIT(1000);
        if (template_execute(reader->template, reader->data, &output, NULL) == 0)
            reader->right += strcmp(output.data, "a=1,b=2,[x]") == 0;
    }
    return NULL;
}

static void test_threads_share_a_template(void **state)
{
    (void)state;
    static const char text[] = "{{define \"x\"}}[{{.}}]{{end}}{{range $k, $v := "
                               ".}}{{$k}}={{$v}},{{end}}{{template \"x\" \"x\"}}";
    cleanup(template_free) struct template *template =
        template_parse("t", text, sizeof text - 1, NULL);
    json_t *data = json_pack("{s:i,s:i}", "a", 1, "b", 2);
    struct reader readers[4];
    for (size_t i = 0; i < ARRAY_LENGTH(readers); i++) {
        readers[i] = (struct reader){.template = template, .data = data};
        pthread_create(&readers[i].thread, NULL, execute_often, &readers[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(readers); i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].right, 200);
    }
    json_decref(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_cases),
        cmocka_unit_test(test_own_cases),
        cmocka_unit_test(test_manual),
        cmocka_unit_test(test_endless_recursion_ends),
        cmocka_unit_test(test_endless_loops_end),
        cmocka_unit_test(test_output_has_a_maximum),
        cmocka_unit_test(test_values_have_a_maximum),
        cmocka_unit_test(test_long_loops_do_not_collect_memory),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_nesting_within_the_limit_works),
        cmocka_unit_test(test_text_may_hold_any_byte),
        cmocka_unit_test(test_error_object_is_optional),
        cmocka_unit_test(test_threads_share_a_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
