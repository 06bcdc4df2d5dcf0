/* Logs: kept once, surviving, bounded; followed; and the common log of an enclave by time. */
#include "tests/unit/engine/engine_fixture.h"

#include <signal.h>
#include <sys/resource.h>

static const char web_uuid[] = "0123456789abcdef0123456789abcdef";
static const char db_uuid[] = "1123456789abcdef0123456789abcdef";

/* An enclave with the services web and db. */
static object_id enclave_with_services(struct fixture *fixture)
{
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "web-1", web_uuid, "web", SERVICE_RUNNING);
    add_service(fixture, "db-1", db_uuid, "db", SERVICE_RUNNING);
    restart(fixture);
    return enclave_find(fixture->engine, "one");
}

static void assert_text(int fd, const char *text)
{
    char content[1024] = "";
    assert_true(fd >= 0);
    assert_true(pread(fd, content, sizeof content - 1, 0) >= 0);
    assert_string_equal(content, text);
    close(fd);
}

static void test_lines_are_kept_once(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    object_id web = service_find(fixture->engine, enclave, "web");
    fake_log(fixture->world, "web-1", 1, "first");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\n");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\n");
    fake_log(fixture->world, "web-1", 2, "second");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\nsecond\n");
    restart(fixture);
    web = service_find(fixture->engine, enclave_find(fixture->engine, "one"), "web");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\nsecond\n");
}

static void test_what_a_killed_process_had_not_recorded_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    object_id web = service_find(fixture->engine, enclave, "web");
    fake_log(fixture->world, "web-1", 1, "first");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\n");
    char path[512];
    cleanup(enclave_facts_unref) struct enclave_facts *facts =
        enclave_get(fixture->engine, enclave);
    snprintf(path, sizeof path, "%s/enclaves/%s/logs/%s", fixture->state_dir, facts->uuid,
             web_uuid);
    cleanup(close) int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "half a li", 9), 9);
    fake_log(fixture->world, "web-1", 2, "second");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\nsecond\n");
}

static void test_the_common_log_is_in_the_order_of_time(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    fake_log(fixture->world, "web-1", 1, "a");
    fake_log(fixture->world, "web-1", 4, "d");
    fake_log(fixture->world, "db-1", 2, "b");
    fake_log(fixture->world, "db-1", 3, "c");
    static const char first[] = "[web] a\n[db] b\n[db] c\n[web] d\n";
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL), first);
    fake_log(fixture->world, "db-1", 5, "e");
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL),
                "[web] a\n[db] b\n[db] c\n[web] d\n[db] e\n");
}

static void on_grown(void *context)
{
    sem_post(context);
}

static void test_a_follower_sees_what_comes_and_the_end(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    object_id web = service_find(fixture->engine, enclave, "web");
    char text[64] = "";
    uint64_t lost;
    sem_t grown;
    sem_init(&grown, 0, 0);
    fake_log(fixture->world, "web-1", 1, "before");
    struct log_follower *follower = service_follow(fixture->engine, web, on_grown, &grown, NULL);
    assert_non_null(follower);
    assert_int_equal(log_follower_read(follower, text, sizeof text, &lost), 0);
    fake_log(fixture->world, "web-1", 2, "after");
    sem_wait(&grown);
    assert_int_equal(log_follower_read(follower, text, sizeof text, &lost), 6);
    assert_memory_equal(text, "after\n", 6);
    assert_int_equal(lost, 0);
    assert_int_equal(service_remove(fixture->engine, web, NULL), 0);
    sem_wait(&grown);
    while (log_follower_read(follower, text, sizeof text, &lost) > 0)
        continue;
    assert_int_equal(log_follower_read(follower, text, sizeof text, &lost), -1);
    log_follower_free(follower);
}

