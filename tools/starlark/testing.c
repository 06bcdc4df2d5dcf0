/*
 * --test: the built-ins that the harnesses of public conformance suites provide. They also show, in
 * small, how a host defines types: one that is called, one that is iterated, one whose fields are
 * set.
 */
#include "tools/starlark/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* catch(f): None, or the message of the error that calling f gives. What ends the whole run is not
 * caught. */
static star_value test_catch(struct star_vm *vm, const struct star_args *args)
{
    star_value f;
    const struct star_param params[] = {{"f", STAR_WANT_CALLABLE, &f}};
    if (!star_unpack(vm, args, params, COUNT_OF(params)))
        return STAR_NULL;
    if (!star_is_null(star_call(vm, f, NULL)))
        return star_none();
    struct star_error *error = star_take_error(vm);
    if (error->kind == STAR_ERROR_CANCELLED)
        return star_raise(vm, error);
    star_value message = star_string_z(vm, error->message);
    star_error_free(error);
    return message;
}

static star_value test_freeze(struct star_vm *vm, const struct star_args *args)
{
    star_value x;
    const struct star_param params[] = {{NULL, STAR_WANT_VALUE, &x}};
    if (!star_unpack_positional(vm, args, 1, params, COUNT_OF(params)))
        return STAR_NULL;
    star_freeze(vm, x);
    return x;
}

/* -----------------------------------------------------------------------------------------------------------------
 * symbols */

struct symbol {
    star_value name;
};

static void symbol_str(struct star_vm *vm, star_value self, struct star_text *out)
{
    size_t size;
    const char *name = star_text_of(((struct symbol *)star_object_body(self))->name, &size);
    (void)vm;
    star_text_put(out, name, size);
}

static void symbol_trace(void *body, struct star_tracer *tracer)
{
    star_trace(tracer, ((struct symbol *)body)->name);
}

/* A symbol called makes a struct with itself as constructor. */
static star_value symbol_call(struct star_vm *vm, star_value self, const struct star_args *args)
{
    if (args->count > 0)
        return star_fail(vm, "%s: unexpected positional arguments",
                         star_text_of(((struct symbol *)star_object_body(self))->name, NULL));
    struct star_binding *fields = calloc(args->named_count + 1, sizeof(*fields));
    if (!fields)
        return star_fail(vm, "out of memory");
    for (size_t i = 0; i < args->named_count; i++)
        fields[i] =
            (struct star_binding){star_text_of(args->names[i], NULL), args->named_values[i]};
    star_value made = star_struct_new(vm, self, fields, args->named_count);
    free(fields);
    return made;
}

static bool symbol_hash(struct star_vm *vm, star_value self, uint32_t *ret_hash)
{
    return star_hash(vm, ((struct symbol *)star_object_body(self))->name, ret_hash);
}

static const struct star_type symbol_type = {.name = "symbol",
                                             .size = sizeof(struct symbol),
                                             .str = symbol_str,
                                             .hash = symbol_hash,
                                             .call = symbol_call,
                                             .trace = symbol_trace};

static star_value test_gensym(struct star_vm *vm, const struct star_args *args)
{
    star_value name;
    const struct star_param params[] = {{"name", STAR_WANT_STRING, &name}};
    if (!star_unpack(vm, args, params, COUNT_OF(params)))
        return STAR_NULL;
    star_value symbol = star_object_new(vm, &symbol_type);
    if (!star_is_null(symbol))
        ((struct symbol *)star_object_body(symbol))->name = name;
    return symbol;
}

/* ---------------------------------------------------------------------------------------------------------------
 * fibonacci */

/* 0, 1, 1, 2, 3 ...: the cursor's value holds the next two. */
static bool fibonacci_next(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                           star_value *ret_item)
{
    (void)self;
    star_value pair[2] = {star_int(vm, 0), star_int(vm, 1)};
    if (!star_is_null(cursor->state)) {
        pair[0] = star_seq_get(cursor->state, 1);
        pair[1] = star_binary(vm, STAR_ADD, star_seq_get(cursor->state, 0), pair[0]);
        if (star_is_null(pair[1]))
            return false;
    }
    *ret_item = pair[0];
    cursor->state = star_tuple_new(vm, pair, 2);
    return !star_is_null(cursor->state);
}

