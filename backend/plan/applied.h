/*
 * What was applied in an enclave already, so that a run again does only what is new or changed.
 *
 * An instruction is known by its key (document.h): its name and all its arguments, and how many
 * equal ones came before it in the script. It is skipped if it was applied and nothing that it
 * depends on has changed since: not in earlier runs (then what it made is there still) and not in
 * this one (a service that was replaced, an artifact with new content, a value that is another).
 * Stopping and starting a service that the plan does not add is always done.
 * What takes the place of an earlier instruction, because it makes the same service, makes that one
 * forgotten. An artifact may have several makers in a plan (tasks that work on it in turn): each is
 * skipped as long as those behind it are, too, and nothing needs the content that it gave. Not
 * thread-safe; the executor holds its own lock.
 */
#ifndef KFS_PLAN_APPLIED_H
#define KFS_PLAN_APPLIED_H

#include "backend/plan/document.h"
#include "backend/plan/runtime_values.h"

struct applied;

/* From what applied_json gave, or null for a new enclave. What cannot be understood counts as none.
 */
struct applied *applied_new(const json_t *saved, struct error **err);
void applied_free(struct applied *applied);
CLEANUP_DEFINE(applied_free, struct applied *)

/* The record, with the values: what applied_save is given. A new object. */
json_t *applied_json(const struct applied *applied, struct runtime_values *values);
/* The values of the record (borrowed), and the names of artifacts that were made up, {ID: NAME}. */
const json_t *applied_values(const struct applied *applied);
const json_t *applied_made_names(const struct applied *applied);

/* Whether it was applied, with the same content of its source (`hash`; NULL: it has none). */
bool applied_has(const struct applied *applied, const struct plan_instruction *instruction,
                 const char *hash);
void applied_add(struct applied *applied, const struct plan_instruction *instruction,
                 const char *hash);
/* One that is to be done again, or turned out to have failed. */
void applied_forget(struct applied *applied, const struct plan_instruction *instruction);
/* Which instructions must run whatever else happens, must[i], and which may run, may[i], because
 * they depend on something that may. enclave as plan_effects.describe gives it; hashes[i] of the
 * source of instruction i or NULL. */
void applied_decide(struct applied *applied, const struct plan *plan, const json_t *enclave,
                    char *const *hashes, struct runtime_values *values, bool *must, bool *may);

#endif
