/*
 * The common log of an enclave: the lines of all its services by time, each led by its service's
 * name. It is a kept text of its own with a place of its own in each service's log, so that nobody
 * pays for it who does not look at it. What is new since the last look is merged by time; a line
 * that arrives late stands where it arrived.
 *
 * New lines go through one temporary file a service, so a large log needs no memory.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The new lines of one service: in a file as (time, length, bytes), and the first that is not
 * merged yet. */
struct stream_of_lines {
    char name[NAME_MAX_SERVICE + 1], uuid[UUID_LENGTH + 1];
    char *handle;
    struct log_position position;
    char position_handle[128];
    FILE *lines;
    struct buf line; /* while reading the log: a line that is not complete; while merging: the
                        present one */
    int64_t time;
    bool ended;
};

enum {
    LINE_MAX_BYTES = 1 << 20,
    COMMON_LOG_SHARE = 4
};

static void write_line(struct stream_of_lines *stream, int64_t time)
{
    uint32_t length = (uint32_t)stream->line.length;
    fwrite(&time, sizeof time, 1, stream->lines);
    fwrite(&length, sizeof length, 1, stream->lines);
    fwrite(stream->line.data, 1, length, stream->lines);
    buf_truncate(&stream->line, 0);
}

static int on_entries(void *argument, const struct log_entry *entries, size_t count)
{
    struct stream_of_lines *stream = argument;
    for (size_t i = 0; i < count; i++) {
        size_t room = stream->line.max - stream->line.length;
        buf_append(&stream->line, entries[i].text,
                   entries[i].length < room ? entries[i].length : room);
        if (!entries[i].partial)
            write_line(stream, entries[i].time);
    }
    return ferror(stream->lines) ? -1 : 0;
}

/* Takes the next line of the stream as its present one. */
static void advance(struct stream_of_lines *stream)
{
    uint32_t length = 0;
    buf_truncate(&stream->line, 0);
    stream->ended = fread(&stream->time, sizeof stream->time, 1, stream->lines) != 1 ||
                    fread(&length, sizeof length, 1, stream->lines) != 1;
    char *text = stream->ended ? NULL : buf_reserve(&stream->line, length);
    if (text && fread(text, 1, length, stream->lines) == length)
        buf_commit(&stream->line, length);
}

static void position_name(const struct stream_of_lines *stream, char name[static UUID_LENGTH + 24])
{
    snprintf(name, UUID_LENGTH + 24, "common.%s.position", stream->uuid);
}

static void position_load(int dir, struct stream_of_lines *stream)
{
    char name[UUID_LENGTH + 24];
    long long time;
    unsigned long long count, file, offset;
    cleanup(buf_done) struct buf text = BUF_INIT(4096);
    position_name(stream, name);
    if (file_read(dir, name, &text, NULL) == 0 &&
        sscanf(text.data, "%lld %llu %llu %llu %127s", &time, &count, &file, &offset,
               stream->position_handle) == 5 &&
        strcmp(stream->position_handle, stream->handle) == 0)
        stream->position =
            (struct log_position){.time = time, .count = count, .file = file, .offset = offset};
}

static int position_save(int dir, const struct stream_of_lines *stream, struct error **err)
{
    char name[UUID_LENGTH + 24], text[320];
    position_name(stream, name);
    snprintf(text, sizeof text, "%lld %llu %llu %llu %s\n", (long long)stream->position.time,
             (unsigned long long)stream->position.count, (unsigned long long)stream->position.file,
             (unsigned long long)stream->position.offset, stream->handle);
    return file_write(dir, name, text, strlen(text), err);
}

static void stream_read(struct engine *engine, int dir, struct stream_of_lines *stream)
{
    cleanup(error_free) struct error *err = NULL;
    stream->line = BUF_INIT(LINE_MAX_BYTES);
    stream->lines = tmpfile();
    stream->ended = true;
    if (!stream->lines)
        return;
    position_load(dir, stream);
    if (engine->orchestrator->logs_read(engine->orchestrator, stream->handle, &stream->position,
                                        false, on_entries, stream, NULL, &err) < 0)
        log_debug("the log of '%s' is left out: %s", stream->name, error_message(err));
    if (stream->line.length > 0)
        write_line(stream, stream->position.time);
    rewind(stream->lines);
    advance(stream);
}

