/* Lines of the engine's log file: the hand-written way gives what a JSON parser would. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/buf.h"
#include "backend/docker/jsonlog.h"

#include <string.h>

#define TAIL      ",\"stream\":\"stdout\",\"time\":\"2026-11-22T01:02:03.000000004Z\"}"
#define TAIL_TIME INT64_C(1795309323000000004)

static int decode(const char *text, struct log_entry *entry, char *line)
{
    struct jsonlog jsonlog = {0};
    size_t length = strlen(text);
    memcpy(line, text, length + 1);
    return jsonlog_decode(&jsonlog, line, length, entry);
}

static void expect(const char *text, const char *log, size_t length, bool partial)
{
    char line[1000];
    struct log_entry entry;
    assert_int_equal(decode(text, &entry, line), 0);
    assert_int_equal(entry.length, length);
    assert_memory_equal(entry.text, log, length);
    assert_int_equal(entry.partial, partial);
    assert_int_equal(entry.time, TAIL_TIME);
}

static void test_usual_lines(void **state)
{
    (void)state;
    expect("{\"log\":\"hello\\n\"" TAIL, "hello", 5, false);
    expect("{\"log\":\"no newline\"" TAIL, "no newline", 10, true);
    expect("{\"log\":\"\\n\"" TAIL, "", 0, false);
    expect("{\"log\":\"\"" TAIL, "", 0, true);
    expect("{\"log\":\"a\\\\n\"" TAIL, "a\\n", 3, true);
    expect("{\"log\":\"\\\"q\\\" \\\\ \\/ \\b\\f\\r\\t|\\n\"" TAIL, "\"q\" \\ / \b\f\r\t|", 13,
           false);
}

static void test_unicode(void **state)
{
    (void)state;
    expect("{\"log\":\"\\u003cb\\u003e \\u00e9 \\u20ac \\ud83d\\ude00\\n\"" TAIL,
           "<b> \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 15, false);
    expect("{\"log\":\"\\u0000x\\n\"" TAIL, "\0x", 2, false);
    expect("{\"log\":\"\\ud83dx\\ude00\\n\"" TAIL, "\xef\xbf\xbdx\xef\xbf\xbd", 7, false);
    expect("{\"log\":\"\\ud83d\\u0041\\n\"" TAIL,
           "\xef\xbf\xbd"
           "A",
           4, false);
}

/* Text that looks like the structure, with the escapes that any writer must put. */
static void test_text_that_imitates_structure(void **state)
{
    (void)state;
    const char *log = "\",\"stream\":\"stderr\",\"time\":\"2020-01-01T00:00:00Z\"}";
    struct buf line = BUF_INIT(1000);
    buf_puts(&line, "{\"log\":\"");
    buf_put_json_escaped(&line, log, strlen(log));
    buf_puts(&line, "\\n\"" TAIL);
    expect(line.data, log, strlen(log), false);
    buf_done(&line);
}

static void test_unusual_lines_go_to_the_parser(void **state)
{
    (void)state;
    char line[1000];
    struct log_entry entry;
    expect("{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"k\":\"v\"},"
           "\"time\":\"2026-11-22T01:02:03.000000004Z\"}",
           "a", 1, false);
    assert_int_equal(decode("{\"time\":\"2026-11-22T01:02:03Z\",\"stream\":\"stderr\",\"log\":"
                            "\"x\\u0000\\n\"}",
                            &entry, line),
                     0);
    assert_int_equal(entry.stream, STREAM_STDERR);
    assert_memory_equal(entry.text, "x\0", 2);
    assert_int_equal(entry.time, TAIL_TIME - 4);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.5Z", 500000000},
        {"2026-11-22T01:02:03.1234Z", INT64_C(1795309323123400000)},
        {"2026-11-22T02:02:03.000000004+01:00", TAIL_TIME},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char line[200], text[200];
        struct log_entry entry;
        snprintf(text, sizeof text, "{\"log\":\"a\\n\",\"stream\":\"stderr\",\"time\":\"%s\"}",
                 rows[i].text);
        assert_int_equal(decode(text, &entry, line), 0);
        assert_int_equal(entry.time, rows[i].time);
        assert_int_equal(entry.stream, STREAM_STDERR);
    }
}

static void test_damage_is_no_entry(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "null",
        "\"}",
        "{\"log\":\"\\\"" TAIL,
        "{\"log\":\"\\q\"" TAIL,
        "{\"log\":\"\\u12\"" TAIL,
        "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"yesterday, or so it seemed\"}",
        "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-13-42T01:02:03Z\"}",
        "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T99:02:03Z\"}",
        "{\"log\":1,\"stream\":\"stdout\",\"time\":\"2026-11-22T01:02:03Z\"}",
    };
    char line[200];
    struct log_entry entry;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (decode(texts[i], &entry, line) != -1)
            fail_msg("%s is taken for an entry", texts[i]);
}

/* Every beginning and every end of a line: never a crash (sanitizers look on). */
static void test_cut_lines(void **state)
{
    (void)state;
    static const char text[] = "{\"log\":\"a\\u00e9\\ud83d\\ude00\\\"\\n\"" TAIL;
    for (size_t from = 0; from < sizeof text; from++)
        for (size_t to = from; to < sizeof text; to++) {
            struct jsonlog jsonlog = {0};
            struct log_entry entry;
            char *line = malloc(to - from + 1);
            assert_non_null(line);
            memcpy(line, text + from, to - from);
            int result = jsonlog_decode(&jsonlog, line, to - from, &entry);
            assert_int_equal(result == 0, from == 0 && to == sizeof text - 1);
            free(line);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_lines),
        cmocka_unit_test(test_unicode),
        cmocka_unit_test(test_text_that_imitates_structure),
        cmocka_unit_test(test_unusual_lines_go_to_the_parser),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_damage_is_no_entry),
        cmocka_unit_test(test_cut_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
