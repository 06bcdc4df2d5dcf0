/* Arguments: JSON is tried first, because its errors are the clearer ones for what begins like it.
 */
#include "backend/plan/arguments.h"

#include "backend/plan/json_big.h"
#include "backend/plan/yaml_json.h"

#include <string.h>

static const char *type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a truth value";
    case JSON_NULL:
    case JSON_OBJECT:
    default:
        return "nothing";
    }
}

static json_t *parse_either(const char *text, size_t length, struct error **err)
{
    cleanup(error_free) struct error *json_error = NULL;
    cleanup(error_free) struct error *yaml_error = NULL;
    json_t *json = json_big_parse(text, length, &json_error);
    if (json)
        return json;
    json = yaml_json_parse(text, length, &yaml_error);
    if (!json)
        error_set(err, EINVAL, "the arguments are neither JSON nor YAML: %s; %s",
                  error_message(json_error), error_message(yaml_error));
    return json;
}

json_t *arguments_parse(const char *text, size_t length, struct error **err)
{
    size_t space = 0;
    while (space < length && text[space] && strchr(" \t\r\n", text[space]))
        space++;
    if (space == length)
        return json_object();
    json_t *json = parse_either(text, length, err);
    if (json_is_null(json)) { /* a YAML text of comments */
        json_decref(json);
        return json_object();
    }
    if (!json || json_is_object(json))
        return json;
    error_set(err, EINVAL, "the arguments must be a map of names to values, but are %s",
              type_name(json));
    json_decref(json);
    return NULL;
}