static int merge(struct stream_of_lines *streams, size_t count, FILE *out)
{
    for (;;) {
        struct stream_of_lines *first = NULL;
        for (size_t i = 0; i < count; i++)
            if (!streams[i].ended && (!first || streams[i].time < first->time))
                first = &streams[i];
        if (!first)
            return fflush(out) == 0 && !ferror(out) ? 0 : -1;
        fprintf(out, "[%s] ", first->name);
        fwrite(first->line.data, 1, first->line.length, out);
        putc('\n', out);
        advance(first);
    }
}

/* The services of the enclave that have a log. The caller frees. */
static struct stream_of_lines *streams_make(struct enclave *enclave, size_t *ret_count)
{
    with_lock(&enclave->engine->model_lock);
    struct stream_of_lines *streams = calloc(enclave->services.count + 1, sizeof *streams);
    size_t count = 0, position = 0;
    if (!streams)
        abort();
    for (const struct member *member; (member = map_next(&enclave->services, &position, NULL));) {
        if (!member->handle || member->prepared || member_starting(member))
            continue;
        memcpy(streams[count].name, member->name, sizeof member->name);
        memcpy(streams[count].uuid, member->uuid, sizeof member->uuid);
        streams[count++].handle = strdup(member->handle);
    }
    *ret_count = count;
    return streams;
}

/* Keeps the newer half of the common log when it has passed its bound. */
static int shorten(struct engine *engine, int dir, struct error **err)
{
    struct stat st;
    off_t max = (off_t)engine->log_bytes_max * COMMON_LOG_SHARE;
    if (fstatat(dir, "common", &st, 0) < 0 || st.st_size <= max)
        return 0;
    cleanup(close) int from = openat(dir, "common", O_RDONLY | O_CLOEXEC);
    cleanup(close) int to =
        openat(dir, "common.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (from < 0 || to < 0 ||
        file_copy_range(from, (uint64_t)(st.st_size - max / 2), (uint64_t)(max / 2), to) < 0)
        return error_system(err, "cannot shorten the enclave's log");
    return renameat(dir, "common.new", dir, "common") < 0
               ? error_system(err, "cannot shorten the enclave's log")
               : 0;
}

static int common_catch_up(struct enclave *enclave, int dir, struct error **err)
{
    struct engine *engine = enclave->engine;
    size_t count;
    struct stream_of_lines *streams = streams_make(enclave, &count);
    int fd = openat(dir, "common", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "a");
    int result = out ? 0 : error_system(err, "cannot open the enclave's log");
    for (size_t i = 0; i < count && result == 0; i++)
        stream_read(engine, dir, &streams[i]);
    if (result == 0 && merge(streams, count, out) < 0)
        result = error_system(err, "the enclave's log cannot be kept");
    for (size_t i = 0; i < count; i++) {
        if (result == 0)
            result = position_save(dir, &streams[i], err);
        if (streams[i].lines)
            fclose(streams[i].lines);
        buf_done(&streams[i].line);
        free(streams[i].handle);
    }
    free(streams);
    if (out)
        fclose(out);
    return result < 0 ? -1 : shorten(engine, dir, err);
}

int enclave_open_logs(struct engine *engine, object_id id, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    if (!enclave)
        return -1;
    {
        with_lock(&engine->model_lock);
        while (enclave->reading_logs)
            pthread_cond_wait(&engine->model_changed, &engine->model_lock);
        enclave->reading_logs = true;
        enclave_path(enclave, &path, "logs");
    }
    cleanup(close) int dir = file_open_dir(engine->state_fd, path.data, err);
    int fd = -1;
    if (dir >= 0 && common_catch_up(enclave, dir, err) == 0) {
        fd = openat(dir, "common", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            error_system(err, "cannot open the enclave's log");
    }
    with_lock(&engine->model_lock);
    enclave->reading_logs = false;
    pthread_cond_broadcast(&engine->model_changed);
    return fd;
}
