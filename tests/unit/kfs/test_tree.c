/* The mounted tree over an engine in memory: what ordinary calls see, and what they cost. */
#include "tests/unit/kfs/mounted.h"

#include "backend/base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum {
    /* The test's own, the one in tree_serve, three that serve, the notifier's, and one that carries
     * bytes to readers. */
    THREADS_MAX = 7
};

static struct mounted *m;
static object_id enclave, service;

static int setup(void **state)
{
    (void)state;
    m = mounted_new();
    assert_int_equal(mkdir(mounted_path(m, "enclaves/e"), 0755), 0);
    enclave = enclave_find(m->engine, "e");
    service = fake_service_add(m->engine, enclave, "web");
    fake_service_log(m->engine, service, "line 1\nline 2\n");
    assert_int_equal(mounted_shell(m, "echo 'print(1)' > enclaves/e/plan/app.star"), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mounted_free(m);
    return 0;
}

/* ---- sizes ---- */

static size_t read_length(const char *path)
{
    char bytes[4096];
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
        length += (size_t)got;
    close(fd);
    return length;
}

static unsigned check_sizes(const char *path)
{
    struct stat found;
    unsigned files = 0;
    assert_int_equal(lstat(path, &found), 0);
    if (S_ISREG(found.st_mode)) {
        size_t length = read_length(path);
        if (length != (size_t)found.st_size)
            fail_msg("%s: stat says %lld, read gives %zu", path, (long long)found.st_size, length);
        return 1;
    }
    if (!S_ISDIR(found.st_mode))
        return 1;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char inner[1024];
        if (*entry->d_name == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        files += check_sizes(inner);
    }
    closedir(directory);
    return files;
}

static void every_size_is_what_reading_gives(void **state)
{
    (void)state;
    assert_true(check_sizes(m->path) > 30);
}

/* ---- requests ---- */

static uint64_t requests_of(void (*act)(void))
{
    act();
    act();
    uint64_t before = mounted_requests(m);
    act();
    return mounted_requests(m) - before;
}

static void stat_status(void)
{
    struct stat found;
    assert_int_equal(stat(mounted_path(m, "enclaves/e/services/web/status"), &found), 0);
}

static void cat_status(void)
{
    mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
}

static void list_services(void)
{
    const char *path = mounted_path(m, "enclaves/e/services");
    struct stat found;
    unsigned entries = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)); entries++)
        assert_int_equal(fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW), 0);
    closedir(directory);
    assert_int_equal(entries, 2 + 100);
}

static void ls_services(void)
{
    assert_int_equal(mounted_shell(m, "[ $(ls -l enclaves/e/services | wc -l) = 101 ]"), 0);
}

static void warm_calls_cost_few_requests(void **state)
{
    (void)state;
    for (int i = 1; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        fake_service_add(m->engine, enclave, name);
    }
    assert_int_equal(requests_of(stat_status), 0);
    /* Not 0: then nothing would have been counted. */
    assert_in_range(requests_of(cat_status), 1, 2);
    assert_in_range(requests_of(list_services), 1, 5);
    assert_in_range(requests_of(ls_services), 1, 5);
}

/* ---- read your writes, and others' ---- */

static void a_write_is_seen_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mounted_write(m, "enclaves/e/services/web/status", "STOPPED\n"), 0);
        mounted_expect(m, "enclaves/e/services/web/status", "STOPPED\n");
        assert_int_equal(mounted_shell(m, "true"), 0);
        cleanup(free) char *page = mounted_read(m, "enclaves/e/inspect");
        assert_non_null(strstr(page, "STOPPED"));
        assert_int_equal(mounted_write(m, "enclaves/e/services/web/status", "RUNNING\n"), 0);
        mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
    }
}

/* Tries until the file says it; a push takes microseconds. */
static void expect_soon(const char *path, const char *text)
{
    int64_t deadline = clock_monotonic() + 2 * CLOCK_SECOND;
    for (;;) {
        cleanup(free) char *found = mounted_read(m, path);
        if (strcmp(found, text) == 0)
            return;
        if (clock_monotonic() > deadline)
            fail_msg("%s still says '%s', not '%s'", path, found, text);
    }
}

