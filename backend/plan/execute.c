/* Doing one instruction with all that goes around it: skipping, output, the record, errors. The
 * order in which they are done is in schedule.c. */
#include "backend/plan/execute.h"

#include "backend/base/clock.h"
#include "backend/plan/schedule.h"
#include "backend/plan/settle.h"

#include <stdarg.h>
#include <string.h>

enum {
    RESULT_SHOWN_MAX = 64 << 10 /* bytes of a result that are shown; as Kurtosis cuts it */
};
/* What only told or checked something need not be on disk before the next instruction. */
static const int64_t save_interval = 200 * CLOCK_MILLISECOND;

/* ---- for instructions ---- */

struct plan_call step_call(const struct step *step, int64_t limit)
{
    return (struct plan_call){
        .deadline = limit > 0 ? clock_monotonic() + limit : 0,
        .cancel = step->execution->stop,
    };
}

void step_progress(const struct step *step, const char *format, ...)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    buf_putc(&text, '\n');
    output_put(step->execution->output, step->instruction->index, text.data, text.length);
}

int step_text(const struct step *step, const char *name, struct buf *out, struct error **err)
{
    return runtime_values_replace(step->execution->values, plan_argument(step->instruction, name),
                                  RUNTIME_PLAIN, out, err);
}

static void mark_changed(struct execution *execution, enum plan_resource kind, const char *name)
{
    with_lock(&execution->record_lock);
    plan_resource_add(execution->changed, kind, name);
}

void step_mark_changed(const struct step *step, enum plan_resource kind, const char *name)
{
    mark_changed(step->execution, kind, name);
}

void step_set_value(const struct step *step, const char *field, json_t *value)
{
    if (runtime_values_set(step->execution->values, step->instruction->id, field, value))
        mark_changed(step->execution, PLAN_RESOURCE_VALUE, step->instruction->id);
}

void step_set_service_values(const struct step *step, const struct plan_service *service)
{
    struct execution *execution = step->execution;
    char id[UUID_LENGTH + 1];
    plan_id_of_service(service->name, id);
    bool changed = runtime_values_set(execution->values, id, "ip_address",
                                      plan_text(service->address ? service->address : ""));
    changed |= runtime_values_set(execution->values, id, "hostname",
                                  plan_text(service->hostname ? service->hostname : service->name));
    if (changed)
        mark_changed(execution, PLAN_RESOURCE_VALUE, id);
}

const json_t *step_service_config(const struct step *step, const char *service)
{
    const struct plan *plan = step->execution->plan;
    for (size_t i = step->instruction->index + 1; i-- > 0;) {
        const struct plan_instruction *instruction = &plan->items[i];
        if (!(instruction->spec->rules & PLAN_MAKES_SERVICE))
            continue;
        json_t *configs = plan_configs(instruction);
        const json_t *config = json_object_get(configs, service);
        json_decref(configs); /* the plan's arguments hold what it holds */
        if (config)
            return config;
    }
    const json_t *services = json_object_get(step->execution->enclave, "services");
    return json_object_get(json_object_get(services, service), "config");
}

int step_find_service(const struct step *step, const char *identifier,
                      struct plan_service *ret_service, struct error **err)
{
    struct execution *execution = step->execution;
    cleanup(error_free) struct error *reason = NULL;
    if (execution->effects->service_find(execution->context, identifier, ret_service, &reason) == 0)
        return 0;
    if (error_code(reason) == ENOENT)
        return error_set(err, ENOENT, "Couldn't find a matching service name for identifier '%s'",
                         identifier);
    return error_move(err, &reason);
}

void execution_start_begin(struct execution *execution)
{
    with_lock(&execution->starts_lock);
    unsigned before = execution->starts_asked++;
    while (before >= execution->starts_ended + execution->parallelism)
        pthread_cond_wait(&execution->start_ended, &execution->starts_lock);
}

void execution_start_end(struct execution *execution)
{
    with_lock(&execution->starts_lock);
    execution->starts_ended++;
    pthread_cond_broadcast(&execution->start_ended);
}

/* ---- one instruction ---- */

static void show(const struct step *step, const char *text, size_t length)
{
    output_put(step->execution->output, step->instruction->index, text, length);
}

