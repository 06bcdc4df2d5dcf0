/*
 * The types that scripts can make, one table each, and what their fields must satisfy. To add a
 * type: its fields, a check if the kinds do not say all, and a row at the end.
 */
#include "backend/plan/schema.h"

#include "backend/base/cleanup.h"
#include "backend/plan/assertion.h"
#include "backend/plan/names.h"

#include <string.h>

/* ---- checks ---- */

static void check_one_of(const json_t *value, const char *field, const char *const *choices,
                         size_t count, struct buf *problems)
{
    const char *text = plan_string(value, field, NULL);
    if (!text)
        return;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, choices[i]) == 0)
            return;
    buf_printf(problems, "The '%s' argument is '%s'; it can be", field, text);
    for (size_t i = 0; i < count; i++)
        buf_printf(problems, "%s%s", i == 0 ? " " : i + 1 < count ? ", " : " or ", choices[i]);
    buf_putc(problems, '\n');
}

static void check_at_least(const json_t *value, const char *field, int64_t least,
                           struct buf *problems)
{
    if (plan_int(value, field, least) < least)
        buf_printf(problems, "The '%s' argument is %lld; it must be at least %lld\n", field,
                   (long long)plan_int(value, field, 0), (long long)least);
}

static void check_port_spec(const json_t *value, struct buf *problems)
{
    static const char *const transports[] = {"TCP", "UDP", "SCTP"};
    int64_t number = plan_int(value, "number", 1);
    if (number < 1 || number > 65535)
        buf_printf(problems, "The 'number' argument is %lld; a port is between 1 and 65535\n",
                   (long long)number);
    check_one_of(value, "transport_protocol", transports, ARRAY_LENGTH(transports), problems);
    const char *application = plan_string(value, "application_protocol", "");
    if (application[strspn(application, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789+.-")] != '\0')
        buf_printf(problems,
                   "The 'application_protocol' argument '%s' may hold letters, digits, '+', "
                   "'.' and '-' only\n",
                   application);
}

/* number/transport/application, by which two ports of a service differ. */
static void put_port_identity(struct buf *out, const json_t *port)
{
    buf_printf(out, "%lld/%s/%s", (long long)plan_int(port, "number", 0),
               plan_string(port, "transport_protocol", "TCP"),
               plan_string(port, "application_protocol", ""));
}

static void check_ports(const json_t *ports, const char *field, struct buf *problems)
{
    json_t *seen = json_object();
    const char *id;
    json_t *port;
    json_object_foreach((json_t *)ports, id, port)
    {
        cleanup(buf_done) struct buf identity = BUF_INIT(512);
        put_port_identity(&identity, port);
        const char *other = plan_string(seen, identity.data, NULL);
        if (!plan_port_id_valid(id))
            buf_printf(problems,
                       "The port id '%s' in '%s' is not valid: lower-case letters, digits and "
                       "dashes, a letter first, at most 15\n",
                       id, field);
        if (other)
            buf_printf(problems, "The ports '%s' and '%s' in '%s' are the same port %s\n", other,
                       id, field, identity.data);
        json_object_set_new(seen, identity.data, json_string(id));
    }
    json_decref(seen);
}

static void check_public_ports(const json_t *config, struct buf *problems)
{
    const json_t *ports = json_object_get(config, "ports");
    const char *id;
    json_t *port;
    json_object_foreach(json_object_get(config, "public_ports"), id,
                        port) if (!json_object_get(ports, id))
        buf_printf(problems, "The public port '%s' has no port of that id in 'ports'\n", id);
}

static void check_labels(const json_t *labels, struct buf *problems)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)labels, key, value)
    {
        if (!plan_label_key_valid(key))
            buf_printf(problems,
                       "The label '%s' is not valid: at most %d lower-case letters, digits, '-', "
                       "'.' and '_'\n",
                       key, PLAN_LABEL_MAX);
        if (json_string_length(value) > PLAN_LABEL_MAX)
            buf_printf(problems, "The value of the label '%s' is longer than %d bytes\n", key,
                       PLAN_LABEL_MAX);
    }
}

