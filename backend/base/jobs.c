/* The worker pool: one lock, lanes as queues, workers that take from the first lane that has room.
 */
#include "backend/base/jobs.h"

#include "backend/base/log.h"

#include <stdbool.h>
#include <string.h>

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
    unsigned running;  /* under jobs->queue_lock, as are the two below */
    struct job *first; /* the queue, oldest first */
    struct job **last;
};

struct jobs {
    pthread_mutex_t queue_lock; /* guards the lanes' queues and all below */
    pthread_cond_t work_added;
    pthread_cond_t work_ended;
    struct job_lane *lanes;
    unsigned max_workers, workers, idle;
    unsigned unfinished; /* queued and running */
    bool ending;
    pthread_t *threads;
};

struct jobs *jobs_new(unsigned max_workers)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    pthread_t *threads = calloc(max_workers, sizeof *threads);
    if (!jobs || !threads) {
        free(jobs);
        free(threads);
        return NULL;
    }
    pthread_mutex_init(&jobs->queue_lock, NULL);
    pthread_cond_init(&jobs->work_added, NULL);
    pthread_cond_init(&jobs->work_ended, NULL);
    jobs->max_workers = max_workers;
    jobs->threads = threads;
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
        lane->running++;
        *ret_lane = lane;
        return job;
    }
    return NULL;
}

static void *worker(void *argument)
{
    struct jobs *jobs = argument;
    pthread_mutex_lock(&jobs->queue_lock);
    for (;;) {
        struct job_lane *lane;
        struct job *job = take(jobs, &lane);
        if (!job) {
            if (jobs->ending)
                break;
            jobs->idle++;
            pthread_cond_wait(&jobs->work_added, &jobs->queue_lock);
            jobs->idle--;
            continue;
        }
        pthread_mutex_unlock(&jobs->queue_lock);
        job->function(job->context);
        free(job);
        pthread_mutex_lock(&jobs->queue_lock);
        lane->running--;
        jobs->unfinished--;
        pthread_cond_broadcast(&jobs->work_ended);
    }
    pthread_mutex_unlock(&jobs->queue_lock);
    return NULL;
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
    jobs->unfinished++;
    if (jobs->idle > 0) {
        pthread_cond_signal(&jobs->work_added);
    } else if (jobs->workers < jobs->max_workers) {
        int failed = pthread_create(&jobs->threads[jobs->workers], NULL, worker, jobs);
        if (!failed)
            jobs->workers++;
        else
            log_warning("cannot start a worker thread for '%s': %s", lane->name, strerror(failed));
        if (jobs->workers == 0)
            abort();
    }
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
    for (unsigned i = 0; i < jobs->workers; i++)
        pthread_join(jobs->threads[i], NULL);
    for (struct job_lane *lane = jobs->lanes, *next; lane; lane = next) {
        next = lane->next;
        free(lane);
    }
    pthread_mutex_destroy(&jobs->queue_lock);
    pthread_cond_destroy(&jobs->work_added);
    pthread_cond_destroy(&jobs->work_ended);
    free(jobs->threads);
    free(jobs);
}
