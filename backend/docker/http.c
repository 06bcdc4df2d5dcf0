/* Requests over libcurl's multi interface. */
#include "backend/docker/http.h"

#include <curl/curl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>

enum {
    IDLE_MAX = 8,              /* connections kept at rest; more are closed after use */
    STREAM_BUFFER = 128 << 10, /* bytes read or sent at a time: fewer, larger calls of a sink */
    CONNECT_TIMEOUT_MS = 5000, /* of a TCP connection */
    POLL_MAX_MS = 60000
};

/* One connection's worth of libcurl. */
struct link {
    CURL *easy;
    CURLM *multi;
    struct link *next;
};

struct http {
    struct endpoint *endpoint;
    pthread_mutex_t idle_lock; /* guards idle, idle_count */
    struct link *idle;
    unsigned idle_count;
};

/* What the callbacks of a running request see. */
struct exchange {
    const struct http_request *request;
    struct http_answer *answer;
    struct link *link;
    int64_t last_sign; /* monotonic ns of the last bytes that came */
    bool too_big;      /* the answer passed its maximum */
    bool stopped;      /* the sink or the source asked to stop */
    char words[CURL_ERROR_SIZE];
};

/* ---- the links ---- */

static void link_free(struct link *link)
{
    curl_easy_cleanup(link->easy);
    curl_multi_cleanup(link->multi);
    free(link);
}

static struct link *link_take(struct http *http, struct error **err)
{
    {
        with_lock(&http->idle_lock);
        struct link *link = http->idle;
        if (link) {
            http->idle = link->next;
            http->idle_count--;
            return link;
        }
    }
    struct link *link = calloc(1, sizeof *link);
    if (link) {
        link->easy = curl_easy_init();
        link->multi = curl_multi_init();
        if (link->easy && link->multi)
            return link;
        link_free(link);
    }
    error_set(err, ENOMEM, "out of memory");
    return NULL;
}

static void link_give(struct http *http, struct link *link)
{
    curl_easy_reset(link->easy);
    {
        with_lock(&http->idle_lock);
        if (http->idle_count < IDLE_MAX) {
            link->next = http->idle;
            http->idle = link;
            http->idle_count++;
            return;
        }
    }
    link_free(link);
}

static void http_global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_new(struct endpoint *endpoint, struct error **err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, http_global_init);
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    http->endpoint = endpoint;
    pthread_mutex_init(&http->idle_lock, NULL);
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (http->idle) {
        struct link *link = http->idle;
        http->idle = link->next;
        link_free(link);
    }
    pthread_mutex_destroy(&http->idle_lock);
    free(http);
}

/* ---- callbacks ---- */

static bool exchange_succeeds(const struct exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->link->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t exchange_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    static const char name[] = "Api-Version:";
    size_t length = size * count;
    exchange->last_sign = clock_monotonic();
    if (length > sizeof name && strncasecmp(line, name, sizeof name - 1) == 0) {
        const char *value = line + sizeof name - 1;
        size_t left = length - (sizeof name - 1);
        while (left > 0 && *value == ' ')
            value++, left--;
        while (left > 0 && (value[left - 1] == '\r' || value[left - 1] == '\n'))
            left--;
        snprintf(exchange->answer->version, sizeof exchange->answer->version, "%.*s", (int)left,
                 value);
    }
    bool end = length <= 2;
    if (end && exchange->request->opened && exchange_succeeds(exchange))
        exchange->request->opened(exchange->request->callback_context);
    return length;
}

static size_t exchange_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;
    exchange->last_sign = clock_monotonic();
    bool success = exchange_succeeds(exchange);
    if (success && exchange->request->sink) {
        exchange->stopped =
            exchange->request->sink(exchange->request->sink_context, bytes, length) != 0;
        return exchange->stopped ? CURL_WRITEFUNC_ERROR : length;
    }
    struct buf *body = &exchange->answer->body;
    if (!success) {
        size_t room = HTTP_MAX_ERROR_BODY - body->length;
        buf_append(body, bytes, length < room ? length : room);
        return length;
    }
    buf_append(body, bytes, length);
    exchange->too_big = body->failed;
    return body->failed ? CURL_WRITEFUNC_ERROR : length;
}

