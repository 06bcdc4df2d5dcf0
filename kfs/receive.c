/* Looking out for requests, and resting meanwhile. */
#define FUSE_USE_VERSION 314
#include "kfs/receive.h"

#include "backend/base/clock.h"
#include "backend/base/cleanup.h"

#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    CLOSE_ONES = 8, /* so many requests one soon after the other are a reason to look out; an `ls`
                      or `cat` alone is none */
    BACKLOG = 4     /* so many that had to wait, in a row, are a reason to call another thread */
};
/* Waking a halted virtual processor takes 5 to 10 µs, and what a client does between two requests
 * of a row not much more. What comes less often than that does not pay for a processor. */
static const int64_t SOON = CLOCK_MILLISECOND / 20;
/* How long a request may wait for the thread that looks out to be done with the one before. */
static const int64_t PATIENCE = 1 * CLOCK_MILLISECOND;

struct receiving {
    struct fuse_session *session;
    atomic_llong done;       /* monotonic: when a thread was last done with a request */
    atomic_uint close_ones;  /* requests that came soon after that, in a row */
    atomic_bool looked_out;  /* a thread has that part */
    atomic_llong busy_since; /* monotonic: that thread has a request; 0: it looks out */

    pthread_mutex_t rest_lock; /* guards all below */
    pthread_cond_t called;
    unsigned resting, calls;
    bool ending;
};

struct receiving *receive_new(struct fuse_session *session)
{
    struct receiving *receiving = calloc(1, sizeof *receiving);
    if (!receiving)
        return NULL;
    receiving->session = session;
    pthread_mutex_init(&receiving->rest_lock, NULL);
    clock_condition_init(&receiving->called);
    return receiving;
}

void receive_free(struct receiving *receiving)
{
    pthread_mutex_destroy(&receiving->rest_lock);
    pthread_cond_destroy(&receiving->called);
    free(receiving);
}

/* ---- resting ---- */

/* Whether the thread that looks out may be left alone with what comes. */
static bool is_looked_after(const struct receiving *receiving)
{
    int64_t busy_since = receiving->busy_since;
    return receiving->looked_out && (busy_since == 0 || clock_monotonic() - busy_since < PATIENCE);
}

/* Until there is something to do for one more. */
static void rest(struct receiving *receiving)
{
    if (!is_looked_after(receiving))
        return;
    with_lock(&receiving->rest_lock);
    receiving->resting++;
    while (!receiving->ending && receiving->calls == 0 && is_looked_after(receiving))
        clock_condition_wait(&receiving->called, &receiving->rest_lock,
                             clock_monotonic() + PATIENCE);
    receiving->resting--;
    if (receiving->calls > 0)
        receiving->calls--;
}

/* One of those who rest, if there is one. */
static void call_one(struct receiving *receiving)
{
    with_lock(&receiving->rest_lock);
    if (receiving->calls < receiving->resting)
        receiving->calls++;
    pthread_cond_broadcast(&receiving->called);
}

/* Has those who rest look whether there is still reason to. */
static void stir(struct receiving *receiving)
{
    with_lock(&receiving->rest_lock);
    pthread_cond_broadcast(&receiving->called);
}

void receive_end(struct receiving *receiving)
{
    with_lock(&receiving->rest_lock);
    receiving->ending = true;
    pthread_cond_broadcast(&receiving->called);
}

/* ---- looking out ---- */

static bool is_readable(const struct receiving *receiving)
{
    struct pollfd device = {.fd = fuse_session_fd(receiving->session), .events = POLLIN};
    return poll(&device, 1, 0) != 0;
}

/* False if nothing comes. *ret_at_once: it was there already. */
static bool look_out(const struct receiving *receiving, bool *ret_at_once)
{
    *ret_at_once = is_readable(receiving);
    if (*ret_at_once)
        return true;
    int64_t end = receiving->done + SOON;
    while (!is_readable(receiving))
        if (clock_monotonic() >= end)
            return false;
    return true;
}

/* More comes than one client sends that waits for each answer: one thread more helps. */
static void note_backlog(struct receiving *receiving, struct receiver *self, bool at_once)
{
    self->at_once = at_once ? self->at_once + 1 : 0;
    if (self->at_once < BACKLOG)
        return;
    self->at_once = 0;
    call_one(receiving);
}

/* Takes the part of looking out if there is reason to and nobody has it; has it until nothing comes
 * any more. */
static void take_or_leave_lookout(struct receiving *receiving, struct receiver *self)
{
    bool at_once;
    if (!self->looks_out)
        self->looks_out =
            receiving->close_ones >= CLOSE_ONES && !atomic_exchange(&receiving->looked_out, true);
    if (!self->looks_out)
        return;
    receiving->busy_since = 0;
    if (look_out(receiving, &at_once)) {
        note_backlog(receiving, self, at_once);
        return;
    }
    self->looks_out = false;
    receiving->close_ones = 0;
    receiving->looked_out = false;
    stir(receiving);
}

/* ---- receiving ---- */

/* A thread that is cancelled does not return from here; AddressSanitizer, which guards the
 * variables of a function until it returns, would find these guards on the stack of what runs then.
 */
#define CANCELLED_INSIDE __attribute__((no_sanitize_address))

CANCELLED_INSIDE static int receive(struct receiving *receiving, struct fuse_buf *buffer)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    int got = fuse_session_receive_buf(receiving->session, buffer);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    return got;
}

CANCELLED_INSIDE
int receive_next(struct receiving *receiving, struct receiver *self, struct fuse_buf *buffer)
{
    receiving->done = clock_monotonic();
    take_or_leave_lookout(receiving, self);
    if (!self->looks_out)
        rest(receiving);
    int got = receive(receiving, buffer);
    int64_t now = clock_monotonic();
    receiving->close_ones = now - receiving->done < SOON ? receiving->close_ones + 1 : 0;
    if (self->looks_out)
        receiving->busy_since = now;
    return got;
}
