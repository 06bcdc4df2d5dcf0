/* The directory of one test's results. */
#include "tools/test/record.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STEPS "steps"

enum {
    LINE_LIMIT = 64 << 10,
    KEPT_MAX = 64 << 20 /* bytes of one file that is copied here */
};

struct record {
    char *path;
    int dir, output, steps;
    bool live;
    off_t shown; /* bytes of the output that have been shown */
    const char *step;
    int64_t step_began, step_began_real;
};

static int open_file(struct record *record, const char *name, int flags)
{
    return openat(record->dir, name, flags | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

/* What an earlier run left there would be taken for this one's. Only a directory of results is
 * removed, which is known by its table of steps. */
static void clear(const char *directory)
{
    cleanup(free) char *steps = NULL;
    if (asprintf(&steps, "%s/" STEPS, directory) >= 0 && access(steps, F_OK) == 0)
        file_remove_tree(AT_FDCWD, directory, NULL);
}

struct record *record_new(const char *directory, bool live, struct error **err)
{
    cleanup(record_free) struct record *record = calloc(1, sizeof *record);
    if (!record)
        return error_set(err, ENOMEM, "out of memory"), NULL;
    *record = (struct record){.dir = -1, .output = -1, .steps = -1, .live = live};
    record->path = strdup(directory);
    clear(directory);
    if (!record->path || file_make_dirs(AT_FDCWD, directory, err) < 0)
        return NULL;
    record->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (record->dir >= 0) {
        record->output = open_file(record, "output", O_RDWR | O_APPEND);
        record->steps = open_file(record, STEPS, O_WRONLY | O_APPEND);
    }
    if (record->output < 0 || record->steps < 0)
        return error_system(err, "cannot write results to %s", directory), NULL;
    return steal(&record);
}

static void close_if(int fd)
{
    if (fd >= 0)
        close(fd);
}

void record_free(struct record *record)
{
    close_if(record->dir);
    close_if(record->output);
    close_if(record->steps);
    free(record->path);
    free(record);
}

/* ---- the output */

int record_fd(const struct record *record)
{
    return record->output;
}

void record_show(void *context)
{
    struct record *record = context;
    char bytes[1 << 14];
    ssize_t got;
    while (record->live && (got = pread(record->output, bytes, sizeof bytes, record->shown)) > 0) {
        record->shown += got;
        if (file_write_all(STDOUT_FILENO, bytes, (size_t)got) < 0)
            return;
    }
}

static void append(struct record *record, const struct buf *text)
{
    file_write_all(record->output, text->data, text->length);
    record_show(record);
}

void record_line(struct record *record, const char *format, ...)
{
    cleanup(buf_done) struct buf line = BUF_INIT(LINE_LIMIT);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&line, format, arguments);
    va_end(arguments);
    buf_putc(&line, '\n');
    append(record, &line);
}

void record_text(struct record *record, const char *text)
{
    size_t length = strlen(text);
    file_write_all(record->output, text, length);
    if (length > 0 && text[length - 1] != '\n')
        file_write_all(record->output, "\n", 1);
    record_show(record);
}

bool record_copy(struct record *record, int fd)
{
    char bytes[1 << 14];
    ssize_t got;
    bool any = false;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        file_write_all(record->output, bytes, (size_t)got);
        any = true;
    }
    record_show(record);
    return any;
}

/* ---- steps */

void record_step(struct record *record, const char *name)
{
    record->step = name;
    record->step_began = clock_monotonic();
    record->step_began_real = clock_now();
}

void record_step_end(struct record *record, const char *state, const char *remark)
{
    double seconds = (double)(clock_monotonic() - record->step_began) / CLOCK_SECOND;
    cleanup(buf_done) struct buf line = BUF_INIT(LINE_LIMIT);
    clock_put_rfc3339_nano(&line, record->step_began_real);
    buf_printf(&line, " %9.3f s  %-6s  %s%s%s\n", seconds, state, record->step, remark ? ": " : "",
               remark ? remark : "");
    file_write_all(record->steps, line.data, line.length);
    record_line(record, "# %-9s %-6s %7.3f s%s%s", record->step, state, seconds, remark ? "  " : "",
                remark ? remark : "");
}

/* ---- what is kept */

void record_put(struct record *record, const char *name, const char *text)
{
    cleanup(close) int fd = open_file(record, name, O_WRONLY);
    if (fd >= 0)
        file_write_all(fd, text, strlen(text));
}

void record_keep(struct record *record, const char *path, const char *name)
{
    cleanup(buf_done) struct buf text = BUF_INIT(KEPT_MAX);
    if (file_read(AT_FDCWD, path, &text, NULL) < 0)
        return;
    cleanup(close) int fd = open_file(record, name, O_WRONLY);
    if (fd >= 0)
        file_write_all(fd, text.data, text.length);
}

char *record_directory(struct record *record, const char *name, struct error **err)
{
    char *path;
    if (asprintf(&path, "%s/%s", record->path, name) < 0)
        return error_set(err, ENOMEM, "out of memory"), NULL;
    if (file_make_dirs(AT_FDCWD, path, err) == 0)
        return path;
    free(path);
    return NULL;
}
