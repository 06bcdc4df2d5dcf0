/*
 * Reading logs: by the API and from files, with positions that go on where the last call ended,
 * whatever happened to the files meanwhile.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/helpers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct fake_engine *fake;
static struct orchestrator *client;
static char directory[64], log_path[128];
static char inspect_body[512];

static int setup(void **state)
{
    (void)state;
    fake = fake_engine_new();
    client = fake_engine_client(fake);
    memcpy(directory, "/tmp/kfs-logs-XXXXXX", 21);
    assert_non_null(mkdtemp(directory));
    snprintf(log_path, sizeof log_path, "%s/c1-json.log", directory);
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /containers/json",
                                    .body = "[{\"Id\":\"c1\",\"Labels\":{\"dev.kfs.instance\":"
                                            "\"test\"}}]"});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client->free(client);
    fake_engine_free(fake);
    return file_remove_tree(AT_FDCWD, directory, NULL);
}

/* What the engine tells of the service: whether its log is the file at log_path. */
static void service_is(bool file, bool terminal)
{
    snprintf(inspect_body, sizeof inspect_body,
             "{\"Id\":\"c1\",\"LogPath\":\"%s\",\"Config\":{\"Tty\":%s},"
             "\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\"}}}",
             file ? log_path : "", terminal ? "true" : "false");
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /containers/c1/json", .body = inspect_body});
}

/* ---- what was read ---- */

struct taken {
    struct buf text; /* "1 text\n" for an entry of stdout, "2+text\n" for a partial one of stderr */
    unsigned refuse_after; /* stop at the batch after so many; 0: never */
    unsigned batches;
};

static int take(void *context, const struct log_entry *entries, size_t count)
{
    struct taken *taken = context;
    if (taken->refuse_after && taken->batches++ >= taken->refuse_after)
        return -1;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&taken->text, "%d%c", entries[i].stream, entries[i].partial ? '+' : ' ');
        buf_append(&taken->text, entries[i].text, entries[i].length);
        buf_putc(&taken->text, '\n');
    }
    return 0;
}

static int read_log(struct log_position *position, bool follow, struct taken *taken,
                    struct error **err)
{
    return client->logs_read(client, "c1", position, follow, take, taken, NULL, err);
}

/* Exactly this comes after position. */
static void expect_log(struct log_position *position, const char *expected)
{
    struct taken taken = {.text = BUF_INIT(64 << 20)};
    OK(read_log(position, false, &taken, &err));
    assert_string_equal(taken.text.data, expected);
    buf_done(&taken.text);
}

/* ---- by the API ---- */

static void put_frame(struct buf *out, char stream, const char *text, size_t length)
{
    const char head[] = {
        stream,      0, 0, 0, (char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
        (char)length};
    buf_append(out, head, sizeof head);
    buf_append(out, text, length);
}

static void put_entry(struct buf *out, char stream, const char *text)
{
    put_frame(out, stream, text, strlen(text));
}

static void api_gives(const struct buf *stream)
{
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /containers/c1/logs",
                                                   .body = stream->data,
                                                   .length = stream->length,
                                                   .piece = 7});
}

#define T1 "2026-11-22T01:02:03.000000001Z "
#define T2 "2026-11-22T01:02:03.000000002Z "

static void test_api_position_counts_equal_times(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct buf stream = BUF_INIT(BUF_MAX_TEXT);
    service_is(false, false);
    put_entry(&stream, 1, T1 "a\n");
    put_entry(&stream, 2, T2 "b\n");
    put_entry(&stream, 1, T2 "c\n");
    api_gives(&stream);
    expect_log(&position, "1 a\n2 b\n1 c\n");
    assert_int_equal(position.count, 2);
    assert_int_equal(position.time, INT64_C(1795309323000000002));

    /* Asked again, the engine gives all of the last time: both are known, two are new. */
    struct buf again = BUF_INIT(BUF_MAX_TEXT);
    put_entry(&again, 2, T2 "b\n");
    put_entry(&again, 1, T2 "c\n");
    put_entry(&again, 1, T2 "d\n");
    put_entry(&again, 1, T1 "late\n");
    fake_engine_forget(fake);
    service_is(false, false);
    api_gives(&again);
    expect_log(&position, "1 d\n1 late\n");
    char *requests = fake_engine_requests(fake);
    assert_non_null(strstr(requests, "since=1795309323.000000002"));
    free(requests);
    buf_done(&stream);
    buf_done(&again);
}