static void what_the_engine_changes_is_seen(void **state)
{
    (void)state;
    const char *path = mounted_path(m, "enclaves/e/services/web/status");
    int open_before = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    assert_int_equal(read(open_before, text, sizeof text), 8);
    for (int i = 0; i < 100; i++) {
        fake_service_set_status(m->engine, service, SERVICE_STATUS_STOPPED);
        expect_soon("enclaves/e/services/web/status", "STOPPED\n");
        fake_service_set_status(m->engine, service, SERVICE_STATUS_RUNNING);
        expect_soon("enclaves/e/services/web/status", "RUNNING\n");
    }
    fake_service_set_status(m->engine, service, SERVICE_STATUS_STOPPED);
    expect_soon("enclaves/e/services/web/status", "STOPPED\n");
    assert_int_equal(pread(open_before, text, sizeof text, 0), 8);
    assert_memory_equal(text, "STOPPED\n", 8);
    close(open_before);
}

static void names_that_go_are_gone(void **state)
{
    (void)state;
    struct stat found;
    const char *path = mounted_path(m, "enclaves/e/services/web/status");
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(service_remove(m->engine, service, NULL), 0);
    int64_t deadline = clock_monotonic() + 2 * CLOCK_SECOND;
    while (stat(path, &found) == 0)
        assert_true(clock_monotonic() < deadline);
    assert_int_equal(errno, ENOENT);
    /* The name can be given again, to another object. */
    fake_service_add(m->engine, enclave, "web");
    assert_int_equal(stat(mounted_path(m, "enclaves/e/services/web/status"), &found), 0);
}

static void ports_are_what_they_are_now(void **state)
{
    (void)state;
    mounted_expect(m, "enclaves/e/services/web/port/http", "127.0.0.1:60080\n");
    fake_service_set_ports(m->engine, service, 2, (const char *[]){"admin", "http"});
    expect_soon("enclaves/e/services/web/port/admin", "127.0.0.1:60080\n");
    expect_soon("enclaves/e/services/web/port/http", "127.0.0.1:60081\n");
}

static void logs_grow(void **state)
{
    (void)state;
    struct stat found;
    const char *path = mounted_path(m, "enclaves/e/services/web/logs");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[64];
    assert_int_equal(read(fd, text, sizeof text), 14);
    fake_service_log(m->engine, service, "line 3\n");
    assert_int_equal(fstat(fd, &found), 0);
    assert_int_equal(found.st_size, 21);
    assert_int_equal(read(fd, text, sizeof text), 7);
    assert_memory_equal(text, "line 3\n", 7);
    close(fd);
}

static void an_open_view_outlives_its_object(void **state)
{
    (void)state;
    int fd = open(mounted_path(m, "enclaves/e/uuid"), O_RDONLY | O_CLOEXEC);
    char text[64];
    assert_int_equal(mounted_shell(m, "rm -r enclaves/e"), 0);
    assert_int_equal(read(fd, text, sizeof text), UUID_LENGTH + 1);
    close(fd);
}

/* ---- making and removing ---- */

