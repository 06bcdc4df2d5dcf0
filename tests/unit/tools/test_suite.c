/* Finding tests by name, the scan of scripts, choosing. */
#include "tests/unit/tools/scratch.h"
#include "tools/test/options.h"
#include "tools/test/script.h"
#include "tools/test/suite.h"

#include "backend/base/clock.h"

/* ---- scripts */

static void expect_cases(const char *text, const char *names)
{
    struct script_facts facts;
    struct buf found = BUF_INIT(1024);
    assert_int_equal(script_scan(text, &facts, NULL), 0);
    for (size_t i = 0; i < facts.case_count; i++)
        buf_printf(&found, "%s%s", i ? " " : "", facts.cases[i]);
    assert_string_equal(found.data, names);
    buf_done(&found);
    script_facts_done(&facts);
}

static void cases_are_found_at_the_top_level_only(void **state)
{
    (void)state;
    expect_cases("", "");
    expect_cases("def test_a(plan):\n    pass\ndef test_b(plan): pass", "test_a test_b");
    expect_cases("def run(plan):\n    def test_inner(plan): pass\n", "");
    expect_cases("x = 1; def test_a(plan): pass\n", "");
    expect_cases("# def test_a(plan):\n#\ndef  test_b (plan): pass\n", "test_b");
    expect_cases("def test_(plan): pass\ndef tests_a(plan): pass\ndefine\n", "");
    expect_cases("def test_a(plan): pass\ndef test_a(plan): pass\n", "test_a");
    expect_cases("def test_a\ndef test_b", "");
}

static void strings_are_passed_over(void **state)
{
    (void)state;
    expect_cases("'''\ndef test_a(plan):\n'''\ndef test_b(plan): pass\n", "test_b");
    expect_cases("x = \"\"\"it's \\\"\"\"\ndef test_a(plan):\n\"\"\"\ndef test_b(p): pass",
                 "test_b");
    expect_cases("x = 'a # \"'\ndef test_a(plan): pass\n", "test_a");
    expect_cases("x = '\\'\ndef test_a(plan): pass\n", "test_a");
    expect_cases("x = ''\ndef test_a(plan): pass\n", "test_a");
    expect_cases("x = '''never ended\ndef test_a(plan): pass\n", "");
}

static void run_and_its_parameters_are_known(void **state)
{
    (void)state;
    struct script_facts facts;
    assert_int_equal(script_scan("def run(plan, a = f(1), test_volume = ''): pass", &facts, NULL),
                     0);
    assert_true(facts.has_run && facts.takes_volume && !facts.takes_args && !facts.asks_for_binds);
    script_facts_done(&facts);
    assert_int_equal(
        script_scan("def run(plan, args):\n  test_volume = 1\n  bind_mounts = {}\n", &facts, NULL),
        0);
    assert_true(facts.has_run && !facts.takes_volume && facts.takes_args && facts.asks_for_binds);
    script_facts_done(&facts);
    assert_int_equal(script_scan("def running(args): pass\n# run(args)\n", &facts, NULL), 0);
    assert_true(!facts.has_run && !facts.takes_args);
    script_facts_done(&facts);
}

/* ---- suites */

static void expect_list(const struct test_list *list, const char *names)
{
    struct buf found = BUF_INIT(4096);
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->tests[i].case_count; j++)
            buf_printf(&found, "%s%s", found.length ? " " : "", list->tests[i].cases[j].name);
    assert_string_equal(found.data, names);
    buf_done(&found);
}

static void make_suite(const struct scratch *scratch)
{
    scratch_put(scratch, "s/web_test.star", "def run(p): pass\ndef test_b(p): 1\ndef test_a(p): 1",
                0644);
    scratch_put(scratch, "s/single_test.star", "def run(p): pass", 0644);
    scratch_put(scratch, "s/host_test", "#!/bin/sh\n", 0755);
    scratch_put(scratch, "s/host.setup.star", "def run(p): pass", 0644);
    scratch_put(scratch, "s/host.volume/a/b", "", 0644);
    scratch_put(scratch, "s/plain_test", "no executable", 0644);
    scratch_put(scratch, "s/box_test.controller.json", "{}", 0644);
    scratch_put(scratch, "s/.hidden_test", "", 0755);
    scratch_put(scratch, "s/_test", "", 0755);
    scratch_put(scratch, "s/other.star", "", 0644);
    scratch_put(scratch, "s/dir_test/file", "", 0644);
}

static void tests_are_found_by_name(void **state)
{
    (void)state;
    struct scratch scratch;
    struct test_list list;
    char path[128];
    scratch_make(&scratch);
    make_suite(&scratch);
    snprintf(path, sizeof path, "%s/s", scratch.path);
    const char *suites[] = {path};
    assert_int_equal(test_list_find(&list, suites, 1, NULL), 0);
    expect_list(&list, "box host single web/test_b web/test_a");
    assert_int_equal(list.tests[0].kind, TEST_CONTAINER);
    assert_int_equal(list.tests[1].kind, TEST_HOST);
    assert_int_equal(list.tests[2].kind, TEST_SCRIPT);
    assert_non_null(list.tests[1].setup);
    assert_non_null(list.tests[1].volume);
    assert_null(list.tests[0].setup);
    assert_false(list.tests[1].package);
    assert_string_equal(list.tests[3].suite, "s");
    test_list_done(&list);
    scratch_remove(&scratch);
}

