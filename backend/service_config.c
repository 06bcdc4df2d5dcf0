/*
 * From a ServiceConfig (JSON, as a script gave it or a person wrote it) to what the orchestrator is
 * asked for, and from a container's labels back to the facts of its service. What a field means is
 * Kurtosis's; where a field is for Kubernetes only it is accepted and has no effect.
 */
#include "backend/engine_int.h"

#include <string.h>

/* ---- reading JSON with errors that name the field ---- */

static int refuse(struct error **err, const char *field, const char *want)
{
    return error_set(err, EINVAL, "the service's configuration is wrong: '%s' must be %s", field,
                     want);
}

static const char *text_of(json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

/* A NULL-terminated array of the strings in `field`; *ret_list stays NULL if the field is absent or
 * empty. Strings are borrowed. */
static int strings_of(json_t *config, const char *field, char ***ret_list, struct error **err)
{
    json_t *array = json_object_get(config, field), *item;
    size_t index;
    if (json_array_size(array) == 0)
        return !array || json_is_null(array) || json_is_array(array)
                   ? 0
                   : refuse(err, field, "a list of strings");
    char **list = calloc(json_array_size(array) + 1, sizeof *list);
    if (!list)
        return error_set(err, ENOMEM, "out of memory");
    *ret_list = list;
    json_array_foreach(array, index, item)
    {
        if (!json_is_string(item))
            return refuse(err, field, "a list of strings");
        list[index] = (char *)json_string_value(item);
    }
    return 0;
}

static int number_of(json_t *config, const char *field, int64_t least, int64_t *ret_value,
                     struct error **err)
{
    json_t *value = json_object_get(config, field);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < least)
        return refuse(err, field, "a whole number that is not too small");
    *ret_value = json_integer_value(value);
    return 0;
}

const char *config_image(json_t *image)
{
    if (json_is_string(image))
        return json_string_value(image);
    const char *name = text_of(image, "image");
    return name ? name : text_of(image, "image_name");
}

/* ---- ports ---- */

static int port_read(struct port_facts *port, const char *id, json_t *spec, struct error **err)
{
    json_t *number = json_object_get(spec, "number");
    const char *transport = text_of(spec, "transport_protocol");
    if (!port_id_valid(id))
        return error_set(err, EINVAL,
                         "'%s' is not a port id: use up to %d small letters, digits and hyphens",
                         id, NAME_MAX_PORT);
    if (!json_is_integer(number) || json_integer_value(number) < 1 ||
        json_integer_value(number) > 65535)
        return refuse(err, "ports", "specifications with a number from 1 to 65535");
    snprintf(port->id, sizeof port->id, "%s", id);
    port->number = (uint16_t)json_integer_value(number);
    if (!transport || strcasecmp(transport, "TCP") == 0)
        memcpy(port->transport, "tcp", 4);
    else if (strcasecmp(transport, "UDP") == 0)
        memcpy(port->transport, "udp", 4);
    else if (strcasecmp(transport, "SCTP") == 0)
        memcpy(port->transport, "sctp", 5);
    else
        return refuse(err, "transport_protocol", "TCP, UDP or SCTP");
    const char *application = text_of(spec, "application_protocol");
    if (application && *application)
        fact_set(&port->application, application);
    if (text_of(spec, "url"))
        fact_set(&port->url, text_of(spec, "url"));
    return 0;
}

/* Where the port is reached from outside: TCP always, UDP only when asked for, as in Kurtosis; a
 * public port at its fixed number. */
static void port_publish(struct port_facts *port, json_t *config,
                         const struct service_facts *before)
{
    json_t *public_port = json_object_get(json_object_get(config, "public_ports"), port->id);
    json_int_t fixed = json_integer_value(json_object_get(public_port, "number"));
    bool udp = json_is_true(json_object_get(config, "publish_udp"));
    if (!public_port && strcmp(port->transport, "tcp") != 0 &&
        !(udp && strcmp(port->transport, "udp") == 0))
        return;
    fact_set(&port->host_address, "127.0.0.1");
    if (fixed > 0 && fixed <= 65535) {
        port->host_port = (uint16_t)fixed;
        port->open = true;
        return;
    }
    for (size_t i = 0; before && i < before->port_count; i++)
        if (strcmp(before->ports[i].id, port->id) == 0 && !before->ports[i].open &&
            strcmp(before->ports[i].transport, port->transport) == 0)
            port->host_port = before->ports[i].host_port;
}

static int ports_by_id(const void *a, const void *b)
{
    return strcmp(((const struct port_facts *)a)->id, ((const struct port_facts *)b)->id);
}