/* The instruction's heading, and what follows it at once. */
static void show_heading(const struct step *step, const char *rest)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "\n%s\n%s", step->instruction->description, rest);
    show(step, text.data, text.length);
}

static void show_result(const struct step *step, struct buf *result)
{
    if (result->length > RESULT_SHOWN_MAX) {
        buf_truncate(result, RESULT_SHOWN_MAX);
        buf_puts(result, "...");
    }
    if (result->length == 0 || result->data[result->length - 1] != '\n')
        buf_putc(result, '\n');
    show(step, result->data, result->length);
}

static bool is_skipped(const struct step *step)
{
    struct execution *execution = step->execution;
    const struct plan_instruction *instruction = step->instruction;
    if (execution->must[instruction->index])
        return false;
    with_lock(&execution->record_lock);
    return !plan_sets_meet(instruction->consumes, execution->changed);
}

/* Whether losing the record of it would do it twice with effect. */
static bool has_effect(const struct plan_instruction *instruction)
{
    return json_object_size(instruction->makes) > 0;
}

/* The record as it is to be saved now; NULL: later. */
static json_t *record(const struct step *step, bool now)
{
    struct execution *execution = step->execution;
    with_lock(&execution->record_lock);
    const char *hash = step->instruction ? execution->hashes[step->instruction->index] : NULL;
    if (step->instruction && !applied_has(execution->applied, step->instruction, hash))
        applied_add(execution->applied, step->instruction, hash);
    if (!now && clock_monotonic() - execution->saved_at < save_interval)
        return NULL;
    execution->saved_at = clock_monotonic();
    return applied_json(execution->applied, execution->values);
}

static int save(const struct step *step, bool now, struct error **err)
{
    struct execution *execution = step->execution;
    json_t *applied = record(step, now);
    if (!applied)
        return 0;
    int result = execution->effects->applied_save(execution->context, applied, err);
    json_decref(applied);
    return result;
}

static void forget(const struct step *step)
{
    with_lock(&step->execution->record_lock);
    applied_forget(step->execution->applied, step->instruction);
}

int step_explain(const struct step *step, struct error **err, struct error **reason)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    forget(step);
    if (error_code(*reason) == ECANCELED || cancel_fired(step->execution->request->cancel))
        return error_set(err, ECANCELED, "the run was cancelled");
    buf_printf(&text, "An error occurred executing instruction (number %zu) at [",
               step->instruction->index + 1);
    plan_put_position(&text, step->instruction);
    buf_puts(&text, "]:\n");
    plan_put_instruction(&text, step->instruction);
    buf_printf(&text, "\n\tCaused by: %s", error_message(*reason));
    plan_put_stack(&text, step->instruction);
    return error_set(err, EIO, "%s", text.data);
}

static int perform(struct step *step, struct error **err)
{
    cleanup(buf_done) struct buf result = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(error_free) struct error *reason = NULL;
    if (step->instruction->spec->execute(step, &result, &reason) < 0)
        return step_explain(step, err, &reason);
    show_result(step, &result);
    return save(step, has_effect(step->instruction), err);
}

int step_run(struct step *step, struct error **err)
{
    static const char skipped[] =
        "SKIPPED - This instruction has already been run in this enclave\n";
    int result = 0;
    if (settling_check(step->execution, false, err) < 0)
        return -1;
    if (is_skipped(step)) {
        show_heading(step, skipped);
        result = save(step, false, err);
    } else {
        show_heading(step, "");
        result = perform(step, err);
    }
    output_finish(step->execution->output, step->instruction->index);
    return result;
}

void execution_tell_phase(struct execution *execution)
{
    unsigned done;
    {
        with_lock(&execution->record_lock);
        done = execution->done_count;
    }
    execution->effects->phase(execution->context, PLAN_EXECUTING, done,
                              (unsigned)execution->plan->count);
}

int execution_run(struct execution *execution, struct error **err)
{
    int result = execution->request->parallel ? schedule_by_data(execution, err)
                                              : schedule_in_order(execution, err);
    if (result == 0)
        result = settling_check(execution, true, err);
    output_flush(execution->output);
    /* What was done stays recorded, also after a failure. */
    struct step end = {.execution = execution};
    if (save(&end, true, result < 0 ? NULL : err) < 0 && result == 0)
        result = -1;
    return result;
}
