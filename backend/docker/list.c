/* Who the engine is and what of this instance it holds: one call for each kind of object, whatever
 * their number. */
#include "backend/docker/docker_int.h"
#include "backend/docker/items.h"

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

/* Room for one more item: the array doubles. NULL without memory; then the array stays. */
static void *grow(void **array, size_t count, size_t size)
{
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    void *grown = full ? reallocarray(*array, count ? 2 * count : 8, size) : *array;
    if (!grown)
        return NULL;
    *array = grown;
    void *item = (char *)grown + count * size;
    memset(item, 0, size);
    return item;
}

static int add_service(struct docker *docker, struct orchestrator_listing *listing,
                       const json_t *item, struct error **err)
{
    struct service *service =
        grow((void **)&listing->services, listing->service_count, sizeof *service);
    if (!service)
        return error_set(err, ENOMEM, "out of memory");
    listing->service_count++;
    if (service_from_json(item, service, err) < 0)
        return -1;
    known_add(docker, OBJECT_SERVICE, service->id);
    return 0;
}

static int add_network(struct docker *docker, struct orchestrator_listing *listing,
                       const json_t *item, struct error **err)
{
    struct network *network =
        grow((void **)&listing->networks, listing->network_count, sizeof *network);
    if (!network)
        return error_set(err, ENOMEM, "out of memory");
    listing->network_count++;
    if (network_from_json(item, network, err) < 0)
        return -1;
    known_add(docker, OBJECT_NETWORK, network->id);
    return 0;
}

static int add_volume(struct docker *docker, struct orchestrator_listing *listing,
                      const json_t *item, struct error **err)
{
    struct volume *volume = grow((void **)&listing->volumes, listing->volume_count, sizeof *volume);
    if (!volume)
        return error_set(err, ENOMEM, "out of memory");
    listing->volume_count++;
    if (volume_from_json(item, volume, err) < 0)
        return -1;
    known_add(docker, OBJECT_VOLUME, volume->name);
    return 0;
}

static const struct list_kind {
    const char *path; /* before the filter */
    int (*add)(struct docker *docker, struct orchestrator_listing *listing, const json_t *item,
               struct error **err);
} list_kinds[] = {
    [OBJECT_SERVICE] = {"/containers/json?all=1&filters=", add_service},
    [OBJECT_NETWORK] = {"/networks?filters=", add_network},
    [OBJECT_VOLUME] = {"/volumes?filters=", add_volume},
};

struct lister {
    struct docker *docker;
    struct orchestrator_listing *listing;
    enum object_kind kind;
    struct error *failure;
};

int list_add_from_json(struct docker *docker, enum object_kind kind, const json_t *item,
                       struct orchestrator_listing *listing, struct error **err)
{
    if (!labels_ours(docker, json_object_get(item, "Labels")))
        return 0;
    return list_kinds[kind].add(docker, listing, item, err);
}

static int lister_item(void *context, const json_t *item)
{
    struct lister *lister = context;
    return list_add_from_json(lister->docker, lister->kind, item, lister->listing,
                              &lister->failure);
}

static char *list_path(const struct docker *docker, enum object_kind kind,
                       const struct label *having)
{
    cleanup(free) char *filter = labels_filter(docker, having, NULL);
    cleanup(free) char *escaped = filter ? http_path("%s", filter) : NULL;
    char *path = NULL;
    if (!escaped || asprintf(&path, "%s%s", list_kinds[kind].path, escaped) < 0)
        return NULL;
    return path;
}

static int list_kind(struct docker *docker, enum object_kind kind, const struct label *having,
                     const struct orchestrator_call *call, struct orchestrator_listing *listing,
                     struct error **err)
{
    struct lister lister = {.docker = docker, .listing = listing, .kind = kind};
    cleanup(items_done) struct items items;
    items_init(&items, lister_item, &lister);
    cleanup(free) char *path = list_path(docker, kind, having);
    const struct http_request request = {.method = "GET",
                                         .path = path,
                                         .sink = items_take,
                                         .sink_context = &items,
                                         .timeout = API_TIMEOUT_QUICK};
    cleanup(http_answer_done) struct http_answer answer;
    cleanup(error_free) struct error *reason = NULL;
    int result = api_call(docker, &request, call, &answer, &reason);
    if (lister.failure)
        return error_move(err, &lister.failure);
    if (items.text.failed || items.broken || (result == 0 && !items_complete(&items)))
        return error_set(err, EIO, "the Docker engine's answer to %s is not valid JSON", path);
    return result < 0 ? error_move(err, &reason) : 0;
}

int docker_list(struct orchestrator *self, const struct label *having,
                const struct orchestrator_call *call, struct orchestrator_listing **ret_listing,
                struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing =
        calloc(1, sizeof *listing);
    if (!listing)
        return error_set(err, ENOMEM, "out of memory");
    if (list_kind(docker, OBJECT_NETWORK, having, call, listing, err) < 0 ||
        list_kind(docker, OBJECT_VOLUME, having, call, listing, err) < 0 ||
        list_kind(docker, OBJECT_SERVICE, having, call, listing, err) < 0)
        return -1;
    *ret_listing = steal(&listing);
    return 0;
}
