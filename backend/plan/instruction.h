/*
 * The instructions of plans: one table that says of each what arguments it has, what it gives to
 * the script, what it needs and makes, and how it is checked and done. To add one: a row in
 * instruction_table.c and its functions in instruction_NAME.c.
 *
 * The table is compiled twice: into the confined interpreter, which knows only the left half of a
 * row, and into the engine.
 */
#ifndef KFS_PLAN_INSTRUCTION_H
#define KFS_PLAN_INSTRUCTION_H

#include "backend/plan/schema.h"

struct plan_instruction; /* document.h */
struct plan_world;       /* validate.h */
struct step;             /* execute.h */

/* What a script gets from the call. */
enum plan_returns {
    PLAN_RETURNS_NONE,
    PLAN_RETURNS_SERVICE,       /* of `name` */
    PLAN_RETURNS_SERVICES,      /* a dict by the keys of `configs` */
    PLAN_RETURNS_FOUND_SERVICE, /* as the enclave or the plan so far has it */
    PLAN_RETURNS_ALL_SERVICES,
    PLAN_RETURNS_RECIPE_RESULT, /* a dict of placeholders by `recipe` */
    PLAN_RETURNS_TASK,          /* struct(code, output, files_artifacts) */
    PLAN_RETURNS_NAME,          /* `name`, an artifact's; made up if not given */
    PLAN_RETURNS_CLUSTER_TYPE,
};

enum plan_rule {
    PLAN_BARRIER = 1 << 0,         /* what follows waits for it, also with --parallel */
    PLAN_MAKES_SERVICE = 1 << 1,   /* `name`, or the keys of `configs` */
    PLAN_ENDS_SERVICE = 1 << 2,    /* `name` */
    PLAN_TOUCHES_SERVICE = 1 << 3, /* changes it: what follows on that service comes after */
    PLAN_PASSIVE = 1 << 4,         /* did its part while the script was interpreted */
    PLAN_MAKES_VALUES = 1 << 5,    /* runtime values, under an id of its own */
    PLAN_SETS_CONFIG = 1 << 6,     /* set_service: changes what an add_service before it asks for */
    PLAN_TASK = 1 << 7,            /* runs in a container of its own */
    PLAN_RESOLVES_SOURCE = 1 << 8, /* `src` is a file or directory of the package */
    PLAN_STARTS_SERVICE = 1 << 9,  /* `name`, which is there */
    PLAN_STOPS_SERVICE = 1 << 10,
};

struct plan_instruction_spec {
    const char *name;
    const struct plan_field *fields;
    enum plan_returns returns;
    unsigned rules; /* enum plan_rule */
    /* The default description; {field} stands for an argument's text. */
    const char *description;

    /* The engine's half; NULL in the interpreter. */

    /* Writes the default description where a format cannot say it; NULL: as above. */
    void (*describe)(const struct plan_instruction *instruction, struct buf *out);
    /* Checks the instruction against the world as those before it leave it, and changes that world.
     * Appends a line to problems for each fault. NULL: nothing to check. */
    void (*validate)(const struct plan_instruction *instruction, struct plan_world *world,
                     struct buf *problems);
    /* Does it. Appends what the user sees to result. */
    int (*execute)(struct step *step, struct buf *result, struct error **err);
};

const struct plan_instruction_spec *plan_instruction_find(const char *name);
/* By number from 0; NULL past the end. */
const struct plan_instruction_spec *plan_instruction_at(size_t i);

#endif
