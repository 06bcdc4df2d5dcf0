/* The record of applied instructions, and deciding what must run again. */
#include "backend/plan/applied.h"

#include <stdio.h>
#include <string.h>

enum {
    RECORD_VERSION = 1
};

/* {"version": 1, "instructions": {KEY: {"makes": {...}, "overruled"?: {...}, "hash"?}},
 *  "values": {...}, "made_names": {...}} */
struct applied {
    json_t *instructions, *values, *made_names;
};

static json_t *object_of(const json_t *saved, const char *name)
{
    json_t *object = json_object_get(saved, name);
    return json_is_object(object) ? json_deep_copy(object) : json_object();
}

struct applied *applied_new(const json_t *saved, struct error **err)
{
    struct applied *applied = calloc(1, sizeof *applied);
    if (!applied) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (plan_int(saved, "version", 0) != RECORD_VERSION)
        saved = NULL;
    applied->instructions = object_of(saved, "instructions");
    applied->values = object_of(saved, "values");
    applied->made_names = object_of(saved, "made_names");
    return applied;
}

void applied_free(struct applied *applied)
{
    if (!applied)
        return;
    json_decref(applied->instructions);
    json_decref(applied->values);
    json_decref(applied->made_names);
    free(applied);
}

json_t *applied_json(const struct applied *applied, struct runtime_values *values)
{
    return json_pack("{s:i, s:o, s:o, s:o}", "version", RECORD_VERSION, "instructions",
                     json_deep_copy(applied->instructions), "values", runtime_values_copy(values),
                     "made_names", json_deep_copy(applied->made_names));
}

const json_t *applied_values(const struct applied *applied)
{
    return applied->values;
}

const json_t *applied_made_names(const struct applied *applied)
{
    return applied->made_names;
}

bool applied_has(const struct applied *applied, const struct plan_instruction *instruction,
                 const char *hash)
{
    const json_t *record = json_object_get(applied->instructions, instruction->key);
    return record && (!hash || strcmp(plan_string(record, "hash", ""), hash) == 0);
}

/* Whether an instruction decides what a service or artifact is (others only use it). */
static bool defines(const struct plan_instruction *instruction)
{
    return (instruction->spec->rules & (PLAN_MAKES_SERVICE | PLAN_TASK)) ||
           instruction->spec->returns == PLAN_RETURNS_NAME;
}

static bool is_artifact(const char *key)
{
    return strncmp(key, "artifact:", strlen("artifact:")) == 0;
}

/* Of a record's things those that the instruction has made anew: a service's maker is forgotten, of
 * an artifact's it is noted ("overruled") that its content is another's. Values do not count: they
 * have one maker by their ids. True if the record is to go. */
static bool overrule(json_t *record, const struct plan_instruction *instruction)
{
    json_t *overruled = json_object_get(record, "overruled");
    const char *key;
    json_t *unused;
    json_object_foreach(json_object_get(record, "makes"), key, unused)
    {
        if (!json_object_get(instruction->makes, key) || strncmp(key, "value:", 6) == 0)
            continue;
        if (!is_artifact(key))
            return true;
        if (!overruled)
            json_object_set_new(record, "overruled", overruled = json_object());
        json_object_set_new(overruled, key, json_true());
    }
    return false;
}

static void overrule_makers(struct applied *applied, const struct plan_instruction *instruction)
{
    const char *key;
    json_t *record;
    void *next;
    json_object_foreach_safe(applied->instructions, next, key,
                             record) if (overrule(record, instruction))
        json_object_del(applied->instructions, key);
}

/* By the same ids as the interpreter uses when it makes names up. */
static void remember_names(struct applied *applied, const struct plan_instruction *instruction)
{
    size_t i;
    json_t *spec;
    if (instruction->spec->returns == PLAN_RETURNS_NAME)
        json_object_set_new(applied->made_names, instruction->id,
                            json_string(plan_argument(instruction, "name")));
    if (!(instruction->spec->rules & PLAN_TASK))
        return;
    json_array_foreach(json_object_get(instruction->arguments, "store"), i, spec)
    {
        char number[24], id[UUID_LENGTH + 1];
        snprintf(number, sizeof number, "%zu", i);
        plan_id_digest((const char *const[]){instruction->id, number}, 2, id);
        json_object_set_new(applied->made_names, id, json_string(plan_string(spec, "name", "")));
    }
}

void applied_add(struct applied *applied, const struct plan_instruction *instruction,
                 const char *hash)
{
    json_t *record = json_object();
    if (defines(instruction)) {
        overrule_makers(applied, instruction);
        json_object_set(record, "makes", instruction->makes);
        remember_names(applied, instruction);
    }
    if (hash)
        json_object_set_new(record, "hash", json_string(hash));
    json_object_set_new(applied->instructions, instruction->key, record);
}

