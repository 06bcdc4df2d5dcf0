/* Making the images of a plan present, some at a time, with progress in the run's output. */
#include "backend/plan/validate.h"

#include "backend/plan/service.h"
#include "backend/base/threads.h"

#include <string.h>

enum {
    WORKERS = 4 /* images at a time, as Kurtosis has it */
};

/* What names an image in a task if the script does not. */
static const char *default_image(const struct plan_instruction *instruction)
{
    return strcmp(instruction->spec->name, "run_python") == 0 ? "python:3.11-alpine"
                                                              : "badouralix/curl-jq";
}

struct image {
    json_t *spec; /* as effects take it */
    const char *name;
    const char *context_dir;
    const struct plan_instruction *instruction; /* the first that needs it */
    enum plan_image_source source;
    struct error *err;
};

struct images {
    const struct execution *execution;
    struct image *items;
    size_t count;
    json_t *seen; /* {image as text: true} */
};

static const char *image_name(const json_t *image)
{
    if (json_is_string(image))
        return json_string_value(image);
    return plan_string(image, "image", plan_string(image, "image_name", "?"));
}

static const char *context_of(const struct execution *execution, const json_t *image)
{
    return plan_is_type(image, "ImageBuildSpec")
               ? sources_path(execution->sources, plan_int(image, "resolved", -1))
               : NULL;
}

static void add_image(struct images *images, const struct plan_instruction *instruction,
                      const json_t *image)
{
    cleanup(free) char *key = json_dumps(image, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    if (!key || json_object_get(images->seen, key))
        return;
    struct image *grown = realloc(images->items, (images->count + 1) * sizeof *grown);
    if (!grown)
        return;
    json_object_set_new(images->seen, key, json_true());
    images->items = grown;
    json_t *spec = service_image(image);
    grown[images->count++] = (struct image){
        .spec = spec,
        .name = image_name(spec),
        .context_dir = context_of(images->execution, image),
        .instruction = instruction,
    };
}

static void add_images(struct images *images, const struct plan_instruction *instruction)
{
    const char *name;
    json_t *config;
    json_t *configs = plan_configs(instruction);
    json_object_foreach(configs, name, config)
        add_image(images, instruction, json_object_get(config, "image"));
    json_decref(configs);
    const json_t *merged = json_object_get(instruction->arguments, "merged");
    if (merged)
        add_image(images, instruction, json_object_get(merged, "image"));
    if (!(instruction->spec->rules & PLAN_TASK))
        return;
    json_t *image = json_object_get(instruction->arguments, "image");
    json_t *fallback = json_string(default_image(instruction));
    add_image(images, instruction, image ? image : fallback);
    json_decref(fallback);
}

/* ---- ensuring ---- */

static void say(const struct execution *execution, const char *text)
{
    execution->effects->output(execution->context, text, strlen(text));
}

struct progress {
    const struct images *images;
    const struct image *image;
};

static void show_progress(void *context, const char *text)
{
    const struct progress *progress = context;
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&line, "%s: %s\n", progress->image->name, text);
    say(progress->images->execution, line.data);
}

static void ensure(void *context, size_t i)
{
    struct images *images = context;
    struct image *image = &images->items[i];
    const struct execution *execution = images->execution;
    struct progress progress = {.images = images, .image = image};
    const struct plan_call call = {.cancel = execution->stop};
    if (cancel_fired(execution->stop))
        return;
    execution->effects->image_ensure(execution->context, image->spec, image->context_dir,
                                     execution->request->image_download, show_progress, &progress,
                                     &call, &image->source, &image->err);
}

static void summarise(const struct images *images)
{
    static const char *const sources[] = {
        [PLAN_IMAGE_LOCAL] = "locally cached",
        [PLAN_IMAGE_PULLED] = "remotely downloaded",
        [PLAN_IMAGE_BUILT] = "locally built",
    };
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, "Container images used in this run:\n");
    for (size_t i = 0; i < images->count; i++)
        buf_printf(&text, "> %s - %s\n", images->items[i].name, sources[images->items[i].source]);
    say(images->execution, text.data);
}

static int conclude(const struct images *images, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (cancel_fired(images->execution->stop))
        return error_set(err, ECANCELED, "the run was cancelled");
    buf_puts(&text, "There was an error validating Starlark code");
    size_t empty = text.length;
    for (size_t i = 0; i < images->count; i++) {
        const struct image *image = &images->items[i];
        if (!image->err)
            continue;
        buf_printf(&text, "\nThe image '%s' of the instruction at [", image->name);
        plan_put_position(&text, image->instruction);
        buf_printf(&text, "] cannot be had\n\tCaused by: %s", error_message(image->err));
    }
    return text.length == empty ? 0 : error_set(err, EINVAL, "%s", text.data);
}

int plan_ensure_images(const struct execution *execution, const bool *may, struct error **err)
{
    struct images images = {.execution = execution, .seen = json_object()};
    for (size_t i = 0; i < execution->plan->count; i++)
        if (may[i])
            add_images(&images, &execution->plan->items[i]);
    threads_for_each(images.count, WORKERS, ensure, &images);
    int result = conclude(&images, err);
    if (result == 0 && images.count > 0)
        summarise(&images);
    for (size_t i = 0; i < images.count; i++) {
        json_decref(images.items[i].spec);
        error_free(images.items[i].err);
    }
    json_decref(images.seen);
    free(images.items);
    return result;
}
