/*
 * The confined interpreter: evaluates a script and tells the engine, over its socket, what the
 * script asks for. Inside: one vm, the tables of types and instructions turned into Starlark
 * functions, and the plan as it grows. One thread; the process does one script and ends.
 */
#ifndef KFS_PLAN_INTERPRETER_H
#define KFS_PLAN_INTERPRETER_H

#include "backend/base/map.h"
#include "backend/plan/frame.h"
#include "backend/plan/instruction.h"
#include "backend/plan/names.h"
#include "starlark/starlark.h"

enum {
    FIELDS_MAX = 32,      /* of a type or an instruction; the largest has 29 */
    PREDECLARED_MAX = 32, /* names that scripts see */
    FRAMES_MAX = 64,      /* of the call stack that an instruction carries; the innermost ones */
    VALUE_DEPTH_MAX = 64  /* of nesting in what is handed to an instruction */
};

struct interpreter {
    int fd;
    json_t *start;   /* the engine's request */
    json_t *enclave; /* what the enclave holds, of start */
    struct star_vm *vm;

    struct star_binding predeclared[PREDECLARED_MAX];
    const char *predeclared_names[PREDECLARED_MAX];
    size_t predeclared_count;
    struct star_root *keep; /* a list of what must outlive every call */
    struct map modules;     /* id to struct star_root of the module; of None while it loads */

    json_t *instructions; /* the plan so far */
    json_t *services;     /* {NAME: {"config", "owner": arguments of its instruction}} or null once
                             removed */
    json_t *occurrences;  /* {digest: how often}, for ids */
    json_t *artifacts;    /* {NAME: true}: taken in this run */
};

/* ---- values.c: between Starlark and JSON ---- */

/* The value as data; NULL, with a line in problems that names `path`, if it cannot be. */
json_t *value_to_json(struct interpreter *in, star_value value, const char *path,
                      struct buf *problems);
/* By what a field wants: messages become text, templates' data becomes JSON text. */
json_t *field_to_json(struct interpreter *in, const struct plan_field *field, star_value value,
                      struct buf *problems);
/* STAR_NULL, with the vm's error pending, on failure. */
star_value value_from_json(struct interpreter *in, const json_t *json);
/* What run() is called with: whole numbers as ints. */
star_value value_normalise(struct interpreter *in, star_value value);

/* ---- types.c ---- */

/* Adds the constructors of all types to the predeclared names. */
bool types_declare(struct interpreter *in);
/* The JSON of a value of one of the types (borrowed), or NULL. */
json_t *typed_json(star_value value);
star_value typed_from_json(struct interpreter *in, const struct plan_type *type,
                           const json_t *json);

/* ---- assert.c ---- */

bool assert_declare(struct interpreter *in);

/* ---- arguments.c ---- */

/* Matches a call's arguments with fields. Gives {FIELD: value} and, if they are wanted, the values
 * themselves (STAR_NULL: not given). NULL, with the vm's error pending, if they do not fit. */
json_t *arguments_match(struct interpreter *in, const struct star_args *args, const char *name,
                        const struct plan_field *fields, star_value ret_values[FIELDS_MAX],
                        char **ret_description);
star_value fail_problems(struct interpreter *in, const char *name, const struct buf *problems);

/* ---- calls.c: the plan object ---- */

star_value plan_object(struct interpreter *in);
/* Makes an unused artifact name from an id: adjective-noun. */
void artifact_name_make(struct interpreter *in, const char *id, struct buf *out);

/* ---- modules.c: what reaches other files ---- */

bool modules_declare(struct interpreter *in);
star_load_fn modules_load_hook(void);
/* Asks the engine. The answer's JSON has no "error". */
bool engine_ask(struct interpreter *in, const char *what, const char *locator,
                struct frame *ret_answer);
/* A directory or file of the package, by the number that the engine gives it; -1 on failure. */
int64_t engine_resolve(struct interpreter *in, const char *locator);
/* Compiles and runs a file with the predeclared names. */
star_value module_run(struct interpreter *in, const char *file, const char *source, size_t length);

bool declare(struct interpreter *in, const char *name, star_value value);

/* ---- entry.c: the main function ---- */

/* Calls it and gives what it returned as JSON text, or as str() has it; NULL on failure. */
char *entry_run(struct interpreter *in, star_value module);

#endif
