/*
 * A parked read and the engine's waiter behind it.
 *
 * Three may end it: the engine's answer, an interrupt, the limit (or the end of the mount). The one
 * that claims the request answers it. `holders` counts who still uses the struct: whoever starts
 * it, until it has; whoever will claim it, until it has; and anybody who is just looking at it.
 */
#include "kfs/wait.h"

#include "backend/base/clock.h"
#include "kfs/parked.h"

#include <stdio.h>
#include <string.h>

struct waiting {
    struct parked parked;             /* first: the two are converted into each other */
    struct waiting *next, **previous; /* under waitings->list_lock, as is the next */
    unsigned holders;
    struct node node;
    struct view_handle *handle; /* a reference: answering ends the request, and may end the file */
    size_t size;
    int64_t deadline;             /* monotonic; 0: none */
    struct engine_waiter *waiter; /* set before the starter lets go */
    struct error *failure;        /* set before the answer is claimed */
};

struct waitings {
    pthread_mutex_t list_lock; /* guards all below, and the links */
    pthread_cond_t changed;
    struct waiting *first;
    size_t count;
    int64_t limit;
    bool ending;
    pthread_t watch; /* answers what has reached the limit; only if there is one */
};

/* ---- the life of one ---- */

static void waiting_hold(struct waiting *waiting)
{
    with_lock(&waiting->parked.tree->waitings->list_lock);
    waiting->holders++;
}

static void waiting_drop(struct waiting *waiting)
{
    struct waitings *waitings = waiting->parked.tree->waitings;
    pthread_mutex_lock(&waitings->list_lock);
    bool last = --waiting->holders == 0;
    if (last) {
        *waiting->previous = waiting->next;
        if (waiting->next)
            waiting->next->previous = waiting->previous;
        waitings->count--;
        pthread_cond_broadcast(&waitings->changed);
    }
    pthread_mutex_unlock(&waitings->list_lock);
    if (!last)
        return;
    if (waiting->waiter)
        engine_wait_release(waiting->waiter);
    error_free(waiting->failure);
    view_handle_unref(waiting->handle);
    free(waiting);
}

static void waiting_enlist(struct waitings *waitings, struct waiting *waiting)
{
    with_lock(&waitings->list_lock);
    waiting->next = waitings->first;
    waiting->previous = &waitings->first;
    if (waiting->next)
        waiting->next->previous = &waiting->next;
    waitings->first = waiting;
    waitings->count++;
    pthread_cond_broadcast(&waitings->changed);
}

static void interrupted(struct parked *parked)
{
    waiting_drop((struct waiting *)parked);
}

/* Fills the handle's answer, so that reading on gives its end, and answers with it. */
static void reply_answer(struct waiting *waiting)
{
    struct tree *tree = waiting->parked.tree;
    struct view_handle *handle = waiting->handle;
    cleanup(subject_done) struct subject subject = {0};
    if (subject_get(tree, waiting->node, &subject) < 0) {
        fuse_reply_err(waiting->parked.req, ENOENT);
        return;
    }
    with_lock(&handle->answer_lock);
    if (!handle->answered)
        tree_rows[waiting->node.row].render(&subject, &handle->answer);
    handle->answered = true;
    view_reply_slice(waiting->parked.req, &handle->answer, waiting->size, 0);
}

/* Runs when the kernel knows of all that had changed before. */
static void answer(void *context)
{
    struct waiting *waiting = context;
    if (parked_claim(&waiting->parked)) {
        /* A run that failed has its line in engine/errors already, and its words in `error`. */
        if (!waiting->failure)
            reply_answer(waiting);
        else
            fuse_reply_err(waiting->parked.req, error_code(waiting->failure));
        waiting_drop(waiting);
    }
    waiting_drop(waiting);
}

static void on_done(void *context, const struct error *err)
{
    struct waiting *waiting = context;
    if (err)
        error_set(&waiting->failure, error_code(err), "%s", error_message(err));
    waiting_hold(waiting); /* for answer() */
    notifier_after(waiting->parked.tree->notifier, answer, waiting);
}

static void wait_start(fuse_req_t req, struct node node, struct view_handle *handle, size_t size)
{
    struct tree *tree = tree_of(req);
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    waiting->node = node;
    waiting->handle = view_handle_ref(handle);
    waiting->size = size;
    waiting->deadline = tree->waitings->limit ? clock_monotonic() + tree->waitings->limit : 0;
    waiting->holders = 2;
    waiting->parked.tree = tree;
    waiting_enlist(tree->waitings, waiting);
    parked_init(&waiting->parked, req, interrupted);
    if (!atomic_load(&waiting->parked.claimed))
        waiting->waiter =
            engine_wait(tree->engine, row_object(node.row), node.object, on_done, waiting);
    waiting_drop(waiting);
}

