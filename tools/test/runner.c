/* Worker threads take tests from the list; the calling thread waits for them and for signals. */
#include "tools/test/runner.h"

#include "backend/base/clock.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

enum {
    PROGRESS_MS = 200,
    SHOWN_MAX = 64,   /* running tests that progress tells of */
    INTERRUPTED = 130 /* exit status, after the shells' habit */
};

struct work {
    const struct runner *runner;
    const struct test_list *list;
    struct cancel *cancel;
    int done_fd; /* readable when the last worker has ended */

    pthread_mutex_t take_lock; /* guards the next three */
    size_t next;
    size_t ended;
    unsigned workers;
    const struct test **running; /* of each worker; NULL where it does nothing */
    unsigned worker_count;

    /* So that what is told comes one at a time; taken before take_lock, never within. */
    pthread_mutex_t report_lock;
};

struct worker {
    struct work *work;
    unsigned number;
    pthread_t thread;
};

/* ---- workers */

static struct test *take(struct work *work, unsigned number)
{
    with_lock(&work->take_lock);
    struct test *test = NULL;
    if (work->next < work->list->count && !cancel_fired(work->cancel))
        test = &work->list->tests[work->next++];
    work->running[number] = test;
    return test;
}

static void tell(struct work *work, void (*what)(void *, const struct test *),
                 const struct test *test)
{
    with_lock(&work->report_lock);
    what(work->runner->context, test);
}

static void leave(struct work *work)
{
    bool last;
    {
        with_lock(&work->take_lock);
        last = --work->workers == 0;
    }
    if (last)
        eventfd_write(work->done_fd, 1);
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    struct work *work = worker->work;
    struct test *test;
    while ((test = take(work, worker->number))) {
        tell(work, work->runner->began, test);
        work->runner->run(work->runner->context, test, work->cancel);
        {
            with_lock(&work->take_lock);
            work->running[worker->number] = NULL;
            work->ended++;
        }
        tell(work, work->runner->ended, test);
    }
    leave(work);
    return NULL;
}

/* ---- the calling thread */

static void report_progress(struct work *work)
{
    const struct test *running[SHOWN_MAX + 1];
    size_t count = 0, ended;
    if (!work->runner->progress)
        return;
    with_lock(&work->report_lock);
    {
        with_lock(&work->take_lock);
        for (unsigned i = 0; i < work->worker_count && count < SHOWN_MAX; i++)
            if (work->running[i])
                running[count++] = work->running[i];
        ended = work->ended;
    }
    running[count] = NULL;
    work->runner->progress(work->runner->context, ended, running);
}

static void report_signal(struct work *work, int number)
{
    with_lock(&work->report_lock);
    if (work->runner->interrupted)
        work->runner->interrupted(work->runner->context, number);
}

/* Until the workers have ended. The first signal, or 0. */
static int wait_workers(struct work *work, int signal_fd)
{
    struct pollfd waits[] = {{.fd = work->done_fd, .events = POLLIN},
                             {.fd = signal_fd, .events = POLLIN}};
    int number = 0;
    for (;;) {
        poll(waits, ARRAY_LENGTH(waits), work->runner->progress ? PROGRESS_MS : -1);
        struct signalfd_siginfo info;
        if ((waits[1].revents & POLLIN) && read(signal_fd, &info, sizeof info) == sizeof info) {
            if (number)
                _exit(INTERRUPTED);
            number = (int)info.ssi_signo;
            cancel_fire(work->cancel);
            report_signal(work, number);
        }
        if (waits[0].revents & POLLIN)
            return number;
        report_progress(work);
    }
}

static unsigned start_workers(struct work *work, struct worker *workers, unsigned count)
{
    unsigned started = 0;
    work->workers = count;
    for (; started < count; started++) {
        workers[started] = (struct worker){.work = work, .number = started};
        if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0)
            break;
    }
    for (unsigned i = started; i < count; i++)
        leave(work);
    return started;
}

static int work_run(struct work *work, const sigset_t *signals, struct error **err)
{
    cleanup(free) struct worker *workers = calloc(work->worker_count, sizeof *workers);
    cleanup(close) int signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!workers || signal_fd < 0)
        return error_system(err, "cannot wait for signals");
    unsigned started = start_workers(work, workers, work->worker_count);
    int number = wait_workers(work, signal_fd);
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    return started ? number : error_set(err, EAGAIN, "cannot start a thread");
}

int runner_run(const struct runner *runner, const struct test_list *list, struct error **err)
{
    sigset_t signals, before;
    unsigned jobs = runner->jobs < list->count ? runner->jobs : (unsigned)list->count;
    cleanup(free) const struct test **running = calloc(jobs + 1, sizeof *running);
    cleanup(cancel_unref) struct cancel *cancel = cancel_new(err);
    cleanup(close) int done_fd = eventfd(0, EFD_CLOEXEC);
    if (!running || !cancel || done_fd < 0)
        return error_set(err, ENOMEM, "cannot run tests: out of memory or descriptors");
    struct work work = {
        .runner = runner,
        .list = list,
        .cancel = cancel,
        .done_fd = done_fd,
        .take_lock = PTHREAD_MUTEX_INITIALIZER,
        .report_lock = PTHREAD_MUTEX_INITIALIZER,
        .running = running,
        .worker_count = jobs,
    };
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    /* Before the threads begin: they inherit it. */
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int result = work_run(&work, &signals, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}
