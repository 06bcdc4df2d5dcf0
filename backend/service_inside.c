/* A look into a running service: what it uses, and where its own file system is seen from here. */
#include "backend/engine_int.h"

#include <string.h>

char *service_running_handle(struct engine *engine, object_id id, struct error **err)
{
    with_lock(&engine->model_lock);
    struct member *member = (struct member *)object_get(engine, id, OBJECT_SERVICE);
    if (!member)
        error_set(err, ENOENT, "there is no such service any more");
    else if (!member->handle || member->facts->status != SERVICE_STATUS_RUNNING)
        error_set(err, EAGAIN, "the service '%s' does not run now: its status is %s", member->name,
                  service_status_name(member->facts->status));
    else
        return strdup(member->handle);
    return NULL;
}

int service_put_stats(struct engine *engine, object_id id, struct buf *out, struct error **err)
{
    cleanup(free) char *handle = service_running_handle(engine, id, err);
    struct service_stats stats = {0};
    if (!handle ||
        engine->orchestrator->service_stats(engine->orchestrator, handle, NULL, &stats, err) < 0)
        return -1;
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"cpu_nanoseconds", stats.cpu_nanoseconds},
        {"memory_bytes", stats.memory_bytes},
        {"memory_limit_bytes", stats.memory_limit_bytes},
        {"network_received_bytes", stats.network_received_bytes},
        {"network_sent_bytes", stats.network_sent_bytes},
        {"block_read_bytes", stats.block_read_bytes},
        {"block_written_bytes", stats.block_written_bytes},
        {"processes", stats.processes},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        buf_printf(out, "%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
    return buf_check(out, err);
}

char *service_root(struct engine *engine, object_id id, struct error **err)
{
    cleanup(free) char *handle = service_running_handle(engine, id, err);
    if (!handle)
        return NULL;
    char *root = engine->no_local_root
                     ? NULL
                     : engine->orchestrator->service_local_root(engine->orchestrator, handle);
    if (!root)
        error_set(
            err, ENOSYS,
            "the service's file system cannot be seen from this machine, or not with these rights");
    return root;
}

bool service_is_mirrored(struct engine *engine, object_id id)
{
    cleanup(free) char *root = service_root(engine, id, NULL);
    return !root;
}
