/*
 * The plan object: each instruction of the table as a Starlark function. Calling one checks its
 * arguments, appends the instruction to the plan, and gives the script what stands for its result.
 */
#include "backend/plan/interpreter/interpreter.h"

#include "backend/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a function of the plan object is called with. */
struct caller {
    struct interpreter *in;
    const struct plan_instruction_spec *spec;
};

enum {
    INSTRUCTIONS_MAX = 32,
    STORED_PER_PLAN_MAX = 100000 /* instructions; a script that makes more is in a loop */
};
static struct caller callers[INSTRUCTIONS_MAX];

/* An instruction as it is put together. */
struct draft {
    struct interpreter *in;
    const struct plan_instruction_spec *spec;
    json_t *arguments;
    char *description;
    char id[UUID_LENGTH + 1];
};

/* ---- where the call stands ---- */

static json_t *frame_to_json(const struct star_frame *frame)
{
    return json_pack("{s:s, s:s, s:i, s:i}", "name", frame->name, "file", frame->position.file,
                     "line", frame->position.line, "column", frame->position.column);
}

/* Innermost first, without the built-in itself. */
static json_t *stack_to_json(struct star_vm *vm)
{
    json_t *stack = json_array();
    struct star_frame frame;
    for (size_t depth = 1; depth <= FRAMES_MAX && star_frame_at(vm, depth, &frame); depth++)
        if (frame.position.line > 0)
            json_array_append_new(stack, frame_to_json(&frame));
    return stack;
}

/* ---- ids and names ---- */

static void make_id(struct draft *draft)
{
    cleanup(free) char *text = json_dumps(draft->arguments, JSON_COMPACT | JSON_SORT_KEYS);
    char count[24], seed[UUID_LENGTH + 1];
    const char *const seed_parts[] = {draft->spec->name, text ? text : ""};
    plan_id_digest(seed_parts, 2, seed);
    int64_t before = plan_int(draft->in->occurrences, seed, 0);
    json_object_set_new(draft->in->occurrences, seed, json_integer(before + 1));
    snprintf(count, sizeof count, "%lld", (long long)before);
    const char *const parts[] = {seed, count};
    plan_id_digest(parts, 2, draft->id);
}

static const char *const adjectives[] = {
    "amber",   "autumn", "bitter", "blazing", "blue",   "bold",   "brave",  "bright",
    "broad",   "calm",   "clear",  "cold",    "cool",   "copper", "crisp",  "damp",
    "dark",    "dawn",   "deep",   "distant", "dry",    "dusty",  "early",  "empty",
    "faint",   "fallen", "fierce", "floral",  "frosty", "gentle", "golden", "grassy",
    "green",   "hidden", "hollow", "icy",     "late",   "little", "lively", "lone",
    "long",    "mild",   "misty",  "mossy",   "muddy",  "narrow", "noble",  "pale",
    "patient", "plain",  "proud",  "quiet",   "rapid",  "red",    "rough",  "rugged",
    "shady",   "silent", "silver", "slow",    "snowy",  "still",  "sunny",  "warm",
};
static const char *const nouns[] = {
    "acorn",  "aspen",  "badger", "bay",    "beach",   "birch",   "bloom",  "bluff",
    "brook",  "canyon", "cedar",  "cliff",  "cloud",   "comet",   "cove",   "crane",
    "creek",  "crest",  "delta",  "dune",   "eagle",   "elm",     "falcon", "fern",
    "field",  "fjord",  "forest", "fox",    "frost",   "glacier", "glade",  "grove",
    "harbor", "hawk",   "heath",  "heron",  "hill",    "island",  "lagoon", "lake",
    "lark",   "leaf",   "maple",  "marsh",  "meadow",  "moor",    "moss",   "oak",
    "otter",  "pebble", "pine",   "pond",   "rain",    "reef",    "ridge",  "river",
    "shore",  "spring", "stone",  "stream", "thicket", "tundra",  "valley", "willow",
};

static bool artifact_taken(const struct interpreter *in, const char *name)
{
    return json_object_get(in->artifacts, name) ||
           json_object_get(json_object_get(in->enclave, "artifacts"), name);
}

void artifact_name_make(struct interpreter *in, const char *id, struct buf *out)
{
    /* What this same instruction made in an earlier run keeps its name. */
    const char *before = plan_string(json_object_get(in->start, "made_names"), id, NULL);
    if (before && !json_object_get(in->artifacts, before)) {
        buf_puts(out, before);
    } else {
        unsigned number = (unsigned)strtoul((char[]){id[0], id[1], id[2], id[3], '\0'}, NULL, 16);
        buf_printf(out, "%s-%s", adjectives[number % ARRAY_LENGTH(adjectives)],
                   nouns[number / ARRAY_LENGTH(adjectives) % ARRAY_LENGTH(nouns)]);
        size_t length = out->length;
        for (unsigned i = 2; artifact_taken(in, out->data); i++) {
            buf_truncate(out, length);
            buf_printf(out, "-%u", i);
        }
    }
    json_object_set_new(in->artifacts, out->data, json_true());
}

