/* The predefined functions, but for comparison, and and/or, which the executor evaluates. */
#include "backend/plan/template_function.h"

#include "backend/plan/template.h"
#include "backend/plan/template_format.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- results ---- */

/* The text of buf as a value in the arena. */
static int return_text(struct arena *arena, const struct buf *buf, struct value *ret,
                       struct error **err)
{
    if (buf_check(buf, err) < 0)
        return -1;
    const char *copy = arena_copy(arena, buf->data, buf->length);
    if (!copy)
        return error_set(err, EFBIG, "the template's values need more than %d bytes",
                         TEMPLATE_MAX_MEMORY);
    *ret = value_string((struct text){.bytes = copy, .length = buf->length});
    return 0;
}

/* ---- index, slice, len ---- */

static int take_index(const struct value *index, size_t maximum, size_t *ret, struct error **err)
{
    int64_t integer;
    if (index->kind == VALUE_NONE && !index->boxed)
        return error_set(err, EINVAL, "cannot index slice/array with nil");
    if (!value_as_integer(index, &integer))
        return error_set(err, EINVAL, "cannot index slice/array with type %s",
                         value_outer_type(index));
    if (integer < 0 || (uint64_t)integer > maximum)
        return error_set(err, EINVAL, "index out of range: %" PRId64, integer);
    *ret = (size_t)integer;
    return 0;
}

static int index_once(const struct value *item, const struct value *index, struct value *ret,
                      struct error **err)
{
    if (item->kind == VALUE_NONE)
        return error_set(err, EINVAL, "index of nil pointer");
    if (item->kind == VALUE_MAP) {
        if (index->kind == VALUE_NONE)
            return error_set(err, EINVAL, "value is nil; should be of type string");
        if (index->kind != VALUE_STRING)
            return error_set(err, EINVAL, "value has type %s; should be string", value_type(index));
        *ret = value_member(item, index->text);
        ret->boxed = true; /* a missing member is nil here, not nothing */
        return 0;
    }
    if (item->kind != VALUE_LIST && item->kind != VALUE_STRING)
        return error_set(err, EINVAL, "can't index item of type %s", value_type(item));
    size_t at;
    if (take_index(index, value_length(item), &at, err) < 0)
        return -1;
    if (at == value_length(item)) /* Go's check is one short, so the text is reflect's */
        return error_set(err, EINVAL, "reflect: %s index out of range",
                         item->kind == VALUE_LIST ? "slice" : "string");
    *ret = value_element(item, at);
    return 0;
}

static int call_index(struct arena *arena, const struct value *arguments, size_t count,
                      struct value *ret, struct error **err)
{
    (void)arena;
    struct value item = value_unbox(arguments[0]);
    if (item.kind == VALUE_NONE)
        return error_set(err, EINVAL, "index of untyped nil");
    for (size_t i = 1; i < count; i++) {
        struct value index = value_unbox(arguments[i]);
        struct value part;
        if (index_once(&item, &index, &part, err) < 0)
            return -1;
        item = part;
    }
    *ret = item;
    return 0;
}

static int call_slice(struct arena *arena, const struct value *arguments, size_t count,
                      struct value *ret, struct error **err)
{
    (void)arena;
    struct value item = value_unbox(arguments[0]);
    if (item.kind == VALUE_NONE)
        return error_set(err, EINVAL, "slice of untyped nil");
    if (count > 4)
        return error_set(err, EINVAL, "too many slice indexes: %zu", count - 1);
    if (item.kind == VALUE_STRING && count == 4)
        return error_set(err, EINVAL, "cannot 3-index slice a string");
    if (item.kind != VALUE_STRING && item.kind != VALUE_LIST)
        return error_set(err, EINVAL, "can't slice item of type %s", value_type(&item));
    size_t at[3] = {0, value_length(&item), value_length(&item)};
    for (size_t i = 1; i < count; i++)
        if (take_index(&arguments[i], value_length(&item), &at[i - 1], err) < 0)
            return -1;
    for (int i = 0; i < 2; i++)
        if (at[i] > at[i + 1])
            return error_set(err, EINVAL, "invalid slice index: %zu > %zu", at[i], at[i + 1]);
    *ret = item;
    if (item.kind == VALUE_STRING) {
        ret->text = (struct text){.bytes = item.text.bytes + at[0], .length = at[1] - at[0]};
    } else {
        ret->list.first = item.list.first + (uint32_t)at[0];
        ret->list.count = (uint32_t)(at[1] - at[0]);
    }
    return 0;
}