/* The engine cuts lines at 16 KiB: entries without a newline. */
static void test_api_long_lines_come_in_parts(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct buf stream = BUF_INIT(BUF_MAX_TEXT), expected = BUF_INIT(BUF_MAX_TEXT);
    char part[sizeof T1 + 16384];
    service_is(false, false);
    memset(part, 'x', sizeof part);
    memcpy(part, T1, sizeof T1 - 1);
    put_frame(&stream, 1, part, sizeof part - 1);
    put_entry(&stream, 2, T1 "between\n");
    put_entry(&stream, 1, T1 "end\n");
    api_gives(&stream);
    buf_printf(&expected, "1+%.*s\n2 between\n1 end\n", 16384, part + sizeof T1 - 1);
    expect_log(&position, expected.data);
    buf_done(&stream);
    buf_done(&expected);
}

static void test_api_terminal_has_no_frames(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct buf stream = BUF_INIT(BUF_MAX_TEXT);
    service_is(false, true);
    buf_puts(&stream, T1 "a\r\n" T2 "b c\r\n" T2 "\r\n" T2 "prompt$ ");
    api_gives(&stream);
    expect_log(&position, "1 a\n1 b c\n1 \n1 prompt$ \n");
    buf_done(&stream);
}

static void test_api_garbage(void **state)
{
    (void)state;
    static const char *const streams[] = {
        "what is this? certainly no frame",
        "\1\0\0\0\0\0\0\4abc\n",
        "\1\0\0\0\0\0\0\12not a time\n",
    };
    service_is(false, false);
    for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) {
        struct buf stream = BUF_INIT(BUF_MAX_TEXT);
        struct taken taken = {.text = BUF_INIT(BUF_MAX_TEXT)};
        struct log_position position = {0};
        buf_append(&stream, streams[i], i ? 12 + 6 * (i == 2) : strlen(streams[i]));
        fake_engine_forget(fake);
        service_is(false, false);
        fake_engine_answer(fake, &(struct fake_answer){.request = "GET /containers/json",
                                                       .body = "[{\"Id\":\"c1\",\"Labels\":{"
                                                               "\"dev.kfs.instance\":\"test\"}}]"});
        api_gives(&stream);
        FAILS(read_log(&position, false, &taken, &err), EIO, "framing");
        assert_int_equal(position.time, 0);
        buf_done(&stream);
        buf_done(&taken.text);
    }
}

static void test_api_driver_that_keeps_nothing(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct taken taken = {0};
    service_is(false, false);
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /containers/c1/logs",
                                    .status = 501,
                                    .body = "{\"message\":\"configured logging driver does not "
                                            "support reading\"}"});
    FAILS(read_log(&position, false, &taken, &err), ENOSYS, "logging driver");
}

/* ---- from files ---- */

/* Appends entries "N" from..to to the file, a nanosecond apart. */
static void file_put(const char *path, int from, int to)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    for (int i = from; i <= to; i++)
        fprintf(
            file,
            "{\"log\":\"%d\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T01:02:03.%09dZ\"}\n", i,
            i);
    fclose(file);
}

static void expect_numbers(struct log_position *position, int from, int to)
{
    struct buf expected = BUF_INIT(64 << 20);
    for (int i = from; i <= to; i++)
        buf_printf(&expected, "1 %d\n", i);
    expect_log(position, expected.data);
    buf_done(&expected);
}

