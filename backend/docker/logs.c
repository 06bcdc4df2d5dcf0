/* Reading a service's log: from the engine's file where that can be read here, else by its API. */
#include "backend/docker/logs.h"

void log_batch_init(struct log_batch *batch, log_sink sink, void *context,
                    struct log_position *position)
{
    *batch = (struct log_batch){.sink = sink,
                                .context = context,
                                .position = position,
                                .from = *position,
                                .next = *position};
}

void log_batch_done(struct log_batch *batch)
{
    free(batch->entries);
    *batch = (struct log_batch){0};
}

bool log_batch_seen(struct log_batch *batch, int64_t time, uint64_t *skip)
{
    if (batch->caught_up)
        return false;
    if (time < batch->from.time)
        return true;
    if (time == batch->from.time && *skip > 0) {
        (*skip)--;
        return true;
    }
    batch->caught_up = true;
    return false;
}

int log_batch_add(struct log_batch *batch, const struct log_entry *entry)
{
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity ? batch->capacity * 2 : 256;
        struct log_entry *entries = reallocarray(batch->entries, capacity, sizeof *entries);
        if (!entries)
            return -1;
        batch->entries = entries;
        batch->capacity = capacity;
    }
    batch->entries[batch->count++] = *entry;
    if (entry->time == batch->next.time) {
        batch->next.count++;
    } else {
        batch->next.time = entry->time;
        batch->next.count = 1;
    }
    return 0;
}

int log_batch_flush(struct log_batch *batch)
{
    if (batch->count > 0 && batch->sink(batch->context, batch->entries, batch->count) != 0) {
        batch->stopped = true;
        return -1;
    }
    batch->count = 0;
    *batch->position = batch->next;
    return 0;
}

int docker_logs_read(struct orchestrator *self, const char *id, struct log_position *position,
                     bool follow, log_sink sink, void *context,
                     const struct orchestrator_call *call, struct error **err)
{
    struct docker *docker = docker_of(self);
    cleanup(known_facts_done) struct known facts = {0};
    cleanup(log_batch_done) struct log_batch batch;
    log_batch_init(&batch, sink, context, position);
    if (known_facts(docker, id, call, &facts, err) < 0)
        return -1;
    int result = logs_read_file(docker, id, &facts, follow, &batch, call, err);
    if (result <= 0)
        return result;
    batch.next.file = batch.next.offset = 0; /* not true of what the API gives */
    return logs_read_api(docker, id, &facts, follow, &batch, call, err);
}