static int call_len(struct arena *arena, const struct value *arguments, size_t count,
                    struct value *ret, struct error **err)
{
    (void)arena, (void)count;
    const struct value *item = &arguments[0];
    size_t length = value_length(item);
    if (item->kind == VALUE_NONE)
        return error_set(err, EINVAL, "%s",
                         item->boxed ? "len of nil pointer"
                                     : "reflect: call of reflect.Value.Type on zero Value");
    if (value_is_number(item) && item->from_data) { /* a number's text, as templates rely on */
        cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
        value_put_number(&text, item);
        length = text.length;
    } else if (item->kind != VALUE_LIST && item->kind != VALUE_MAP && item->kind != VALUE_STRING) {
        return error_set(err, EINVAL, "len of type %s", value_type(item));
    }
    *ret = value_integer((int64_t)length);
    return 0;
}

/* ---- not, call ---- */

static int call_not(struct arena *arena, const struct value *arguments, size_t count,
                    struct value *ret, struct error **err)
{
    (void)arena, (void)count, (void)err;
    *ret = value_bool(!value_truth(&arguments[0]));
    return 0;
}

static int call_call(struct arena *arena, const struct value *arguments, size_t count,
                     struct value *ret, struct error **err)
{
    (void)arena, (void)count, (void)ret;
    struct value function = value_unbox(arguments[0]);
    if (function.kind == VALUE_NONE)
        return error_set(err, EINVAL, "call of nil");
    return error_set(err, EINVAL, "non-function of type %s", value_type(&function));
}

/* ---- print ---- */

static int call_print(struct arena *arena, const struct value *arguments, size_t count,
                      struct value *ret, struct error **err)
{
    cleanup(buf_done) struct buf buf = BUF_INIT(TEMPLATE_MAX_MEMORY);
    format_print(&buf, arguments, count);
    return return_text(arena, &buf, ret, err);
}

static int call_println(struct arena *arena, const struct value *arguments, size_t count,
                        struct value *ret, struct error **err)
{
    cleanup(buf_done) struct buf buf = BUF_INIT(TEMPLATE_MAX_MEMORY);
    format_println(&buf, arguments, count);
    return return_text(arena, &buf, ret, err);
}

static int call_printf(struct arena *arena, const struct value *arguments, size_t count,
                       struct value *ret, struct error **err)
{
    cleanup(buf_done) struct buf buf = BUF_INIT(TEMPLATE_MAX_MEMORY);
    format_printf(&buf, arguments[0].text, arguments + 1, count - 1);
    return return_text(arena, &buf, ret, err);
}

/* ---- html, js, urlquery ---- */

/* The arguments as one text: as print has it, but nil is what an action prints for it. */
static void put_arguments(struct buf *buf, const struct value *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool string = arguments[i].kind == VALUE_STRING || arguments[i].kind == VALUE_NONE;
        bool before =
            i > 0 && (arguments[i - 1].kind == VALUE_STRING || arguments[i - 1].kind == VALUE_NONE);
        if (i > 0 && !string && !before)
            buf_putc(buf, ' ');
        if (arguments[i].kind == VALUE_NONE)
            buf_puts(buf, "<no value>");
        else
            format_print(buf, &arguments[i], 1);
    }
}

/* Calls put for each code point (invalid bytes as they are) of the arguments' text. */
static int escape(struct arena *arena, const struct value *arguments, size_t count,
                  void (*put)(struct buf *buf, int32_t rune, struct text bytes), struct value *ret,
                  struct error **err)
{
    cleanup(buf_done) struct buf plain = BUF_INIT(TEMPLATE_MAX_MEMORY);
    cleanup(buf_done) struct buf escaped = BUF_INIT(TEMPLATE_MAX_MEMORY);
    put_arguments(&plain, arguments, count);
    if (buf_check(&plain, err) < 0)
        return -1;
    size_t width;
    for (size_t i = 0; i < plain.length; i += width) {
        int32_t rune = rune_decode(plain.data + i, plain.length - i, &width);
        put(&escaped, rune, (struct text){.bytes = plain.data + i, .length = width});
    }
    return return_text(arena, &escaped, ret, err);
}

