/* Creating a service: its specification as the engine's container configuration. */
#include "backend/docker/docker_int.h"

#include <string.h>

/* Adds a member unless there is nothing to say. Takes the value over. */
static void put(json_t *object, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(object, key, value);
}

static json_t *text_or_none(const char *text)
{
    return text ? json_string(text) : NULL;
}

static json_t *list_or_none(char *const *items)
{
    return items ? json_from_list(items) : NULL;
}

/* "80/tcp" */
static void port_key(const struct published_port *port, char key[static 16])
{
    snprintf(key, 16, "%u/%s", port->number, transport_name(port->transport));
}

static json_t *exposed_ports(const struct service_spec *spec)
{
    json_t *ports = json_object();
    for (size_t i = 0; i < spec->port_count; i++) {
        char key[16];
        port_key(&spec->ports[i], key);
        put(ports, key, json_object());
    }
    return ports;
}

static json_t *port_bindings(const struct service_spec *spec)
{
    json_t *bindings = json_object();
    for (size_t i = 0; i < spec->port_count; i++) {
        const struct published_port *port = &spec->ports[i];
        if (!port->host_address)
            continue;
        char key[16], number[8];
        port_key(port, key);
        snprintf(number, sizeof number, "%u", port->host_port);
        if (!json_object_get(bindings, key))
            put(bindings, key, json_array());
        json_array_append_new(
            json_object_get(bindings, key),
            json_pack("{s:s, s:s}", "HostIp", port->host_address, "HostPort", number));
    }
    return bindings;
}

/* ---- what it may use of the host ---- */

static json_t *mount(const char *type, const char *source, const char *path, bool read_only)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "Type", type, "Source", source, "Target", path,
                     "ReadOnly", read_only);
}

static json_t *mounts(const struct service_spec *spec)
{
    json_t *list = json_array();
    for (size_t i = 0; i < spec->volume_count; i++)
        json_array_append_new(list, mount("volume", spec->volumes[i].volume, spec->volumes[i].path,
                                          spec->volumes[i].read_only));
    for (size_t i = 0; i < spec->bind_count; i++)
        json_array_append_new(list, mount("bind", spec->binds[i].host_path, spec->binds[i].path,
                                          spec->binds[i].read_only));
    return list;
}

/* "HOST[:CONTAINER[:RIGHTS]]", and as docker's own command allows, "HOST:RIGHTS". */
static json_t *device(const char *text)
{
    cleanup(free) char *copy = strdup(text);
    if (!copy)
        return NULL;
    char *rest = copy;
    const char *host = strsep(&rest, ":"), *path = strsep(&rest, ":"), *rights = rest;
    if (path && path[0] != '/' && !rights) {
        rights = path;
        path = NULL;
    }
    return json_pack("{s:s, s:s, s:s}", "PathOnHost", host, "PathInContainer",
                     path && *path ? path : host, "CgroupPermissions",
                     rights && *rights ? rights : "rwm");
}

static json_t *devices(const struct service_spec *spec)
{
    json_t *list = json_array();
    for (char *const *text = spec->devices; *text; text++)
        json_array_append_new(list, device(*text));
    return list;
}

static json_t *ulimits(const struct service_spec *spec)
{
    json_t *list = json_array();
    for (size_t i = 0; i < spec->ulimit_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "Name", spec->ulimits[i].name,
                                              "Soft", (json_int_t)spec->ulimits[i].value, "Hard",
                                              (json_int_t)spec->ulimits[i].value));
    return list;
}

static json_t *gpus(const struct gpu_request *gpu)
{
    json_t *request = json_pack("{s:s, s:i, s:[[s]]}", "Driver", gpu->driver ? gpu->driver : "",
                                "Count", gpu->count, "Capabilities", "gpu");
    put(request, "DeviceIDs", list_or_none(gpu->device_ids));
    return json_pack("[o]", request);
}

static void put_limits(json_t *host, const struct service_spec *spec)
{
    if (spec->cpu_millis)
        put(host, "NanoCpus", json_integer((json_int_t)(spec->cpu_millis * 1000000)));
    if (spec->memory_bytes) {
        put(host, "Memory", json_integer((json_int_t)spec->memory_bytes));
        put(host, "MemorySwap", json_integer((json_int_t)spec->memory_bytes));
    }
    if (spec->shm_bytes)
        put(host, "ShmSize", json_integer((json_int_t)spec->shm_bytes));
    if (spec->ulimit_count)
        put(host, "Ulimits", ulimits(spec));
}

