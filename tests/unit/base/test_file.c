/* Files of the state directory: what a process that was killed, or had no room, leaves. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct fixture {
    char path[64];
    int dir;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->path, sizeof fixture->path, "/tmp/kfs-file-test-XXXXXX");
    *state = fixture;
    fixture->dir = mkdtemp(fixture->path) ? open(fixture->path, O_RDONLY | O_DIRECTORY) : -1;
    return fixture->dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->dir);
    file_remove_tree(AT_FDCWD, fixture->path, NULL);
    free(fixture);
    return 0;
}

static void put(int dir, const char *name, const char *text)
{
    assert_int_equal(file_write(dir, name, text, strlen(text), NULL), 0);
}

static void append(int dir, const char *name, const char *lines, uint64_t max)
{
    assert_int_equal(file_append_lines(dir, name, lines, strlen(lines), max, NULL), 0);
}

static void assert_text(int dir, const char *name, const char *text)
{
    cleanup(buf_done) struct buf content = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(file_read(dir, name, &content, NULL), 0);
    assert_string_equal(content.data, text);
}

static size_t count_entries(int dir)
{
    size_t count = 0;
    cleanup(closedir) DIR *stream = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
    while (readdir(stream))
        count++;
    return count - 2;
}

/* Beside the limit that a write meets, as a full disk would be. */
static void limit_files(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, RLIM_INFINITY}), 0);
}

static void test_what_a_process_of_the_same_id_left_is_no_obstacle(void **state)
{
    const struct fixture *fixture = *state;
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, FILE_UNFINISHED ".%d.%u", (int)getpid(), i);
        close(openat(fixture->dir, name, O_WRONLY | O_CREAT, 0600));
    }
    put(fixture->dir, "a", "text");
    assert_text(fixture->dir, "a", "text");
    file_sweep(fixture->dir, ".");
    file_sweep(fixture->dir, "no-such-directory");
    assert_int_equal(count_entries(fixture->dir), 1);
}

static void test_lines_are_bounded_and_whole(void **state)
{
    const struct fixture *fixture = *state;
    append(fixture->dir, "a", "", 16);
    append(fixture->dir, "a", "one\ntwo\n", 16);
    append(fixture->dir, "a", "three\n", 16);
    assert_text(fixture->dir, "a", "one\ntwo\nthree\n");
    append(fixture->dir, "a", "four\n", 16);
    assert_text(fixture->dir, "a", "four\n");
    assert_int_equal(count_entries(fixture->dir), 1);
}

static void test_the_oldest_lines_go_first(void **state)
{
    const struct fixture *fixture = *state;
    uint64_t dropped = 1;
    put(fixture->dir, "a", "one\ntwo\nthree\n");
    assert_int_equal(file_drop_oldest(fixture->dir, "a", 14, &dropped, NULL), 0);
    assert_int_equal(dropped, 0);
    assert_int_equal(file_drop_oldest(fixture->dir, "a", 11, &dropped, NULL), 0);
    assert_int_equal(dropped, 4);
    assert_text(fixture->dir, "a", "two\nthree\n");
    assert_int_equal(file_drop_oldest(fixture->dir, "b", 1, &dropped, NULL), -1);
}

static void test_without_room_nothing_half_stays(void **state)
{
    const struct fixture *fixture = *state;
    cleanup(error_free) struct error *err = NULL;
    append(fixture->dir, "a", "one\n", 100);
    limit_files(6);
    assert_int_equal(file_append_lines(fixture->dir, "a", "two\n", 4, 100, &err), -1);
    assert_int_equal(error_code(err), EFBIG);
    assert_int_equal(file_write(fixture->dir, "a", "two and three\n", 14, NULL), -1);
    limit_files(RLIM_INFINITY);
    assert_text(fixture->dir, "a", "one\n");
    assert_int_equal(count_entries(fixture->dir), 1);
}

static void test_a_temporary_file_has_no_name(void **state)
{
    const struct fixture *fixture = *state;
    cleanup(close) int fd = file_temporary(fixture->dir, NULL);
    assert_int_equal(file_write_all(fd, "text", 4), 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(count_entries(fixture->dir), 0);
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_what_a_process_of_the_same_id_left_is_no_obstacle),
        FILE_TEST(test_lines_are_bounded_and_whole),
        FILE_TEST(test_the_oldest_lines_go_first),
        FILE_TEST(test_without_room_nothing_half_stays),
        FILE_TEST(test_a_temporary_file_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
