/* Kinds of values: checking, reading and printing. The types themselves are in type_table.c. */
#include "backend/plan/schema.h"

#include "backend/base/clock.h"

#include <string.h>

enum {
    PATH_MAX_TEXT = 512,
    PRINT_DEPTH_MAX = 64
};

const struct plan_field *plan_field_find(const struct plan_field *fields, const char *name)
{
    for (const struct plan_field *field = fields; field->name; field++)
        if (strcmp(field->name, name) == 0 || (field->alias && strcmp(field->alias, name) == 0))
            return field;
    return NULL;
}

const struct plan_type *plan_type_find(const char *name)
{
    for (size_t i = 0; i < PLAN_TYPE_COUNT; i++)
        if (strcmp(plan_type_at(i)->name, name) == 0)
            return plan_type_at(i);
    return NULL;
}

static const char *tag_of(const json_t *value)
{
    const char *tag = json_string_value(json_object_get(value, "type"));
    return tag && plan_type_find(tag) ? tag : NULL;
}

bool plan_is_type(const json_t *value, const char *name)
{
    const char *tag = tag_of(value);
    return tag && strcmp(tag, name) == 0;
}

const char *plan_type_name_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return tag_of(value) ? tag_of(value) : "dict";
    case JSON_ARRAY:
        return "list";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float";
    case JSON_NULL:
        return "NoneType";
    case JSON_TRUE:
    case JSON_FALSE:
    default:
        return "bool";
    }
}

/* ---- checking ---- */

static const char *const kind_articles[PLAN_KIND_MAX] = {
    [PLAN_STRING] = "a string",
    [PLAN_INT] = "an int",
    [PLAN_BOOL] = "a bool",
    [PLAN_DURATION] = "a duration such as \"10s\"",
    [PLAN_STRING_LIST] = "a list of strings",
    [PLAN_INT_LIST] = "a list of ints",
    [PLAN_STRING_DICT] = "a dict of strings to strings",
    [PLAN_INT_DICT] = "a dict of strings to ints",
    [PLAN_ANY] = "a value",
    [PLAN_MESSAGE] = "a value",
    [PLAN_TEMPLATES] = "a dict of paths to struct(template=..., data=...)",
};

static void put_wanted(const struct plan_field *field, struct buf *problems)
{
    if (field->article)
        buf_puts(problems, field->article);
    else if (kind_articles[field->kind])
        buf_puts(problems, kind_articles[field->kind]);
    else
        buf_printf(problems, "%s%s%s",
                   field->kind == PLAN_TYPE        ? ""
                   : field->kind == PLAN_TYPE_LIST ? "a list of "
                                                   : "a dict of strings to ",
                   field->flags & PLAN_OR_STRING ? "a string or one of " : "", field->types);
}

void plan_report_kind(const struct plan_field *field, const char *type_name, const char *path,
                      struct buf *problems)
{
    buf_printf(problems, "The '%s' argument must be ", path);
    put_wanted(field, problems);
    buf_printf(problems, ", but it is of type '%s'", type_name);
    if (strcmp(type_name, "NoneType") == 0)
        buf_puts(problems, "; leave it out if there is nothing to say");
    buf_putc(problems, '\n');
}

/* The first element that is wrong, in a list or dict that has the right type itself. */
static const json_t *find_wrong(const struct plan_field *field, const json_t *value,
                                const char *path, char *ret_path, size_t size)
{
    bool strings = field->kind == PLAN_STRING_LIST || field->kind == PLAN_STRING_DICT;
    size_t i;
    json_t *element;
    const char *key;
    if (!strings && field->kind != PLAN_INT_LIST && field->kind != PLAN_INT_DICT)
        return NULL;
    if (field->kind == PLAN_STRING_LIST || field->kind == PLAN_INT_LIST) {
        json_array_foreach(value, i, element)
        {
            snprintf(ret_path, size, "%s[%zu]", path, i);
            if (!(strings ? json_is_string(element) : json_is_integer(element)))
                return element;
        }
        return NULL;
    }
    json_object_foreach((json_t *)value, key, element)
    {
        snprintf(ret_path, size, "%s[\"%s\"]", path, key);
        if (!(strings ? json_is_string(element) : json_is_integer(element)))
            return element;
    }
    return NULL;
}

static void report_kind(const struct plan_field *field, const json_t *value, const char *path,
                        struct buf *problems)
{
    char inner[PATH_MAX_TEXT];
    const json_t *wrong = find_wrong(field, value, path, inner, sizeof inner);
    struct plan_field element = {
        .kind =
            field->kind == PLAN_INT_LIST || field->kind == PLAN_INT_DICT ? PLAN_INT : PLAN_STRING};
    plan_report_kind(wrong ? &element : field, plan_type_name_of(wrong ? wrong : value),
                     wrong ? inner : path, problems);
}

