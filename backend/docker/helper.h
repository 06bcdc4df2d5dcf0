/* docker-credential-* programs: `NAME get`, the registry on stdin, a JSON object on stdout. */
#ifndef KFS_DOCKER_HELPER_H
#define KFS_DOCKER_HELPER_H

#include "backend/orchestrator.h"

/* Appends what the program put out. ENOENT if it knows nothing or is not there, EINVAL if name is
 * no plain word, ETIMEDOUT after ten seconds, ECANCELED. */
int helper_get(const char *name, const char *registry, const struct orchestrator_call *call,
               struct buf *output, struct error **err);

#endif