/* Any path: who may have them at all has to say --privileged. */
static void check_bind_mounts(const json_t *mounts, struct buf *problems)
{
    const char *host;
    json_t *target;
    json_object_foreach((json_t *)mounts, host, target)
    {
        const char *inside = json_string_value(target);
        if (host[0] != '/' || !inside || inside[0] != '/')
            buf_printf(problems, "The bind mount of '%s' needs an absolute path on both sides\n",
                       host);
    }
}

static void check_service_config(const json_t *value, struct buf *problems)
{
    static const char *const sizes[] = {"cpu_allocation", "max_cpu", "min_cpu", "min_memory"};
    check_ports(json_object_get(value, "ports"), "ports", problems);
    check_ports(json_object_get(value, "public_ports"), "public_ports", problems);
    check_public_ports(value, problems);
    check_labels(json_object_get(value, "labels"), problems);
    check_bind_mounts(json_object_get(value, "bind_mounts"), problems);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        check_at_least(value, sizes[i], 0, problems);
    /* Megabytes; what the container engine needs at least. */
    check_at_least(value, "max_memory", 6, problems);
    check_at_least(value, "memory_allocation", 6, problems);
}

/* The answer of the recipe has the field. */
static void check_answer_field(const json_t *recipe, const char *field, struct buf *problems)
{
    bool exec = plan_is_type(recipe, "ExecRecipe");
    const json_t *extract = json_object_get(recipe, "extract");
    if (strcmp(field, "code") == 0 || strcmp(field, exec ? "output" : "body") == 0)
        return;
    if (strncmp(field, "extract.", strlen("extract.")) == 0 &&
        json_object_get(extract, field + strlen("extract.")))
        return;
    buf_printf(problems, "The recipe's answer has no field '%s'; it has 'code', '%s'%s\n", field,
               exec ? "output" : "body",
               json_object_size(extract) > 0 ? " and an 'extract.KEY' for each extractor" : "");
}

/* Also of the arguments of wait and verify, which has no recipe. */
static void check_ready_condition(const json_t *value, struct buf *problems)
{
    const json_t *recipe = json_object_get(value, "recipe");
    plan_check_assertion(value, problems);
    if (recipe)
        check_answer_field(recipe, plan_string(value, "field", ""), problems);
}

static void check_directory(const json_t *value, struct buf *problems)
{
    const json_t *names = json_object_get(value, "artifact_names");
    size_t i;
    json_t *name;
    if (!names == !json_object_get(value, "persistent_key"))
        buf_puts(problems, "Give exactly one of 'artifact_names' and 'persistent_key'\n");
    json_array_foreach(names, i, name) if (json_string_length(name) == 0)
        buf_puts(problems, "The 'artifact_names' argument holds an empty name\n");
    check_at_least(value, "size", 1, problems);
}

static void check_user(const json_t *value, struct buf *problems)
{
    check_at_least(value, "uid", 0, problems);
    check_at_least(value, "gid", 0, problems);
}

static void check_toleration(const json_t *value, struct buf *problems)
{
    static const char *const operators[] = {"Exists", "Equal"};
    static const char *const effects[] = {"NoSchedule", "NoExecute", "PreferNoSchedule"};
    bool exists = strcmp(plan_string(value, "operator", ""), "Exists") == 0;
    check_one_of(value, "operator", operators, ARRAY_LENGTH(operators), problems);
    check_one_of(value, "effect", effects, ARRAY_LENGTH(effects), problems);
    if (!json_object_get(value, "key") && !exists)
        buf_puts(problems, "Without 'key' the 'operator' argument must be Exists\n");
    if (exists && json_object_get(value, "value"))
        buf_puts(problems, "With the operator Exists there can be no 'value'\n");
}

static bool is_driver_dict(const json_t *driver)
{
    const char *key;
    json_t *name;
    json_object_foreach(
        (json_t *)driver, key,
        name) if (!json_is_string(name) ||
                  (strcmp(key, "docker") != 0 && strcmp(key, "kubernetes") != 0)) return false;
    return json_is_object(driver);
}

static void check_gpu(const json_t *value, struct buf *problems)
{
    const json_t *driver = json_object_get(value, "driver");
    if (driver && !json_is_string(driver) && !is_driver_dict(driver))
        buf_puts(problems, "The 'driver' argument must be a string, or a dict that has one for "
                           "'docker' and one for 'kubernetes'\n");
    check_at_least(value, "count", -1, problems);
    check_at_least(value, "shm_size", 0, problems);
}

