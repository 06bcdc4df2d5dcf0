/* Files in and out of a service, as tar streams that pass through without being kept. */
#include "backend/docker/docker_int.h"

int docker_archive_put(struct orchestrator *self, const char *id, const char *path,
                       byte_source source, void *context, const struct orchestrator_call *call,
                       struct error **err)
{
    static const char *const tar_type[] = {"Content-Type: application/x-tar", NULL};
    struct docker *docker = docker_of(self);
    if (known_check(docker, OBJECT_SERVICE, id, call, err) < 0)
        return -1;
    cleanup(free) char *target = http_path("/containers/%s/archive?path=%s", id, path);
    const struct http_request request = {.method = "PUT",
                                         .path = target,
                                         .headers = tar_type,
                                         .source = source,
                                         .source_context = context,
                                         .timeout = API_TIMEOUT_STREAM};
    cleanup(http_answer_done) struct http_answer answer;
    return api_call(docker, &request, call, &answer, err);
}

int docker_archive_get(struct orchestrator *self, const char *id, const char *path, byte_sink sink,
                       void *context, const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    if (known_check(docker, OBJECT_SERVICE, id, call, err) < 0)
        return -1;
    cleanup(free) char *target = http_path("/containers/%s/archive?path=%s", id, path);
    const struct http_request request = {.method = "GET",
                                         .path = target,
                                         .sink = sink,
                                         .sink_context = context,
                                         .timeout = API_TIMEOUT_STREAM};
    cleanup(http_answer_done) struct http_answer answer;
    return api_call(docker, &request, call, &answer, err);
}
