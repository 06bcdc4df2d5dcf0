/*
 * Logs from the engine's own files, where they can be read here: some hundred MB/s, where the API
 * gives 17 (measured on 20.10: it formats every line anew). The files are NAME, and after rotation
 * NAME.1, NAME.2 ... from new to old.
 *
 * A position is an inode and an offset in it. An inode may be used again, or a file cut to nothing,
 * so it counts only if the entry before it is of the position's time; else reading begins with the
 * oldest file, and entries are passed over by time, as with the API.
 *
 * Following waits on the API's own follow stream, of which only the arrival counts: each arrival
 * has the file read on. That wakes within a millisecond, tells the end of the service, and costs
 * nothing while nothing is logged; a watch on the file would not tell the end. What that stream
 * carries is dropped, so a reader that falls behind skips the API's slow formatting, not entries.
 * A look once a second makes up for what was written while the stream was being set up.
 */
#include "backend/docker/jsonlog.h"
#include "backend/docker/logs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILES_MAX = 64,    /* rotated files that are looked at */
    CHUNK = 256 << 10, /* bytes read at a time; the longest line that is taken */
    BATCH_ENTRIES = 4096,
};
#define FOLLOW_LOOK CLOCK_SECOND

struct file_reader {
    const char *path;
    struct log_batch *batch;
    bool terminal;
    bool resumed; /* the position was seen to be true: it is ours from then on */
    struct jsonlog jsonlog;
    uint64_t skip;
    char *chunk;
    const struct orchestrator_call *call;
    struct error *failure;
};

struct log_files {
    int fds[FILES_MAX]; /* new to old */
    uint64_t inodes[FILES_MAX];
    size_t count;
};

/* ---- the files ---- */

static void log_files_close(struct log_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        close(files->fds[i]);
    files->count = 0;
}

static int open_rotated(const char *path, int number)
{
    char name[4096];
    int length = number ? snprintf(name, sizeof name, "%s.%d", path, number)
                        : snprintf(name, sizeof name, "%s", path);
    if (length < 0 || (size_t)length >= sizeof name)
        return -1;
    cleanup(close) int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    return steal_fd(&fd);
}

/* Opens from the newest back to the one of that inode, or all. A rotation meanwhile shows as a file
 * seen before. Returns whether that inode was found, as the last. */
static bool log_files_open(struct log_files *files, const char *path, uint64_t inode)
{
    files->count = 0;
    for (int number = 0; number < FILES_MAX; number++) {
        int fd = open_rotated(path, number);
        struct stat status;
        if (fd < 0)
            return false;
        bool known = fstat(fd, &status) < 0 ||
                     (files->count > 0 && files->inodes[files->count - 1] == status.st_ino);
        if (known) {
            close(fd);
            continue;
        }
        files->fds[files->count] = fd;
        files->inodes[files->count++] = status.st_ino;
        if (inode && status.st_ino == inode)
            return true;
    }
    return false;
}

/* Whether older entries may be in files that were compressed. */
static bool has_compressed(const char *path, size_t count)
{
    char name[4096];
    int length = snprintf(name, sizeof name, "%s.%zu.gz", path, count ? count : 1);
    return length > 0 && (size_t)length < sizeof name && access(name, F_OK) == 0;
}

/* ---- entries ---- */

static int reader_take(struct file_reader *reader, char *line, size_t length)
{
    struct log_entry entry;
    if (jsonlog_decode(&reader->jsonlog, line, length, &entry) < 0)
        return 0; /* damaged, as by a loss of power: passed over */
    if (!reader->resumed && log_batch_seen(reader->batch, entry.time, &reader->skip))
        return 0;
    if (reader->terminal && !entry.partial && entry.length > 0 &&
        entry.text[entry.length - 1] == '\r')
        entry.length--;
    if (log_batch_add(reader->batch, &entry) < 0)
        return error_set(&reader->failure, ENOMEM, "out of memory");
    return 0;
}

static int reader_flush(struct file_reader *reader, uint64_t offset)
{
    reader->batch->next.offset = offset;
    if (log_batch_flush(reader->batch) != 0)
        return error_set(&reader->failure, ECANCELED, "stopped by the receiver");
    return 0;
}

/* Takes the whole lines of the chunk, which stands at offset in the file. Their length, or -1. */
static ssize_t reader_take_lines(struct file_reader *reader, size_t filled, uint64_t offset)
{
    char *at = reader->chunk, *end = reader->chunk + filled, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        if (reader_take(reader, at, (size_t)(newline - at)) < 0)
            return -1;
        at = newline + 1;
        if (reader->batch->count >= BATCH_ENTRIES &&
            reader_flush(reader, offset + (uint64_t)(at - reader->chunk)) < 0)
            return -1;
    }
    size_t taken = (size_t)(at - reader->chunk);
    /* A line longer than any that the engine writes: passed over piece by piece. */
    if (taken == 0 && filled == CHUNK)
        taken = filled;
    return reader_flush(reader, offset + taken) < 0 ? -1 : (ssize_t)taken;
}

static int reader_check(struct file_reader *reader)
{
    const struct orchestrator_call *call = reader->call;
    if (call && cancel_fired(call->cancel))
        return error_set(&reader->failure, ECANCELED, "cancelled");
    if (call && call->deadline && clock_monotonic() >= call->deadline)
        return error_set(&reader->failure, ETIMEDOUT, "reading the log took too long");
    return 0;
}

