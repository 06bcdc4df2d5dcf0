/*
 * A language of plans for tests of the engine, one word a line: `print` writes, `start` starts the
 * service web, `fail` fails, `hang` waits until it is cancelled, `bad` does not parse.
 */
#include "backend/plan/plan.h"

#include <string.h>

void plan_service_done(struct plan_service *service)
{
    free(service->name);
    free(service->uuid);
    free(service->hostname);
    free(service->address);
}

void plan_artifact_done(struct plan_artifact *artifact)
{
    free(artifact->uuid);
    free(artifact->hash);
}

int plan_check(const char *interpreter, const char *name, const char *source, size_t length,
               struct error **err)
{
    (void)interpreter, (void)length;
    return strstr(source, "bad") ? error_set(err, EINVAL, "%s:1:1: bad", name) : 0;
}

int plan_describe(const struct plan_request *request, json_t *enclave, struct buf *ret_json,
                  struct error **err)
{
    (void)enclave;
    buf_puts(ret_json, "[]");
    return plan_check(NULL, request->name, request->source, request->source_length, err);
}

int plan_parse_run_line(const char *line, struct plan_request *request, char **ret_storage,
                        struct error **err)
{
    (void)err;
    *ret_storage = strdup(line);
    request->package = *ret_storage;
    return 0;
}

static int start_web(const struct plan_effects *effects, void *context, struct error **err)
{
    struct plan_service service = {0};
    json_t *config = json_pack("{s:s, s:{s:{s:i}}}", "image", "web", "ports", "http", "number", 80);
    int result = effects->service_prepare(context, "web", config, NULL, err);
    if (result == 0)
        result = effects->service_start(context, "web", config, NULL, &service, err);
    json_decref(config);
    plan_service_done(&service);
    return result;
}

int plan_run(const struct plan_request *request, const struct plan_effects *effects, void *context,
             struct error **err)
{
    effects->phase(context, PLAN_INTERPRETING, 0, 0);
    effects->phase(context, PLAN_EXECUTING, 1, 1);
    if (strstr(request->source, "print"))
        effects->output(context, "printed\n", 8);
    bool start = strstr(request->source, "start") || strstr(request->source, "\"web\"");
    if (start && start_web(effects, context, err) < 0)
        return -1;
    if (strstr(request->source, "fail"))
        return error_set(err, EIO, "app.star:1:1: failed");
    if (strstr(request->source, "hang") && cancel_wait(request->cancel, 0))
        return error_set(err, ECANCELED, "cancelled");
    return 0;
}
