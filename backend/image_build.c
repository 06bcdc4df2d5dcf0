/*
 * Building an image: the context directory becomes a tar stream that goes to the orchestrator while
 * it is read, so a large context does not sit in memory.
 */
#include "backend/run_int.h"

#include "backend/archive.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct build_output {
    void (*tell)(void *context, const char *text);
    void *context;
    struct buf line;
};

static int on_output(void *argument, const void *bytes, size_t length)
{
    struct build_output *output = argument;
    for (const char *next = bytes, *end = next + length; next < end; next++) {
        if (*next != '\n') {
            buf_putc(&output->line, *next);
            continue;
        }
        if (output->tell && output->line.length > 0)
            output->tell(output->context, output->line.data);
        buf_done(&output->line);
    }
    return 0;
}

static struct label *read_arguments(json_t *image, size_t *ret_count)
{
    json_t *arguments = json_object_get(image, "build_args"), *value;
    const char *key;
    struct label *list = calloc(json_object_size(arguments) + 1, sizeof *list);
    if (!list)
        abort();
    json_object_foreach(arguments, key, value) list[(*ret_count)++] =
        (struct label){key, json_is_string(value) ? json_string_value(value) : ""};
    return list;
}

/* The engine would name a directory of its own in its complaint. */
static int check_build_file(const char *context_dir, const char *name, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(PATH_MAX);
    struct stat info;
    buf_printf(&path, "%s/%s", context_dir, name);
    if (buf_check(&path, err) < 0)
        return -1;
    if (lstat(path.data, &info) < 0)
        return error_set(err, errno, "there is no '%s' in the directory that it is built from",
                         name);
    return 0;
}

int image_build(struct run_context *context, json_t *image, const char *context_dir,
                void (*progress)(void *progress_context, const char *text), void *progress_context,
                const struct orchestrator_call *call, enum plan_image_source *ret_source,
                struct error **err)
{
    const char *build_file = json_string_value(json_object_get(image, "build_file"));
    if (check_build_file(context_dir, build_file ? build_file : "Dockerfile", err) < 0)
        return -1;
    cleanup(archive_source_free) struct archive_source *source =
        archive_source_open(context_dir, err);
    if (!source)
        return -1;
    struct build_output output = {
        .tell = progress, .context = progress_context, .line = BUF_INIT(4096)};
    size_t argument_count = 0;
    cleanup(free) struct label *arguments = read_arguments(image, &argument_count);
    struct image_build_spec spec = {
        .tag = config_image(image),
        .build_file = build_file,
        .target = json_string_value(json_object_get(image, "target_stage")),
        .arguments = arguments,
        .argument_count = argument_count,
        .context_archive = archive_source_read,
        .context = source,
    };
    struct orchestrator *orchestrator = context->engine->orchestrator;
    int result = orchestrator->image_build(orchestrator, &spec, on_output, &output, call, err);
    buf_done(&output.line);
    *ret_source = PLAN_IMAGE_BUILT;
    return result;
}