static void names_are_checked(void **state)
{
    (void)state;
    char long_name[301];
    memset(long_name, 'x', 300);
    long_name[300] = '\0';
    assert_int_equal(mkdir(mounted_path(m, "enclaves/a b"), 0755), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(mkdir(mounted_path(m, "enclaves/%s", long_name), 0755), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(mkdir(mounted_path(m, "enclaves/e"), 0755), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(mkdir(mounted_path(m, "enclaves/e/x"), 0755), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(mkdir(mounted_path(m, "x"), 0755), -1);
    assert_int_equal(errno, EPERM);
    cleanup(free) char *errors = mounted_read(m, "engine/errors");
    assert_non_null(strstr(errors, "mkdir enclaves/a b EINVAL"));
    assert_non_null(strstr(errors, "mkdir enclaves/e/x EPERM"));
}

static void removing_a_tree_removes_the_enclave(void **state)
{
    (void)state;
    assert_int_equal(
        mounted_shell(m,
                      "mkdir -p enclaves/e/plan/dir/deep && echo x > enclaves/e/plan/dir/deep/f"),
        0);
    assert_int_equal(mounted_shell(m, "rm -r enclaves/e"), 0);
    assert_int_equal(enclave_find(m->engine, "e"), 0);
    mounted_expect(m, "engine/enclaves", "UUID   Name   Status   Creation Time\n");
}

static void removing_a_full_directory_removes_the_object(void **state)
{
    (void)state;
    assert_int_equal(rmdir(mounted_path(m, "enclaves/e/services/web")), 0);
    assert_int_equal(service_find(m->engine, enclave, "web"), 0);
    assert_int_equal(rmdir(mounted_path(m, "enclaves/e")), 0);
    assert_int_equal(enclave_find(m->engine, "e"), 0);
}

static void removing_a_view_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(unlink(mounted_path(m, "enclaves/e/status")), 0);
    assert_int_equal(rmdir(mounted_path(m, "enclaves/e/services/web/port")), 0);
    assert_int_equal(rmdir(mounted_path(m, "enclaves/e/runs")), 0);
    mounted_expect(m, "enclaves/e/status", "EMPTY\n");
    mounted_expect(m, "enclaves/e/services/web/port/http", "127.0.0.1:60080\n");
    mounted_expect(m, "enclaves/e/runs/last/status", "SUCCEEDED\n");
    assert_int_equal(rmdir(mounted_path(m, "engine")), -1);
    assert_int_equal(errno, EPERM);
}

static void removing_thousands_skips_none(void **state)
{
    (void)state;
    assert_int_equal(mounted_shell(m, "mkdir enclaves/n{1..1500} && rm -r enclaves/*"), 0);
    assert_int_equal(mounted_shell(m, "[ -z \"$(ls enclaves)\" ]"), 0);
}

static void renaming_an_enclave(void **state)
{
    (void)state;
    assert_int_equal(mkdir(mounted_path(m, "enclaves/other"), 0755), 0);
    const char *from = mounted_path(m, "enclaves/e"), *to = mounted_path(m, "enclaves/new");
    assert_int_equal(rename(from, mounted_path(m, "enclaves/other")), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(rename(from, to), 0);
    mounted_expect(m, "enclaves/new/services/web/status", "RUNNING\n");
    assert_int_equal(access(from, F_OK), -1);
    assert_int_equal(rename(mounted_path(m, "enclaves/new/uuid"), to), -1);
}

/* ---- refusals ---- */

static void views_refuse_writing_to_everybody(void **state)
{
    (void)state;
    assert_int_equal(mounted_write(m, "enclaves/e/uuid", "x"), EACCES);
    assert_int_equal(mounted_write(m, "README", "x"), EACCES);
    assert_int_equal(truncate(mounted_path(m, "enclaves/e/uuid"), 0), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(chmod(mounted_path(m, "enclaves/e/uuid"), 0777), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(mounted_write(m, "enclaves/e/status", "NONSENSE\n"), EINVAL);
    assert_int_equal(mounted_write(m, "enclaves/e/runs/1/status", "CANCELLED\n"), EINVAL);
    assert_int_equal(mounted_write(m, "enclaves/e/run", "nowhere\n"), EINVAL);
    mounted_expect(m, "enclaves/e/error", "'nowhere' is no locator\n");
    assert_int_equal(mounted_write(m, "enclaves/e/run", "./app.star\n"), 0);
    mounted_expect(m, "enclaves/e/runs/last/script", "./app.star");
}

/* ---- waiting ---- */

static pid_t start_reader(const char *path)
{
    const char *absolute = mounted_path(m, "%s", path);
    pid_t child = fork();
    if (child != 0)
        return child;
    char text[64];
    signal(SIGTERM, SIG_DFL); /* the server's handler came along, */
    close_range(3, ~0u, 0);   /* and so did its end of the mount */
    int fd = open(absolute, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    _exit(got < 0 ? errno : 0);
}

static void await_waiters(size_t count)
{
    int64_t deadline = clock_monotonic() + 5 * CLOCK_SECOND;
    while (fake_waiters(m->engine) != count)
        assert_true(clock_monotonic() < deadline);
}

static int end_of(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) != child)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static unsigned threads_of_this_process(void)
{
    unsigned threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *entry; (entry = readdir(tasks));)
        threads += *entry->d_name != '.';
    closedir(tasks);
    return threads;
}

/* However many are needed for a moment, those that have nothing to do end. */
static void await_few_threads(void)
{
    int64_t deadline = clock_monotonic() + 20 * CLOCK_SECOND;
    while (threads_of_this_process() > THREADS_MAX)
        assert_true(clock_monotonic() < deadline);
}

static object_id held_run(void)
{
    fake_hold_runs(m->engine, true);
    assert_int_equal(mounted_shell(m, "echo 'print(2)' > enclaves/e/plan/app.star"), 0);
    object_id run = run_find(m->engine, enclave, fake_last_run(m->engine, enclave));
    assert_true(run != 0);
    return run;
}

static void fifty_wait_and_nothing_else_does(void **state)
{
    (void)state;
    enum {
        READERS = 50
    };
    pid_t readers[READERS];
    object_id run = held_run();
    mounted_expect(m, "enclaves/e/runs/last/status", "EXECUTING 1/2\n");
    for (int i = 0; i < READERS; i++)
        readers[i] = start_reader(i % 2 ? "enclaves/e/wait" : "enclaves/e/runs/last/wait");
    await_waiters(READERS);
    mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
    await_few_threads();
    fake_run_finish(m->engine, run, RUN_SUCCEEDED);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(end_of(readers[i]), 0);
    await_waiters(0);
    mounted_expect(m, "enclaves/e/wait", "EMPTY\n");
    mounted_expect(m, "enclaves/e/runs/last/wait", "SUCCEEDED\n");
}

/* Whichever thread serves it, and also if that one alone took all requests just before. */
static void a_slow_request_keeps_nobody_waiting(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        /* A new line in engine/errors, so that nobody knows its text yet. */
        assert_int_equal(mkdir(mounted_path(m, "enclaves/a b"), 0777), -1);
        for (int i = 0; i < 50; i++)
            mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
        fake_stall(m->engine, true);
        pid_t reader = start_reader("engine/errors");
        fake_await_stalled(m->engine);
        for (int i = 0; i < 50; i++)
            mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
        fake_stall(m->engine, false);
        assert_int_equal(end_of(reader), 0);
    }
}

static void an_interrupted_wait_ends_at_once(void **state)
{
    (void)state;
    pid_t readers[10];
    object_id run = held_run();
    for (int i = 0; i < 10; i++)
        readers[i] = start_reader("enclaves/e/wait");
    await_waiters(10);
    int64_t start = clock_monotonic();
    for (int i = 0; i < 10; i++) {
        kill(readers[i], i % 2 ? SIGTERM : SIGKILL);
        assert_int_equal(end_of(readers[i]), i % 2 ? -SIGTERM : -SIGKILL);
    }
    assert_true(clock_monotonic() - start < CLOCK_SECOND);
    await_waiters(0);
    fake_run_finish(m->engine, run, RUN_SUCCEEDED);
}

static void waiting_for_what_failed_fails(void **state)
{
    (void)state;
    object_id run = held_run();
    pid_t reader = start_reader("enclaves/e/wait");
    await_waiters(1);
    fake_run_output(m->engine, run, "half done\n");
    expect_soon("enclaves/e/runs/last/output", "half done\n");
    assert_int_equal(mounted_write(m, "enclaves/e/runs/last/status", "CANCELLED\n"), 0);
    assert_int_equal(end_of(reader), EIO);
    mounted_expect(m, "enclaves/e/runs/last/status", "CANCELLED\n");
}

/* ---- streams ---- */

static void following_gives_what_comes(void **state)
{
    (void)state;
    const char *path = mounted_path(m, "enclaves/e/services/web/follow");
    char text[64];
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof text), -1);
    assert_int_equal(errno, EAGAIN);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 0), 0);
    pid_t reader = start_reader("enclaves/e/services/web/follow");
    fake_service_log(m->engine, service, "line 3\n");
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_int_equal(read(fd, text, sizeof text), 7);
    assert_memory_equal(text, "line 3\n", 7);
    assert_int_equal(poll(&waiting, 1, 0), 0);
    kill(reader, SIGKILL);
    end_of(reader);
    assert_int_equal(service_remove(m->engine, service, NULL), 0);
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_int_equal(read(fd, text, sizeof text), 0);
    close(fd);
}

