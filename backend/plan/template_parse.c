/* The parser's statements: text, actions, control structures, definitions. */
#include "backend/plan/template.h"
#include "backend/plan/template_parser.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---- tokens ---- */

struct token parser_next(struct parser *parser)
{
    if (parser->peeked > 0)
        parser->peeked--;
    else
        parser->tokens[0] = lexer_next(parser->lexer);
    return parser->tokens[parser->peeked];
}

void parser_back(struct parser *parser)
{
    parser->peeked++;
}

struct token parser_peek(struct parser *parser)
{
    struct token token = parser_next(parser);
    parser_back(parser);
    return token;
}

struct token parser_next_word(struct parser *parser)
{
    struct token token;
    do
        token = parser_next(parser);
    while (token.kind == TOKEN_SPACE);
    return token;
}

struct token parser_peek_word(struct parser *parser)
{
    struct token token = parser_next_word(parser);
    parser_back(parser);
    return token;
}

/* ---- errors and nodes ---- */

int parser_error(struct parser *parser, const char *format, ...)
{
    cleanup(buf_done) struct buf message = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&message, "template: %.*s:%u: ", (int)parser->template->name.length,
               parser->template->name.bytes, parser->tokens[0].line);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&message, format, arguments);
    va_end(arguments);
    return error_set(parser->err, EINVAL, "%s", message.data);
}

int parser_unexpected(struct parser *parser, const struct token *token, const char *context)
{
    cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
    token_put(&shown, token);
    if (token->kind != TOKEN_ERROR)
        return parser_error(parser, "unexpected %s in %s", shown.data, context);
    if (parser->action_line == 0 || parser->action_line == token->line)
        return parser_error(parser, "%s", shown.data);
    static const char suffix[] = " action";
    size_t tail = sizeof suffix - 1;
    bool says_action =
        shown.length >= tail && memcmp(shown.data + shown.length - tail, suffix, tail) == 0;
    return parser_error(parser, "%s%s started at %.*s:%u", shown.data,
                        says_action ? "" : " in action", (int)parser->template->name.length,
                        parser->template->name.bytes, parser->action_line);
}

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t position)
{
    struct node *node = arena_alloc(&parser->template->arena, sizeof *node);
    if (!node) {
        error_set(parser->err, EFBIG, "template: %.*s: the template is too large",
                  (int)parser->template->name.length, parser->template->name.bytes);
        return NULL;
    }
    node->kind = kind;
    node->position = position;
    return node;
}

void node_list_append(struct node_list *list, struct node *node)
{
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->count++;
}

int parser_enter(struct parser *parser)
{
    if (parser->nesting == TEMPLATE_MAX_NESTING)
        return parser_error(parser, "nested more than %d levels deep", TEMPLATE_MAX_NESTING);
    parser->nesting++;
    return 0;
}

void parser_leave(struct parser *parser)
{
    parser->nesting--;
}

void parser_add_variable(struct parser *parser, struct text name)
{
    struct variable_name *variable = arena_alloc(&parser->template->arena, sizeof *variable);
    if (!variable) {
        error_set(parser->err, ENOMEM, "out of memory");
        return;
    }
    *variable = (struct variable_name){.older = parser->variables, .name = name};
    parser->variables = variable;
}

int parser_string(struct parser *parser, const struct token *token, struct text *ret)
{
    if (quote_parse_text(&parser->template->arena, token->text, ret) < 0)
        return parser_error(parser, "invalid syntax");
    return 0;
}

/* A parser for another definition in the same text. */
static struct parser nested_parser(const struct parser *parser)
{
    struct parser nested = {.template = parser->template,
                            .lexer = parser->lexer,
                            .err = parser->err,
                            .nesting = parser->nesting};
    parser_add_variable(&nested, TEXT("$"));
    return nested;
}

/* ---- definitions ---- */

struct definition *template_find(const struct template *template, struct text name)
{
    for (struct definition *each = template->definitions; each; each = each->next)
        if (text_equal(each->name, name))
            return each;
    return NULL;
}

