/*
 * Logs: what a service has written, kept as plain lines in logs/SERVICE-UUID of its enclave's
 * directory. Nothing is read until somebody looks; then what is new since the last look is fetched.
 * So a log that no one reads costs nothing, and one that was read survives the container it came
 * from.
 *
 * logs/SERVICE-UUID.position says how far was read, from which container, and how much was kept and
 * dropped by then: what a killed process had appended after that is cut off and read again.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct spool {
    int fd;
    struct log_extent extent;
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
    if (!spool->failed && file_write_all(spool->fd, spool->pending.data, spool->pending.length) < 0)
        spool->failed = true;
    spool->extent.length += spool->pending.length;
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
        if (!entries[i].partial) {
            buf_putc(&spool->pending, '\n');
            spool->extent.lines++;
        }
    }
    return spool->pending.failed ? -1 : 0;
}

/* ---- how far was read ---- */

static void position_load(int dir, const char *uuid, struct spool *spool)
{
    char name[UUID_LENGTH + 16];
    cleanup(buf_done) struct buf text = BUF_INIT(4096);
    snprintf(name, sizeof name, "%s.position", uuid);
    unsigned long long length, lines, dropped, dropped_lines, count, file, offset;
    long long time;
    if (file_read(dir, name, &text, NULL) < 0 ||
        sscanf(text.data, "%llu %llu %llu %llu %lld %llu %llu %llu %127s", &length, &lines,
               &dropped, &dropped_lines, &time, &count, &file, &offset, spool->container) != 9)
        return;
    spool->extent = (struct log_extent){
        .length = length, .lines = lines, .dropped = dropped, .dropped_lines = dropped_lines};
    spool->position =
        (struct log_position){.time = time, .count = count, .file = file, .offset = offset};
}

static int position_save(int dir, const char *uuid, const struct spool *spool, struct error **err)
{
    char name[UUID_LENGTH + 16], text[512];
    const struct log_extent *extent = &spool->extent;
    const struct log_position *position = &spool->position;
    snprintf(name, sizeof name, "%s.position", uuid);
    snprintf(text, sizeof text, "%llu %llu %llu %llu %lld %llu %llu %llu %s\n",
             (unsigned long long)extent->length, (unsigned long long)extent->lines,
             (unsigned long long)extent->dropped, (unsigned long long)extent->dropped_lines,
             (long long)position->time, (unsigned long long)position->count,
             (unsigned long long)position->file, (unsigned long long)position->offset,
             spool->container);
    return file_write(dir, name, text, strlen(text), err);
}

/* ---- the bound ---- */

/* How many of the `length` bytes are newlines. */
static uint64_t newlines(const char *bytes, size_t length)
{
    uint64_t count = 0;
    for (const char *next = bytes, *end = bytes + length;
         (next = memchr(next, '\n', (size_t)(end - next))); next++)
        count++;
    return count;
}

/* How many lines end in the first `length` bytes of the file; -1 on failure. */
static int64_t count_lines(int fd, uint64_t length)
{
    char block[65536];
    int64_t lines = 0;
    for (uint64_t at = 0; at < length;) {
        size_t most = length - at < sizeof block ? length - at : sizeof block;
        ssize_t got = pread(fd, block, most, (off_t)at);
        if (got <= 0)
            return -1;
        lines += (int64_t)newlines(block, (size_t)got);
        at += (uint64_t)got;
    }
    return lines;
}

/* Keeps the newer half of a log that has passed its bound, and says so. Readers who have the old
 * file open keep it, and so does spool->fd. */
static int spool_shorten(int dir, const char *uuid, struct spool *spool, uint64_t max,
                         struct error **err)
{
    struct log_extent *extent = &spool->extent;
    uint64_t dropped;
    if (extent->length <= max)
        return 0;
    if (file_drop_oldest(dir, uuid, max / 2, &dropped, err) < 0)
        return -1;
    int64_t dropped_lines = count_lines(spool->fd, dropped);
    extent->length -= dropped;
    extent->dropped += dropped;
    extent->dropped_lines += dropped_lines > 0 ? (uint64_t)dropped_lines : 0;
    return position_save(dir, uuid, spool, err);
}

/* ---- looking ---- */

