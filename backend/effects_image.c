/* Images for plans: present ones are used as they are, others are pulled or built, with progress as
 * lines that a person reads. */
#include "backend/run_int.h"

#include <string.h>

struct pull_progress {
    void (*tell)(void *context, const char *text);
    void *context;
    int64_t next; /* monotonic: not before this is the next line told, so that a fast pull does not
                     flood the output */
};

enum {
    PROGRESS_INTERVAL_MS = 500
};

static void on_pull_progress(void *argument, const struct image_progress *progress)
{
    struct pull_progress *pull = argument;
    int64_t now = clock_monotonic();
    if (!pull->tell || now < pull->next || progress->total == 0)
        return;
    char text[160];
    snprintf(text, sizeof text, "%.40s %.60s %.1f/%.1f MB", progress->id, progress->status,
             (double)progress->current / 1e6, (double)progress->total / 1e6);
    pull->next = now + PROGRESS_INTERVAL_MS * CLOCK_MILLISECOND;
    pull->tell(pull->context, text);
}

static const char *text_of(json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

int effect_image_ensure(void *argument, json_t *image, const char *context_dir,
                        enum plan_image_download download,
                        void (*progress)(void *progress_context, const char *text),
                        void *progress_context, const struct plan_call *call,
                        enum plan_image_source *ret_source, struct error **err)
{
    struct run_context *context = argument;
    struct orchestrator *orchestrator = context->engine->orchestrator;
    struct orchestrator_call limits = {.deadline = call ? call->deadline : 0,
                                       .cancel = call ? call->cancel : NULL};
    struct pull_progress pull = {.tell = progress, .context = progress_context};
    const char *name = config_image(image);
    if (!name)
        return error_set(err, EINVAL, "the image has no name");
    if (json_is_object(image) && json_object_get(image, "build_context_dir"))
        return image_build(context, image, context_dir, progress, progress_context, &limits,
                           ret_source, err);
    struct image_info info = {0};
    cleanup(error_free) struct error *absent = NULL;
    bool local = orchestrator->image_inspect(orchestrator, name, &limits, &info, &absent) == 0;
    image_info_done(&info);
    if (!local && error_code(absent) != ENOENT)
        return error_move(err, &absent);
    *ret_source = PLAN_IMAGE_LOCAL;
    if (local && download == PLAN_IMAGES_MISSING)
        return 0;
    struct image_credentials credentials = {.registry = text_of(image, "registry"),
                                            .username = text_of(image, "username"),
                                            .password = text_of(image, "password")};
    cleanup(error_free) struct error *failure = NULL;
    if (orchestrator->image_pull(orchestrator, name, json_is_object(image) ? &credentials : NULL,
                                 on_pull_progress, &pull, &limits, &failure) == 0) {
        *ret_source = PLAN_IMAGE_PULLED;
        return 0;
    }
    /* `always` falls back to the local copy when there is no way to a newer one. */
    return local && !cancel_fired(limits.cancel) ? 0 : error_move(err, &failure);
}
