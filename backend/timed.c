/*
 * Counting calls. One macro makes the wrapper of an operation from its parameters; the table below
 * it is the list of all. Two are passed on uncounted: service_local_root, which makes no call, and
 * watch, which has no end.
 */
#include "backend/timed.h"

#include "backend/base/clock.h"

#include <stdatomic.h>

enum operation {
    OPERATION_INFO,
    OPERATION_LIST,
    OPERATION_NETWORK_CREATE,
    OPERATION_NETWORK_REMOVE,
    OPERATION_VOLUME_CREATE,
    OPERATION_VOLUME_REMOVE,
    OPERATION_SERVICE_CREATE,
    OPERATION_SERVICE_START,
    OPERATION_SERVICE_STOP,
    OPERATION_SERVICE_REMOVE,
    OPERATION_SERVICE_RENAME,
    OPERATION_SERVICE_STATS,
    OPERATION_ARCHIVE_PUT,
    OPERATION_ARCHIVE_GET,
    OPERATION_EXEC_RUN,
    OPERATION_EXEC_OPEN,
    OPERATION_LOGS_READ,
    OPERATION_IMAGE_INSPECT,
    OPERATION_IMAGE_PULL,
    OPERATION_IMAGE_BUILD,
    OPERATION_MAX
};

static const char *const operation_names[OPERATION_MAX] = {
    [OPERATION_INFO] = "info",
    [OPERATION_LIST] = "list",
    [OPERATION_NETWORK_CREATE] = "network_create",
    [OPERATION_NETWORK_REMOVE] = "network_remove",
    [OPERATION_VOLUME_CREATE] = "volume_create",
    [OPERATION_VOLUME_REMOVE] = "volume_remove",
    [OPERATION_SERVICE_CREATE] = "service_create",
    [OPERATION_SERVICE_START] = "service_start",
    [OPERATION_SERVICE_STOP] = "service_stop",
    [OPERATION_SERVICE_REMOVE] = "service_remove",
    [OPERATION_SERVICE_RENAME] = "service_rename",
    [OPERATION_SERVICE_STATS] = "service_stats",
    [OPERATION_ARCHIVE_PUT] = "archive_put",
    [OPERATION_ARCHIVE_GET] = "archive_get",
    [OPERATION_EXEC_RUN] = "exec_run",
    [OPERATION_EXEC_OPEN] = "exec_open",
    [OPERATION_LOGS_READ] = "logs_read",
    [OPERATION_IMAGE_INSPECT] = "image_inspect",
    [OPERATION_IMAGE_PULL] = "image_pull",
    [OPERATION_IMAGE_BUILD] = "image_build",
};

struct timed {
    struct orchestrator orchestrator;
    struct orchestrator *inner;
    const struct cancel *end;
    atomic_ullong calls[OPERATION_MAX], failures[OPERATION_MAX], nanoseconds[OPERATION_MAX];
};

static int count(struct orchestrator *self, enum operation operation, int64_t began, int result)
{
    struct timed *timed = (struct timed *)self;
    timed->calls[operation]++;
    timed->failures[operation] += result < 0;
    timed->nanoseconds[operation] += (unsigned long long)(clock_monotonic() - began);
    return result;
}

/* call, made to end with the engine if nothing else can cancel it. */
static struct orchestrator_call ending(struct orchestrator *self,
                                       const struct orchestrator_call *call)
{
    struct orchestrator_call bounded = call ? *call : (struct orchestrator_call){0};
    if (!bounded.cancel)
        bounded.cancel = ((struct timed *)self)->end;
    return bounded;
}

#define PARAMETERS(...) __VA_ARGS__
#define TIMED(name, operation, parameters, arguments)                                  \
    static int timed_##name(struct orchestrator *self, parameters, struct error **err) \
    {                                                                                  \
        struct orchestrator *inner = ((struct timed *)self)->inner;                    \
        struct orchestrator_call bounded = ending(self, call);                         \
        int64_t began = clock_monotonic();                                             \
        call = &bounded;                                                               \
        return count(self, operation, began, inner->name(inner, arguments, err));      \
    }

TIMED(info, OPERATION_INFO,
      PARAMETERS(const struct orchestrator_call *call, struct orchestrator_info *ret_info),
      PARAMETERS(call, ret_info))
TIMED(list, OPERATION_LIST,
      PARAMETERS(const struct label *having, const struct orchestrator_call *call,
                 struct orchestrator_listing **ret_listing),
      PARAMETERS(having, call, ret_listing))
TIMED(network_create, OPERATION_NETWORK_CREATE,
      PARAMETERS(const struct network_spec *spec, const struct orchestrator_call *call,
                 struct network *ret_network),
      PARAMETERS(spec, call, ret_network))
TIMED(network_remove, OPERATION_NETWORK_REMOVE,
      PARAMETERS(const char *id, const struct orchestrator_call *call), PARAMETERS(id, call))
TIMED(volume_create, OPERATION_VOLUME_CREATE,
      PARAMETERS(const char *name, struct labels labels, const struct orchestrator_call *call),
      PARAMETERS(name, labels, call))
TIMED(volume_remove, OPERATION_VOLUME_REMOVE,
      PARAMETERS(const char *name, const struct orchestrator_call *call), PARAMETERS(name, call))
TIMED(service_create, OPERATION_SERVICE_CREATE,
      PARAMETERS(const struct service_spec *spec, const struct orchestrator_call *call,
                 char **ret_id),
      PARAMETERS(spec, call, ret_id))
TIMED(service_start, OPERATION_SERVICE_START,
      PARAMETERS(const char *id, const struct orchestrator_call *call), PARAMETERS(id, call))