static const char *rotated(int number)
{
    static char path[160];
    snprintf(path, sizeof path, "%s.%d", log_path, number);
    return path;
}

static void test_file_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct log_position position = {0};
    service_is(true, false);
    file_put(log_path, 1, 20000); /* several chunks, several batches */
    expect_numbers(&position, 1, 20000);
    expect_numbers(&position, 1, 0);
    file_put(log_path, 20001, 20001);
    FILE *file = fopen(log_path, "a");
    fputs("{\"log\":\"half", file);
    fclose(file);
    expect_numbers(&position, 20001, 20001);
    file = fopen(log_path, "a");
    fputs(" whole\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-22T01:02:04Z\"}\n\0\0\0\n", file);
    fclose(file);
    expect_log(&position, "2 half whole\n");
    char *requests = fake_engine_requests(fake);
    assert_null(strstr(requests, "/logs?")); /* never by the API */
    free(requests);
}

/* What the sink refused is not counted as read. */
static void test_sink_that_stops(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct taken taken = {.text = BUF_INIT(BUF_MAX_TEXT), .refuse_after = 1};
    service_is(true, false);
    file_put(log_path, 1, 20000);
    FAILS(read_log(&position, false, &taken, &err), ECANCELED, "stopped");
    int last = (int)(position.time % CLOCK_SECOND);
    assert_in_range(last, 1, 19999);
    char expected[32];
    int length = snprintf(expected, sizeof expected, "1 %d\n", last);
    assert_string_equal(taken.text.data + taken.text.length - length, expected);
    expect_numbers(&position, last + 1, 20000);
    buf_done(&taken.text);
}

static void test_file_rotation(void **state)
{
    (void)state;
    struct log_position position = {0};
    char oldest[160];
    service_is(true, false);
    file_put(log_path, 1, 10);
    expect_numbers(&position, 1, 10);
    file_put(log_path, 11, 15);
    snprintf(oldest, sizeof oldest, "%s", rotated(2));
    assert_int_equal(rename(log_path, oldest), 0);
    file_put(rotated(1), 16, 20);
    file_put(log_path, 21, 30);
    expect_numbers(&position, 11, 30);
    /* What it stood in is rotated away: it goes on with the oldest that is left. */
    file_put(log_path, 31, 31);
    assert_int_equal(rename(log_path, rotated(1)), 0);
    assert_int_equal(unlink(rotated(1)), 0);
    assert_int_equal(unlink(oldest), 0);
    file_put(log_path, 40, 45);
    expect_numbers(&position, 40, 45);
}

/* Cut to nothing and written anew, beyond where it stood: the inode is the same, the place is not.
 */
static void test_file_cut_and_grown(void **state)
{
    (void)state;
    struct log_position position = {0};
    service_is(true, false);
    file_put(log_path, 1, 10);
    expect_numbers(&position, 1, 10);
    assert_int_equal(truncate(log_path, 0), 0);
    file_put(log_path, 11, 40);
    expect_numbers(&position, 11, 40);
    assert_int_equal(truncate(log_path, 0), 0);
    expect_numbers(&position, 1, 0);
    file_put(log_path, 41, 42);
    expect_numbers(&position, 41, 42);
}

/* A position that the API gave counts in the file, too: by time. */
static void test_file_after_api(void **state)
{
    (void)state;
    struct log_position position = {.time = INT64_C(1795309323000000005), .count = 1};
    service_is(true, false);
    file_put(log_path, 1, 10);
    expect_numbers(&position, 6, 10);
}

static void test_file_with_a_line_too_long(void **state)
{
    (void)state;
    struct log_position position = {0};
    service_is(true, false);
    file_put(log_path, 1, 1);
    FILE *file = fopen(log_path, "a");
    for (int i = 0; i < 600000; i++)
        fputc('x', file);
    fputc('\n', file);
    fclose(file);
    file_put(log_path, 2, 3);
    expect_numbers(&position, 1, 3);
}