void applied_forget(struct applied *applied, const struct plan_instruction *instruction)
{
    json_object_del(applied->instructions, instruction->key);
}

/* ---- deciding ---- */

static bool enclave_has(const json_t *enclave, const char *what, const char *name)
{
    return json_object_get(json_object_get(enclave, what), name) != NULL;
}

/* The last instruction before `end` that adds the service, or plan->count. */
static size_t last_maker(const struct plan *plan, const char *service, size_t end)
{
    for (size_t i = end; i-- > 0;)
        if ((plan->items[i].spec->rules & PLAN_MAKES_SERVICE) &&
            plan_resource_in(plan->items[i].makes, PLAN_RESOURCE_SERVICE, service))
            return i;
    return plan->count;
}

/* Whether the service is there when the whole plan has been done. */
static bool ends_present(const struct plan *plan, const char *service)
{
    bool present = false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_instruction *instruction = &plan->items[i];
        if (!plan_resource_in(instruction->makes, PLAN_RESOURCE_SERVICE, service))
            continue;
        if (instruction->spec->rules & PLAN_MAKES_SERVICE)
            present = true;
        else if (instruction->spec->rules & PLAN_ENDS_SERVICE)
            present = false;
    }
    return present;
}

/* Whether something that the instruction made is gone. */
static bool has_lost(const struct plan *plan, const struct plan_instruction *instruction,
                     const json_t *enclave)
{
    json_t *configs = plan_configs(instruction), *artifacts = plan_made_artifacts(instruction);
    bool lost = false;
    const char *name;
    json_t *unused;
    json_object_foreach(configs, name, unused) lost |=
        !enclave_has(enclave, "services", name) && ends_present(plan, name);
    json_object_foreach(artifacts, name, unused) lost |= !enclave_has(enclave, "artifacts", name);
    json_decref(configs);
    json_decref(artifacts);
    return lost;
}

/* A removal is done when the service is not there; unless it is a new one of that name. */
static bool removal_is_due(const struct plan_instruction *instruction, const json_t *enclave)
{
    return (instruction->spec->rules & PLAN_ENDS_SERVICE) &&
           enclave_has(enclave, "services", plan_argument(instruction, "name"));
}

/* Whether a later instruction decides anew whether the service runs. */
static bool is_overruled(const struct plan *plan, size_t i, const char *service)
{
    static const unsigned deciding =
        PLAN_MAKES_SERVICE | PLAN_ENDS_SERVICE | PLAN_STARTS_SERVICE | PLAN_STOPS_SERVICE;
    for (size_t j = i + 1; j < plan->count; j++)
        if ((plan->items[j].spec->rules & deciding) &&
            plan_resource_in(plan->items[j].makes, PLAN_RESOURCE_SERVICE, service))
            return true;
    return false;
}

/* A plan that adds a service, stops and starts it describes how the service is in the end: nothing
 * is to be done when it is so. In a plan that only stops or starts it, that is what is wanted now,
 * each time. */
static bool switch_is_due(const struct plan *plan, size_t i, const json_t *enclave)
{
    const struct plan_instruction *instruction = &plan->items[i];
    if (!(instruction->spec->rules & (PLAN_STARTS_SERVICE | PLAN_STOPS_SERVICE)))
        return false;
    const char *name = plan_argument(instruction, "name");
    if (last_maker(plan, name, i) == plan->count)
        return true;
    const json_t *service = json_object_get(json_object_get(enclave, "services"), name);
    bool wanted = (instruction->spec->rules & PLAN_STARTS_SERVICE) != 0;
    return !is_overruled(plan, i, name) && plan_bool(service, "running", false) != wanted;
}

/* What an instruction that must run needs and is not there: a service, or a value. Whoever makes it
 * must run too. Returns whether that is news. */
static bool demand(const struct plan *plan, size_t i, const json_t *enclave,
                   struct runtime_values *values, bool *must)
{
    const struct plan_instruction *instruction = &plan->items[i];
    bool news = false;
    const char *key;
    json_t *unused;
    json_object_foreach(instruction->consumes, key, unused)
    {
        const char *name = strchr(key, ':') + 1;
        size_t maker = plan->count;
        if (strncmp(key, "service:", strlen("service:")) == 0 &&
            !enclave_has(enclave, "services", name))
            maker = last_maker(plan, name, i);
        if (strncmp(key, "value:", strlen("value:")) == 0 && !runtime_values_has(values, name))
            for (size_t j = 0; j < i; j++)
                if (json_object_get(plan->items[j].makes, key))
                    maker = j;
        if (maker < plan->count && !must[maker])
            news = must[maker] = true;
    }
    return news;
}

