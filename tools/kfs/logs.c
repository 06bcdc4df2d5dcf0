/* logs: the `logs` files of an enclave's services, each line led by its service's name where there
 * are several. -f goes on as `tail -f` does, by looking for growth, until the services are gone. */
#include "tools/kfs/command.h"

#include "backend/base/file.h"
#include "tools/kfs/tree.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FOLLOW_INTERVAL = 200, /* ms between two looks for growth */
    BLOCK = 1 << 16        /* bytes read at a time */
};

struct stream {
    const char *name; /* NULL: lines are not led by a name */
    char *path;       /* owned; gone when the service is */
    int fd;
    bool in_line; /* the last byte written was not a newline */
};

struct logs {
    struct stream *streams;
    size_t count;
    char **names; /* owned; what the streams' names point into */
};

static void logs_done(struct logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        free(logs->streams[i].path);
        if (logs->streams[i].fd >= 0)
            close(logs->streams[i].fd);
    }
    free(logs->streams);
    tree_names_free(logs->names, logs->names ? logs->count : 0);
}

static int stream_open(struct stream *stream, const char *enclave, const char *service,
                       struct error **err)
{
    stream->path = tree_path(err, "enclaves", enclave, "services", service, "logs", NULL);
    stream->fd = stream->path ? open(stream->path, O_RDONLY | O_CLOEXEC) : -1;
    if (stream->fd < 0 && stream->path)
        error_system(err, "%s", stream->path);
    return stream->fd < 0 ? -1 : 0;
}

static int logs_open(struct logs *logs, const char *enclave, const char *service,
                     struct error **err)
{
    size_t count = 1;
    if (!service && tree_list(err, &logs->names, &count, "enclaves", enclave, "services", NULL) < 0)
        return -1;
    logs->streams = calloc(count + 1, sizeof *logs->streams);
    if (!logs->streams)
        return error_set(err, ENOMEM, "out of memory");
    logs->count = count;
    for (size_t i = 0; i < count; i++)
        logs->streams[i].fd = -1;
    for (size_t i = 0; i < count; i++) {
        const char *name = service ? service : logs->names[i];
        logs->streams[i].name = service ? NULL : name;
        if (stream_open(&logs->streams[i], enclave, name, err) < 0)
            return -1;
    }
    return 0;
}

/* Moves to where the last `lines` lines begin. */
static int stream_seek_tail(const struct stream *stream, long lines, struct error **err)
{
    struct stat info;
    if (fstat(stream->fd, &info) < 0)
        return error_system(err, "%s", stream->path);
    char bytes[BLOCK];
    /* The newline that ends the last line does not begin another. */
    off_t end = info.st_size > 0 ? info.st_size - 1 : 0;
    while (end > 0) {
        size_t want = end < BLOCK ? (size_t)end : BLOCK;
        ssize_t got = pread(stream->fd, bytes, want, end - (off_t)want);
        if (got != (ssize_t)want)
            return error_system(err, "%s", stream->path);
        for (size_t i = want; i > 0; i--)
            if (bytes[i - 1] == '\n' && --lines == 0)
                return lseek(stream->fd, end - (off_t)(want - i), SEEK_SET) < 0
                           ? error_system(err, "%s", stream->path)
                           : 0;
        end -= (off_t)want;
    }
    return 0;
}

static void write_led(struct stream *stream, const char *bytes, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t line = newline ? (size_t)(newline - bytes) + 1 : length;
        if (!stream->in_line)
            printf("[%s] ", stream->name);
        fwrite(bytes, 1, line, stdout);
        stream->in_line = !newline;
        bytes += line;
        length -= line;
    }
}

/* Writes out what there is now. */
static int stream_copy(struct stream *stream, struct error **err)
{
    char bytes[BLOCK];
    ssize_t got;
    while ((got = read(stream->fd, bytes, sizeof bytes)) > 0) {
        if (stream->name)
            write_led(stream, bytes, (size_t)got);
        else
            fwrite(bytes, 1, (size_t)got, stdout);
    }
    if (got < 0)
        return error_system(err, "%s", stream->path);
    return fflush(stdout) == EOF ? error_system(err, "standard output") : 0;
}

/* A service that is removed ends its stream. */
static bool stream_follow(struct stream *stream)
{
    if (stream->fd < 0)
        return false;
    bool gone = access(stream->path, F_OK) < 0;
    if (stream_copy(stream, NULL) == 0 && !gone)
        return true;
    close(stream->fd);
    stream->fd = -1;
    return false;
}

static void logs_follow(struct logs *logs)
{
    bool any = true;
    while (any) {
        poll(NULL, 0, FOLLOW_INTERVAL);
        any = false;
        for (size_t i = 0; i < logs->count; i++)
            any |= stream_follow(&logs->streams[i]);
    }
}

struct logs_options {
    bool follow;
    long lines; /* 0: all */
};

static int parse(int argc, char **argv, struct logs_options *options)
{
    int option;
    opterr = 0;
    while ((option = getopt(argc, argv, "+fn:")) != -1) {
        char *end = NULL;
        if (option == 'f')
            options->follow = true;
        else if (option == 'n')
            options->lines = strtol(optarg, &end, 10);
        if (option == '?' || (end && (*end || options->lines <= 0)))
            return -1;
    }
    return argc - optind == 1 || argc - optind == 2 ? 0 : -1;
}

int command_logs(int argc, char **argv, struct error **err)
{
    struct logs_options options = {.lines = 0};
    if (parse(argc, argv, &options) < 0)
        return COMMAND_MISUSED;
    struct logs logs = {.count = 0};
    int result = logs_open(&logs, argv[optind], argv[optind + 1], err);
    for (size_t i = 0; i < logs.count && result == 0; i++) {
        if (options.lines)
            result = stream_seek_tail(&logs.streams[i], options.lines, err);
        if (result == 0)
            result = stream_copy(&logs.streams[i], err);
    }
    if (result == 0 && options.follow)
        logs_follow(&logs);
    logs_done(&logs);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