/* Gives the instruction's own artifact a name, if the script did not. */
static void complete_artifact(struct draft *draft)
{
    const char *given = plan_string(draft->arguments, "name", NULL);
    if (given) {
        json_object_set_new(draft->in->artifacts, given, json_true());
        return;
    }
    cleanup(buf_done) struct buf name = BUF_INIT(256);
    artifact_name_make(draft->in, draft->id, &name);
    json_object_set_new(draft->arguments, "name", json_string(name.data));
}

/* task-0123abcd-... : the id with the dashes of a UUID. */
static void complete_task_name(struct draft *draft)
{
    static const int groups[] = {8, 4, 4, 4, 12};
    cleanup(buf_done) struct buf name = BUF_INIT(64);
    const char *at = draft->id;
    buf_puts(&name, "task");
    for (size_t i = 0; i < ARRAY_LENGTH(groups); at += groups[i++])
        buf_printf(&name, "-%.*s", groups[i], at);
    if (!json_object_get(draft->arguments, "name"))
        json_object_set_new(draft->arguments, "name", json_string(name.data));
}

/* Every element of `store` as a StoreSpec with a name. */
static void complete_store(struct draft *draft)
{
    json_t *list = json_array();
    size_t i;
    json_t *element;
    json_array_foreach(json_object_get(draft->arguments, "store"), i, element)
    {
        json_t *spec = json_is_string(element)
                           ? json_pack("{s:s, s:O}", "type", "StoreSpec", "src", element)
                           : json_copy(element);
        if (!json_object_get(spec, "name")) {
            char number[24], id[UUID_LENGTH + 1];
            snprintf(number, sizeof number, "%zu", i);
            plan_id_digest((const char *const[]){draft->id, number}, 2, id);
            cleanup(buf_done) struct buf name = BUF_INIT(256);
            artifact_name_make(draft->in, id, &name);
            json_object_set_new(spec, "name", json_string(name.data));
        } else {
            json_object_set_new(draft->in->artifacts, plan_string(spec, "name", ""), json_true());
        }
        json_array_append_new(list, spec);
    }
    if (json_object_get(draft->arguments, "store"))
        json_object_set(draft->arguments, "store", list);
    json_decref(list);
}

/* ---- what scripts get ---- */

static star_value placeholder(struct draft *draft, const char *field)
{
    cleanup(buf_done) struct buf text = BUF_INIT(1024);
    plan_put_placeholder(&text, draft->id, field);
    return star_keep(draft->in->vm, star_string(draft->in->vm, text.data, text.length));
}

/* A port as a service shows it: with its defaults, and with a URL if it has a protocol. */
static json_t *shown_port(const char *service, const json_t *port)
{
    json_t *shown = json_copy((json_t *)port);
    const char *application = plan_string(port, "application_protocol", "");
    cleanup(buf_done) struct buf text = BUF_INIT(1024);
    if (!json_object_get(shown, "transport_protocol"))
        json_object_set_new(shown, "transport_protocol", json_string("TCP"));
    if (*application == '\0')
        json_object_del(shown, "application_protocol");
    if (json_is_null(json_object_get(port, "wait"))) {
        json_object_del(shown, "wait");
    } else {
        clock_put_duration(&text, plan_duration(port, "wait", "2m"));
        json_object_set_new(shown, "wait", json_string(text.data));
    }
    if (!json_object_get(shown, "url") && *application) {
        buf_truncate(&text, 0);
        buf_printf(&text, "%s://%s:%lld", application, service,
                   (long long)plan_int(port, "number", 0));
        json_object_set_new(shown, "url", json_string(text.data));
    }
    json_object_set_new(shown, "type", json_string("PortSpec"));
    return shown;
}

static void set_placeholder(json_t *object, const char *name, const char *id)
{
    cleanup(buf_done) struct buf text = BUF_INIT(1024);
    plan_put_placeholder(&text, id, name);
    json_object_set_new(object, name, json_string(text.data));
}