/* Adds the definition; one that holds something may replace an empty one, but nothing else. */
static int add_definition(struct parser *parser, struct text name, struct node *body)
{
    struct template *template = parser->template;
    struct definition *present = template_find(template, name);
    if (present && node_list_is_empty(present->body)) {
        present->body = body;
        return 0;
    }
    if (present) {
        if (node_list_is_empty(body))
            return 0;
        cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
        quote_put_text(&quoted, name, false);
        return parser_error(parser, "template: multiple definition of template %s", quoted.data);
    }
    struct definition *definition = arena_alloc(&template->arena, sizeof *definition);
    if (!definition)
        return error_set(parser->err, ENOMEM, "out of memory");
    *definition = (struct definition){.next = template->definitions, .name = name, .body = body};
    template->definitions = definition;
    return 0;
}

/* ---- statements ---- */

static struct node *parse_statement(struct parser *parser);

static const char *end_name(const struct node *end)
{
    return end->kind == NODE_ELSE ? "{{else}}" : "{{end}}";
}

/* Statements up to {{end}} or {{else}}, which is *ret_end. */
static struct node *parse_list(struct parser *parser, struct node **ret_end)
{
    struct node *list = parser_node(parser, NODE_LIST, parser_peek_word(parser).position);
    if (!list || parser_enter(parser) < 0)
        return NULL;
    struct node *result = NULL;
    while (parser_peek_word(parser).kind != TOKEN_EOF) {
        struct node *node = parse_statement(parser);
        if (!node)
            break;
        if (node->kind == NODE_END || node->kind == NODE_ELSE) {
            *ret_end = node;
            result = list;
            break;
        }
        node_list_append(&list->statements, node);
    }
    parser_leave(parser);
    if (!result)
        parser_error(parser, "unexpected EOF"); /* unless there was an error before */
    return result;
}

static int expect_right_delimiter(struct parser *parser, const char *context,
                                  struct token *ret_token)
{
    *ret_token = parser_next_word(parser);
    if (ret_token->kind == TOKEN_RIGHT_DELIMITER)
        return 0;
    return parser_unexpected(parser, ret_token, context);
}

/* The body of {{define}} or {{block}}: up to its {{end}}, then added under name. */
static int parse_definition_body(struct parser *nested, struct parser *blame, struct text name,
                                 const char *context)
{
    struct node *end;
    struct node *body = parse_list(nested, &end);
    if (!body)
        return -1;
    if (end->kind != NODE_END)
        return parser_error(blame, "unexpected %s in %s", end_name(end), context);
    return add_definition(nested, name, body);
}

/* {{define "name"}} up to its {{end}}; the keyword has been read. */
static int parse_define(struct parser *parser)
{
    static const char context[] = "define clause";
    struct parser nested = nested_parser(parser);
    struct token token = parser_next_word(&nested);
    if (token.kind != TOKEN_STRING && token.kind != TOKEN_RAW_STRING)
        return parser_unexpected(&nested, &token, context);
    struct text name;
    if (parser_string(&nested, &token, &name) < 0 ||
        expect_right_delimiter(&nested, context, &token) < 0)
        return -1;
    return parse_definition_body(&nested, &nested, name, context);
}

static int parse_template_name(struct parser *parser, const char *context, struct token *ret_token,
                               struct text *ret_name)
{
    *ret_token = parser_next_word(parser);
    if (ret_token->kind != TOKEN_STRING && ret_token->kind != TOKEN_RAW_STRING)
        return parser_unexpected(parser, ret_token, context);
    return parser_string(parser, ret_token, ret_name);
}

/* {{block "name" pipeline}} list {{end}}: a definition and its call. */
static struct node *parse_block(struct parser *parser)
{
    static const char context[] = "block clause";
    struct token token;
    struct text name;
    if (parse_template_name(parser, context, &token, &name) < 0)
        return NULL;
    struct node *pipe = parser_pipeline(parser, context, TOKEN_RIGHT_DELIMITER);
    if (!pipe)
        return NULL;
    struct parser nested = nested_parser(parser);
    if (parse_definition_body(&nested, parser, name, context) < 0)
        return NULL;
    struct node *node = parser_node(parser, NODE_TEMPLATE, token.position);
    if (node) {
        node->call.name = name;
        node->call.pipe = pipe;
    }
    return node;
}

