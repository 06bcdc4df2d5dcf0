/* JUnit's XML. */
#include "tools/test/report.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    OUTPUT_MAX = 64 << 10 /* bytes of a test's output that go in; its end */
};

/* ---- text */

/* Decodes the character at `at`; its length, 0 where there is no valid UTF-8. */
static size_t decode(const unsigned char *at, uint32_t *ret_character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80           ? 1
                    : (at[0] >> 5) == 0x06 ? 2
                    : (at[0] >> 4) == 0x0e ? 3
                    : (at[0] >> 3) == 0x1e ? 4
                                           : 0;
    uint32_t c = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[i] & 0x3f);
    }
    *ret_character = c;
    return length && c >= least[length] ? length : 0;
}

/* What XML 1.0 lets into a document, section 2.2. */
static bool is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* In an attribute, which readers normalise, blanks of other kinds have to be escaped to stay. */
static void put_text(struct buf *out, const char *text, bool attribute)
{
    while (*text) {
        uint32_t c = 0;
        size_t length = decode((const unsigned char *)text, &c);
        if (length == 0 || !is_allowed(c))
            buf_puts(out, "\xef\xbf\xbd");
        else if (strchr("<>&\"", (int)c) && length == 1)
            buf_printf(out, "&#%u;", c);
        else if (c == '\r' || (attribute && (c == '\n' || c == '\t')))
            buf_printf(out, "&#%u;", c);
        else
            buf_append(out, text, length);
        text += length ? length : 1;
    }
}

static void put_attribute(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, " %s=\"", name);
    put_text(out, text, true);
    buf_putc(out, '"');
}

/* ---- elements */

static void put_output(struct buf *out, const struct test *test)
{
    cleanup(free) char *path = NULL;
    cleanup(buf_done) struct buf text = BUF_INIT(OUTPUT_MAX);
    if (!test->results || asprintf(&path, "%s/output", test->results) < 0)
        return;
    cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || file_tail(fd, UINT32_MAX, &text, NULL) < 0)
        return;
    buf_puts(out, "      <system-out>");
    put_text(out, text.data, false);
    buf_puts(out, "</system-out>\n");
}

static void put_case(struct buf *out, const struct test *test, const struct test_case *it)
{
    static const char *const elements[OUTCOME_MAX] = {
        [OUTCOME_NOT_RUN] = "skipped",
        [OUTCOME_FAILED] = "failure",
        [OUTCOME_ERRORED] = "error",
    };
    const char *element = elements[it->outcome];
    buf_puts(out, "    <testcase");
    put_attribute(out, "classname", test->name);
    put_attribute(out, "name", it->function ? it->function : test->stem);
    buf_printf(out, " time=\"%.3f\">\n", (double)it->took / CLOCK_SECOND);
    if (element) {
        buf_printf(out, "      <%s", element);
        put_attribute(out, "message", it->reason ? it->reason : "not run");
        buf_puts(out, "/>\n");
    }
    put_output(out, test);
    buf_puts(out, "    </testcase>\n");
}

/* The attributes that <testsuites> and <testsuite> share. */
static void put_counts(struct buf *out, const struct test_list *list, int64_t took)
{
    struct counts counts = report_count(list);
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
               test_list_cases(list), counts.failed, counts.errored, counts.not_run,
               (double)took / CLOCK_SECOND);
}

static int64_t time_of(const struct test_list *list)
{
    int64_t took = 0;
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->tests[i].case_count; j++)
            took += list->tests[i].cases[j].took;
    return took;
}

/* Tests of one suite stand together: names begin with the suite's if there are several. */
static size_t put_suite(struct buf *out, const struct test_list *list, size_t first)
{
    struct test_list suite = {.tests = &list->tests[first], .count = 1};
    while (first + suite.count < list->count &&
           strcmp(suite.tests[suite.count].suite, suite.tests[0].suite) == 0)
        suite.count++;
    buf_puts(out, "  <testsuite");
    put_attribute(out, "name", suite.tests[0].suite);
    put_counts(out, &suite, time_of(&suite));
    buf_puts(out, ">\n");
    for (size_t i = 0; i < suite.count; i++)
        for (size_t j = 0; j < suite.tests[i].case_count; j++)
            put_case(out, &suite.tests[i], &suite.tests[i].cases[j]);
    buf_puts(out, "  </testsuite>\n");
    return first + suite.count;
}

void report_put_junit(struct buf *out, const struct test_list *list, int64_t took)
{
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kfs\"");
    put_counts(out, list, took);
    buf_puts(out, ">\n");
    for (size_t i = 0; i < list->count;)
        i = put_suite(out, list, i);
    buf_puts(out, "</testsuites>\n");
}
