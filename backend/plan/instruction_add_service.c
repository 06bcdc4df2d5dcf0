/* add_service and add_services. */
#include "backend/plan/instructions.h"

#include "backend/base/threads.h"
#include "backend/plan/service.h"
#include "backend/plan/settle.h"
#include "backend/plan/validate.h"

#include <stdatomic.h>
#include <string.h>

/* ---- describing ---- */

static const char *image_text(const json_t *config)
{
    const json_t *image = json_object_get(config, "image");
    return json_is_string(image)
               ? json_string_value(image)
               : plan_string(image, "image", plan_string(image, "image_name", ""));
}

void plan_describe_add_service(const struct plan_instruction *instruction, struct buf *out)
{
    buf_printf(out, "Adding service with name '%s' and image '%s'",
               plan_argument(instruction, "name"),
               image_text(json_object_get(instruction->arguments, "config")));
}

void plan_describe_add_services(const struct plan_instruction *instruction, struct buf *out)
{
    const json_t *configs = json_object_get(instruction->arguments, "configs");
    const char *name, *separator = "";
    json_t *config;
    buf_printf(out, "Adding '%zu' services with names '", json_object_size(configs));
    json_object_foreach((json_t *)configs, name, config)
    {
        buf_printf(out, "%s%s", separator, name);
        separator = ",";
    }
    buf_putc(out, '\'');
}

/* ---- validating ---- */

static void check_name(const struct plan_world *world, const char *name, struct buf *problems)
{
    if (!plan_service_name_valid(name))
        buf_printf(problems,
                   "Service name '%s' is not valid: it has to be 1 to 63 lower-case letters, "
                   "digits and dashes, begin with a letter and not end with a dash\n",
                   name);
    if (json_object_get(world->made_services, name))
        buf_printf(problems,
                   "Adding two different services with the same name isn't allowed: '%s'\n", name);
}

static void check_directories(const json_t *files, const char *name, struct buf *problems)
{
    const char *path;
    json_t *what;
    json_object_foreach((json_t *)files, path, what)
    {
        const char *key = plan_string(what, "persistent_key", NULL);
        if (key && !plan_service_name_valid(key))
            buf_printf(problems,
                       "Service '%s': the persistent key '%s' is not valid: it has to be 1 to 63 "
                       "lower-case letters, digits and dashes, and begin with a letter\n",
                       name, key);
    }
}

static void reserve(struct plan_world *world, const char *name, const json_t *config,
                    struct buf *problems)
{
    int64_t cpu = plan_int(config, "min_cpu", 0), memory = plan_int(config, "min_memory", 0);
    if (world->cpu_left >= 0 && cpu > world->cpu_left)
        buf_printf(problems,
                   "Service '%s' requires %lld millicores of CPU, but only %lld are left\n", name,
                   (long long)cpu, (long long)world->cpu_left);
    else if (world->cpu_left >= 0)
        world->cpu_left -= cpu;
    if (world->memory_left >= 0 && memory > world->memory_left)
        buf_printf(problems,
                   "Service '%s' requires %lld megabytes of memory, but only %lld are left\n", name,
                   (long long)memory, (long long)world->memory_left);
    else if (world->memory_left >= 0)
        world->memory_left -= memory;
    json_object_set_new(
        world->reserved, name,
        json_pack("{s:I, s:I}", "cpu", (json_int_t)cpu, "memory", (json_int_t)memory));
}

void plan_validate_add_service(const struct plan_instruction *instruction, struct plan_world *world,
                               struct buf *problems)
{
    json_t *configs = plan_configs(instruction);
    const char *name;
    json_t *config;
    json_object_foreach(configs, name, config)
    {
        cleanup(buf_done) struct buf who = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&who, "Service '%s'", name);
        check_name(world, name, problems);
        check_directories(json_object_get(config, "files"), name, problems);
        world_check_mounts(world, json_object_get(config, "files"), who.data, problems);
        world_check_image(json_object_get(config, "image"), problems);
        world_check_ready(config, name, problems);
        reserve(world, name, config, problems);
        json_object_set(world->services, name, config);
        json_object_set_new(world->made_services, name, json_true());
    }
    json_decref(configs);
}

/* ---- doing ---- */