/* {{template "name"}} or {{template "name" pipeline}} */
static struct node *parse_call(struct parser *parser)
{
    static const char context[] = "template clause";
    struct token token;
    struct text name;
    if (parse_template_name(parser, context, &token, &name) < 0)
        return NULL;
    struct node *pipe = NULL;
    if (parser_next_word(parser).kind != TOKEN_RIGHT_DELIMITER) {
        parser_back(parser);
        pipe = parser_pipeline(parser, context, TOKEN_RIGHT_DELIMITER);
        if (!pipe)
            return NULL;
    }
    struct node *node = parser_node(parser, NODE_TEMPLATE, token.position);
    if (node) {
        node->call.name = name;
        node->call.pipe = pipe;
    }
    return node;
}

static struct node *parse_branch(struct parser *parser, enum node_kind kind);

/* What follows {{else}}: a list up to {{end}}, or `if` / `with` and its parts, whose {{end}} serves
 * both. */
static struct node *parse_otherwise(struct parser *parser, enum node_kind kind, size_t position)
{
    enum token_kind chained = kind == NODE_IF     ? TOKEN_IF
                              : kind == NODE_WITH ? TOKEN_WITH
                                                  : TOKEN_KIND_MAX;
    struct node *end;
    if (parser_peek(parser).kind != chained) {
        struct node *list = parse_list(parser, &end);
        if (list && end->kind != NODE_END) {
            parser_error(parser, "expected end; found %s", end_name(end));
            return NULL;
        }
        return list;
    }
    parser_next(parser);
    struct node *list = parser_node(parser, NODE_LIST, position);
    struct node *branch = list && parser_enter(parser) == 0 ? parse_branch(parser, kind) : NULL;
    if (!branch)
        return NULL;
    parser_leave(parser);
    node_list_append(&list->statements, branch);
    return list;
}

/* if, range and with; the keyword has been read. */
static struct node *parse_branch(struct parser *parser, enum node_kind kind)
{
    const char *context = kind == NODE_IF ? "if" : kind == NODE_RANGE ? "range" : "with";
    struct variable_name *outer = parser->variables;
    struct node *pipe = parser_pipeline(parser, context, TOKEN_RIGHT_DELIMITER);
    struct node *node = pipe ? parser_node(parser, kind, pipe->position) : NULL;
    if (!node)
        return NULL;
    struct node *end;
    parser->range_depth += kind == NODE_RANGE;
    node->branch.pipe = pipe;
    node->branch.list = parse_list(parser, &end);
    parser->range_depth -= kind == NODE_RANGE;
    if (!node->branch.list)
        return NULL;
    if (end->kind == NODE_ELSE) {
        node->branch.otherwise = parse_otherwise(parser, kind, end->position);
        if (!node->branch.otherwise)
            return NULL;
    }
    parser->variables = outer;
    return node;
}

static struct node *parse_loop_exit(struct parser *parser, const struct token *keyword,
                                    enum node_kind kind)
{
    const char *shown = kind == NODE_BREAK ? "{{break}}" : "{{continue}}";
    struct token token;
    if (expect_right_delimiter(parser, shown, &token) < 0)
        return NULL;
    if (parser->range_depth == 0) {
        parser_error(parser, "%s outside {{range}}", shown);
        return NULL;
    }
    return parser_node(parser, kind, keyword->position);
}

/* {{end}} and {{else}}. After the latter an `if` or `with` is left to be read. */
static struct node *parse_list_end(struct parser *parser, enum node_kind kind)
{
    struct token token = parser_peek_word(parser);
    if (kind == NODE_ELSE && (token.kind == TOKEN_IF || token.kind == TOKEN_WITH))
        return parser_node(parser, kind, token.position);
    if (expect_right_delimiter(parser, kind == NODE_ELSE ? "else" : "end", &token) < 0)
        return NULL;
    return parser_node(parser, kind, token.position);
}

static struct node *parse_simple_action(struct parser *parser)
{
    parser_back(parser);
    struct node *node = parser_node(parser, NODE_ACTION, parser_peek(parser).position);
    if (!node)
        return NULL;
    node->branch.pipe = parser_pipeline(parser, "command", TOKEN_RIGHT_DELIMITER);
    return node->branch.pipe ? node : NULL;
}

