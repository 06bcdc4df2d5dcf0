/* Calls of the Engine API: its versions, and its refusals as errno classes and words. */
#include "backend/docker/docker_int.h"

#include <string.h>

/* The versions that this code was written to. 1.41 is Docker 20.10's; 1.47 is Docker 27's and still
 * served by 29, whose oldest is 1.44.
 * https://docs.docker.com/reference/api/engine/#api-version-matrix */
enum {
    API_MINOR_MIN = 41,
    API_MINOR_MAX = 47
};

/* ---- refusals ---- */

/* What tells apart the engine's refusals, which have few statuses but stable words. The first row
 * that fits counts; status 0 fits all. All words are from answers of Docker 20.10 to 28. */
static const struct refusal {
    int status;
    const char *words;
    int code;
} refusals[] = {
    {0, "port is already allocated", EADDRINUSE},
    {0, "address already in use", EADDRINUSE},
    {0, "ports are not available", EADDRINUSE},
    {0, "no space left on device", ENOSPC},
    {0, "cannot allocate memory", ENOSPC},
    {0, "available, non-overlapping", ENOSPC}, /* no subnet left in the engine's own pools */
    {0, "no available IPv4 addresses", ENOSPC},
    {0, "all predefined address pools", ENOSPC},
    {0, "pull access denied", EACCES},
    {0, "unauthorized", EACCES},
    {0, "authentication required", EACCES},
    {0, "denied: ", EACCES},
    {0, "no basic auth credentials", EACCES},
    {0, "manifest unknown", ENOENT},
    {0, "no matching manifest", ENOENT},
    {500, "not found: manifest", ENOENT},
    {403, "has active endpoints", EBUSY},
    {0, "Pool overlaps", ENOSPC},
    {409, "is already in use by container", EEXIST},
    {409, "already exists", EEXIST},
    {409, "", EBUSY},
    {400, "", EINVAL},
    {401, "", EACCES},
    {403, "", EACCES},
    {404, "", ENOENT},
    {406, "", EINVAL},
    {408, "", ETIMEDOUT},
    {501, "", ENOSYS},
    {502, "", EAGAIN},
    {503, "", EAGAIN},
    {504, "", EAGAIN},
};

int api_error_class(int status, const char *words)
{
    for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++)
        if ((refusals[i].status == 0 || refusals[i].status == status) &&
            strcasestr(words, refusals[i].words))
            return refusals[i].code;
    return EIO;
}

int api_refuse(int status, const char *body, size_t length, const char *what, struct error **err)
{
    cleanup(json_decref) json_t *json = json_loadb(body, length, 0, NULL);
    const char *message = json_text(json, "message");
    if (message && *message)
        return error_set(err, api_error_class(status, message), "%.*s",
                         (int)strcspn(message, "\r\n"), message);
    return error_set(err, api_error_class(status, ""),
                     "the Docker engine refused %s with HTTP status %d and no reason", what,
                     status);
}

/* ---- versions ---- */

/* The minor number of "1.41"; 0 if it is no version of API 1. */
static unsigned version_minor(const char *version)
{
    unsigned long minor = strncmp(version, "1.", 2) == 0 ? strtoul(version + 2, NULL, 10) : 0;
    return minor < 1000 ? (unsigned)minor : 0;
}

int api_negotiate(struct docker *docker, const struct orchestrator_call *call, struct error **err)
{
    cleanup(http_answer_done) struct http_answer answer;
    const struct http_request request = {
        .method = "GET", .path = "/_ping", .timeout = 5 * CLOCK_SECOND, .max_body = 64 << 10};
    if (http_perform(docker->http, &request, call, &answer, err) < 0)
        return -1;
    unsigned minor = version_minor(answer.version);
    if (answer.status >= 500)
        return error_set(err, EAGAIN, "the Docker engine at %s is not ready (HTTP status %d)",
                         docker->endpoint.text, answer.status);
    if (minor == 0)
        return error_set(err, EIO, "what answers at %s is no Docker engine", docker->endpoint.text);
    if (minor < API_MINOR_MIN)
        return error_set(err, EIO,
                         "the Docker engine at %s is too old: it speaks API 1.%u, kfs needs 1.%d "
                         "(Docker 20.10)",
                         docker->endpoint.text, minor, API_MINOR_MIN);
    docker->api_minor = minor < API_MINOR_MAX ? minor : API_MINOR_MAX;
    return 0;
}

bool api_ping(struct docker *docker, int64_t timeout)
{
    const struct orchestrator_call call = {.deadline = clock_monotonic() + timeout};
    const struct http_request request = {.method = "GET", .path = "/_ping", .max_body = 64 << 10};
    cleanup(http_answer_done) struct http_answer answer;
    return http_perform(docker->http, &request, &call, &answer, NULL) == 0 && answer.status < 500;
}

/* ---- calls ---- */

int api_call(struct docker *docker, const struct http_request *request,
             const struct orchestrator_call *call, struct http_answer *ret_answer,
             struct error **err)
{
    *ret_answer = (struct http_answer){.body = BUF_INIT(0)};
    if (docker->api_minor == 0 && api_negotiate(docker, call, err) < 0)
        return -1;
    cleanup(free) char *path = NULL;
    if (!request->path || asprintf(&path, "/v1.%u%s", docker->api_minor, request->path) < 0) {
        path = NULL;
        return error_set(err, ENOMEM, "out of memory");
    }
    struct http_request versioned = *request;
    versioned.path = path;
    if (http_perform(docker->http, &versioned, call, ret_answer, err) < 0)
        return -1;
    if (ret_answer->status < 400)
        return 0;
    api_refuse(ret_answer->status, ret_answer->body.data, ret_answer->body.length, request->path,
               err);
    http_answer_done(ret_answer);
    return -1;
}

int api_json(struct docker *docker, const struct api_request *request,
             const struct orchestrator_call *call, json_t **ret_json, int *ret_status,
             struct error **err)
{
    static const char *const json_type[] = {"Content-Type: application/json", NULL};
    cleanup(free) char *path = request->path;
    cleanup(free) char *body = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
    if (request->body && !body)
        return error_set(err, EINVAL, "a text of the request is not valid UTF-8");
    const struct http_request http = {.method = request->method,
                                      .path = path,
                                      .headers = body ? json_type : NULL,
                                      .body = body,
                                      .body_length = body ? strlen(body) : 0,
                                      .timeout =
                                          request->timeout ? request->timeout : API_TIMEOUT_QUICK};
    cleanup(http_answer_done) struct http_answer answer;
    int result = api_call(docker, &http, call, &answer, err);
    if (ret_status)
        *ret_status = answer.status;
    if (result < 0 || !ret_json)
        return result;
    *ret_json = json_parse(answer.body.data, answer.body.length, path, err);
    return *ret_json ? 0 : -1;
}
