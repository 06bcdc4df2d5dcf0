/*
 * Recipes: a command in a service or an HTTP request to one, and what is drawn from its answer.
 *
 * An answer is {"code": int, "output" or "body": text, "extract.KEY": value}.
 */
#ifndef KFS_PLAN_RECIPE_H
#define KFS_PLAN_RECIPE_H

#include "backend/plan/execute.h"

/* Does a recipe once on the service called `service` (a name or a UUID). limit: ns; 0: none.
 * Placeholders in its command, body, endpoint, headers and content type are replaced. */
int recipe_run(const struct step *step, const char *service, const json_t *recipe, int64_t limit,
               json_t **ret_answer, struct error **err);

/* A recipe that is done again and again until an assertion on its answer holds. */
struct recipe_wait {
    const char *service;
    const json_t *recipe;
    const char *field; /* of the answer */
    const char *assertion;
    const json_t *target;
    int64_t interval, timeout; /* ns */
    const char *what;          /* what is waited for, for progress */
};
/* *ret_tries may be NULL. */
int recipe_wait(const struct step *step, const struct recipe_wait *wait, json_t **ret_answer,
                unsigned *ret_tries, struct error **err);

/* What the user sees of an answer. */
void recipe_put_answer(struct buf *out, const json_t *recipe, const json_t *answer);

/* Whether the code is among the acceptable ones (NULL: those by default); fails with `what`
 * ("Exec", "Request", "Run sh") and the words that Kurtosis has for it. */
int recipe_check_code(const char *what, const json_t *recipe, const json_t *answer,
                      const json_t *acceptable, struct error **err);

/* Stores an answer's fields as the instruction's runtime values. */
void recipe_store_answer(const struct step *step, const json_t *answer);

/* Adds "extract.KEY" to an answer for each program of `extract` ({KEY: jq program}); NULL: none.
 * input: the JSON text that the programs see, or NULL and why in *input_error. */
int recipe_extract(const struct step *step, const json_t *extract, const char *input, size_t length,
                   json_t *answer, struct error **err);

#endif