int plan_execute_add_service(struct step *step, struct buf *result, struct error **err)
{
    struct service_start start = {
        .name = plan_argument(step->instruction, "name"),
        .config = json_object_get(step->instruction->arguments, "config"),
    };
    int outcome = service_start_and_wait(step, &start, err);
    bool is_up = outcome == 0;
    if (is_up)
        outcome = service_wait_ready(step, &start, err);
    if (outcome < 0 && cancel_fired(step->execution->stop))
        service_start_undo(step, &start);
    else if (start.started && !is_up)
        step->execution->effects->service_stop(step->execution->context, start.name,
                                               &(struct plan_call){0}, NULL);
    /* A service that is up but not ready stays, so that one can look at what ails it. */
    if (outcome == 0)
        settling_add(step, &start);
    if (outcome == 0)
        buf_printf(result, "Service '%s' added with service UUID '%s'", start.name,
                   start.service.uuid);
    service_start_done(&start);
    return outcome;
}

/* The services of one add_services. */
struct batch {
    const struct step *step;
    struct service_start *starts;
    struct error **errors; /* one a service */
    size_t count;
    atomic_size_t next; /* whose turn to be started it is */
    atomic_bool failed; /* no further one is started */
};

/* Starts the next one, in their order. One that waits for its ports does not keep the next from
 * being started. */
static void start_one(void *context, size_t any)
{
    (void)any;
    struct batch *batch = context;
    const struct step *step = batch->step;
    execution_start_begin(step->execution);
    size_t i = batch->next++;
    struct service_start *start = &batch->starts[i];
    int outcome = batch->failed ? 0 : service_start_container(step, start, &batch->errors[i]);
    if (outcome < 0)
        batch->failed = true; /* before the next one has its turn */
    execution_start_end(step->execution);
    if (outcome == 0 && start->started && service_wait_ports(step, start, &batch->errors[i]) < 0)
        batch->failed = true;
}

static void ready_one(void *context, size_t i)
{
    struct batch *batch = context;
    if (!batch->failed &&
        (service_wait_ready(batch->step, &batch->starts[i], &batch->errors[i]) < 0 ||
         service_settle(batch->step, &batch->starts[i], &batch->errors[i]) < 0))
        batch->failed = true;
}

static void undo_one(void *context, size_t i)
{
    struct batch *batch = context;
    service_start_undo(batch->step, &batch->starts[i]);
}

/* A service that was there before is not taken away: says which have their new configuration. */
static void put_replaced(const struct batch *batch, struct buf *text)
{
    const char *separator = " Replaced before that, and left so: ";
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->starts[i].started || !batch->starts[i].service.existed)
            continue;
        buf_printf(text, "%s'%s'", separator, batch->starts[i].name);
        separator = ", ";
    }
}

static int explain(const struct batch *batch, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, "Some errors occurred starting or updating the following services:");
    for (size_t i = 0; i < batch->count; i++)
        if (batch->errors[i])
            buf_printf(&text, "\n\tService '%s': %s", batch->starts[i].name,
                       error_message(batch->errors[i]));
    buf_puts(&text, "\nThe entire batch was rolled back and no service was started.");
    put_replaced(batch, &text);
    return error_set(err, EIO, "%s", text.data);
}

/* As Kurtosis counts: those that were there before are in the list, but not in the number. */
static size_t count_new(const struct batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        count += !batch->starts[i].service.existed;
    return count;
}

static int run_batch(struct batch *batch, struct buf *result, struct error **err)
{
    threads_for_each(batch->count, WAITS_MAX, start_one, batch);
    threads_for_each(batch->count, WAITS_MAX, ready_one, batch);
    if (batch->failed) {
        threads_for_each(batch->count, batch->step->execution->parallelism, undo_one, batch);
        return explain(batch, err);
    }
    buf_printf(result, "Successfully added the following '%zu' services:", count_new(batch));
    for (size_t i = 0; i < batch->count; i++)
        buf_printf(result, "\n  Service '%s' %s with UUID '%s'", batch->starts[i].name,
                   batch->starts[i].service.existed ? "updated" : "added",
                   batch->starts[i].service.uuid);
    return 0;
}

static void batch_done(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->starts)
            service_start_done(&batch->starts[i]);
        if (batch->errors)
            error_free(batch->errors[i]);
    }
    free(batch->starts);
    free(batch->errors);
}

int plan_execute_add_services(struct step *step, struct buf *result, struct error **err)
{
    const json_t *configs = json_object_get(step->instruction->arguments, "configs");
    struct batch batch = {.step = step, .count = json_object_size(configs)};
    const char *name;
    json_t *config;
    size_t i = 0;
    batch.starts = calloc(batch.count, sizeof *batch.starts);
    batch.errors = calloc(batch.count, sizeof *batch.errors);
    int outcome = -1;
    if (batch.starts && batch.errors) {
        json_object_foreach((json_t *)configs, name, config) batch.starts[i++] =
            (struct service_start){.name = name, .config = config};
        outcome = run_batch(&batch, result, err);
    } else {
        error_set(err, ENOMEM, "out of memory");
    }
    batch_done(&batch);
    return outcome;
}
