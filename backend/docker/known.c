/*
 * Which objects are this instance's. What was created or listed here is known to be; any other id
 * is looked up by a filtered list, never by inspecting a container: an inspect waits while its
 * container is being started.
 */
#include "backend/docker/docker_int.h"

#include <string.h>

/* Ids and volume names share one map. */
static char *object_key(enum object_kind kind, const char *id)
{
    char *key = NULL;
    return asprintf(&key, "%d/%s", kind, id) < 0 ? NULL : key;
}

void known_facts_done(struct known *facts)
{
    free(facts->log_driver);
    free(facts->log_path);
    *facts = (struct known){0};
}

static void known_free(struct known *known)
{
    if (known) {
        known_facts_done(known);
        free(known);
    }
}

void known_add(struct docker *docker, enum object_kind kind, const char *id)
{
    cleanup(free) char *key = object_key(kind, id);
    struct known *known = key ? calloc(1, sizeof *known) : NULL;
    if (!known)
        return; /* it will be looked up */
    with_lock(&docker->known_lock);
    if (map_get(&docker->known, key))
        free(known);
    else
        map_set(&docker->known, key, known);
}

void known_remove(struct docker *docker, enum object_kind kind, const char *id)
{
    cleanup(free) char *key = object_key(kind, id);
    if (!key)
        return;
    with_lock(&docker->known_lock);
    known_free(map_remove(&docker->known, key));
}

void known_done(struct docker *docker)
{
    size_t position = 0;
    struct known *known;
    while ((known = map_next(&docker->known, &position, NULL)))
        known_free(known);
    map_done(&docker->known);
}

static bool known_has(struct docker *docker, enum object_kind kind, const char *id)
{
    cleanup(free) char *key = object_key(kind, id);
    with_lock(&docker->known_lock);
    return key && map_get(&docker->known, key);
}

/* The labels of the listed container whose id is exactly `id` (the engine matches prefixes and
 * names as well). */
static const json_t *listed_labels(const json_t *list, const char *id)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *found = json_text(item, "Id");
        if (found && strcmp(found, id) == 0)
            return json_object_get(item, "Labels");
    }
    return NULL;
}

static int labels_fetch(struct docker *docker, enum object_kind kind, const char *id,
                        const struct orchestrator_call *call, json_t **ret_json,
                        const json_t **ret_labels, struct error **err)
{
    cleanup(free) char *filter = NULL;
    struct api_request request = {.method = "GET"};
    if (kind == OBJECT_SERVICE) {
        cleanup(json_decref) json_t *by_id = json_pack("{s:[s]}", "id", id);
        filter = by_id ? json_dumps(by_id, JSON_COMPACT) : NULL;
        request.path = filter ? http_path("/containers/json?all=1&filters=%s", filter) : NULL;
    } else {
        request.path =
            kind == OBJECT_NETWORK ? http_path("/networks/%s", id) : http_path("/volumes/%s", id);
    }
    if (api_json(docker, &request, call, ret_json, NULL, err) < 0)
        return -1;
    *ret_labels = kind == OBJECT_SERVICE ? listed_labels(*ret_json, id)
                                         : json_object_get(*ret_json, "Labels");
    if (!*ret_labels && kind == OBJECT_SERVICE)
        return error_set(err, ENOENT, "No such container: %s", id);
    return 0;
}

int known_check(struct docker *docker, enum object_kind kind, const char *id,
                const struct orchestrator_call *call, struct error **err)
{
    if (known_has(docker, kind, id))
        return 0;
    cleanup(json_decref) json_t *json = NULL;
    const json_t *labels = NULL;
    if (labels_fetch(docker, kind, id, call, &json, &labels, err) < 0)
        return -1;
    if (!labels_ours(docker, labels))
        return error_set(err, EPERM, "%s does not belong to the kfs instance %s: left alone", id,
                         docker->instance);
    known_add(docker, kind, id);
    return 0;
}

/* ---- facts ---- */

static int facts_copy(const struct known *from, struct known *ret, struct error **err)
{
    *ret = (struct known){.inspected = true, .terminal = from->terminal};
    if (text_copy(&ret->log_driver, from->log_driver, err) < 0 ||
        text_copy(&ret->log_path, from->log_path, err) < 0) {
        known_facts_done(ret);
        return -1;
    }
    return 0;
}

static int facts_from_json(const json_t *json, struct known *ret, struct error **err)
{
    const json_t *host = json_object_get(json, "HostConfig");
    const json_t *log = json_object_get(host, "LogConfig");
    const struct known seen = {
        .terminal = json_flag(json_object_get(json, "Config"), "Tty"),
        .log_driver = (char *)json_text(log, "Type"),
        .log_path = (char *)json_text(json, "LogPath"),
    };
    return facts_copy(&seen, ret, err);
}

/* Keeps what was learnt, unless the log's path is not known yet: a container that was never started
 * has none. */
static void facts_keep(struct docker *docker, const char *key, const struct known *facts)
{
    if (!facts->log_path || !*facts->log_path)
        return;
    with_lock(&docker->known_lock);
    struct known *known = map_get(&docker->known, key);
    if (known && !known->inspected && facts_copy(facts, known, NULL) < 0)
        known->inspected = false;
}

int known_facts(struct docker *docker, const char *id, const struct orchestrator_call *call,
                struct known *ret_facts, struct error **err)
{
    *ret_facts = (struct known){0};
    cleanup(free) char *key = object_key(OBJECT_SERVICE, id);
    if (!key)
        return error_set(err, ENOMEM, "out of memory");
    {
        with_lock(&docker->known_lock);
        const struct known *known = map_get(&docker->known, key);
        if (known && known->inspected)
            return facts_copy(known, ret_facts, err);
    }
    if (known_check(docker, OBJECT_SERVICE, id, call, err) < 0)
        return -1;
    cleanup(json_decref) json_t *json = NULL;
    const struct api_request request = {.method = "GET",
                                        .path = http_path("/containers/%s/json", id)};
    if (api_json(docker, &request, call, &json, NULL, err) < 0 ||
        facts_from_json(json, ret_facts, err) < 0)
        return -1;
    facts_keep(docker, key, ret_facts);
    return 0;
}
