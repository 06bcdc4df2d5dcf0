/* Progress streams. */
#include "backend/docker/progress.h"

#include "backend/docker/trace.h"

#include <string.h>

enum {
    PROGRESS_LINE_MAX = 4 << 20 /* bytes; a build's step may put out long lines */
};

static void progress_fail(struct progress *progress, const json_t *json)
{
    const json_t *detail = json_object_get(json, "errorDetail");
    const char *words = json_text(detail, "message");
    if (!words)
        words = json_text(json, "error");
    error_set(&progress->failure, api_error_class(0, words ? words : ""), "%s",
              words ? words : "the Docker engine reports a failure without a reason");
}

static void progress_tell(const struct progress *progress, const json_t *json)
{
    const char *status = json_text(json, "status"), *id = json_text(json, "id");
    const json_t *detail = json_object_get(json, "progressDetail");
    int64_t current = json_number(detail, "current", 0), total = json_number(detail, "total", 0);
    if (!status || !progress->sink)
        return;
    const struct image_progress told = {.id = id ? id : "",
                                        .status = status,
                                        .current = current > 0 ? (uint64_t)current : 0,
                                        .total = total > 0 ? (uint64_t)total : 0};
    progress->sink(progress->context, &told);
}

/* Of the classic builder: a step's output. Of BuildKit: the same, wrapped up. */
static int progress_output(struct progress *progress, const json_t *json)
{
    const char *text = json_text(json, "stream"), *id = json_text(json, "id");
    const char *trace = json_text(json, "aux");
    cleanup(buf_done) struct buf told = BUF_INIT(PROGRESS_LINE_MAX);
    if (text)
        buf_puts(&told, text);
    else if (trace && id && strcmp(id, "moby.buildkit.trace") == 0)
        trace_put(&told, trace);
    if (told.length > 0 && progress->output)
        progress->stopped = progress->output(progress->output_context, told.data, told.length) != 0;
    return progress->stopped ? -1 : 0;
}

static int progress_line(void *context, const char *line, size_t length)
{
    struct progress *progress = context;
    cleanup(json_decref) json_t *json = json_loadb(line, length, 0, NULL);
    if (!json) {
        if (length == 1 && *line == '\r')
            return 0;
        return error_set(&progress->failure, EIO, "the Docker engine's progress is not valid JSON");
    }
    if (json_object_get(json, "error") || json_object_get(json, "errorDetail"))
        progress_fail(progress, json);
    progress_tell(progress, json);
    return progress_output(progress, json);
}

void progress_init(struct progress *progress)
{
    *progress = (struct progress){0};
    progress->lines = (struct lines){
        .rest = BUF_INIT(PROGRESS_LINE_MAX), .sink = progress_line, .context = progress};
}

void progress_done(struct progress *progress)
{
    buf_done(&progress->lines.rest);
    error_free(progress->failure);
}

int progress_call(struct docker *docker, struct http_request *request, struct progress *progress,
                  const struct orchestrator_call *call, struct error **err)
{
    request->sink = lines_take;
    request->sink_context = &progress->lines;
    cleanup(http_answer_done) struct http_answer answer;
    cleanup(error_free) struct error *reason = NULL;
    int result = api_call(docker, request, call, &answer, &reason);
    if (result == 0 && lines_finish(&progress->lines) != 0)
        result = error_set(&reason, ECANCELED, "stopped by the receiver");
    if (progress->failure)
        return error_move(err, &progress->failure);
    if (progress->lines.rest.failed)
        return error_set(err, EIO, "a line of the Docker engine's progress is too long");
    return result < 0 ? error_move(err, &reason) : 0;
}
