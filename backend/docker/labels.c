/* Labels: the record of whose an object is. */
#include "backend/docker/docker_int.h"

#include <string.h>

json_t *labels_to_json(const struct docker *docker, struct labels labels)
{
    json_t *object = json_object();
    for (size_t i = 0; i < labels.count; i++)
        json_object_set_new(object, labels.items[i].key, json_string(labels.items[i].value));
    json_object_set_new(object, DOCKER_INSTANCE_LABEL, json_string(docker->instance));
    return object;
}

int labels_from_json(const json_t *json, struct label **ret_labels, size_t *ret_count,
                     struct error **err)
{
    *ret_count = 0;
    *ret_labels = calloc(json_object_size(json) + 1, sizeof **ret_labels);
    if (!*ret_labels)
        return error_set(err, ENOMEM, "out of memory");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key, value)
    {
        struct label *label = &(*ret_labels)[(*ret_count)++];
        const char *text = json_string_value(value);
        label->key = strdup(key);
        label->value = strdup(text ? text : "");
        if (!label->key || !label->value)
            return error_set(err, ENOMEM, "out of memory");
    }
    return 0;
}

bool labels_ours(const struct docker *docker, const json_t *json)
{
    const char *instance = json_text(json, DOCKER_INSTANCE_LABEL);
    return instance && strcmp(instance, docker->instance) == 0;
}

bool labels_match(const struct docker *docker, const json_t *json, struct labels labels)
{
    for (size_t i = 0; i < labels.count; i++) {
        const char *value = json_text(json, labels.items[i].key);
        if (!value || strcmp(value, labels.items[i].value) != 0)
            return false;
    }
    return labels_ours(docker, json);
}

char *labels_filter(const struct docker *docker, const struct label *having, const char *name)
{
    cleanup(json_decref) json_t *filter =
        json_pack("{s:[s+]}", "label", DOCKER_INSTANCE_LABEL "=", docker->instance);
    if (having)
        json_array_append_new(json_object_get(filter, "label"),
                              json_pack("s++", having->key, "=", having->value));
    if (name)
        json_object_set_new(filter, "name", json_pack("[s]", name));
    return filter ? json_dumps(filter, JSON_COMPACT) : NULL;
}
