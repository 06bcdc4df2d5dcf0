/* The parser's expressions: pipelines, commands, operands, constants. */
#include "backend/plan/template_float.h"
#include "backend/plan/template_function.h"
#include "backend/plan/template_parser.h"

#include <string.h>

/* ---- constants ---- */

static bool contains_any(struct text text, const char *set)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] && strchr(set, text.bytes[i]))
            return true;
    return false;
}

static bool is_hex(struct text text)
{
    return text.length > 2 && text.bytes[0] == '0' &&
           (text.bytes[1] == 'x' || text.bytes[1] == 'X') && !contains_any(text, "pP");
}

static int number_error(struct parser *parser, const char *what, struct text source)
{
    cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
    quote_put_text(&quoted, source, false);
    return parser_error(parser, "%s: %s", what, quoted.data);
}

static int parse_character(struct parser *parser, struct node *node)
{
    int32_t rune = 0;
    const char *reason;
    if (quote_parse_rune(node->number.source, &rune, &reason) < 0) {
        if (reason)
            return parser_error(parser, "%s", reason);
        return parser_error(parser, "malformed character constant: %.*s",
                            (int)node->number.source.length, node->number.source.bytes);
    }
    node->number.value = value_integer(rune);
    return 0;
}

/* 2i and 1+2i */
static int parse_complex(struct node *node)
{
    struct text source = node->number.source;
    if (source.length == 0 || source.bytes[source.length - 1] != 'i')
        return -1;
    struct text imaginary = {.bytes = source.bytes, .length = source.length - 1};
    struct value value = {.kind = VALUE_COMPLEX};
    /* The sign between the parts is the last one that no exponent owns. */
    for (size_t i = imaginary.length; i-- > 1;) {
        bool sign = source.bytes[i] == '+' || source.bytes[i] == '-';
        if (!sign || strchr("eEpP", source.bytes[i - 1]))
            continue;
        struct text real = {.bytes = source.bytes, .length = i};
        if (float_parse(real, &value.complex.real) < 0)
            return -1;
        imaginary = (struct text){.bytes = source.bytes + i, .length = imaginary.length - i};
        break;
    }
    if (float_parse(imaginary, &value.complex.imaginary) < 0)
        return -1;
    node->number.value = value;
    return 0;
}

static int parse_real(struct parser *parser, struct node *node)
{
    struct text source = node->number.source;
    int64_t integer;
    bool is_unsigned;
    double number;
    bool looks_real = !is_hex(source) && contains_any(source, ".eEpP");
    if (integer_parse(source, &integer, &is_unsigned) == 0) {
        node->number.value = value_integer(integer);
        node->number.overflows = is_unsigned;
        return 0;
    }
    if (float_parse(source, &number) < 0)
        return number_error(parser, "illegal number syntax", source);
    if (!contains_any(source, ".eEpP"))
        return number_error(parser, "integer overflow", source);
    node->number.value = (struct value){.kind = VALUE_FLOAT, .number = number};
    node->number.overflows = !looks_real;
    return 0;
}

static int parse_number(struct parser *parser, const struct token *token, struct node **ret)
{
    struct node *node = parser_node(parser, NODE_NUMBER, token->position);
    if (!node)
        return -1;
    *ret = node;
    node->number.source = token->text;
    if (token->kind == TOKEN_CHAR_CONSTANT)
        return parse_character(parser, node);
    if (parse_complex(node) == 0)
        return 0;
    if (token->kind == TOKEN_COMPLEX)
        return parser_error(parser, "syntax error scanning complex number");
    return parse_real(parser, node);
}

/* ---- operands ---- */

/* Splits ".a.b" or "$x.a" at its dots. */
static struct node *chain_node(struct parser *parser, enum node_kind kind, size_t position,
                               struct text first)
{
    struct node *node = parser_node(parser, kind, position);
    struct text *names = arena_alloc(&parser->template->arena, sizeof *names);
    if (!node || !names)
        return NULL;
    names[0] = first;
    node->chain.names = names;
    node->chain.count = 1;
    return node;
}

static int parse_variable(struct parser *parser, const struct token *token, struct node **ret)
{
    struct variable_name *variable = parser->variables;
    while (variable && !text_equal(variable->name, token->text))
        variable = variable->older;
    if (!variable) {
        cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
        quote_put_text(&quoted, token->text, false);
        return parser_error(parser, "undefined variable %s", quoted.data);
    }
    *ret = chain_node(parser, NODE_VARIABLE, token->position, token->text);
    return *ret ? 0 : -1;
}

