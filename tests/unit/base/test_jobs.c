/* The worker pool: lanes hold their limits and do not delay each other; threads come with work and
 * go without. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/base/jobs.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static sem_t begun, released;
static atomic_uint running, most;

static void hold(void *context)
{
    (void)context;
    unsigned now = atomic_fetch_add(&running, 1) + 1;
    if (now > most)
        most = now;
    sem_post(&begun);
    while (sem_wait(&released) < 0)
        assert_int_equal(errno, EINTR);
    atomic_fetch_sub(&running, 1);
}

static void release(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sem_post(&released);
}

static void await_begun(unsigned count)
{
    struct timespec until = clock_timespec(clock_now() + 20 * CLOCK_SECOND);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sem_timedwait(&begun, &until), 0);
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *entry; (entry = readdir(tasks));)
        count += *entry->d_name != '.';
    closedir(tasks);
    return count;
}

static unsigned others; /* threads that are not the pool's */

/* One that has ended may be seen a moment longer. */
static void await_threads(unsigned count)
{
    int64_t deadline = clock_monotonic() + 20 * CLOCK_SECOND;
    while (threads() > others + count)
        assert_true(clock_monotonic() < deadline);
    assert_int_equal(threads(), others + count);
}

static int setup(void **state)
{
    (void)state;
    running = most = 0;
    sem_init(&begun, 0, 0);
    sem_init(&released, 0, 0);
    return 0;
}

static void a_full_lane_delays_no_other(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new(10);
    struct job_lane *slow = jobs_lane(jobs, "slow", 3), *other = jobs_lane(jobs, "other", 1);
    for (unsigned i = 0; i < 20; i++)
        jobs_submit(slow, hold, NULL);
    await_begun(3);
    jobs_submit(other, hold, NULL);
    await_begun(1);
    assert_int_equal(running, 4);
    /* No thread for jobs that may not start yet. */
    await_threads(4);
    release(21);
    jobs_free(jobs);
    assert_int_equal(most, 4);
    await_threads(0);
}

/* However many come before an idle worker has woken up, none waits for the end of another. */
static void jobs_that_come_together_run_together(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new(8);
    struct job_lane *lane = jobs_lane(jobs, "lane", 8);
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 1 + round % 8; i++)
            jobs_submit(lane, hold, NULL);
        await_begun(1 + round % 8);
        release(1 + round % 8);
        jobs_drain(jobs);
    }
    jobs_free(jobs);
    await_threads(0);
}

static void idle_threads_end_and_come_again(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new(4);
    struct job_lane *lane = jobs_lane(jobs, "lane", 4);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++)
            jobs_submit(lane, hold, NULL);
        await_begun(4);
        await_threads(4);
        release(4);
        if (round == 0)
            await_threads(0);
    }
    jobs_free(jobs);
    await_threads(0);
}

static void *say_id(void *ret)
{
    *(pid_t *)ret = gettid();
    return NULL;
}

/* Threads there are when one has been started and has ended: a sanitizer's comes with the first. */
static unsigned threads_of_others(void)
{
    pthread_t thread;
    pid_t id;
    char path[64];
    pthread_create(&thread, NULL, say_id, &id);
    pthread_join(thread, NULL);
    snprintf(path, sizeof path, "/proc/self/task/%d", id);
    while (access(path, F_OK) == 0)
        continue;
    return threads();
}

static void pass(void *context)
{
    (void)context;
}

/* Little work that never ceases keeps one thread, not all in turn. */
static void surplus_threads_end_beside_work(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new(4);
    struct job_lane *lane = jobs_lane(jobs, "lane", 4);
    for (unsigned i = 0; i < 4; i++)
        jobs_submit(lane, hold, NULL);
    await_begun(4);
    release(4);
    int64_t deadline = clock_monotonic() + 20 * CLOCK_SECOND;
    while (threads() > others + 1) {
        jobs_submit(lane, pass, NULL);
        jobs_drain(jobs);
        assert_true(clock_monotonic() < deadline);
    }
    jobs_free(jobs);
    await_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_lane_delays_no_other, setup),
        cmocka_unit_test_setup(jobs_that_come_together_run_together, setup),
        cmocka_unit_test_setup(idle_threads_end_and_come_again, setup),
        cmocka_unit_test_setup(surplus_threads_end_beside_work, setup),
    };
    others = threads_of_others();
    return cmocka_run_group_tests_name("base.jobs", tests, NULL, NULL);
}