static void test_a_log_is_bounded_and_a_slow_follower_is_told(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    object_id web = service_find(fixture->engine, enclave, "web");
    char line[1001], text[2000];
    uint64_t lost = 0;
    sem_t grown;
    sem_init(&grown, 0, 0);
    memset(line, 'x', 1000);
    line[1000] = '\0';
    struct log_follower *follower = service_follow(fixture->engine, web, on_grown, &grown, NULL);
    /* The fixture bounds logs to 16 KiB: 100 lines of 1,001 bytes do not fit. */
    for (int i = 0; i < 100; i++)
        fake_log(fixture->world, "web-1", i + 1, line);
    cleanup(close) int fd = service_open_logs(fixture->engine, web, NULL);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size > 0 && st.st_size <= 16 << 10 && st.st_size % 1001 == 0);
    assert_int_equal(log_follower_read(follower, text, sizeof text, &lost), 1001);
    assert_int_equal(lost, 100 - (uint64_t)st.st_size / 1001);
    log_follower_free(follower);
}

/* As a full disk is met: no file may grow past so many bytes. */
static void limit_files(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, RLIM_INFINITY}), 0);
}

static void test_what_found_no_room_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    object_id web = service_find(fixture->engine, enclave, "web");
    char line[601] = "", expected[700];
    memset(line, 'x', 600);
    struct error *err = NULL;
    fake_log(fixture->world, "web-1", 1, "first");
    assert_text(service_open_logs(fixture->engine, web, NULL), "first\n");
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL), "[web] first\n");
    fake_log(fixture->world, "web-1", 2, line);
    limit_files(500);
    assert_int_equal(service_open_logs(fixture->engine, web, &err), -1);
    assert_int_equal(error_code(err), ENOSPC);
    error_free(err);
    assert_int_equal(enclave_open_logs(fixture->engine, enclave, NULL), -1);
    limit_files(RLIM_INFINITY);
    snprintf(expected, sizeof expected, "first\n%s\n", line);
    assert_text(service_open_logs(fixture->engine, web, NULL), expected);
    snprintf(expected, sizeof expected, "[web] first\n[web] %s\n", line);
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL), expected);
}

static void test_the_common_log_is_kept_once_and_bounded(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_services(fixture);
    char path[512], line[1001] = "", text[2048] = "";
    memset(line, 'x', 994); /* "[web] " and a newline make 1,001 bytes of it */
    fake_log(fixture->world, "web-1", 1, "first");
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL), "[web] first\n");
    cleanup(enclave_facts_unref) struct enclave_facts *facts =
        enclave_get(fixture->engine, enclave);
    snprintf(path, sizeof path, "%s/enclaves/%s/logs/common", fixture->state_dir, facts->uuid);
    cleanup(close) int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "[web] half a li", 15), 15); /* by one that was killed then */
    assert_text(enclave_open_logs(fixture->engine, enclave, NULL), "[web] first\n");
    /* The bound is four times the 16 KiB of a service's log. */
    for (int i = 0; i < 100; i++)
        fake_log(fixture->world, "web-1", i + 2, line);
    cleanup(close) int common = enclave_open_logs(fixture->engine, enclave, NULL);
    struct stat st;
    assert_int_equal(fstat(common, &st), 0);
    assert_true(st.st_size > 0 && st.st_size <= 64 << 10 && st.st_size % 1001 == 0);
    assert_true(pread(common, text, 6, 0) == 6);
    assert_string_equal(text, "[web] ");
    fake_log(fixture->world, "web-1", 200, "last");
    cleanup(close) int again = enclave_open_logs(fixture->engine, enclave, NULL);
    off_t size = st.st_size;
    assert_int_equal(fstat(again, &st), 0);
    assert_int_equal(st.st_size, size + 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_lines_are_kept_once),
        ENGINE_TEST(test_what_a_killed_process_had_not_recorded_is_read_again),
        ENGINE_TEST(test_the_common_log_is_in_the_order_of_time),
        ENGINE_TEST(test_a_follower_sees_what_comes_and_the_end),
        ENGINE_TEST(test_a_log_is_bounded_and_a_slow_follower_is_told),
        ENGINE_TEST(test_what_found_no_room_is_read_again),
        ENGINE_TEST(test_the_common_log_is_kept_once_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
