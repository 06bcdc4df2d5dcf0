/* A server for tests: one connection at a time, but for those that are to hang. */
#include "tests/unit/plan/http_server.h"

#include "backend/base/buf.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HANGING_MAX = 16
};

struct http_server {
    int listener, stop[2], port;
    int hanging[HANGING_MAX];
    unsigned hanging_count, counted;
    pthread_t thread;
};

/* A header's value, into `value`. */
static void find_header(const char *request, const char *name, char *value, size_t size)
{
    const char *at = strcasestr(request, name);
    size_t length = at ? strcspn(at + strlen(name), "\r\n") : 0;
    snprintf(value, size, "%.*s", (int)length, at ? at + strlen(name) : "");
}

static void put_answer(struct http_server *server, const char *request, struct buf *body,
                       int *ret_status)
{
    char method[16] = "", path[256] = "", test[64], type[64];
    const char *content = strstr(request, "\r\n\r\n");
    if (sscanf(request, "%15s %255s", method, path) != 2)
        return;
    find_header(request, "\r\nX-Test: ", test, sizeof test);
    find_header(request, "\r\nContent-Type: ", type, sizeof type);
    *ret_status = 200;
    if (strcmp(path, "/json") == 0)
        buf_puts(body, "{\"a\": {\"b\": 1}, \"l\": [1, 2, 3]}");
    else if (strcmp(path, "/text") == 0)
        buf_puts(body, "words");
    else if (strcmp(path, "/count") == 0)
        buf_printf(body, "{\"n\": %u}", ++server->counted);
    else if (strncmp(path, "/echo", 5) == 0)
        buf_printf(body, "%s %s|%s|%s|%s", method, path, content + 4, test, type);
    else
        *ret_status = 404;
}

/* Reads a request with its body. */
static void read_request(int fd, struct buf *request)
{
    char piece[4096], length[32];
    for (;;) {
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
            return;
        buf_append(request, piece, (size_t)got);
        const char *body = strstr(request->data, "\r\n\r\n");
        find_header(request->data, "\r\nContent-Length: ", length, sizeof length);
        if (body && strlen(body + 4) >= strtoul(length, NULL, 10))
            return;
    }
}

static void serve(struct http_server *server, int fd)
{
    cleanup(buf_done) struct buf request = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf body = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf answer = BUF_INIT(BUF_MAX_TEXT);
    int status = 400;
    read_request(fd, &request);
    if (strstr(request.data, " /slow ") && server->hanging_count < HANGING_MAX) {
        server->hanging[server->hanging_count++] = fd;
        return;
    }
    put_answer(server, request.data, &body, &status);
    buf_printf(&answer, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
               status, body.length, body.data);
    send(fd, answer.data, answer.length, MSG_NOSIGNAL);
    close(fd);
}

static void *run(void *argument)
{
    struct http_server *server = argument;
    struct pollfd fds[] = {{.fd = server->listener, .events = POLLIN},
                           {.fd = server->stop[0], .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(server, fd);
    }
    return NULL;
}

struct http_server *http_server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct http_server *server = calloc(1, sizeof *server);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(server->listener, 16) < 0 || pipe(server->stop) < 0)
        abort();
    getsockname(server->listener, (struct sockaddr *)&address, &length);
    server->port = ntohs(address.sin_port);
    pthread_create(&server->thread, NULL, run, server);
    return server;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server)
{
    if (write(server->stop[1], "x", 1) != 1)
        abort();
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->hanging_count; i++)
        close(server->hanging[i]);
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
    free(server);
}
