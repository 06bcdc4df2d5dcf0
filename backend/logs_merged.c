/*
 * The common log of an enclave: the lines of all its services by time, each led by its service's
 * name. It is a kept text of its own with a place of its own in each service's log, so that nobody
 * pays for it who does not look at it. What is new since the last look is merged by time; a line
 * that arrives late stands where it arrived.
 *
 * logs/common is the text; logs/common.position says how long it was when it was last brought up to
 * date and how far each service's log had been read by then: what a killed process had appended
 * after that, or one that had no room, is cut off and read again.
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
    POSITION_MAX_BYTES = 320, /* of one service */
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

/* Takes up where each stream was left. Gives the length that the text then had. */
static uint64_t positions_load(int dir, struct stream_of_lines *streams, size_t count)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    unsigned long long length = 0, lines, file, offset;
    long long time;
    char uuid[UUID_LENGTH + 1], handle[128], *rest = NULL;
    if (file_read(dir, "common.position", &text, NULL) < 0 ||
        sscanf(text.data, "%llu", &length) != 1)
        return 0;
    strtok_r(text.data, "\n", &rest);
    for (const char *line; (line = strtok_r(NULL, "\n", &rest));) {
        if (sscanf(line, "%32s %lld %llu %llu %llu %127s", uuid, &time, &lines, &file, &offset,
                   handle) != 6)
            continue;
        for (size_t i = 0; i < count; i++)
            if (strcmp(streams[i].uuid, uuid) == 0 && strcmp(streams[i].handle, handle) == 0)
                streams[i].position = (struct log_position){
                    .time = time, .count = lines, .file = file, .offset = offset};
    }
    return length;
}

static int positions_save(int dir, uint64_t length, const struct stream_of_lines *streams,
                          size_t count, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(64 + count * POSITION_MAX_BYTES);
    buf_printf(&text, "%llu\n", (unsigned long long)length);
    for (size_t i = 0; i < count; i++) {
        const struct log_position *position = &streams[i].position;
        buf_printf(&text, "%s %lld %llu %llu %llu %s\n", streams[i].uuid, (long long)position->time,
                   (unsigned long long)position->count, (unsigned long long)position->file,
                   (unsigned long long)position->offset, streams[i].handle);
    }
    return buf_check(&text, err) < 0
               ? -1
               : file_write(dir, "common.position", text.data, text.length, err);
}

/* Reads what is new. A log that the orchestrator does not give is left out as far as it was read;
 * one that finds no room is a failure. */
static int stream_read(struct engine *engine, int dir, struct stream_of_lines *stream,
                       struct error **err)
{
    cleanup(error_free) struct error *failure = NULL;
    stream->line = BUF_INIT(LINE_MAX_BYTES);
    int fd = file_temporary(dir, err);
    stream->lines = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!stream->lines) {
        cleanup_close(&fd);
        return error_system(err, "the enclave's log cannot be read");
    }
    if (engine->orchestrator->logs_read(engine->orchestrator, stream->handle, &stream->position,
                                        false, on_entries, stream, NULL, &failure) < 0)
        log_debug("the log of '%s' is left out: %s", stream->name, error_message(failure));
    if (stream->line.length > 0)
        write_line(stream, stream->position.time);
    if (fflush(stream->lines) != 0 || ferror(stream->lines))
        return error_system(err, "the enclave's log cannot be kept");
    rewind(stream->lines);
    advance(stream);
    return 0;
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
        fact_set(&streams[count++].handle, member->handle);
    }
    *ret_count = count;
    return streams;
}

static void streams_free(struct stream_of_lines *streams, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (streams[i].lines)
            fclose(streams[i].lines);
        buf_done(&streams[i].line);
        free(streams[i].handle);
    }
    free(streams);
}

/* Opens the text to append to it, cut to the length that goes with the positions. It is shorter if
 * it was shortened by a process that ended before it could say so. */
static FILE *common_open(int dir, uint64_t length, struct error **err)
{
    struct stat st;
    int fd = openat(dir, "common", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool ready = fd >= 0 && fstat(fd, &st) == 0 &&
                 ((uint64_t)st.st_size <= length || ftruncate(fd, (off_t)length) == 0);
    FILE *out = ready ? fdopen(fd, "a") : NULL;
    if (!out) {
        error_system(err, "cannot open the enclave's log");
        cleanup_close(&fd);
    }
    return out;
}

/* Appends what is new, and records how far that was; then keeps the newer half if it is too long.
 */
static int common_append(struct engine *engine, int dir, struct stream_of_lines *streams,
                         size_t count, struct error **err)
{
    struct stat st;
    uint64_t max = engine->log_bytes_max * COMMON_LOG_SHARE, dropped;
    FILE *out = common_open(dir, positions_load(dir, streams, count), err);
    if (!out)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = stream_read(engine, dir, &streams[i], err);
    if (result == 0 && (merge(streams, count, out) < 0 || fstat(fileno(out), &st) < 0))
        result = error_system(err, "the enclave's log cannot be kept");
    fclose(out);
    if (result < 0 || positions_save(dir, (uint64_t)st.st_size, streams, count, err) < 0)
        return -1;
    if ((uint64_t)st.st_size <= max)
        return 0;
    if (file_drop_oldest(dir, "common", max / 2, &dropped, err) < 0)
        return -1;
    return positions_save(dir, (uint64_t)st.st_size - dropped, streams, count, err);
}

static int common_catch_up(struct enclave *enclave, int dir, struct error **err)
{
    size_t count;
    struct stream_of_lines *streams = streams_make(enclave, &count);
    int result = common_append(enclave->engine, dir, streams, count, err);
    streams_free(streams, count);
    return result;
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
