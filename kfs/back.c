/* One function for each file of the tree that is a real file of the engine's. */
#include "kfs/back.h"

int back_engine_log(const struct subject *subject, struct error **err)
{
    return engine_open_log(subject->engine, err);
}

int back_plan(const struct subject *subject, struct error **err)
{
    return enclave_open_plan(subject->engine, subject->enclave->id, err);
}

static int run_file(const struct subject *subject, enum run_file file, struct error **err)
{
    return run_open_file(subject->engine, subject->run->id, file, err);
}

int back_run_script(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_SCRIPT, err);
}

int back_run_args(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_ARGS, err);
}

int back_run_plan(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_PLAN, err);
}

int back_run_output(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_OUTPUT, err);
}

int back_run_error(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_ERROR, err);
}

int back_run_result(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_RESULT, err);
}

int back_service_logs(const struct subject *subject, struct error **err)
{
    return service_open_logs(subject->engine, subject->service->id, err);
}