/* A key becomes part of a placeholder. */
static void check_recipe(const json_t *value, struct buf *problems)
{
    const char *key;
    json_t *program;
    json_object_foreach(json_object_get(value, "extract"), key,
                        program) if (!plan_field_name_valid(key))
        buf_printf(problems,
                   "The key '%s' of 'extract' is not valid: 1 to %d letters, digits, '-', '_' "
                   "and '.'\n",
                   key, PLAN_FIELD_NAME_MAX);
}

/* ---- fields ---- */

#define RECIPES "ExecRecipe GetHttpRequestRecipe PostHttpRequestRecipe"
#define IMAGES  "ImageSpec ImageBuildSpec NixBuildSpec"

static const struct plan_field directory_fields[] = {
    {.name = "artifact_names", .kind = PLAN_STRING_LIST, .flags = PLAN_NONEMPTY},
    {.name = "persistent_key", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "size", .kind = PLAN_INT},
    {0},
};

static const struct plan_field exec_recipe_fields[] = {
    {.name = "command", .kind = PLAN_STRING_LIST, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "extract", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_field get_recipe_fields[] = {
    {.name = "port_id", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "endpoint", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "extract", .kind = PLAN_STRING_DICT},
    {.name = "headers", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_field post_recipe_fields[] = {
    {.name = "port_id", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "endpoint", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "body", .kind = PLAN_STRING},
    {.name = "content_type", .kind = PLAN_STRING},
    {.name = "extract", .kind = PLAN_STRING_DICT},
    {.name = "headers", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_field gpu_config_fields[] = {
    {.name = "count", .kind = PLAN_INT},    {.name = "device_ids", .kind = PLAN_STRING_LIST},
    {.name = "shm_size", .kind = PLAN_INT}, {.name = "ulimits", .kind = PLAN_INT_DICT},
    {.name = "driver", .kind = PLAN_ANY},   {0},
};

static const struct plan_field image_build_spec_fields[] = {
    {.name = "image_name", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "build_context_dir", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "build_file", .kind = PLAN_STRING},
    {.name = "target_stage", .kind = PLAN_STRING},
    {.name = "build_args", .kind = PLAN_STRING_DICT},
    {.name = "resolved", .kind = PLAN_INT, .flags = PLAN_INTERNAL},
    {0},
};

static const struct plan_field image_spec_fields[] = {
    {.name = "image", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "registry", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "username", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "password", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {0},
};

static const struct plan_field nix_build_spec_fields[] = {
    {.name = "flake_location_dir", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "build_context_dir", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "image_name", .kind = PLAN_STRING, .flags = PLAN_REQUIRED},
    {.name = "flake_output", .kind = PLAN_STRING},
    {0},
};

static const struct plan_field port_spec_fields[] = {
    {.name = "number", .kind = PLAN_INT, .flags = PLAN_REQUIRED},
    {.name = "transport_protocol", .kind = PLAN_STRING},
    {.name = "application_protocol", .kind = PLAN_STRING},
    {.name = "wait", .kind = PLAN_DURATION, .flags = PLAN_NONE_OK},
    {.name = "url", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {0},
};

static const struct plan_field ready_condition_fields[] = {
    {.name = "recipe", .kind = PLAN_TYPE, .flags = PLAN_REQUIRED, .types = RECIPES},
    {.name = "field", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "assertion", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "target_value", .kind = PLAN_ANY, .flags = PLAN_REQUIRED},
    {.name = "interval", .kind = PLAN_DURATION},
    {.name = "timeout", .kind = PLAN_DURATION},
    {0},
};

static const struct plan_field service_fields[] = {
    {.name = "name", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "hostname", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "ip_address", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "ports", .kind = PLAN_TYPE_DICT, .flags = PLAN_REQUIRED, .types = "PortSpec"},
    {0},
};

static const struct plan_field service_config_fields[] = {
    {.name = "image",
     .kind = PLAN_TYPE,
     .flags = PLAN_REQUIRED | PLAN_OR_STRING,
     .types = IMAGES,
     .article = "a string, an ImageSpec, an ImageBuildSpec or a NixBuildSpec"},
    {.name = "ports", .kind = PLAN_TYPE_DICT, .types = "PortSpec"},
    {.name = "public_ports", .kind = PLAN_TYPE_DICT, .types = "PortSpec"},
    {.name = "files",
     .kind = PLAN_TYPE_DICT,
     .flags = PLAN_OR_STRING,
     .types = "Directory",
     .article = "an artifact's name or a Directory"},
    {.name = "entrypoint", .kind = PLAN_STRING_LIST},
    {.name = "cmd", .kind = PLAN_STRING_LIST},
    {.name = "env_vars", .kind = PLAN_STRING_DICT},
    {.name = "private_ip_address_placeholder", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {.name = "cpu_allocation", .kind = PLAN_INT},
    {.name = "memory_allocation", .kind = PLAN_INT},
    {.name = "max_cpu", .kind = PLAN_INT},
    {.name = "min_cpu", .kind = PLAN_INT},
    {.name = "max_memory", .kind = PLAN_INT},
    {.name = "min_memory", .kind = PLAN_INT},
    {.name = "ready_conditions", .kind = PLAN_TYPE, .types = "ReadyCondition"},
    {.name = "labels", .kind = PLAN_STRING_DICT},
    {.name = "user", .kind = PLAN_TYPE, .types = "User"},
    {.name = "tolerations", .kind = PLAN_TYPE_LIST, .types = "Toleration"},
    {.name = "node_selectors", .kind = PLAN_STRING_DICT},
    {.name = "files_to_be_moved", .kind = PLAN_STRING_DICT},
    {.name = "tini_enabled", .kind = PLAN_BOOL},
    {.name = "tty_enabled", .kind = PLAN_BOOL},
    {.name = "devices", .kind = PLAN_STRING_LIST},
    {.name = "publish_udp", .kind = PLAN_BOOL},
    {.name = "capabilities", .kind = PLAN_STRING_LIST},
    {.name = "gpu", .kind = PLAN_TYPE, .types = "GpuConfig"},
    {.name = "privileged", .kind = PLAN_BOOL},
    {.name = "host_pid_namespace", .kind = PLAN_BOOL},
    {.name = "bind_mounts", .kind = PLAN_STRING_DICT},
    {0},
};

static const struct plan_field store_spec_fields[] = {
    {.name = "src", .kind = PLAN_STRING, .flags = PLAN_REQUIRED | PLAN_NONEMPTY},
    {.name = "name", .kind = PLAN_STRING, .flags = PLAN_NONEMPTY},
    {0},
};

static const struct plan_field toleration_fields[] = {
    {.name = "key", .kind = PLAN_STRING},
    {.name = "operator", .kind = PLAN_STRING},
    {.name = "value", .kind = PLAN_STRING},
    {.name = "effect", .kind = PLAN_STRING},
    {.name = "toleration_seconds", .kind = PLAN_INT},
    {0},
};

static const struct plan_field user_fields[] = {
    {.name = "uid", .kind = PLAN_INT, .flags = PLAN_REQUIRED},
    {.name = "gid", .kind = PLAN_INT},
    {0},
};

/* ---- the table ---- */

static const struct plan_type types[PLAN_TYPE_COUNT] = {
    {"Directory", directory_fields, check_directory},
    {"ExecRecipe", exec_recipe_fields, check_recipe},
    {"GetHttpRequestRecipe", get_recipe_fields, check_recipe},
    {"GpuConfig", gpu_config_fields, check_gpu},
    {"ImageBuildSpec", image_build_spec_fields, NULL},
    {"ImageSpec", image_spec_fields, NULL},
    {"NixBuildSpec", nix_build_spec_fields, NULL},
    {"PortSpec", port_spec_fields, check_port_spec},
    {"PostHttpRequestRecipe", post_recipe_fields, check_recipe},
    {"ReadyCondition", ready_condition_fields, check_ready_condition},
    {"Service", service_fields, NULL},
    {"ServiceConfig", service_config_fields, check_service_config},
    {"StoreSpec", store_spec_fields, NULL},
    {"Toleration", toleration_fields, check_toleration},
    {"User", user_fields, check_user},
};

const struct plan_type *plan_type_at(size_t i)
{
    return i < PLAN_TYPE_COUNT ? &types[i] : NULL;
}
