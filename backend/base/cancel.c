/* Cancellation as an eventfd, so that one poll(2) can wait for the work and for the request to
 * stop. */
#include "backend/base/cancel.h"

#include "backend/base/clock.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

struct cancel {
    atomic_uint references;
    atomic_bool fired;
    int fd;
};

struct cancel *cancel_new(struct error **err)
{
    struct cancel *cancel = calloc(1, sizeof *cancel);
    int fd = cancel ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (fd < 0) {
        error_system(err, "cannot prepare a cancellation");
        free(cancel);
        return NULL;
    }
    cancel->references = 1;
    cancel->fd = fd;
    return cancel;
}

struct cancel *cancel_ref(struct cancel *cancel)
{
    if (cancel)
        cancel->references++;
    return cancel;
}

void cancel_unref(struct cancel *cancel)
{
    if (!cancel || --cancel->references > 0)
        return;
    close(cancel->fd);
    free(cancel);
}

void cancel_fire(struct cancel *cancel)
{
    if (cancel && !atomic_exchange(&cancel->fired, true))
        eventfd_write(cancel->fd, 1);
}

bool cancel_fired(const struct cancel *cancel)
{
    return cancel && cancel->fired;
}

int cancel_fd(const struct cancel *cancel)
{
    return cancel ? cancel->fd : -1;
}

bool cancel_wait(const struct cancel *cancel, int64_t deadline)
{
    struct pollfd wake = {.fd = cancel_fd(cancel), .events = POLLIN};
    while (!cancel_fired(cancel)) {
        int64_t left = deadline ? deadline - clock_monotonic() : CLOCK_SECOND;
        if (left <= 0)
            return false;
        struct timespec timeout = clock_timespec(left);
        ppoll(&wake, 1, deadline ? &timeout : NULL, NULL);
    }
    return true;
}