static json_t *host_config(const struct service_spec *spec)
{
    /* json-file, whatever the engine's default: it is the one log that can be read in place. Limits
     * that the engine's configuration sets for json-file still hold. */
    json_t *host =
        json_pack("{s:s*, s:b, s:o, s:o, s:{s:s, s:{}}}", "NetworkMode", spec->network_id, "Init",
                  spec->init, "PortBindings", port_bindings(spec), "Mounts", mounts(spec),
                  "LogConfig", "Type", "json-file", "Config");
    put_limits(host, spec);
    if (spec->devices)
        put(host, "Devices", devices(spec));
    if (spec->gpu)
        put(host, "DeviceRequests", gpus(spec->gpu));
    put(host, "CapAdd", list_or_none(spec->capabilities));
    if (spec->privileged)
        put(host, "Privileged", json_true());
    if (spec->host_processes)
        put(host, "PidMode", json_string("host"));
    return host;
}

/* ---- the whole ---- */

static json_t *networking_config(const struct service_spec *spec)
{
    json_t *endpoint = json_object();
    if (spec->hostname)
        put(endpoint, "Aliases", json_pack("[s]", spec->hostname));
    if (spec->address)
        put(endpoint, "IPAMConfig", json_pack("{s:s}", "IPv4Address", spec->address));
    return json_pack("{s:{s:o}}", "EndpointsConfig", spec->network_id, endpoint);
}

static json_t *create_body(const struct docker *docker, const struct service_spec *spec)
{
    json_t *body =
        json_pack("{s:s, s:b, s:b, s:o, s:o, s:o}", "Image", spec->image, "Tty", spec->terminal,
                  "OpenStdin", 0, "Labels", labels_to_json(docker, spec->labels), "ExposedPorts",
                  exposed_ports(spec), "HostConfig", host_config(spec));
    if (!body)
        return NULL;
    put(body, "Hostname", text_or_none(spec->hostname));
    put(body, "User", text_or_none(spec->user));
    put(body, "Entrypoint", list_or_none(spec->entrypoint));
    put(body, "Cmd", list_or_none(spec->cmd));
    put(body, "Env", list_or_none(spec->env));
    if (spec->network_id)
        put(body, "NetworkingConfig", networking_config(spec));
    return body;
}

/* The id of the container that has exactly this name and these labels. */
static int service_adopt(struct docker *docker, const struct service_spec *spec,
                         const struct orchestrator_call *call, char **ret_id, struct error **err)
{
    cleanup(free) char *filter = labels_filter(docker, NULL, spec->name);
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request request = {
        .method = "GET",
        .path = filter ? http_path("/containers/json?all=1&filters=%s", filter) : NULL};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item)
    {
        const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
        if (name && strcmp(name + (*name == '/'), spec->name) == 0 &&
            labels_match(docker, json_object_get(item, "Labels"), spec->labels))
            return text_copy(ret_id, json_text(item, "Id"), err);
    }
    return error_set(err, EEXIST, "a container called %s exists already and is someone else's",
                     spec->name);
}

int docker_service_create(struct orchestrator *self, const struct service_spec *spec,
                          const struct orchestrator_call *call, char **ret_id, struct error **err)
{
    struct docker *docker = docker_of(self);
    if (call && cancel_fired(call->cancel))
        return error_set(err, ECANCELED, "cancelled before the container was made");
    cleanup(json_decref) json_t *body = create_body(docker, spec), *answer = NULL;
    if (!body)
        return error_set(err, EINVAL, "a text of the service's configuration is not valid UTF-8");
    const struct api_request request = {.method = "POST",
                                        .path = http_path("/containers/create?name=%s", spec->name),
                                        .body = body,
                                        .timeout = API_TIMEOUT_SLOW};
    cleanup(error_free) struct error *reason = NULL;
    /* Once asked, the engine makes it whether or not anybody waits, and a container that nobody
     * knows of would outlive its enclave: only the deadline ends this call. */
    const struct orchestrator_call whole = {.deadline = call ? call->deadline : 0};
    int status = 0;
    *ret_id = NULL;
    int result = api_json(docker, &request, &whole, &answer, &status, &reason);
    if (result == 0)
        result = text_copy(ret_id, json_text(answer, "Id"), &reason);
    else if (status == 409) {
        error_free(steal(&reason));
        result = service_adopt(docker, spec, call, ret_id, &reason);
    }
    if (result < 0)
        return error_move(err, &reason);
    if (!*ret_id)
        return error_set(err, EIO, "the Docker engine made a container without an id");
    known_add(docker, OBJECT_SERVICE, *ret_id);
    return 0;
}