static void several_suites_lead_the_names(void **state)
{
    (void)state;
    struct scratch scratch;
    struct test_list list;
    struct error *err = NULL;
    char one[128], two[128], three[128];
    scratch_make(&scratch);
    scratch_put(&scratch, "a/x_test", "", 0755);
    scratch_put(&scratch, "b/x_test", "", 0755);
    scratch_put(&scratch, "b/kurtosis.yml", "", 0644);
    scratch_put(&scratch, "c/a/x_test.star", "", 0644);
    snprintf(one, sizeof one, "%s/b/x_test", scratch.path);
    snprintf(two, sizeof two, "%s/a", scratch.path);
    snprintf(three, sizeof three, "%s/c/a", scratch.path);
    const char *suites[] = {one, two, three};
    assert_int_equal(test_list_find(&list, suites, 2, NULL), 0);
    expect_list(&list, "a/x b/x");
    assert_string_equal(list.tests[1].stem, "x");
    assert_true(list.tests[1].package);
    test_list_done(&list);

    assert_int_equal(test_list_find(&list, suites, 3, &err), -1);
    assert_non_null(strstr(error_message(err), "two tests are called a/x"));
    error_free(err);
    test_list_done(&list);
    scratch_remove(&scratch);
}

static void what_is_no_test_is_refused(void **state)
{
    (void)state;
    struct scratch scratch;
    struct test_list list;
    struct error *err = NULL;
    char path[128];
    scratch_make(&scratch);
    scratch_put(&scratch, "notes_test", "", 0644);
    snprintf(path, sizeof path, "%s/notes_test", scratch.path);
    const char *suites[] = {path};
    assert_int_equal(test_list_find(&list, suites, 1, &err), -1);
    assert_int_equal(error_code(err), EINVAL);
    error_free(err);
    test_list_done(&list);
    scratch_remove(&scratch);
    err = NULL;
    assert_int_equal(test_list_find(&list, suites, 1, &err), -1);
    assert_int_equal(error_code(err), ENOENT);
    error_free(err);
    test_list_done(&list);
}

static void filter(const char *suite, const char *const *globs, size_t count, const char *names)
{
    struct test_list list;
    assert_int_equal(test_list_find(&list, &suite, 1, NULL), 0);
    test_list_filter(&list, globs, count);
    expect_list(&list, names);
    test_list_done(&list);
}

static void globs_choose_cases_and_tests(void **state)
{
    (void)state;
    struct scratch scratch;
    char path[128];
    scratch_make(&scratch);
    make_suite(&scratch);
    snprintf(path, sizeof path, "%s/s", scratch.path);
    filter(path, NULL, 0, "box host single web/test_b web/test_a");
    filter(path, (const char *[]){"web"}, 1, "web/test_b web/test_a");
    filter(path, (const char *[]){"*_a"}, 1, "web/test_a");
    filter(path, (const char *[]){"[bh]*", "web/*b"}, 2, "box host web/test_b");
    filter(path, (const char *[]){"nothing"}, 1, "");
    scratch_remove(&scratch);
}

/* ---- the command line */

static int parse(struct test_options *options, struct error **err, char **words)
{
    int count = 0;
    while (words[count])
        count++;
    return test_options_parse(count, words, options, err);
}

#define WORDS(...) ((char *[]){(char *)"test", __VA_ARGS__, NULL})

static void options_are_read(void **state)
{
    (void)state;
    struct test_options options;
    assert_int_equal(parse(&options, NULL, WORDS((char *)"suite")), 0);
    assert_int_equal(options.suite_count, 1);
    assert_true(options.jobs >= 1);
    assert_int_equal(options.run_limit, 300 * CLOCK_SECOND);
    assert_int_equal(options.keep, KEEP_NEVER);
    assert_int_equal(parse(&options, NULL,
                           WORDS((char *)"-j4", (char *)"s", (char *)"--timeout=1m30s",
                                 (char *)"--keep", (char *)"failed", (char *)"--tap",
                                 (char *)"--filter", (char *)"a", (char *)"--filter=b")),
                     0);
    assert_int_equal(options.jobs, 4);
    assert_int_equal(options.run_limit, 90 * CLOCK_SECOND);
    assert_int_equal(options.keep, KEEP_FAILED);
    assert_true(options.tap && !options.list);
    assert_int_equal(options.filter_count, 2);
    assert_string_equal(options.suites[0], "s");
    assert_int_equal(parse(&options, NULL, WORDS((char *)"--sweep")), 0);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    char *wrong[][4] = {
        {(char *)"test", NULL},
        {(char *)"test", (char *)"-j0", (char *)"s", NULL},
        {(char *)"test", (char *)"-jx", (char *)"s", NULL},
        {(char *)"test", (char *)"--timeout=0s", (char *)"s", NULL},
        {(char *)"test", (char *)"--setup-timeout=5", (char *)"s", NULL},
        {(char *)"test", (char *)"--keep=some", (char *)"s", NULL},
        {(char *)"test", (char *)"--frobnicate", (char *)"s", NULL},
        {(char *)"test", (char *)"s", (char *)"--junit", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct test_options options;
        struct error *err = NULL;
        assert_int_equal(parse(&options, &err, wrong[i]), -1);
        assert_int_equal(error_code(err), EINVAL);
        error_free(err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_found_at_the_top_level_only),
        cmocka_unit_test(strings_are_passed_over),
        cmocka_unit_test(run_and_its_parameters_are_known),
        cmocka_unit_test(tests_are_found_by_name),
        cmocka_unit_test(several_suites_lead_the_names),
        cmocka_unit_test(what_is_no_test_is_refused),
        cmocka_unit_test(globs_choose_cases_and_tests),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
