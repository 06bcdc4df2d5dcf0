/* print and verify. */
#include "backend/plan/instructions.h"

#include "backend/plan/assertion.h"
#include "backend/plan/execute.h"

int plan_execute_print(struct step *step, struct buf *result, struct error **err)
{
    return step_text(step, "msg", result, err);
}

int plan_execute_verify(struct step *step, struct buf *result, struct error **err)
{
    struct execution *execution = step->execution;
    json_t *value =
        runtime_values_resolve(execution->values, plan_argument(step->instruction, "value"), err);
    json_t *target =
        value ? runtime_values_replace_in(
                    execution->values,
                    json_object_get(step->instruction->arguments, "target_value"), true, err)
              : NULL;
    int outcome = -1;
    if (target)
        outcome = plan_assert("Verification", value, plan_argument(step->instruction, "assertion"),
                              target, err);
    if (outcome == 0) {
        buf_puts(result, "Verification succeeded. Value is '");
        if (json_is_string(value))
            buf_puts(result, json_string_value(value));
        else
            plan_put_value(result, value);
        buf_puts(result, "'.");
    }
    json_decref(value);
    json_decref(target);
    return outcome;
}
