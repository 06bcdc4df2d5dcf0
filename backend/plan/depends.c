/* Finding dependences. */
#include "backend/plan/depends.h"

#include <stdio.h>
#include <string.h>

/* ---- sets of resources ---- */

static const char *const resource_names[] = {
    [PLAN_RESOURCE_SERVICE] = "service",
    [PLAN_RESOURCE_ARTIFACT] = "artifact",
    [PLAN_RESOURCE_VALUE] = "value",
};

static void put_resource(struct buf *out, enum plan_resource kind, const char *name)
{
    buf_printf(out, "%s:%s", resource_names[kind], name);
}

void plan_resource_add(json_t *set, enum plan_resource kind, const char *name)
{
    cleanup(buf_done) struct buf key = BUF_INIT(BUF_MAX_TEXT);
    put_resource(&key, kind, name);
    json_object_set_new(set, key.data, json_true());
}

bool plan_resource_in(const json_t *set, enum plan_resource kind, const char *name)
{
    cleanup(buf_done) struct buf key = BUF_INIT(BUF_MAX_TEXT);
    put_resource(&key, kind, name);
    return json_object_get(set, key.data) != NULL;
}

bool plan_sets_meet(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *unused;
    json_object_foreach((json_t *)a, key, unused) if (json_object_get(b, key)) return true;
    return false;
}

/* ---- what arguments name ---- */

json_t *plan_configs(const struct plan_instruction *instruction)
{
    json_t *configs = json_object_get(instruction->arguments, "configs");
    if (!(instruction->spec->rules & PLAN_MAKES_SERVICE))
        return json_object();
    if (configs)
        return json_incref(configs);
    json_t *single = json_object();
    json_object_set(single, plan_argument(instruction, "name"),
                    json_object_get(instruction->arguments, "config"));
    return single;
}

json_t *plan_mounted(const json_t *files)
{
    json_t *set = json_object();
    const char *path;
    json_t *what, *name;
    size_t i;
    json_object_foreach((json_t *)files, path, what)
    {
        if (json_is_string(what))
            json_object_set_new(set, json_string_value(what), json_true());
        json_array_foreach(json_object_get(what, "artifact_names"), i, name)
            json_object_set_new(set, json_string_value(name), json_true());
    }
    return set;
}

json_t *plan_made_artifacts(const struct plan_instruction *instruction)
{
    json_t *set = json_object();
    size_t i;
    json_t *spec;
    for (const struct plan_field *field = instruction->spec->fields; field->name; field++)
        if (field->flags & PLAN_MAKES_ARTIFACT)
            json_object_set_new(set, plan_argument(instruction, field->name), json_true());
    if (instruction->spec->rules & PLAN_TASK)
        json_array_foreach(json_object_get(instruction->arguments, "store"), i, spec)
            json_object_set_new(set, plan_string(spec, "name", ""), json_true());
    return set;
}

static void add_all(json_t *set, enum plan_resource kind, json_t *names)
{
    const char *name;
    json_t *unused;
    json_object_foreach(names, name, unused) plan_resource_add(set, kind, name);
    json_decref(names);
}

/* Placeholders in every text of a value. */
static void add_values(json_t *set, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i, offset = 0;
    struct plan_placeholder found;
    if (json_is_string(value))
        while (plan_placeholder_next(json_string_value(value), json_string_length(value), &offset,
                                     &found))
            plan_resource_add(set, PLAN_RESOURCE_VALUE, found.id);
    json_object_foreach((json_t *)value, key, member) add_values(set, member);
    json_array_foreach(value, i, member) add_values(set, member);
}

static void find_consumed(struct plan_instruction *instruction)
{
    const json_t *arguments = instruction->arguments;
    const char *name;
    json_t *config;
    json_t *configs = plan_configs(instruction);
    add_values(instruction->consumes, arguments);
    json_object_foreach(configs, name, config)
        add_all(instruction->consumes, PLAN_RESOURCE_ARTIFACT,
                plan_mounted(json_object_get(config, "files")));
    json_decref(configs);
    if (instruction->spec->rules & PLAN_TASK)
        add_all(instruction->consumes, PLAN_RESOURCE_ARTIFACT,
                plan_mounted(json_object_get(arguments, "files")));
    for (const struct plan_field *field = instruction->spec->fields; field->name; field++) {
        if (field->flags & PLAN_NAMES_SERVICE)
            plan_resource_add(instruction->consumes, PLAN_RESOURCE_SERVICE,
                              plan_argument(instruction, field->name));
        if (field->flags & PLAN_NAMES_ARTIFACT)
            plan_resource_add(instruction->consumes, PLAN_RESOURCE_ARTIFACT,
                              plan_argument(instruction, field->name));
    }
}