/* The Service value of a service with this configuration. */
static star_value service_value(struct interpreter *in, const char *name, const json_t *config)
{
    char id[UUID_LENGTH + 1];
    json_t *shown = json_object();
    const char *key;
    json_t *port;
    json_object_foreach(json_object_get(config, "ports"), key, port)
        json_object_set_new(shown, key, shown_port(name, port));
    json_t *service = json_pack("{s:s, s:s, s:o}", "type", "Service", "name", name, "ports", shown);
    plan_id_of_service(name, id);
    set_placeholder(service, "hostname", id);
    set_placeholder(service, "ip_address", id);
    star_value value = typed_from_json(in, plan_type_find("Service"), service);
    json_decref(service);
    return star_keep(in->vm, value);
}

/* The configuration of a service as the plan so far, or else the enclave, has it; NULL. */
static json_t *service_config(const struct interpreter *in, const char *name)
{
    json_t *ours = json_object_get(in->services, name);
    if (ours)
        return json_object_get(ours, "config"); /* NULL for null: removed */
    json_t *there = json_object_get(json_object_get(in->enclave, "services"), name);
    return json_object_get(there, "config");
}

static bool service_known(const struct interpreter *in, const char *name)
{
    json_t *ours = json_object_get(in->services, name);
    if (ours)
        return !json_is_null(ours);
    return json_object_get(json_object_get(in->enclave, "services"), name) != NULL;
}

static star_value return_services(struct draft *draft)
{
    struct interpreter *in = draft->in;
    star_value dict = star_keep(in->vm, star_dict_new(in->vm));
    const char *name;
    json_t *config;
    json_object_foreach(json_object_get(draft->arguments, "configs"), name, config)
    {
        star_value service = service_value(in, name, config);
        if (star_is_null(service) || star_is_null(dict) ||
            !star_dict_set_z(in->vm, dict, name, service))
            return STAR_NULL;
    }
    return dict;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static star_value return_all_services(struct draft *draft)
{
    struct interpreter *in = draft->in;
    json_t *there = json_object_get(in->enclave, "services");
    star_value list = star_keep(in->vm, star_list_new(in->vm, NULL, 0));
    json_t *names = json_object();
    json_object_update_missing(names, in->services);
    json_object_update_missing(names, there);
    size_t count = 0;
    const char **sorted = calloc(json_object_size(names) + 1, sizeof *sorted);
    const char *name;
    json_t *unused;
    json_object_foreach(names, name, unused) if (sorted && service_known(in, name))
        sorted[count++] = name;
    if (sorted)
        qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < count && !star_is_null(list); i++) {
        star_value service = service_value(in, sorted[i], service_config(in, sorted[i]));
        if (star_is_null(service) || !star_list_append(in->vm, list, service))
            list = STAR_NULL;
    }
    free(sorted);
    json_decref(names);
    return list;
}

static bool add_field(struct draft *draft, star_value dict, const char *field)
{
    star_value text = placeholder(draft, field);
    return !star_is_null(text) && star_dict_set_z(draft->in->vm, dict, field, text);
}

static star_value return_recipe_result(struct draft *draft)
{
    struct interpreter *in = draft->in;
    const json_t *recipe = json_object_get(draft->arguments, "recipe");
    star_value dict = star_keep(in->vm, star_dict_new(in->vm));
    const char *text = plan_is_type(recipe, "ExecRecipe") ? "output" : "body";
    if (star_is_null(dict) || !add_field(draft, dict, "code") || !add_field(draft, dict, text))
        return STAR_NULL;
    const char *key;
    json_t *program;
    json_object_foreach(json_object_get(recipe, "extract"), key, program)
    {
        cleanup(buf_done) struct buf field = BUF_INIT(256);
        buf_printf(&field, "extract.%s", key);
        if (!add_field(draft, dict, field.data))
            return STAR_NULL;
    }
    star_freeze(in->vm, dict);
    return dict;
}

static star_value return_task(struct draft *draft)
{
    struct interpreter *in = draft->in;
    star_value names = star_keep(in->vm, star_list_new(in->vm, NULL, 0));
    size_t i;
    json_t *spec;
    json_array_foreach(json_object_get(draft->arguments, "store"), i, spec)
    {
        star_value name = star_string_z(in->vm, plan_string(spec, "name", ""));
        if (star_is_null(name) || star_is_null(names) || !star_list_append(in->vm, names, name))
            return STAR_NULL;
    }
    const struct star_binding fields[] = {
        {"code", placeholder(draft, "code")},
        {"output", placeholder(draft, "output")},
        {"files_artifacts", names},
    };
    return star_struct_new(in->vm, STAR_NULL, fields, ARRAY_LENGTH(fields));
}