static int public_ports_check(json_t *config, struct error **err)
{
    const char *id;
    json_t *spec, *ports = json_object_get(config, "ports");
    json_object_foreach(json_object_get(config, "public_ports"), id, spec)
    {
        json_int_t number = json_integer_value(json_object_get(spec, "number"));
        if (!json_object_get(ports, id))
            return error_set(err, EINVAL,
                             "public_ports has '%s', which is not among the service's ports", id);
        if (number < 1 || number > 65535)
            return refuse(err, "public_ports", "specifications with a number from 1 to 65535");
    }
    return 0;
}

int service_facts_configure(struct service_facts *facts, json_t *config, struct error **err)
{
    const char *image = config_image(json_object_get(config, "image")), *id;
    json_t *ports = json_object_get(config, "ports"), *spec;
    if (!json_is_object(config))
        return error_set(err, EINVAL, "the service's configuration must be a JSON object");
    if (!image || !*image)
        return refuse(err, "image", "the name of an image");
    if (public_ports_check(config, err) < 0)
        return -1;
    cleanup(service_facts_unref) struct service_facts *before = service_facts_clone(facts);
    cleanup(service_facts_unref) struct service_facts *next = service_facts_new();
    next->ports = calloc(json_object_size(ports) + 1, sizeof *next->ports);
    json_object_foreach(ports, id, spec)
    {
        struct port_facts *port = &next->ports[next->port_count++];
        if (port_read(port, id, spec, err) < 0)
            return -1;
        port_publish(port, config, before);
    }
    if (next->port_count > 1)
        qsort(next->ports, next->port_count, sizeof *next->ports, ports_by_id);
    fact_set(&facts->image, image);
    cleanup(free) char *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
    fact_set(&facts->config, text ? text : "{}");
    struct port_facts *old_ports = facts->ports;
    size_t old_count = facts->port_count;
    facts->ports = steal(&next->ports);
    facts->port_count = next->port_count;
    next->ports = old_ports;
    next->port_count = old_count;
    return 0;
}

/* ---- what the orchestrator is asked for ---- */

struct container_plan {
    json_t *config;
    struct service_facts *facts;
    struct service_spec spec;
    struct buf name, created, owner, port_label, user;
    struct label *labels;
    struct published_port *ports;
    struct volume_mount *volumes;
    const char **volume_names, **volume_keys;
    struct bind_mount *binds;
    struct ulimit *ulimits;
    struct gpu_request gpu;
    char **strings[8]; /* arrays whose strings are borrowed from config */
    char **env;        /* owned strings, as are the two below */
    char **entrypoint, **cmd;
    char **custom_keys;
};

static void free_strings(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

void container_plan_free(struct container_plan *plan)
{
    if (!plan)
        return;
    json_decref(plan->config);
    buf_done(&plan->name);
    buf_done(&plan->created);
    buf_done(&plan->owner);
    buf_done(&plan->port_label);
    buf_done(&plan->user);
    free(plan->labels);
    free(plan->ports);
    for (size_t i = 0; i < plan->spec.volume_count; i++)
        free((char *)plan->volume_names[i]);
    free(plan->volumes);
    free(plan->volume_names);
    free(plan->volume_keys);
    free(plan->binds);
    free(plan->ulimits);
    for (size_t i = 0; i < ARRAY_LENGTH(plan->strings); i++)
        free(plan->strings[i]);
    free_strings(plan->env);
    free_strings(plan->entrypoint);
    free_strings(plan->cmd);
    free_strings(plan->custom_keys);
    service_facts_unref(plan->facts);
    free(plan);
}

const struct service_spec *container_plan_spec(const struct container_plan *plan)
{
    return &plan->spec;
}

size_t container_plan_volumes(const struct container_plan *plan, const char *const **ret_names,
                              const char *const **ret_keys)
{
    *ret_names = plan->volume_names;
    *ret_keys = plan->volume_keys;
    return plan->spec.volume_count;
}

/* A copy of text with every occurrence of placeholder replaced by address. */
static char *with_address(const char *text, const char *placeholder, const char *address)
{
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_TEXT);
    for (const char *at; (at = strstr(text, placeholder)); text = at + strlen(placeholder)) {
        buf_append(&out, text, (size_t)(at - text));
        buf_puts(&out, address);
    }
    buf_puts(&out, text);
    return buf_steal(&out, NULL);
}

static const char *address_placeholder(json_t *config)
{
    const char *placeholder = text_of(config, "private_ip_address_placeholder");
    return placeholder && *placeholder ? placeholder : "KURTOSIS_IP_ADDR_PLACEHOLDER";
}

