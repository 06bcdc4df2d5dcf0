/*
 * A conversation with a command: its input, its output, its terminal's size, over one hijacked
 * connection. Frames are read exactly, first a head and then its payload into the caller's buffer,
 * so that no byte waits in a buffer here where poll(2) would not see it.
 */
#include "backend/docker/exec.h"
#include "backend/docker/frames.h"
#include "backend/docker/hijack.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define WRITE_TIMEOUT (600 * CLOCK_SECOND) /* of a command that does not read its input */
#define END_OF_INPUT  "\x04"               /* ^D: what a terminal's line discipline takes for it */

struct session {
    struct exec_session ops; /* first */
    struct docker *docker;
    struct exec exec;
    int fd;
    struct frames frames;    /* the reader's */
    struct exec_words words; /* the reader's */
    atomic_bool ended;       /* the output is at its end */
};

static struct session *session_of(struct exec_session *self)
{
    return (struct session *)self;
}

/* ---- output ---- */

/* Like recv, but waits: the number of bytes, 0 at the end. */
static ssize_t session_recv(struct session *session, void *bytes, size_t size,
                            const struct orchestrator_call *call, struct error **err)
{
    for (;;) {
        ssize_t got = recv(session->fd, bytes, size, 0);
        if (got >= 0)
            return got;
        if (errno == ECONNRESET || errno == EPIPE)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return error_system(err, "cannot read from the command");
        if (hijack_wait(session->fd, POLLIN, call ? call->deadline : 0, call ? call->cancel : NULL,
                        err) < 0)
            return -1;
    }
}

static ssize_t session_end(struct session *session, struct error **err)
{
    session->ended = true;
    if (!session->exec.terminal && !frames_complete(&session->frames))
        return error_set(err, EIO, "the output of the command was cut off");
    return 0;
}

/* The next piece of a frame, put into bytes; empty frames are passed over. */
static ssize_t session_read_framed(struct session *session, void *bytes, size_t size,
                                   enum stream *ret_stream, const struct orchestrator_call *call,
                                   struct error **err)
{
    for (;;) {
        struct frames *frames = &session->frames;
        unsigned char head[sizeof frames->head];
        size_t missing = frames_head_missing(frames);
        size_t wanted = missing > 0 ? missing : frames->left < size ? frames->left : size;
        unsigned char *into = missing > 0 ? head : bytes;
        ssize_t got = session_recv(session, into, wanted, call, err);
        if (got <= 0)
            return got < 0 ? got : session_end(session, err);
        const unsigned char *at = into;
        struct frame_piece piece;
        int result = frames_next(frames, &at, into + got, &piece);
        if (result < 0)
            return error_set(err, EIO, "the output of the command is not in Docker's framing");
        if (result == 1 && piece.length > 0) {
            *ret_stream = piece.stream;
            return (ssize_t)piece.length;
        }
    }
}

static ssize_t session_read(struct exec_session *self, void *bytes, size_t size,
                            enum stream *ret_stream, const struct orchestrator_call *call,
                            struct error **err)
{
    struct session *session = session_of(self);
    ssize_t got;
    if (session->ended || size == 0)
        return 0;
    if (session->exec.terminal) {
        *ret_stream = STREAM_STDOUT;
        got = session_recv(session, bytes, size, call, err);
        if (got == 0)
            session->ended = true;
    } else {
        got = session_read_framed(session, bytes, size, ret_stream, call, err);
    }
    if (got > 0)
        exec_words_take(&session->words, bytes, (size_t)got);
    return got;
}

/* ---- input ---- */

static int session_write(struct exec_session *self, const void *bytes, size_t length,
                         const struct orchestrator_call *call, struct error **err)
{
    struct session *session = session_of(self);
    const char *at = bytes;
    int64_t deadline = call && call->deadline ? call->deadline : clock_monotonic() + WRITE_TIMEOUT;
    while (length > 0) {
        ssize_t sent = session->ended ? -1 : send(session->fd, at, length, MSG_NOSIGNAL);
        if (session->ended || (sent < 0 && errno != EAGAIN && errno != EINTR))
            return error_set(err, EPIPE, "the command takes no more input");
        if (sent < 0 &&
            hijack_wait(session->fd, POLLOUT, deadline, call ? call->cancel : NULL, err) < 0)
            return -1;
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

static int session_close_input(struct exec_session *self, struct error **err)
{
    struct session *session = session_of(self);
    if (session->exec.terminal) /* closing would hang up and leave the command running */
        return session_write(self, END_OF_INPUT, 1, NULL, err);
    if (shutdown(session->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        return error_system(err, "cannot end the command's input");
    return 0;
}

static int session_resize(struct exec_session *self, unsigned rows, unsigned columns,
                          struct error **err)
{
    struct session *session = session_of(self);
    const struct api_request request = {
        .method = "POST",
        .path = http_path("/exec/%s/resize?h=%d&w=%d", session->exec.id, (int)rows, (int)columns),
        .timeout = 5 * CLOCK_SECOND};
    return api_json(session->docker, &request, NULL, NULL, NULL, err);
}

/* ---- the end ---- */

static int session_exit_code(struct exec_session *self, int *ret_code, struct error **err)
{
    struct session *session = session_of(self);
    bool running;
    int code;
    if (exec_inspect(session->docker, &session->exec, NULL, &running, &code, err) < 0)
        return -1;
    if (running)
        return error_set(err, EAGAIN, "the command is still running");
    *ret_code = exec_words_code(&session->words, code);
    return 0;
}

static int session_poll_fd(struct exec_session *self)
{
    return session_of(self)->fd;
}

static void session_free(struct exec_session *self)
{
    struct session *session = session_of(self);
    if (session->fd >= 0 && !session->ended)
        exec_kill(session->docker, &session->exec);
    if (session->fd >= 0)
        close(session->fd);
    exec_done(&session->exec);
    free(session);
}

static const struct exec_session session_operations = {
    .read = session_read,
    .write = session_write,
    .close_input = session_close_input,
    .resize = session_resize,
    .exit_code = session_exit_code,
    .poll_fd = session_poll_fd,
    .free = session_free,
};

int docker_exec_open(struct orchestrator *self, const struct exec_spec *spec,
                     const struct orchestrator_call *call, struct exec_session **ret_session,
                     struct error **err)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return error_set(err, ENOMEM, "out of memory");
    session->ops = session_operations;
    session->docker = docker_of(self);
    session->fd = -1;
    if (exec_create(session->docker, spec, true, call, &session->exec, err) < 0) {
        free(session);
        return -1;
    }
    cleanup(free) char *path = http_path("/exec/%s/start", session->exec.id);
    const char *body =
        spec->terminal ? "{\"Detach\":false,\"Tty\":true}" : "{\"Detach\":false,\"Tty\":false}";
    session->fd = path ? hijack_open(session->docker, path, body, call, err)
                       : error_set(err, ENOMEM, "out of memory");
    if (session->fd < 0) {
        session_free(&session->ops);
        return -1;
    }
    *ret_session = &session->ops;
    return 0;
}
