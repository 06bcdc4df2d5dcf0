/* The texts of <mount>/ and engine/. */
#include "kfs/render.h"

#include "backend/base/clock.h"
#include "kfs/readme.h"
#include "kfs/table.h"

#include <stdio.h>

void render_put_line(const char *text, struct buf *out)
{
    if (*text)
        buf_printf(out, "%s\n", text);
}

void render_readme(const struct subject *subject, struct buf *out)
{
    (void)subject;
    buf_append(out, readme_text, readme_length);
}

void render_engine_status(const struct subject *subject, struct buf *out)
{
    const struct engine_facts *facts = subject->engine_facts;
    if (facts->up) {
        buf_printf(out, "RUNNING %s\n", facts->orchestrator);
        return;
    }
    buf_puts(out, "DOWN ");
    clock_put_rfc3339(out, facts->since);
    buf_printf(out, " %s\n", facts->reason);
}

void render_engine_version(const struct subject *subject, struct buf *out)
{
    (void)subject;
    buf_puts(out, KFS_VERSION "\n");
}

void render_engine_errors(const struct subject *subject, struct buf *out)
{
    engine_put_errors(subject->engine, out);
}

static void add_enclave(struct table *table, const struct enclave_facts *enclave)
{
    char uuid[UUID_SHORT_LENGTH + 1];
    snprintf(uuid, sizeof uuid, "%.*s", UUID_SHORT_LENGTH, enclave->uuid);
    cleanup(buf_done) struct buf created = BUF_INIT(128);
    clock_put_rfc1123(&created, enclave->created);
    table_add(table, (const char *[]){uuid, enclave->name, enclave_status_name(enclave->status),
                                      created.data});
}

void render_engine_enclaves(const struct subject *subject, struct buf *out)
{
    static const char *const header[] = {"UUID", "Name", "Status", "Creation Time"};
    cleanup(table_done) struct table table;
    table_init(&table, ARRAY_LENGTH(header), header);
    cleanup(free) struct enclave_facts **list = NULL;
    size_t count = enclave_list(subject->engine, true, &list);
    for (size_t i = 0; i < count; i++) {
        add_enclave(&table, list[i]);
        enclave_facts_unref(list[i]);
    }
    table_put(&table, out);
}
