/*
 * engine/errors: a line for every operation that was refused or failed, newest last. Kept in memory
 * for reading and appended to a file of the state directory so that a restart does not lose it;
 * both are bounded, and drop the older half when full.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <string.h>

enum {
    FAILURES_MAX_BYTES = 256 << 10,
    FAILURE_LINE_MAX_BYTES = 16 << 10
};

int failures_open(struct engine *engine, struct error **err)
{
    engine->failures = BUF_INIT(FAILURES_MAX_BYTES);
    engine->failures_changed = clock_now();
    /* Also makes it, and shortens one that a killed process has left too long. */
    if (file_append_lines(engine->state_fd, "errors", "", 0, FAILURES_MAX_BYTES, err) < 0)
        return -1;
    cleanup(error_free) struct error *unreadable = NULL;
    if (file_read(engine->state_fd, "errors", &engine->failures, &unreadable) < 0)
        buf_done(&engine->failures);
    return 0;
}

/* Text as one field of a line: what would end the line or the field is escaped. */
static void put_field(struct buf *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            buf_puts(line, "\\n");
        else if (c == '\t')
            buf_putc(line, ' ');
        else if (c < 0x20 || c == 0x7f)
            buf_printf(line, "\\x%02x", c);
        else
            buf_putc(line, (char)c);
    }
}

/* Keeps the newer half, from the beginning of a line. */
static void drop_older_half(struct buf *failures)
{
    size_t half = failures->length / 2;
    const char *cut = memchr(failures->data + half, '\n', failures->length - half);
    buf_drop(failures, cut ? (size_t)(cut + 1 - failures->data) : failures->length);
}

static void failures_append(struct engine *engine, const char *line, size_t length)
{
    cleanup(error_free) struct error *err = NULL;
    with_lock(&engine->failures_lock);
    if (engine->failures.length + length > FAILURES_MAX_BYTES)
        drop_older_half(&engine->failures);
    buf_append(&engine->failures, line, length);
    engine->failures_changed = clock_now();
    if (file_append_lines(engine->state_fd, "errors", line, length, FAILURES_MAX_BYTES, &err) < 0)
        log_warning("a line of the failures is lost at the next start: %s", error_message(err));
}

void engine_note_failure(struct engine *engine, object_id enclave_id, const char *operation,
                         const char *path, const struct error *failure)
{
    cleanup(buf_done) struct buf line = BUF_INIT(FAILURE_LINE_MAX_BYTES);
    clock_put_rfc3339(&line, clock_now());
    buf_printf(&line, " %s ", operation);
    put_field(&line, path);
    buf_printf(&line, " %s: ", strerrorname_np(error_code(failure)));
    put_field(&line, error_message(failure));
    line.failed = false; /* a message too long for a line is cut, not dropped */
    buf_putc(&line, '\n');
    failures_append(engine, line.data, line.length);
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, enclave_id, NULL);
    if (enclave)
        enclave_set_error(enclave, error_message(failure));
    with_model(engine);
    engine_touch(engine, ASPECT_BIT(ASPECT_ERROR));
}

void engine_put_errors(struct engine *engine, struct buf *out)
{
    with_lock(&engine->failures_lock);
    buf_append(out, engine->failures.data, engine->failures.length);
}

int64_t engine_errors_changed(struct engine *engine)
{
    with_lock(&engine->failures_lock);
    return engine->failures_changed;
}
