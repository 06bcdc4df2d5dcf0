/* The texts of an enclave, and its page for a person. */
#include "kfs/render.h"

#include "backend/base/clock.h"
#include "kfs/row.h"
#include "kfs/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADING_WIDTH = 100,
    LABEL_WIDTH = 16
};

void render_enclave_status(const struct subject *subject, struct buf *out)
{
    render_put_line(enclave_status_name(subject->enclave->status), out);
}

void render_enclave_uuid(const struct subject *subject, struct buf *out)
{
    render_put_line(subject->enclave->uuid, out);
}

void render_enclave_created(const struct subject *subject, struct buf *out)
{
    clock_put_rfc3339(out, subject->enclave->created);
    buf_putc(out, '\n');
}

static void put_died(const struct subject *subject, struct buf *out)
{
    cleanup(free) struct service_facts **list = NULL;
    size_t count = service_list(subject->engine, subject->enclave->id, &list);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->died)
            buf_printf(out,
                       "service '%s' ended by itself with exit code %d; its last words are in "
                       "services/%s/logs\n",
                       list[i]->name, list[i]->exit_code, list[i]->name);
        service_facts_unref(list[i]);
    }
}

void render_enclave_error(const struct subject *subject, struct buf *out)
{
    const char *error = subject->enclave->error;
    size_t length = strlen(error);
    buf_append(out, error, length);
    if (length > 0 && error[length - 1] != '\n')
        buf_putc(out, '\n');
    put_died(subject, out);
}

void render_last_run(const struct subject *subject, struct buf *out)
{
    buf_printf(out, "%" PRIu64, subject->enclave->last_run);
}

/* ---- inspect ---- */

void render_put_heading(const char *title, struct buf *out)
{
    size_t signs = HEADING_WIDTH - strlen(title) - 2;
    for (size_t i = 0; i < signs / 2; i++)
        buf_putc(out, '=');
    buf_printf(out, " %s ", title);
    for (size_t i = 0; i < signs - signs / 2; i++)
        buf_putc(out, '=');
    buf_putc(out, '\n');
}

static void put_facts(const struct enclave_facts *enclave, struct buf *out)
{
    buf_printf(out, "%-*s %s\n", LABEL_WIDTH, "Name:", enclave->name);
    buf_printf(out, "%-*s %.*s\n", LABEL_WIDTH, "UUID:", UUID_SHORT_LENGTH, enclave->uuid);
    buf_printf(out, "%-*s %s\n", LABEL_WIDTH, "Status:", enclave_status_name(enclave->status));
    buf_printf(out, "%-*s ", LABEL_WIDTH, "Creation Time:");
    clock_put_rfc1123(out, enclave->created);
    buf_puts(out, "\n\n");
}

static void add_service(struct table *table, const struct service_facts *service)
{
    char uuid[UUID_SHORT_LENGTH + 1];
    snprintf(uuid, sizeof uuid, "%.*s", UUID_SHORT_LENGTH, service->uuid);
    const char *status = service_status_name(service->status);
    if (service->port_count == 0)
        table_add(table, (const char *[]){uuid, service->name, "<none>", status});
    for (size_t i = 0; i < service->port_count; i++) {
        cleanup(buf_done) struct buf port = BUF_INIT(BUF_MAX_TEXT);
        render_put_port(&service->ports[i], &port);
        if (i == 0)
            table_add(table, (const char *[]){uuid, service->name, port.data, status});
        else
            table_add(table, (const char *[]){"", "", port.data, ""});
    }
}

static void put_services(const struct subject *subject, struct buf *out)
{
    static const char *const header[] = {"UUID", "Name", "Ports", "Status"};
    cleanup(table_done) struct table table;
    table_init(&table, ARRAY_LENGTH(header), header);
    cleanup(free) struct service_facts **list = NULL;
    size_t count = service_list(subject->engine, subject->enclave->id, &list);
    for (size_t i = 0; i < count; i++) {
        add_service(&table, list[i]);
        service_facts_unref(list[i]);
    }
    table_put(&table, out);
}

static void add_artifact(void *context, const char *uuid, const char *name)
{
    char short_uuid[UUID_SHORT_LENGTH + 1];
    snprintf(short_uuid, sizeof short_uuid, "%s", uuid);
    table_add(context, (const char *[]){short_uuid, name});
}

static void put_artifacts(const struct subject *subject, struct buf *out)
{
    static const char *const header[] = {"UUID", "Name"};
    cleanup(table_done) struct table table;
    table_init(&table, ARRAY_LENGTH(header), header);
    enclave_artifacts(subject->engine, subject->enclave->id, add_artifact, &table, NULL);
    table_put(&table, out);
}

static void put_unlisted(enum directory in, const char *prefix, struct table *table)
{
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++) {
        const struct row *it = &tree_rows[row];
        if (it->in != in || !it->about)
            continue;
        cleanup(buf_done) struct buf name = BUF_INIT(256);
        buf_printf(&name, "%s%s", prefix, it->name);
        table_add(table, (const char *[]){name.data, it->about});
    }
}

void render_enclave_inspect(const struct subject *subject, struct buf *out)
{
    put_facts(subject->enclave, out);
    render_put_heading("Files Artifacts", out);
    put_artifacts(subject, out);
    buf_putc(out, '\n');
    render_put_heading("User Services", out);
    put_services(subject, out);
    buf_putc(out, '\n');
    static const char *const header[] = {"Name", "What it does"};
    cleanup(table_done) struct table table;
    table_init(&table, ARRAY_LENGTH(header), header);
    put_unlisted(DIR_ENCLAVE, "", &table);
    put_unlisted(DIR_RUN, "runs/N/", &table);
    put_unlisted(DIR_SERVICE, "services/NAME/", &table);
    render_put_heading("Files That ls Does Not Show", out);
    table_put(&table, out);
}
