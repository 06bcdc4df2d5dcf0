/* The texts of a service, and its page for a person. */
#include "kfs/render.h"

#include "backend/base/clock.h"

#include <jansson.h>

enum {
    LABEL_WIDTH = 12
};

CLEANUP_DEFINE(json_decref, json_t *)

/* First word: the state; after it, for those who ask why, what is known of the end. */
void render_service_status(const struct subject *subject, struct buf *out)
{
    const struct service_facts *service = subject->service;
    buf_puts(out, service_status_name(service->status));
    if (service->status == SERVICE_STATUS_STOPPED && service->exit_code >= 0)
        buf_printf(out, " exit code %d", service->exit_code);
    if (service->status == SERVICE_STATUS_FAILED && *service->reason)
        buf_printf(out, " %s", service->reason);
    buf_putc(out, '\n');
}

void render_service_uuid(const struct subject *subject, struct buf *out)
{
    render_put_line(subject->service->uuid, out);
}

void render_service_image(const struct subject *subject, struct buf *out)
{
    render_put_line(subject->service->image, out);
}

void render_service_hostname(const struct subject *subject, struct buf *out)
{
    render_put_line(subject->service->name, out);
}

void render_service_ip(const struct subject *subject, struct buf *out)
{
    render_put_line(subject->service->address, out);
}

void render_service_created(const struct subject *subject, struct buf *out)
{
    clock_put_rfc3339(out, subject->service->created);
    buf_putc(out, '\n');
}

/* ---- ports ---- */

void render_put_port(const struct port_facts *port, struct buf *out)
{
    buf_printf(out, "%s: %u/%s", port->id, port->number, port->transport);
    if (!port->host_address)
        return;
    buf_puts(out, " -> ");
    if (port->application && *port->application)
        buf_printf(out, "%s://", port->application);
    buf_printf(out, "%s:%u", port->host_address, port->host_port);
}

void render_service_ports(const struct subject *subject, struct buf *out)
{
    for (size_t i = 0; i < subject->service->port_count; i++) {
        render_put_port(&subject->service->ports[i], out);
        buf_putc(out, '\n');
    }
}

void render_service_port(const struct subject *subject, struct buf *out)
{
    const struct port_facts *port = subject->port;
    if (port->host_address)
        buf_printf(out, "%s:%u\n", port->host_address, port->host_port);
}

/* ---- from the configuration ---- */

/* text on one line: a newline inside would make two values of one. */
static void put_escaped(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_puts(out, "\\n");
        else
            buf_putc(out, *text);
    }
}

void render_service_cmd(const struct subject *subject, struct buf *out)
{
    cleanup(json_decref) json_t *config = json_loads(subject->service->config, 0, NULL);
    json_t *word;
    size_t i;
    json_array_foreach(json_object_get(config, "cmd"), i, word)
    {
        put_escaped(json_string_value(word) ? json_string_value(word) : "", out);
        buf_putc(out, '\n');
    }
}

void render_service_env(const struct subject *subject, struct buf *out)
{
    cleanup(json_decref) json_t *config = json_loads(subject->service->config, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(config, "env_vars"), key, value)
    {
        put_escaped(key, out);
        buf_putc(out, '=');
        put_escaped(json_string_value(value) ? json_string_value(value) : "", out);
        buf_putc(out, '\n');
    }
}

void render_service_config(const struct subject *subject, struct buf *out)
{
    cleanup(json_decref) json_t *config = json_loads(subject->service->config, 0, NULL);
    cleanup(free) char *text = config ? json_dumps(config, JSON_INDENT(2)) : NULL;
    render_put_line(text ? text : subject->service->config, out);
}

/* ---- inspect ---- */

static void put_section(const char *title, const struct subject *subject,
                        void (*render)(const struct subject *subject, struct buf *out),
                        struct buf *out)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    render(subject, &text);
    if (text.length == 0)
        return;
    buf_printf(out, "%s:\n", title);
    for (const char *line = text.data; *line; line = strchr(line, '\n') + 1)
        buf_printf(out, "  %.*s\n", (int)strcspn(line, "\n"), line);
}

void render_service_inspect(const struct subject *subject, struct buf *out)
{
    const struct service_facts *service = subject->service;
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    render_service_status(subject, &status);
    buf_printf(out, "%-*s %s\n", LABEL_WIDTH, "Name:", service->name);
    buf_printf(out, "%-*s %.*s\n", LABEL_WIDTH, "UUID:", UUID_SHORT_LENGTH, service->uuid);
    buf_printf(out, "%-*s %s", LABEL_WIDTH, "Status:", status.data);
    buf_printf(out, "%-*s %s\n", LABEL_WIDTH, "Image:", service->image);
    buf_printf(out, "%-*s %s\n", LABEL_WIDTH, "IP Address:", service->address);
    put_section("Ports", subject, render_service_ports, out);
    put_section("CMD", subject, render_service_cmd, out);
    put_section("ENV", subject, render_service_env, out);
}
