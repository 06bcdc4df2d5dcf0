/*
 * Networks: a bridge for each enclave, in a subnet picked here. That two enclaves cannot reach each
 * other is the engine's own doing: it drops what goes from one bridge to another.
 */
#include "backend/docker/docker_int.h"
#include "backend/docker/subnets.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    CREATE_TRIES_MAX = 64 /* subnets that others took meanwhile, before giving up */
};

/* ---- creating ---- */

static void put_address(char *text, size_t size, uint32_t address)
{
    struct in_addr in = {.s_addr = htonl(address)};
    inet_ntop(AF_INET, &in, text, (socklen_t)size);
}

static json_t *create_body(const struct docker *docker, const struct network_spec *spec,
                           uint32_t first)
{
    char base[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN], subnet[INET_ADDRSTRLEN + 4];
    put_address(base, sizeof base, first);
    put_address(gateway, sizeof gateway, first + 1);
    snprintf(subnet, sizeof subnet, "%s/%d", base, SUBNET_PREFIX);
    return json_pack("{s:s, s:s, s:b, s:{s:s, s:[{s:s, s:s}]}, s:o}", "Name", spec->name, "Driver",
                     "bridge", "CheckDuplicate", 1, "IPAM", "Driver", "default", "Config", "Subnet",
                     subnet, "Gateway", gateway, "Labels", labels_to_json(docker, spec->labels));
}

/* What the engine's networks use: some of them, or their subnets, may not be of this host. */
static int add_engine_subnets(struct docker *docker, const struct orchestrator_call *call,
                              struct ip_ranges *used, struct error **err)
{
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request request = {.method = "GET", .path = http_path("/networks")};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    size_t i, j;
    json_t *network, *config;
    json_array_foreach(json, i, network)
    {
        json_array_foreach(json_object_get(json_object_get(network, "IPAM"), "Config"), j, config)
        {
            const char *subnet = json_text(config, "Subnet");
            struct ip_range range;
            if (subnet && ip_range_parse(subnet, &range) == 0 && ip_ranges_add(used, range) < 0)
                return error_set(err, ENOMEM, "out of memory");
        }
    }
    return 0;
}

/* The network that has exactly this name. ENOENT if there is none. */
static int find_by_name(struct docker *docker, const char *name,
                        const struct orchestrator_call *call, json_t **ret_network,
                        struct error **err)
{
    cleanup(json_decref) json_t *by_name = json_pack("{s:[s]}", "name", name), *json = NULL;
    cleanup(free) char *filter = by_name ? json_dumps(by_name, JSON_COMPACT) : NULL;
    const struct api_request request = {
        .method = "GET", .path = filter ? http_path("/networks?filters=%s", filter) : NULL};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    size_t i;
    json_t *network;
    json_array_foreach(json, i, network)
    {
        const char *found = json_text(network, "Name");
        if (found && strcmp(found, name) == 0) {
            *ret_network = json_incref(network);
            return 0;
        }
    }
    return error_set(err, ENOENT, "no network is called %s", name);
}

static int network_adopt(struct docker *docker, const struct network_spec *spec,
                         const struct orchestrator_call *call, struct network *ret_network,
                         struct error **err)
{
    cleanup(json_decref) json_t *json = NULL;
    if (find_by_name(docker, spec->name, call, &json, err) < 0)
        return -1;
    if (!labels_match(docker, json_object_get(json, "Labels"), spec->labels))
        return error_set(err, EEXIST, "a network called %s exists already and is someone else's",
                         spec->name);
    return network_from_json(json, ret_network, err);
}

static int network_describe(const json_t *answer, uint32_t first, const struct network_spec *spec,
                            struct network *ret_network, struct error **err)
{
    char base[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN], subnet[INET_ADDRSTRLEN + 4];
    put_address(base, sizeof base, first);
    put_address(gateway, sizeof gateway, first + 1);
    snprintf(subnet, sizeof subnet, "%s/%d", base, SUBNET_PREFIX);
    cleanup(json_decref) json_t *json = json_pack(
        "{s:O?, s:s, s:{s:[{s:s, s:s}]}, s:{}}", "Id", json_object_get(answer, "Id"), "Name",
        spec->name, "IPAM", "Config", "Subnet", subnet, "Gateway", gateway, "Labels");
    for (size_t i = 0; i < spec->labels.count; i++)
        json_object_set_new(json_object_get(json, "Labels"), spec->labels.items[i].key,
                            json_string(spec->labels.items[i].value));
    return network_from_json(json, ret_network, err);
}