/* One file from offset to its present end, or rather to its last newline. */
static int reader_read_file(struct file_reader *reader, int fd, uint64_t inode, uint64_t offset)
{
    size_t filled = 0;
    reader->batch->next.file = inode;
    for (;;) {
        ssize_t got = pread(fd, reader->chunk + filled, CHUNK - filled, (off_t)(offset + filled));
        if (got < 0)
            return error_system(&reader->failure, "cannot read %s", reader->path);
        if (got == 0)
            return 0;
        filled += (size_t)got;
        ssize_t taken = reader_check(reader) < 0 ? -1 : reader_take_lines(reader, filled, offset);
        if (taken < 0)
            return -1;
        offset += (uint64_t)taken;
        filled -= (size_t)taken;
        memmove(reader->chunk, reader->chunk + taken, filled);
    }
}

/* The line that ends at offset, found in the `length` bytes before it and put into the chunk. NULL
 * if it begins before those, or no line ends there. */
static char *line_before(struct file_reader *reader, int fd, uint64_t offset, size_t length,
                         size_t *ret_length)
{
    if (pread(fd, reader->chunk, length, (off_t)(offset - length)) != (ssize_t)length ||
        reader->chunk[length - 1] != '\n')
        return NULL;
    char *before = length > 1 ? memrchr(reader->chunk, '\n', length - 1) : NULL;
    char *line = before ? before + 1 : reader->chunk;
    *ret_length = (size_t)(reader->chunk + length - 1 - line);
    return before || length == offset ? line : NULL;
}

/* Whether the position is one in this very file: the entry before it bears the position's time.
 * Most lines are short, so a short look comes first: this is done at every call. */
static bool position_true(struct file_reader *reader, int fd)
{
    const struct log_position *position = reader->batch->position;
    static const size_t looks[] = {1024, CHUNK};
    for (size_t i = 0; i < ARRAY_LENGTH(looks); i++) {
        size_t length = position->offset < looks[i] ? (size_t)position->offset : looks[i];
        size_t line_length;
        struct log_entry entry;
        char *line =
            length ? line_before(reader, fd, position->offset, length, &line_length) : NULL;
        if (line)
            return jsonlog_decode(&reader->jsonlog, line, line_length, &entry) == 0 &&
                   entry.time == position->time;
    }
    return position->offset == 0;
}

/* Reads all that came after the position. 1 if that is not to be had here, 0, or -1. */
static int reader_catch_up(struct file_reader *reader)
{
    struct log_files files;
    const struct log_position *position = reader->batch->position;
    bool found = log_files_open(&files, reader->path, position->file);
    uint64_t offset = 0;
    int result = files.count > 0 ? 0 : 1;
    if (found && (reader->resumed || position_true(reader, files.fds[files.count - 1]))) {
        offset = position->offset;
        reader->resumed = true;
    } else if (found) {
        log_files_close(&files);
        log_files_open(&files, reader->path, 0);
    }
    if (offset == 0 && !reader->resumed && has_compressed(reader->path, files.count))
        result = 1;
    if (result == 0 && position->time == 0)
        reader->resumed = true;
    for (size_t i = files.count; i-- > 0 && result == 0; offset = 0)
        result = reader_read_file(reader, files.fds[i], files.inodes[i], offset);
    log_files_close(&files);
    /* From here on the position is of our own making. */
    if (result == 0 && position->file)
        reader->resumed = true;
    return result;
}

/* ---- following ---- */

/* Reads on. Files that are gone are no failure: the service was removed, and the stream ends too.
 */
static bool follow_look(void *context)
{
    struct file_reader *reader = context;
    return !reader->failure && reader_catch_up(reader) >= 0;
}

static int follow_arrived(void *context, const void *bytes, size_t length)
{
    (void)bytes;
    (void)length;
    return follow_look(context) ? 0 : -1;
}

static void follow_opened(void *context)
{
    follow_look(context); /* a failure stays, and is met again at the next look */
}

static int reader_follow(struct docker *docker, struct file_reader *reader, const char *id)
{
    cleanup(free) char *path =
        http_path("/containers/%s/logs?stdout=1&stderr=1&follow=1&tail=0", id);
    const struct http_request request = {.method = "GET",
                                         .path = path,
                                         .sink = follow_arrived,
                                         .sink_context = reader,
                                         .opened = follow_opened,
                                         .alive = follow_look,
                                         .callback_context = reader,
                                         .heartbeat = FOLLOW_LOOK};
    cleanup(http_answer_done) struct http_answer answer;
    int result = api_call(docker, &request, reader->call, &answer, &reader->failure);
    return result == 0 && !follow_look(reader) ? -1 : result;
}

int logs_read_file(struct docker *docker, const char *id, const struct known *facts, bool follow,
                   struct log_batch *batch, const struct orchestrator_call *call,
                   struct error **err)
{
    if (!facts->log_path || !*facts->log_path || !facts->log_driver ||
        strcmp(facts->log_driver, "json-file") != 0)
        return 1;
    struct file_reader reader = {.path = facts->log_path,
                                 .batch = batch,
                                 .terminal = facts->terminal,
                                 .skip = batch->position->count,
                                 .chunk = malloc(CHUNK),
                                 .call = call};
    int result = reader.chunk ? reader_catch_up(&reader)
                              : error_set(&reader.failure, ENOMEM, "out of memory");
    if (result == 0 && follow)
        result = reader_follow(docker, &reader, id);
    free(reader.chunk);
    if (result < 0)
        error_move(err, &reader.failure);
    error_free(reader.failure);
    return result;
}
