/* The engine's stream of a pull or a build: JSON objects, one a line, that tell progress, output,
 * and failure (inside an answer of status 200). */
#ifndef KFS_DOCKER_PROGRESS_H
#define KFS_DOCKER_PROGRESS_H

#include "backend/docker/docker_int.h"
#include "backend/docker/lines.h"

struct progress {
    image_progress_sink sink; /* NULL: progress is not of interest */
    void *context;
    byte_sink output; /* of a build; NULL likewise */
    void *output_context;
    bool stopped; /* output asked to stop */
    struct error *failure;
    struct lines lines;
};

void progress_init(struct progress *progress);
void progress_done(struct progress *progress);
static inline void cleanup_progress_done(struct progress *progress)
{
    progress_done(progress);
}

/* Runs the request, whose sink is set here, and gives the stream's own failure if it told one. */
int progress_call(struct docker *docker, struct http_request *request, struct progress *progress,
                  const struct orchestrator_call *call, struct error **err);

#endif
