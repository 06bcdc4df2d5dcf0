/* Nodes as text, for error messages. */
#include "backend/plan/template_node.h"

#include "backend/plan/template_function.h"

static void put_text(struct buf *buf, struct text text)
{
    buf_append(buf, text.bytes, text.length);
}

static void put_names(struct buf *buf, const struct node *node)
{
    for (size_t i = 0; i < node->chain.count; i++) {
        if (i > 0 || node->kind != NODE_VARIABLE)
            buf_putc(buf, '.');
        put_text(buf, node->chain.names[i]);
    }
}

/* An operand: a pipe among them stands in parentheses. */
static void put_operand(struct buf *buf, const struct node *node)
{
    if (node->kind == NODE_PIPE)
        buf_putc(buf, '(');
    node_put(buf, node);
    if (node->kind == NODE_PIPE)
        buf_putc(buf, ')');
}

static void put_command(struct buf *buf, const struct node *command)
{
    for (const struct node *node = command->arguments.first; node; node = node->next) {
        if (node != command->arguments.first)
            buf_putc(buf, ' ');
        put_operand(buf, node);
    }
}

static void put_pipe(struct buf *buf, const struct node *pipe)
{
    for (size_t i = 0; i < pipe->pipe.variable_count; i++) {
        buf_puts(buf, i > 0 ? ", " : "");
        put_text(buf, pipe->pipe.variables[i]);
    }
    if (pipe->pipe.variable_count > 0)
        buf_puts(buf, pipe->pipe.assigns ? " = " : " := ");
    for (const struct node *node = pipe->pipe.commands.first; node; node = node->next) {
        if (node != pipe->pipe.commands.first)
            buf_puts(buf, " | ");
        put_command(buf, node);
    }
}

static void put_branch(struct buf *buf, const struct node *node, const char *keyword)
{
    buf_printf(buf, "{{%s ", keyword);
    put_pipe(buf, node->branch.pipe);
    buf_puts(buf, "}}");
    node_put(buf, node->branch.list);
    if (node->branch.otherwise) {
        buf_puts(buf, "{{else}}");
        node_put(buf, node->branch.otherwise);
    }
    buf_puts(buf, "{{end}}");
}

static void put_call(struct buf *buf, const struct node *node)
{
    buf_puts(buf, "{{template ");
    quote_put_text(buf, node->call.name, false);
    if (node->call.pipe) {
        buf_putc(buf, ' ');
        put_pipe(buf, node->call.pipe);
    }
    buf_puts(buf, "}}");
}

static void put_statement(struct buf *buf, const struct node *node)
{
    switch (node->kind) {
    case NODE_LIST:
        for (const struct node *each = node->statements.first; each; each = each->next)
            put_statement(buf, each);
        break;
    case NODE_TEXT:
        put_text(buf, node->text);
        break;
    case NODE_ACTION:
        buf_puts(buf, "{{");
        put_pipe(buf, node->branch.pipe);
        buf_puts(buf, "}}");
        break;
    case NODE_IF:
        put_branch(buf, node, "if");
        break;
    case NODE_RANGE:
        put_branch(buf, node, "range");
        break;
    case NODE_WITH:
        put_branch(buf, node, "with");
        break;
    case NODE_TEMPLATE:
        put_call(buf, node);
        break;
    case NODE_BREAK:
        buf_puts(buf, "{{break}}");
        break;
    case NODE_CONTINUE:
        buf_puts(buf, "{{continue}}");
        break;
    default:
        buf_puts(buf, node->kind == NODE_ELSE ? "{{else}}" : "{{end}}");
        break;
    }
}

void node_put(struct buf *buf, const struct node *node)
{
    switch (node->kind) {
    case NODE_PIPE:
        put_pipe(buf, node);
        break;
    case NODE_COMMAND:
        put_command(buf, node);
        break;
    case NODE_CHAIN:
        put_operand(buf, node->chain.base);
        put_names(buf, node);
        break;
    case NODE_FIELD:
    case NODE_VARIABLE:
        put_names(buf, node);
        break;
    case NODE_FUNCTION:
        buf_puts(buf, node->function->name);
        break;
    case NODE_DOT:
        buf_putc(buf, '.');
        break;
    case NODE_NIL:
        buf_puts(buf, "nil");
        break;
    case NODE_BOOL:
        buf_puts(buf, node->truth ? "true" : "false");
        break;
    case NODE_NUMBER:
        put_text(buf, node->number.source);
        break;
    case NODE_STRING:
        put_text(buf, node->string.quoted);
        break;
    default:
        put_statement(buf, node);
        break;
    }
}

static bool is_blank(struct text text)
{
    /* What Go's bytes.TrimSpace takes away, as far as UTF-8 text has it. */
    size_t width;
    for (size_t i = 0; i < text.length; i += width) {
        int32_t rune = rune_decode(text.bytes + i, text.length - i, &width);
        bool space = rune == ' ' || (rune >= '\t' && rune <= '\r') || rune == 0x85 ||
                     rune == 0xa0 || rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) ||
                     rune == 0x2028 || rune == 0x2029 || rune == 0x202f || rune == 0x205f ||
                     rune == 0x3000;
        if (!space)
            return false;
    }
    return true;
}

bool node_list_is_empty(const struct node *list)
{
    for (const struct node *node = list->statements.first; node; node = node->next)
        if (node->kind != NODE_TEXT || !is_blank(node->text))
            return false;
    return true;
}
