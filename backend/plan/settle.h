/*
 * Services that nothing waits for: no port, no ready condition. The start of a container succeeds
 * although its program cannot be executed or ends at once, and the orchestrator tells that only a
 * little later. So a service that ends with a failure soon after its start has not come up. An
 * add_service is not held up for that: the plan goes on, and fails as soon as it is known, at the
 * latest before the run ends.
 */
#ifndef KFS_PLAN_SETTLE_H
#define KFS_PLAN_SETTLE_H

#include "backend/plan/service.h"

struct settling;

/* NULL if there is no memory. */
struct settling *settling_new(void);
void settling_free(struct settling *settling);

/* Notes a service that has just been started, if nothing waits for it. */
void settling_add(const struct step *step, const struct service_start *start);
/* What the plan itself does to the service from now on is no failure to start. */
void settling_forget(const struct step *step, const char *service);
/* Fails, as the instruction that started it, for a service that has ended since. `wait`: until all
 * have had their time. Any thread. */
int settling_check(struct execution *execution, bool wait, struct error **err);

/* The same for one service alone, at once: waits its time. */
int service_settle(const struct step *step, const struct service_start *start, struct error **err);

#endif
