/* Endpoint texts and plain connections to them. */
#include "backend/docker/endpoint.h"

#include "backend/base/clock.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define DEFAULT_HOST "unix:///var/run/docker.sock" /* dockerd's own default */
#define DEFAULT_PORT "2375"                        /* IANA: docker, plain text */

static int parse_unix(struct endpoint *endpoint, const char *path, struct error **err)
{
    struct sockaddr_un address;
    if (path[0] != '/' || strlen(path) >= sizeof address.sun_path)
        return error_set(
            err, EINVAL,
            "the engine's address %s must name a socket by an absolute path of at most "
            "%zu bytes",
            endpoint->text, sizeof address.sun_path - 1);
    endpoint->unix_path = strdup(path);
    endpoint->url = strdup("http://docker");
    return 0;
}

static int parse_tcp(struct endpoint *endpoint, const char *rest, struct error **err)
{
    const char *tls = getenv("DOCKER_TLS_VERIFY");
    if (tls && *tls)
        return error_set(err, EINVAL,
                         "DOCKER_TLS_VERIFY is set, but kfs does not speak TLS to %s: forward the "
                         "engine's socket with ssh -L",
                         endpoint->text);
    bool bracket = rest[0] == '[';
    size_t length = strcspn(rest + bracket, bracket ? "]" : ":/");
    bool closed = bracket && rest[1 + length] == ']';
    const char *after = rest + bracket + length + closed;
    if (length == 0 || bracket != closed || (*after != '\0' && *after != ':' && *after != '/'))
        return error_set(err, EINVAL, "the engine's address %s names no host", endpoint->text);
    endpoint->host = strndup(rest + bracket, length);
    size_t digits = *after == ':' ? strspn(after + 1, "0123456789") : 0;
    endpoint->port = digits ? strndup(after + 1, digits) : strdup(DEFAULT_PORT);
    if (!endpoint->host || !endpoint->port ||
        asprintf(&endpoint->url, bracket ? "http://[%s]:%s" : "http://%s:%s", endpoint->host,
                 endpoint->port) < 0)
        endpoint->url = NULL;
    return 0;
}

int endpoint_parse(struct endpoint *endpoint, const char *text, struct error **err)
{
    if (!text || !*text)
        text = getenv("DOCKER_HOST");
    if (!text || !*text)
        text = DEFAULT_HOST;
    *endpoint = (struct endpoint){.text = strdup(text)};
    int result;
    if (!endpoint->text)
        result = error_set(err, ENOMEM, "out of memory");
    else if (strncmp(text, "unix://", 7) == 0)
        result = parse_unix(endpoint, text + 7, err);
    else if (strncmp(text, "tcp://", 6) == 0)
        result = parse_tcp(endpoint, text + 6, err);
    else if (strncmp(text, "http://", 7) == 0)
        result = parse_tcp(endpoint, text + 7, err);
    else
        result =
            error_set(err, EINVAL,
                      "the engine's address %s is neither unix:///PATH nor tcp://HOST:PORT", text);
    if (result == 0 && !endpoint->url)
        result = error_set(err, ENOMEM, "out of memory");
    if (result < 0)
        endpoint_done(endpoint);
    return result;
}

void endpoint_done(struct endpoint *endpoint)
{
    free(endpoint->text);
    free(endpoint->unix_path);
    free(endpoint->host);
    free(endpoint->port);
    free(endpoint->url);
    *endpoint = (struct endpoint){0};
}

int endpoint_error(const struct endpoint *endpoint, int cause, const char *words,
                   struct error **err)
{
    if (cause == EACCES || cause == EPERM)
        return error_set(err, EACCES,
                         "may not use the Docker engine at %s: be root, or in the group that owns "
                         "the socket",
                         endpoint->text);
    char text[128];
    if (cause != 0)
        words = strerror_r(cause, text, sizeof text);
    return error_set(err, EAGAIN, "the Docker engine at %s does not answer: %s", endpoint->text,
                     words);
}

/* Waits for a started connect to end. 0, or the errno of what came of it. */
static int connect_finish(int fd, int64_t deadline, const struct cancel *cancel)
{
    for (;;) {
        struct pollfd wait[] = {{.fd = fd, .events = POLLOUT},
                                {.fd = cancel_fd(cancel), .events = POLLIN}};
        int64_t left = deadline - clock_monotonic();
        if (cancel_fired(cancel))
            return ECANCELED;
        if (left <= 0)
            return ETIMEDOUT;
        struct timespec timeout = clock_timespec(left);
        if (ppoll(wait, 2, &timeout, NULL) > 0 && wait[0].revents) {
            int cause = 0;
            socklen_t length = sizeof cause;
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &length);
            return cause;
        }
    }
}

static int connect_to(const struct sockaddr *address, socklen_t length, int64_t deadline,
                      const struct cancel *cancel, int *ret_fd)
{
    cleanup(close) int fd =
        socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    if (connect(fd, address, length) < 0) {
        if (errno != EINPROGRESS)
            return errno;
        int cause = connect_finish(fd, deadline, cancel);
        if (cause != 0)
            return cause;
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int connect_unix(const char *path, int64_t deadline, const struct cancel *cancel,
                        int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect_to((const struct sockaddr *)&address, sizeof address, deadline, cancel, ret_fd);
}

static int connect_tcp(const struct endpoint *endpoint, int64_t deadline,
                       const struct cancel *cancel, int *ret_fd)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(endpoint->host, endpoint->port, &hints, &found) != 0)
        return EHOSTUNREACH;
    int cause = EHOSTUNREACH;
    for (const struct addrinfo *a = found; a && cause != 0; a = a->ai_next)
        cause = connect_to(a->ai_addr, a->ai_addrlen, deadline, cancel, ret_fd);
    freeaddrinfo(found);
    if (cause == 0)
        setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return cause;
}

int endpoint_connect(const struct endpoint *endpoint, int64_t deadline, const struct cancel *cancel,
                     struct error **err)
{
    int fd = -1;
    int cause = endpoint->unix_path ? connect_unix(endpoint->unix_path, deadline, cancel, &fd)
                                    : connect_tcp(endpoint, deadline, cancel, &fd);
    if (cause == 0)
        return fd;
    if (cause == ECANCELED)
        return error_set(err, ECANCELED, "cancelled");
    return endpoint_error(endpoint, cause, "", err);
}
