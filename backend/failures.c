/*
 * engine/errors: a line for every operation that was refused or failed, newest last. Kept in memory
 * for reading and appended to a file of the state directory so that a restart does not lose it;
 * both are bounded, and drop the older half when full.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>

enum {
    FAILURES_MAX_BYTES = 256 << 10,
    FAILURE_LINE_MAX_BYTES = 16 << 10
};

int failures_open(struct engine *engine, struct error **err)
{
    engine->failures = BUF_INIT(FAILURES_MAX_BYTES);
    engine->failures_changed = clock_now();
    engine->failures_fd =
        openat(engine->state_fd, "errors", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (engine->failures_fd < 0)
        return error_system(err, "cannot open the file errors of the state directory");
    cleanup(error_free) struct error *unreadable = NULL;
    if (file_read(engine->state_fd, "errors", &engine->failures, &unreadable) < 0)
        buf_done(&engine->failures);
    return 0;
}

void failures_close(struct engine *engine)
{
    buf_done(&engine->failures);
    if (engine->failures_fd >= 0)
        close(engine->failures_fd);
}

/* Keeps the newer half, from the beginning of a line. Under failures_lock. */
static void drop_older_half(struct engine *engine)
{
    struct buf *failures = &engine->failures;
    const char *cut = memchr(failures->data + failures->length / 2, '\n',
                             failures->length - failures->length / 2);
    struct buf newer = BUF_INIT(FAILURES_MAX_BYTES);
    if (cut)
        buf_append(&newer, cut + 1, (size_t)(failures->data + failures->length - (cut + 1)));
    buf_done(failures);
    *failures = newer;
    if (ftruncate(engine->failures_fd, 0) < 0 ||
        file_write_all(engine->failures_fd, newer.data, newer.length) < 0)
        log_warning("cannot shorten the file errors of the state directory: %m");
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

static void failures_append(struct engine *engine, const char *line, size_t length)
{
    with_lock(&engine->failures_lock);
    if (engine->failures.length + length > FAILURES_MAX_BYTES)
        drop_older_half(engine);
    buf_append(&engine->failures, line, length);
    engine->failures_changed = clock_now();
    if (file_write_all(engine->failures_fd, line, length) < 0)
        log_warning("cannot write the file errors of the state directory: %m");
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
