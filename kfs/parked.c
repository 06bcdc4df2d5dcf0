/* Claiming. libfuse holds the request's own lock while it calls on_interrupt. */
#include "kfs/parked.h"

static void on_interrupt(fuse_req_t req, void *data)
{
    struct parked *parked = data;
    /* Whoever loses the exchange may not touch *parked any more: the work frees it. */
    void (*interrupted)(struct parked *) = parked->interrupted;
    if (atomic_exchange(&parked->claimed, true))
        return;
    fuse_reply_err(req, EINTR);
    if (interrupted)
        interrupted(parked);
}

void parked_init(struct parked *parked, fuse_req_t req, void (*interrupted)(struct parked *parked))
{
    parked->tree = tree_of(req);
    parked->req = req;
    parked->interrupted = interrupted;
    atomic_init(&parked->claimed, false);
    fuse_req_interrupt_func(req, on_interrupt, parked);
}

void parked_init_firm(struct parked *parked, fuse_req_t req)
{
    parked->tree = tree_of(req);
    parked->req = req;
    parked->interrupted = NULL;
    atomic_init(&parked->claimed, false);
}

bool parked_claim(struct parked *parked)
{
    if (atomic_exchange(&parked->claimed, true))
        return false;
    /* Takes the request's lock, so an on_interrupt that is under way ends before this does. */
    fuse_req_interrupt_func(parked->req, NULL, NULL);
    return true;
}