void wait_read(fuse_req_t req, struct node node, struct view_handle *handle, size_t size,
               off_t offset)
{
    pthread_mutex_lock(&handle->answer_lock);
    bool answered = handle->answered;
    pthread_mutex_unlock(&handle->answer_lock);
    if (answered) /* and not changed any more */
        view_reply_slice(req, &handle->answer, size, offset);
    else if (offset > 0)
        fuse_reply_buf(req, NULL, 0);
    else
        wait_start(req, node, handle, size);
}

/* ---- all of them ---- */

/* Answers one that is not to wait any longer. It was held by the caller, who lets go here. */
static void give_up(struct waiting *waiting, int code, const char *words)
{
    if (parked_claim(&waiting->parked)) {
        cleanup(error_free) struct error *failure = NULL;
        error_set(&failure, code, "%s", words);
        tree_note(waiting->parked.tree, "wait", node_pack(waiting->node), NULL, failure);
        fuse_reply_err(waiting->parked.req, code);
        waiting_drop(waiting);
    }
    waiting_drop(waiting);
}

/* One that nobody has claimed and whose deadline has passed (any, if now is 0), held for the
 * caller; else NULL, and *ret_next is the earliest deadline. Under list_lock. */
static struct waiting *take_due(struct waitings *waitings, int64_t now, int64_t *ret_next)
{
    *ret_next = INT64_MAX;
    for (struct waiting *waiting = waitings->first; waiting; waiting = waiting->next) {
        if (atomic_load(&waiting->parked.claimed))
            continue;
        if (now == 0 || waiting->deadline <= now) {
            waiting->holders++;
            return waiting;
        }
        if (waiting->deadline < *ret_next)
            *ret_next = waiting->deadline;
    }
    return NULL;
}

static void *watch_run(void *argument)
{
    struct waitings *waitings = argument;
    pthread_mutex_lock(&waitings->list_lock);
    while (!waitings->ending) {
        int64_t next;
        struct waiting *due = take_due(waitings, clock_monotonic(), &next);
        if (due) {
            pthread_mutex_unlock(&waitings->list_lock);
            give_up(due, ETIMEDOUT, "the kernel allows no longer wait (fs.fuse.*request_timeout)");
            pthread_mutex_lock(&waitings->list_lock);
        } else {
            clock_condition_wait(&waitings->changed, &waitings->list_lock, next);
        }
    }
    pthread_mutex_unlock(&waitings->list_lock);
    return NULL;
}

struct waitings *waitings_new(int64_t limit)
{
    struct waitings *waitings = calloc(1, sizeof *waitings);
    if (!waitings)
        return NULL;
    waitings->limit = limit;
    pthread_mutex_init(&waitings->list_lock, NULL);
    clock_condition_init(&waitings->changed);
    if (limit && pthread_create(&waitings->watch, NULL, watch_run, waitings) != 0)
        waitings->limit = 0;
    return waitings;
}

void waitings_free(struct waitings *waitings)
{
    if (!waitings)
        return;
    pthread_mutex_lock(&waitings->list_lock);
    waitings->ending = true;
    pthread_cond_broadcast(&waitings->changed);
    while (waitings->first) {
        int64_t next;
        struct waiting *waiting = take_due(waitings, 0, &next);
        if (!waiting) {
            pthread_cond_wait(&waitings->changed, &waitings->list_lock);
            continue;
        }
        pthread_mutex_unlock(&waitings->list_lock);
        give_up(waiting, ECONNABORTED, "the tree was unmounted");
        pthread_mutex_lock(&waitings->list_lock);
    }
    pthread_mutex_unlock(&waitings->list_lock);
    if (waitings->limit)
        pthread_join(waitings->watch, NULL);
    pthread_mutex_destroy(&waitings->list_lock);
    pthread_cond_destroy(&waitings->changed);
    free(waitings);
}

size_t waitings_parked(struct waitings *waitings)
{
    with_lock(&waitings->list_lock);
    return waitings->count;
}

static int64_t sysctl_seconds(const char *path)
{
    FILE *file = fopen(path, "re");
    long long seconds = 0;
    if (file && fscanf(file, "%lld", &seconds) != 1)
        seconds = 0;
    if (file)
        fclose(file);
    return seconds;
}

int64_t wait_kernel_limit(void)
{
    int64_t usual = sysctl_seconds("/proc/sys/fs/fuse/default_request_timeout");
    int64_t most = sysctl_seconds("/proc/sys/fs/fuse/max_request_timeout");
    int64_t seconds = usual && (!most || usual < most) ? usual : most;
    return seconds * CLOCK_SECOND * 2 / 3;
}
