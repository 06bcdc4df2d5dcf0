/*
 * Execution: doing the instructions of a plan, in order or as their data allow, each with what it
 * needs at hand. The functions that do single instructions (instructions.h) see a struct step.
 */
#ifndef KFS_PLAN_EXECUTE_H
#define KFS_PLAN_EXECUTE_H

#include "backend/plan/applied.h"
#include "backend/plan/output.h"
#include "backend/plan/plan.h"
#include "backend/plan/runtime_values.h"
#include "backend/plan/sources.h"

struct prepare;
struct settling;

enum {
    WAITS_MAX = 64 /* things of a run that are waited for at a time: a wait costs next to nothing */
};

/* A run in execution. Filled in by run.c; all pointers outlive it. */
struct execution {
    const struct plan_request *request;
    const struct plan_effects *effects;
    void *context; /* of effects */
    const struct plan *plan;
    const struct sources *sources;
    const json_t *enclave; /* as it was before */
    struct runtime_values *values;
    struct output *output;
    struct prepare *prepare;
    struct settling *settling;
    struct cancel *stop; /* fired when the run is cancelled or an instruction has failed */
    unsigned parallelism;
    const bool *must;    /* of each instruction: it runs, whatever its dependences */
    char *const *hashes; /* of each instruction's source; NULL: none */

    pthread_mutex_t record_lock; /* guards applied, changed, done_count and saved_at */
    struct applied *applied;
    json_t *changed; /* resources that this run has changed: a set as in document.h */
    unsigned done_count;
    int64_t saved_at;

    pthread_mutex_t starts_lock; /* guards the next two */
    pthread_cond_t start_ended;
    unsigned starts_asked, starts_ended; /* of containers, so far */
};

/* An instruction being done. */
struct step {
    struct execution *execution;
    const struct plan_instruction *instruction;
};

/* Around the start of a container: waits until fewer than `parallelism` are being started. Who asks
 * first begins first. */
void execution_start_begin(struct execution *execution);
void execution_start_end(struct execution *execution);

/* Does all of the plan. ECANCELED; EIO with the text for the `error` file. */
int execution_run(struct execution *execution, struct error **err);

/* ---- for instructions ---- */

/* Puts around a failure where it stands: instruction, position, stack. It is not recorded as done.
 * Always -1. */
int step_explain(const struct step *step, struct error **err, struct error **reason);

/* A call with a limit of ns from now; 0: none. */
struct plan_call step_call(const struct step *step, int64_t limit);

/* Shows a line of progress at once; the newline is added. */
void step_progress(const struct step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An argument's text with its placeholders replaced, appended to out. */
int step_text(const struct step *step, const char *name, struct buf *out, struct error **err);

/* Stores a runtime value of this instruction (takes the reference), or of a service. */
void step_set_value(const struct step *step, const char *field, json_t *value);
void step_set_service_values(const struct step *step, const struct plan_service *service);

/* Says that a service or artifact is another than before, so that what uses it runs too. */
void step_mark_changed(const struct step *step, enum plan_resource kind, const char *name);

/* The plan's configuration of a service, or else the enclave's; borrowed; NULL. */
const json_t *step_service_config(const struct step *step, const char *service);

/* The service's name for a name, UUID or short UUID, in *ret_service. */
int step_find_service(const struct step *step, const char *identifier,
                      struct plan_service *ret_service, struct error **err);

#endif
