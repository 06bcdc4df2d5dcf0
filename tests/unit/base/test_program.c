/* Programs as children: their output and end, and that they end with who started them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/base/program.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=from here", NULL};

struct result {
    struct buf output, errors;
    int status;
    struct error *err;
};

static int run_shell(const char *script, const struct cancel *cancel, int64_t deadline,
                     struct result *result)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct program_request request = {
        .argv = argv, .environment = environment, .cancel = cancel, .deadline = deadline};
    *result = (struct result){.output = BUF_INIT(1000), .errors = BUF_INIT(1000)};
    return program_run(&request, &result->output, &result->errors, &result->status, &result->err);
}

static void result_done(struct result *result)
{
    buf_done(&result->output);
    buf_done(&result->errors);
    error_free(result->err);
}

static void test_output_and_status(void **state)
{
    (void)state;
    struct result result;
    assert_int_equal(run_shell("echo \"$WORD\"; echo wrong >&2; exit 3", NULL, 0, &result), 0);
    assert_string_equal(result.output.data, "from here\n");
    assert_string_equal(result.errors.data, "wrong\n");
    assert_true(WIFEXITED(result.status) && WEXITSTATUS(result.status) == 3);
    result_done(&result);
}

static void test_input_is_empty(void **state)
{
    (void)state;
    struct result result;
    assert_int_equal(run_shell("cat; echo end", NULL, 0, &result), 0);
    assert_string_equal(result.output.data, "end\n");
    result_done(&result);
}

static void test_much_output_does_not_block(void **state)
{
    (void)state;
    struct result result;
    assert_int_equal(
        run_shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", NULL, 0, &result), 0);
    assert_true(result.output.failed && result.errors.failed);
    assert_true(WIFEXITED(result.status));
    result_done(&result);
}

static void test_signal_is_told(void **state)
{
    (void)state;
    struct result result;
    assert_int_equal(run_shell("kill -9 $$", NULL, 0, &result), 0);
    assert_true(WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL);
    result_done(&result);
}

static void test_missing_program(void **state)
{
    (void)state;
    const char *const argv[] = {"no-such-program-here", NULL};
    struct program_request request = {.argv = argv, .environment = environment};
    struct result result = {.output = BUF_INIT(10), .errors = BUF_INIT(10)};
    assert_int_equal(
        program_run(&request, &result.output, &result.errors, &result.status, &result.err), -1);
    assert_int_equal(error_code(result.err), ENOENT);
    result_done(&result);
}

/* A helper that holds the pipes open does not keep the caller waiting. */
static void test_helpers_do_not_outlive_their_program(void **state)
{
    (void)state;
    struct result result;
    int64_t start = clock_monotonic();
    assert_int_equal(run_shell("sleep 60 & echo $!", NULL, 0, &result), 0);
    assert_true(clock_monotonic() - start < 10 * CLOCK_SECOND);
    pid_t helper = (pid_t)strtol(result.output.data, NULL, 10);
    assert_true(helper > 0);
    /* It is somebody else's to reap; until then it can be signalled, but is no longer running. */
    int64_t until = clock_monotonic() + 10 * CLOCK_SECOND;
    bool running = true;
    while (running && clock_monotonic() < until) {
        char path[64];
        char text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)helper);
        FILE *stream = fopen(path, "re");
        running = stream && fgets(text, sizeof text, stream) && !strstr(text, ") Z ");
        if (stream)
            fclose(stream);
    }
    assert_false(running);
    result_done(&result);
}

static void test_deadline_ends_it(void **state)
{
    (void)state;
    struct result result;
    int64_t start = clock_monotonic();
    assert_int_equal(run_shell("sleep 60", NULL, start + CLOCK_SECOND / 10, &result), -1);
    assert_int_equal(error_code(result.err), ETIMEDOUT);
    assert_true(clock_monotonic() - start < 10 * CLOCK_SECOND);
    result_done(&result);
}

static void *fire(void *context)
{
    cancel_fire(context);
    return NULL;
}

static void test_cancelling_ends_it(void **state)
{
    (void)state;
    struct result result;
    pthread_t thread;
    cleanup(cancel_unref) struct cancel *cancel = cancel_new(NULL);
    pthread_create(&thread, NULL, fire, cancel);
    int64_t start = clock_monotonic();
    assert_int_equal(run_shell("sleep 60", cancel, 0, &result), -1);
    assert_int_equal(error_code(result.err), ECANCELED);
    assert_true(clock_monotonic() - start < 10 * CLOCK_SECOND);
    pthread_join(thread, NULL);
    result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_status),
        cmocka_unit_test(test_input_is_empty),
        cmocka_unit_test(test_much_output_does_not_block),
        cmocka_unit_test(test_signal_is_told),
        cmocka_unit_test(test_missing_program),
        cmocka_unit_test(test_helpers_do_not_outlive_their_program),
        cmocka_unit_test(test_deadline_ends_it),
        cmocka_unit_test(test_cancelling_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