/* A link or something else in the file's place is not followed: the API is asked. */
static void test_file_that_is_none(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct buf stream = BUF_INIT(BUF_MAX_TEXT);
    service_is(true, false);
    assert_int_equal(symlink("/etc/passwd", log_path), 0);
    put_entry(&stream, 1, T1 "by the API\n");
    api_gives(&stream);
    expect_log(&position, "1 by the API\n");
    buf_done(&stream);
}

/* The oldest part is compressed: only the engine can read that. */
static void test_file_compressed(void **state)
{
    (void)state;
    struct log_position position = {0};
    struct buf stream = BUF_INIT(BUF_MAX_TEXT);
    char path[200];
    service_is(true, false);
    file_put(log_path, 1, 2);
    snprintf(path, sizeof path, "%s.gz", rotated(1));
    file_put(path, 1, 1);
    put_entry(&stream, 1, T1 "all\n");
    api_gives(&stream);
    expect_log(&position, "1 all\n");
    buf_done(&stream);
}

/* ---- following ---- */

struct follower {
    pthread_t thread;
    struct log_position position;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct taken taken;
    int result;
};

static int follower_take(void *context, const struct log_entry *entries, size_t count)
{
    struct follower *follower = context;
    with_lock(&follower->lock);
    pthread_cond_broadcast(&follower->changed);
    return take(&follower->taken, entries, count);
}

static void *follower_run(void *context)
{
    struct follower *follower = context;
    follower->result = client->logs_read(client, "c1", &follower->position, true, follower_take,
                                         follower, NULL, NULL);
    return NULL;
}

static void follower_expect(struct follower *follower, const char *text)
{
    struct timespec limit = clock_timespec(clock_now() + 10 * CLOCK_SECOND);
    with_lock(&follower->lock);
    while (!strstr(follower->taken.text.data, text))
        assert_int_equal(pthread_cond_timedwait(&follower->changed, &follower->lock, &limit), 0);
}

static void test_file_following(void **state)
{
    (void)state;
    struct follower follower = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER,
                                .taken = {.text = BUF_INIT(BUF_MAX_TEXT)}};
    service_is(true, false);
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "GET /containers/c1/logs", .hold = true});
    file_put(log_path, 1, 2);
    assert_int_equal(pthread_create(&follower.thread, NULL, follower_run, &follower), 0);
    follower_expect(&follower, "1 2\n");
    file_put(log_path, 3, 3);
    fake_engine_send(fake, "anything", 8);
    follower_expect(&follower, "1 3\n");
    assert_int_equal(rename(log_path, rotated(1)), 0);
    file_put(log_path, 4, 4);
    fake_engine_send(fake, "anything", 8);
    follower_expect(&follower, "1 4\n");
    file_put(log_path, 5, 5); /* without a sign: found by the look once a second */
    follower_expect(&follower, "1 5\n");
    file_put(log_path, 6, 6);
    fake_engine_send(fake, "", 0); /* the last chunk: the service has ended */
    pthread_join(follower.thread, NULL);
    assert_int_equal(follower.result, 0);
    assert_string_equal(follower.taken.text.data, "1 1\n1 2\n1 3\n1 4\n1 5\n1 6\n");
    buf_done(&follower.taken.text);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_api_position_counts_equal_times),
        CASE(test_api_long_lines_come_in_parts),
        CASE(test_api_terminal_has_no_frames),
        CASE(test_api_garbage),
        CASE(test_api_driver_that_keeps_nothing),
        CASE(test_sink_that_stops),
        CASE(test_file_goes_on_where_it_ended),
        CASE(test_file_rotation),
        CASE(test_file_cut_and_grown),
        CASE(test_file_after_api),
        CASE(test_file_with_a_line_too_long),
        CASE(test_file_that_is_none),
        CASE(test_file_compressed),
        CASE(test_file_following),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
