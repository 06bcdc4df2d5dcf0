/* The whole of a run: interpret, validate, execute; and its parts for who wants only those. */
#include "backend/plan/plan.h"

#include "backend/base/clock.h"
#include "backend/plan/execute.h"
#include "backend/plan/prepare.h"
#include "backend/plan/service.h"
#include "backend/plan/settle.h"
#include "backend/plan/validate.h"

#include <poll.h>
#include <string.h>

void plan_service_done(struct plan_service *service)
{
    free(service->name);
    free(service->uuid);
    free(service->hostname);
    free(service->address);
    *service = (struct plan_service){0};
}

void plan_artifact_done(struct plan_artifact *artifact)
{
    free(artifact->uuid);
    free(artifact->hash);
    *artifact = (struct plan_artifact){0};
}

/* ---- interpreting ---- */

static json_t *make_start(const struct plan_request *request, const struct sources *sources,
                          json_t *enclave, const json_t *made_names)
{
    json_t *start =
        json_pack("{s:s, s:o, s:o}", "mode", "run", "name", plan_text(sources_main_name(sources)),
                  "arguments", plan_text(sources_arguments(sources)));
    if (sources_package(sources))
        json_object_set_new(start, "package", plan_text(sources_package(sources)));
    if (request->main_function)
        json_object_set_new(start, "main_function", plan_text(request->main_function));
    if (enclave)
        json_object_set(start, "enclave", enclave);
    if (made_names)
        json_object_set(start, "made_names", (json_t *)made_names);
    json_object_set_new(start, "privileged", json_boolean(request->privileged));
    return start;
}

/* The heading that every failure before the plan is there has. */
static int explain_interpretation(struct error **err, struct error **reason)
{
    return error_set(err, error_code(*reason), "There was an error interpreting Starlark code\n%s",
                     error_message(*reason));
}

/* The plan that the script makes. */
static struct plan *make_plan(const struct plan_request *request, struct sources *sources,
                              json_t *enclave, const json_t *made_names, struct error **err)
{
    json_t *start = make_start(request, sources, enclave, made_names), *document = NULL;
    size_t length;
    const char *source = sources_main_text(sources, &length);
    const struct interpret_request interpretation = {
        .program = request->interpreter,
        .limits = &confined_default_limits,
        .cancel = request->cancel,
        .start = start,
        .source = source,
        .length = length,
        .host = sources_host(sources),
    };
    struct plan *plan = NULL;
    cleanup(error_free) struct error *reason = NULL;
    if (interpret(&interpretation, &document, &reason) == 0)
        plan = plan_new(document, sources_count(sources), &reason);
    if (!plan)
        explain_interpretation(err, &reason);
    json_decref(document);
    json_decref(start);
    return plan;
}

int plan_check(const char *interpreter, const char *name, const char *source, size_t length,
               struct error **err)
{
    json_t *start = json_pack("{s:s, s:o}", "mode", "check", "name", plan_text(name));
    json_t *answer = NULL;
    const struct interpret_request request = {
        .program = interpreter,
        .limits = &confined_default_limits,
        .start = start,
        .source = source,
        .length = length,
    };
    int result = interpret(&request, &answer, err);
    json_decref(answer);
    json_decref(start);
    return result;
}

int plan_describe(const struct plan_request *request, json_t *enclave, struct buf *ret_json,
                  struct error **err)
{
    cleanup(sources_free) struct sources *sources = sources_new(request, err);
    if (!sources)
        return -1;
    cleanup(plan_free) struct plan *plan = make_plan(request, sources, enclave, NULL, err);
    return plan ? plan_put_json(plan, ret_json, err) : -1;
}

/* ---- a run ---- */

struct run {
    const struct plan_request *request;
    const struct plan_effects *effects;
    void *context;
    struct sources *sources;
    struct plan *plan;
    json_t *enclave;
    struct applied *applied;
    struct runtime_values *values;
    bool *must, *may;
    char **hashes;
    /* Passes the caller's request to stop on to `stop`. */
    struct cancel *stop;
    pthread_t watcher;
    bool watched;
};

static void say(const struct run *run, const char *text)
{
    run->effects->output(run->context, text, strlen(text));
}

static void *watch(void *argument)
{
    struct run *run = argument;
    struct pollfd fds[] = {
        {.fd = cancel_fd(run->request->cancel), .events = POLLIN},
        {.fd = cancel_fd(run->stop), .events = POLLIN},
    };
    while (!cancel_fired(run->stop) && !cancel_fired(run->request->cancel))
        poll(fds, 2, -1);
    cancel_fire(run->stop);
    return NULL;
}