static int parse_function(struct parser *parser, const struct token *token, struct node **ret)
{
    const struct template_function *function = template_function_find(token->text);
    if (!function) {
        cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
        quote_put_text(&quoted, token->text, false);
        return parser_error(parser, "function %s not defined", quoted.data);
    }
    *ret = parser_node(parser, NODE_FUNCTION, token->position);
    if (*ret)
        (*ret)->function = function;
    return *ret ? 0 : -1;
}

static int parse_string_constant(struct parser *parser, const struct token *token,
                                 struct node **ret)
{
    *ret = parser_node(parser, NODE_STRING, token->position);
    if (!*ret)
        return -1;
    (*ret)->string.quoted = token->text;
    return parser_string(parser, token, &(*ret)->string.text);
}

static int parse_word(struct parser *parser, const struct token *token, enum node_kind kind,
                      struct node **ret)
{
    *ret = parser_node(parser, kind, token->position);
    if (!*ret)
        return -1;
    if (kind == NODE_BOOL)
        (*ret)->truth = text_equal(token->text, TEXT("true"));
    return 0;
}

static int parse_parentheses(struct parser *parser, struct node **ret)
{
    if (parser_enter(parser) < 0)
        return -1;
    *ret = parser_pipeline(parser, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    parser_leave(parser);
    return *ret ? 0 : -1;
}

/* One term; *ret is NULL if what follows is none. */
static int parse_term(struct parser *parser, struct node **ret)
{
    struct token token = parser_next_word(parser);
    *ret = NULL;
    switch (token.kind) {
    case TOKEN_IDENTIFIER:
        return parse_function(parser, &token, ret);
    case TOKEN_DOT:
        return parse_word(parser, &token, NODE_DOT, ret);
    case TOKEN_NIL:
        return parse_word(parser, &token, NODE_NIL, ret);
    case TOKEN_BOOL:
        return parse_word(parser, &token, NODE_BOOL, ret);
    case TOKEN_VARIABLE:
        return parse_variable(parser, &token, ret);
    case TOKEN_FIELD:
        token.text.bytes++;
        token.text.length--;
        *ret = chain_node(parser, NODE_FIELD, token.position, token.text);
        return *ret ? 0 : -1;
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(parser, &token, ret);
    case TOKEN_LEFT_PAREN:
        return parse_parentheses(parser, ret);
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return parse_string_constant(parser, &token, ret);
    default:
        parser_back(parser);
        return 0;
    }
}

/* The fields that follow, each a token of its own, appended to names. */
static int parse_fields(struct parser *parser, struct node *node, struct text *names, size_t count)
{
    size_t capacity = count;
    while (parser_peek(parser).kind == TOKEN_FIELD) {
        struct text field = parser_next(parser).text;
        if (count == capacity) {
            capacity = capacity * 2 + 2;
            struct text *grown = arena_alloc(&parser->template->arena, capacity * sizeof *grown);
            if (!grown)
                return error_set(parser->err, EFBIG, "a chain of fields is too long");
            if (count)
                memcpy(grown, names, count * sizeof *grown);
            names = grown;
        }
        names[count++] = (struct text){.bytes = field.bytes + 1, .length = field.length - 1};
    }
    node->chain.names = names;
    node->chain.count = count;
    return 0;
}

/* A term and the fields that follow it; *ret is NULL if there is none. */
static int parse_operand(struct parser *parser, struct node **ret)
{
    if (parse_term(parser, ret) < 0)
        return -1;
    struct node *term = *ret;
    struct token field = parser_peek(parser);
    if (!term || field.kind != TOKEN_FIELD)
        return 0;
    switch (term->kind) {
    case NODE_FIELD:
    case NODE_VARIABLE:
        term->position = field.position; /* as Go counts: errors point at the second name */
        return parse_fields(parser, term, term->chain.names, term->chain.count);
    case NODE_FUNCTION:
    case NODE_PIPE:
        break;
    default: {
        cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
        cleanup(buf_done) struct buf quoted = BUF_INIT(BUF_MAX_TEXT);
        node_put(&shown, term);
        quote_put_text(&quoted, (struct text){shown.data, shown.length}, false);
        return parser_error(parser, "unexpected . after term %s", quoted.data);
    }
    }
    *ret = parser_node(parser, NODE_CHAIN, field.position);
    if (!*ret)
        return -1;
    (*ret)->chain.base = term;
    return parse_fields(parser, *ret, NULL, 0);
}

/* ---- commands and pipelines ---- */

/* Operands up to '|', which is read, or the end of the pipeline, which is left. */
static struct node *parse_command(struct parser *parser)
{
    struct node *command = parser_node(parser, NODE_COMMAND, parser_peek_word(parser).position);
    while (command) {
        struct node *operand;
        parser_peek_word(parser); /* skips space */
        if (parse_operand(parser, &operand) < 0)
            return NULL;
        if (operand)
            node_list_append(&command->arguments, operand);
        struct token token = parser_next(parser);
        if (token.kind == TOKEN_SPACE)
            continue;
        if (token.kind == TOKEN_RIGHT_DELIMITER || token.kind == TOKEN_RIGHT_PAREN)
            parser_back(parser);
        else if (token.kind != TOKEN_PIPE) {
            parser_unexpected(parser, &token, "operand");
            return NULL;
        }
        break;
    }
    if (command && command->arguments.count == 0) {
        parser_error(parser, "empty command");
        return NULL;
    }
    return command;
}

/* `$x :=`, `$x =` or, for range, `$i, $x :=`. Each call takes one variable; 1: another follows. */
static int parse_declaration(struct parser *parser, struct node *pipe, const char *context)
{
    struct token variable = parser_peek_word(parser);
    if (variable.kind != TOKEN_VARIABLE)
        return 0;
    parser_next(parser);
    struct token after = parser_peek(parser);
    struct token sign = parser_peek_word(parser);
    bool comma = sign.kind == TOKEN_CHAR && text_equal(sign.text, TEXT(","));
    if (sign.kind == TOKEN_ASSIGN || sign.kind == TOKEN_DECLARE || comma) {
        parser_next_word(parser);
        if (pipe->pipe.variable_count < ARRAY_LENGTH(pipe->pipe.variables))
            pipe->pipe.variables[pipe->pipe.variable_count++] = variable.text;
        parser_add_variable(parser, variable.text);
        pipe->pipe.assigns = sign.kind == TOKEN_ASSIGN;
        if (!comma)
            return 0;
        if (strcmp(context, "range") != 0 || pipe->pipe.variable_count >= 2)
            return parser_error(parser, "too many declarations in %s", context);
        enum token_kind kind = parser_peek_word(parser).kind;
        if (kind == TOKEN_VARIABLE || kind == TOKEN_RIGHT_DELIMITER || kind == TOKEN_RIGHT_PAREN)
            return 1;
        return parser_error(parser, "range can only initialize variables");
    }
    /* No declaration: the variable, and the space behind it, are read again. */
    if (after.kind == TOKEN_SPACE) {
        parser->tokens[1] = after;
        parser->tokens[2] = variable;
        parser->peeked = 3;
    } else {
        parser->tokens[1] = variable;
        parser->peeked = 2;
    }
    return 0;
}

static int check_pipeline(struct parser *parser, const struct node *pipe, const char *context)
{
    if (pipe->pipe.commands.count == 0)
        return parser_error(parser, "missing value for %s", context);
    int stage = 2;
    for (const struct node *each = pipe->pipe.commands.first->next; each;
         each = each->next, stage++) {
        enum node_kind kind = each->arguments.first->kind;
        if (kind == NODE_BOOL || kind == NODE_DOT || kind == NODE_NIL || kind == NODE_NUMBER ||
            kind == NODE_STRING)
            return parser_error(parser, "non executable command in pipeline stage %d", stage);
    }
    return 0;
}

static bool begins_operand(enum token_kind kind)
{
    return kind == TOKEN_BOOL || kind == TOKEN_CHAR_CONSTANT || kind == TOKEN_COMPLEX ||
           kind == TOKEN_DOT || kind == TOKEN_FIELD || kind == TOKEN_IDENTIFIER ||
           kind == TOKEN_NUMBER || kind == TOKEN_NIL || kind == TOKEN_RAW_STRING ||
           kind == TOKEN_STRING || kind == TOKEN_VARIABLE || kind == TOKEN_LEFT_PAREN;
}

struct node *parser_pipeline(struct parser *parser, const char *context, enum token_kind end)
{
    struct node *pipe = parser_node(parser, NODE_PIPE, parser_peek_word(parser).position);
    int more = pipe ? 1 : -1;
    while (more > 0)
        more = parse_declaration(parser, pipe, context);
    if (more < 0)
        return NULL;
    for (;;) {
        struct token token = parser_next_word(parser);
        if (token.kind == end)
            return check_pipeline(parser, pipe, context) < 0 ? NULL : pipe;
        if (!begins_operand(token.kind)) {
            parser_unexpected(parser, &token, context);
            return NULL;
        }
        parser_back(parser);
        struct node *command = parse_command(parser);
        if (!command)
            return NULL;
        node_list_append(&pipe->pipe.commands, command);
    }
}
