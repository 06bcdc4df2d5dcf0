/* Taking in a plan, and showing it. What it consumes and makes is worked out in depends.c. */
#include "backend/plan/document.h"

#include "backend/plan/depends.h"
#include "backend/plan/json_big.h"

#include <stdio.h>
#include <string.h>

/* ---- checking ---- */

static int not_a_plan(struct error **err, size_t index, const char *why)
{
    return error_set(err, EIO, "the interpreter sent a plan that is none: instruction %zu: %s",
                     index + 1, why);
}

static bool frame_valid(const json_t *frame)
{
    return json_is_string(json_object_get(frame, "name")) &&
           json_is_string(json_object_get(frame, "file")) &&
           json_is_integer(json_object_get(frame, "line")) &&
           json_is_integer(json_object_get(frame, "column"));
}

static bool stack_valid(const json_t *stack)
{
    size_t i;
    json_t *frame;
    json_array_foreach(stack, i, frame) if (!frame_valid(frame)) return false;
    return json_array_size(stack) > 0;
}

/* Every number for a source, wherever it stands, must be one that was given out. */
static bool sources_valid(const json_t *value, int64_t count, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth > 64)
        return false;
    json_object_foreach((json_t *)value, key, member)
    {
        if (strcmp(key, "resolved") == 0 &&
            (!json_is_integer(member) || json_integer_value(member) < 0 ||
             json_integer_value(member) >= count))
            return false;
        if (!sources_valid(member, count, depth + 1))
            return false;
    }
    json_array_foreach(value, i, member) if (!sources_valid(member, count, depth + 1)) return false;
    return true;
}

static int check_arguments(const struct plan_instruction *instruction, int64_t resolved_count,
                           struct error **err)
{
    cleanup(buf_done) struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    plan_check_fields(instruction->spec->fields, instruction->arguments, "", &problems);
    if (problems.length)
        return not_a_plan(err, instruction->index, problems.data);
    bool needs_source = (instruction->spec->rules & PLAN_RESOLVES_SOURCE) != 0;
    if (needs_source && !json_object_get(instruction->arguments, "resolved"))
        return not_a_plan(err, instruction->index, "it has no source");
    if (!sources_valid(instruction->arguments, resolved_count, 0))
        return not_a_plan(err, instruction->index, "its source is unknown");
    if (instruction->spec->returns == PLAN_RETURNS_NAME &&
        !json_object_get(instruction->arguments, "name"))
        return not_a_plan(err, instruction->index, "its artifact has no name");
    if ((instruction->spec->rules & PLAN_TASK) && !json_object_get(instruction->arguments, "name"))
        return not_a_plan(err, instruction->index, "its task has no name");
    return 0;
}

/* ---- taking in ---- */

static void put_description(struct buf *out, const struct plan_instruction *instruction)
{
    const char *at = instruction->spec->description;
    if (instruction->spec->describe) {
        instruction->spec->describe(instruction, out);
        return;
    }
    while (*at) {
        size_t plain = strcspn(at, "{");
        buf_append(out, at, plain);
        at += plain;
        if (*at != '{')
            break;
        char name[64];
        size_t length = strcspn(++at, "}");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        buf_puts(out, plan_argument(instruction, name));
        at += length + 1;
    }
}

static void make_key(struct plan_instruction *instruction, json_t *occurrences)
{
    cleanup(free) char *text = json_dumps(instruction->arguments, JSON_COMPACT | JSON_SORT_KEYS);
    char seed[UUID_LENGTH + 1], count[24];
    plan_id_digest((const char *const[]){instruction->spec->name, text ? text : ""}, 2, seed);
    int64_t before = plan_int(occurrences, seed, 0);
    json_object_set_new(occurrences, seed, json_integer(before + 1));
    snprintf(count, sizeof count, "%lld", (long long)before);
    plan_id_digest((const char *const[]){seed, count}, 2, instruction->key);
}

static int take_instruction(struct plan_instruction *instruction, const json_t *json, size_t index,
                            int64_t resolved_count, struct error **err)
{
    const char *name = plan_string(json, "instruction", "");
    cleanup(buf_done) struct buf description = BUF_INIT(BUF_MAX_TEXT);
    instruction->spec = plan_instruction_find(name);
    instruction->arguments = json_object_get(json, "arguments");
    instruction->stack = json_object_get(json, "stack");
    instruction->id = plan_string(json, "id", "");
    instruction->index = index;
    if (!instruction->spec)
        return not_a_plan(err, index, "it is unknown");
    if (!json_is_object(instruction->arguments) || !uuid_valid(instruction->id) ||
        !stack_valid(instruction->stack))
        return not_a_plan(err, index, "it is not complete");
    if (check_arguments(instruction, resolved_count, err) < 0)
        return -1;
    const char *given = plan_string(json, "description", NULL);
    if (given)
        buf_puts(&description, given);
    else
        put_description(&description, instruction);
    instruction->description = buf_steal(&description, err);
    return instruction->description ? 0 : -1;
}

