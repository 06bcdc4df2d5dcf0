/* In which order instructions are done. */
#ifndef KFS_PLAN_SCHEDULE_H
#define KFS_PLAN_SCHEDULE_H

#include "backend/plan/execute.h"

/* One after another, as the script has them. */
int schedule_in_order(struct execution *execution, struct error **err);
/* Each as soon as what it needs is done, at most `parallelism` at a time. The first error counts
 * and stops the others. */
int schedule_by_data(struct execution *execution, struct error **err);

/* execute.c */
int step_run(struct step *step, struct error **err);
void execution_tell_phase(struct execution *execution);

#endif
