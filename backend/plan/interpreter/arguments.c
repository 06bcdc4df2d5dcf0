/* Matching the arguments of a call with a table of fields. All that is wrong is told together. */
#include "backend/plan/interpreter/interpreter.h"

#include <stdlib.h>
#include <string.h>

/* What is matched so far. */
struct match {
    struct interpreter *in;
    const struct plan_field *fields;
    star_value *values;
    star_value description;
    struct buf problems;
};

star_value fail_problems(struct interpreter *in, const char *name, const struct buf *problems)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    const char *line = problems->data;
    buf_printf(&text, "Cannot construct '%s' from the provided arguments.", name);
    while (*line) {
        size_t length = strcspn(line, "\n");
        buf_printf(&text, "\n\tCaused by: %.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return star_fail(in->vm, "%s", text.data);
}

static size_t count_public(const struct plan_field *fields)
{
    size_t count = 0;
    for (; fields[count].name; count++)
        if (fields[count].flags & PLAN_INTERNAL)
            break;
    return count;
}

/* What arguments of former versions are called today, where the names are not alike. */
static const char *present_name(const char *name, const char *const *candidates, size_t count)
{
    static const char *const renamed[][2] = {
        {"service_id", "name"},
        {"service_id", "service_name"},
        {"artifact_name", "name"},
        {"artifact_id", "name"},
        {"artifact_uuid", "name"},
        {"container_image_name", "image"},
        {"used_ports", "ports"},
        {"entry_point_args", "entrypoint"},
        {"entrypoint_args", "entrypoint"},
        {"cmd_args", "cmd"},
        {"protocol", "transport_protocol"},
        {"files_artifact_mount_dirpaths", "files"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(renamed); i++)
        for (size_t j = 0; strcmp(renamed[i][0], name) == 0 && j < count; j++)
            if (strcmp(renamed[i][1], candidates[j]) == 0)
                return candidates[j];
    return star_nearest(name, candidates, count);
}

/* The way out for arguments that are gone. */
static const char *advice_for(const char *name)
{
    if (strcmp(name, "service_name") == 0)
        return "the service is an argument of plan.exec, plan.request and plan.wait";
    if (strcmp(name, "subnetwork") == 0)
        return "there are no subnetworks any more; leave it out";
    return NULL;
}

static void report_unknown(struct match *match, const char *name)
{
    const char *candidates[FIELDS_MAX];
    size_t count = count_public(match->fields);
    for (size_t i = 0; i < count; i++)
        candidates[i] = match->fields[i].name;
    const char *nearest = present_name(name, candidates, count);
    buf_printf(&match->problems, "unexpected keyword argument \"%s\"", name);
    if (nearest)
        buf_printf(&match->problems, " (did you mean %s?)", nearest);
    else if (advice_for(name))
        buf_printf(&match->problems, " (%s)", advice_for(name));
    buf_putc(&match->problems, '\n');
}

static void match_named(struct match *match, const char *name, star_value value)
{
    const struct plan_field *field = plan_field_find(match->fields, name);
    if (!field && strcmp(name, "description") == 0)
        match->description = value;
    else if (!field || (field->flags & PLAN_INTERNAL))
        report_unknown(match, name);
    else if (!star_is_null(match->values[field - match->fields]))
        buf_printf(&match->problems, "got multiple values for argument \"%s\"\n", field->name);
    else
        match->values[field - match->fields] = value;
}

static void match_all(struct match *match, const struct star_args *args)
{
    size_t count = count_public(match->fields);
    if (args->count > count + 1)
        buf_printf(&match->problems, "got %zu arguments, want at most %zu\n", args->count,
                   count + 1);
    for (size_t i = 0; i < args->count && i <= count; i++) {
        if (i < count)
            match->values[i] = args->values[i];
        else
            match->description = args->values[i];
    }
    for (size_t i = 0; i < args->named_count; i++)
        match_named(match, star_text_of(args->names[i], NULL), args->named_values[i]);
    for (size_t i = 0; i < count; i++)
        if (star_is_null(match->values[i]) && (match->fields[i].flags & PLAN_REQUIRED))
            buf_printf(&match->problems, "missing argument for %s\n", match->fields[i].name);
}

static json_t *convert_all(struct match *match)
{
    json_t *arguments = json_object();
    for (size_t i = 0; match->fields[i].name; i++) {
        const struct plan_field *field = &match->fields[i];
        json_t *value = star_is_null(match->values[i])
                            ? NULL
                            : field_to_json(match->in, field, match->values[i], &match->problems);
        if (!value)
            continue;
        plan_check_value(field, value, field->name, &match->problems);
        json_object_set_new(arguments, field->name, value);
    }
    return arguments;
}

static void take_description(struct match *match, char **ret_description)
{
    if (star_is_null(match->description))
        return;
    const char *text = star_kind_of(match->description) == STAR_STRING
                           ? star_text_of(match->description, NULL)
                           : "";
    if (*text == '\0')
        buf_puts(&match->problems, "The 'description' argument must be a string with text in it\n");
    else if (ret_description)
        *ret_description = strdup(text);
}

json_t *arguments_match(struct interpreter *in, const struct star_args *args, const char *name,
                        const struct plan_field *fields, star_value ret_values[FIELDS_MAX],
                        char **ret_description)
{
    star_value unused[FIELDS_MAX] = {STAR_NULL};
    struct match match = {
        .in = in,
        .fields = fields,
        .values = ret_values ? ret_values : unused,
        .description = STAR_NULL,
        .problems = BUF_INIT(BUF_MAX_TEXT),
    };
    json_t *arguments = NULL;
    match_all(&match, args);
    if (match.problems.length == 0) {
        arguments = convert_all(&match);
        take_description(&match, ret_description);
    }
    if (match.problems.length) {
        fail_problems(in, name, &match.problems);
        json_decref(arguments);
        arguments = NULL;
    }
    buf_done(&match.problems);
    return arguments;
}
