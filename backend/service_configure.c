/*
 * Adding and updating a service without Starlark: a ServiceConfig written as JSON becomes the
 * script that would have said the same, and runs like any other. So a service made this way is
 * validated, recorded and skipped as one of a plan is, and its run is there to read.
 *
 * What is known here is only which constructor a field of the configuration takes; what the fields
 * mean is checked by interpreting the script, once before it is recorded, so that a wrong
 * configuration is refused while somebody listens.
 */
#include "backend/plan/schema.h"
#include "backend/run_int.h"

#include <string.h>

#define SCRIPT_NAME "config.json" /* as positions in it are shown */

enum {
    SCRIPT_MAX_BYTES = 4 << 20,
    DEPTH_MAX = 64
};

/* The constructor for an object in this field; NULL: a dict. In fields of named things (`ports`) it
 * is for each of them. */
static const struct {
    const char *field;
    const char *constructor;
    bool each;
} constructors[] = {
    {"ports", "PortSpec", true},
    {"public_ports", "PortSpec", true},
    {"files", "Directory", true},
    {"ready_conditions", "ReadyCondition", false},
    {"user", "User", false},
    {"gpu", "GpuConfig", false},
    {"tolerations", "Toleration", true},
};

static void put_value(struct buf *out, json_t *value, const char *constructor, const char *each,
                      int depth);

static const char *image_constructor(json_t *image)
{
    if (json_object_get(image, "flake_location_dir"))
        return "NixBuildSpec";
    return json_object_get(image, "build_context_dir") ? "ImageBuildSpec" : "ImageSpec";
}

static const char *recipe_constructor(json_t *recipe)
{
    if (json_object_get(recipe, "command"))
        return "ExecRecipe";
    return json_object_get(recipe, "body") || json_object_get(recipe, "content_type")
               ? "PostHttpRequestRecipe"
               : "GetHttpRequestRecipe";
}

static void put_field(struct buf *out, const char *field, json_t *value, int depth)
{
    const char *constructor = NULL, *each = NULL;
    if (strcmp(field, "image") == 0 && json_is_object(value))
        constructor = image_constructor(value);
    else if (strcmp(field, "recipe") == 0 && json_is_object(value))
        constructor = recipe_constructor(value);
    for (size_t i = 0; i < ARRAY_LENGTH(constructors); i++) {
        if (strcmp(field, constructors[i].field) == 0) {
            constructor = constructors[i].each ? NULL : constructors[i].constructor;
            each = constructors[i].each ? constructors[i].constructor : NULL;
        }
    }
    put_value(out, value, constructor, each, depth);
}

/* An object as CONSTRUCTOR(**{...}), whose keys need not be Starlark names, or as a dict. */
static void put_object(struct buf *out, json_t *object, const char *constructor, const char *each,
                       int depth)
{
    const char *key;
    json_t *value;
    if (constructor)
        buf_printf(out, "%s(**", constructor);
    buf_putc(out, '{');
    json_object_foreach(object, key, value)
    {
        if (json_is_null(value))
            continue; /* as if not given */
        buf_putc(out, '"');
        buf_put_json_escaped(out, key, strlen(key)); /* JSON's escapes are Starlark's, too */
        buf_puts(out, "\": ");
        if (constructor)
            put_field(out, key, value, depth + 1);
        else
            put_value(out, value, json_is_object(value) ? each : NULL, NULL, depth + 1);
        buf_puts(out, ", ");
    }
    buf_puts(out, constructor ? "})" : "}");
}

static void put_array(struct buf *out, json_t *array, const char *each, int depth)
{
    size_t index;
    json_t *value;
    buf_putc(out, '[');
    json_array_foreach(array, index, value)
    {
        put_value(out, value, each, NULL, depth + 1);
        buf_puts(out, ", ");
    }
    buf_putc(out, ']');
}

static void put_value(struct buf *out, json_t *value, const char *constructor, const char *each,
                      int depth)
{
    if (depth > DEPTH_MAX) {
        out->failed = true;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(out, value, constructor, each, depth);
        break;
    case JSON_ARRAY:
        put_array(out, value, each, depth);
        break;
    case JSON_REAL: /* a whole one as an integer, which is what fields take */
        buf_printf(out, "%.17g", json_real_value(value));
        break;
    default:
        plan_put_value(out, value);
        break;
    }
}

/* Whether the script makes a plan: what a script with a wrong configuration does not. */
static int script_check(struct engine *engine, const struct buf *script, struct error **err)
{
    cleanup(buf_done) struct buf plan = BUF_INIT(BUF_MAX_DOCUMENT);
    const struct plan_request request = {
        .interpreter = engine->interpreter,
        .name = SCRIPT_NAME,
        .source = script->data,
        .source_length = script->length,
        .package_cache = engine->package_cache,
    };
    return plan_describe(&request, NULL, &plan, err);
}

int service_configure(struct engine *engine, object_id id, const char *name, const char *json,
                      size_t length, uid_t uid, object_id *ret_run, struct error **err)
{
    json_error_t wrong;
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    cleanup(json_decref) json_t *config = json_loadb(json, length, JSON_REJECT_DUPLICATES, &wrong);
    cleanup(buf_done) struct buf script = BUF_INIT(SCRIPT_MAX_BYTES);
    if (!enclave)
        return -1;
    if (!json_is_object(config))
        return error_set(err, EINVAL, "the configuration of '%s' is no JSON object: line %d: %s",
                         name, config ? 1 : wrong.line,
                         config ? "it is something else" : wrong.text);
    if (service_name_check(name, err) < 0)
        return -1;
    buf_printf(&script, "def run(plan):\n    plan.add_service(name = \"%s\", config = ", name);
    put_object(&script, config, "ServiceConfig", NULL, 0);
    buf_puts(&script, ")\n");
    if (buf_check(&script, err) < 0)
        return -1;
    struct run_order order = {0};
    fact_set(&order.name, SCRIPT_NAME);
    cleanup(free) char *text = strndup(json, length);
    int result = script_check(engine, &script, err);
    if (result == 0)
        result = draft_configure(enclave, name, text, err);
    if (result == 0)
        result =
            run_submit(enclave, &order,
                       &(struct run_texts){.script = script.data, .script_length = script.length},
                       uid, ret_run, err);
    run_order_done(&order);
    return result;
}
