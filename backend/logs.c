/*
 * Logs: what a service has written, kept as plain lines in logs/SERVICE-UUID of its enclave's
 * directory. Nothing is read until somebody looks; then what is new since the last look is fetched.
 * So a log that no one reads costs nothing, and one that was read survives the container it came
 * from.
 *
 * logs/SERVICE-UUID.position says how far was read, from which container, and how long the kept
 * text was then: what a killed process had appended after that is cut off and read again.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct spool {
    int fd;
    int64_t length;
    struct log_position position;
    char container[128];
    struct buf pending; /* appended to the file in large pieces */
    bool failed;
};

enum {
    SPOOL_PIECE_BYTES = 1 << 20
};

static int spool_flush(struct spool *spool)
{
    if (spool->pending.length == 0)
        return 0;
    if (file_write_all(spool->fd, spool->pending.data, spool->pending.length) < 0)
        spool->failed = true;
    spool->length += (int64_t)spool->pending.length;
    buf_truncate(&spool->pending, 0);
    return spool->failed ? -1 : 0;
}

static int on_entries(void *argument, const struct log_entry *entries, size_t count)
{
    struct spool *spool = argument;
    for (size_t i = 0; i < count; i++) {
        if (spool->pending.length + entries[i].length + 1 > SPOOL_PIECE_BYTES &&
            spool_flush(spool) < 0)
            return -1;
        buf_append(&spool->pending, entries[i].text, entries[i].length);
        if (!entries[i].partial)
            buf_putc(&spool->pending, '\n');
    }
    return spool->pending.failed ? -1 : 0;
}

static void position_load(int dir, const char *uuid, struct spool *spool)
{
    char name[UUID_LENGTH + 16];
    cleanup(buf_done) struct buf text = BUF_INIT(4096);
    snprintf(name, sizeof name, "%s.position", uuid);
    long long length, time;
    unsigned long long count, file, offset;
    if (file_read(dir, name, &text, NULL) < 0 ||
        sscanf(text.data, "%lld %lld %llu %llu %llu %127s", &length, &time, &count, &file, &offset,
               spool->container) != 6)
        return;
    spool->length = length;
    spool->position =
        (struct log_position){.time = time, .count = count, .file = file, .offset = offset};
}

static int position_save(int dir, const char *uuid, const struct spool *spool, struct error **err)
{
    char name[UUID_LENGTH + 16], text[512];
    snprintf(name, sizeof name, "%s.position", uuid);
    snprintf(text, sizeof text, "%lld %lld %llu %llu %llu %s\n", (long long)spool->length,
             (long long)spool->position.time, (unsigned long long)spool->position.count,
             (unsigned long long)spool->position.file, (unsigned long long)spool->position.offset,
             spool->container);
    return file_write(dir, name, text, strlen(text), err);
}

/* Keeps the newer half of a log that has passed its bound. Readers who have the old file open keep
 * it. */
static int spool_shorten(int dir, const char *uuid, struct spool *spool, int64_t max,
                         struct error **err)
{
    if (spool->length <= max)
        return 0;
    char temporary[UUID_LENGTH + 8];
    snprintf(temporary, sizeof temporary, "%s.new", uuid);
    cleanup(close) int to = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t from = spool->length - max / 2;
    char block[4096];
    ssize_t got = pread(spool->fd, block, sizeof block, from);
    const char *newline = got > 0 ? memchr(block, '\n', (size_t)got) : NULL;
    if (newline)
        from += newline + 1 - block;
    int64_t kept = spool->length - from;
    for (int64_t left = kept; to >= 0 && left > 0;) {
        ssize_t copied = copy_file_range(spool->fd, &from, to, NULL, (size_t)left, 0);
        if (copied <= 0)
            return error_system(err, "cannot shorten a log");
        left -= copied;
    }
    if (to < 0 || renameat(dir, temporary, dir, uuid) < 0)
        return error_system(err, "cannot shorten a log");
    spool->length = kept;
    return 0;
}

static int spool_catch_up(struct engine *engine, int dir, const char *uuid, const char *container,
                          struct error **err)
{
    struct spool spool = {.fd = openat(dir, uuid, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
                          .pending = BUF_INIT(4 * SPOOL_PIECE_BYTES)};
    cleanup(close) int fd = spool.fd;
    struct stat st;
    position_load(dir, uuid, &spool);
    if (fd < 0 || fstat(fd, &st) < 0 ||
        (st.st_size > spool.length && ftruncate(fd, spool.length) < 0))
        return error_system(err, "cannot open a kept log");
    if (st.st_size < spool.length) /* shortened, but the process ended before it could say so */
        spool.length = st.st_size;
    if (strcmp(spool.container, container) != 0) {
        spool.position = (struct log_position){0};
        snprintf(spool.container, sizeof spool.container, "%s", container);
    }
    struct log_position before = spool.position;
    cleanup(error_free) struct error *failure = NULL;
    int result = engine->orchestrator->logs_read(engine->orchestrator, container, &spool.position,
                                                 false, on_entries, &spool, NULL, &failure);
    if (spool_flush(&spool) < 0)
        error_set(&failure, ENOSPC,
                  "the log cannot be kept: the state directory is full or cannot be written");
    buf_done(&spool.pending);
    bool moved = memcmp(&before, &spool.position, sizeof before) != 0;
    if (moved && (spool_shorten(dir, uuid, &spool, (int64_t)engine->log_bytes_max, &failure) < 0 ||
                  position_save(dir, uuid, &spool, &failure) < 0))
        return error_move(err, &failure);
    return result < 0 || failure ? error_move(err, &failure) : 0;
}

static int open_logs_dir(struct member *member, struct error **err)
{
    struct engine *engine = member->enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        enclave_path(member->enclave, &path, "logs");
    }
    return file_open_dir(engine->state_fd, path.data, err);
}

int service_logs_catch_up(struct member *member, struct error **err)
{
    struct engine *engine = member->enclave->engine;
    cleanup(close) int dir = open_logs_dir(member, err);
    cleanup(free) char *container = NULL;
    if (dir < 0)
        return -1;
    {
        with_lock(&engine->model_lock);
        while (member->reading_logs)
            pthread_cond_wait(&engine->model_changed, &engine->model_lock);
        if (!member->handle || member->prepared)
            return 0;
        member->reading_logs = true;
        container = strdup(member->handle);
    }
    int result = container ? spool_catch_up(engine, dir, member->uuid, container, err) : -1;
    with_lock(&engine->model_lock);
    member->reading_logs = false;
    pthread_cond_broadcast(&engine->model_changed);
    return result;
}

int service_open_logs(struct engine *engine, object_id id, struct error **err)
{
    cleanup(member_unref) struct member *member = member_hold(engine, id, err);
    if (!member)
        return -1;
    cleanup(error_free) struct error *failure = NULL;
    if (service_logs_catch_up(member, &failure) < 0) {
        if (error_code(failure) == ENOSYS || error_code(failure) == ENOSPC)
            return error_move(err, &failure);
        log_debug("the log of '%s' is as it was last seen: %s", member->name,
                  error_message(failure));
    }
    cleanup(close) int dir = open_logs_dir(member, err);
    int fd = dir < 0 ? -1 : openat(dir, member->uuid, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? error_system(err, "cannot open the kept log") : fd;
}
