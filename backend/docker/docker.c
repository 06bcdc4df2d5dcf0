/* The orchestrator itself: its making, its end, and the table of its operations. */
#include "backend/docker/docker_int.h"
#include "backend/docker/subnets.h"

#include <string.h>

static void docker_free(struct orchestrator *self)
{
    struct docker *docker = docker_of(self);
    watcher_free(docker->watcher);
    http_free(docker->http);
    subnets_free(docker->subnets);
    known_done(docker);
    pthread_mutex_destroy(&docker->known_lock);
    endpoint_done(&docker->endpoint);
    free(docker->instance);
    free(docker->config_dir);
    free(docker);
}

static const struct orchestrator docker_operations = {
    .free = docker_free,
    .info = docker_info,
    .watch = docker_watch,
    .list = docker_list,
    .network_create = docker_network_create,
    .network_remove = docker_network_remove,
    .volume_create = docker_volume_create,
    .volume_remove = docker_volume_remove,
    .service_create = docker_service_create,
    .service_start = docker_service_start,
    .service_stop = docker_service_stop,
    .service_remove = docker_service_remove,
    .service_rename = docker_service_rename,
    .service_stats = docker_service_stats,
    .service_local_root = docker_service_local_root,
    .archive_put = docker_archive_put,
    .archive_get = docker_archive_get,
    .exec_run = docker_exec_run,
    .exec_open = docker_exec_open,
    .logs_read = docker_logs_read,
    .image_inspect = docker_image_inspect,
    .image_pull = docker_image_pull,
    .image_build = docker_image_build,
};

/* The directory of config.json: given, $DOCKER_CONFIG, or ~/.docker. */
static char *config_dir(const char *given)
{
    const char *from_environment = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    if (given)
        return strdup(given);
    if (from_environment && *from_environment)
        return strdup(from_environment);
    char *path = NULL;
    return asprintf(&path, "%s/.docker", home ? home : "") < 0 ? NULL : path;
}

struct orchestrator *docker_new(const struct docker_options *options, struct error **err)
{
    if (!options->instance || !*options->instance) {
        error_set(err, EINVAL, "the instance has no name");
        return NULL;
    }
    struct docker *docker = calloc(1, sizeof *docker);
    if (!docker) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    docker->ops = docker_operations;
    pthread_mutex_init(&docker->known_lock, NULL);
    docker->config_dir = config_dir(options->config_dir);
    if (endpoint_parse(&docker->endpoint, options->host, err) == 0 && docker->config_dir &&
        text_copy(&docker->instance, options->instance, err) == 0) {
        docker->http = http_new(&docker->endpoint, err);
        docker->subnets = docker->http ? subnets_new(options->subnet_pool, err) : NULL;
    }
    if (docker->subnets)
        return &docker->ops;
    docker_free(&docker->ops);
    return NULL;
}
