/*
 * Events: a JSON line for every change that a person or a program may wait for, in a file of the
 * engine and in one of the enclave. They follow from the changes that the model publishes, so
 * nothing can change without one. Growing output and files of a run are no events.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
    EVENTS_MAX_BYTES = 8 << 20,
    EVENT_MAX_BYTES = 4096
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

/* Keeps the newer half of a file of lines that has passed its bound. */
static void shorten(int dir, const char *name)
{
    cleanup(buf_done) struct buf text = BUF_INIT(2 * EVENTS_MAX_BYTES);
    if (file_read(dir, name, &text, NULL) < 0)
        return;
    const char *cut = memchr(text.data + text.length / 2, '\n', text.length - text.length / 2);
    if (cut)
        file_write(dir, name, cut + 1, (size_t)(text.data + text.length - (cut + 1)), NULL);
}

static void append(int dir, const char *name, const struct buf *line)
{
    struct stat st;
    cleanup(close) int fd =
        openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || file_write_all(fd, line->data, line->length) < 0)
        log_debug("an event is lost: %s: %m", name);
    else if (fstat(fd, &st) == 0 && st.st_size > EVENTS_MAX_BYTES)
        shorten(dir, name);
}

void event_record(struct engine *engine, const struct buf *line, const char *enclave_path)
{
    if (line->length == 0 || line->failed)
        return;
    with_lock(&engine->events_lock);
    append(engine->state_fd, "events", line);
    if (enclave_path)
        append(engine->state_fd, enclave_path, line);
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