static void put_html(struct buf *buf, int32_t rune, struct text bytes)
{
    switch (rune) {
    case '\0':
        rune_put(buf, RUNE_ERROR);
        break;
    case '"':
        buf_puts(buf, "&#34;");
        break;
    case '\'':
        buf_puts(buf, "&#39;");
        break;
    case '&':
        buf_puts(buf, "&amp;");
        break;
    case '<':
        buf_puts(buf, "&lt;");
        break;
    case '>':
        buf_puts(buf, "&gt;");
        break;
    default:
        buf_append(buf, bytes.bytes, bytes.length);
        break;
    }
}

static void put_js(struct buf *buf, int32_t rune, struct text bytes)
{
    bool plain = rune < 0x80 ? rune >= ' ' && !strchr("<>&=", rune) : rune_is_print(rune);
    if (rune == '\\' || rune == '\'' || rune == '"')
        buf_printf(buf, "\\%c", (char)rune);
    else if (!plain)
        buf_printf(buf, "\\u%04X", (unsigned)rune);
    else
        buf_append(buf, bytes.bytes, bytes.length);
}

static void put_url(struct buf *buf, int32_t rune, struct text bytes)
{
    bool plain = rune > 0 && rune < 0x80 && (isalnum(rune) || strchr("-_.~", rune));
    if (rune == ' ') {
        buf_putc(buf, '+');
        return;
    }
    for (size_t i = 0; i < bytes.length; i++)
        if (plain)
            buf_putc(buf, bytes.bytes[i]);
        else
            buf_printf(buf, "%%%02X", (unsigned char)bytes.bytes[i]);
}

static int call_html(struct arena *arena, const struct value *arguments, size_t count,
                     struct value *ret, struct error **err)
{
    return escape(arena, arguments, count, put_html, ret, err);
}

static int call_js(struct arena *arena, const struct value *arguments, size_t count,
                   struct value *ret, struct error **err)
{
    return escape(arena, arguments, count, put_js, ret, err);
}

static int call_urlquery(struct arena *arena, const struct value *arguments, size_t count,
                         struct value *ret, struct error **err)
{
    return escape(arena, arguments, count, put_url, ret, err);
}

/* ---- the table ---- */

static const struct template_function functions[] = {
    {"and", 1, true, FUNCTION_AND, NULL},
    {"call", 1, true, FUNCTION_PLAIN, call_call},
    {"eq", 1, true, FUNCTION_PLAIN, compare_eq},
    {"ge", 2, false, FUNCTION_PLAIN, compare_ge},
    {"gt", 2, false, FUNCTION_PLAIN, compare_gt},
    {"html", 0, true, FUNCTION_PLAIN, call_html},
    {"index", 1, true, FUNCTION_PLAIN, call_index},
    {"js", 0, true, FUNCTION_PLAIN, call_js},
    {"le", 2, false, FUNCTION_PLAIN, compare_le},
    {"len", 1, false, FUNCTION_PLAIN, call_len},
    {"lt", 2, false, FUNCTION_PLAIN, compare_lt},
    {"ne", 2, false, FUNCTION_PLAIN, compare_ne},
    {"not", 1, false, FUNCTION_PLAIN, call_not},
    {"or", 1, true, FUNCTION_OR, NULL},
    {"print", 0, true, FUNCTION_PLAIN, call_print},
    {"printf", 1, true, FUNCTION_PRINTF, call_printf},
    {"println", 0, true, FUNCTION_PLAIN, call_println},
    {"slice", 1, true, FUNCTION_PLAIN, call_slice},
    {"urlquery", 0, true, FUNCTION_PLAIN, call_urlquery},
};

const struct template_function *template_function_find(struct text name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(functions); i++)
        if (text_equal(name, (struct text){functions[i].name, strlen(functions[i].name)}))
            return &functions[i];
    return NULL;
}
