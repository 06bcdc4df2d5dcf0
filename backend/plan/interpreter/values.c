/* Values between Starlark and JSON. */
#include "backend/plan/interpreter/interpreter.h"

#include "backend/plan/template.h"

#include <math.h>
#include <string.h>

static json_t *convert(struct interpreter *in, star_value value, const char *path, unsigned depth,
                       struct buf *problems);

static json_t *refuse(struct buf *problems, const char *path, const char *why)
{
    buf_printf(problems, "The '%s' argument holds %s\n", path, why);
    return NULL;
}

static json_t *convert_string(star_value value, const char *path, struct buf *problems)
{
    size_t length;
    const char *text = star_text_of(value, &length);
    if (memchr(text, '\0', length))
        return refuse(problems, path, "a NUL byte");
    json_t *json = json_stringn(text, length);
    return json ? json : refuse(problems, path, "text that is not UTF-8");
}

static json_t *convert_sequence(struct interpreter *in, star_value value, const char *path,
                                unsigned depth, struct buf *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < star_seq_len(value); i++) {
        json_t *element = convert(in, star_seq_get(value, i), path, depth, problems);
        if (!element) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, element);
    }
    return list;
}

static json_t *convert_dict(struct interpreter *in, star_value value, const char *path,
                            unsigned depth, struct buf *problems)
{
    json_t *object = json_object();
    size_t cursor = 0;
    star_value key, item;
    while (star_dict_next(value, &cursor, &key, &item)) {
        if (star_kind_of(key) != STAR_STRING) {
            buf_printf(problems, "The '%s' argument has a key of type '%s'; keys are strings\n",
                       path, star_type_name(key));
            break;
        }
        json_t *member = convert(in, item, path, depth, problems);
        if (!member || json_object_set_new(object, star_text_of(key, NULL), member) < 0)
            break;
    }
    if (json_object_size(object) == star_dict_len(value))
        return object;
    json_decref(object);
    return problems->length ? NULL : refuse(problems, path, "a key that is not UTF-8");
}

static json_t *convert_struct(struct interpreter *in, star_value value, const char *path,
                              unsigned depth, struct buf *problems)
{
    json_t *object = json_object();
    for (size_t i = 0; i < star_struct_len(value); i++) {
        const char *name;
        star_value field;
        star_struct_field(value, i, &name, &field);
        json_t *member = convert(in, field, path, depth, problems);
        if (!member) {
            json_decref(object);
            return NULL;
        }
        json_object_set_new(object, name, member);
    }
    return object;
}

static json_t *convert_number(star_value value, const char *path, struct buf *problems)
{
    int64_t whole;
    double number = 0;
    if (star_kind_of(value) == STAR_INT && star_int_get(value, &whole))
        return json_integer(whole);
    star_float_get(value, &number);
    json_t *json = isfinite(number) ? json_real(number) : NULL;
    return json ? json : refuse(problems, path, "a number that is not finite");
}

static json_t *convert(struct interpreter *in, star_value value, const char *path, unsigned depth,
                       struct buf *problems)
{
    if (depth >= VALUE_DEPTH_MAX)
        return refuse(problems, path, "values nested too deeply");
    switch (star_kind_of(value)) {
    case STAR_NONE:
        return json_null();
    case STAR_BOOL:
        return json_boolean(star_truth(value));
    case STAR_INT:
    case STAR_FLOAT:
        return convert_number(value, path, problems);
    case STAR_STRING:
        return convert_string(value, path, problems);
    case STAR_LIST:
    case STAR_TUPLE:
        return convert_sequence(in, value, path, depth + 1, problems);
    case STAR_DICT:
        return convert_dict(in, value, path, depth + 1, problems);
    case STAR_STRUCT:
        return convert_struct(in, value, path, depth + 1, problems);
    case STAR_OBJECT:
        if (typed_json(value))
            return json_incref(typed_json(value));
        break;
    case STAR_BYTES:
    case STAR_SET:
    case STAR_RANGE:
    case STAR_MODULE:
    case STAR_FUNCTION:
    case STAR_BUILTIN:
    default:
        break;
    }
    buf_printf(problems,
               "The '%s' argument holds a value of type '%s', which a plan cannot carry\n", path,
               star_type_name(value));
    return NULL;
}

json_t *value_to_json(struct interpreter *in, star_value value, const char *path,
                      struct buf *problems)
{
    return convert(in, value, path, 0, problems);
}

/* ---- what single kinds of fields want ---- */

/* The vm's pending error as a line of problems. */
static json_t *report_error(struct interpreter *in, const char *path, struct buf *problems)
{
    struct star_error *error = star_take_error(in->vm);
    buf_printf(problems, "The '%s' argument: %s\n", path, error ? error->message : "no memory");
    star_error_free(error);
    return NULL;
}

static json_t *message_to_json(struct interpreter *in, star_value value, const char *path,
                               struct buf *problems)
{
    star_value text = star_str(in->vm, value);
    return star_is_null(text) ? report_error(in, path, problems)
                              : convert_string(text, path, problems);
}

/* A template that does not parse is refused here, where the script stands. */
static json_t *template_text_to_json(star_value text, const char *file, const char *path,
                                     struct buf *problems)
{
    size_t length;
    const char *source = star_text_of(text, &length);
    cleanup(error_free) struct error *reason = NULL;
    cleanup(template_free) struct template *template =
        template_parse(file, source, length, &reason);
    if (template)
        return convert_string(text, path, problems);
    buf_printf(problems, "%s\n", error_message(reason));
    return NULL;
}