static star_value return_value(struct draft *draft)
{
    struct interpreter *in = draft->in;
    const char *name = plan_string(draft->arguments, "name", "");
    switch (draft->spec->returns) {
    case PLAN_RETURNS_SERVICE:
        return service_value(in, name, json_object_get(draft->arguments, "config"));
    case PLAN_RETURNS_FOUND_SERVICE:
        return service_value(in, name, service_config(in, name));
    case PLAN_RETURNS_SERVICES:
        return return_services(draft);
    case PLAN_RETURNS_ALL_SERVICES:
        return return_all_services(draft);
    case PLAN_RETURNS_RECIPE_RESULT:
        return return_recipe_result(draft);
    case PLAN_RETURNS_TASK:
        return return_task(draft);
    case PLAN_RETURNS_NAME:
        return star_string_z(in->vm, name);
    case PLAN_RETURNS_CLUSTER_TYPE:
        return star_string_z(in->vm, plan_string(in->enclave, "cluster_type", "docker"));
    case PLAN_RETURNS_NONE:
    default:
        return star_none();
    }
}

/* ---- what instructions do while the script runs ---- */

static void remember_service(struct interpreter *in, const char *name, json_t *config,
                             json_t *owner)
{
    json_object_set_new(in->services, name,
                        json_pack("{s:O, s:O}", "config", config, "owner", owner));
}

static void remember_services(struct draft *draft)
{
    const char *name = plan_string(draft->arguments, "name", NULL);
    json_t *config = json_object_get(draft->arguments, "config");
    if (config) {
        remember_service(draft->in, name, config, draft->arguments);
        return;
    }
    json_object_foreach(json_object_get(draft->arguments, "configs"), name, config)
        remember_service(draft->in, name, config, draft->arguments);
}

/* What an override may not change: it decides who the service is to others. */
static const char *const fixed_fields[] = {"env_vars", "entrypoint",   "cmd",
                                           "ports",    "public_ports", "files"};
/* What it changes when it is given. */
static const char *const mergeable_fields[] = {
    "image",          "cpu_allocation",   "memory_allocation", "max_cpu",
    "max_memory",     "min_cpu",          "min_memory",        "user",
    "labels",         "tolerations",      "privileged",        "host_pid_namespace",
    "bind_mounts",    "ready_conditions", "devices",           "gpu",
    "capabilities",   "tty_enabled",      "tini_enabled",      "publish_udp",
    "node_selectors",
};

/* Puts what an override gives into the configuration that an earlier add_service asked for. */
static bool merge_config(struct draft *draft)
{
    struct interpreter *in = draft->in;
    const char *name = plan_string(draft->arguments, "name", "");
    const json_t *override = json_object_get(draft->arguments, "config");
    json_t *before = service_config(in, name);
    for (size_t i = 0; i < ARRAY_LENGTH(fixed_fields); i++)
        if (json_object_size(json_object_get(override, fixed_fields[i])) +
                json_array_size(json_object_get(override, fixed_fields[i])) >
            0) {
            star_fail(in->vm, "set_service: '%s' cannot be changed by set_service",
                      fixed_fields[i]);
            return false;
        }
    if (!before) {
        star_fail(in->vm, "set_service: there is no service '%s' to set the configuration of",
                  name);
        return false;
    }
    json_t *merged = json_copy(before);
    for (size_t i = 0; i < ARRAY_LENGTH(mergeable_fields); i++)
        if (json_object_get(override, mergeable_fields[i]))
            json_object_set(merged, mergeable_fields[i],
                            json_object_get(override, mergeable_fields[i]));
    json_object_set_new(merged, "type", json_string("ServiceConfig"));
    json_t *ours = json_object_get(in->services, name);
    json_t *owner = json_object_get(ours, "owner");
    if (json_object_get(owner, "config"))
        json_object_set(owner, "config", merged);
    else if (owner)
        json_object_set(json_object_get(owner, "configs"), name, merged);
    else
        json_object_set(draft->arguments, "merged", merged);
    if (ours)
        json_object_set(ours, "config", merged);
    json_decref(merged);
    return true;
}

static bool find_service(struct draft *draft)
{
    const char *name = plan_string(draft->arguments, "name", "");
    if (service_known(draft->in, name))
        return true;
    star_fail(draft->in->vm,
              "get_service: An error occurred while fetching service '%s' from the store: there is "
              "no such service in the enclave or in the plan so far",
              name);
    return false;
}

