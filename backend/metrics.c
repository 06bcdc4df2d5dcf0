/* The engine's numbers in Prometheus' text format (exposition format 0.0.4). Counted when asked
 * for, from the model. */
#include "backend/engine_int.h"

#include <fcntl.h>
#include <stdio.h>

struct counts {
    unsigned enclaves[ENCLAVE_STATUS_MAX], services[SERVICE_STATUS_MAX], runs[RUN_STATUS_MAX];
    unsigned pending, up;
};

static void count_model(struct engine *engine, struct counts *counts)
{
    with_lock(&engine->model_lock);
    counts->up = engine->facts->up;
    counts->pending = engine->pending;
    for (size_t i = 0; i < engine->enclave_count; i++) {
        const struct enclave *enclave = engine->enclaves[i];
        size_t position = 0;
        counts->enclaves[enclave->facts->status]++;
        for (const struct member *member; (member = map_next(&enclave->services, &position, NULL));)
            counts->services[member->facts->status]++;
        for (size_t n = 0; n < enclave->run_count; n++)
            counts->runs[enclave->runs[n]->facts->status]++;
    }
}

static void put_head(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void put_states(struct buf *out, const char *name, const char *help, const unsigned *numbers,
                       int count, const char *(*state_name)(int))
{
    put_head(out, name, help);
    for (int i = 0; i < count; i++)
        buf_printf(out, "%s{status=\"%s\"} %u\n", name, state_name(i), numbers[i]);
}

static const char *enclave_state(int status)
{
    return enclave_status_name((enum enclave_status)status);
}

static const char *service_state_name(int status)
{
    return service_status_name((enum service_status)status);
}

static const char *run_state(int status)
{
    return run_status_name((enum run_status)status);
}

/* Resident memory of this process, bytes (proc(5), statm: the second number is in pages). */
static unsigned long long resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm && fscanf(statm, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    if (statm)
        fclose(statm);
    return resident * (unsigned long long)sysconf(_SC_PAGESIZE);
}

void engine_put_metrics(struct engine *engine, struct buf *out)
{
    struct counts counts = {0};
    count_model(engine, &counts);
    put_head(out, "kfs_orchestrator_up", "Whether the orchestrator answers.");
    buf_printf(out, "kfs_orchestrator_up %u\n", counts.up);
    put_head(out, "kfs_pending", "Operations and runs that are queued or under way.");
    buf_printf(out, "kfs_pending %u\n", counts.pending);
    put_states(out, "kfs_enclaves", "Enclaves by status.", counts.enclaves, ENCLAVE_STATUS_MAX,
               enclave_state);
    put_states(out, "kfs_services", "Services by status.", counts.services, SERVICE_STATUS_MAX,
               service_state_name);
    put_states(out, "kfs_runs", "Runs by status.", counts.runs, RUN_STATUS_MAX, run_state);
    put_head(out, "process_resident_memory_bytes", "Memory of kfsd.");
    buf_printf(out, "process_resident_memory_bytes %llu\n", resident_bytes());
    timed_put_metrics(engine->orchestrator, out);
}
