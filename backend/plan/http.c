/* HTTP by libcurl. One handle a request: recipes are rare, and what they talk to may be restarted.
 */
#include "backend/plan/http.h"

#include "backend/base/clock.h"

#include <curl/curl.h>
#include <poll.h>

enum {
    REDIRECTS_MAX = 10
};

static void curl_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    buf_append(body, data, size * count);
    return body->failed ? 0 : size * count;
}

static struct curl_slist *make_headers(const struct http_request *request)
{
    struct curl_slist *list = NULL;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)request->headers, name, value)
    {
        cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
        const char *text = json_string_value(value);
        /* "Name;" is how curl is told of a header without content. */
        buf_printf(&line, text && *text ? "%s: %s" : "%s;%s", name, text ? text : "");
        if (!strpbrk(line.data, "\r\n"))
            list = curl_slist_append(list, line.data);
    }
    if (request->body) {
        cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&line, "Content-Type: %s", request->content_type);
        if (!strpbrk(line.data, "\r\n"))
            list = curl_slist_append(list, line.data);
        list = curl_slist_append(list, "Expect:");
    }
    return list;
}

static void set_options(CURL *easy, const struct http_request *request, struct buf *body,
                        struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (!request->by_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kfs/" KFS_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
}

/* Drives one transfer to its end, watching the clock and the request to stop. */
static int drive(CURLM *multi, const struct plan_call *call, CURLcode *ret_code, struct error **err)
{
    int running = 1, pending;
    struct curl_waitfd extra = {.fd = cancel_fd(call->cancel), .events = CURL_WAIT_POLLIN};
    while (running) {
        int64_t left = 1000;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return error_set(err, EIO, "the HTTP library failed");
        if (cancel_fired(call->cancel))
            return error_set(err, ECANCELED, "cancelled");
        if (call->deadline)
            left = (call->deadline - clock_monotonic()) / CLOCK_MILLISECOND;
        if (left <= 0 && running)
            return error_set(err, ETIMEDOUT, "the request timed out");
        if (running)
            curl_multi_poll(multi, &extra, extra.fd >= 0 ? 1 : 0, (int)(left < 1000 ? left : 1000),
                            NULL);
    }
    const CURLMsg *message = curl_multi_info_read(multi, &pending);
    *ret_code = message ? message->data.result : CURLE_FAILED_INIT;
    return 0;
}

/* In the system's words, where it has any: "Connection refused" says more than the library's. */
static int explain(CURL *easy, const struct http_request *request, CURLcode code,
                   struct error **err)
{
    long number = 0;
    char words[128];
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    bool known = code == CURLE_COULDNT_CONNECT && number != 0;
    return error_set(err, EIO, "the request to %s failed: %s", request->url,
                     known ? strerror_r((int)number, words, sizeof words)
                           : curl_easy_strerror(code));
}

static int transfer(CURLM *multi, CURL *easy, const struct http_request *request, long *ret_code,
                    const struct buf *body, struct error **err)
{
    CURLcode code = CURLE_OK;
    if (drive(multi, request->call, &code, err) < 0)
        return -1;
    if (code == CURLE_WRITE_ERROR && body->failed)
        return buf_check(body, err);
    if (code != CURLE_OK)
        return explain(easy, request, code, err);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ret_code);
    return 0;
}

int http_do(const struct http_request *request, long *ret_code, struct buf *ret_body,
            struct error **err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_once);
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = make_headers(request);
    int result = -1;
    if (multi && easy) {
        set_options(easy, request, ret_body, headers);
        curl_multi_add_handle(multi, easy);
        result = transfer(multi, easy, request, ret_code, ret_body, err);
        curl_multi_remove_handle(multi, easy);
    } else {
        error_set(err, ENOMEM, "out of memory");
    }
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return result;
}
