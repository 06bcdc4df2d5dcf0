/* Reading JSON that may lack anything: every getter has an answer for a missing or wrong member. */
#include "backend/docker/docker_int.h"

#include <string.h>

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_number(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *member = json_object_get(object, key);
    return json_is_integer(member) ? json_integer_value(member) : otherwise;
}

bool json_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

json_t *json_parse(const char *text, size_t length, const char *what, struct error **err)
{
    json_error_t reason;
    json_t *json = json_loadb(text, length, 0, &reason);
    if (!json)
        error_set(err, EIO, "the Docker engine's answer to %s is not valid JSON: %s at byte %d",
                  what, reason.text, reason.position);
    return json;
}

json_t *json_from_list(char *const *items)
{
    json_t *array = json_array();
    for (char *const *item = items; array && item && *item; item++)
        json_array_append_new(array, json_string(*item));
    return array;
}

int text_copy(char **ret, const char *text, struct error **err)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? error_set(err, ENOMEM, "out of memory") : 0;
}