static bool word_in(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == length && memcmp(at, word, length) == 0)
            return true;
    return false;
}

/* One value of a PLAN_TYPE kind. */
static void check_typed(const struct plan_field *field, const json_t *value, const char *path,
                        struct buf *problems)
{
    if (json_is_string(value) && (field->flags & PLAN_OR_STRING)) {
        if (json_string_length(value) == 0)
            buf_printf(problems, "The '%s' argument is an empty string\n", path);
        return;
    }
    const char *tag = json_is_object(value) ? tag_of(value) : NULL;
    if (!tag || !word_in(field->types, tag)) {
        if (!tag && json_is_object(value) && (field->flags & PLAN_OR_DICT))
            return;
        struct plan_field single = *field;
        single.kind = PLAN_TYPE;
        report_kind(&single, value, path, problems);
        return;
    }
    const struct plan_type *type = plan_type_find(tag);
    size_t before = problems->length;
    plan_check_fields(type->fields, value, path, problems);
    if (problems->length == before && type->check)
        type->check(value, problems);
}

static bool all_elements(const json_t *list, bool (*is)(const json_t *))
{
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element) if (!is(element)) return false;
    return json_is_array(list);
}

static bool all_members(const json_t *object, bool (*is)(const json_t *))
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member) if (!is(member)) return false;
    return json_is_object(object);
}

static bool is_string(const json_t *value)
{
    return json_is_string(value);
}

static bool is_int(const json_t *value)
{
    return json_is_integer(value);
}

static bool is_template(const json_t *value)
{
    return json_is_string(json_object_get(value, "template")) &&
           json_is_string(json_object_get(value, "data"));
}

static bool is_duration(const json_t *value)
{
    int64_t nanoseconds;
    return json_is_string(value) &&
           clock_parse_duration(json_string_value(value), &nanoseconds, NULL) == 0 &&
           nanoseconds >= 0;
}

static bool has_kind(const struct plan_field *field, const json_t *value)
{
    switch (field->kind) {
    case PLAN_STRING:
    case PLAN_MESSAGE:
        return json_is_string(value);
    case PLAN_INT:
        return json_is_integer(value);
    case PLAN_BOOL:
        return json_is_boolean(value);
    case PLAN_DURATION:
        return is_duration(value);
    case PLAN_STRING_LIST:
        return all_elements(value, is_string);
    case PLAN_INT_LIST:
        return all_elements(value, is_int);
    case PLAN_STRING_DICT:
        return all_members(value, is_string);
    case PLAN_INT_DICT:
        return all_members(value, is_int);
    case PLAN_TEMPLATES:
        return all_members(value, is_template);
    case PLAN_TYPE_LIST:
        return json_is_array(value);
    case PLAN_TYPE_DICT:
        return json_is_object(value) && !tag_of(value);
    case PLAN_ANY:
    case PLAN_TYPE:
    case PLAN_KIND_MAX:
    default:
        return true;
    }
}

static void check_members(const struct plan_field *field, const json_t *value, const char *path,
                          struct buf *problems)
{
    char inner[PATH_MAX_TEXT];
    size_t i;
    json_t *member;
    const char *key;
    if (field->kind == PLAN_TYPE_LIST) {
        json_array_foreach(value, i, member)
        {
            snprintf(inner, sizeof inner, "%s[%zu]", path, i);
            check_typed(field, member, inner, problems);
        }
        return;
    }
    json_object_foreach((json_t *)value, key, member)
    {
        snprintf(inner, sizeof inner, "%s[\"%s\"]", path, key);
        check_typed(field, member, inner, problems);
    }
}

