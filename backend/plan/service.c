/* Starting services. */
#include "backend/plan/service.h"

#include "backend/base/clock.h"
#include "backend/plan/port_wait.h"
#include "backend/plan/prepare.h"
#include "backend/plan/recipe.h"

#include <string.h>

enum {
    LOG_LINES_SHOWN = 100 /* of a service that did not come up */
};
/* What taking back may take, after which the engine's own care for what is half made must do. */
static const int64_t undo_limit = 30 * CLOCK_SECOND;
static const int64_t tell_interval = 5 * CLOCK_SECOND;

/* ---- configurations ---- */

static json_t *strip(const json_t *value);

static json_t *strip_members(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    json_t *copy = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, member) json_array_append_new(copy, strip(member));
    json_object_foreach((json_t *)value, key, member) json_object_set_new(copy, key, strip(member));
    return copy;
}

/* A value of a type without "type" and without what the interpreter added. */
static json_t *strip(const json_t *value)
{
    const char *name = json_string_value(json_object_get(value, "type"));
    const struct plan_type *type = name ? plan_type_find(name) : NULL;
    if (!type)
        return json_deep_copy(value);
    json_t *copy = json_object();
    for (const struct plan_field *field = type->fields; field->name; field++) {
        const json_t *member = json_object_get(value, field->name);
        if (!member || (field->flags & PLAN_INTERNAL))
            continue;
        bool nested = field->kind == PLAN_TYPE_LIST || field->kind == PLAN_TYPE_DICT;
        json_object_set_new(copy, field->name,
                            nested                     ? strip_members(member)
                            : field->kind == PLAN_TYPE ? strip(member)
                                                       : json_deep_copy(member));
    }
    return copy;
}

json_t *service_image(const json_t *image)
{
    return strip(image);
}

/* {PATH: "name"} becomes {PATH: {"artifact_names": ["name"]}}, as the engine has it. */
static void normalise_files(json_t *config)
{
    const char *path;
    json_t *what;
    json_object_foreach(json_object_get(config, "files"), path, what) if (json_is_string(what))
        json_object_set_new(json_object_get(config, "files"), path,
                            json_pack("{s:[O]}", "artifact_names", what));
}

/* Fields of a ServiceConfig whose names are old, and since when. */
static const struct old_field {
    const char *name, *now, *since;
} old_fields[] = {
    {"cpu_allocation", "max_cpu", "2023-06-25"},
    {"memory_allocation", "max_memory", "2023-06-25"},
};

static void normalise_limits(json_t *config)
{
    for (size_t i = 0; i < ARRAY_LENGTH(old_fields); i++) {
        json_t *old = json_object_get(config, old_fields[i].name);
        if (old && !json_object_get(config, old_fields[i].now))
            json_object_set(config, old_fields[i].now, old);
        json_object_del(config, old_fields[i].name);
    }
}

static void put_deprecations(const struct plan_instruction *instruction, const json_t *config,
                             struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(old_fields); i++) {
        if (!json_object_get(config, old_fields[i].name))
            continue;
        buf_puts(out, "WARNING: [");
        plan_put_position(out, instruction);
        buf_printf(out, "]: '%s' of ServiceConfig is deprecated since %s; use '%s'\n",
                   old_fields[i].name, old_fields[i].since, old_fields[i].now);
    }
}

void service_put_deprecations(const struct plan *plan, struct buf *out)
{
    const char *name;
    json_t *config;
    for (size_t i = 0; i < plan->count; i++) {
        const json_t *arguments = plan->items[i].arguments;
        put_deprecations(&plan->items[i], json_object_get(arguments, "config"), out);
        json_object_foreach(json_object_get(arguments, "configs"), name, config)
            put_deprecations(&plan->items[i], config, out);
    }
}

static int replace_field(const struct execution *execution, json_t *config, const char *name,
                         struct error **err)
{
    const json_t *before = json_object_get(config, name);
    if (!before)
        return 0;
    json_t *after = runtime_values_replace_in(execution->values, before, false, err);
    return after ? json_object_set_new(config, name, after) : -1;
}

json_t *service_config_resolve(const struct execution *execution, const json_t *config,
                               struct error **err)
{
    static const char *const replaced[] = {"entrypoint", "cmd", "env_vars", "labels"};
    json_t *resolved = strip(config);
    json_object_del(resolved, "ready_conditions");
    normalise_files(resolved);
    normalise_limits(resolved);
    /* The image is there; a registry's password is nothing to keep and show. */
    json_object_del(json_object_get(resolved, "image"), "password");
    for (size_t i = 0; i < ARRAY_LENGTH(replaced); i++) {
        if (replace_field(execution, resolved, replaced[i], err) < 0) {
            json_decref(resolved);
            return NULL;
        }
    }
    return resolved;
}

/* ---- starting ---- */

void service_start_done(struct service_start *start)
{
    if (start->started)
        plan_service_done(&start->service);
    start->started = false;
}

