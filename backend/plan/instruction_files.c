/* render_templates, upload_files and store_service_files: what makes files artifacts. */
#include "backend/plan/instructions.h"

#include "backend/base/file.h"
#include "backend/plan/execute.h"
#include "backend/plan/json_big.h"
#include "backend/plan/staging.h"
#include "backend/plan/template.h"
#include "backend/plan/validate.h"

#include <string.h>

enum {
    RENDERED_MAX = 64 << 20 /* bytes of one rendered file */
};

/* ---- validating ---- */

/* Whether a path stays inside the artifact: no component is "..". */
static bool path_is_inside(const char *path)
{
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += length;
        at += strspn(at, "/");
    }
    return path[strspn(path, "/.")] != '\0';
}

static void check_paths(const json_t *templates, struct buf *problems)
{
    const char *path;
    json_t *unused;
    json_object_foreach((json_t *)templates, path, unused) if (!path_is_inside(path))
        buf_printf(problems, "The path '%s' does not name a file inside of the artifact\n", path);
}

void plan_validate_artifact_is_new(const struct plan_instruction *instruction,
                                   struct plan_world *world, struct buf *problems)
{
    world_make_artifact(world, plan_argument(instruction, "name"), problems);
}

void plan_validate_render_templates(const struct plan_instruction *instruction,
                                    struct plan_world *world, struct buf *problems)
{
    const json_t *templates = json_object_get(instruction->arguments, "config");
    check_paths(templates, problems);
    plan_validate_artifact_is_new(instruction, world, problems);
}

void plan_validate_store_service_files(const struct plan_instruction *instruction,
                                       struct plan_world *world, struct buf *problems)
{
    world_check_service(world, plan_argument(instruction, "service_name"), instruction->spec->name,
                        problems);
    plan_validate_artifact_is_new(instruction, world, problems);
}

/* ---- doing ---- */

static void note_artifact(const struct step *step, const char *name,
                          const struct plan_artifact *artifact)
{
    if (!artifact->existed || artifact->changed)
        step_mark_changed(step, PLAN_RESOURCE_ARTIFACT, name);
}

/* One template, rendered into the staging directory. */
static int render(const struct step *step, int dir, const char *path, const json_t *what,
                  struct error **err)
{
    cleanup(buf_done) struct buf data_text = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(buf_done) struct buf text = BUF_INIT(RENDERED_MAX);
    const char *source = plan_string(what, "template", "");
    if (runtime_values_replace(step->execution->values, plan_string(what, "data", "null"),
                               RUNTIME_JSON, &data_text, err) < 0)
        return -1;
    cleanup(template_free) struct template *template =
        template_parse(path, source, strlen(source), err);
    json_t *data = template ? json_big_parse(data_text.data, data_text.length, err) : NULL;
    int outcome = data ? template_execute(template, data, &text, err) : -1;
    json_decref(data);
    if (outcome < 0)
        return -1;
    return staging_write(dir, path, text.data, text.length, err);
}

static int render_all(const struct step *step, int dir, struct error **err)
{
    const char *path;
    json_t *what;
    json_object_foreach(json_object_get(step->instruction->arguments, "config"), path,
                        what) if (render(step, dir, path, what, err) < 0) return -1;
    return 0;
}

int plan_execute_render_templates(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    const struct plan_call call = step_call(step, 0);
    struct plan_artifact artifact = {0};
    cleanup(staging_free) struct staging *staging = staging_new(err);
    if (!staging || render_all(step, staging_fd(staging), err) < 0 ||
        execution->effects->artifact_store(execution->context, name, staging_fd(staging), &call,
                                           &artifact, err) < 0)
        return -1;
    note_artifact(step, name, &artifact);
    buf_printf(result, "Templates artifact name '%s' rendered with artifact UUID '%s'", name,
               artifact.uuid);
    plan_artifact_done(&artifact);
    return 0;
}

static void put_upload(struct buf *result, const char *name, const struct plan_artifact *artifact)
{
    if (artifact->existed && !artifact->changed)
        buf_printf(result,
                   "Files with artifact name '%s' resolved with artifact UUID '%s' as content were "
                   "matching",
                   name, artifact->uuid);
    else
        buf_printf(result, "Files with artifact name '%s' %swith artifact UUID '%s'%s", name,
                   artifact->existed ? "" : "uploaded ", artifact->uuid,
                   artifact->existed ? " updated" : "");
}

int plan_execute_upload_files(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    int64_t number = plan_int(step->instruction->arguments, "resolved", -1);
    const struct plan_call call = step_call(step, 0);
    struct plan_artifact artifact = {0};
    cleanup(staging_free) struct staging *staging = sources_stage(execution->sources, number, err);
    if (!staging || execution->effects->artifact_store(
                        execution->context, name, staging_fd(staging), &call, &artifact, err) < 0)
        return -1;
    note_artifact(step, name, &artifact);
    put_upload(result, name, &artifact);
    plan_artifact_done(&artifact);
    return 0;
}

int plan_execute_store_service_files(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    struct plan_service service = {0};
    struct plan_artifact artifact = {0};
    const struct plan_call call = step_call(step, 0);
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    if (step_text(step, "src", &path, err) < 0 ||
        step_find_service(step, plan_argument(step->instruction, "service_name"), &service, err) <
            0)
        return -1;
    staging_trim_pattern(&path);
    int outcome = execution->effects->artifact_store_from_service(
        execution->context, name, service.name, path.data, &call, &artifact, err);
    plan_service_done(&service);
    if (outcome < 0)
        return -1;
    note_artifact(step, name, &artifact);
    buf_printf(result, "Files with artifact name '%s' uploaded with artifact UUID '%s'", name,
               artifact.uuid);
    plan_artifact_done(&artifact);
    return 0;
}
