/* Talking with kfs-extract. */
#include "backend/plan/extract.h"

#include "backend/base/clock.h"
#include "backend/plan/confined.h"
#include "backend/plan/schema.h"

#include <string.h>

/* Programs are one line long; what takes seconds is a mistake. */
static const struct confined_limits limits = {
    .memory = UINT64_C(512) << 20,
    .cpu_seconds = 5,
    .silence = 60 * CLOCK_SECOND,
};

static void put_program_path(struct buf *out, const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    if (slash)
        buf_append(out, interpreter, (size_t)(slash - interpreter) + 1);
    buf_puts(out, "kfs-extract");
}

static int take_answer(const struct frame *frame, json_t **ret_values, struct error **err)
{
    json_t *values = json_object_get(frame->json, "values");
    if (frame->kind == FRAME_FAILED)
        return error_set(err, EINVAL, "%s",
                         plan_string(frame->json, "message", "the extraction failed"));
    if (frame->kind != FRAME_DONE || !json_is_object(values))
        return error_set(err, EIO, "kfs-extract sent what is no answer");
    *ret_values = json_incref(values);
    return 0;
}

int extract(const char *interpreter, const struct cancel *cancel, const json_t *programs,
            const char *input, size_t length, json_t **ret_values, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(4096);
    put_program_path(&path, interpreter);
    cleanup(confined_end) struct confined *child = confined_start(path.data, &limits, cancel, err);
    if (!child)
        return -1;
    struct frame frame;
    json_t *request = json_pack("{s:O}", "programs", (json_t *)programs);
    int result = confined_send(child, FRAME_START, request, input, length, err);
    json_decref(request);
    if (result < 0 || confined_receive(child, &frame, err) < 0)
        return error_wrap(err, "extracting fields");
    result = take_answer(&frame, ret_values, err);
    frame_done(&frame);
    return result;
}