/* What an enclave that existed before knows: the addresses of its services. */
static void add_known_services(const struct run *run)
{
    const char *name;
    json_t *service;
    json_object_foreach(json_object_get(run->enclave, "services"), name, service)
    {
        char id[UUID_LENGTH + 1];
        const char *address = plan_string(service, "address", NULL);
        plan_id_of_service(name, id);
        if (address)
            runtime_values_set(run->values, id, "ip_address", plan_text(address));
        runtime_values_set(run->values, id, "hostname",
                           plan_text(plan_string(service, "hostname", name)));
    }
}

static int load(struct run *run, struct error **err)
{
    run->stop = cancel_new(err);
    if (!run->stop)
        return -1;
    run->watched = pthread_create(&run->watcher, NULL, watch, run) == 0;
    if (!run->watched)
        return error_set(err, EAGAIN, "cannot start a thread");
    run->enclave = run->effects->describe(run->context, err);
    if (!run->enclave)
        return -1;
    cleanup(error_free) struct error *reason = NULL;
    json_t *saved = run->effects->applied_load(run->context, &reason);
    if (!saved && reason)
        return error_move(err, &reason);
    run->applied = applied_new(saved, err);
    json_decref(saved);
    run->values = run->applied ? runtime_values_new(applied_values(run->applied), err) : NULL;
    if (!run->values)
        return -1;
    add_known_services(run);
    return 0;
}

static int tell_plan(const struct run *run, struct error **err)
{
    cleanup(buf_done) struct buf json = BUF_INIT(BUF_MAX_DOCUMENT);
    if (plan_put_json(run->plan, &json, err) < 0)
        return -1;
    run->effects->plan_made(run->context, json.data, json.length);
    return 0;
}

static int interpret_run(struct run *run, struct error **err)
{
    run->effects->phase(run->context, PLAN_INTERPRETING, 0, 0);
    say(run, "Interpreting plan - execution will begin shortly\n");
    cleanup(error_free) struct error *reason = NULL;
    run->sources = sources_new(run->request, &reason);
    if (!run->sources)
        return explain_interpretation(err, &reason);
    run->plan =
        make_plan(run->request, run->sources, run->enclave, applied_made_names(run->applied), err);
    return run->plan ? tell_plan(run, err) : -1;
}

static int hash_sources(struct run *run, struct error **err)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_instruction *instruction = &run->plan->items[i];
        if (!(instruction->spec->rules & PLAN_RESOLVES_SOURCE))
            continue;
        int64_t number = plan_int(instruction->arguments, "resolved", -1);
        run->hashes[i] = sources_hash(run->sources, number, err);
        if (!run->hashes[i])
            return -1;
    }
    return 0;
}

static int decide(struct run *run, struct error **err)
{
    run->must = calloc(run->plan->count + 1, sizeof *run->must);
    run->may = calloc(run->plan->count + 1, sizeof *run->may);
    run->hashes = calloc(run->plan->count + 1, sizeof *run->hashes);
    if (!run->must || !run->may || !run->hashes)
        return error_set(err, ENOMEM, "out of memory");
    if (hash_sources(run, err) < 0)
        return -1;
    applied_decide(run->applied, run->plan, run->enclave, run->hashes, run->values, run->must,
                   run->may);
    return 0;
}

static void list_instructions(const struct run *run)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&text, "\n%s\n", run->plan->items[i].description);
        say(run, text.data);
    }
}

static unsigned parallelism_of(const struct plan_request *request)
{
    enum {
        PARALLELISM_MAX = 256
    };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted =
        request->parallelism ? request->parallelism : 2 * (unsigned)(cores > 0 ? cores : 1);
    return wanted < PARALLELISM_MAX ? wanted : PARALLELISM_MAX;
}

static int execute_run(struct run *run, struct execution *execution, struct error **err)
{
    execution->output = output_new(run->plan->count, run->effects->output, run->context, err);
    execution->settling = settling_new();
    if (!execution->output || !execution->settling) {
        output_free(execution->output);
        settling_free(execution->settling);
        return error_set(err, ENOMEM, "out of memory");
    }
    say(run, "Starting execution\n");
    run->effects->phase(run->context, PLAN_EXECUTING, 0, (unsigned)run->plan->count);
    execution->prepare = prepare_new(execution);
    int result = execution_run(execution, err);
    prepare_free(execution->prepare);
    output_free(execution->output);
    settling_free(execution->settling);
    return result;
}

