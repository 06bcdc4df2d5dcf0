/*
 * Events: a JSON line for every change that a person or a program may wait for, in a file of the
 * engine and in one of the enclave. They follow from the changes that the model publishes, so
 * nothing can change without one. Growing output and files of a run are no events.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>

enum {
    EVENTS_MAX_BYTES = 8 << 20
};

static const char *const kind_names[OBJECT_KIND_MAX] = {"engine", "enclave", "service", "run"};
static const char *const change_names[] = {[CHANGE_ADDED] = "added",
                                           [CHANGE_REMOVED] = "removed",
                                           [CHANGE_MODIFIED] = "status",
                                           [CHANGE_RENAMED] = "renamed"};

bool event_wanted(const struct engine_change *change)
{
    const unsigned telling = ASPECT_BIT(ASPECT_STATUS) | ASPECT_BIT(ASPECT_ARTIFACTS);
    return change->change != CHANGE_MODIFIED || (change->aspects & telling);
}

static void put_string(struct buf *line, const char *key, const char *value)
{
    buf_printf(line, ", \"%s\": \"", key);
    buf_put_json_escaped(line, value, strlen(value));
    buf_putc(line, '"');
}

void event_put(struct buf *line, const struct engine_change *change, const char *enclave,
               const char *status)
{
    bool artifacts =
        change->change == CHANGE_MODIFIED && !(change->aspects & ASPECT_BIT(ASPECT_STATUS));
    buf_puts(line, "{\"time\": \"");
    clock_put_rfc3339_nano(line, clock_now());
    buf_putc(line, '"');
    put_string(line, "event", artifacts ? "artifacts" : change_names[change->change]);
    put_string(line, "kind", kind_names[change->kind]);
    if (*enclave)
        put_string(line, "enclave", enclave);
    put_string(line, "name", change->name);
    if (change->old_name)
        put_string(line, "old_name", change->old_name);
    if (*status)
        put_string(line, "status", status);
    buf_puts(line, "}\n");
}

struct pending_event {
    struct pending_event *next;
    char *line, *enclave_path;
};

void event_queue(struct engine *engine, char *line, char *enclave_path)
{
    struct pending_event *event = malloc(sizeof *event);
    if (!event || !line)
        abort();
    *event = (struct pending_event){.line = line, .enclave_path = enclave_path};
    *engine->last_event = event;
    engine->last_event = &event->next;
}

static void append(struct engine *engine, const char *name, const char *line)
{
    cleanup(error_free) struct error *err = NULL;
    if (file_append_lines(engine->state_fd, name, line, strlen(line), EVENTS_MAX_BYTES, &err) < 0)
        log_debug("an event is lost: %s", error_message(err));
}

void events_write(struct engine *engine)
{
    struct pending_event *events;
    with_lock(&engine->events_lock);
    {
        with_lock(&engine->model_lock);
        events = steal(&engine->events);
        engine->last_event = &engine->events;
    }
    for (struct pending_event *event = events, *next; event; event = next) {
        next = event->next;
        append(engine, "events", event->line);
        if (event->enclave_path)
            append(engine, event->enclave_path, event->line);
        free(event->line);
        free(event->enclave_path);
        free(event);
    }
}

int engine_open_events(struct engine *engine, object_id enclave_id, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    if (enclave_id) {
        with_lock(&engine->model_lock);
        struct enclave *enclave = (struct enclave *)object_get(engine, enclave_id, OBJECT_ENCLAVE);
        if (!enclave)
            return error_set(err, ENOENT, "there is no such enclave any more");
        enclave_path(enclave, &path, "events");
    } else {
        buf_puts(&path, "events");
    }
    int fd = openat(engine->state_fd, path.data, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? error_system(err, "cannot open the events") : fd;
}
