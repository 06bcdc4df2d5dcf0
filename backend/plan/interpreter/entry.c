/* The main function: its parameters decide how it gets the plan and the arguments. */
#include "backend/plan/interpreter/interpreter.h"

#include <stdlib.h>
#include <string.h>

static const char default_function[] = "run";

static const char *param_name(star_value function, size_t i)
{
    struct star_param_info info;
    return star_function_param(function, i, &info) && info.kind == STAR_PARAM_PLAIN ? info.name
                                                                                    : "";
}

/* The main function of a module. */
static star_value find_function(struct interpreter *in, star_value module, const char *name)
{
    star_value function = star_module_get(module, name);
    const char *package = plan_string(in->start, "package", NULL);
    if (!star_is_null(function) && star_kind_of(function) == STAR_FUNCTION)
        return function;
    if (package)
        return star_fail(in->vm, "No '%s' function found in the main file of package '%s'", name,
                         package);
    return star_fail(in->vm, "No '%s' function found in the script", name);
}

/* The arguments as a dict of what the JSON text holds. */
static star_value parse_arguments(struct interpreter *in)
{
    const char *text = plan_string(in->start, "arguments", "{}");
    star_value dict = star_json_decode(in->vm, text, strlen(text));
    if (!star_is_null(dict) && star_kind_of(dict) != STAR_DICT)
        return star_fail(in->vm, "the arguments must be a JSON object, got %s",
                         star_type_name(dict));
    return star_is_null(dict) ? dict : star_keep(in->vm, value_normalise(in, dict));
}

static star_value as_struct(struct interpreter *in, star_value value);

static star_value struct_of_list(struct interpreter *in, star_value list)
{
    for (size_t i = 0; i < star_seq_len(list); i++) {
        star_value item = as_struct(in, star_seq_get(list, i));
        if (star_is_null(item) || !star_list_set(in->vm, list, i, item))
            return STAR_NULL;
    }
    return list;
}

/* Dicts as structs, at every depth: what old packages ask for by _kurtosis_parser. */
static star_value as_struct(struct interpreter *in, star_value value)
{
    if (star_kind_of(value) == STAR_LIST)
        return struct_of_list(in, value);
    if (star_kind_of(value) != STAR_DICT)
        return value;
    struct star_binding *fields = calloc(star_dict_len(value) + 1, sizeof *fields);
    size_t count = 0, cursor = 0;
    star_value key, item, result = STAR_NULL;
    while (fields && star_dict_next(value, &cursor, &key, &item)) {
        fields[count] = (struct star_binding){star_text_of(key, NULL), as_struct(in, item)};
        if (star_is_null(star_keep(in->vm, fields[count].value)))
            break;
        count++;
    }
    if (count == star_dict_len(value))
        result = star_struct_new(in->vm, STAR_NULL, fields, count);
    free(fields);
    return result;
}

/* Whether the deprecated form is meant: run(plan, args) takes all arguments as one value. */
static bool is_dict_mode(star_value function)
{
    return star_function_param_count(function) == 2 && strcmp(param_name(function, 1), "args") == 0;
}

/* Takes _kurtosis_parser out of the arguments. Whether it says "struct". */
static bool take_parser(struct interpreter *in, star_value arguments)
{
    star_value key = star_keep(in->vm, star_string_z(in->vm, "_kurtosis_parser"));
    star_value parser = star_dict_get(in->vm, arguments, key);
    const char *text = star_is_null(parser) ? NULL : star_text_of(parser, NULL);
    bool is_struct = text && strcmp(text, "struct") == 0;
    bool found;
    star_dict_delete(in->vm, arguments, key, &found);
    return is_struct;
}

static star_value call_named(struct interpreter *in, star_value function, star_value arguments,
                             const star_value *positional, size_t positional_count)
{
    size_t size = star_dict_len(arguments), count = 0, cursor = 0;
    star_value *names = calloc(size + 1, sizeof *names), *values = calloc(size + 1, sizeof *values);
    star_value result = STAR_NULL;
    if (names && values) {
        while (count < size && star_dict_next(arguments, &cursor, &names[count], &values[count]))
            count++;
        const struct star_args args = {
            .count = positional_count,
            .values = positional,
            .named_count = count,
            .names = names,
            .named_values = values,
        };
        result = star_call(in->vm, function, &args);
    } else {
        star_fail(in->vm, "out of memory");
    }
    free(names);
    free(values);
    return result;
}

/* How many positional arguments the function gets: the plan or none; -1 if it is declared wrong. */
static int plan_argument(struct interpreter *in, star_value function, const char *name)
{
    if (star_function_param_count(function) == 0)
        return 0;
    if (strcmp(param_name(function, 0), "plan") == 0)
        return 1;
    if (strcmp(name, default_function) != 0)
        return 0;
    star_fail(in->vm, "Expected argument at index '0' of run function to be called 'plan' got '%s'",
              param_name(function, 0));
    return -1;
}

static star_value call_main(struct interpreter *in, star_value module)
{
    const char *name = plan_string(in->start, "main_function", default_function);
    star_value function = find_function(in, module, name);
    if (star_is_null(function))
        return STAR_NULL;
    int given = plan_argument(in, function, name);
    star_value plan = given < 0 ? STAR_NULL : plan_object(in);
    if (star_is_null(plan) || !star_list_append(in->vm, star_root_get(in->keep), plan))
        return STAR_NULL;
    star_value arguments = parse_arguments(in);
    if (star_is_null(arguments) || !star_list_append(in->vm, star_root_get(in->keep), arguments))
        return STAR_NULL;
    bool is_struct = take_parser(in, arguments);
    star_value positional[2] = {plan, arguments};
    if (is_dict_mode(function) && given == 1) {
        positional[1] = is_struct ? as_struct(in, arguments) : arguments;
        const struct star_args args = {.count = 2, .values = positional};
        return star_is_null(positional[1]) ? STAR_NULL : star_call(in->vm, function, &args);
    }
    if (star_function_param_count(function) == 0)
        return star_call(in->vm, function, NULL);
    return call_named(in, function, arguments, positional, (size_t)given);
}

/* What run() returned as indented JSON, or as its text if JSON cannot say it. */
static char *result_text(struct interpreter *in, star_value result)
{
    if (star_kind_of(result) == STAR_NONE)
        return strdup("null");
    star_value text = star_json_encode_indent(in->vm, result, "", "  ");
    if (star_is_null(text)) {
        star_error_free(star_take_error(in->vm));
        text = star_str(in->vm, result);
    }
    return star_is_null(text) ? NULL : strdup(star_text_of(text, NULL));
}

char *entry_run(struct interpreter *in, star_value module)
{
    star_value result = call_main(in, module);
    return star_is_null(result) ? NULL : result_text(in, result);
}
