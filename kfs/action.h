/* What writing to a file of the tree does. `text` is what was written, without the newline at its
 * end. */
#ifndef KFS_ACTION_H
#define KFS_ACTION_H

#include "kfs/subject.h"

int action_enclave_status(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err);
int action_run(const struct subject *subject, const char *text, uid_t uid, struct error **err);
int action_run_status(const struct subject *subject, const char *text, uid_t uid,
                      struct error **err);
int action_service_status(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err);

/* [waits] */
int action_service_config(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err);

#endif
