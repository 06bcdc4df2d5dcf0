/* remove_service, start_service, stop_service and set_service. */
#include "backend/plan/instructions.h"

#include "backend/plan/service.h"
#include "backend/plan/settle.h"
#include "backend/plan/validate.h"

void plan_validate_service_exists(const struct plan_instruction *instruction,
                                  struct plan_world *world, struct buf *problems)
{
    world_check_service(world, plan_argument(instruction, "name"), instruction->spec->name,
                        problems);
}

void plan_validate_set_service(const struct plan_instruction *instruction, struct plan_world *world,
                               struct buf *problems)
{
    plan_validate_service_exists(instruction, world, problems);
    world_check_ready(json_object_get(instruction->arguments, "merged"),
                      plan_argument(instruction, "name"), problems);
    world_check_image(json_object_get(json_object_get(instruction->arguments, "config"), "image"),
                      problems);
}

void plan_validate_remove_service(const struct plan_instruction *instruction,
                                  struct plan_world *world, struct buf *problems)
{
    const char *name = plan_argument(instruction, "name");
    if (!world_check_service(world, name, instruction->spec->name, problems))
        return;
    const json_t *reserved = json_object_get(world->reserved, name);
    if (world->cpu_left >= 0)
        world->cpu_left += plan_int(reserved, "cpu", 0);
    if (world->memory_left >= 0)
        world->memory_left += plan_int(reserved, "memory", 0);
    json_object_del(world->reserved, name);
    json_object_del(world->services, name);
    json_object_del(world->made_services, name);
}

int plan_execute_remove_service(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    struct plan_service service = {0};
    const struct plan_call call = step_call(step, 0);
    settling_forget(step, name);
    if (execution->effects->service_remove(execution->context, name, &call, &service, err) < 0)
        return -1;
    step_mark_changed(step, PLAN_RESOURCE_SERVICE, name);
    buf_printf(result, "Service '%s' with service UUID '%s' removed", name, service.uuid);
    plan_service_done(&service);
    return 0;
}

int plan_execute_start_service(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    const struct plan_call call = step_call(step, 0);
    int code;
    /* Starting what runs is done already. */
    if (execution->effects->service_running(execution->context, name, &code, NULL) != 1 &&
        execution->effects->service_restart(execution->context, name, &call, err) < 0)
        return -1;
    buf_printf(result, "Service '%s' started", name);
    return 0;
}

int plan_execute_stop_service(struct step *step, struct buf *result, struct error **err)
{
    const struct execution *execution = step->execution;
    const char *name = plan_argument(step->instruction, "name");
    const struct plan_call call = step_call(step, 0);
    settling_forget(step, name);
    if (execution->effects->service_stop(execution->context, name, &call, err) < 0)
        return -1;
    buf_printf(result, "Service '%s' stopped", name);
    return 0;
}

/* Of a service of this plan, the configuration was changed while the script was interpreted, before
 * it was started. One of an earlier run is updated now. */
int plan_execute_set_service(struct step *step, struct buf *result, struct error **err)
{
    const char *name = plan_argument(step->instruction, "name");
    const json_t *merged = json_object_get(step->instruction->arguments, "merged");
    int outcome = 0;
    if (merged) {
        struct service_start start = {.name = name, .config = merged};
        outcome = service_start_and_wait(step, &start, err);
        if (outcome == 0)
            outcome = service_wait_ready(step, &start, err);
        if (outcome == 0)
            settling_add(step, &start);
        service_start_done(&start);
    }
    if (outcome == 0)
        buf_printf(result, "Set service config on service '%s'.", name);
    return outcome;
}