static bool is_empty(const json_t *value)
{
    return (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

void plan_check_value(const struct plan_field *field, const json_t *value, const char *path,
                      struct buf *problems)
{
    if (json_is_null(value) && (field->flags & PLAN_NONE_OK))
        return;
    if (!has_kind(field, value))
        report_kind(field, value, path, problems);
    else if ((field->flags & PLAN_NONEMPTY) && is_empty(value))
        buf_printf(problems, "The '%s' argument must not be empty\n", path);
    else if (field->kind == PLAN_TYPE)
        check_typed(field, value, path, problems);
    else if (field->kind == PLAN_TYPE_LIST || field->kind == PLAN_TYPE_DICT)
        check_members(field, value, path, problems);
}

void plan_check_fields(const struct plan_field *fields, const json_t *object, const char *path,
                       struct buf *problems)
{
    char inner[PATH_MAX_TEXT];
    for (const struct plan_field *field = fields; field->name; field++) {
        const json_t *value = json_object_get(object, field->name);
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", field->name);
        if (value)
            plan_check_value(field, value, inner, problems);
        else if (field->flags & PLAN_REQUIRED)
            buf_printf(problems, "The '%s' argument is missing\n", inner);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) if (strcmp(key, "type") != 0 &&
                                                          strcmp(key, "description") != 0 &&
                                                          !plan_field_find(fields, key))
        buf_printf(problems, "There is no argument '%s'\n", key);
}

/* ---- reading ---- */

const char *plan_string(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : fallback;
}

int64_t plan_int(const json_t *object, const char *name, int64_t fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool plan_bool(const json_t *object, const char *name, bool fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

int64_t plan_duration(const json_t *object, const char *name, const char *fallback)
{
    const json_t *value = json_object_get(object, name);
    const char *text = value ? json_string_value(value) : fallback;
    int64_t nanoseconds = 0;
    if (text)
        clock_parse_duration(text, &nanoseconds, NULL);
    return nanoseconds;
}

/* The long way: by JSON's own escapes, which buf.h knows how to make of any bytes. */
static json_t *text_repaired(const char *text, size_t length)
{
    cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_DOCUMENT * 6);
    buf_puts(&quoted, "[\"");
    for (size_t at = 0; at < length;) {
        const char *nul = memchr(text + at, '\0', length - at);
        size_t piece = nul ? (size_t)(nul - text) - at : length - at;
        buf_put_json_escaped(&quoted, text + at, piece);
        at += piece + 1;
    }
    buf_puts(&quoted, "\"]");
    json_t *list = json_loads(quoted.data, 0, NULL);
    json_t *string = json_incref(json_array_get(list, 0));
    json_decref(list);
    return string ? string : json_string("");
}

json_t *plan_text_n(const char *text, size_t length)
{
    json_t *string = memchr(text, '\0', length) ? NULL : json_stringn(text, length);
    return string ? string : text_repaired(text, length);
}

json_t *plan_text(const char *text)
{
    return plan_text_n(text, strlen(text));
}

/* ---- printing ---- */

static void put_any(struct buf *out, const json_t *value, unsigned depth);

static void put_quoted(struct buf *out, const char *text, size_t length)
{
    buf_putc(out, '"');
    buf_put_json_escaped(out, text, length);
    buf_putc(out, '"');
}

static void put_list(struct buf *out, const json_t *list, unsigned depth)
{
    size_t i;
    json_t *element;
    buf_putc(out, '[');
    json_array_foreach(list, i, element)
    {
        if (i > 0)
            buf_puts(out, ", ");
        put_any(out, element, depth);
    }
    buf_putc(out, ']');
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_dict(struct buf *out, const json_t *object, unsigned depth)
{
    size_t count = 0;
    cleanup(free) const char **keys = malloc((json_object_size(object) + 1) * sizeof *keys);
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member) if (keys) keys[count++] = key;
    if (keys)
        qsort(keys, count, sizeof *keys, compare_keys);
    buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_puts(out, ", ");
        put_quoted(out, keys[i], strlen(keys[i]));
        buf_puts(out, ": ");
        put_any(out, json_object_get(object, keys[i]), depth);
    }
    buf_putc(out, '}');
}

static void put_call(struct buf *out, const char *name, const struct plan_field *fields,
                     const json_t *arguments, unsigned depth)
{
    const char *separator = "";
    buf_printf(out, "%s(", name);
    for (const struct plan_field *field = fields; field->name; field++) {
        const json_t *value = json_object_get(arguments, field->name);
        if (!value || (field->flags & PLAN_INTERNAL))
            continue;
        buf_printf(out, "%s%s=", separator, field->name);
        if (strcmp(field->name, "password") == 0)
            buf_puts(out, "\"***\""); /* a registry's; plans are shown and stored */
        else
            put_any(out, value, depth);
        separator = ", ";
    }
    buf_putc(out, ')');
}

static void put_any(struct buf *out, const json_t *value, unsigned depth)
{
    const char *tag;
    char number[32];
    if (depth >= PRINT_DEPTH_MAX) {
        buf_puts(out, "...");
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        tag = tag_of(value);
        if (tag)
            put_call(out, tag, plan_type_find(tag)->fields, value, depth + 1);
        else
            put_dict(out, value, depth + 1);
        break;
    case JSON_ARRAY:
        put_list(out, value, depth + 1);
        break;
    case JSON_STRING:
        put_quoted(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(number, sizeof number, "%.17g", json_real_value(value));
        buf_printf(out, "%s%s", number, strpbrk(number, ".en") ? "" : ".0");
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_puts(out, json_is_true(value) ? "True" : "False");
        break;
    case JSON_NULL:
    default:
        buf_puts(out, "None");
        break;
    }
}

void plan_put_value(struct buf *out, const json_t *value)
{
    put_any(out, value, 0);
}

void plan_put_call(struct buf *out, const char *name, const struct plan_field *fields,
                   const json_t *arguments)
{
    put_call(out, name, fields, arguments, 0);
}
