/* Children with limits. */
#include "tests/unit/tools/scratch.h"
#include "tools/test/process.h"

#include "backend/base/clock.h"

#include <pthread.h>
#include <signal.h>

static struct process_result run_shell(const char *script, int output, int64_t limit,
                                       const struct cancel *cancel)
{
    struct process_result result;
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    const struct process_order order = {.argv = argv,
                                        .output = output,
                                        .deadline = limit ? clock_monotonic() + limit : 0,
                                        .cancel = cancel};
    assert_int_equal(process_run(&order, &result, NULL), 0);
    return result;
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    struct process_result result = run_shell("exit 0", -1, 0, NULL);
    assert_true(result.end == PROCESS_EXITED && result.code == 0);
    result = run_shell("exit 7", -1, 60 * CLOCK_SECOND, NULL);
    assert_true(result.end == PROCESS_EXITED && result.code == 7);
    result = run_shell("kill -KILL $$", -1, 0, NULL);
    assert_true(result.end == PROCESS_SIGNALLED && result.code == SIGKILL);
}

static void what_cannot_start_says_why(void **state)
{
    (void)state;
    struct process_result result;
    struct error *err = NULL;
    char *argv[] = {(char *)"/no/such/program", NULL};
    assert_int_equal(
        process_run(&(struct process_order){.argv = argv, .output = -1}, &result, &err), -1);
    assert_int_equal(error_code(err), ENOENT);
    error_free(err);
    err = NULL;
    argv[0] = (char *)"true";
    assert_int_equal(
        process_run(
            &(struct process_order){.argv = argv, .output = -1, .directory = "/no/such/directory"},
            &result, &err),
        -1);
    assert_int_equal(error_code(err), ENOENT);
    error_free(err);
}

static void both_streams_are_the_output(void **state)
{
    (void)state;
    char text[64] = "";
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    run_shell("echo out; echo err >&2; cat", ends[1], 0, NULL);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 8);
    assert_string_equal(text, "out\nerr\n");
    close(ends[0]);
    close(ends[1]);
}

/* A process holds the writing end of the pipe: the end of it is the end of that process. */
static void all_of_it_ends_in_time(void **state)
{
    (void)state;
    char byte;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int64_t began = clock_monotonic();
    struct process_result result = run_shell("trap '' TERM; sleep 1000 & sleep 1000; sleep 1000",
                                             ends[1], 100 * CLOCK_MILLISECOND, NULL);
    close(ends[1]);
    assert_int_equal(result.end, PROCESS_TIMED_OUT);
    assert_true(clock_monotonic() - began >= 100 * CLOCK_MILLISECOND);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void what_it_leaves_is_killed(void **state)
{
    (void)state;
    char byte;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct process_result result = run_shell("sleep 1000 & exit 5", ends[1], 0, NULL);
    close(ends[1]);
    assert_true(result.end == PROCESS_EXITED && result.code == 5);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

/* Cancels as soon as the child has begun, which it tells by a byte. */
struct canceller {
    int begun;
    struct cancel *cancel;
};

static void *cancel_when_begun(void *context)
{
    const struct canceller *canceller = context;
    char byte;
    if (read(canceller->begun, &byte, 1) == 1)
        cancel_fire(canceller->cancel);
    return NULL;
}

static void a_cancellation_ends_it(void **state)
{
    (void)state;
    int ends[2];
    pthread_t thread;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct canceller canceller = {.begun = ends[0], .cancel = cancel_new(NULL)};
    pthread_create(&thread, NULL, cancel_when_begun, &canceller);
    struct process_result result = run_shell("echo; exec sleep 1000", ends[1], 0, canceller.cancel);
    pthread_join(thread, NULL);
    assert_int_equal(result.end, PROCESS_CANCELLED);
    cancel_unref(canceller.cancel);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told_apart),         cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(both_streams_are_the_output), cmocka_unit_test(all_of_it_ends_in_time),
        cmocka_unit_test(what_it_leaves_is_killed),    cmocka_unit_test(a_cancellation_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