static bool complete(struct draft *draft)
{
    const struct plan_instruction_spec *spec = draft->spec;
    make_id(draft);
    if (spec->rules & PLAN_TASK) {
        complete_task_name(draft);
        complete_store(draft);
    }
    if (spec->returns == PLAN_RETURNS_NAME)
        complete_artifact(draft);
    if (spec->rules & PLAN_RESOLVES_SOURCE) {
        int64_t resolved = engine_resolve(draft->in, plan_string(draft->arguments, "src", ""));
        json_object_set_new(draft->arguments, "resolved", json_integer(resolved));
        return resolved >= 0;
    }
    if (spec->rules & PLAN_MAKES_SERVICE)
        remember_services(draft);
    if (spec->rules & PLAN_ENDS_SERVICE)
        json_object_set_new(draft->in->services, plan_string(draft->arguments, "name", ""),
                            json_null());
    if (spec->rules & PLAN_SETS_CONFIG)
        return merge_config(draft);
    if (spec->returns == PLAN_RETURNS_FOUND_SERVICE)
        return find_service(draft);
    return true;
}

/* Checks that are of a whole call and can be told where the script stands. */
static bool check_call(struct draft *draft)
{
    cleanup(buf_done) struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    if (json_object_get(draft->arguments, "assertion"))
        plan_type_find("ReadyCondition")->check(draft->arguments, &problems);
    bool special = plan_bool(draft->arguments, "privileged", false) ||
                   plan_bool(draft->arguments, "host_pid_namespace", false) ||
                   json_object_size(json_object_get(draft->arguments, "bind_mounts")) > 0;
    if (special && !plan_bool(draft->in->start, "privileged", false))
        buf_puts(&problems, "'privileged', 'host_pid_namespace' and 'bind_mounts' have to be "
                            "allowed with the run's option --privileged\n");
    if (problems.length)
        fail_problems(draft->in, draft->spec->name, &problems);
    return problems.length == 0;
}

/* Hands the draft's parts over to the plan. */
static bool append(struct draft *draft)
{
    struct interpreter *in = draft->in;
    if (json_array_size(in->instructions) >= STORED_PER_PLAN_MAX) {
        star_fail(in->vm, "a plan has at most %d instructions", STORED_PER_PLAN_MAX);
        return false;
    }
    json_t *stack = stack_to_json(in->vm);
    json_t *instruction = json_pack("{s:s, s:s, s:O, s:o}", "instruction", draft->spec->name, "id",
                                    draft->id, "arguments", draft->arguments, "stack", stack);
    if (draft->description)
        json_object_set_new(instruction, "description", json_string(draft->description));
    return json_array_append_new(in->instructions, instruction) == 0;
}

static star_value call(struct star_vm *vm, const struct star_args *args)
{
    struct caller *caller = args->data;
    struct draft draft = {.in = caller->in, .spec = caller->spec};
    (void)vm;
    draft.arguments = arguments_match(caller->in, args, caller->spec->name, caller->spec->fields,
                                      NULL, &draft.description);
    star_value result = STAR_NULL;
    if (draft.arguments && check_call(&draft) && complete(&draft) && append(&draft))
        result = return_value(&draft);
    json_decref(draft.arguments);
    free(draft.description);
    return result;
}

/* What old packages call, or what is no function of the plan, and what to write instead. */
static const struct {
    const char *name, *advice;
} former[] = {
    {"assert", "plan.assert was renamed: call plan.verify(value=..., assertion=..., "
               "target_value=...)"},
    {"store_files_from_service", "plan.store_files_from_service was renamed: call "
                                 "plan.store_service_files(service_name=..., src=..., name=...)"},
    {"update_service", "plan.update_service is gone: call plan.add_service again with the "
                       "service's name"},
    {"read_file", "read_file is no function of the plan: call read_file(src=...)"},
    {"import_module", "import_module is no function of the plan: call import_module(...)"},
};

static star_value call_former(struct star_vm *vm, const struct star_args *args)
{
    return star_fail(vm, "%s", (const char *)args->data);
}

star_value plan_object(struct interpreter *in)
{
    struct star_binding members[INSTRUCTIONS_MAX];
    size_t count = 0;
    for (; count + ARRAY_LENGTH(former) < INSTRUCTIONS_MAX && plan_instruction_at(count); count++) {
        const struct plan_instruction_spec *spec = plan_instruction_at(count);
        callers[count] = (struct caller){.in = in, .spec = spec};
        members[count] = (struct star_binding){
            spec->name, star_builtin_new(in->vm, spec->name, call, &callers[count])};
        if (star_is_null(star_keep(in->vm, members[count].value)))
            return STAR_NULL;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(former); i++) {
        members[count++] = (struct star_binding){
            former[i].name,
            star_builtin_new(in->vm, former[i].name, call_former, (void *)former[i].advice)};
        if (star_is_null(star_keep(in->vm, members[count - 1].value)))
            return STAR_NULL;
    }
    return star_module_new(in->vm, "plan", members, count);
}
