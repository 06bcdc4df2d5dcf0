/* From a written text to a call of the engine. */
#include "kfs/action.h"

#include <string.h>

int action_enclave_status(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err)
{
    (void)uid;
    return enclave_set_status(subject->engine, subject->enclave->id, text, err);
}

int action_run(const struct subject *subject, const char *text, uid_t uid, struct error **err)
{
    object_id run;
    return enclave_run(subject->engine, subject->enclave->id, text, uid, &run, err);
}

int action_run_status(const struct subject *subject, const char *text, uid_t uid,
                      struct error **err)
{
    (void)uid;
    if (strcmp(text, run_status_name(RUN_CANCELLED)) != 0)
        return error_set(err, EINVAL, "'%s' cannot be written to a run's status, only %s", text,
                         run_status_name(RUN_CANCELLED));
    return run_cancel(subject->engine, subject->run->id, err);
}

int action_service_status(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err)
{
    (void)uid;
    return service_set_status(subject->engine, subject->service->id, text, err);
}

int action_service_config(const struct subject *subject, const char *text, uid_t uid,
                          struct error **err)
{
    object_id run;
    return service_configure(subject->engine, subject->enclave->id, subject->service->name, text,
                             strlen(text), uid, &run, err);
}