void service_put_logs(const struct step *step, const char *name, struct buf *out)
{
    cleanup(buf_done) struct buf logs = BUF_INIT(BUF_MAX_TEXT);
    const struct plan_effects *effects = step->execution->effects;
    if (effects->service_logs(step->execution->context, name, LOG_LINES_SHOWN, &logs, NULL) < 0)
        return;
    buf_printf(out, "\n== SERVICE '%s' LOGS ===================================\n", name);
    buf_append(out, logs.data, logs.length);
    if (logs.length && logs.data[logs.length - 1] != '\n')
        buf_putc(out, '\n');
    buf_printf(out, "== FINISHED SERVICE '%s' LOGS ===================================", name);
}

struct liveness {
    const struct step *step;
    const struct service_start *start;
    int64_t begun, told;
};

/* Says what is waited for, once it takes long. */
static void tell_waiting(struct liveness *liveness)
{
    int64_t now = clock_monotonic();
    const char *id, *separator = "";
    json_t *port;
    if (now - liveness->told < tell_interval)
        return;
    liveness->told = now;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    json_object_foreach(json_object_get(liveness->start->config, "ports"), id, port)
    {
        buf_printf(&text, "%s%s (%s)", separator, id, plan_string(port, "wait", "2m"));
        separator = ", ";
    }
    step_progress(liveness->step, "Waiting for the ports of service '%s' at %s for %llds: %s",
                  liveness->start->name, liveness->start->service.address,
                  (long long)((now - liveness->begun) / CLOCK_SECOND), text.data);
}

int service_check_running(const struct step *step, const char *name, struct error **err)
{
    const struct execution *execution = step->execution;
    int code = 0;
    int running = execution->effects->service_running(execution->context, name, &code, NULL);
    if (running == 0)
        return error_set(err, EIO, "service '%s' has ended with exit code %d", name, code);
    if (running < 0)
        return error_set(err, EIO, "service '%s' is gone", name);
    return 0;
}

/* port_wait asks whether there is still something to wait for. */
static int check_alive(void *context, struct error **err)
{
    struct liveness *liveness = context;
    tell_waiting(liveness);
    return service_check_running(liveness->step, liveness->start->name, err);
}

int service_wait_ports(const struct step *step, const struct service_start *start,
                       struct error **err)
{
    int64_t now = clock_monotonic();
    struct liveness liveness = {.step = step, .start = start, .begun = now, .told = now};
    cleanup(error_free) struct error *reason = NULL;
    const struct port_wait wait = {
        .address = start->service.address,
        .ports = json_object_get(start->config, "ports"),
        .cancel = step->execution->stop,
        .check = check_alive,
        .context = &liveness,
    };
    if (port_wait(&wait, &reason) == 0)
        return 0;
    if (error_code(reason) == ECANCELED)
        return error_move(err, &reason);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "%s", error_message(reason));
    service_put_logs(step, start->name, &text);
    return error_set(err, EIO, "%s", text.data);
}

int service_start_container(const struct step *step, struct service_start *start,
                            struct error **err)
{
    const struct execution *execution = step->execution;
    const struct plan_call call = step_call(step, 0);
    if (cancel_fired(execution->stop))
        return error_set(err, ECANCELED, "cancelled");
    json_t *config = service_config_resolve(execution, start->config, err);
    if (!config)
        return -1;
    prepare_settle(execution->prepare, start->name);
    int64_t begun = clock_monotonic();
    int result = execution->effects->service_start(execution->context, start->name, config, &call,
                                                   &start->service, err);
    json_decref(config);
    if (result < 0)
        return -1;
    start->started = true;
    start->started_at = clock_monotonic();
    start->start_took = start->started_at - begun;
    step_mark_changed(step, PLAN_RESOURCE_SERVICE, start->name);
    step_set_service_values(step, &start->service);
    return 0;
}

int service_start_and_wait(const struct step *step, struct service_start *start, struct error **err)
{
    execution_start_begin(step->execution);
    int result = service_start_container(step, start, err);
    execution_start_end(step->execution);
    return result < 0 ? -1 : service_wait_ports(step, start, err);
}

int service_wait_ready(const struct step *step, const struct service_start *start,
                       struct error **err)
{
    const json_t *ready = json_object_get(start->config, "ready_conditions");
    if (!ready)
        return 0;
    const struct recipe_wait wait = {
        .service = start->name,
        .recipe = json_object_get(ready, "recipe"),
        .field = plan_string(ready, "field", ""),
        .assertion = plan_string(ready, "assertion", ""),
        .target = json_object_get(ready, "target_value"),
        .interval = plan_duration(ready, "interval", "1s"),
        .timeout = plan_duration(ready, "timeout", "15m"),
        .what = "the ready condition",
    };
    json_t *answer = NULL;
    int result = recipe_wait(step, &wait, &answer, NULL, err);
    json_decref(answer);
    return result;
}

void service_start_undo(const struct step *step, const struct service_start *start)
{
    const struct execution *execution = step->execution;
    /* Also when the run is cancelled: this call cannot be. */
    const struct plan_call call = {.deadline = clock_monotonic() + undo_limit};
    struct plan_service removed = {0};
    if (!start->started || start->service.existed)
        return;
    if (execution->effects->service_remove(execution->context, start->name, &call, &removed,
                                           NULL) == 0)
        plan_service_done(&removed);
}