/* The strings of `field` with the service's own address filled in. */
static int addressed_strings(struct container_plan *plan, const char *field, char ***ret_list,
                             struct error **err)
{
    cleanup(free) char **borrowed = NULL;
    if (strings_of(plan->config, field, &borrowed, err) < 0)
        return -1;
    size_t count = 0;
    while (borrowed && borrowed[count])
        count++;
    if (count == 0)
        return 0;
    *ret_list = calloc(count + 1, sizeof **ret_list);
    for (size_t i = 0; *ret_list && i < count; i++)
        if (!((*ret_list)[i] = with_address(borrowed[i], address_placeholder(plan->config),
                                            plan->facts->address)))
            return error_set(err, EINVAL, "the service's '%s' is too long", field);
    return *ret_list ? 0 : error_set(err, ENOMEM, "out of memory");
}

static int plan_command(struct container_plan *plan, struct error **err)
{
    if (addressed_strings(plan, "entrypoint", &plan->entrypoint, err) < 0 ||
        addressed_strings(plan, "cmd", &plan->cmd, err) < 0)
        return -1;
    json_t *env = json_object_get(plan->config, "env_vars"), *value;
    const char *key;
    size_t count = 0;
    plan->env = calloc(json_object_size(env) + 1, sizeof *plan->env);
    if (!plan->env)
        return error_set(err, ENOMEM, "out of memory");
    json_object_foreach(env, key, value)
    {
        if (!json_is_string(value))
            return refuse(err, "env_vars", "strings by name");
        cleanup(free) char *text = with_address(
            json_string_value(value), address_placeholder(plan->config), plan->facts->address);
        if (!text || asprintf(&plan->env[count++], "%s=%s", key, text) < 0)
            return error_set(err, EINVAL, "the variable '%s' of the service is too long", key);
    }
    plan->spec.entrypoint = plan->entrypoint;
    plan->spec.cmd = plan->cmd;
    plan->spec.env = plan->env;
    return 0;
}

static int plan_ports(struct container_plan *plan, struct error **err)
{
    const struct service_facts *facts = plan->facts;
    plan->ports = calloc(facts->port_count + 1, sizeof *plan->ports);
    if (!plan->ports)
        return error_set(err, ENOMEM, "out of memory");
    buf_putc(&plan->port_label, '{');
    for (size_t i = 0; i < facts->port_count; i++) {
        const struct port_facts *port = &facts->ports[i];
        plan->ports[i] = (struct published_port){
            .number = port->number,
            .transport = port->transport[0] == 't'   ? TRANSPORT_TCP
                         : port->transport[0] == 'u' ? TRANSPORT_UDP
                                                     : TRANSPORT_SCTP,
            .host_address = !port->host_address ? NULL
                            : port->open        ? "0.0.0.0"
                                                : port->host_address,
            .host_port = port->host_port,
        };
        if (port->host_address)
            buf_printf(&plan->port_label, "%s\"%s\":%u", plan->port_label.length > 1 ? "," : "",
                       port->id, port->host_port);
    }
    buf_putc(&plan->port_label, '}');
    plan->spec.ports = plan->ports;
    plan->spec.port_count = facts->port_count;
    return buf_check(&plan->port_label, err);
}

static int plan_labels(struct container_plan *plan, const struct enclave_facts *enclave,
                       struct error **err)
{
    const struct service_facts *facts = plan->facts;
    json_t *custom = json_object_get(plan->config, "labels"), *value;
    const char *key;
    size_t count = 0, custom_count = 0;
    plan->labels = calloc(9 + json_object_size(custom), sizeof *plan->labels);
    plan->custom_keys = calloc(json_object_size(custom) + 1, sizeof *plan->custom_keys);
    if (!plan->labels || !plan->custom_keys)
        return error_set(err, ENOMEM, "out of memory");
    clock_put_rfc3339_nano(&plan->created, facts->created);
    buf_printf(&plan->owner, "%u:%u", enclave->uid, enclave->gid);
    const struct label own[] = {
        {LABEL_ENCLAVE, enclave->uuid},       {LABEL_ENCLAVE_NAME, enclave->name},
        {LABEL_OWNER, plan->owner.data},      {LABEL_SERVICE, facts->uuid},
        {LABEL_SERVICE_NAME, facts->name},    {LABEL_CREATED, plan->created.data},
        {LABEL_CONFIG, facts->config},        {LABEL_ADDRESS, facts->address},
        {LABEL_PORTS, plan->port_label.data},
    };
    for (; count < ARRAY_LENGTH(own); count++)
        plan->labels[count] = own[count];
    json_object_foreach(custom, key, value)
    {
        if (!json_is_string(value))
            return refuse(err, "labels", "strings by name");
        if (asprintf(&plan->custom_keys[custom_count], LABEL_CUSTOM "%s", key) < 0)
            return error_set(err, ENOMEM, "out of memory");
        plan->labels[count++] =
            (struct label){plan->custom_keys[custom_count++], json_string_value(value)};
    }
    plan->spec.labels = (struct labels){plan->labels, count};
    return 0;
}

