/* exec: runs a command in a service through its `exec` file, shows its output and ends with its
 * exit status. The last line read is "exit N"; it is held back until more follows, which shows that
 * it was output. */
#include "tools/kfs/command.h"

#include "backend/base/buf.h"
#include "backend/base/file.h"
#include "tools/kfs/talk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_LINE_MAX = 64 /* bytes that may be the line of the exit status */
};

/* What has been read and may be the end; all before it is written out. */
static int keep_end(struct buf *held)
{
    if (held->length <= EXIT_LINE_MAX)
        return 0;
    size_t out = held->length - EXIT_LINE_MAX;
    if (file_write_all(STDOUT_FILENO, held->data, out) < 0)
        return -1;
    buf_drop(held, out);
    return 0;
}

static int copy(int fd, struct buf *held, struct error **err)
{
    char bytes[1 << 16];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        buf_append(held, bytes, (size_t)got);
        if (keep_end(held) < 0)
            return error_system(err, "standard output");
    }
    return got < 0 ? error_system(err, "cannot read the command's output") : 0;
}

/* Writes out what is held before the last line, and gives the status that this says. */
static int take_status(struct buf *held, struct error **err)
{
    if (held->length && held->data[held->length - 1] == '\n')
        buf_truncate(held, held->length - 1);
    const char *newline = strrchr(held->data, '\n');
    const char *last = newline ? newline + 1 : held->data;
    int status;
    if (sscanf(last, "exit %d", &status) != 1) {
        error_set(err, EIO, "how the command ended is not known: %s", last);
        return EXIT_FAILURE;
    }
    file_write_all(STDOUT_FILENO, held->data, (size_t)(last - held->data));
    return status;
}

int command_exec(int argc, char **argv, struct error **err)
{
    cleanup(close) int fd = talk_open(argv[1], argv[2], 0, err);
    cleanup(buf_done) struct buf held = BUF_INIT(BUF_MAX_TEXT), line = BUF_INIT(TALK_LINE_MAX);
    talk_put_command(&line, argc - 3, argv + 3);
    if (fd < 0 || talk_ask(fd, &line, err) < 0 || copy(fd, &held, err) < 0)
        return EXIT_FAILURE;
    return take_status(&held, err);
}
