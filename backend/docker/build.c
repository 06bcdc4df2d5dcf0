/*
 * Building images, with BuildKit, as build files of today expect (cache mounts, parallel stages).
 *
 * BuildKit takes a base image that is here already, but pulls one only by way of a session of a
 * protocol of its own, which is not spoken here; without one it says "no active sessions". So when
 * it says that, the images whose description it was after are pulled as any other, with the user's
 * credentials, and the build begins again. The context can be had only once: it is kept meanwhile
 * in a file without a name.
 */
#include "backend/docker/docker_int.h"
#include "backend/docker/progress.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <string.h>

enum {
    WANTED_MAX = 32, /* base images of one build */
    ROUNDS_MAX = 4,  /* a syntax image, the base images, and what those name */
    STEP_MAX = 4096  /* bytes of a line of output that is looked at */
};

struct build {
    const struct image_build_spec *spec;
    byte_sink output; /* the caller's; may be NULL */
    void *output_context;
    int spool;    /* the context as far as it was given; -1: there is none */
    bool spooled; /* it is given from there */
    char *wanted[WANTED_MAX];
    size_t wanted_count;
    struct lines lines;
};

/* ---- the context ---- */

static int spool_open(void)
{
    const char *directory = getenv("TMPDIR");
    return open(directory && *directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static ssize_t context_give(void *opaque, void *bytes, size_t size)
{
    struct build *build = opaque;
    if (build->spooled)
        return read(build->spool, bytes, size);
    ssize_t given = build->spec->context_archive(build->spec->context, bytes, size);
    if (given > 0 && build->spool >= 0 && file_write_all(build->spool, bytes, (size_t)given) < 0) {
        close(build->spool); /* no room: then there is no second try */
        build->spool = -1;
    }
    return given;
}

/* After a round: whether there can be another. What the engine left of the context is fetched. */
static bool context_rewind(struct build *build)
{
    char bytes[16384];
    ssize_t given = 1;
    while (!build->spooled && given > 0 && build->spool >= 0)
        given = context_give(build, bytes, sizeof bytes);
    if (given < 0 || build->spool < 0 || lseek(build->spool, 0, SEEK_SET) < 0)
        return false;
    build->spooled = true;
    return true;
}

/* ---- the output ---- */

/* Remembers the image if the line is a step of that kind. */
static int output_line(void *opaque, const char *line, size_t length)
{
    static const char *const steps[] = {"[internal] load metadata for ",
                                        "resolve image config for "};
    struct build *build = opaque;
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        size_t prefix = strlen(steps[i]);
        if (length > prefix && strncmp(line, steps[i], prefix) == 0 &&
            build->wanted_count < WANTED_MAX) {
            char *name = strndup(line + prefix, length - prefix);
            if (name)
                build->wanted[build->wanted_count++] = name;
        }
    }
    return 0;
}

static int output_take(void *opaque, const void *bytes, size_t length)
{
    struct build *build = opaque;
    if (lines_take(&build->lines, bytes, length) != 0) {
        buf_done(&build->lines.rest); /* a line too long to be a step */
        build->lines.rest = BUF_INIT(STEP_MAX);
    }
    return build->output ? build->output(build->output_context, bytes, length) : 0;
}

/* ---- building ---- */

static char *build_path(const struct image_build_spec *spec)
{
    cleanup(json_decref) json_t *arguments = json_object();
    for (size_t i = 0; i < spec->argument_count; i++)
        json_object_set_new(arguments, spec->arguments[i].key,
                            json_string(spec->arguments[i].value));
    cleanup(free) char *text = json_dumps(arguments, JSON_COMPACT);
    return text ? http_path("/build?version=2&rm=1&forcerm=1&t=%s&dockerfile=%s&target=%s"
                            "&buildargs=%s",
                            spec->tag, spec->build_file ? spec->build_file : "Dockerfile",
                            spec->target ? spec->target : "", text)
                : NULL;
}

static int build_round(struct docker *docker, struct build *build,
                       const struct orchestrator_call *call, struct error **err)
{
    static const char *const tar_type[] = {"Content-Type: application/x-tar", NULL};
    cleanup(free) char *path = build_path(build->spec);
    cleanup(progress_done) struct progress progress;
    progress_init(&progress);
    progress.output = output_take;
    progress.output_context = build;
    struct http_request request = {.method = "POST",
                                   .path = path,
                                   .headers = tar_type,
                                   .source = context_give,
                                   .source_context = build,
                                   .timeout = 2 * API_TIMEOUT_STREAM};
    return progress_call(docker, &request, &progress, call, err);
}

/* Pulls those of the wanted images that are not here. 1 if any was, 0 if none, -1. */
static int build_fetch(struct docker *docker, struct build *build,
                       const struct orchestrator_call *call, struct error **err)
{
    int fetched = 0;
    for (size_t i = 0; i < build->wanted_count; i++) {
        cleanup(error_free) struct error *absent = NULL;
        struct image_info info;
        const char *image = build->wanted[i];
        if (docker_image_inspect(&docker->ops, image, call, &info, &absent) == 0) {
            image_info_done(&info);
            continue;
        }
        if (error_code(absent) != ENOENT)
            return error_move(err, &absent);
        if (docker_image_pull(&docker->ops, image, NULL, NULL, NULL, call, err) < 0)
            return error_wrap(err, "cannot pull the base image %s", image);
        fetched = 1;
    }
    return fetched;
}

static bool build_wants_images(const struct error *reason)
{
    return strstr(error_message(reason), "no active sessions") || error_code(reason) == EACCES;
}

static int build_rounds(struct docker *docker, struct build *build,
                        const struct orchestrator_call *call, struct error **err)
{
    bool fetched_none = false;
    for (int round = 1;; round++) {
        cleanup(error_free) struct error *reason = NULL;
        if (build_round(docker, build, call, &reason) == 0)
            return 0;
        if (!build_wants_images(reason) || round == ROUNDS_MAX || !context_rewind(build))
            return error_move(err, &reason);
        int fetched = build_fetch(docker, build, call, err);
        if (fetched < 0)
            return -1;
        /* Those that were missing may be here by now, fetched by another build: once more. */
        if (fetched == 0 && (fetched_none || build->wanted_count == 0))
            return error_move(err, &reason);
        fetched_none = fetched == 0;
    }
}

int docker_image_build(struct orchestrator *self, const struct image_build_spec *spec,
                       byte_sink output, void *output_context, const struct orchestrator_call *call,
                       struct error **err)
{
    struct build build = {
        .spec = spec, .output = output, .output_context = output_context, .spool = spool_open()};
    build.lines =
        (struct lines){.rest = BUF_INIT(STEP_MAX), .sink = output_line, .context = &build};
    int result = build_rounds(docker_of(self), &build, call, err);
    for (size_t i = 0; i < build.wanted_count; i++)
        free(build.wanted[i]);
    buf_done(&build.lines.rest);
    if (build.spool >= 0)
        close(build.spool);
    return result;
}
