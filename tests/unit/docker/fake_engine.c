/* The scripted engine: a thread that accepts and one for each connection. */
#include "tests/unit/docker/fake_engine.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    ANSWERS_MAX = 64,
    CONNECTIONS_MAX = 256,
    REQUESTS_MAX = 256 << 20
};

struct connection {
    struct fake_engine *fake;
    pthread_t thread;
    int fd;
    bool held, chunked;
};

struct fake_engine {
    char directory[64];
    char host[128];
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct fake_answer answers[ANSWERS_MAX];
    unsigned given[ANSWERS_MAX];
    size_t answer_count;
    struct connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
    struct buf requests;
    bool ending;
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

/* ---- requests ---- */

static ssize_t receive_some(int fd, struct buf *buf)
{
    char *space = buf_reserve(buf, 65536);
    require(space, "a request is too large");
    ssize_t got = recv(fd, space, 65536, 0);
    if (got > 0)
        buf_commit(buf, (size_t)got);
    return got;
}

/* Whether the request in buf is whole; *ret_length is its length then. */
static bool request_whole(const struct buf *buf, size_t *ret_length)
{
    const char *end = strstr(buf->data, "\r\n\r\n");
    if (!end)
        return false;
    size_t head = (size_t)(end - buf->data) + 4;
    const char *length = strcasestr(buf->data, "\r\nContent-Length: ");
    const char *chunked = strcasestr(buf->data, "\r\nTransfer-Encoding: chunked");
    if (chunked && chunked < end) {
        const char *last = memmem(buf->data + head, buf->length - head, "0\r\n\r\n", 5);
        *ret_length = last ? (size_t)(last - buf->data) + 5 : 0;
        return last;
    }
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    *ret_length = head + body;
    return buf->length >= head + body;
}

/* The request line without "/v1.41" in its path. */
static void request_line(const struct buf *request, char *line, size_t size)
{
    size_t length = strcspn(request->data, "\r");
    const char *version = strstr(request->data, " /v1.");
    if (version && version < request->data + length) {
        const char *path = strchr(version + 2, '/');
        snprintf(line, size, "%.*s%.*s", (int)(version + 1 - request->data), request->data,
                 (int)(request->data + length - path), path);
    } else {
        snprintf(line, size, "%.*s", (int)length, request->data);
    }
}

static struct fake_answer answer_find(struct fake_engine *fake, const char *line)
{
    with_lock(&fake->lock);
    for (size_t i = 0; i < fake->answer_count; i++) {
        const struct fake_answer *answer = &fake->answers[i];
        bool left = answer->times == 0 || fake->given[i] < answer->times;
        if (left && strncmp(line, answer->request, strlen(answer->request)) == 0) {
            fake->given[i]++;
            return *answer;
        }
    }
    if (strncmp(line, "GET /_ping", 10) == 0)
        return (struct fake_answer){.headers = "Api-Version: 1.41\r\n", .body = "OK"};
    return (struct fake_answer){.status = 404, .body = "{\"message\":\"no answer in the script\"}"};
}

/* ---- answers ---- */

static bool send_pieces(int fd, const char *bytes, size_t length, size_t piece)
{
    for (size_t done = 0; done < length;) {
        size_t part = piece && piece < length - done ? piece : length - done;
        ssize_t sent = send(fd, bytes + done, part, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static void answer_head(const struct fake_answer *answer, size_t length, struct buf *out)
{
    buf_printf(out, "HTTP/1.1 %d Whatever\r\n%s", answer->status ? answer->status : 200,
               answer->headers ? answer->headers : "");
    if (answer->hold)
        buf_printf(out, "Transfer-Encoding: chunked\r\n\r\n");
    else if (answer->endless)
        buf_puts(out, "Connection: close\r\n\r\n");
    else
        buf_printf(out, "Content-Length: %zu\r\n\r\n", length);
}

/* Waits out the delay, or until the engine ends. */
static void answer_wait(struct fake_engine *fake, int64_t delay)
{
    struct timespec limit = clock_timespec(clock_now() + delay);
    with_lock(&fake->lock);
    while (delay && !fake->ending &&
           pthread_cond_timedwait(&fake->changed, &fake->lock, &limit) == 0)
        continue;
}

static void connection_hold(struct connection *connection, bool chunked)
{
    struct fake_engine *fake = connection->fake;
    with_lock(&fake->lock);
    connection->chunked = chunked;
    connection->held = true;
    pthread_cond_broadcast(&fake->changed);
}

/* Whether the connection goes on. */
static bool answer_give(struct connection *connection, const struct fake_answer *answer)
{
    const char *body = answer->body ? answer->body : "";
    size_t length = answer->length ? answer->length : strlen(body);
    struct buf out = BUF_INIT(REQUESTS_MAX);
    answer_wait(connection->fake, answer->delay);
    if (!answer->raw)
        answer_head(answer, length, &out);
    if (answer->hold && !answer->raw && length)
        buf_printf(&out, "%zx\r\n", length);
    buf_append(&out, body, length);
    if (answer->hold && !answer->raw && length)
        buf_puts(&out, "\r\n");
    size_t all = answer->cut && answer->cut < out.length ? answer->cut : out.length;
    bool sent = send_pieces(connection->fd, out.data, all, answer->piece);
    while (sent && answer->endless)
        sent = send_pieces(connection->fd, body, length, 0);
    buf_done(&out);
    if (sent && answer->hold)
        connection_hold(connection, !answer->raw);
    return sent && !answer->cut && (!answer->raw || answer->hold);
}

static void requests_note(struct fake_engine *fake, const char *bytes, size_t length)
{
    with_lock(&fake->lock);
    buf_append(&fake->requests, bytes, length);
    pthread_cond_broadcast(&fake->changed);
}

static void *connection_run(void *context)
{
    struct connection *connection = context;
    struct buf in = BUF_INIT(REQUESTS_MAX);
    bool open = true;
    while (open) {
        size_t length;
        char line[2048];
        if (!request_whole(&in, &length)) {
            if (receive_some(connection->fd, &in) <= 0)
                break;
            continue;
        }
        request_line(&in, line, sizeof line);
        requests_note(connection->fake, in.data, length);
        struct fake_answer answer = answer_find(connection->fake, line);
        open = answer_give(connection, &answer);
        if (answer.hold && open) { /* what still comes is a conversation */
            buf_truncate(&in, 0);
            while (receive_some(connection->fd, &in) > 0) {
                requests_note(connection->fake, in.data, in.length);
                buf_truncate(&in, 0);
            }
            break;
        }
        memmove(in.data, in.data + length, in.length - length);
        buf_truncate(&in, in.length - length);
    }
    buf_done(&in);
    with_lock(&connection->fake->lock);
    connection->held = false;
    shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static void *fake_run(void *context)
{
    struct fake_engine *fake = context;
    for (;;) {
        int fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        with_lock(&fake->lock);
        require(fake->connection_count < CONNECTIONS_MAX, "too many connections");
        struct connection *connection = &fake->connections[fake->connection_count++];
        *connection = (struct connection){.fake = fake, .fd = fd};
        require(pthread_create(&connection->thread, NULL, connection_run, connection) == 0,
                "pthread_create");
    }
}

/* ---- for the tests ---- */

struct fake_engine *fake_engine_new(void)
{
    struct fake_engine *fake = calloc(1, sizeof *fake);
    require(fake, "calloc");
    fake->requests = BUF_INIT(REQUESTS_MAX);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
    memcpy(fake->directory, "/tmp/kfs-fake-XXXXXX", 21);
    require(mkdtemp(fake->directory), "mkdtemp");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/docker.sock", fake->directory);
    snprintf(fake->host, sizeof fake->host, "unix://%s", address.sun_path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(bind(fake->listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    require(listen(fake->listener, 100) == 0, "listen");
    require(pthread_create(&fake->thread, NULL, fake_run, fake) == 0, "pthread_create");
    return fake;
}

void fake_engine_drop(struct fake_engine *fake)
{
    with_lock(&fake->lock);
    for (unsigned i = 0; i < fake->connection_count; i++)
        shutdown(fake->connections[i].fd, SHUT_RDWR);
}

void fake_engine_free(struct fake_engine *fake)
{
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    {
        with_lock(&fake->lock);
        fake->ending = true;
        pthread_cond_broadcast(&fake->changed);
    }
    fake_engine_drop(fake);
    for (unsigned i = 0; i < fake->connection_count; i++) {
        pthread_join(fake->connections[i].thread, NULL);
        close(fake->connections[i].fd);
    }
    close(fake->listener);
    file_remove_tree(AT_FDCWD, fake->directory, NULL);
    buf_done(&fake->requests);
    pthread_mutex_destroy(&fake->lock);
    pthread_cond_destroy(&fake->changed);
    free(fake);
}

const char *fake_engine_host(const struct fake_engine *fake)
{
    return fake->host;
}

struct orchestrator *fake_engine_client(const struct fake_engine *fake)
{
    const struct docker_options options = {
        .host = fake->host, .instance = "test", .config_dir = fake->directory};
    struct orchestrator *client = docker_new(&options, NULL);
    require(client, "docker_new");
    return client;
}

void fake_engine_answer(struct fake_engine *fake, const struct fake_answer *answer)
{
    with_lock(&fake->lock);
    require(fake->answer_count < ANSWERS_MAX, "too many answers");
    fake->given[fake->answer_count] = 0;
    fake->answers[fake->answer_count++] = *answer;
}

void fake_engine_forget(struct fake_engine *fake)
{
    with_lock(&fake->lock);
    fake->answer_count = 0;
}

static struct connection *held_connection(struct fake_engine *fake)
{
    for (unsigned i = fake->connection_count; i-- > 0;)
        if (fake->connections[i].held)
            return &fake->connections[i];
    return NULL;
}

void fake_engine_send(struct fake_engine *fake, const char *bytes, size_t length)
{
    struct connection *connection;
    with_lock(&fake->lock);
    while (!(connection = held_connection(fake)))
        pthread_cond_wait(&fake->changed, &fake->lock);
    char head[32];
    int head_length = snprintf(head, sizeof head, "%zx\r\n", length);
    if (connection->chunked)
        send_pieces(connection->fd, head, (size_t)head_length, 0);
    send_pieces(connection->fd, bytes, length, 0);
    if (connection->chunked)
        send_pieces(connection->fd, "\r\n", 2, 0);
}

unsigned fake_engine_connections(struct fake_engine *fake)
{
    with_lock(&fake->lock);
    return fake->connection_count;
}

char *fake_engine_requests(struct fake_engine *fake)
{
    with_lock(&fake->lock);
    return strdup(fake->requests.data);
}

void fake_engine_await(struct fake_engine *fake, const char *text)
{
    struct timespec limit = clock_timespec(clock_now() + 10 * CLOCK_SECOND);
    with_lock(&fake->lock);
    while (!memmem(fake->requests.data, fake->requests.length, text, strlen(text)))
        require(pthread_cond_timedwait(&fake->changed, &fake->lock, &limit) == 0, text);
}