static void find_made(struct plan_instruction *instruction)
{
    json_t *configs = plan_configs(instruction);
    const char *name;
    json_t *unused;
    json_object_foreach(configs, name, unused)
    {
        char id[UUID_LENGTH + 1];
        plan_id_of_service(name, id);
        plan_resource_add(instruction->makes, PLAN_RESOURCE_VALUE, id);
    }
    add_all(instruction->makes, PLAN_RESOURCE_SERVICE, configs);
    add_all(instruction->makes, PLAN_RESOURCE_ARTIFACT, plan_made_artifacts(instruction));
    if (instruction->spec->rules & PLAN_MAKES_VALUES)
        plan_resource_add(instruction->makes, PLAN_RESOURCE_VALUE, instruction->id);
    if (instruction->spec->rules & (PLAN_TOUCHES_SERVICE | PLAN_ENDS_SERVICE))
        for (const struct plan_field *field = instruction->spec->fields; field->name; field++)
            if (field->flags & PLAN_NAMES_SERVICE)
                plan_resource_add(instruction->makes, PLAN_RESOURCE_SERVICE,
                                  plan_argument(instruction, field->name));
}

void plan_find_dependences(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan->items[i].consumes = json_object();
        plan->items[i].makes = json_object();
        find_consumed(&plan->items[i]);
        find_made(&plan->items[i]);
    }
}

/* ---- order for --parallel ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Adds the services whose names stand as words in the texts of a value. */
static void add_mentions(json_t *set, const json_t *value, const json_t *services)
{
    const char *key;
    json_t *member;
    size_t i;
    const char *text = json_string_value(value);
    while (text && *text) {
        size_t length = 0;
        while (is_name_char(text[length]))
            length++;
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        if (length > 0 && length < sizeof word && json_object_get(services, word))
            plan_resource_add(set, PLAN_RESOURCE_SERVICE, word);
        text += length > 0 ? length : 1;
    }
    json_object_foreach((json_t *)value, key, member) add_mentions(set, member, services);
    json_array_foreach(value, i, member) add_mentions(set, member, services);
}

/* Whether `later` must wait for `earlier`. */
static bool must_follow(const struct plan_instruction *later, const json_t *needs,
                        const struct plan_instruction *earlier)
{
    if (earlier->spec->rules & PLAN_BARRIER)
        return true;
    return plan_sets_meet(needs, earlier->makes) ||         /* reads what it makes */
           plan_sets_meet(later->makes, earlier->makes) ||  /* makes what it makes */
           plan_sets_meet(later->makes, earlier->consumes); /* changes what it reads */
}

static json_t *needs_of(const struct plan_instruction *instruction, const json_t *services)
{
    json_t *needs = json_deep_copy(instruction->consumes);
    add_mentions(needs, instruction->arguments, services);
    return needs;
}

static json_t *order_of(const struct plan *plan, size_t i, const json_t *services)
{
    json_t *before = json_object();
    json_t *needs = needs_of(&plan->items[i], services);
    bool waits_for_all = (plan->items[i].spec->rules & PLAN_BARRIER) != 0;
    for (size_t j = 0; j < i; j++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", j);
        if (waits_for_all || must_follow(&plan->items[i], needs, &plan->items[j]))
            json_object_set_new(before, number, json_true());
    }
    json_decref(needs);
    return before;
}

json_t *plan_order(const struct plan *plan)
{
    json_t *order = json_array(), *services = json_object();
    for (size_t i = 0; i < plan->count; i++) {
        json_array_append_new(order, order_of(plan, i, services));
        json_t *configs = plan_configs(&plan->items[i]);
        json_object_update_missing(services, configs);
        json_decref(configs);
    }
    json_decref(services);
    return order;
}