/* What depends on something that may run may run. */
static void decide_may(const struct plan *plan, const bool *must, bool *may)
{
    json_t *touched = json_object();
    for (size_t i = 0; i < plan->count; i++) {
        may[i] = must[i] || plan_sets_meet(plan->items[i].consumes, touched);
        if (may[i])
            json_object_update(touched, plan->items[i].makes);
    }
    json_decref(touched);
}

/* ---- artifacts that a plan makes more than once ---- */

/* The next instruction after i that makes the artifact, or plan->count. */
static size_t next_maker(const struct plan *plan, size_t i, const char *key)
{
    do
        i++;
    while (i < plan->count && !json_object_get(plan->items[i].makes, key));
    return i;
}

/* The artifacts that several instructions make, as a set. */
static json_t *remade_artifacts(const struct plan *plan)
{
    json_t *once = json_object(), *again = json_object();
    const char *key;
    json_t *unused;
    for (size_t i = 0; i < plan->count; i++)
        json_object_foreach(plan->items[i].makes, key, unused)
        {
            if (is_artifact(key))
                json_object_set_new(json_object_get(once, key) ? again : once, key, json_true());
        }
    json_decref(once);
    return again;
}

static const json_t *overruled_of(const struct applied *applied,
                                  const struct plan_instruction *instruction)
{
    return json_object_get(json_object_get(applied->instructions, instruction->key), "overruled");
}

/* Whether an artifact has the content that another instruction gave it which is not in the plan, or
 * not behind this one. */
static bool is_displaced(const struct applied *applied, const struct plan *plan, size_t i)
{
    const char *key;
    json_t *unused;
    json_object_foreach((json_t *)overruled_of(applied, &plan->items[i]), key, unused)
    {
        if (next_maker(plan, i, key) == plan->count)
            return true;
    }
    return false;
}

/* What is known of a remade artifact is its last content. So one that makes it and runs lets those
 * run that read what it made and the next that makes it; and for one that may run and reads it, the
 * one before it that makes it must run. Returns whether that is news. */
static bool demand_contents(const struct applied *applied, const struct plan *plan, size_t i,
                            const json_t *remade, const bool *may, bool *must)
{
    bool news = false;
    const char *key;
    json_t *unused;
    json_object_foreach(plan->items[i].makes, key, unused)
    {
        if (!json_object_get(remade, key))
            continue;
        bool overruled = json_object_get(overruled_of(applied, &plan->items[i]), key) != NULL;
        size_t next = next_maker(plan, i, key);
        for (size_t j = i + 1; j <= next && j < plan->count; j++) {
            bool reads = json_object_get(plan->items[j].consumes, key) != NULL;
            if (may[j] && reads && overruled && !must[i])
                news = must[i] = true;
            if (must[i] && (reads || j == next) && !must[j])
                news = must[j] = true;
        }
    }
    return news;
}

/* Forgets overruled instructions that are in the plan no more. */
static void forget_overruled(struct applied *applied, const struct plan *plan)
{
    json_t *keys = json_object();
    const char *key;
    json_t *record;
    void *next;
    for (size_t i = 0; i < plan->count; i++)
        json_object_set_new(keys, plan->items[i].key, json_true());
    json_object_foreach_safe(applied->instructions, next, key,
                             record) if (json_object_get(record, "overruled") &&
                                         !json_object_get(keys, key))
        json_object_del(applied->instructions, key);
    json_decref(keys);
}

void applied_decide(struct applied *applied, const struct plan *plan, const json_t *enclave,
                    char *const *hashes, struct runtime_values *values, bool *must, bool *may)
{
    forget_overruled(applied, plan);
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_instruction *instruction = &plan->items[i];
        must[i] = !applied_has(applied, instruction, hashes[i]) ||
                  plan_bool(instruction->arguments, "force_update", false) ||
                  has_lost(plan, instruction, enclave) || removal_is_due(instruction, enclave) ||
                  switch_is_due(plan, i, enclave) || is_displaced(applied, plan, i);
    }
    json_t *remade = remade_artifacts(plan);
    bool news = true;
    while (news) {
        news = false;
        decide_may(plan, must, may);
        for (size_t i = 0; i < plan->count; i++) {
            if (must[i])
                news |= demand(plan, i, enclave, values, must);
            news |= demand_contents(applied, plan, i, remade, may, must);
        }
    }
    json_decref(remade);
}
