/*
 * What is told of results: lines while tests run, the summary, and the two formats that other
 * programs read. All are made as texts, so that they can be tested as texts.
 */
#ifndef KFS_TOOLS_TEST_REPORT_H
#define KFS_TOOLS_TEST_REPORT_H

#include "backend/base/buf.h"
#include "tools/test/suite.h"

struct counts {
    size_t passed, failed, errored, not_run;
};

struct counts report_count(const struct test_list *list);

/* A title between two lines of signs. */
void report_put_banner(struct buf *out, const char *title);
/* "Test web/test_get FAILED: why (0.12 s)", a line for each case. */
void report_put_test(struct buf *out, const struct test *test);
/* All cases in the order of their names, the counts, the time (ns). */
void report_put_summary(struct buf *out, const struct test_list *list, int64_t took);

/* JUnit's XML as Jenkins and GitLab read it: a testsuite for each suite, a testcase for each case,
 * <failure>, <error> or <skipped>, the end of each test's output. */
void report_put_junit(struct buf *out, const struct test_list *list, int64_t took);

/* TAP 14, https://testanything.org/tap-version-14-specification.html: the head with the plan, and
 * the cases of a test that has run, numbered from *number on, which is advanced. */
void report_put_tap_head(struct buf *out, const struct test_list *list);
void report_put_tap(struct buf *out, const struct test *test, size_t *number);
/* After an interruption, that not all have come. */
void report_put_tap_end(struct buf *out, const struct test_list *list);

#endif