/* Directories that outlive the container: one volume of the enclave for each persistent key. */
static int plan_volumes(struct container_plan *plan, const struct enclave_facts *enclave,
                        struct error **err)
{
    json_t *files = json_object_get(plan->config, "files"), *mount;
    const char *path;
    size_t most = json_object_size(files) + 1;
    plan->volumes = calloc(most, sizeof *plan->volumes);
    plan->volume_names = calloc(most, sizeof *plan->volume_names);
    plan->volume_keys = calloc(most, sizeof *plan->volume_keys);
    if (!plan->volumes || !plan->volume_names || !plan->volume_keys)
        return error_set(err, ENOMEM, "out of memory");
    json_object_foreach(files, path, mount)
    {
        const char *key = text_of(mount, "persistent_key");
        char *name;
        if (!key)
            continue;
        if (!service_name_valid(key))
            return refuse(err, "persistent_key", "small letters, digits and hyphens");
        if (asprintf(&name, "kfs-%s-%.*s", key, UUID_LENGTH, enclave->uuid) < 0)
            return error_set(err, ENOMEM, "out of memory");
        size_t at = plan->spec.volume_count++;
        plan->volume_names[at] = name;
        plan->volume_keys[at] = key;
        plan->volumes[at] = (struct volume_mount){.volume = name, .path = path};
    }
    plan->spec.volumes = plan->volumes;
    return 0;
}

static int plan_limits(struct container_plan *plan, struct error **err)
{
    json_t *config = plan->config;
    int64_t cpu = 0, memory = 0;
    if (number_of(config, "cpu_allocation", 0, &cpu, err) < 0 ||
        number_of(config, "max_cpu", 0, &cpu, err) < 0 ||
        number_of(config, "memory_allocation", 6, &memory, err) < 0 ||
        number_of(config, "max_memory", 6, &memory, err) < 0)
        return -1;
    plan->spec.cpu_millis = (uint64_t)cpu;
    plan->spec.memory_bytes = (uint64_t)memory * 1000000; /* Kurtosis's megabyte */
    json_t *user = json_object_get(config, "user");
    if (json_is_object(user)) {
        json_t *gid = json_object_get(user, "gid");
        buf_printf(&plan->user, "%lld",
                   (long long)json_integer_value(json_object_get(user, "uid")));
        if (json_is_integer(gid))
            buf_printf(&plan->user, ":%lld", (long long)json_integer_value(gid));
        plan->spec.user = plan->user.data;
    }
    return 0;
}

static int plan_gpu(struct container_plan *plan, struct error **err)
{
    json_t *gpu = json_object_get(plan->config, "gpu"), *ulimits = json_object_get(gpu, "ulimits"),
           *value;
    const char *name;
    if (!json_is_object(gpu))
        return 0;
    int64_t count = 0, shm = 0;
    if (number_of(gpu, "count", -1, &count, err) < 0 ||
        number_of(gpu, "shm_size", 0, &shm, err) < 0 ||
        strings_of(gpu, "device_ids", &plan->strings[0], err) < 0)
        return -1;
    json_t *driver = json_object_get(gpu, "driver");
    const char *driver_name =
        json_is_object(driver) ? text_of(driver, "docker") : json_string_value(driver);
    plan->gpu = (struct gpu_request){.driver = driver_name ? driver_name : "nvidia",
                                     .count = (int)count,
                                     .device_ids = plan->strings[0]};
    if (count != 0 || plan->strings[0])
        plan->spec.gpu = &plan->gpu;
    plan->spec.shm_bytes = (uint64_t)shm << 20;
    plan->ulimits = calloc(json_object_size(ulimits) + 1, sizeof *plan->ulimits);
    if (!plan->ulimits)
        return error_set(err, ENOMEM, "out of memory");
    json_object_foreach(ulimits, name, value) plan->ulimits[plan->spec.ulimit_count++] =
        (struct ulimit){.name = name, .value = json_integer_value(value)};
    plan->spec.ulimits = plan->ulimits;
    return 0;
}

