/* Lines and the summary for people, TAP for harnesses. */
#include "tools/test/report.h"

#include "backend/base/clock.h"

#include <string.h>

enum {
    BANNER_WIDTH = 100
};

static double seconds(int64_t nanoseconds)
{
    return (double)nanoseconds / CLOCK_SECOND;
}

struct counts report_count(const struct test_list *list)
{
    size_t numbers[OUTCOME_MAX] = {0};
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->tests[i].case_count; j++)
            numbers[list->tests[i].cases[j].outcome]++;
    return (struct counts){
        .passed = numbers[OUTCOME_PASSED],
        .failed = numbers[OUTCOME_FAILED],
        .errored = numbers[OUTCOME_ERRORED],
        .not_run = numbers[OUTCOME_NOT_RUN],
    };
}

/* ---- for people */

static void put_rule(struct buf *out)
{
    for (int i = 0; i < BANNER_WIDTH; i++)
        buf_putc(out, '=');
    buf_putc(out, '\n');
}

void report_put_banner(struct buf *out, const char *title)
{
    size_t length = strlen(title);
    int indent = length < BANNER_WIDTH ? (int)(BANNER_WIDTH - length) / 2 : 0;
    put_rule(out);
    buf_printf(out, "%*s%s\n", indent, "", title);
    put_rule(out);
}

static void put_case(struct buf *out, const char *lead, const char *separator,
                     const struct test_case *it)
{
    buf_printf(out, "%s%s%s%s", lead, it->name, separator, outcome_name(it->outcome));
    if (it->took)
        buf_printf(out, " (%.2f s)", seconds(it->took));
    if (it->reason)
        buf_printf(out, ": %s", it->reason);
    buf_putc(out, '\n');
}

void report_put_test(struct buf *out, const struct test *test)
{
    for (size_t i = 0; i < test->case_count; i++)
        put_case(out, "Test ", " ", &test->cases[i]);
}

static int compare_cases(const void *a, const void *b)
{
    const struct test_case *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static void put_cases(struct buf *out, const struct test_list *list)
{
    size_t count = 0;
    cleanup(free) const struct test_case **cases = calloc(test_list_cases(list) + 1, sizeof *cases);
    if (!cases) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->tests[i].case_count; j++)
            cases[count++] = &list->tests[i].cases[j];
    if (count > 1)
        qsort(cases, count, sizeof *cases, compare_cases);
    for (size_t i = 0; i < count; i++)
        put_case(out, "- ", ": ", cases[i]);
}

void report_put_summary(struct buf *out, const struct test_list *list, int64_t took)
{
    struct counts counts = report_count(list);
    report_put_banner(out, "TEST RESULTS");
    put_cases(out, list);
    buf_printf(out, "%zu tests: %zu passed, %zu failed, %zu errored", test_list_cases(list),
               counts.passed, counts.failed, counts.errored);
    if (counts.not_run)
        buf_printf(out, ", %zu not run", counts.not_run);
    buf_printf(out, "; %.2f s\n", seconds(took));
}

/* ---- TAP */

/* A description: what would begin a directive, and line ends, are escaped or left out. */
static void put_description(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            buf_putc(out, '\\');
        buf_putc(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

/* A YAML value in double quotes, which has JSON's escapes. */
static void put_yaml(struct buf *out, const char *key, const char *text)
{
    buf_printf(out, "  %s: \"", key);
    buf_put_json_escaped(out, text, strlen(text));
    buf_puts(out, "\"\n");
}

void report_put_tap_head(struct buf *out, const struct test_list *list)
{
    buf_printf(out, "TAP version 14\n1..%zu\n", test_list_cases(list));
}

static void put_tap_case(struct buf *out, const struct test *test, const struct test_case *it,
                         size_t number)
{
    buf_printf(out, "%s %zu - ", it->outcome == OUTCOME_PASSED ? "ok" : "not ok", number);
    put_description(out, it->name);
    buf_puts(out, "\n  ---\n");
    if (it->outcome != OUTCOME_PASSED)
        put_yaml(out, "severity", it->outcome == OUTCOME_FAILED ? "fail" : "error");
    if (it->reason)
        put_yaml(out, "message", it->reason);
    buf_printf(out, "  duration_ms: %.3f\n", (double)it->took / CLOCK_MILLISECOND);
    if (it->outcome != OUTCOME_PASSED && test->results)
        put_yaml(out, "results", test->results);
    buf_puts(out, "  ...\n");
}

void report_put_tap(struct buf *out, const struct test *test, size_t *number)
{
    for (size_t i = 0; i < test->case_count; i++)
        put_tap_case(out, test, &test->cases[i], ++*number);
}

void report_put_tap_end(struct buf *out, const struct test_list *list)
{
    if (report_count(list).not_run)
        buf_puts(out, "Bail out! interrupted\n");
}
