/* Checking a plan against a picture of the enclave. The images are in images.c. */
#include "backend/plan/validate.h"

#include <string.h>

/* ---- the picture ---- */

static void add_identifiers(struct plan_world *world, const char *name, const json_t *service)
{
    const char *uuid = plan_string(service, "uuid", NULL);
    char short_uuid[UUID_SHORT_LENGTH + 1];
    if (!uuid || !uuid_valid(uuid))
        return;
    memcpy(short_uuid, uuid, UUID_SHORT_LENGTH);
    short_uuid[UUID_SHORT_LENGTH] = '\0';
    json_object_set_new(world->identifiers, uuid, json_string(name));
    json_object_set_new(world->identifiers, short_uuid, json_string(name));
}

static void world_init(struct plan_world *world, const json_t *enclave)
{
    const char *name;
    json_t *thing;
    *world = (struct plan_world){
        .services = json_object(),
        .identifiers = json_object(),
        .artifacts = json_object(),
        .made_services = json_object(),
        .made_artifacts = json_object(),
        .reserved = json_object(),
        .cpu_left = plan_int(enclave, "cpus", -1) * 1000,
        .memory_left = plan_int(enclave, "memory_bytes", -1000000) / 1000000,
    };
    json_object_foreach(json_object_get(enclave, "services"), name, thing)
    {
        json_t *config = json_object_get(thing, "config");
        json_object_set_new(world->services, name, config ? json_incref(config) : json_object());
        add_identifiers(world, name, thing);
    }
    json_object_foreach(json_object_get(enclave, "artifacts"), name, thing)
        json_object_set_new(world->artifacts, name, json_true());
}

static void world_done(struct plan_world *world)
{
    json_decref(world->services);
    json_decref(world->identifiers);
    json_decref(world->artifacts);
    json_decref(world->made_services);
    json_decref(world->made_artifacts);
    json_decref(world->reserved);
}

/* ---- checks that instructions share ---- */

bool world_check_service(const struct plan_world *world, const char *name, const char *instruction,
                         struct buf *problems)
{
    if (json_object_get(world->services, name) || json_object_get(world->identifiers, name))
        return true;
    buf_printf(problems, "Tried creating a %s for service '%s' which doesn't exist\n", instruction,
               name);
    return false;
}

void world_check_mounts(const struct plan_world *world, const json_t *files, const char *who,
                        struct buf *problems)
{
    json_t *mounted = plan_mounted(files);
    const char *name, *path;
    json_t *unused;
    json_object_foreach((json_t *)files, path, unused) if (path[0] != '/')
        buf_printf(problems, "%s: the mount path '%s' has to begin with '/'\n", who, path);
    json_object_foreach(mounted, name, unused) if (!json_object_get(world->artifacts, name))
        buf_printf(problems,
                   "%s needs the files artifact '%s', which does not exist: no instruction "
                   "before it makes it\n",
                   who, name);
    json_decref(mounted);
}

void world_check_artifact_name(const char *name, struct buf *problems)
{
    if (!plan_artifact_name_valid(name))
        buf_printf(problems,
                   "'%s' is not a name for a files artifact: it becomes a directory, so it has no "
                   "'/', no '.' first and at most 200 bytes\n",
                   name);
}

void world_make_artifact(struct plan_world *world, const char *name, struct buf *problems)
{
    world_check_artifact_name(name, problems);
    if (json_object_get(world->made_artifacts, name))
        buf_printf(problems, "There is already a files artifact with name '%s' in this plan\n",
                   name);
    json_object_set_new(world->made_artifacts, name, json_true());
    json_object_set_new(world->artifacts, name, json_true());
}

void world_check_image(const json_t *image, struct buf *problems)
{
    if (plan_is_type(image, "NixBuildSpec"))
        buf_printf(problems,
                   "The image '%s' is to be built with Nix, which is not available; build it "
                   "elsewhere and give its name\n",
                   plan_string(image, "image_name", ""));
}

void world_check_port(const json_t *config, const char *service, const json_t *recipe,
                      struct buf *problems)
{
    const char *port = plan_string(recipe, "port_id", NULL);
    if (port && !json_object_get(json_object_get(config, "ports"), port))
        buf_printf(problems,
                   "Request required port ID '%s' to exist on service '%s' but it doesn't\n", port,
                   service);
}

void world_check_ready(const json_t *config, const char *service, struct buf *problems)
{
    const json_t *ready = json_object_get(config, "ready_conditions");
    world_check_port(config, service, json_object_get(ready, "recipe"), problems);
}

/* ---- the whole ---- */

/* Each line of problems as a cause under the instruction's heading. */
static void put_problems(struct buf *out, const struct plan_instruction *instruction,
                         const char *problems)
{
    buf_puts(out, "\nError while validating instruction ");
    plan_put_instruction(out, instruction);
    buf_puts(out, ". The instruction can be found at [");
    plan_put_position(out, instruction);
    buf_putc(out, ']');
    while (*problems) {
        size_t length = strcspn(problems, "\n");
        buf_printf(out, "\n\tCaused by: %.*s", (int)length, problems);
        problems += length + (problems[length] == '\n');
    }
    plan_put_stack(out, instruction);
}

static void validate_one(const struct plan_instruction *instruction, struct plan_world *world,
                         struct buf *out)
{
    cleanup(buf_done) struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    if (instruction->spec->validate)
        instruction->spec->validate(instruction, world, &problems);
    if (problems.length)
        put_problems(out, instruction, problems.data);
}

int plan_validate(const struct plan *plan, const json_t *enclave, struct error **err)
{
    struct plan_world world;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, "There was an error validating Starlark code");
    size_t empty = text.length;
    world_init(&world, enclave);
    for (size_t i = 0; i < plan->count; i++)
        validate_one(&plan->items[i], &world, &text);
    world_done(&world);
    return text.length == empty ? 0 : error_set(err, EINVAL, "%s", text.data);
}
