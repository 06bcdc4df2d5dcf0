/*
 * Waiting until the ports of a service can be connected to, at its own address. All ports at once;
 * each port's specification says how long ("wait", two minutes if it says nothing, none if null).
 *
 * A connection to a UDP port says nothing, so those count as open. SCTP is tried with a real
 * socket; where the kernel has no SCTP, the error says so.
 */
#ifndef KFS_PLAN_PORT_WAIT_H
#define KFS_PLAN_PORT_WAIT_H

#include "backend/base/cancel.h"

#include <jansson.h>

struct port_wait {
    const char *address; /* an IPv4 or IPv6 address as text */
    const json_t *ports; /* {ID: PortSpec}; NULL: none */
    const struct cancel *cancel;
    /* Asked now and then; fails if there is nothing to wait for any more. */
    int (*check)(void *context, struct error **err);
    void *context;
};

/* ETIMEDOUT, naming the port; ECANCELED; what check said. */
int port_wait(const struct port_wait *wait, struct error **err);

#endif