/* What stands between delimiters; the left one has been read. */
static struct node *parse_action(struct parser *parser)
{
    struct token token = parser_next_word(parser);
    switch (token.kind) {
    case TOKEN_BLOCK:
        return parse_block(parser);
    case TOKEN_BREAK:
        return parse_loop_exit(parser, &token, NODE_BREAK);
    case TOKEN_CONTINUE:
        return parse_loop_exit(parser, &token, NODE_CONTINUE);
    case TOKEN_ELSE:
        return parse_list_end(parser, NODE_ELSE);
    case TOKEN_END:
        return parse_list_end(parser, NODE_END);
    case TOKEN_IF:
        return parse_branch(parser, NODE_IF);
    case TOKEN_RANGE:
        return parse_branch(parser, NODE_RANGE);
    case TOKEN_TEMPLATE:
        return parse_call(parser);
    case TOKEN_WITH:
        return parse_branch(parser, NODE_WITH);
    default:
        return parse_simple_action(parser);
    }
}

static struct node *parse_statement(struct parser *parser)
{
    struct token token = parser_next_word(parser);
    if (token.kind == TOKEN_TEXT) {
        struct node *node = parser_node(parser, NODE_TEXT, token.position);
        if (node)
            node->text = token.text;
        return node;
    }
    if (token.kind != TOKEN_LEFT_DELIMITER) {
        parser_unexpected(parser, &token, "input");
        return NULL;
    }
    parser->action_line = token.line;
    struct node *node = parse_action(parser);
    parser->action_line = 0;
    return node;
}

/* ---- the whole text ---- */

/* Whether a definition comes next; then `{{define` has been read. */
static bool take_define(struct parser *parser)
{
    if (parser_peek(parser).kind != TOKEN_LEFT_DELIMITER)
        return false;
    struct token delimiter = parser_next(parser);
    if (parser_next_word(parser).kind == TOKEN_DEFINE)
        return true;
    parser->tokens[1] = delimiter;
    parser->peeked = 2;
    return false;
}

static struct node *parse_text(struct parser *parser)
{
    struct node *list = parser_node(parser, NODE_LIST, parser_peek(parser).position);
    while (list && parser_peek(parser).kind != TOKEN_EOF) {
        if (take_define(parser)) {
            if (parse_define(parser) < 0)
                return NULL;
            continue;
        }
        struct node *node = parse_statement(parser);
        if (!node)
            return NULL;
        if (node->kind == NODE_END || node->kind == NODE_ELSE) {
            parser_error(parser, "unexpected %s", end_name(node));
            return NULL;
        }
        node_list_append(&list->statements, node);
    }
    return list;
}

static int parse_into(struct template *template, struct error **err)
{
    struct lexer lexer;
    lexer_init(&lexer, template->source, &template->arena);
    struct parser top = {.template = template, .lexer = &lexer, .err = err};
    struct parser parser = nested_parser(&top);
    struct node *body = parse_text(&parser);
    if (!body || add_definition(&parser, template->name, body) < 0)
        return -1;
    template->main = template_find(template, template->name);
    return 0;
}

struct template *template_parse(const char *name, const char *text, size_t length,
                                struct error **err)
{
    if (length > TEMPLATE_MAX_SOURCE) {
        error_set(err, EFBIG, "template: %s: the text is larger than %d bytes", name,
                  TEMPLATE_MAX_SOURCE);
        return NULL;
    }
    cleanup(template_free) struct template *template = calloc(1, sizeof *template);
    if (!template) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    template->arena = ARENA_INIT(TEMPLATE_MAX_MEMORY);
    template->name.bytes = arena_copy(&template->arena, name, strlen(name));
    template->source.bytes = arena_copy(&template->arena, text, length);
    if (!template->name.bytes || !template->source.bytes) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    template->name.length = strlen(name);
    template->source.length = length;
    /* A failure of memory has no message where Go has none; it gets one here. */
    struct error *reason = NULL;
    if (parse_into(template, &reason) < 0) {
        error_set(&reason, ENOMEM, "out of memory");
        error_move(err, &reason);
        return NULL;
    }
    return steal(&template);
}

void template_free(struct template *template)
{
    if (!template)
        return;
    arena_done(&template->arena);
    free(template);
}
