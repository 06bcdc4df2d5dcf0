/* Which real file stands behind a file of the tree: each gives a read-only descriptor that the
 * caller closes, or -1. */
#ifndef KFS_BACK_H
#define KFS_BACK_H

#include "kfs/subject.h"

int back_engine_log(const struct subject *subject, struct error **err);
int back_engine_events(const struct subject *subject, struct error **err);
int back_engine_metrics(const struct subject *subject, struct error **err);
int back_enclave_events(const struct subject *subject, struct error **err);
int back_enclave_logs(const struct subject *subject, struct error **err); /* [waits] */
int back_artifacts(const struct subject *subject, struct error **err);
int back_service_root(const struct subject *subject, struct error **err);
int back_plan(const struct subject *subject, struct error **err);
int back_run_script(const struct subject *subject, struct error **err);
int back_run_args(const struct subject *subject, struct error **err);
int back_run_plan(const struct subject *subject, struct error **err);
int back_run_output(const struct subject *subject, struct error **err);
int back_run_error(const struct subject *subject, struct error **err);
int back_run_result(const struct subject *subject, struct error **err);
int back_service_stats(const struct subject *subject, struct error **err); /* [waits] */
int back_service_logs(const struct subject *subject, struct error **err);  /* [waits] */

#endif