static int plan_rights(struct container_plan *plan, struct error **err)
{
    json_t *config = plan->config, *binds = json_object_get(config, "bind_mounts"), *path;
    const char *host_path;
    json_t *init = json_object_get(config, "tini_enabled");
    plan->spec.init = !init || json_is_null(init) || json_is_true(init);
    plan->spec.terminal = json_is_true(json_object_get(config, "tty_enabled"));
    plan->spec.privileged = json_is_true(json_object_get(config, "privileged"));
    plan->spec.host_processes = json_is_true(json_object_get(config, "host_pid_namespace"));
    if (strings_of(config, "devices", &plan->strings[1], err) < 0 ||
        strings_of(config, "capabilities", &plan->strings[2], err) < 0)
        return -1;
    plan->spec.devices = plan->strings[1];
    plan->spec.capabilities = plan->strings[2];
    plan->binds = calloc(json_object_size(binds) + 1, sizeof *plan->binds);
    if (!plan->binds)
        return error_set(err, ENOMEM, "out of memory");
    json_object_foreach(binds, host_path, path)
    {
        if (!json_is_string(path))
            return refuse(err, "bind_mounts", "paths by host path");
        plan->binds[plan->spec.bind_count++] =
            (struct bind_mount){.host_path = host_path, .path = json_string_value(path)};
    }
    plan->spec.binds = plan->binds;
    return 0;
}

struct container_plan *container_plan_new(const struct enclave_facts *enclave,
                                          const struct service_facts *facts, const char *network_id,
                                          json_t *config, struct error **err)
{
    cleanup(container_plan_free) struct container_plan *plan = calloc(1, sizeof *plan);
    char unique[UUID_LENGTH + 1];
    if (!plan) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    plan->name = plan->created = plan->owner = plan->user = BUF_INIT(512);
    plan->port_label = BUF_INIT(64 << 10);
    plan->config = json_incref(config);
    plan->facts = service_facts_clone(facts);
    uuid_new(unique); /* a service that is replaced has two containers for a moment */
    buf_printf(&plan->name, "kfs-%s-%s-%.*s", enclave->name, facts->name, UUID_SHORT_LENGTH,
               unique);
    plan->spec.name = plan->name.data;
    plan->spec.hostname = plan->facts->name;
    plan->spec.image = plan->facts->image;
    plan->spec.network_id = network_id;
    plan->spec.address = plan->facts->address;
    if (plan_command(plan, err) < 0 || plan_ports(plan, err) < 0 ||
        plan_labels(plan, enclave, err) < 0 || plan_volumes(plan, enclave, err) < 0 ||
        plan_limits(plan, err) < 0 || plan_gpu(plan, err) < 0 || plan_rights(plan, err) < 0)
        return NULL;
    return steal(&plan);
}

/* ---- and back ---- */

struct service_facts *service_facts_from_labels(const struct label *labels, size_t count,
                                                struct error **err)
{
    const char *uuid = label_get(labels, count, LABEL_SERVICE),
               *name = label_get(labels, count, LABEL_SERVICE_NAME);
    const char *address = label_get(labels, count, LABEL_ADDRESS),
               *created = label_get(labels, count, LABEL_CREATED);
    const char *config_text = label_get(labels, count, LABEL_CONFIG),
               *ports = label_get(labels, count, LABEL_PORTS);
    cleanup(service_facts_unref) struct service_facts *facts = service_facts_new();
    if (!uuid || !uuid_valid(uuid) || !name || !service_name_valid(name) || !address ||
        !config_text || !ports || !created || clock_parse_rfc3339(created, &facts->created) < 0) {
        error_set(err, EINVAL, "the container's labels are missing or damaged");
        return NULL;
    }
    memcpy(facts->uuid, uuid, sizeof facts->uuid);
    snprintf(facts->name, sizeof facts->name, "%s", name);
    fact_set(&facts->address, address);
    fact_set(&facts->reason, "");
    cleanup(json_decref) json_t *config = json_loads(config_text, 0, NULL),
                                *host_ports = json_loads(ports, 0, NULL);
    if (service_facts_configure(facts, config, err) < 0)
        return NULL;
    for (size_t i = 0; i < facts->port_count; i++) {
        json_int_t port = json_integer_value(json_object_get(host_ports, facts->ports[i].id));
        if (port > 0 && port <= 65535)
            facts->ports[i].host_port = (uint16_t)port;
    }
    return steal(&facts);
}
