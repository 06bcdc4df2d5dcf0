/* The head of a hijacked connection, by hand. */
#include "backend/docker/hijack.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEAD_MAX = 16 << 10, /* bytes; dockerd's is about 150 */
    REFUSAL_MAX = 64 << 10
};
#define HEAD_TIMEOUT (30 * CLOCK_SECOND)

int hijack_wait(int fd, short events, int64_t deadline, const struct cancel *cancel,
                struct error **err)
{
    for (;;) {
        struct pollfd wait[] = {{.fd = fd, .events = events},
                                {.fd = cancel_fd(cancel), .events = POLLIN}};
        int64_t left = deadline ? deadline - clock_monotonic() : 0;
        struct timespec timeout = clock_timespec(left > 0 ? left : 0);
        int ready = ppoll(wait, 2, deadline ? &timeout : NULL, NULL);
        if (cancel_fired(cancel))
            return error_set(err, ECANCELED, "cancelled");
        if (ready > 0 && wait[0].revents)
            return 0;
        if (deadline && left <= 0)
            return error_set(err, ETIMEDOUT, "the command took too long");
    }
}

static int send_all(int fd, const char *bytes, size_t length, int64_t deadline,
                    const struct cancel *cancel, struct error **err)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            error_set(err, EAGAIN, "the Docker engine closed the connection");
            return -1;
        }
        if (sent < 0 && hijack_wait(fd, POLLOUT, deadline, cancel, err) < 0)
            return -1;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

/* How many of the next bytes belong to the head; *ret_end: with the empty line that ends it. Bytes
 * are looked at first and then taken, so that none of what follows is. */
static size_t head_part(const struct buf *head, const char *bytes, size_t length, bool *ret_end)
{
    static const char end[] = "\r\n\r\n";
    size_t matched = 0; /* of end, at the head's end */
    for (size_t k = 1; k < sizeof end - 1 && k <= head->length; k++)
        if (memcmp(head->data + head->length - k, end, k) == 0)
            matched = k;
    for (size_t i = 0; i < length; i++) {
        matched = bytes[i] == end[matched] ? matched + 1 : bytes[i] == '\r' ? 1 : 0;
        if (matched == sizeof end - 1) {
            *ret_end = true;
            return i + 1;
        }
    }
    return length;
}

static int head_read(int fd, struct buf *head, int64_t deadline, const struct cancel *cancel,
                     struct error **err)
{
    for (bool end = false; !end;) {
        char bytes[512];
        ssize_t seen = recv(fd, bytes, sizeof bytes, MSG_PEEK);
        if (seen == 0 || (seen < 0 && errno != EAGAIN && errno != EINTR))
            return error_set(err, EAGAIN, "the Docker engine closed the connection");
        if (seen < 0) {
            if (hijack_wait(fd, POLLIN, deadline, cancel, err) < 0)
                return -1;
            continue;
        }
        size_t part = head_part(head, bytes, (size_t)seen, &end);
        if (recv(fd, bytes, part, 0) != (ssize_t)part)
            return error_set(err, EAGAIN, "the Docker engine closed the connection");
        buf_append(head, bytes, part);
        if (head->failed)
            return error_set(err, EIO, "the head of the Docker engine's answer is too long");
    }
    return 0;
}

/* Reads the rest of a refusal, as far as it comes, and makes it an error. */
static int refusal_read(int fd, int status, int64_t deadline, const struct cancel *cancel,
                        struct error **err)
{
    cleanup(buf_done) struct buf body = BUF_INIT(REFUSAL_MAX);
    for (;;) {
        char *space = buf_reserve(&body, 4096);
        ssize_t got = space ? recv(fd, space, 4096, 0) : 0;
        if (got < 0 && errno == EAGAIN) {
            if (hijack_wait(fd, POLLIN, deadline, cancel, err) < 0)
                return -1;
            continue;
        }
        if (got <= 0)
            break;
        buf_commit(&body, (size_t)got);
    }
    /* The body may be in chunks: the message is found where its object begins and ends. */
    const char *begin = strchr(body.data, '{');
    const char *end = strrchr(body.data, '}');
    size_t length = begin && end > begin ? (size_t)(end - begin) + 1 : 0;
    return api_refuse(status, length ? begin : "", length, "exec", err);
}

static int request_send(struct docker *docker, int fd, const char *path, const char *body,
                        int64_t deadline, const struct cancel *cancel, struct error **err)
{
    const struct endpoint *endpoint = &docker->endpoint;
    cleanup(free) char *request = NULL;
    int length = asprintf(&request,
                          "POST /v1.%u%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                          "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n\r\n%s",
                          docker->api_minor, path, endpoint->host ? endpoint->host : "docker",
                          strlen(body), body);
    if (length < 0) {
        request = NULL;
        return error_set(err, ENOMEM, "out of memory");
    }
    return send_all(fd, request, (size_t)length, deadline, cancel, err);
}

int hijack_open(struct docker *docker, const char *path, const char *body,
                const struct orchestrator_call *call, struct error **err)
{
    const struct cancel *cancel = call ? call->cancel : NULL;
    int64_t deadline = call && call->deadline ? call->deadline : clock_monotonic() + HEAD_TIMEOUT;
    if (docker->api_minor == 0 && api_negotiate(docker, call, err) < 0)
        return -1;
    cleanup(close) int fd = endpoint_connect(&docker->endpoint, deadline, cancel, err);
    cleanup(buf_done) struct buf head = BUF_INIT(HEAD_MAX);
    if (fd < 0 || request_send(docker, fd, path, body, deadline, cancel, err) < 0 ||
        head_read(fd, &head, deadline, cancel, err) < 0)
        return -1;
    int status = 0;
    if (sscanf(head.data, "HTTP/1.%*d %d", &status) != 1)
        return error_set(err, EIO, "what answers at %s does not speak HTTP", docker->endpoint.text);
    if (status != 101 && status != 200)
        return refusal_read(fd, status, deadline, cancel, err);
    return steal_fd(&fd);
}
