/*
 * Logs by the Engine API, with a timestamp before each entry. The position is a time and how many
 * entries bear it: `since` is inclusive, so those are given again and passed over here.
 *
 * Without a terminal each frame is one entry, complete if it ends with a newline (the engine cuts
 * lines at 16 KiB). With one there are no frames: an entry is a line.
 */
#include "backend/docker/frames.h"
#include "backend/docker/lines.h"
#include "backend/docker/logs.h"

#include <string.h>

enum {
    API_ENTRY_MAX = 1 << 20, /* bytes; json-file cuts at 16 KiB, other drivers may not */
    API_BATCH_MAX = 1 << 20  /* bytes of text kept for a batch */
};

struct api_reader {
    struct log_batch *batch;
    bool terminal;
    uint64_t skip; /* entries of the position's time still to pass over */
    struct frames frames;
    struct lines lines;
    struct buf frame; /* the entry that is coming in */
    struct buf text;  /* the texts of the batch's entries; until the flush an entry has its offset
                         here in place of a pointer, as the buffer moves when it grows */
    bool garbage;
};

static int reader_flush(struct api_reader *reader)
{
    for (size_t i = 0; i < reader->batch->count; i++) {
        struct log_entry *entry = &reader->batch->entries[i];
        entry->text = reader->text.data + (uintptr_t)entry->text;
    }
    int result = log_batch_flush(reader->batch);
    buf_truncate(&reader->text, 0);
    return result;
}

/* "2026-01-02T03:04:05.678901234Z text" */
static int reader_entry(struct api_reader *reader, enum stream stream, const char *bytes,
                        size_t length, bool partial)
{
    const char *space = memchr(bytes, ' ', length < 64 ? length : 64);
    char stamp[64];
    int64_t time;
    if (!space || (size_t)(space - bytes) >= sizeof stamp) {
        reader->garbage = true;
        return -1;
    }
    memcpy(stamp, bytes, (size_t)(space - bytes));
    stamp[space - bytes] = '\0';
    if (clock_parse_rfc3339(stamp, &time) < 0) {
        reader->garbage = true;
        return -1;
    }
    if (log_batch_seen(reader->batch, time, &reader->skip))
        return 0;
    size_t text_length = length - (size_t)(space + 1 - bytes);
    if (reader->text.length + text_length > API_BATCH_MAX && reader_flush(reader) != 0)
        return -1;
    const struct log_entry entry = {.stream = stream,
                                    .time = time,
                                    .text = (const char *)(uintptr_t)reader->text.length,
                                    .length = text_length,
                                    .partial = partial};
    buf_append(&reader->text, space + 1, text_length);
    return log_batch_add(reader->batch, &entry);
}

static int reader_piece(void *context, const struct frame_piece *piece)
{
    struct api_reader *reader = context;
    struct buf *frame = &reader->frame;
    buf_append(frame, piece->bytes, piece->length);
    if (frame->failed || !piece->end)
        return frame->failed ? -1 : 0;
    bool newline = frame->length > 0 && frame->data[frame->length - 1] == '\n';
    int result =
        reader_entry(reader, piece->stream, frame->data, frame->length - newline, !newline);
    buf_truncate(frame, 0);
    return result;
}

static int reader_line(void *context, const char *line, size_t length)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    return reader_entry(context, STREAM_STDOUT, line, length, false);
}

static int reader_bytes(void *context, const void *bytes, size_t length)
{
    struct api_reader *reader = context;
    int result = reader->terminal
                     ? lines_take(&reader->lines, bytes, length)
                     : frames_take(&reader->frames, bytes, length, reader_piece, reader);
    return result == 0 ? reader_flush(reader) : result;
}

static char *logs_path(const char *id, bool follow, int64_t since)
{
    char from[48] = "0";
    if (since > 0)
        snprintf(from, sizeof from, "%lld.%09lld", (long long)(since / CLOCK_SECOND),
                 (long long)(since % CLOCK_SECOND));
    return http_path("/containers/%s/logs?stdout=1&stderr=1&timestamps=1&follow=%d&since=%s", id,
                     follow, from);
}

/* What went wrong, seen from what the reader knows. */
static int reader_error(const struct api_reader *reader, struct error **reason, struct error **err)
{
    if (reader->batch->stopped)
        return error_set(err, ECANCELED, "stopped by the receiver");
    if (reader->garbage || reader->frames.broken)
        return error_set(err, EIO, "the Docker engine's log stream is not in its framing");
    if (reader->frame.failed || reader->lines.rest.failed)
        return error_set(err, EIO, "an entry of the log is larger than %d bytes", API_ENTRY_MAX);
    return error_move(err, reason);
}

int logs_read_api(struct docker *docker, const char *id, const struct known *facts, bool follow,
                  struct log_batch *batch, const struct orchestrator_call *call, struct error **err)
{
    struct api_reader reader = {.batch = batch,
                                .terminal = facts->terminal,
                                .skip = batch->position->count,
                                .frame = BUF_INIT(API_ENTRY_MAX),
                                .text = BUF_INIT(API_BATCH_MAX + API_ENTRY_MAX)};
    reader.lines =
        (struct lines){.rest = BUF_INIT(API_ENTRY_MAX), .sink = reader_line, .context = &reader};
    cleanup(free) char *path = logs_path(id, follow, batch->position->time);
    const struct http_request request = {.method = "GET",
                                         .path = path,
                                         .sink = reader_bytes,
                                         .sink_context = &reader,
                                         .timeout = follow ? 0 : API_TIMEOUT_STREAM};
    cleanup(http_answer_done) struct http_answer answer;
    cleanup(error_free) struct error *reason = NULL;
    int result = api_call(docker, &request, call, &answer, &reason);
    if (result == 0 && reader.terminal && lines_finish(&reader.lines) != 0)
        result = -1;
    if (result == 0 && reader_flush(&reader) != 0)
        result = -1;
    if (result < 0)
        reader_error(&reader, &reason, err);
    buf_done(&reader.frame);
    buf_done(&reader.text);
    buf_done(&reader.lines.rest);
    return result;
}
