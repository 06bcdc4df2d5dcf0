/* exec, request and wait: recipes on a service. */
#include "backend/plan/instructions.h"

#include "backend/base/clock.h"
#include "backend/plan/recipe.h"
#include "backend/plan/validate.h"

#include <string.h>

/* How long one exec or request may take if the instruction says nothing ("timeout"; None: for
 * ever). Kurtosis has no limit, so a hanging server hangs the run; these are far above what
 * packages need. */
static const char exec_timeout[] = "15m";
static const char request_timeout[] = "3m";

/* ---- describing ---- */

void plan_describe_request(const struct plan_instruction *instruction, struct buf *out)
{
    const json_t *recipe = json_object_get(instruction->arguments, "recipe");
    buf_printf(out, "Running '%s' request on service '%s'",
               plan_is_type(recipe, "PostHttpRequestRecipe") ? "POST" : "GET",
               plan_argument(instruction, "service_name"));
}

void plan_describe_wait(const struct plan_instruction *instruction, struct buf *out)
{
    buf_printf(out, "Waiting for at most '%s' for service '%s' to reach a certain state",
               plan_string(instruction->arguments, "timeout", "10s"),
               plan_argument(instruction, "service_name"));
}

/* ---- validating ---- */

void plan_validate_recipe(const struct plan_instruction *instruction, struct plan_world *world,
                          struct buf *problems)
{
    const char *service = plan_argument(instruction, "service_name");
    if (!world_check_service(world, service, instruction->spec->name, problems))
        return;
    const char *name = plan_string(world->identifiers, service, service);
    world_check_port(json_object_get(world->services, name), name,
                     json_object_get(instruction->arguments, "recipe"), problems);
}

/* ---- doing ---- */

/* Says whose time is over; other failures speak for themselves. */
static int explain(const struct step *step, const char *what, const char *fallback,
                   struct error **reason, struct error **err)
{
    if (error_code(*reason) != ETIMEDOUT)
        return error_move(err, reason);
    return error_set(err, ETIMEDOUT,
                     "%s on service '%s' did not end within '%s'; the argument 'timeout' says how "
                     "long it may take",
                     what, plan_argument(step->instruction, "service_name"),
                     plan_string(step->instruction->arguments, "timeout", fallback));
}

static int run_recipe(struct step *step, const char *what, const char *fallback, struct buf *result,
                      struct error **err)
{
    const json_t *arguments = step->instruction->arguments;
    const json_t *recipe = json_object_get(arguments, "recipe");
    cleanup(error_free) struct error *reason = NULL;
    json_t *answer = NULL;
    if (recipe_run(step, plan_argument(step->instruction, "service_name"), recipe,
                   plan_duration(arguments, "timeout", fallback), &answer, &reason) < 0)
        return explain(step, what, fallback, &reason, err);
    int outcome = 0;
    if (!plan_bool(arguments, "skip_code_check", false))
        outcome = recipe_check_code(what, recipe, answer,
                                    json_object_get(arguments, "acceptable_codes"), err);
    if (outcome == 0) {
        recipe_store_answer(step, answer);
        recipe_put_answer(result, recipe, answer);
    }
    json_decref(answer);
    return outcome;
}

int plan_execute_exec(struct step *step, struct buf *result, struct error **err)
{
    return run_recipe(step, "Exec", exec_timeout, result, err);
}

int plan_execute_request(struct step *step, struct buf *result, struct error **err)
{
    return run_recipe(step, "Request", request_timeout, result, err);
}

int plan_execute_wait(struct step *step, struct buf *result, struct error **err)
{
    const json_t *arguments = step->instruction->arguments;
    const struct recipe_wait wait = {
        .service = plan_argument(step->instruction, "service_name"),
        .recipe = json_object_get(arguments, "recipe"),
        .field = plan_string(arguments, "field", ""),
        .assertion = plan_string(arguments, "assertion", ""),
        .target = json_object_get(arguments, "target_value"),
        .interval = plan_duration(arguments, "interval", "1s"),
        .timeout = plan_duration(arguments, "timeout", "10s"),
        .what = "an answer",
    };
    json_t *answer = NULL;
    unsigned tries = 0;
    int64_t begun = clock_monotonic();
    if (recipe_wait(step, &wait, &answer, &tries, err) < 0)
        return -1;
    recipe_store_answer(step, answer);
    buf_printf(result, "Wait took %u tries (", tries);
    clock_put_duration(result, clock_monotonic() - begun);
    buf_puts(result, " in total). Assertion passed with following:\n");
    recipe_put_answer(result, wait.recipe, answer);
    json_decref(answer);
    return 0;
}
