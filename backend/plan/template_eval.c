/*
 * Pipelines: commands, fields, variables, calls. A command gets the value of the one before it as
 * its last argument, `final`, which is NULL for the first.
 */
#include "backend/plan/template_exec.h"
#include "backend/plan/template_format.h"
#include "backend/plan/template_function.h"

#include <string.h>

enum {
    ARGUMENTS_MAX = 1 << 16, /* of one call */
    ARGUMENTS_FEW = 8        /* the usual number; more are allocated */
};

static const struct value nothing = {.kind = VALUE_NONE};

static int eval_argument(struct execution *execution, const struct value *dot,
                         const struct node *node, struct value *ret);

/* ---- fields ---- */

static int eval_field(struct execution *execution, const struct value *receiver, struct text name,
                      bool has_arguments, struct value *ret)
{
    *ret = nothing;
    if (receiver->kind == VALUE_NONE && !receiver->boxed)
        return 0; /* a missing member's members are missing too */
    if (receiver->kind == VALUE_NONE)
        return execution_fail(execution, "nil pointer evaluating interface {}.%.*s",
                              (int)name.length, name.bytes);
    if (receiver->kind != VALUE_MAP)
        return execution_fail(execution, "can't evaluate field %.*s in type %s", (int)name.length,
                              name.bytes, value_outer_type(receiver));
    if (has_arguments)
        return execution_fail(execution, "%.*s is not a method but has arguments", (int)name.length,
                              name.bytes);
    *ret = value_member(receiver, name);
    return 0;
}

/* names[0].names[1]... of receiver; only the last could be given arguments. */
static int eval_fields(struct execution *execution, const struct value *receiver,
                       const struct text *names, size_t count, bool has_arguments,
                       struct value *ret)
{
    struct value value = *receiver;
    for (size_t i = 0; i < count; i++) {
        struct value member;
        if (eval_field(execution, &value, names[i], has_arguments && i + 1 == count, &member) < 0)
            return -1;
        value = member;
    }
    *ret = value;
    return 0;
}

static int eval_chain(struct execution *execution, const struct value *dot, const struct node *node,
                      bool has_arguments, struct value *ret)
{
    execution->at = node;
    struct value base;
    if (eval_argument(execution, dot, node->chain.base, &base) < 0)
        return -1;
    return eval_fields(execution, &base, node->chain.names, node->chain.count, has_arguments, ret);
}

/* ---- variables ---- */

static struct variable *find_variable(struct execution *execution, struct text name)
{
    for (size_t i = execution->variable_count; i > execution->base; i--)
        if (text_equal(execution->variables[i - 1].name, name))
            return &execution->variables[i - 1];
    return NULL;
}

static int undefined_variable(struct execution *execution, struct text name)
{
    return execution_fail(execution, "undefined variable: %.*s", (int)name.length, name.bytes);
}

int execution_push(struct execution *execution, struct text name, const struct value *value)
{
    if (execution->variable_count == execution->variable_capacity) {
        size_t capacity = execution->variable_capacity * 2 + 16;
        struct variable *grown = capacity > TEMPLATE_MAX_MEMORY / sizeof *grown
                                     ? NULL
                                     : realloc(execution->variables, capacity * sizeof *grown);
        if (!grown)
            return error_set(execution->err, EFBIG, "a template declares too many variables");
        execution->variables = grown;
        execution->variable_capacity = capacity;
    }
    execution->variables[execution->variable_count++] =
        (struct variable){.name = name, .value = *value};
    return 0;
}

int execution_assign(struct execution *execution, struct text name, const struct value *value)
{
    struct variable *variable = find_variable(execution, name);
    if (!variable)
        return undefined_variable(execution, name);
    variable->value = *value;
    return 0;
}

static int not_a_function(struct execution *execution, const struct node *node)
{
    cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
    node_put(&shown, node);
    return execution_fail(execution, "can't give argument to non-function %s", shown.data);
}

static int eval_variable(struct execution *execution, const struct node *node, bool has_arguments,
                         struct value *ret)
{
    execution->at = node;
    struct variable *variable = find_variable(execution, node->chain.names[0]);
    if (!variable)
        return undefined_variable(execution, node->chain.names[0]);
    if (node->chain.count == 1 && has_arguments)
        return not_a_function(execution, node);
    struct value value = variable->value;
    return eval_fields(execution, &value, node->chain.names + 1, node->chain.count - 1,
                       has_arguments, ret);
}