static size_t exchange_source(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    ssize_t given =
        exchange->request->source(exchange->request->source_context, bytes, size * count);
    exchange->stopped = given < 0;
    exchange->last_sign = clock_monotonic();
    return given < 0 ? CURL_READFUNC_ABORT : (size_t)given;
}

/* ---- a request ---- */

/* A dead peer of a TCP connection is noticed after about three seconds; a unix socket's at once. */
static void link_set_keepalive(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 1L);
}

static int exchange_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    const struct endpoint *endpoint = context;
    if (!endpoint->unix_path) {
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){2}, sizeof(int));
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){3000}, sizeof(int));
    }
    return CURL_SOCKOPT_OK;
}

static void exchange_set_connection(const struct exchange *exchange, struct endpoint *endpoint)
{
    CURL *easy = exchange->link->easy;
    if (endpoint->unix_path)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint->unix_path);
    else
        link_set_keepalive(easy);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, exchange_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, endpoint);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
}

static void exchange_set_body(struct exchange *exchange)
{
    CURL *easy = exchange->link->easy;
    const struct http_request *request = exchange->request;
    if (request->source) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)STREAM_BUFFER);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, exchange_source);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    } else if (request->body || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->sink)
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)STREAM_BUFFER);
}

static void exchange_set_callbacks(struct exchange *exchange)
{
    CURL *easy = exchange->link->easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->words);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, exchange_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, exchange_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
}

/* The list that libcurl needs until the request is over; *ret_url likewise. */
static int exchange_set_target(const struct exchange *exchange, const struct endpoint *endpoint,
                               struct curl_slist **ret_headers, struct error **err)
{
    cleanup(free) char *url = NULL;
    if (asprintf(&url, "%s%s", endpoint->url, exchange->request->path) < 0) {
        url = NULL;
        return error_set(err, ENOMEM, "out of memory");
    }
    /* No "Expect: 100-continue": it would cost a round trip for each body. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (const char *const *h = exchange->request->headers; list && h && *h; h++) {
        struct curl_slist *longer = curl_slist_append(list, *h);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    if (!list)
        return error_set(err, ENOMEM, "out of memory");
    *ret_headers = list;
    curl_easy_setopt(exchange->link->easy, CURLOPT_URL, url);
    curl_easy_setopt(exchange->link->easy, CURLOPT_HTTPHEADER, list);
    return 0;
}

/* What libcurl's failure means to the caller. */
static int exchange_error(const struct exchange *exchange, const struct endpoint *endpoint,
                          CURLcode code, struct error **err)
{
    if (exchange->stopped)
        return error_set(err, ECANCELED, "stopped by the receiver");
    if (exchange->too_big)
        return error_set(err, EFBIG, "the Docker engine's answer to %s %s is too large",
                         exchange->request->method, exchange->request->path);
    const char *words = exchange->words[0] ? exchange->words : curl_easy_strerror(code);
    long cause = 0;
    curl_easy_getinfo(exchange->link->easy, CURLINFO_OS_ERRNO, &cause);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return error_set(err, ENOMEM, "out of memory");
    case CURLE_COULDNT_CONNECT:
        return endpoint_error(endpoint, (int)cause, words, err);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return endpoint_error(endpoint, 0, words, err);
    default:
        return error_set(err, EIO, "what answers at %s does not speak Docker's language: %s",
                         endpoint->text, words);
    }
}

/* How long the next wait may be: until the deadline or the next heartbeat, ms. */
static int exchange_wait_ms(const struct exchange *exchange, int64_t now, int64_t deadline)
{
    int64_t wait = POLL_MAX_MS * CLOCK_MILLISECOND;
    if (deadline && deadline - now < wait)
        wait = deadline - now;
    int64_t heartbeat = exchange->request->heartbeat;
    if (heartbeat && exchange->last_sign + heartbeat - now < wait)
        wait = exchange->last_sign + heartbeat - now;
    return wait <= 0 ? 0 : (int)(wait / CLOCK_MILLISECOND + 1);
}

