/*
 * HTTP requests to one endpoint: connections are kept, every request has a deadline, can be
 * cancelled within milliseconds, and takes no more memory than its maximum.
 *
 * Knows nothing of the Engine API: an answer of any status is a success here, an error is a request
 * that got none.
 *
 * Each request runs on an easy handle with a multi handle of its own; the multi is what lets one
 * poll(2) wait for the socket and the cancellation, and it holds the kept connection. Pairs at rest
 * are reused last in, first out.
 *
 * Errors: EAGAIN nobody answers or the connection broke, EACCES, ETIMEDOUT, ECANCELED, EFBIG an
 * answer above its maximum, EIO what came is not HTTP.
 */
#ifndef KFS_DOCKER_HTTP_H
#define KFS_DOCKER_HTTP_H

#include "backend/base/clock.h"
#include "backend/docker/endpoint.h"

struct http;

struct http_request {
    const char *method;
    const char *path;           /* with its query; begins with '/' */
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    const char *body;           /* sent with its length; NULL: none */
    size_t body_length;
    byte_source source; /* instead of body: sent in chunks until it gives 0 */
    void *source_context;
    byte_sink sink; /* takes the body of a 2xx answer instead of http_answer.body; NULL: none */
    void *sink_context;
    void (*opened)(void *context); /* called when a 2xx answer begins */
    size_t max_body;               /* of http_answer.body, bytes; 0: HTTP_MAX_BODY */
    int64_t timeout;              /* ns from now, where the call sets no deadline; 0: none at all */
    int64_t heartbeat;            /* ns of silence after which `alive` is asked; 0: never */
    bool (*alive)(void *context); /* false breaks the request off: EAGAIN */
    void *callback_context;       /* of opened and alive */
};

struct http_answer {
    int status;
    struct buf body;  /* of an answer that went to no sink */
    char version[16]; /* value of the Api-Version header, "" if there was none */
};
static inline void http_answer_done(struct http_answer *answer)
{
    buf_done(&answer->body);
}
static inline void cleanup_http_answer_done(struct http_answer *answer)
{
    http_answer_done(answer);
}

enum {
    HTTP_MAX_BODY = BUF_MAX_DOCUMENT,
    HTTP_MAX_ERROR_BODY = 64 << 10 /* of an answer that is no 2xx; the rest is dropped */
};

struct http *http_new(struct endpoint *endpoint, struct error **err); /* borrows endpoint */
void http_free(struct http *http);

/* *ret_answer is filled on success, and is then to be released; else it is empty. */
int http_perform(struct http *http, const struct http_request *request,
                 const struct orchestrator_call *call, struct http_answer *ret_answer,
                 struct error **err);

/* A path with its arguments escaped for their place in a URL: in format, %s is a text to escape and
 * %d an int; all else stands for itself. NULL if there is no memory. */
char *http_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
