/* Talking with the confined interpreter. */
#include "backend/plan/interpret.h"

#include "backend/plan/schema.h"

#include <string.h>

/* ---- what it asks ---- */

/* A conversation: what has been handed over already is not sent again. */
struct conversation {
    const struct interpret_request *request;
    struct confined *child;
    json_t *sent; /* {id: true} */
};

enum {
    SOURCE_MAX = 32 << 20,     /* bytes of one module or text */
    TOTAL_ASKED_MAX = 1 << 20, /* questions of one script */
};

static int fetch(const struct conversation *conversation, const json_t *question, json_t *answer,
                 struct buf *bytes, struct error **err)
{
    const struct interpret_host *host = conversation->request->host;
    const char *what = plan_string(question, "what", "");
    const char *locator = plan_string(question, "locator", "");
    const char *from = plan_string(question, "from", "");
    cleanup(free) char *id = NULL;
    int64_t number = 0;
    int result = -1;
    if (!host)
        return error_set(err, EINVAL, "a standalone script has no files; make it a package");
    if (strcmp(what, "module") == 0)
        result = host->module(host->context, from, locator, &id, bytes, err);
    else if (strcmp(what, "file") == 0)
        result = host->file(host->context, from, locator, &id, bytes, err);
    else if (strcmp(what, "directory") == 0)
        result = host->directory(host->context, from, locator, &number, err);
    else
        error_set(err, EINVAL, "the interpreter asked for something unknown");
    if (result < 0)
        return -1;
    json_object_set_new(answer, "number", json_integer(number));
    if (id)
        json_object_set_new(answer, "id", json_string(id));
    if (id && strcmp(what, "module") == 0) {
        if (json_object_get(conversation->sent, id))
            buf_truncate(bytes, 0);
        json_object_set_new(conversation->sent, id, json_true());
    }
    return 0;
}

static int answer(const struct conversation *conversation, const json_t *question,
                  struct error **err)
{
    cleanup(buf_done) struct buf bytes = BUF_INIT(SOURCE_MAX);
    cleanup(error_free) struct error *refusal = NULL;
    json_t *reply = json_object();
    if (fetch(conversation, question, reply, &bytes, &refusal) < 0 ||
        buf_check(&bytes, &refusal) < 0) {
        json_object_set_new(reply, "error", plan_text(error_message(refusal)));
        buf_truncate(&bytes, 0);
    }
    int result =
        confined_send(conversation->child, FRAME_ANSWER, reply, bytes.data, bytes.length, err);
    json_decref(reply);
    return result;
}

/* ---- how it fails ---- */

static void put_position(struct buf *out, const json_t *position)
{
    buf_printf(out, "%s:%lld:%lld", plan_string(position, "file", "?"),
               (long long)plan_int(position, "line", 0),
               (long long)plan_int(position, "column", 0));
}

/* One "file:line:col: message" a line. */
static void put_diagnostics(struct buf *out, const json_t *diagnostics)
{
    size_t i;
    json_t *diagnostic;
    json_array_foreach(diagnostics, i, diagnostic)
    {
        if (i > 0)
            buf_putc(out, '\n');
        put_position(out, diagnostic);
        buf_printf(out, ": %s", plan_string(diagnostic, "message", "error"));
    }
}

static void put_trace(struct buf *out, const json_t *failure)
{
    size_t i;
    json_t *frame;
    buf_printf(out, "Evaluation error: %s", plan_string(failure, "message", "error"));
    json_array_foreach(json_object_get(failure, "frames"), i, frame)
    {
        buf_puts(out, "\n\tat [");
        put_position(out, frame);
        buf_printf(out, "]: %s", plan_string(frame, "name", "?"));
    }
}

static int fail(const json_t *failure, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (json_array_size(json_object_get(failure, "diagnostics")) > 0)
        put_diagnostics(&text, json_object_get(failure, "diagnostics"));
    else
        put_trace(&text, failure);
    return error_set(err, EINVAL, "%s", text.data);
}

/* ---- the whole ---- */

static int converse(const struct conversation *conversation, json_t **ret_answer,
                    struct error **err)
{
    for (unsigned asked = 0; asked < TOTAL_ASKED_MAX; asked++) {
        struct frame frame;
        if (confined_receive(conversation->child, &frame, err) < 0)
            return -1;
        int result = -1;
        bool ended = true;
        if (frame.kind == FRAME_ASK) {
            result = answer(conversation, frame.json, err);
            ended = result < 0;
        } else if (frame.kind == FRAME_DONE) {
            *ret_answer = json_incref(frame.json);
            result = 0;
        } else if (frame.kind == FRAME_FAILED) {
            fail(frame.json, err);
        } else {
            error_set(err, EIO, "the interpreter sent a message out of turn");
        }
        frame_done(&frame);
        if (ended)
            return result;
    }
    return error_set(err, EIO, "the script asked for too many files");
}

int interpret(const struct interpret_request *request, json_t **ret_answer, struct error **err)
{
    cleanup(confined_end) struct confined *child =
        confined_start(request->program, request->limits, request->cancel, err);
    if (!child)
        return -1;
    /* Half of the address space: the rest is for the plan, as JSON and as text. */
    json_object_set_new(request->start, "memory",
                        json_integer((json_int_t)(request->limits->memory / 2)));
    struct conversation conversation = {.request = request, .child = child, .sent = json_object()};
    int result = -1;
    if (confined_send(child, FRAME_START, request->start, request->source, request->length, err) ==
        0)
        result = converse(&conversation, ret_answer, err);
    json_decref(conversation.sent);
    return result;
}
