/* Starting a service as a plan means it: its configuration made ready for the engine, the container
 * started, its ports waited for, its ready condition met. */
#ifndef KFS_PLAN_SERVICE_H
#define KFS_PLAN_SERVICE_H

#include "backend/plan/execute.h"

/* The configuration as plan_effects.service_start takes it: runtime values replaced, our own marks
 * taken out. A new object; NULL if a value is not known yet. */
json_t *service_config_resolve(const struct execution *execution, const json_t *config,
                               struct error **err);

/* A line for each use of a field of ServiceConfig that has another name by now. */
void service_put_deprecations(const struct plan *plan, struct buf *out);

/* An image as plan_effects takes it: a string, or an object without our own marks. A new reference.
 */
json_t *service_image(const json_t *image);

/* A service to start. */
struct service_start {
    const char *name;
    const json_t *config; /* as the plan has it */
    struct plan_service service;
    bool started;       /* its container was, whatever came after; `service` is filled in */
    int64_t started_at; /* clock_monotonic() */
    int64_t start_took; /* ns */
};
void service_start_done(struct service_start *start);

/* Starts it; waits for its ports; both. None undoes anything. service_start_container is called
 * between execution_start_begin and execution_start_end. */
int service_start_container(const struct step *step, struct service_start *start,
                            struct error **err);
int service_wait_ports(const struct step *step, const struct service_start *start,
                       struct error **err);
int service_start_and_wait(const struct step *step, struct service_start *start,
                           struct error **err);
/* Waits until its ready condition holds, if it has one. */
int service_wait_ready(const struct step *step, const struct service_start *start,
                       struct error **err);

/* Fails, in words, if the service has ended or is gone. */
int service_check_running(const struct step *step, const char *name, struct error **err);

/* After a failure: takes away a service that was not there before. One that was stays as it is. */
void service_start_undo(const struct step *step, const struct service_start *start);

/* Appends the service's last log lines in a frame that says whose they are. */
void service_put_logs(const struct step *step, const char *name, struct buf *out);

#endif
