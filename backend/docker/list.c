/* Who the engine is and what of this instance it holds: one call for each kind of object, whatever
 * their number. */
#include "backend/docker/docker_int.h"

#include <string.h>

int docker_info(struct orchestrator *self, const struct orchestrator_call *call,
                struct orchestrator_info *ret_info, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request request = {
        .method = "GET", .path = http_path("/info"), .timeout = 10 * CLOCK_SECOND};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    int64_t cpus = json_number(json, "NCPU", 0), memory = json_number(json, "MemTotal", 0);
    *ret_info = (struct orchestrator_info){.cpus = cpus > 0 ? (unsigned)cpus : 0,
                                           .memory_bytes = memory > 0 ? (uint64_t)memory : 0};
    const char *version = json_text(json, "ServerVersion");
    if (text_copy(&ret_info->kind, "docker", err) < 0 ||
        text_copy(&ret_info->version, version ? version : "unknown", err) < 0 ||
        text_copy(&ret_info->endpoint, docker->endpoint.text, err) < 0) {
        orchestrator_info_done(ret_info);
        return -1;
    }
    return 0;
}

/* ---- services ---- */

static enum service_state state_from_text(const char *state)
{
    if (state && strcmp(state, "created") == 0)
        return SERVICE_CREATED;
    if (state && (strcmp(state, "running") == 0 || strcmp(state, "restarting") == 0))
        return SERVICE_RUNNING;
    if (state && strcmp(state, "paused") == 0)
        return SERVICE_PAUSED;
    return SERVICE_EXITED; /* exited, dead, removing */
}

/* A listing says the code only in words: "Exited (137) 2 minutes ago". */
static int exit_code_from_text(const char *status)
{
    const char *open = status ? strchr(status, '(') : NULL;
    if (!open || strncmp(status, "Exited", 6) != 0)
        return -1;
    char *end;
    long code = strtol(open + 1, &end, 10);
    return *end == ')' && code >= 0 && code <= 255 ? (int)code : -1;
}

/* The address in the service's network; a service has one network. */
static const char *address_from_json(const json_t *item)
{
    const json_t *networks = json_object_get(json_object_get(item, "NetworkSettings"), "Networks");
    const char *name;
    json_t *network;
    json_object_foreach((json_t *)networks, name, network)
    {
        const char *address = json_text(network, "IPAddress");
        if (address && *address)
            return address;
    }
    return NULL;
}

static int service_from_json(const json_t *item, struct service *ret, struct error **err)
{
    const char *id = json_text(item, "Id");
    const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
    const char *image = json_text(item, "Image");
    if (!id)
        return error_set(err, EIO, "the Docker engine listed a container without an id");
    if (name && *name == '/')
        name++;
    ret->state = state_from_text(json_text(item, "State"));
    ret->exit_code =
        ret->state == SERVICE_EXITED ? exit_code_from_text(json_text(item, "Status")) : -1;
    int64_t created = json_number(item, "Created", 0);
    ret->created = created > 0 && created < INT64_MAX / CLOCK_SECOND ? created * CLOCK_SECOND : 0;
    if (text_copy(&ret->id, id, err) < 0 || text_copy(&ret->name, name ? name : "", err) < 0 ||
        text_copy(&ret->image, image ? image : "", err) < 0 ||
        text_copy(&ret->address, address_from_json(item), err) < 0)
        return -1;
    return labels_from_json(json_object_get(item, "Labels"), &ret->labels, &ret->label_count, err);
}

/* ---- networks and volumes ---- */

int network_from_json(const json_t *json, struct network *ret, struct error **err)
{
    const json_t *config =
        json_array_get(json_object_get(json_object_get(json, "IPAM"), "Config"), 0);
    const char *id = json_text(json, "Id"), *name = json_text(json, "Name");
    if (!id || !name)
        return error_set(err, EIO, "the Docker engine listed a network without an id");
    if (text_copy(&ret->id, id, err) < 0 || text_copy(&ret->name, name, err) < 0 ||
        text_copy(&ret->subnet, json_text(config, "Subnet"), err) < 0 ||
        text_copy(&ret->gateway, json_text(config, "Gateway"), err) < 0)
        return -1;
    return labels_from_json(json_object_get(json, "Labels"), &ret->labels, &ret->label_count, err);
}

