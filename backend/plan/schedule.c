/* Serial and parallel execution. */
#include "backend/plan/schedule.h"

#include "backend/plan/depends.h"
#include "backend/plan/prepare.h"

#include <string.h>

static int cancelled(struct error **err)
{
    return error_set(err, ECANCELED, "the run was cancelled");
}

static void count_done(struct execution *execution)
{
    {
        with_lock(&execution->record_lock);
        execution->done_count++;
    }
    execution_tell_phase(execution);
}

int schedule_in_order(struct execution *execution, struct error **err)
{
    for (size_t i = 0; i < execution->plan->count; i++) {
        struct step step = {.execution = execution, .instruction = &execution->plan->items[i]};
        if (cancel_fired(execution->stop))
            return cancelled(err);
        prepare_advance(execution->prepare, i);
        if (step_run(&step, err) < 0)
            return -1;
        count_done(execution);
    }
    return 0;
}

/* ---- by data ---- */

enum state {
    WAITING,
    RUNNING,
    DONE
};

struct schedule {
    struct execution *execution;
    pthread_mutex_t state_lock; /* guards all below */
    pthread_cond_t state_changed;
    json_t *order; /* depends.h; entries are taken out as they are done */
    enum state *states;
    size_t first_waiting; /* all before it run or are done */
    size_t running, done;
    struct error *err; /* the first; nothing is begun after it */
};

/* The first instruction whose needs are all done; count if there is none. */
static size_t find_ready(struct schedule *schedule)
{
    size_t count = schedule->execution->plan->count;
    while (schedule->first_waiting < count && schedule->states[schedule->first_waiting] != WAITING)
        schedule->first_waiting++;
    for (size_t i = schedule->first_waiting; i < count; i++)
        if (schedule->states[i] == WAITING &&
            json_object_size(json_array_get(schedule->order, i)) == 0)
            return i;
    return count;
}

static bool is_over(const struct schedule *schedule)
{
    return schedule->err || schedule->done == schedule->execution->plan->count ||
           cancel_fired(schedule->execution->stop);
}

/* Waits for an instruction that can be begun. False: there is nothing to do any more. */
static bool take_ready(struct schedule *schedule, size_t *ret_index)
{
    with_lock(&schedule->state_lock);
    while (!is_over(schedule)) {
        size_t i = find_ready(schedule);
        if (i < schedule->execution->plan->count) {
            schedule->states[i] = RUNNING;
            schedule->running++;
            *ret_index = i;
            return true;
        }
        pthread_cond_wait(&schedule->state_changed, &schedule->state_lock);
    }
    pthread_cond_broadcast(&schedule->state_changed);
    return false;
}

static void finish(struct schedule *schedule, size_t index, struct error **err)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", index);
    with_lock(&schedule->state_lock);
    schedule->states[index] = DONE;
    schedule->running--;
    schedule->done++;
    if (*err)
        error_move(&schedule->err, err);
    else
        for (size_t i = index + 1; i < schedule->execution->plan->count; i++)
            json_object_del(json_array_get(schedule->order, i), number);
    pthread_cond_broadcast(&schedule->state_changed);
}

static void *work(void *argument)
{
    struct schedule *schedule = argument;
    struct execution *execution = schedule->execution;
    size_t index;
    while (take_ready(schedule, &index)) {
        struct step step = {.execution = execution, .instruction = &execution->plan->items[index]};
        cleanup(error_free) struct error *err = NULL;
        prepare_advance(execution->prepare, index);
        int result = step_run(&step, &err);
        if (result == 0)
            count_done(execution);
        finish(schedule, index, &err);
        if (result < 0)
            cancel_fire(execution->stop);
    }
    return NULL;
}

static void run_threads(struct schedule *schedule)
{
    size_t wanted = schedule->execution->plan->count;
    wanted = wanted < WAITS_MAX ? wanted : WAITS_MAX;
    cleanup(free) pthread_t *threads = calloc(wanted + 1, sizeof *threads);
    size_t started = 0;
    while (threads && started + 1 < wanted &&
           pthread_create(&threads[started], NULL, work, schedule) == 0)
        started++;
    work(schedule);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

int schedule_by_data(struct execution *execution, struct error **err)
{
    struct schedule schedule = {.execution = execution};
    schedule.states = calloc(execution->plan->count + 1, sizeof *schedule.states);
    if (!schedule.states)
        return error_set(err, ENOMEM, "out of memory");
    schedule.order = plan_order(execution->plan);
    pthread_mutex_init(&schedule.state_lock, NULL);
    pthread_cond_init(&schedule.state_changed, NULL);
    run_threads(&schedule);
    pthread_cond_destroy(&schedule.state_changed);
    pthread_mutex_destroy(&schedule.state_lock);
    json_decref(schedule.order);
    free(schedule.states);
    if (schedule.err)
        return error_move(err, &schedule.err);
    return cancel_fired(execution->stop) ? cancelled(err) : 0;
}
