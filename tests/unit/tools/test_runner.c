/* Tests at a time, order, interruption; what a test does is scripted here. */
#include "tools/test/runner.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum {
    TESTS = 12
};

struct script {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned wanted; /* how many must run at a time before any ends */
    unsigned running, most, began, ended;
    int began_inside; /* calls of began and ended at a time: never two */
    int signal_at;    /* the test that has the process signalled; -1: none */
    int told;         /* of the signal */
};

static void make_list(struct test_list *list, struct test *tests, struct test_case *cases)
{
    for (size_t i = 0; i < TESTS; i++) {
        cases[i] = (struct test_case){.outcome = OUTCOME_NOT_RUN};
        tests[i] = (struct test){.cases = &cases[i], .case_count = 1};
    }
    *list = (struct test_list){.tests = tests, .count = TESTS};
}

/* Passes when enough run at the same time; one that is to be interrupted waits for it. */
static void run(void *context, struct test *test, const struct cancel *cancel)
{
    struct script *script = context;
    unsigned number;
    pthread_mutex_lock(&script->lock);
    number = script->began++;
    script->running++;
    if (script->running > script->most)
        script->most = script->running;
    pthread_cond_broadcast(&script->changed);
    while (script->most < script->wanted)
        pthread_cond_wait(&script->changed, &script->lock);
    pthread_mutex_unlock(&script->lock);
    if (script->signal_at == (int)number) {
        kill(getpid(), SIGTERM);
        cancel_wait(cancel, 0);
    }
    test->cases[0].outcome = cancel_fired(cancel) ? OUTCOME_ERRORED : OUTCOME_PASSED;
    pthread_mutex_lock(&script->lock);
    script->running--;
    pthread_mutex_unlock(&script->lock);
}

static void tell(void *context, const struct test *test)
{
    struct script *script = context;
    (void)test;
    assert_int_equal(__atomic_add_fetch(&script->began_inside, 1, __ATOMIC_SEQ_CST), 1);
    script->ended++;
    __atomic_sub_fetch(&script->began_inside, 1, __ATOMIC_SEQ_CST);
}

static void tell_signal(void *context, int number)
{
    struct script *script = context;
    script->told = number;
}

static int run_script(struct script *script, unsigned jobs, struct test_list *list)
{
    const struct runner runner = {
        .jobs = jobs,
        .run = run,
        .began = tell,
        .ended = tell,
        .interrupted = tell_signal,
        .context = script,
    };
    pthread_mutex_init(&script->lock, NULL);
    pthread_cond_init(&script->changed, NULL);
    return runner_run(&runner, list, NULL);
}

static size_t count(const struct test_list *list, enum outcome outcome)
{
    size_t found = 0;
    for (size_t i = 0; i < list->count; i++)
        found += list->tests[i].cases[0].outcome == outcome;
    return found;
}

static void all_run_and_as_many_at_a_time_as_asked(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= TESTS * 2; jobs *= 2) {
        struct test tests[TESTS];
        struct test_case cases[TESTS];
        struct test_list list;
        unsigned most = jobs < TESTS ? jobs : TESTS;
        struct script script = {.wanted = most, .signal_at = -1};
        make_list(&list, tests, cases);
        assert_int_equal(run_script(&script, jobs, &list), 0);
        assert_int_equal(count(&list, OUTCOME_PASSED), TESTS);
        assert_int_equal(script.most, most);
        assert_int_equal(script.ended, 2 * TESTS);
    }
}

static void a_signal_stops_launching_and_is_told(void **state)
{
    (void)state;
    struct test tests[TESTS];
    struct test_case cases[TESTS];
    struct test_list list;
    struct script script = {.wanted = 1, .signal_at = 3};
    make_list(&list, tests, cases);
    assert_int_equal(run_script(&script, 1, &list), SIGTERM);
    assert_int_equal(script.told, SIGTERM);
    assert_int_equal(count(&list, OUTCOME_PASSED), 3);
    assert_int_equal(count(&list, OUTCOME_ERRORED), 1);
    assert_int_equal(count(&list, OUTCOME_NOT_RUN), TESTS - 4);
    assert_int_equal(cases[TESTS - 1].outcome, OUTCOME_NOT_RUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_run_and_as_many_at_a_time_as_asked),
        cmocka_unit_test(a_signal_stops_launching_and_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