/* ---- calls ---- */

static int check_count(struct execution *execution, const struct template_function *function,
                       size_t given, bool has_final)
{
    size_t count = given + has_final;
    if (function->variadic && count < function->fixed)
        return execution_fail(execution, "wrong number of args for %s: want at least %zu got %zu",
                              function->name, function->fixed, given);
    if (!function->variadic && count != function->fixed)
        return execution_fail(execution, "wrong number of args for %s: want %zu got %zu",
                              function->name, function->fixed, count);
    return 0;
}

/* and, or: the first argument that decides, else the last; those behind are not evaluated. */
static int eval_logic(struct execution *execution, const struct value *dot,
                      const struct template_function *function, const struct node *arguments,
                      const struct value *final, struct value *ret)
{
    *ret = nothing;
    for (const struct node *node = arguments; node; node = node->next) {
        if (eval_argument(execution, dot, node, ret) < 0)
            return -1;
        if (value_truth(ret) == (function->rule == FUNCTION_OR))
            return 0;
    }
    if (final)
        *ret = *final;
    return 0;
}

static int check_string(struct execution *execution, const struct value *value)
{
    if (value->kind == VALUE_STRING)
        return 0;
    if (value->kind == VALUE_NONE && !value->boxed)
        return execution_fail(execution, "invalid value; expected string");
    return execution_fail(execution, "wrong type for value; expected string; got %s",
                          value->kind == VALUE_NONE ? "interface {}" : value_type(value));
}

/* printf's format: what is plainly no string is refused before it is evaluated. */
static int eval_format(struct execution *execution, const struct value *dot,
                       const struct node *node, struct value *ret)
{
    execution->at = node;
    if (node->kind == NODE_NIL)
        return execution_fail(execution, "cannot assign nil to string");
    if (node->kind == NODE_BOOL || node->kind == NODE_NUMBER) {
        cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
        node_put(&shown, node);
        return execution_fail(execution, "expected string; found %s", shown.data);
    }
    if (eval_argument(execution, dot, node, ret) < 0)
        return -1;
    return check_string(execution, ret);
}

static int eval_arguments(struct execution *execution, const struct value *dot,
                          const struct template_function *function, const struct node *first,
                          const struct value *final, struct value *values)
{
    size_t count = 0;
    bool wants_string = function->rule == FUNCTION_PRINTF;
    for (const struct node *node = first; node; node = node->next, count++) {
        int status = wants_string && count == 0
                         ? eval_format(execution, dot, node, &values[count])
                         : eval_argument(execution, dot, node, &values[count]);
        if (status < 0)
            return -1;
    }
    if (!final)
        return 0;
    values[count] = *final;
    return wants_string && count == 0 ? check_string(execution, final) : 0;
}

/* arguments: the nodes behind the function's name. whole: what an error of the call shows. */
static int eval_call(struct execution *execution, const struct value *dot, const struct node *name,
                     const struct node *whole, const struct node *arguments,
                     const struct value *final, struct value *ret)
{
    const struct template_function *function = name->function;
    execution->at = name;
    size_t given = 0;
    for (const struct node *node = arguments; node; node = node->next)
        given++;
    if (check_count(execution, function, given, final != NULL) < 0)
        return -1;
    if (function->rule == FUNCTION_AND || function->rule == FUNCTION_OR)
        return eval_logic(execution, dot, function, arguments, final, ret);
    if (given > ARGUMENTS_MAX)
        return execution_fail(execution, "more than %d arguments for %s", ARGUMENTS_MAX,
                              function->name);
    struct value few[ARGUMENTS_FEW + 1];
    cleanup(free) struct value *many =
        given > ARGUMENTS_FEW ? calloc(given + 1, sizeof *many) : NULL;
    struct value *values = given > ARGUMENTS_FEW ? many : few;
    if (!values)
        return error_set(execution->err, ENOMEM, "out of memory");
    if (eval_arguments(execution, dot, function, arguments, final, values) < 0)
        return -1;
    cleanup(error_free) struct error *reason = NULL;
    *ret = nothing;
    if (function->call(&execution->arena, values, given + (final != NULL), ret, &reason) == 0)
        return 0;
    execution->at = whole;
    return execution_fail(execution, "error calling %s: %s", function->name, error_message(reason));
}