static int spool_open(struct spool *spool, int dir, const char *uuid, const char *container,
                      struct error **err)
{
    struct stat st;
    position_load(dir, uuid, spool);
    spool->fd = openat(dir, uuid, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (spool->fd < 0 || fstat(spool->fd, &st) < 0 ||
        ((uint64_t)st.st_size > spool->extent.length &&
         ftruncate(spool->fd, (off_t)spool->extent.length) < 0))
        return error_system(err, "cannot open a kept log");
    /* Shortened, but the process ended before it could say so. */
    if ((uint64_t)st.st_size < spool->extent.length) {
        spool->extent.dropped += spool->extent.length - (uint64_t)st.st_size;
        spool->extent.length = (uint64_t)st.st_size;
    }
    if (strcmp(spool->container, container) != 0) {
        spool->position = (struct log_position){0};
        snprintf(spool->container, sizeof spool->container, "%s", container);
    }
    return 0;
}

static int spool_catch_up(struct engine *engine, int dir, const char *uuid, const char *container,
                          struct log_extent *ret_extent, struct error **err)
{
    struct spool spool = {.fd = -1, .pending = BUF_INIT(4 * SPOOL_PIECE_BYTES)};
    if (spool_open(&spool, dir, uuid, container, err) < 0) {
        cleanup_close(&spool.fd);
        return -1;
    }
    struct log_position before = spool.position;
    cleanup(error_free) struct error *failure = NULL;
    engine->orchestrator->logs_read(engine->orchestrator, container, &spool.position, false,
                                    on_entries, &spool, NULL, &failure);
    if (spool_flush(&spool) < 0) { /* what was not kept is read again: the position stays */
        error_free(steal(&failure));
        error_set(&failure, ENOSPC,
                  "the log cannot be kept: the state directory is full or cannot be written");
    } else if (memcmp(&before, &spool.position, sizeof before) != 0 &&
               position_save(dir, uuid, &spool, &failure) == 0) {
        spool_shorten(dir, uuid, &spool, engine->log_bytes_max, &failure);
    }
    buf_done(&spool.pending);
    close(spool.fd);
    *ret_extent = spool.extent;
    return failure ? error_move(err, &failure) : 0;
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
    struct log_extent extent = {0};
    int result =
        container ? spool_catch_up(engine, dir, member->uuid, container, &extent, err) : -1;
    with_lock(&engine->model_lock);
    if (result == 0)
        member->log = extent;
    member->reading_logs = false;
    pthread_cond_broadcast(&engine->model_changed);
    return result;
}

bool member_starting(const struct member *member)
{
    return member->facts->status == SERVICE_STATUS_STARTING;
}

int service_open_logs(struct engine *engine, object_id id, struct error **err)
{
    cleanup(member_unref) struct member *member = member_hold(engine, id, err);
    if (!member)
        return -1;
    bool starting;
    {
        with_lock(&engine->model_lock);
        starting = member_starting(member);
    }
    cleanup(error_free) struct error *failure = NULL;
    if (!starting && service_logs_catch_up(member, &failure) < 0) {
        if (error_code(failure) == ENOSYS || error_code(failure) == ENOSPC)
            return error_move(err, &failure);
        log_debug("the log of '%s' is as it was last seen: %s", member->name,
                  error_message(failure));
    }
    cleanup(close) int dir = open_logs_dir(member, err);
    int fd = dir < 0 ? -1 : openat(dir, member->uuid, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? error_system(err, "cannot open the kept log") : fd;
}

/* ---- reading on ---- */

void service_logs_total(struct member *member, struct log_extent *ret_extent)
{
    with_lock(&member->enclave->engine->model_lock);
    *ret_extent = member->log;
}

/* Reads at *place of the log, where `extent` says what is kept. */
static ssize_t read_kept(struct member *member, const struct log_extent *extent, uint64_t place,
                         void *bytes, size_t size)
{
    uint64_t left = extent->dropped + extent->length - place;
    cleanup(close) int dir = left == 0 ? -1 : open_logs_dir(member, NULL);
    cleanup(close) int fd = dir < 0 ? -1 : openat(dir, member->uuid, O_RDONLY | O_CLOEXEC);
    ssize_t got =
        fd < 0 ? 0 : pread(fd, bytes, left < size ? left : size, (off_t)(place - extent->dropped));
    const char *last = got > 0 ? memrchr(bytes, '\n', (size_t)got) : NULL;
    return last ? last + 1 - (const char *)bytes : got > 0 ? got : 0;
}

ssize_t service_logs_read(struct member *member, uint64_t *place, uint64_t *lines, void *bytes,
                          size_t size, uint64_t *ret_lost)
{
    for (;;) {
        struct log_extent extent, after;
        service_logs_total(member, &extent);
        *ret_lost = 0;
        if (*place < extent.dropped) {
            *ret_lost = extent.dropped_lines > *lines ? extent.dropped_lines - *lines : 0;
            *place = extent.dropped;
            *lines = extent.dropped_lines;
        }
        ssize_t got = read_kept(member, &extent, *place, bytes, size);
        service_logs_total(member, &after);
        if (after.dropped != extent.dropped)
            continue; /* the file was shortened meanwhile: what was read may be another part */
        *lines += newlines(bytes, (size_t)got);
        *place += (uint64_t)got;
        return got;
    }
}
