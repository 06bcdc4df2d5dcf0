/* Starting, stopping, removing and renaming services. */
#include "backend/docker/docker_int.h"

#include <limits.h>
#include <string.h>

/* How long one question about the end of another's removal may take. */
#define AWAIT_REMOVAL CLOCK_SECOND

static int service_post(struct docker *docker, const char *id, char *path, int64_t timeout,
                        const struct orchestrator_call *call, int *ret_status, struct error **err)
{
    const struct api_request request = {.method = "POST", .path = path, .timeout = timeout};
    if (known_check(docker, OBJECT_SERVICE, id, call, err) < 0) {
        free(path);
        return -1;
    }
    return api_json(docker, &request, call, NULL, ret_status, err);
}

int docker_service_start(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct error **err)
{
    int status = 0;
    if (service_post(docker_of(self), id, http_path("/containers/%s/start", id), API_TIMEOUT_SLOW,
                     call, &status, err) < 0)
        return -1;
    return status == 304; /* "container already started" */
}

int docker_service_stop(struct orchestrator *self, const char *id, int64_t grace,
                        const struct orchestrator_call *call, struct error **err)
{
    int64_t seconds = grace > 0 ? (grace + CLOCK_SECOND - 1) / CLOCK_SECOND : 0;
    if (seconds > INT_MAX)
        seconds = INT_MAX;
    return service_post(docker_of(self), id,
                        http_path("/containers/%s/stop?t=%d", id, (int)seconds),
                        API_TIMEOUT_SLOW + seconds * CLOCK_SECOND, call, NULL, err);
}

static int service_delete(struct docker *docker, const char *id,
                          const struct orchestrator_call *call, struct error **err)
{
    const struct api_request request = {.method = "DELETE",
                                        .path = http_path("/containers/%s?force=1&v=1", id),
                                        .timeout = API_TIMEOUT_SLOW};
    return api_json(docker, &request, call, NULL, NULL, err);
}

/* Another removal of it is under way: waits for the end of that one, but not for long. An engine
 * that is just done with it may take the question and never answer (seen with 20.10). */
static void service_await_removal(struct docker *docker, const char *id,
                                  const struct orchestrator_call *call)
{
    const struct api_request request = {
        .method = "POST", .path = http_path("/containers/%s/wait?condition=removed", id)};
    struct orchestrator_call limits = {.deadline = clock_monotonic() + AWAIT_REMOVAL};
    cleanup(error_free) struct error *err = NULL;
    if (call)
        limits.cancel = call->cancel;
    if (api_json(docker, &request, &limits, NULL, NULL, &err) < 0 && error_code(err) != ENOENT)
        cancel_wait(limits.cancel, limits.deadline); /* it cannot say, so ask again later */
}

int docker_service_remove(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(error_free) struct error *reason = NULL;
    int result = known_check(docker, OBJECT_SERVICE, id, call, &reason);
    if (result == 0)
        result = service_delete(docker, id, call, &reason);
    int64_t deadline = clock_monotonic() + API_TIMEOUT_SLOW;
    while (result < 0 && strcasestr(error_message(reason), "already in progress") &&
           clock_monotonic() < deadline && !(call && cancel_fired(call->cancel))) {
        error_free(steal(&reason));
        service_await_removal(docker, id, call);
        result = service_delete(docker, id, call, &reason);
    }
    if (result < 0 && error_code(reason) != ENOENT)
        return error_move(err, &reason);
    known_remove(docker, OBJECT_SERVICE, id);
    return 0;
}

int docker_service_rename(struct orchestrator *self, const char *id, const char *name,
                          const struct orchestrator_call *call, struct error **err)
{
    cleanup(error_free) struct error *reason = NULL;
    int result =
        service_post(docker_of(self), id, http_path("/containers/%s/rename?name=%s", id, name),
                     API_TIMEOUT_QUICK, call, NULL, &reason);
    /* "Renaming a container with the same name as its current name" */
    if (result < 0 && !strcasestr(error_message(reason), "same name as its current"))
        return error_move(err, &reason);
    return 0;
}