static short poll_now(int fd, int timeout)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, timeout) < 0 ? -1 : waiting.revents;
}

/* A finite file, whose end is an end, and on which one can wait for more. */
static void events_can_be_waited_for(void **state)
{
    (void)state;
    char text[64];
    int fd = open(mounted_path(m, "enclaves/e/events"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fake_event(m->engine, enclave, "one\n");
    assert_int_equal(poll_now(fd, 0), POLLIN);
    assert_int_equal(read(fd, text, sizeof text), 4);
    assert_int_equal(poll_now(fd, 0), 0);
    assert_int_equal(read(fd, text, sizeof text), 0);
    assert_int_equal(poll_now(fd, 0), 0);
    int other = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN}, came;
    assert_int_equal(epoll_ctl(other, EPOLL_CTL_ADD, fd, &wanted), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(epoll_wait(other, &came, 1, 0), 0);
        fake_event(m->engine, enclave, "two\n");
        assert_true((i % 2 ? epoll_wait(other, &came, 1, 5000) : poll_now(fd, 5000)) > 0);
        assert_int_equal(read(fd, text, sizeof text), 4);
    }
    close(other);
    assert_int_equal(mounted_shell(m, "rmdir enclaves/e"), 0);
    assert_int_equal(poll_now(fd, 5000), POLLIN | POLLHUP);
    assert_int_equal(read(fd, text, sizeof text), 0);
    close(fd);
}

static void output_can_be_waited_for(void **state)
{
    (void)state;
    char text[64];
    object_id run = held_run();
    int fd = open(mounted_path(m, "enclaves/e/runs/last/output"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while (read(fd, text, sizeof text) > 0)
        continue;
    assert_int_equal(poll_now(fd, 0), 0);
    fake_run_output(m->engine, run, "more\n");
    assert_int_equal(poll_now(fd, 5000), POLLIN);
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_int_equal(poll_now(fd, 0), 0);
    fake_run_finish(m->engine, run, RUN_SUCCEEDED);
    assert_int_equal(poll_now(fd, 5000), POLLIN);
    while (read(fd, text, sizeof text) > 0)
        continue;
    assert_int_equal(poll_now(fd, 5000), POLLIN);
    close(fd);
}

static void fifty_follow(void **state)
{
    (void)state;
    enum {
        READERS = 50
    };
    pid_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        readers[i] = start_reader("enclaves/e/services/web/follow");
    int64_t deadline = clock_monotonic() + 20 * CLOCK_SECOND;
    while (fake_followers(m->engine) < READERS)
        assert_true(clock_monotonic() < deadline);
    mounted_expect(m, "enclaves/e/services/web/status", "RUNNING\n");
    await_few_threads();
    fake_service_log(m->engine, service, "again\n");
    for (int i = 0; i < READERS; i++)
        assert_int_equal(end_of(readers[i]), 0);
}

static void converse(const char *first, const char *second, const char *expected)
{
    char text[512];
    size_t length = 0;
    int fd = open(mounted_path(m, "enclaves/e/services/web/exec"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    if (write(fd, first, strlen(first)) < 0)
        fail_msg("writing: %s", strerror(errno));
    if (second) {
        while (write(fd, second, strlen(second)) < 0)
            assert_int_equal(errno, EINTR);
        while (write(fd, "\x04", 1) < 0)
            assert_int_equal(errno, EINTR);
    }
    for (ssize_t got; (got = read(fd, text + length, sizeof text - length - 1)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    assert_string_equal(text, expected);
    close(fd);
}

static void commands_converse(void **state)
{
    (void)state;
    converse("echo hello; exit 3\n", NULL, "hello\nexit 3\n");
    converse("printf x", NULL, "x\nexit 0\n");
    converse("-i tr a-z A-Z\n", "hello\n", "HELLO\nexit 0\n");
    assert_int_equal(mounted_write(m, "enclaves/e/services/web/exec", "\n"), EINVAL);
    mounted_expect(m, "enclaves/e/services/web/exec", "");
    assert_int_equal(mounted_shell(m, "exec 3<> enclaves/e/services/web/exec; echo 'echo hi' >&3; "
                                      "[ \"$(cat <&3)\" = $'hi\\nexit 0' ]"),
                     0);
}

static void unmounting_ends_who_waits(void **state)
{
    (void)state;
    held_run();
    pid_t reader = start_reader("enclaves/e/wait");
    pid_t follower = start_reader("enclaves/e/services/web/follow");
    await_waiters(1);
    while (fake_followers(m->engine) == 0)
        continue;
    mounted_free(m);
    assert_true(end_of(reader) != 0);
    assert_true(end_of(follower) != 0);
    m = mounted_new();
}

static int tests(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TREE_TEST(every_size_is_what_reading_gives),
        TREE_TEST(warm_calls_cost_few_requests),
        TREE_TEST(a_write_is_seen_at_once),
        TREE_TEST(what_the_engine_changes_is_seen),
        TREE_TEST(names_that_go_are_gone),
        TREE_TEST(ports_are_what_they_are_now),
        TREE_TEST(logs_grow),
        TREE_TEST(an_open_view_outlives_its_object),
        TREE_TEST(names_are_checked),
        TREE_TEST(removing_a_tree_removes_the_enclave),
        TREE_TEST(removing_a_full_directory_removes_the_object),
        TREE_TEST(removing_a_view_changes_nothing),
        TREE_TEST(removing_thousands_skips_none),
        TREE_TEST(renaming_an_enclave),
        TREE_TEST(views_refuse_writing_to_everybody),
        TREE_TEST(fifty_wait_and_nothing_else_does),
        TREE_TEST(a_slow_request_keeps_nobody_waiting),
        TREE_TEST(an_interrupted_wait_ends_at_once),
        TREE_TEST(waiting_for_what_failed_fails),
        TREE_TEST(following_gives_what_comes),
        TREE_TEST(events_can_be_waited_for),
        TREE_TEST(output_can_be_waited_for),
        TREE_TEST(fifty_follow),
        TREE_TEST(commands_converse),
        TREE_TEST(unmounting_ends_who_waits),
    };
    return cmocka_run_group_tests_name("kfs.tree", all, NULL, NULL);
}

int main(void)
{
    return mounted_run(tests);
}