static int volume_from_json(const json_t *json, struct volume *ret, struct error **err)
{
    const char *name = json_text(json, "Name");
    if (!name)
        return error_set(err, EIO, "the Docker engine listed a volume without a name");
    if (text_copy(&ret->name, name, err) < 0)
        return -1;
    return labels_from_json(json_object_get(json, "Labels"), &ret->labels, &ret->label_count, err);
}

/* ---- the listing ---- */

int list_services_from_json(struct docker *docker, const json_t *json,
                            struct orchestrator_listing *listing, struct error **err)
{
    listing->services = calloc(json_array_size(json) + 1, sizeof *listing->services);
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        if (!listing->services)
            break;
        if (!labels_ours(docker, json_object_get(item, "Labels")))
            continue;
        struct service *service = &listing->services[listing->service_count++];
        if (service_from_json(item, service, err) < 0)
            return -1;
        known_add(docker, OBJECT_SERVICE, service->id);
    }
    return listing->services ? 0 : error_set(err, ENOMEM, "out of memory");
}

int list_networks_from_json(struct docker *docker, const json_t *json,
                            struct orchestrator_listing *listing, struct error **err)
{
    listing->networks = calloc(json_array_size(json) + 1, sizeof *listing->networks);
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        if (!listing->networks)
            break;
        if (!labels_ours(docker, json_object_get(item, "Labels")))
            continue;
        struct network *network = &listing->networks[listing->network_count++];
        if (network_from_json(item, network, err) < 0)
            return -1;
        known_add(docker, OBJECT_NETWORK, network->id);
    }
    return listing->networks ? 0 : error_set(err, ENOMEM, "out of memory");
}

int list_volumes_from_json(struct docker *docker, const json_t *json,
                           struct orchestrator_listing *listing, struct error **err)
{
    const json_t *items = json_object_get(json, "Volumes");
    listing->volumes = calloc(json_array_size(items) + 1, sizeof *listing->volumes);
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        if (!listing->volumes)
            break;
        if (!labels_ours(docker, json_object_get(item, "Labels")))
            continue;
        struct volume *volume = &listing->volumes[listing->volume_count++];
        if (volume_from_json(item, volume, err) < 0)
            return -1;
        known_add(docker, OBJECT_VOLUME, volume->name);
    }
    return listing->volumes ? 0 : error_set(err, ENOMEM, "out of memory");
}

static int list_fetch(struct docker *docker, const char *prefix,
                      const struct orchestrator_call *call, json_t **ret_json, struct error **err)
{
    cleanup(free) char *filter = labels_filter(docker, NULL, NULL);
    if (!filter)
        return error_set(err, ENOMEM, "out of memory");
    cleanup(free) char *escaped = http_path("%s", filter);
    cleanup(free) char *path = NULL;
    if (!escaped || asprintf(&path, "%s%s", prefix, escaped) < 0)
        path = NULL;
    const struct api_request request = {.method = "GET", .path = steal(&path)};
    return api_json(docker, &request, call, ret_json, NULL, err);
}

int docker_list(struct orchestrator *self, const struct orchestrator_call *call,
                struct orchestrator_listing **ret_listing, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing =
        calloc(1, sizeof *listing);
    if (!listing)
        return error_set(err, ENOMEM, "out of memory");
    cleanup(json_decref) json_t *networks = NULL, *volumes = NULL, *services = NULL;
    if (list_fetch(docker, "/networks?filters=", call, &networks, err) < 0 ||
        list_networks_from_json(docker, networks, listing, err) < 0 ||
        list_fetch(docker, "/volumes?filters=", call, &volumes, err) < 0 ||
        list_volumes_from_json(docker, volumes, listing, err) < 0 ||
        list_fetch(docker, "/containers/json?all=1&filters=", call, &services, err) < 0 ||
        list_services_from_json(docker, services, listing, err) < 0)
        return -1;
    *ret_listing = steal(&listing);
    return 0;
}
