/* The types of type_table.c as Starlark functions, and their values. A value is immutable: its data
 * is copied from what the script gave, which the script may go on to change. */
#include "backend/plan/interpreter/interpreter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct typed_value {
    const struct plan_type *type;
    json_t *json;
    star_value fields[FIELDS_MAX]; /* STAR_NULL: not given */
};

/* What a constructor is called with. */
struct constructor {
    struct interpreter *in;
    const struct plan_type *type;
};

static struct star_type star_types[PLAN_TYPE_COUNT];
static struct constructor constructors[PLAN_TYPE_COUNT];

static size_t type_number(const struct plan_type *type)
{
    return (size_t)(type - plan_type_at(0));
}

static struct typed_value *typed_of(star_value value)
{
    const struct star_type *type = star_object_type(value);
    bool ours = type >= star_types && type < star_types + PLAN_TYPE_COUNT;
    return ours ? star_object_body(value) : NULL;
}

json_t *typed_json(star_value value)
{
    struct typed_value *typed = typed_of(value);
    return typed ? typed->json : NULL;
}

/* ---- what Starlark asks of a value ---- */

static void typed_str(struct star_vm *vm, star_value self, struct star_text *out)
{
    const struct typed_value *typed = typed_of(self);
    const char *separator = "";
    (void)vm;
    star_text_put_z(out, typed->type->name);
    star_text_put_z(out, "(");
    for (size_t i = 0; typed->type->fields[i].name; i++) {
        if (star_is_null(typed->fields[i]))
            continue;
        star_text_put_z(out, separator);
        star_text_put_z(out, typed->type->fields[i].name);
        star_text_put_z(out, "=");
        star_text_put_repr(out, typed->fields[i]);
        separator = ", ";
    }
    star_text_put_z(out, ")");
}

static bool typed_compare(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                          bool *ret_holds)
{
    if (order != STAR_EQ && order != STAR_NE) {
        star_fail(vm, "values of type %s have no order", typed_of(a)->type->name);
        return false;
    }
    *ret_holds = (json_equal(typed_json(a), typed_json(b)) != 0) == (order == STAR_EQ);
    return true;
}

static star_value typed_attr(struct star_vm *vm, star_value self, const char *name)
{
    const struct typed_value *typed = typed_of(self);
    const struct plan_field *field = plan_field_find(typed->type->fields, name);
    (void)vm;
    return field ? typed->fields[field - typed->type->fields] : STAR_NULL;
}

static bool typed_attr_names(struct star_vm *vm, star_value self, star_value list)
{
    const struct typed_value *typed = typed_of(self);
    for (size_t i = 0; typed->type->fields[i].name; i++)
        if (!star_is_null(typed->fields[i]) &&
            !star_list_append(vm, list, star_string_z(vm, typed->type->fields[i].name)))
            return false;
    return true;
}

static void typed_trace(void *body, struct star_tracer *tracer)
{
    struct typed_value *typed = body;
    for (size_t i = 0; i < FIELDS_MAX; i++)
        if (!star_is_null(typed->fields[i]))
            star_trace(tracer, typed->fields[i]);
}

static void typed_free(void *body)
{
    struct typed_value *typed = body;
    json_decref(typed->json);
}

/* ---- making values ---- */

/* Takes json over. */
static star_value typed_new(struct interpreter *in, const struct plan_type *type, json_t *json,
                            const star_value *fields)
{
    star_value value = star_object_new(in->vm, &star_types[type_number(type)]);
    if (star_is_null(value)) {
        json_decref(json);
        return STAR_NULL;
    }
    struct typed_value *typed = star_object_body(value);
    typed->type = type;
    typed->json = json;
    memcpy(typed->fields, fields, sizeof typed->fields);
    return value;
}

star_value typed_from_json(struct interpreter *in, const struct plan_type *type, const json_t *json)
{
    star_value fields[FIELDS_MAX] = {STAR_NULL};
    for (size_t i = 0; type->fields[i].name; i++) {
        const json_t *field = json_object_get(json, type->fields[i].name);
        if (!field || (type->fields[i].flags & PLAN_INTERNAL))
            continue;
        fields[i] = star_keep(in->vm, value_from_json(in, field));
        if (star_is_null(fields[i]))
            return STAR_NULL;
    }
    return typed_new(in, type, json_copy((json_t *)json), fields);
}

/* Checks beyond what fields alone say. */
static bool check_type(struct interpreter *in, const struct plan_type *type, const json_t *json)
{
    cleanup(buf_done) struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    if (type->check)
        type->check(json, &problems);
    bool special = plan_bool(json, "privileged", false) ||
                   plan_bool(json, "host_pid_namespace", false) ||
                   json_object_size(json_object_get(json, "bind_mounts")) > 0;
    if (special && !plan_bool(in->start, "privileged", false))
        buf_puts(&problems, "'privileged', 'host_pid_namespace' and 'bind_mounts' give a container "
                            "power over the whole machine and have to be allowed with the run's "
                            "option --privileged\n");
    if (problems.length)
        fail_problems(in, type->name, &problems);
    return problems.length == 0;
}

static star_value construct(struct star_vm *vm, const struct star_args *args)
{
    struct constructor *constructor = args->data;
    struct interpreter *in = constructor->in;
    const struct plan_type *type = constructor->type;
    star_value fields[FIELDS_MAX] = {STAR_NULL};
    (void)vm;
    json_t *json = arguments_match(in, args, type->name, type->fields, fields, NULL);
    if (!json)
        return STAR_NULL;
    json_object_set_new(json, "type", json_string(type->name));
    bool valid = check_type(in, type, json);
    if (valid && strcmp(type->name, "ImageBuildSpec") == 0) {
        int64_t resolved = engine_resolve(in, plan_string(json, "build_context_dir", ""));
        valid = resolved >= 0;
        json_object_set_new(json, "resolved", json_integer(resolved));
    }
    if (!valid) {
        json_decref(json);
        return STAR_NULL;
    }
    return typed_new(in, type, json, fields);
}

bool types_declare(struct interpreter *in)
{
    for (size_t i = 0; i < PLAN_TYPE_COUNT; i++) {
        const struct plan_type *type = plan_type_at(i);
        star_types[i] = (struct star_type){
            .name = type->name,
            .size = sizeof(struct typed_value),
            .str = typed_str,
            .compare = typed_compare,
            .attr = typed_attr,
            .attr_names = typed_attr_names,
            .trace = typed_trace,
            .free = typed_free,
        };
        constructors[i] = (struct constructor){.in = in, .type = type};
        if (!declare(in, type->name,
                     star_builtin_new(in->vm, type->name, construct, &constructors[i])))
            return false;
    }
    return true;
}
