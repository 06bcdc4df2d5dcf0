/* What is known of images that are here already. Pulling and building are in pull.c and build.c. */
#include "backend/docker/docker_int.h"

int docker_image_inspect(struct orchestrator *self, const char *image,
                         const struct orchestrator_call *call, struct image_info *ret_info,
                         struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(json_decref) json_t *json = NULL;
    *ret_info = (struct image_info){0};
    const struct api_request request = {.method = "GET",
                                        .path = http_path("/images/%s/json", image)};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    const char *id = json_text(json, "Id"), *architecture = json_text(json, "Architecture");
    if (!id)
        return error_set(err, EIO, "the Docker engine described the image %s without an id", image);
    if (text_copy(&ret_info->id, id, err) < 0 ||
        text_copy(&ret_info->architecture, architecture ? architecture : "", err) < 0) {
        image_info_done(ret_info);
        return -1;
    }
    return 0;
}
