/* The store of runtime values, and replacing. */
#include "backend/plan/runtime_values.h"

#include "backend/plan/names.h"
#include "backend/plan/schema.h"

#include <string.h>

struct runtime_values {
    pthread_mutex_t values_lock;
    json_t *by_id; /* {ID: {FIELD: value}}; guarded */
};

struct runtime_values *runtime_values_new(const json_t *before, struct error **err)
{
    struct runtime_values *values = calloc(1, sizeof *values);
    if (!values) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&values->values_lock, NULL);
    values->by_id = json_is_object(before) ? json_deep_copy(before) : json_object();
    return values;
}

void runtime_values_free(struct runtime_values *values)
{
    if (!values)
        return;
    pthread_mutex_destroy(&values->values_lock);
    json_decref(values->by_id);
    free(values);
}

bool runtime_values_set(struct runtime_values *values, const char *id, const char *field,
                        json_t *value)
{
    with_lock(&values->values_lock);
    json_t *fields = json_object_get(values->by_id, id);
    if (!fields) {
        fields = json_object();
        json_object_set_new(values->by_id, id, fields);
    }
    bool changed = !json_equal(json_object_get(fields, field), value);
    json_object_set_new(fields, field, value);
    return changed;
}

json_t *runtime_values_get(struct runtime_values *values, const char *id, const char *field)
{
    with_lock(&values->values_lock);
    /* A copy: references are counted, but not across threads in every build of the library. */
    return json_deep_copy(json_object_get(json_object_get(values->by_id, id), field));
}

bool runtime_values_has(struct runtime_values *values, const char *id)
{
    with_lock(&values->values_lock);
    return json_object_get(values->by_id, id) != NULL;
}

json_t *runtime_values_copy(struct runtime_values *values)
{
    with_lock(&values->values_lock);
    return json_deep_copy(values->by_id);
}

/* ---- replacing ---- */

static json_t *lookup(struct runtime_values *values, const struct plan_placeholder *found,
                      struct error **err)
{
    json_t *value = runtime_values_get(values, found->id, found->field);
    if (!value)
        error_set(err, EINVAL, "Runtime UUID '%s' was found, but not set: it has no value '%s' yet",
                  found->id, found->field);
    return value;
}

static void put_plain(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        buf_append(out, json_string_value(value), json_string_length(value));
    else
        plan_put_value(out, value);
}

static void put_escaped(struct buf *out, const json_t *value)
{
    cleanup(buf_done) struct buf plain = BUF_INIT(BUF_MAX_DOCUMENT);
    put_plain(&plain, value);
    buf_put_json_escaped(out, plain.data, plain.length);
}

int runtime_values_replace(struct runtime_values *values, const char *text,
                           enum runtime_escape escape, struct buf *out, struct error **err)
{
    size_t length = strlen(text), offset = 0, done = 0;
    struct plan_placeholder found;
    while (plan_placeholder_next(text, length, &offset, &found)) {
        json_t *value = lookup(values, &found, err);
        if (!value)
            return -1;
        buf_append(out, text + done, found.start - done);
        if (escape == RUNTIME_JSON)
            put_escaped(out, value);
        else
            put_plain(out, value);
        done = found.end;
        json_decref(value);
    }
    buf_append(out, text + done, length - done);
    return buf_check(out, err);
}

json_t *runtime_values_resolve(struct runtime_values *values, const char *text, struct error **err)
{
    size_t length = strlen(text), offset = 0;
    struct plan_placeholder found;
    if (plan_placeholder_next(text, length, &offset, &found) && found.start == 0 &&
        found.end == length)
        return lookup(values, &found, err);
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_DOCUMENT);
    if (runtime_values_replace(values, text, RUNTIME_PLAIN, &out, err) < 0)
        return NULL;
    return plan_text_n(out.data, out.length);
}

static json_t *replace_string(struct runtime_values *values, const json_t *json, bool typed,
                              struct error **err)
{
    const char *text = json_string_value(json);
    if (typed)
        return runtime_values_resolve(values, text, err);
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_DOCUMENT);
    if (runtime_values_replace(values, text, RUNTIME_PLAIN, &out, err) < 0)
        return NULL;
    return plan_text_n(out.data, out.length);
}

json_t *runtime_values_replace_in(struct runtime_values *values, const json_t *json, bool typed,
                                  struct error **err)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(json))
        return replace_string(values, json, typed, err);
    if (!json_is_object(json) && !json_is_array(json))
        return json_deep_copy(json);
    json_t *copy = json_is_object(json) ? json_object() : json_array();
    json_object_foreach((json_t *)json, key, member)
    {
        json_t *replaced = runtime_values_replace_in(values, member, typed, err);
        if (!replaced || json_object_set_new(copy, key, replaced) < 0) {
            json_decref(copy);
            return NULL;
        }
    }
    json_array_foreach(json, i, member)
    {
        json_t *replaced = runtime_values_replace_in(values, member, typed, err);
        if (!replaced || json_array_append_new(copy, replaced) < 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}