/* `file` is the path that the template is for, `path` the argument. */
static json_t *template_to_json(struct interpreter *in, star_value value, const char *file,
                                const char *path, struct buf *problems)
{
    star_value text = STAR_NULL, data = STAR_NULL;
    if (star_kind_of(value) == STAR_STRUCT) {
        text = star_struct_get(value, "template");
        data = star_struct_get(value, "data");
    }
    if (star_is_null(text) || star_is_null(data) || star_kind_of(text) != STAR_STRING) {
        buf_printf(problems, "The '%s' argument must be struct(template=\"...\", data=...), but ",
                   path);
        if (star_kind_of(value) != STAR_STRUCT)
            buf_printf(problems, "it is of type '%s'\n", star_type_name(value));
        else
            buf_printf(problems, "it has no %s\n",
                       star_is_null(data) ? "data" : "template that is a string");
        return NULL;
    }
    star_value encoded = star_json_encode(in->vm, data);
    if (star_is_null(encoded))
        return report_error(in, path, problems);
    json_t *template = template_text_to_json(text, file, path, problems);
    json_t *json = template ? convert_string(encoded, path, problems) : NULL;
    if (!json) {
        json_decref(template);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "template", template, "data", json);
}

static json_t *templates_to_json(struct interpreter *in, star_value value, const char *path,
                                 struct buf *problems)
{
    if (star_kind_of(value) != STAR_DICT)
        return value_to_json(in, value, path, problems);
    json_t *object = json_object();
    size_t cursor = 0;
    star_value key, item;
    while (star_dict_next(value, &cursor, &key, &item)) {
        const char *file = star_kind_of(key) == STAR_STRING ? star_text_of(key, NULL) : NULL;
        cleanup(buf_done) struct buf inner = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&inner, "%s[\"%s\"]", path, file ? file : "");
        json_t *member = file ? template_to_json(in, item, file, inner.data, problems)
                              : refuse(problems, path, "a path that is not a string");
        if (member)
            json_object_set_new(object, file, member);
    }
    if (json_object_size(object) == star_dict_len(value))
        return object;
    json_decref(object);
    return problems->length ? NULL : refuse(problems, path, "a path that is not UTF-8");
}

json_t *field_to_json(struct interpreter *in, const struct plan_field *field, star_value value,
                      struct buf *problems)
{
    if (field->kind == PLAN_MESSAGE)
        return message_to_json(in, value, field->name, problems);
    if (field->kind == PLAN_TEMPLATES)
        return templates_to_json(in, value, field->name, problems);
    if (star_kind_of(value) == STAR_STRUCT && field->kind != PLAN_ANY) {
        plan_report_kind(field, star_type_name(value), field->name, problems);
        return NULL;
    }
    return value_to_json(in, value, field->name, problems);
}

/* ---- from JSON ---- */

static star_value dict_from_json(struct interpreter *in, const json_t *json)
{
    const char *tag = json_string_value(json_object_get(json, "type"));
    const struct plan_type *type = tag ? plan_type_find(tag) : NULL;
    if (type)
        return typed_from_json(in, type, json);
    star_value dict = star_keep(in->vm, star_dict_new(in->vm));
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)json, key, member)
    {
        star_value value = value_from_json(in, member);
        if (star_is_null(value) || star_is_null(dict) || !star_dict_set_z(in->vm, dict, key, value))
            return STAR_NULL;
    }
    return dict;
}

static star_value list_from_json(struct interpreter *in, const json_t *json)
{
    star_value list = star_keep(in->vm, star_list_new(in->vm, NULL, 0));
    size_t i;
    json_t *element;
    json_array_foreach(json, i, element)
    {
        star_value value = value_from_json(in, element);
        if (star_is_null(value) || star_is_null(list) || !star_list_append(in->vm, list, value))
            return STAR_NULL;
    }
    return list;
}

star_value value_from_json(struct interpreter *in, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return dict_from_json(in, json);
    case JSON_ARRAY:
        return list_from_json(in, json);
    case JSON_STRING:
        return star_string(in->vm, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return star_int(in->vm, json_integer_value(json));
    case JSON_REAL:
        return star_float(in->vm, json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return star_bool(json_is_true(json));
    case JSON_NULL:
    default:
        return star_none();
    }
}

/* ---- arguments of run() ---- */

/* Below this every whole double is exact, 2^53. */
static const double exact_max = 9007199254740992.0;

static star_value normalise_dict(struct interpreter *in, star_value value)
{
    star_value dict = star_keep(in->vm, star_dict_new(in->vm));
    size_t cursor = 0;
    star_value key, item;
    while (star_dict_next(value, &cursor, &key, &item)) {
        item = value_normalise(in, item);
        if (star_is_null(item) || star_is_null(dict) || !star_dict_set(in->vm, dict, key, item))
            return STAR_NULL;
    }
    return dict;
}

static star_value normalise_list(struct interpreter *in, star_value value)
{
    for (size_t i = 0; i < star_seq_len(value); i++) {
        star_value item = value_normalise(in, star_seq_get(value, i));
        if (star_is_null(item) || !star_list_set(in->vm, value, i, item))
            return STAR_NULL;
    }
    return value;
}

star_value value_normalise(struct interpreter *in, star_value value)
{
    double number;
    switch ((int)star_kind_of(value)) {
    case STAR_FLOAT:
        if (star_float_get(value, &number) && number == trunc(number) && fabs(number) < exact_max)
            return star_int(in->vm, (int64_t)number);
        return value;
    case STAR_LIST:
        return normalise_list(in, value);
    case STAR_DICT:
        return normalise_dict(in, value);
    default:
        return value;
    }
}