/* ---- operands and commands ---- */

static int eval_number(struct execution *execution, const struct node *node, struct value *ret)
{
    execution->at = node;
    *ret = node->number.value;
    if (!node->number.overflows)
        return 0;
    return execution_fail(execution, "%.*s overflows int", (int)node->number.source.length,
                          node->number.source.bytes);
}

/* A constant, or nothing for what is none. */
static int eval_constant(struct execution *execution, const struct value *dot,
                         const struct node *node, struct value *ret)
{
    switch (node->kind) {
    case NODE_BOOL:
        *ret = value_bool(node->truth);
        return 0;
    case NODE_DOT:
        *ret = *dot;
        return 0;
    case NODE_NUMBER:
        return eval_number(execution, node, ret);
    case NODE_STRING:
        *ret = value_string(node->string.text);
        return 0;
    default:
        *ret = nothing;
        return 0;
    }
}

static int eval_argument(struct execution *execution, const struct value *dot,
                         const struct node *node, struct value *ret)
{
    execution->at = node;
    switch (node->kind) {
    case NODE_FIELD:
        return eval_fields(execution, dot, node->chain.names, node->chain.count, false, ret);
    case NODE_VARIABLE:
        return eval_variable(execution, node, false, ret);
    case NODE_PIPE:
        return eval_pipeline(execution, dot, node, ret);
    case NODE_FUNCTION:
        return eval_call(execution, dot, node, node, NULL, NULL, ret);
    case NODE_CHAIN:
        return eval_chain(execution, dot, node, false, ret);
    default:
        return eval_constant(execution, dot, node, ret);
    }
}

static int eval_command(struct execution *execution, const struct value *dot,
                        const struct node *command, const struct value *final, struct value *ret)
{
    const struct node *first = command->arguments.first;
    bool has_arguments = first->next || final;
    if (first->kind == NODE_FUNCTION)
        return eval_call(execution, dot, first, command, first->next, final, ret);
    if (first->kind == NODE_FIELD || first->kind == NODE_CHAIN || first->kind == NODE_VARIABLE) {
        execution->at = first;
        if (first->kind == NODE_CHAIN)
            return eval_chain(execution, dot, first, has_arguments, ret);
        if (first->kind == NODE_VARIABLE)
            return eval_variable(execution, first, has_arguments, ret);
        return eval_fields(execution, dot, first->chain.names, first->chain.count, has_arguments,
                           ret);
    }
    if (first->kind != NODE_PIPE)
        execution->at = first;
    if (has_arguments)
        return not_a_function(execution, first);
    if (first->kind == NODE_PIPE)
        return eval_pipeline(execution, dot, first, ret);
    if (first->kind == NODE_NIL)
        return execution_fail(execution, "nil is not a command");
    return eval_constant(execution, dot, first, ret);
}

static int declare(struct execution *execution, const struct node *pipe, const struct value *value)
{
    for (size_t i = 0; i < pipe->pipe.variable_count; i++) {
        struct text name = pipe->pipe.variables[i];
        execution->assignments++;
        int status = pipe->pipe.assigns ? execution_assign(execution, name, value)
                                        : execution_push(execution, name, value);
        if (status < 0)
            return -1;
    }
    return 0;
}

int eval_pipeline(struct execution *execution, const struct value *dot, const struct node *pipe,
                  struct value *ret)
{
    *ret = nothing;
    if (!pipe)
        return 0;
    execution->at = pipe;
    if (execution_step(execution) < 0 || execution_enter(execution) < 0)
        return -1;
    struct value value = nothing;
    const struct value *final = NULL;
    for (const struct node *command = pipe->pipe.commands.first; command; command = command->next) {
        struct value next;
        if (eval_command(execution, dot, command, final, &next) < 0)
            return -1;
        value = value_unbox(next);
        final = &value;
    }
    execution_leave(execution);
    *ret = value;
    return declare(execution, pipe, &value);
}
