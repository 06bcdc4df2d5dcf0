/* YAML as JSON: libyaml composes the document, this turns its nodes into values. */
#include "backend/plan/yaml_json.h"

#include "backend/plan/json_big.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

struct conversion {
    yaml_document_t document;
    unsigned depth;
    unsigned values;
    struct error **err;
};

static json_t *convert(struct conversion *conversion, int index);

static json_t *fail(struct conversion *conversion, const yaml_node_t *node, const char *what)
{
    error_set(conversion->err, EINVAL, "not YAML: line %zu, column %zu: %s",
              node->start_mark.line + 1, node->start_mark.column + 1, what);
    return NULL;
}

/* ---- scalars ---- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_one_of(text, words);
}

static bool read_bool(const char *text, bool *ret)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};
    *ret = is_one_of(text, yes);
    return *ret || is_one_of(text, no);
}

/* The digits of an integer in any base that YAML knows, without '_' and prefix, and its base. 0 if
 * text is none. */
static int integer_base(const char *digits)
{
    const char *start = digits + (*digits == '-' || *digits == '+');
    int base = 10;
    if (start[0] == '0' && start[1] != '\0') {
        base = start[1] == 'x' ? 16 : start[1] == 'b' ? 2 : 8;
        start += start[1] == 'x' || start[1] == 'b' || start[1] == 'o' ? 2 : 1;
    }
    const char *set = base == 16  ? "0123456789abcdefABCDEF"
                      : base == 8 ? "01234567"
                      : base == 2 ? "01"
                                  : "0123456789";
    return *start != '\0' && start[strspn(start, set)] == '\0' ? base : 0;
}

/* An integer as JSON; NULL if text is none, or has another base than ten and more than 64 bits. */
static json_t *read_integer(const char *text)
{
    char digits[128];
    size_t length = 0;
    bool starts_right = (*text >= '0' && *text <= '9') || *text == '-' || *text == '+';
    for (; *text && starts_right && length < sizeof digits - 1; text++)
        if (*text != '_')
            digits[length++] = *text;
    digits[length] = '\0';
    int base = *text || length == 0 ? 0 : integer_base(digits);
    if (base == 0)
        return NULL;
    const char *plain = digits + (digits[0] == '+');
    if (base == 10)
        return json_big_new(plain);
    bool negative = *plain == '-';
    const char *number = plain + negative;
    number += number[1] == 'x' || number[1] == 'b' || number[1] == 'o' ? 2 : 0;
    /* An address of zeros is an address, as the others are: they have more digits than 64 bits. */
    if (base == 16 && strlen(number) > 16)
        return NULL;
    errno = 0;
    unsigned long long value = strtoull(number, NULL, base);
    if (errno != 0 || value > INT64_MAX)
        return NULL;
    return json_integer(negative ? -(json_int_t)value : (json_int_t)value);
}

/* A number with a point or an exponent; -1 if text is none. */
static int read_real(const char *text, double *ret)
{
    static const char *const special[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                          "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                          ".NaN",  ".NAN",  NULL};
    if (is_one_of(text, special)) {
        *ret = NAN;
        return 0;
    }
    size_t valid = strspn(text, "+-.0123456789eE");
    if (text[valid] != '\0' || !strpbrk(text, "0123456789") || *text == 'e' || *text == 'E')
        return -1;
    char *end;
    *ret = strtod(text, &end);
    /* What is too large for a double stays text: "12e4567" is the start of a commit. */
    return *end == '\0' && isfinite(*ret) ? 0 : -1;
}

static json_t *convert_plain(struct conversion *conversion, const yaml_node_t *node,
                             const char *text)
{
    bool truth;
    double real;
    if (is_null(text))
        return json_null();
    if (read_bool(text, &truth))
        return json_boolean(truth);
    json_t *integer = read_integer(text);
    if (integer)
        return integer;
    if (read_real(text, &real) == 0) {
        if (!isfinite(real))
            return fail(conversion, node, "JSON has no infinite number and no NaN");
        return json_real(real);
    }
    return json_string(text);
}

static json_t *convert_scalar(struct conversion *conversion, const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    size_t length = node->data.scalar.length;
    json_t *json = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strlen(text) == length
                       ? convert_plain(conversion, node, text)
                       : json_stringn(text, length);
    return json ? json : fail(conversion, node, "text is not UTF-8");
}

/* ---- lists and maps ---- */

static json_t *convert_list(struct conversion *conversion, const yaml_node_t *node)
{
    json_t *list = json_array();
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        json_t *element = convert(conversion, *item);
        if (!element || json_array_append_new(list, element) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* What `<<: value` adds: a map's members, or those of several maps, that are not there yet. */
static int merge(struct conversion *conversion, const yaml_node_t *node, json_t *map, json_t *value)
{
    if (json_is_object(value))
        return json_object_update_missing(map, value);
    size_t i;
    json_t *each;
    json_array_foreach(value, i, each)
    {
        if (!json_is_object(each) || json_object_update_missing(map, each) < 0)
            break;
    }
    if (json_is_array(value) && i == json_array_size(value))
        return 0;
    fail(conversion, node, "<< wants a map or a list of maps");
    return -1;
}

static const char *key_text(struct conversion *conversion, const yaml_node_t *key)
{
    if (key->type == YAML_SCALAR_NODE)
        return (const char *)key->data.scalar.value;
    fail(conversion, key, "a key that is no text");
    return NULL;
}

static bool is_merge(const yaml_node_t *key)
{
    return key->type == YAML_SCALAR_NODE && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

static int add_member(struct conversion *conversion, const yaml_node_pair_t *pair, json_t *map)
{
    const yaml_node_t *key = yaml_document_get_node(&conversion->document, pair->key);
    const char *name = key_text(conversion, key);
    if (!name)
        return -1;
    if (json_object_get(map, name)) {
        cleanup(buf_done) struct buf message = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&message, "key \"%s\" appears twice", name);
        fail(conversion, key, message.data);
        return -1;
    }
    json_t *value = convert(conversion, pair->value);
    if (!value)
        return -1;
    if (json_object_set_new(map, name, value) == 0)
        return 0;
    fail(conversion, key, "a key that is not UTF-8");
    return -1;
}

/* Merges come last, so that the map's own members win wherever they stand. */
static int add_merges(struct conversion *conversion, const yaml_node_t *node, json_t *map)
{
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&conversion->document, pair->key);
        if (!is_merge(key))
            continue;
        json_t *value = convert(conversion, pair->value);
        int status = value ? merge(conversion, key, map, value) : -1;
        json_decref(value);
        if (status < 0)
            return -1;
    }
    return 0;
}

static json_t *convert_map(struct conversion *conversion, const yaml_node_t *node)
{
    json_t *map = json_object();
    int status = 0;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top && status == 0; pair++)
        if (!is_merge(yaml_document_get_node(&conversion->document, pair->key)))
            status = add_member(conversion, pair, map);
    if (status == 0 && add_merges(conversion, node, map) == 0)
        return map;
    json_decref(map);
    return NULL;
}

