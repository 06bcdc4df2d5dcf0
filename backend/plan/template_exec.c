/* Statements: text, output, control structures, calls of other definitions; and the limits. */
#include "backend/plan/template_exec.h"

#include "backend/plan/template_format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
    CALL_DEPTH =
        10 /* levels that a call must still have, so that endless recursion is told as such */
};

/* How a statement ended. */
enum walk {
    WALK_FAILED = -1,
    WALK_ON,
    WALK_BREAK,
    WALK_CONTINUE
};

static enum walk walk_list(struct execution *execution, const struct value *dot,
                           const struct node *list);

/* ---- errors and limits ---- */

static void put_place(struct buf *buf, const struct execution *execution)
{
    const struct template *template = execution->template;
    size_t position = execution->at->position;
    unsigned line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < position; i++) {
        if (template->source.bytes[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    buf_printf(buf, "template: %.*s:%u:%zu: executing ", (int)template->name.length,
               template->name.bytes, line, position - line_start);
    quote_put_text(buf, execution->current->name, false);
    buf_puts(buf, " at <");
    node_put(buf, execution->at);
    buf_puts(buf, ">: ");
}

int execution_fail(struct execution *execution, const char *format, ...)
{
    cleanup(buf_done) struct buf message = BUF_INIT(BUF_MAX_TEXT);
    put_place(&message, execution);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&message, format, arguments);
    va_end(arguments);
    return error_set(execution->err, EINVAL, "%s", message.data);
}

int execution_step(struct execution *execution)
{
    if (execution->steps++ < TEMPLATE_MAX_STEPS)
        return 0;
    return execution_fail(execution, "the template takes more than %d steps", TEMPLATE_MAX_STEPS);
}

int execution_enter(struct execution *execution)
{
    if (execution->depth == TEMPLATE_MAX_DEPTH)
        return execution_fail(execution, "exceeded maximum template depth (%d)",
                              TEMPLATE_MAX_DEPTH);
    execution->depth++;
    return 0;
}

void execution_leave(struct execution *execution)
{
    execution->depth--;
}

/* Text that output has no room for is an error at once, not after all steps. */
static enum walk output_status(struct execution *execution)
{
    return buf_check(execution->output, execution->err) < 0 ? WALK_FAILED : WALK_ON;
}

/* ---- statements ---- */

static enum walk walk_action(struct execution *execution, const struct value *dot,
                             const struct node *node)
{
    struct arena_mark mark = arena_mark(&execution->arena);
    unsigned assignments = execution->assignments;
    struct value value;
    if (eval_pipeline(execution, dot, node->branch.pipe, &value) < 0)
        return WALK_FAILED;
    if (node->branch.pipe->pipe.variable_count > 0)
        return WALK_ON;
    execution->at = node;
    if (value.kind == VALUE_NONE)
        buf_puts(execution->output, "<no value>");
    else
        format_print(execution->output, &value, 1);
    if (assignments == execution->assignments) /* nothing can refer to what was made */
        arena_release(&execution->arena, mark);
    return output_status(execution);
}

static enum walk walk_if_or_with(struct execution *execution, const struct value *dot,
                                 const struct node *node)
{
    size_t mark = execution->variable_count;
    struct value value;
    if (eval_pipeline(execution, dot, node->branch.pipe, &value) < 0)
        return WALK_FAILED;
    enum walk status = WALK_ON;
    if (value_truth(&value))
        status = walk_list(execution, node->kind == NODE_WITH ? &value : dot, node->branch.list);
    else if (node->branch.otherwise)
        status = walk_list(execution, dot, node->branch.otherwise);
    execution->variable_count = mark;
    return status;
}

static enum walk walk_call(struct execution *execution, const struct value *dot,
                           const struct node *node)
{
    execution->at = node;
    const struct definition *definition = template_find(execution->template, node->call.name);
    if (!definition) {
        cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
        quote_put_text(&quoted, node->call.name, false);
        return execution_fail(execution, "template %s not defined", quoted.data);
    }
    if (execution->depth > TEMPLATE_MAX_DEPTH - CALL_DEPTH)
        return execution_fail(execution, "exceeded maximum template depth (%d)",
                              TEMPLATE_MAX_DEPTH);
    struct value value;
    if (eval_pipeline(execution, dot, node->call.pipe, &value) < 0)
        return WALK_FAILED;
    const struct definition *caller = execution->current;
    size_t base = execution->base;
    size_t mark = execution->variable_count;
    if (execution_push(execution, TEXT("$"), &value) < 0)
        return WALK_FAILED;
    execution->current = definition;
    execution->base = mark;
    enum walk status = walk_list(execution, &value, definition->body);
    if (status == WALK_FAILED)
        return status;
    execution->current = caller;
    execution->base = base;
    execution->variable_count = mark;
    return WALK_ON;
}

/* ---- range ---- */

/* Gives the loop's variables their values for one round. index NULL: an integer's round. */
static int set_loop_variables(struct execution *execution, const struct node *pipe,
                              const struct value *index, const struct value *element, size_t mark)
{
    const struct text *names = pipe->pipe.variables;
    bool two = pipe->pipe.variable_count > 1;
    const struct value *first = two ? index : element;
    if (pipe->pipe.variable_count == 0)
        return 0;
    if (pipe->pipe.assigns) {
        if (execution_assign(execution, names[0], first) < 0)
            return -1;
        return two ? execution_assign(execution, names[1], element) : 0;
    }
    execution->variables[mark - 1].value = *element;
    if (two)
        execution->variables[mark - 2].value = *index;
    return 0;
}

/* One round; mark is the number of variables before the body's own. */
static enum walk walk_round(struct execution *execution, const struct node *node,
                            const struct value *index, const struct value *element, size_t mark)
{
    if (execution_step(execution) < 0 ||
        set_loop_variables(execution, node->branch.pipe, index, element, mark) < 0)
        return WALK_FAILED;
    enum walk status = walk_list(execution, element, node->branch.list);
    execution->variable_count = mark;
    return status == WALK_CONTINUE ? WALK_ON : status;
}

static enum walk walk_list_rounds(struct execution *execution, const struct node *node,
                                  const struct value *list, size_t mark)
{
    enum walk status = WALK_ON;
    for (size_t i = 0; i < value_length(list) && status == WALK_ON; i++) {
        struct value index = value_integer((int64_t)i);
        struct value element = value_element(list, i);
        status = walk_round(execution, node, &index, &element, mark);
    }
    return status;
}

static enum walk walk_map_rounds(struct execution *execution, const struct node *node,
                                 const struct value *map, size_t mark)
{
    size_t count;
    struct text *names = value_sorted_names(&execution->arena, map, &count);
    if (!names) {
        error_set(execution->err, EFBIG, "the template's values need more than %d bytes",
                  TEMPLATE_MAX_MEMORY);
        return WALK_FAILED;
    }
    enum walk status = WALK_ON;
    for (size_t i = 0; i < count && status == WALK_ON; i++) {
        struct value name = value_string(names[i]);
        struct value member = value_member(map, names[i]);
        status = walk_round(execution, node, &name, &member, mark);
    }
    return status;
}

static enum walk walk_integer_rounds(struct execution *execution, const struct node *node,
                                     int64_t count, bool from_data, size_t mark)
{
    enum walk status = WALK_ON;
    for (int64_t i = 0; i < count && status == WALK_ON; i++) {
        struct value element = value_integer(i);
        element.from_data = from_data;
        status = walk_round(execution, node, NULL, &element, mark);
    }
    return status;
}

static int fail_with_value(struct execution *execution, const char *before,
                           const struct value *value, const char *after)
{
    cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
    format_print(&shown, value, 1);
    return execution_fail(execution, "%s%s%s", before, shown.data, after);
}

/* The rounds of the loop, or its {{else}} if there are none. */
static enum walk walk_rounds(struct execution *execution, const struct value *dot,
                             const struct node *node, const struct value *value)
{
    size_t mark = execution->variable_count;
    int64_t count;
    if (value_as_integer(value, &count)) {
        if (node->branch.pipe->pipe.variable_count > 1)
            return fail_with_value(execution, "can't use ", value,
                                   " to iterate over more than one variable");
        if (count > 0)
            return walk_integer_rounds(execution, node, count, value->from_data, mark);
    } else if (value->kind == VALUE_LIST) {
        if (value_length(value) > 0)
            return walk_list_rounds(execution, node, value, mark);
    } else if (value->kind == VALUE_MAP) {
        if (value_length(value) > 0)
            return walk_map_rounds(execution, node, value, mark);
    } else if (value->kind != VALUE_NONE) {
        return fail_with_value(execution, "range can't iterate over ", value, "");
    }
    return node->branch.otherwise ? walk_list(execution, dot, node->branch.otherwise) : WALK_ON;
}

static enum walk walk_range(struct execution *execution, const struct value *dot,
                            const struct node *node)
{
    execution->at = node;
    size_t mark = execution->variable_count;
    struct value value;
    if (eval_pipeline(execution, dot, node->branch.pipe, &value) < 0)
        return WALK_FAILED;
    enum walk status = walk_rounds(execution, dot, node, &value);
    execution->variable_count = mark;
    /* A {{continue}} can only come out of the loop's {{else}}: it is the outer loop's. */
    return status == WALK_BREAK ? WALK_ON : status;
}

/* ---- lists ---- */

static enum walk walk_node(struct execution *execution, const struct value *dot,
                           const struct node *node)
{
    execution->at = node;
    switch (node->kind) {
    case NODE_TEXT:
        buf_append(execution->output, node->text.bytes, node->text.length);
        return output_status(execution);
    case NODE_ACTION:
        return walk_action(execution, dot, node);
    case NODE_IF:
    case NODE_WITH:
        return walk_if_or_with(execution, dot, node);
    case NODE_RANGE:
        return walk_range(execution, dot, node);
    case NODE_TEMPLATE:
        return walk_call(execution, dot, node);
    case NODE_BREAK:
        return WALK_BREAK;
    default:
        return WALK_CONTINUE;
    }
}

static enum walk walk_list(struct execution *execution, const struct value *dot,
                           const struct node *list)
{
    if (execution_enter(execution) < 0)
        return WALK_FAILED;
    enum walk status = WALK_ON;
    for (const struct node *node = list->statements.first; node && status == WALK_ON;
         node = node->next)
        status = execution_step(execution) < 0 ? WALK_FAILED : walk_node(execution, dot, node);
    execution_leave(execution);
    return status;
}

int template_execute(const struct template *template, json_t *data, struct buf *output,
                     struct error **err)
{
    struct value dot = data ? value_of_json(data, false) : (struct value){.kind = VALUE_NONE};
    struct error *reason = NULL;
    struct execution execution = {.template = template,
                                  .current = template->main,
                                  .at = template->main->body,
                                  .output = output,
                                  .err = &reason,
                                  .arena = ARENA_INIT(TEMPLATE_MAX_MEMORY)};
    enum walk status = WALK_FAILED;
    if (execution_push(&execution, TEXT("$"), &dot) == 0)
        status = walk_list(&execution, &dot, template->main->body);
    free(execution.variables);
    arena_done(&execution.arena);
    return status == WALK_FAILED ? error_move(err, &reason) : 0;
}
