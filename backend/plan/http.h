/* One HTTP request, with a limit and a way to stop it. */
#ifndef KFS_PLAN_HTTP_H
#define KFS_PLAN_HTTP_H

#include "backend/base/buf.h"
#include "backend/plan/plan.h"

#include <jansson.h>

struct http_request {
    const char *url;
    const char *body; /* NULL: GET; else POST */
    size_t body_length;
    const char *content_type; /* of a body */
    const json_t *headers;    /* {NAME: text}; NULL: none */
    bool by_proxy;            /* the environment's proxies are used: for what is not of ours */
    const struct plan_call *call;
};

/* Appends the answer's body to ret_body. Follows up to ten redirections. EIO with words if there is
 * no answer; ETIMEDOUT; ECANCELED. */
int http_do(const struct http_request *request, long *ret_code, struct buf *ret_body,
            struct error **err);

#endif
