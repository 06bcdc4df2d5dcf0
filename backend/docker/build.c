/* Building images, with the engine's classic builder: BuildKit wants a session of its own protocol
 * beside the call. */
#include "backend/docker/credentials.h"
#include "backend/docker/progress.h"

#include <string.h>

static char *build_path(const struct image_build_spec *spec)
{
    cleanup(json_decref) json_t *arguments = json_object();
    for (size_t i = 0; i < spec->argument_count; i++)
        json_object_set_new(arguments, spec->arguments[i].key,
                            json_string(spec->arguments[i].value));
    cleanup(free) char *text = json_dumps(arguments, JSON_COMPACT);
    return text ? http_path("/build?version=1&rm=1&forcerm=1&t=%s&dockerfile=%s&target=%s"
                            "&buildargs=%s",
                            spec->tag, spec->build_file ? spec->build_file : "Dockerfile",
                            spec->target ? spec->target : "", text)
                : NULL;
}

int docker_image_build(struct orchestrator *self, const struct image_build_spec *spec,
                       byte_sink output, void *output_context, const struct orchestrator_call *call,
                       struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(free) char *path = build_path(spec);
    cleanup(free) char *header = NULL;
    if (credentials_for_build(docker, &header, err) < 0)
        return -1;
    cleanup(progress_done) struct progress progress;
    progress_init(&progress);
    progress.output = output;
    progress.output_context = output_context;
    const char *const headers[] = {"Content-Type: application/x-tar", header, NULL};
    struct http_request request = {.method = "POST",
                                   .path = path,
                                   .headers = headers,
                                   .source = spec->context_archive,
                                   .source_context = spec->context,
                                   .timeout = 2 * API_TIMEOUT_STREAM};
    return progress_call(docker, &request, &progress, call, err);
}
