/*
 * A plan in memory: what the interpreter sent, checked against the tables, with all that follows
 * from it. Immutable once made.
 *
 * What the interpreter sends (FRAME_DONE):
 *
 *     {"instructions": [{
 *          "instruction": "exec",
 *          "id": "0123...",              32 hex digits, under which its runtime values are kept
 *          "arguments": {...},           as schema.h says; names that were made up are filled in
 *          "description": "...",         if the script gave one
 *          "stack": [{"name": "run", "file": "app.star", "line": 12, "column": 5}, ...]
 *                                        where the call stands, innermost first
 *      }, ...],
 *      "result": "..."}                  what run() returned, as JSON text
 */
#ifndef KFS_PLAN_DOCUMENT_H
#define KFS_PLAN_DOCUMENT_H

#include "backend/plan/instruction.h"
#include "backend/plan/names.h"

struct plan_instruction {
    const struct plan_instruction_spec *spec;
    const json_t *arguments; /* the document's */
    const json_t *stack;     /* the document's; has at least one frame */
    const char *id;          /* the document's */
    char *description;
    /* Tells it from all others of this and earlier runs: equal for an equal instruction that
     * occurred equally often before. */
    char key[UUID_LENGTH + 1];
    size_t index;
    /* Resources, as sets {"service:web": true, "artifact:data": true, "value:ID": true}. */
    json_t *consumes, *makes;
};

struct plan {
    struct plan_instruction *items;
    size_t count;
    const char *result; /* JSON text */
    json_t *document;
};

/* Checks and takes in a document (a reference of its own). resolved_count: numbers that were given
 * for sources; those in the plan must be below. EIO if it is not a plan. */
struct plan *plan_new(json_t *document, int64_t resolved_count, struct error **err);
void plan_free(struct plan *plan);
CLEANUP_DEFINE(plan_free, struct plan *)

/* The document that plan.json and `kfs plan` show: an array of {"instruction", "position": {"file",
 * "line", "column"}, "arguments", "description"}, indented, with a newline. */
int plan_put_json(const struct plan *plan, struct buf *out, struct error **err);

/* add_service(name="db", config=ServiceConfig(...)) */
void plan_put_instruction(struct buf *out, const struct plan_instruction *instruction);
/* app.star:12:5, and the lines "\n\tat [app.star:12:5]: run" of the whole stack. */
void plan_put_position(struct buf *out, const struct plan_instruction *instruction);
void plan_put_stack(struct buf *out, const struct plan_instruction *instruction);

/* An argument's text, "" if it was not given or is none. */
const char *plan_argument(const struct plan_instruction *instruction, const char *name);

/* The configurations of the services that it adds, by name: a new object. */
json_t *plan_configs(const struct plan_instruction *instruction);
/* The names of the artifacts that a configuration or a task mounts, as a set: a new object. */
json_t *plan_mounted(const json_t *files);
/* The artifacts that it makes, {name: true}: a new object. */
json_t *plan_made_artifacts(const struct plan_instruction *instruction);

/* "service:web" */
enum plan_resource {
    PLAN_RESOURCE_SERVICE,
    PLAN_RESOURCE_ARTIFACT,
    PLAN_RESOURCE_VALUE,
};
void plan_resource_add(json_t *set, enum plan_resource kind, const char *name);
bool plan_resource_in(const json_t *set, enum plan_resource kind, const char *name);
/* Whether two sets share an element. */
bool plan_sets_meet(const json_t *a, const json_t *b);

#endif
