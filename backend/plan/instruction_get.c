/* get_service, get_services, get_files_artifact, get_cluster_type: they gave their answer while the
 * script was interpreted, and only say so now. */
#include "backend/plan/instructions.h"

#include "backend/plan/execute.h"
#include "backend/plan/validate.h"

void plan_validate_get_files_artifact(const struct plan_instruction *instruction,
                                      struct plan_world *world, struct buf *problems)
{
    const char *name = plan_argument(instruction, "name");
    if (!json_object_get(world->artifacts, name))
        buf_printf(problems, "The files artifact '%s' does not exist\n", name);
}

int plan_execute_get_cluster_type(struct step *step, struct buf *result, struct error **err)
{
    (void)err;
    buf_printf(result, "Fetched cluster type '%s'",
               plan_string(step->execution->enclave, "cluster_type", "docker"));
    return 0;
}

int plan_execute_get_files_artifact(struct step *step, struct buf *result, struct error **err)
{
    (void)err;
    buf_printf(result, "Fetched files artifact '%s'", plan_argument(step->instruction, "name"));
    return 0;
}

int plan_execute_get_service(struct step *step, struct buf *result, struct error **err)
{
    (void)err;
    buf_printf(result, "Fetched service '%s'", plan_argument(step->instruction, "name"));
    return 0;
}

int plan_execute_get_services(struct step *step, struct buf *result, struct error **err)
{
    (void)step, (void)err;
    buf_puts(result, "Fetching services");
    return 0;
}
