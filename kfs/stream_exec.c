/*
 * `exec`: one open file is one conversation. The first line written is
 *
 *     [-i] [-t] COMMAND
 *
 * and is run by the service's shell. What is read is its output, both streams, and when it has
 * ended a last line "exit N", in a read of its own. With -i what is written further is its input,
 * which a write of the single byte EOT (Ctrl-D) ends; with -t it has a terminal, whose size
 * ioctl(2) sets.
 */
#include "kfs/exec_file.h"
#include "kfs/stream.h"

#include <stdio.h>
#include <string.h>

struct conversation {
    pthread_mutex_t start_lock; /* guards all below; held while the command is started */
    struct service_exec *exec;
    bool input, terminal;
    bool in_line; /* the output so far does not end a line */
    bool told;    /* the exit status was */
};

static int exec_open(struct stream *stream, const struct subject *subject, struct error **err)
{
    (void)subject;
    struct conversation *talk = calloc(1, sizeof *talk);
    if (!talk)
        return error_set(err, ENOMEM, "out of memory");
    pthread_mutex_init(&talk->start_lock, NULL);
    stream_set(stream, talk);
    return 0;
}

static struct service_exec *exec_of(struct conversation *talk)
{
    with_lock(&talk->start_lock);
    return talk->exec;
}

static void put_exit(struct conversation *talk, struct service_exec *exec, struct buf *out)
{
    int code;
    cleanup(error_free) struct error *failure = NULL;
    if (talk->in_line)
        buf_putc(out, '\n');
    if (service_exec_code(exec, &code, &failure) == 0)
        buf_printf(out, "exit %d\n", code);
    else
        buf_printf(out, "exit unknown: %s\n", error_message(failure));
    talk->told = true;
}

static bool exec_read(struct stream *stream, struct buf *out)
{
    struct conversation *talk = stream_get(stream);
    struct service_exec *exec = exec_of(talk);
    if (!exec || talk->told)
        return false;
    cleanup(free) char *bytes = malloc(STREAM_CHUNK);
    ssize_t got = bytes ? service_exec_read(exec, bytes, STREAM_CHUNK) : 0;
    if (got > 0) {
        buf_append(out, bytes, (size_t)got);
        talk->in_line = bytes[got - 1] != '\n';
    }
    if (got < 0)
        put_exit(talk, exec, out);
    return got >= 0;
}

/* Takes an option word off the line. */
static bool take_option(const char **line, const char *option)
{
    size_t length = strlen(option);
    if (strncmp(*line, option, length) != 0 || (*line)[length] != ' ')
        return false;
    *line += length + strspn(*line + length, " ");
    return true;
}

static int start(struct stream *stream, struct conversation *talk, const struct subject *subject,
                 const char *line, struct error **err)
{
    for (bool more = true; more;) {
        bool input_option = take_option(&line, "-i"), terminal_option = take_option(&line, "-t");
        talk->input |= input_option;
        talk->terminal |= terminal_option;
        more = input_option || terminal_option;
    }
    if (!*line)
        return error_set(err, EINVAL, "write [-i] [-t] COMMAND");
    char shell[] = "sh", option[] = "-c";
    cleanup(free) char *command = strdup(line);
    char *const argv[] = {shell, option, command, NULL};
    talk->exec = service_exec_start(subject->engine, subject->service->id, argv, talk->terminal,
                                    stream_grown, stream, err);
    if (!talk->exec)
        return -1;
    return talk->input ? 0 : service_exec_close_input(talk->exec, err);
}

static int exec_write(struct stream *stream, const struct subject *subject, const char *bytes,
                      size_t size, struct error **err)
{
    struct conversation *talk = stream_get(stream);
    struct service_exec *exec = exec_of(talk);
    if (!exec) {
        cleanup(free) char *line = strndup(bytes, size - (size > 0 && bytes[size - 1] == '\n'));
        if (!line)
            return error_set(err, ENOMEM, "out of memory");
        with_lock(&talk->start_lock);
        return start(stream, talk, subject, line, err);
    }
    if (!talk->input)
        return error_set(err, EPIPE, "the command has no input: it was not started with -i");
    /* A terminal takes that byte itself for the end. */
    if (size == 1 && *bytes == '\x04' && !talk->terminal)
        return service_exec_close_input(exec, err);
    return service_exec_write(exec, bytes, size, err);
}

static bool exec_idle(struct stream *stream)
{
    return !exec_of(stream_get(stream));
}

static bool exec_has_room(struct stream *stream)
{
    struct service_exec *exec = exec_of(stream_get(stream));
    return !exec || service_exec_has_room(exec);
}

static int exec_control(struct stream *stream, unsigned command, const void *argument, size_t size,
                        struct error **err)
{
    struct conversation *talk = stream_get(stream);
    struct service_exec *exec = exec_of(talk);
    struct winsize window;
    if (command != KFS_EXEC_RESIZE || size != sizeof window || !exec || !talk->terminal)
        return error_set(err, ENOTTY, "there is no terminal");
    memcpy(&window, argument, sizeof window);
    return service_exec_resize(exec, window.ws_row, window.ws_col, err);
}

static void exec_close(struct stream *stream)
{
    struct conversation *talk = stream_get(stream);
    if (talk->exec)
        service_exec_free(talk->exec);
    pthread_mutex_destroy(&talk->start_lock);
    free(talk);
}

const struct stream_kind stream_exec = {.open = exec_open,
                                        .read = exec_read,
                                        .write = exec_write,
                                        .idle = exec_idle,
                                        .has_room = exec_has_room,
                                        .control = exec_control,
                                        .close = exec_close};