static json_t *convert(struct conversion *conversion, int index)
{
    const yaml_node_t *node = yaml_document_get_node(&conversion->document, index);
    if (conversion->depth == YAML_JSON_MAX_DEPTH)
        return fail(conversion, node, "nested too deep");
    if (conversion->values++ == YAML_JSON_MAX_VALUES)
        return fail(conversion, node, "too many values");
    conversion->depth++;
    json_t *json = node->type == YAML_SCALAR_NODE     ? convert_scalar(conversion, node)
                   : node->type == YAML_SEQUENCE_NODE ? convert_list(conversion, node)
                                                      : convert_map(conversion, node);
    conversion->depth--;
    return json;
}

/* ---- documents ---- */

static int refuse(const yaml_parser_t *parser, struct error **err)
{
    return error_set(err, EINVAL, "not YAML: line %zu, column %zu: %s",
                     parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                     parser->problem ? parser->problem : "out of memory");
}

static int load(yaml_parser_t *parser, yaml_document_t *document, struct error **err)
{
    return yaml_parser_load(parser, document) ? 0 : refuse(parser, err);
}

static int depth_step(yaml_event_type_t type)
{
    bool opens = type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
    bool closes = type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
    return opens - closes;
}

/* Refuses what is nested too deep before it is loaded: libyaml's time grows with the square of the
 * depth. */
static int check_depth(const char *text, size_t length, struct error **err)
{
    yaml_parser_t parser;
    yaml_event_t event;
    int depth = 0, result = 0;
    if (!yaml_parser_initialize(&parser))
        return error_set(err, ENOMEM, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    for (bool ended = false; !ended && result == 0;) {
        if (!yaml_parser_parse(&parser, &event)) {
            result = refuse(&parser, err);
            break;
        }
        depth += depth_step(event.type);
        ended = event.type == YAML_STREAM_END_EVENT;
        if (depth > YAML_JSON_MAX_DEPTH)
            result = error_set(err, EINVAL, "line %zu: nested too deep", event.start_mark.line + 1);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return result;
}

/* Whether another document follows. */
static int check_end(yaml_parser_t *parser, struct error **err)
{
    yaml_document_t next;
    if (load(parser, &next, err) < 0)
        return -1;
    bool more = yaml_document_get_root_node(&next) != NULL;
    yaml_document_delete(&next);
    return more ? error_set(err, EINVAL, "not YAML: more than one document") : 0;
}

json_t *yaml_json_parse(const char *text, size_t length, struct error **err)
{
    yaml_parser_t parser;
    if (check_depth(text, length, err) < 0)
        return NULL;
    if (!yaml_parser_initialize(&parser)) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    struct error *reason = NULL;
    struct conversion conversion = {.err = &reason};
    json_t *json = NULL;
    if (load(&parser, &conversion.document, &reason) == 0) {
        bool empty = !yaml_document_get_root_node(&conversion.document);
        json = empty ? json_null() : convert(&conversion, 1);
        yaml_document_delete(&conversion.document);
        if (json && !empty && check_end(&parser, &reason) < 0) {
            json_decref(json);
            json = NULL;
        }
    }
    yaml_parser_delete(&parser);
    if (!json)
        error_move(err, &reason);
    return json;
}
