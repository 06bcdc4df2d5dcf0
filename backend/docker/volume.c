/* Volumes of the engine's local driver. */
#include "backend/docker/docker_int.h"

int docker_volume_create(struct orchestrator *self, const char *name, struct labels labels,
                         const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(json_decref) json_t *body =
        json_pack("{s:s, s:o}", "Name", name, "Labels", labels_to_json(docker, labels));
    cleanup(json_decref) json_t *answer = NULL;
    if (!body)
        return error_set(err, EINVAL, "a name or label of the volume is not valid UTF-8");
    const struct api_request request = {
        .method = "POST", .path = http_path("/volumes/create"), .body = body};
    if (api_json(docker, &request, call, &answer, NULL, err) < 0)
        return -1;
    /* The engine gives what exists under that name, whatever its labels. */
    if (!labels_match(docker, json_object_get(answer, "Labels"), labels))
        return error_set(err, EEXIST, "a volume called %s exists already and is someone else's",
                         name);
    known_add(docker, OBJECT_VOLUME, name);
    return 0;
}

int docker_volume_remove(struct orchestrator *self, const char *name,
                         const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(error_free) struct error *reason = NULL;
    int result = known_check(docker, OBJECT_VOLUME, name, call, &reason);
    const struct api_request request = {
        .method = "DELETE", .path = http_path("/volumes/%s", name), .timeout = API_TIMEOUT_SLOW};
    if (result == 0)
        result = api_json(docker, &request, call, NULL, NULL, &reason);
    else
        free(request.path);
    if (result < 0 && error_code(reason) != ENOENT)
        return error_move(err, &reason);
    known_remove(docker, OBJECT_VOLUME, name);
    return 0;
}