static int take_all(struct plan *plan, const json_t *list, int64_t resolved_count,
                    struct error **err)
{
    json_t *occurrences = json_object(), *ids = json_object();
    int result = 0;
    for (size_t i = 0; i < plan->count && result == 0; i++) {
        struct plan_instruction *instruction = &plan->items[i];
        result = take_instruction(instruction, json_array_get(list, i), i, resolved_count, err);
        if (result < 0)
            break;
        make_key(instruction, occurrences);
        if (json_object_get(ids, instruction->id))
            result = not_a_plan(err, i, "its id is another's");
        json_object_set_new(ids, instruction->id, json_true());
    }
    json_decref(occurrences);
    json_decref(ids);
    return result;
}

struct plan *plan_new(json_t *document, int64_t resolved_count, struct error **err)
{
    const json_t *list = json_object_get(document, "instructions");
    cleanup(plan_free) struct plan *plan = calloc(1, sizeof *plan);
    if (!plan || !json_is_array(list) || !json_is_string(json_object_get(document, "result"))) {
        error_set(err, EIO, "the interpreter sent a plan that is none");
        return NULL;
    }
    plan->document = json_incref(document);
    plan->result = plan_string(document, "result", "null");
    plan->count = json_array_size(list);
    plan->items = calloc(plan->count + 1, sizeof *plan->items);
    if (!plan->items) {
        plan->count = 0;
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (take_all(plan, list, resolved_count, err) < 0)
        return NULL;
    plan_find_dependences(plan);
    return steal(&plan);
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->items[i].description);
        json_decref(plan->items[i].consumes);
        json_decref(plan->items[i].makes);
    }
    free(plan->items);
    json_decref(plan->document);
    free(plan);
}

/* ---- showing ---- */

/* A value as people may see it: no passwords, none of our own fields, template data as data. */
static json_t *shown_value(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth > 64)
        return json_null();
    if (json_is_array(value)) {
        json_t *list = json_array();
        json_array_foreach(value, i, member)
            json_array_append_new(list, shown_value(member, depth + 1));
        return list;
    }
    if (!json_is_object(value))
        return json_incref((json_t *)value);
    json_t *object = json_object();
    bool is_secret = plan_is_type(value, "ImageSpec");
    json_object_foreach((json_t *)value, key, member)
    {
        if (is_secret && strcmp(key, "password") == 0)
            json_object_set_new(object, key, json_string("***"));
        else if (strcmp(key, "resolved") != 0 && strcmp(key, "merged") != 0)
            json_object_set_new(object, key, shown_value(member, depth + 1));
    }
    return object;
}

static void show_template_data(json_t *arguments)
{
    const char *path;
    json_t *template;
    json_object_foreach(json_object_get(arguments, "config"), path, template)
    {
        const char *text = json_string_value(json_object_get(template, "data"));
        json_t *data = text ? json_big_parse(text, strlen(text), NULL) : NULL;
        if (data)
            json_object_set_new(template, "data", data);
    }
}

static json_t *shown_instruction(const struct plan_instruction *instruction)
{
    const json_t *frame = json_array_get(instruction->stack, 0);
    json_t *arguments = shown_value(instruction->arguments, 0);
    if (strcmp(instruction->spec->name, "render_templates") == 0)
        show_template_data(arguments);
    return json_pack("{s:s, s:{s:O, s:O, s:O}, s:o, s:o}", "instruction", instruction->spec->name,
                     "position", "file", json_object_get(frame, "file"), "line",
                     json_object_get(frame, "line"), "column", json_object_get(frame, "column"),
                     "arguments", arguments, "description", plan_text(instruction->description));
}

int plan_put_json(const struct plan *plan, struct buf *out, struct error **err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++)
        json_array_append_new(list, shown_instruction(&plan->items[i]));
    int result = json_big_put(out, list, JSON_INDENT(2), err);
    json_decref(list);
    buf_putc(out, '\n');
    return result < 0 ? -1 : buf_check(out, err);
}

void plan_put_instruction(struct buf *out, const struct plan_instruction *instruction)
{
    plan_put_call(out, instruction->spec->name, instruction->spec->fields, instruction->arguments);
}

static void put_frame_position(struct buf *out, const json_t *frame)
{
    buf_printf(out, "%s:%lld:%lld", plan_string(frame, "file", "?"),
               (long long)plan_int(frame, "line", 0), (long long)plan_int(frame, "column", 0));
}

void plan_put_position(struct buf *out, const struct plan_instruction *instruction)
{
    put_frame_position(out, json_array_get(instruction->stack, 0));
}

void plan_put_stack(struct buf *out, const struct plan_instruction *instruction)
{
    /* As the interpreter prints a trace: outermost first. */
    for (size_t i = json_array_size(instruction->stack); i-- > 0;) {
        const json_t *frame = json_array_get(instruction->stack, i);
        buf_puts(out, "\n\tat [");
        put_frame_position(out, frame);
        buf_printf(out, "]: %s", plan_string(frame, "name", "?"));
    }
}

const char *plan_argument(const struct plan_instruction *instruction, const char *name)
{
    return plan_string(instruction->arguments, name, "");
}