static const struct star_type fibonacci_type = {
    .name = "fibonacci", .size = 1, .next = fibonacci_next};

/* ---------------------------------------------------------------------------------------------------------------
 * hasfields */

struct fields {
    star_value dict;
};

static star_value fields_of(star_value self)
{
    return ((struct fields *)star_object_body(self))->dict;
}

static star_value fields_attr(struct star_vm *vm, star_value self, const char *name)
{
    return star_dict_get_z(vm, fields_of(self), name);
}

static bool fields_names(struct star_vm *vm, star_value self, star_value list)
{
    size_t cursor = 0;
    star_value key, value;
    while (star_dict_next(fields_of(self), &cursor, &key, &value))
        if (!star_list_append(vm, list, key))
            return false;
    return true;
}

static bool refuse_field(struct star_vm *vm, star_value self, const char *name)
{
    const char *names[64];
    size_t count = 0, cursor = 0;
    star_value key, value;
    while (count < COUNT_OF(names) && star_dict_next(fields_of(self), &cursor, &key, &value))
        names[count++] = star_text_of(key, NULL);
    const char *hint = star_nearest(name, names, count);
    if (hint)
        star_fail(vm, "no .%s field (did you mean .%s?)", name, hint);
    else
        star_fail(vm, "no .%s field", name);
    return false;
}

static bool fields_set(struct star_vm *vm, star_value self, const char *name, star_value to)
{
    if (star_is_frozen(self)) {
        star_fail(vm, "cannot set field on a frozen hasfields");
        return false;
    }
    if (strncmp(name, "no", 2) == 0)
        return refuse_field(vm, self, name);
    return star_dict_set_z(vm, fields_of(self), name, to);
}

/* list + hasfields is 42, so that suites can see `list += x` of what is not iterable. */
static star_value fields_binary(struct star_vm *vm, enum star_op op, star_value self,
                                star_value other, bool left)
{
    (void)self;
    if (op != STAR_ADD || left || star_kind_of(other) != STAR_LIST)
        return STAR_NULL;
    return star_int(vm, 42);
}

static void fields_trace(void *body, struct star_tracer *tracer)
{
    star_trace(tracer, ((struct fields *)body)->dict);
}

static const struct star_type fields_type = {.name = "hasfields",
                                             .size = sizeof(struct fields),
                                             .attr = fields_attr,
                                             .attr_names = fields_names,
                                             .set_attr = fields_set,
                                             .binary = fields_binary,
                                             .trace = fields_trace};

static star_value test_hasfields(struct star_vm *vm, const struct star_args *args)
{
    if (!star_unpack(vm, args, NULL, 0))
        return STAR_NULL;
    star_value dict = star_dict_new(vm);
    star_value self = star_is_null(dict) ? STAR_NULL : star_object_new(vm, &fields_type);
    if (!star_is_null(self))
        ((struct fields *)star_object_body(self))->dict = dict;
    return self;
}

void testing_predeclare(struct session *session)
{
    struct star_vm *vm = session->vm;
    session_predeclare(session, "catch", star_builtin_new(vm, "catch", test_catch, NULL));
    session_predeclare(session, "freeze", star_builtin_new(vm, "freeze", test_freeze, NULL));
    session_predeclare(session, "_freeze", star_builtin_new(vm, "freeze", test_freeze, NULL));
    session_predeclare(session, "module", star_lib_module(vm));
    session_predeclare(session, "gensym", star_builtin_new(vm, "gensym", test_gensym, NULL));
    session_predeclare(session, "fibonacci", star_object_new(vm, &fibonacci_type));
    session_predeclare(session, "hasfields",
                       star_builtin_new(vm, "hasfields", test_hasfields, NULL));
}