TIMED(service_stop, OPERATION_SERVICE_STOP,
      PARAMETERS(const char *id, int64_t grace, const struct orchestrator_call *call),
      PARAMETERS(id, grace, call))
TIMED(service_remove, OPERATION_SERVICE_REMOVE,
      PARAMETERS(const char *id, const struct orchestrator_call *call), PARAMETERS(id, call))
TIMED(service_rename, OPERATION_SERVICE_RENAME,
      PARAMETERS(const char *id, const char *name, const struct orchestrator_call *call),
      PARAMETERS(id, name, call))
TIMED(service_stats, OPERATION_SERVICE_STATS,
      PARAMETERS(const char *id, const struct orchestrator_call *call,
                 struct service_stats *ret_stats),
      PARAMETERS(id, call, ret_stats))
TIMED(archive_put, OPERATION_ARCHIVE_PUT,
      PARAMETERS(const char *id, const char *path, byte_source source, void *context,
                 const struct orchestrator_call *call),
      PARAMETERS(id, path, source, context, call))
TIMED(archive_get, OPERATION_ARCHIVE_GET,
      PARAMETERS(const char *id, const char *path, byte_sink sink, void *context,
                 const struct orchestrator_call *call),
      PARAMETERS(id, path, sink, context, call))
TIMED(exec_run, OPERATION_EXEC_RUN,
      PARAMETERS(const struct exec_spec *spec, exec_sink sink, void *context,
                 const struct orchestrator_call *call, int *ret_code),
      PARAMETERS(spec, sink, context, call, ret_code))
TIMED(exec_open, OPERATION_EXEC_OPEN,
      PARAMETERS(const struct exec_spec *spec, const struct orchestrator_call *call,
                 struct exec_session **ret_session),
      PARAMETERS(spec, call, ret_session))
TIMED(logs_read, OPERATION_LOGS_READ,
      PARAMETERS(const char *id, struct log_position *position, bool follow, log_sink sink,
                 void *context, const struct orchestrator_call *call),
      PARAMETERS(id, position, follow, sink, context, call))
TIMED(image_inspect, OPERATION_IMAGE_INSPECT,
      PARAMETERS(const char *image, const struct orchestrator_call *call,
                 struct image_info *ret_info),
      PARAMETERS(image, call, ret_info))
TIMED(image_pull, OPERATION_IMAGE_PULL,
      PARAMETERS(const char *image, const struct image_credentials *credentials,
                 image_progress_sink sink, void *context, const struct orchestrator_call *call),
      PARAMETERS(image, credentials, sink, context, call))
TIMED(image_build, OPERATION_IMAGE_BUILD,
      PARAMETERS(const struct image_build_spec *spec, byte_sink output, void *output_context,
                 const struct orchestrator_call *call),
      PARAMETERS(spec, output, output_context, call))

static int timed_watch(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                       struct error **err)
{
    struct orchestrator *inner = ((struct timed *)self)->inner;
    return inner->watch(inner, sink, context, err);
}

static char *timed_service_local_root(struct orchestrator *self, const char *id)
{
    struct orchestrator *inner = ((struct timed *)self)->inner;
    return inner->service_local_root(inner, id);
}

static void timed_free(struct orchestrator *self)
{
    struct timed *timed = (struct timed *)self;
    timed->inner->free(timed->inner);
    free(timed);
}

struct orchestrator *timed_new(struct orchestrator *inner, const struct cancel *end)
{
    struct timed *timed = calloc(1, sizeof *timed);
    if (!timed)
        abort();
    timed->inner = inner;
    timed->end = end;
    timed->orchestrator = (struct orchestrator){
        .free = timed_free,
        .watch = timed_watch,
        .service_local_root = timed_service_local_root,
        .info = timed_info,
        .list = timed_list,
        .network_create = timed_network_create,
        .network_remove = timed_network_remove,
        .volume_create = timed_volume_create,
        .volume_remove = timed_volume_remove,
        .service_create = timed_service_create,
        .service_start = timed_service_start,
        .service_stop = timed_service_stop,
        .service_remove = timed_service_remove,
        .service_rename = timed_service_rename,
        .service_stats = timed_service_stats,
        .archive_put = timed_archive_put,
        .archive_get = timed_archive_get,
        .exec_run = timed_exec_run,
        .exec_open = timed_exec_open,
        .logs_read = timed_logs_read,
        .image_inspect = timed_image_inspect,
        .image_pull = timed_image_pull,
        .image_build = timed_image_build,
    };
    return &timed->orchestrator;
}

void timed_put_metrics(struct orchestrator *orchestrator, struct buf *out)
{
    const struct timed *timed = (const struct timed *)orchestrator;
    buf_puts(
        out,
        "# HELP kfs_orchestrator_call_seconds Calls of the orchestrator and how long they took.\n"
        "# TYPE kfs_orchestrator_call_seconds summary\n");
    for (int i = 0; i < OPERATION_MAX; i++)
        buf_printf(out,
                   "kfs_orchestrator_call_seconds_sum{operation=\"%s\"} %.6f\n"
                   "kfs_orchestrator_call_seconds_count{operation=\"%s\"} %llu\n",
                   operation_names[i], (double)timed->nanoseconds[i] / 1e9, operation_names[i],
                   (unsigned long long)timed->calls[i]);
    buf_puts(out, "# HELP kfs_orchestrator_call_failures_total Calls that failed.\n"
                  "# TYPE kfs_orchestrator_call_failures_total counter\n");
    for (int i = 0; i < OPERATION_MAX; i++)
        buf_printf(out, "kfs_orchestrator_call_failures_total{operation=\"%s\"} %llu\n",
                   operation_names[i], (unsigned long long)timed->failures[i]);
}
