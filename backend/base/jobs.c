/* The worker pool: one lock, lanes as queues, workers that take from the first lane that has room.
 */
#include "backend/base/jobs.h"

#include "backend/base/clock.h"
#include "backend/base/log.h"

#include <stdbool.h>
#include <string.h>

/* A worker without work ends when so long there were more workers than work. */
static const int64_t IDLE_MAX = CLOCK_SECOND;

struct job {
    struct job *next;
    void (*function)(void *context);
    void *context;
};

struct job_lane {
    struct job_lane *next;
    struct jobs *jobs;
    const char *name;
    unsigned max_running;
    unsigned running; /* under jobs->queue_lock, as are the three below */
    unsigned queued;
    struct job *first; /* the queue, oldest first */
    struct job **last;
};

/* A place for a worker. */
struct worker {
    struct jobs *jobs;
    pthread_t thread;
    enum {
        WORKER_NONE,
        WORKER_RUNS,
        WORKER_ENDED /* but not joined */
    } state;         /* under queue_lock */
};

struct jobs {
    pthread_mutex_t queue_lock; /* guards the lanes' queues and all below */
    pthread_cond_t work_added;
    pthread_cond_t work_ended;
    struct job_lane *lanes;
    unsigned max_workers, running_workers;
    int64_t all_needed;  /* monotonic: when there was last work for every worker */
    unsigned unfinished; /* queued and running */
    bool ending;
    struct worker workers[];
};

struct jobs *jobs_new(unsigned max_workers)
{
    struct jobs *jobs = calloc(1, sizeof *jobs + max_workers * sizeof *jobs->workers);
    if (!jobs)
        return NULL;
    pthread_mutex_init(&jobs->queue_lock, NULL);
    clock_condition_init(&jobs->work_added);
    pthread_cond_init(&jobs->work_ended, NULL);
    jobs->max_workers = max_workers;
    return jobs;
}

struct job_lane *jobs_lane(struct jobs *jobs, const char *name, unsigned max_running)
{
    struct job_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        abort();
    lane->jobs = jobs;
    lane->name = name;
    lane->max_running = max_running;
    lane->last = &lane->first;
    with_lock(&jobs->queue_lock);
    lane->next = jobs->lanes;
    jobs->lanes = lane;
    return lane;
}

/* Takes the next job that may start; NULL if there is none. Under queue_lock. */
static struct job *take(struct jobs *jobs, struct job_lane **ret_lane)
{
    for (struct job_lane *lane = jobs->lanes; lane; lane = lane->next) {
        struct job *job = lane->first;
        if (!job || lane->running >= lane->max_running)
            continue;
        lane->first = job->next;
        if (!lane->first)
            lane->last = &lane->first;
        lane->queued--;
        lane->running++;
        *ret_lane = lane;
        return job;
    }
    return NULL;
}

/* Waits for a job; NULL when the worker is to end. Under queue_lock. */
static struct job *await(struct jobs *jobs, struct job_lane **ret_lane)
{
    for (;;) {
        struct job *job = take(jobs, ret_lane);
        int64_t end = jobs->all_needed + IDLE_MAX;
        if (job || jobs->ending || clock_monotonic() >= end)
            return job;
        clock_condition_wait(&jobs->work_added, &jobs->queue_lock, end);
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct jobs *jobs = worker->jobs;
    struct job_lane *lane;
    pthread_mutex_lock(&jobs->queue_lock);
    for (struct job *job; (job = await(jobs, &lane));) {
        pthread_mutex_unlock(&jobs->queue_lock);
        job->function(job->context);
        free(job);
        pthread_mutex_lock(&jobs->queue_lock);
        lane->running--;
        jobs->unfinished--;
        pthread_cond_broadcast(&jobs->work_ended);
    }
    worker->state = WORKER_ENDED;
    jobs->running_workers--;
    pthread_mutex_unlock(&jobs->queue_lock);
    return NULL;
}

/* Jobs that run or could, if there were workers enough. Under queue_lock. */
static unsigned startable(const struct jobs *jobs)
{
    unsigned all = 0;
    for (const struct job_lane *lane = jobs->lanes; lane; lane = lane->next)
        all += lane->running + lane->queued < lane->max_running ? lane->running + lane->queued
                                                                : lane->max_running;
    return all;
}

/* Under queue_lock. */
static void start_worker(struct jobs *jobs, const char *lane)
{
    struct worker *worker = jobs->workers;
    while (worker->state == WORKER_RUNS)
        worker++;
    if (worker->state == WORKER_ENDED)
        pthread_join(worker->thread, NULL); /* it has let go of the lock, so that is soon */
    worker->jobs = jobs;
    int failed = pthread_create(&worker->thread, NULL, work, worker);
    worker->state = failed ? WORKER_NONE : WORKER_RUNS;
    if (!failed)
        jobs->running_workers++;
    else
        log_warning("cannot start a worker thread for '%s': %s", lane, strerror(failed));
    if (jobs->running_workers == 0)
        abort();
}

void jobs_submit(struct job_lane *lane, void (*function)(void *context), void *context)
{
    struct jobs *jobs = lane->jobs;
    struct job *job = malloc(sizeof *job);
    if (!job)
        abort();
    *job = (struct job){.function = function, .context = context};
    with_lock(&jobs->queue_lock);
    *lane->last = job;
    lane->last = &job->next;
    lane->queued++;
    jobs->unfinished++;
    unsigned wanted = startable(jobs);
    if (wanted >= jobs->running_workers)
        jobs->all_needed = clock_monotonic();
    if (wanted > jobs->running_workers && jobs->running_workers < jobs->max_workers)
        start_worker(jobs, lane->name);
    else
        pthread_cond_signal(&jobs->work_added);
}

void jobs_drain(struct jobs *jobs)
{
    with_lock(&jobs->queue_lock);
    while (jobs->unfinished > 0)
        pthread_cond_wait(&jobs->work_ended, &jobs->queue_lock);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    jobs_drain(jobs);
    pthread_mutex_lock(&jobs->queue_lock);
    jobs->ending = true;
    pthread_cond_broadcast(&jobs->work_added);
    pthread_mutex_unlock(&jobs->queue_lock);
    for (unsigned i = 0; i < jobs->max_workers; i++) {
        pthread_mutex_lock(&jobs->queue_lock);
        bool started = jobs->workers[i].state != WORKER_NONE;
        pthread_mutex_unlock(&jobs->queue_lock);
        if (started)
            pthread_join(jobs->workers[i].thread, NULL);
    }
    for (struct job_lane *lane = jobs->lanes, *next; lane; lane = next) {
        next = lane->next;
        free(lane);
    }
    pthread_mutex_destroy(&jobs->queue_lock);
    pthread_cond_destroy(&jobs->work_added);
    pthread_cond_destroy(&jobs->work_ended);
    free(jobs);
}