/* Whether the request must be given up now: 0, or -1 and why. */
static int exchange_check(struct exchange *exchange, const struct endpoint *endpoint,
                          const struct cancel *cancel, int64_t now, int64_t deadline,
                          struct error **err)
{
    const struct http_request *request = exchange->request;
    if (cancel_fired(cancel))
        return error_set(err, ECANCELED, "cancelled");
    if (deadline && now >= deadline)
        return error_set(err, ETIMEDOUT, "the Docker engine at %s took too long over %s %s",
                         endpoint->text, request->method, request->path);
    if (request->heartbeat && now - exchange->last_sign >= request->heartbeat) {
        if (!request->alive(request->callback_context))
            return endpoint_error(endpoint, 0, "it hangs", err);
        exchange->last_sign = clock_monotonic();
    }
    return 0;
}

/* Drives the transfer to its end. */
static int exchange_run(struct exchange *exchange, const struct endpoint *endpoint,
                        const struct cancel *cancel, int64_t deadline, struct error **err)
{
    CURLM *multi = exchange->link->multi;
    for (;;) {
        int running = 0, left;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return error_set(err, EIO, "the transfer failed inside libcurl");
        if (!running) {
            const CURLMsg *message = curl_multi_info_read(multi, &left);
            CURLcode code = message ? message->data.result : CURLE_RECV_ERROR;
            return code == CURLE_OK ? 0 : exchange_error(exchange, endpoint, code, err);
        }
        int64_t now = clock_monotonic();
        if (exchange_check(exchange, endpoint, cancel, now, deadline, err) < 0)
            return -1;
        struct curl_waitfd wake = {.fd = cancel_fd(cancel), .events = CURL_WAIT_POLLIN};
        curl_multi_poll(multi, &wake, cancel ? 1 : 0, exchange_wait_ms(exchange, now, deadline),
                        NULL);
    }
}

static int exchange_perform(struct exchange *exchange, struct endpoint *endpoint,
                            const struct cancel *cancel, int64_t deadline, struct error **err)
{
    struct link *link = exchange->link;
    struct curl_slist *headers = NULL;
    if (exchange_set_target(exchange, endpoint, &headers, err) < 0)
        return -1;
    exchange_set_connection(exchange, endpoint);
    exchange_set_body(exchange);
    exchange_set_callbacks(exchange);
    int result = -1;
    if (curl_multi_add_handle(link->multi, link->easy) != CURLM_OK) {
        error_set(err, ENOMEM, "out of memory");
    } else {
        result = exchange_run(exchange, endpoint, cancel, deadline, err);
        long status = 0;
        curl_easy_getinfo(link->easy, CURLINFO_RESPONSE_CODE, &status);
        exchange->answer->status = (int)status;
        curl_multi_remove_handle(link->multi, link->easy);
    }
    curl_slist_free_all(headers);
    return result;
}

int http_perform(struct http *http, const struct http_request *request,
                 const struct orchestrator_call *call, struct http_answer *ret_answer,
                 struct error **err)
{
    *ret_answer = (struct http_answer){
        .body = BUF_INIT(request->max_body ? request->max_body : (size_t)HTTP_MAX_BODY)};
    int64_t now = clock_monotonic();
    int64_t deadline = call && call->deadline ? call->deadline
                       : request->timeout     ? now + request->timeout
                                              : 0;
    struct exchange exchange = {.request = request, .answer = ret_answer, .last_sign = now};
    exchange.link = link_take(http, err);
    if (!exchange.link)
        return -1;
    int result =
        exchange_perform(&exchange, http->endpoint, call ? call->cancel : NULL, deadline, err);
    /* What failed midway may have left a connection in an unknown state. */
    if (result == 0)
        link_give(http, exchange.link);
    else
        link_free(exchange.link);
    if (result < 0)
        http_answer_done(ret_answer);
    return result;
}

/* ---- paths ---- */

static void path_put_escaped(struct buf *path, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain)
            buf_putc(path, (char)c);
        else
            buf_printf(path, "%%%02X", c);
    }
}

char *http_path(const char *format, ...)
{
    struct buf path = BUF_INIT(BUF_MAX_TEXT);
    va_list arguments;
    va_start(arguments, format);
    for (const char *f = format; *f; f++) {
        if (f[0] != '%') {
            buf_putc(&path, *f);
            continue;
        }
        f++;
        if (*f == 's')
            path_put_escaped(&path, va_arg(arguments, const char *));
        else
            buf_printf(&path, "%d", va_arg(arguments, int));
    }
    va_end(arguments);
    char *text = buf_steal(&path, NULL);
    buf_done(&path);
    return text;
}
