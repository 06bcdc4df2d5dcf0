/* Pulling images. */
#include "backend/docker/credentials.h"
#include "backend/docker/progress.h"

#include <string.h>

/* The path of the call for "repository[:tag][@digest]". Without a tag the engine would pull all. */
static char *pull_path(const char *image)
{
    const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
    const char *colon = strchr(slash ? slash : image, ':');
    const char *end = at ? at : colon;
    const char *tag = at ? at + 1 : colon ? colon + 1 : "latest";
    /* With a digest the tag says nothing. */
    if (at && colon && colon < at)
        end = colon;
    cleanup(free) char *repository = end ? strndup(image, (size_t)(end - image)) : strdup(image);
    return repository ? http_path("/images/create?fromImage=%s&tag=%s", repository, tag) : NULL;
}

/* What is to be done about a registry that lets nobody in: it depends on who one said one is. */
static int refuse_login(const struct docker *docker, const char *image,
                        const struct image_credentials *given, bool known, const char *words,
                        struct error **err)
{
    cleanup(free) char *registry = registry_of_image(image);
    if (!registry)
        return error_set(err, ENOMEM, "out of memory");
    if (given && given->username)
        return error_set(err, EACCES,
                         "%s: %s does not accept the username and password that the plan gives",
                         words, registry);
    if (known)
        return error_set(err, EACCES,
                         "%s: %s does not accept the login in %s/config.json; log in again with "
                         "`docker login %s` as the user of kfsd",
                         words, registry, docker->config_dir, registry);
    return error_set(err, EACCES, "%s: log in with `docker login %s` as the user of kfsd", words,
                     registry);
}

int docker_image_pull(struct orchestrator *self, const char *image,
                      const struct image_credentials *credentials, image_progress_sink sink,
                      void *context, const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(free) char *path = pull_path(image);
    cleanup(free) char *header = NULL;
    if (credentials_for_pull(docker, image, credentials, call, &header, err) < 0)
        return -1;
    cleanup(progress_done) struct progress progress;
    progress_init(&progress);
    progress.sink = sink;
    progress.context = context;
    const char *const headers[] = {header, NULL};
    struct http_request request = {
        .method = "POST", .path = path, .headers = headers, .timeout = API_TIMEOUT_STREAM};
    cleanup(error_free) struct error *reason = NULL;
    if (progress_call(docker, &request, &progress, call, &reason) == 0)
        return 0;
    if (error_code(reason) == EACCES)
        return refuse_login(docker, image, credentials, header != NULL, error_message(reason), err);
    error_move(err, &reason);
    cleanup(free) char *registry = registry_of_image(image);
    return error_wrap(err, "pulling from %s", registry ? registry : "the registry");
}
