/* What the files about runs share: what a run was asked to do, its texts, its context while it
 * executes. */
#ifndef KFS_RUN_INT_H
#define KFS_RUN_INT_H

#include "backend/engine_int.h"
#include "backend/plan/plan.h"

/* The texts that a new run starts with. Borrowed. */
struct run_texts {
    const char *script;
    size_t script_length;
    const char *args;    /* NULL or "": none */
    const char *refusal; /* why it cannot be run: it is recorded as failed already. NULL: it can */
};

/* Records a run of the enclave and queues it if it can be run. Takes what order points to over on
 * success. */
int run_submit(struct enclave *enclave, struct run_order *order, const struct run_texts *texts,
               uid_t uid, object_id *ret_run, struct error **err);

void run_order_done(struct run_order *order);

/* "enclaves/UUID/runs/N/REST" relative to the state directory. Under model_lock. */
void run_path(const struct run *run, struct buf *out, const char *rest);
/* On disk before it is shown. Without the lock. */
void run_set_status(struct run *run, enum run_status status, unsigned step, unsigned steps);
/* The last status; the step that the run came to stays. */
void run_finish(struct run *run, enum run_status status);

/* What the effects of one run work on. */
struct run_context {
    struct engine *engine;
    struct enclave *enclave;
    struct run *run;
    int dir_fd; /* of the run's directory */
    int output_fd;
    enum run_status phase;       /* the last one told */
    pthread_mutex_t output_lock; /* guards writing to output_fd, so that texts of parallel
                                    instructions do not mix */
};

/* The effects of plans on this engine; their context is a struct run_context. */
extern const struct plan_effects run_effects;

/* Removes containers that were made ahead and not used. */
void prepared_discard(struct run_context *context);

/* The effects, by topic. */
int effect_service_prepare(void *context, const char *name, json_t *config,
                           const struct plan_call *call, struct error **err);
int effect_service_start(void *context, const char *name, json_t *config,
                         const struct plan_call *call, struct plan_service *ret_service,
                         struct error **err);
int effect_service_restart(void *context, const char *name, const struct plan_call *call,
                           struct error **err);
int effect_service_stop(void *context, const char *name, const struct plan_call *call,
                        struct error **err);
int effect_service_remove(void *context, const char *name, const struct plan_call *call,
                          struct plan_service *ret_service, struct error **err);
int effect_service_running(void *context, const char *name, int *ret_exit_code, struct error **err);
int effect_service_find(void *context, const char *identifier, struct plan_service *ret_service,
                        struct error **err);
int effect_service_logs(void *context, const char *name, unsigned lines, struct buf *out,
                        struct error **err);
int effect_exec(void *context, const char *name, char *const *argv, const struct plan_call *call,
                struct buf *output, int *ret_code, struct error **err);
int effect_image_ensure(void *context, json_t *image, const char *context_dir,
                        enum plan_image_download download,
                        void (*progress)(void *progress_context, const char *text),
                        void *progress_context, const struct plan_call *call,
                        enum plan_image_source *ret_source, struct error **err);
int effect_artifact_store(void *context, const char *name, int dir_fd, const struct plan_call *call,
                          struct plan_artifact *ret_artifact, struct error **err);
int effect_artifact_store_from_service(void *context, const char *name, const char *service,
                                       const char *path, const struct plan_call *call,
                                       struct plan_artifact *ret_artifact, struct error **err);
/* Builds the image that an ImageBuildSpec describes from the directory context_dir. */
int image_build(struct run_context *context, json_t *image, const char *context_dir,
                void (*progress)(void *progress_context, const char *text), void *progress_context,
                const struct orchestrator_call *call, enum plan_image_source *ret_source,
                struct error **err);
/* {NAME: {"uuid", "hash"}} of the enclave's artifacts. */
json_t *artifacts_describe(struct enclave *enclave, struct error **err);
/* Unpacks the artifacts that config's `files` names into a container that was not started. */
int artifacts_mount(struct enclave *enclave, const char *container, json_t *config,
                    const struct orchestrator_call *call, struct error **err);

#endif