/* What may be done again counts as not done until it is: if this run fails before that, the next
 * one, which sees no change any more, does it. */
static void forget_pending(const struct run *run)
{
    for (size_t i = 0; i < run->plan->count; i++)
        if (run->may[i])
            applied_forget(run->applied, &run->plan->items[i]);
}

static int validate_and_execute(struct run *run, struct error **err)
{
    struct execution execution = {
        .request = run->request,
        .effects = run->effects,
        .context = run->context,
        .plan = run->plan,
        .sources = run->sources,
        .enclave = run->enclave,
        .values = run->values,
        .stop = run->stop,
        .parallelism = parallelism_of(run->request),
        .must = run->must,
        .hashes = run->hashes,
        .applied = run->applied,
    };
    run->effects->phase(run->context, PLAN_VALIDATING, 0, 0);
    say(run, "Starting validation\n");
    if (plan_validate(run->plan, run->enclave, err) < 0)
        return -1;
    say(run, "Validating plan and preparing container images - execution will begin shortly\n");
    if (plan_ensure_images(&execution, run->may, err) < 0)
        return -1;
    if (run->request->dry_run) {
        list_instructions(run);
        return 0;
    }
    forget_pending(run);
    execution.changed = json_object();
    pthread_mutex_init(&execution.record_lock, NULL);
    pthread_mutex_init(&execution.starts_lock, NULL);
    pthread_cond_init(&execution.start_ended, NULL);
    int result = execute_run(run, &execution, err);
    pthread_cond_destroy(&execution.start_ended);
    pthread_mutex_destroy(&execution.starts_lock);
    pthread_mutex_destroy(&execution.record_lock);
    json_decref(execution.changed);
    return result;
}

/* What run() returned, and the closing line. */
static int conclude(const struct run *run, struct error **err)
{
    bool dry = run->request->dry_run, nothing = strcmp(run->plan->result, "null") == 0;
    cleanup(buf_done) struct buf result = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(buf_done) struct buf warnings = BUF_INIT(BUF_MAX_TEXT);
    service_put_deprecations(run->plan, &warnings);
    if (dry)
        buf_puts(&result, run->plan->result);
    else if (runtime_values_replace(run->values, run->plan->result, RUNTIME_JSON, &result, err) < 0)
        return error_wrap(err, "There was an error executing Starlark code\nthe value that the "
                               "script returned");
    buf_printf(&text, "%s%s\nStarlark code successfully run%s.%s", warnings.length > 0 ? "\n" : "",
               warnings.length > 0 ? warnings.data : "", dry ? " in dry-run mode" : "",
               nothing ? " No output was returned.\n" : " Output was:\n");
    if (!nothing)
        buf_printf(&text, "%s\n", result.data);
    buf_putc(&result, '\n');
    run->effects->result(run->context, result.data, result.length);
    say(run, text.data);
    return 0;
}

static void tell_failure(const struct run *run, const struct error *reason)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "\n%s\n\nError encountered running Starlark code%s.\n", error_message(reason),
               run->request->dry_run ? " in dry-run mode" : "");
    say(run, text.data);
}

static void run_done(struct run *run)
{
    if (run->stop)
        cancel_fire(run->stop);
    if (run->watched)
        pthread_join(run->watcher, NULL);
    cancel_unref(run->stop);
    for (size_t i = 0; run->hashes && i < run->plan->count; i++)
        free(run->hashes[i]);
    free(run->hashes);
    free(run->must);
    free(run->may);
    runtime_values_free(run->values);
    applied_free(run->applied);
    plan_free(run->plan);
    sources_free(run->sources);
    json_decref(run->enclave);
}

int plan_run(const struct plan_request *request, const struct plan_effects *effects, void *context,
             struct error **err)
{
    struct run run = {.request = request, .effects = effects, .context = context};
    cleanup(error_free) struct error *reason = NULL;
    int result = load(&run, &reason);
    if (result == 0)
        result = interpret_run(&run, &reason);
    if (result == 0)
        result = decide(&run, &reason);
    if (result == 0)
        result = validate_and_execute(&run, &reason);
    if (result == 0)
        result = conclude(&run, &reason);
    if (result < 0) {
        if (cancel_fired(request->cancel)) {
            error_free(steal(&reason));
            error_set(&reason, ECANCELED, "the run was cancelled");
        }
        tell_failure(&run, reason);
        error_move(err, &reason);
    }
    run_done(&run);
    return result;
}
