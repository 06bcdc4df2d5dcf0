/* The texts that tell of results. */
#include "tests/unit/tools/scratch.h"
#include "tools/test/report.h"

#include "backend/base/clock.h"

static struct test_case web_cases[] = {
    {.name = (char *)"web/test_b",
     .function = "test_b",
     .outcome = OUTCOME_PASSED,
     .took = CLOCK_SECOND},
    {.name = (char *)"web/test_a",
     .function = "test_a",
     .outcome = OUTCOME_FAILED,
     .reason = (char *)"1 < 2 & \"so\" on",
     .took = CLOCK_SECOND / 2},
};
static struct test_case host_cases[] = {
    {.name = (char *)"ho#st", .outcome = OUTCOME_ERRORED, .reason = (char *)"no \x01 \xff engine"},
};
static struct test_case late_cases[] = {{.name = (char *)"late", .outcome = OUTCOME_NOT_RUN}};

static struct test tests[] = {
    {.suite = (char *)"s",
     .name = (char *)"ho#st",
     .stem = "ho#st",
     .cases = host_cases,
     .case_count = 1},
    {.suite = (char *)"s",
     .name = (char *)"late",
     .stem = "late",
     .cases = late_cases,
     .case_count = 1},
    {.suite = (char *)"t",
     .name = (char *)"web",
     .stem = "web",
     .cases = web_cases,
     .case_count = 2},
};
static const struct test_list list = {.tests = tests, .count = 3};

static void the_summary_is_in_the_order_of_names(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    report_put_summary(&text, &list, 2 * CLOCK_SECOND);
    assert_non_null(strstr(text.data, "TEST RESULTS\n"));
    assert_string_equal(strstr(text.data, "- ho"),
                        "- ho#st: ERRORED: no \x01 \xff engine\n"
                        "- late: NOT RUN\n"
                        "- web/test_a: FAILED (0.50 s): 1 < 2 & \"so\" on\n"
                        "- web/test_b: PASSED (1.00 s)\n"
                        "4 tests: 1 passed, 1 failed, 1 errored, 1 not run; 2.00 s\n");
    buf_done(&text);
}

static void tap_is_escaped_and_numbered(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    size_t number = 0;
    report_put_tap_head(&text, &list);
    report_put_tap(&text, &tests[0], &number);
    report_put_tap(&text, &tests[2], &number);
    report_put_tap_end(&text, &list);
    assert_string_equal(text.data, "TAP version 14\n1..4\n"
                                   "not ok 1 - ho\\#st\n"
                                   "  ---\n  severity: \"error\"\n"
                                   "  message: \"no \\u0001 \xef\xbf\xbd engine\"\n"
                                   "  duration_ms: 0.000\n  ...\n"
                                   "ok 2 - web/test_b\n"
                                   "  ---\n  duration_ms: 1000.000\n  ...\n"
                                   "not ok 3 - web/test_a\n"
                                   "  ---\n  severity: \"fail\"\n"
                                   "  message: \"1 < 2 & \\\"so\\\" on\"\n"
                                   "  duration_ms: 500.000\n  ...\n"
                                   "Bail out! interrupted\n");
    buf_done(&text);
}

static void junit_is_well_formed(void **state)
{
    (void)state;
    struct scratch scratch;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    scratch_make(&scratch);
    scratch_put(&scratch, "output", "a <b> ]]> \x1b[1m\xc3\xa4\xed\xa0\x80\n", 0644);
    tests[2].results = scratch.path;
    report_put_junit(&text, &list, 2 * CLOCK_SECOND);
    assert_non_null(strstr(text.data,
                           "<testsuites name=\"kfs\" tests=\"4\" failures=\"1\" errors=\"1\" "
                           "skipped=\"1\" time=\"2.000\">\n"
                           "  <testsuite name=\"s\" tests=\"2\" failures=\"0\" errors=\"1\" "
                           "skipped=\"1\" time=\"0.000\">\n"
                           "    <testcase classname=\"ho#st\" name=\"ho#st\" time=\"0.000\">\n"
                           "      <error message=\"no \xef\xbf\xbd \xef\xbf\xbd engine\"/>\n"));
    assert_non_null(strstr(text.data, "      <skipped message=\"not run\"/>\n"));
    assert_non_null(strstr(text.data,
                           "    <testcase classname=\"web\" name=\"test_a\" time=\"0.500\">\n"
                           "      <failure message=\"1 &#60; 2 &#38; &#34;so&#34; on\"/>\n"
                           "      <system-out>a &#60;b&#62; ]]&#62; \xef\xbf\xbd[1m\xc3\xa4"
                           "\xef\xbf\xbd\n</system-out>\n    </testcase>\n"));
    tests[2].results = NULL;
    buf_done(&text);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest units[] = {
        cmocka_unit_test(the_summary_is_in_the_order_of_names),
        cmocka_unit_test(tap_is_escaped_and_numbered),
        cmocka_unit_test(junit_is_well_formed),
    };
    return cmocka_run_group_tests(units, NULL, NULL);
}