static int create_in(struct docker *docker, const struct network_spec *spec, uint32_t first,
                     const struct orchestrator_call *call, struct network *ret_network,
                     int *ret_status, struct error **err)
{
    cleanup(json_decref) json_t *body = create_body(docker, spec, first), *answer = NULL;
    if (!body)
        return error_set(err, EINVAL, "a name or label of the network is not valid UTF-8");
    const struct api_request request = {.method = "POST",
                                        .path = http_path("/networks/create"),
                                        .body = body,
                                        .timeout = API_TIMEOUT_SLOW};
    if (api_json(docker, &request, call, &answer, ret_status, err) < 0)
        return -1;
    return network_describe(answer, first, spec, ret_network, err);
}

/* The engine says so with a 403; Docker 28 with a 400, podman with a 500. */
static bool overlap_refused(const struct error *reason)
{
    const char *words = error_message(reason);
    return strcasestr(words, "overlap") || strcasestr(words, "already used");
}

int docker_network_create(struct orchestrator *self, const struct network_spec *spec,
                          const struct orchestrator_call *call, struct network *ret_network,
                          struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(ip_ranges_done) struct ip_ranges used = {0};
    if (ip_ranges_add_host(&used) < 0)
        return error_set(err, ENOMEM, "out of memory");
    *ret_network = (struct network){0};
    for (int tries = 0;; tries++) {
        cleanup(error_free) struct error *reason = NULL;
        uint32_t first;
        int status = 0;
        if (subnets_next(docker->subnets, &used, &first, err) < 0)
            return -1;
        int result = create_in(docker, spec, first, call, ret_network, &status, &reason);
        if (result < 0 && status == 409) {
            error_free(steal(&reason));
            result = network_adopt(docker, spec, call, ret_network, &reason);
        } else if (result < 0 && overlap_refused(reason) && tries < CREATE_TRIES_MAX) {
            if (tries == 0 && add_engine_subnets(docker, call, &used, err) < 0)
                return -1;
            continue;
        }
        if (result == 0) {
            known_add(docker, OBJECT_NETWORK, ret_network->id);
            return 0;
        }
        network_done(ret_network);
        return error_move(err, &reason);
    }
}

/* ---- removing ---- */

/* Detaches each endpoint by force. Those that went by themselves meanwhile are no failure. */
static int network_detach_all(struct docker *docker, const char *id,
                              const struct orchestrator_call *call, struct error **err)
{
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request inspect = {.method = "GET", .path = http_path("/networks/%s", id)};
    if (api_json(docker, &inspect, call, &json, NULL, err) < 0)
        return -1;
    const char *container;
    json_t *endpoint;
    json_object_foreach(json_object_get(json, "Containers"), container, endpoint)
    {
        /* An endpoint whose container is gone is listed as "ep-..." and known by its name only. */
        const char *name = json_text(endpoint, "Name");
        bool orphan = strncmp(container, "ep-", 3) == 0 && name;
        cleanup(json_decref) json_t *body =
            json_pack("{s:s, s:b}", "Container", orphan ? name : container, "Force", 1);
        const struct api_request detach = {.method = "POST",
                                           .path = http_path("/networks/%s/disconnect", id),
                                           .body = body,
                                           .timeout = API_TIMEOUT_SLOW};
        cleanup(error_free) struct error *reason = NULL;
        if (api_json(docker, &detach, call, NULL, NULL, &reason) < 0 &&
            (error_code(reason) == ECANCELED || error_code(reason) == ETIMEDOUT ||
             error_code(reason) == EAGAIN))
            return error_move(err, &reason);
    }
    return 0;
}

static int network_delete(struct docker *docker, const char *id,
                          const struct orchestrator_call *call, struct error **err)
{
    const struct api_request request = {
        .method = "DELETE", .path = http_path("/networks/%s", id), .timeout = API_TIMEOUT_SLOW};
    return api_json(docker, &request, call, NULL, NULL, err);
}

int docker_network_remove(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(error_free) struct error *reason = NULL;
    int result = known_check(docker, OBJECT_NETWORK, id, call, &reason);
    if (result == 0)
        result = network_delete(docker, id, call, &reason);
    /* A service that is just being started may attach itself after the first round. */
    for (int round = 0; round < 3 && result < 0 && error_code(reason) == EBUSY; round++) {
        error_free(steal(&reason));
        result = network_detach_all(docker, id, call, &reason);
        if (result == 0)
            result = network_delete(docker, id, call, &reason);
    }
    if (result < 0 && error_code(reason) != ENOENT)
        return error_move(err, &reason);
    known_remove(docker, OBJECT_NETWORK, id);
    return 0;
}
