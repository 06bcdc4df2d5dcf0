/* str() and repr(): every type's text form, with cycles shown as "..." and the depth bounded. */
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/str.h"
#include "starlark/unicode.h"
#include "starlark/utf8.h"

#include <inttypes.h>

/* -----------------------------------------------------------------------------------------------------------------
 * quoting */

static bool put_simple_escape(struct star_text *text, uint32_t point)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    const char *found = point && point < 0x80 ? strchr(from, (int)point) : NULL;
    if (!found)
        return false;
    char escape[2] = {'\\', to[found - from]};
    sl_text_put(text, escape, 2);
    return true;
}

static void put_escaped(struct star_text *text, uint32_t point, const char *p, int width)
{
    if (width == 1 && (unsigned char)*p >= 0x80)
        star_text_printf(text, "\\x%02x", (unsigned char)*p);
    else if (sl_is_printable(point))
        sl_text_put(text, p, (size_t)width);
    else if (point < ' ' || point == 0x7F)
        star_text_printf(text, "\\x%02x", point);
    else if (point < 0x10000)
        star_text_printf(text, "\\u%04x", point);
    else
        star_text_printf(text, "\\U%08x", point);
}

/* The length of the part that stands for itself. */
static size_t plain_prefix(const char *p, const char *end)
{
    const char *start = p;
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7F && *p != '"' &&
           *p != '\\')
        p++;
    return (size_t)(p - start);
}

void sl_quote(struct star_text *text, const char *p, size_t size, bool bytes)
{
    const char *end = p + size;
    sl_text_put(text, bytes ? "b\"" : "\"", bytes ? 2 : 1);
    while (p < end) {
        size_t plain = plain_prefix(p, end);
        sl_text_put(text, p, plain);
        p += plain;
        if (p == end)
            break;
        uint32_t point;
        int width = sl_utf8_decode(p, end, &point);
        if (!put_simple_escape(text, point))
            put_escaped(text, point, p, width);
        p += width;
    }
    sl_text_put_char(text, '"');
}

/* --------------------------------------------------------------------------------------------------------------
 * containers */

/* False if the container is being printed already, or too deep. */
static bool path_enter(struct star_text *text, struct head *head, const char *cycle)
{
    for (size_t i = 0; i < text->depth; i++) {
        if (text->path[i] == head) {
            star_text_put_z(text, cycle);
            return false;
        }
    }
    if (text->depth >= DEPTH_MAX) {
        star_fail(text->vm, "value is nested too deeply (limit is %d levels)", DEPTH_MAX);
        text->failed = true;
        return false;
    }
    if (text->depth == text->path_capacity) {
        size_t capacity = text->path_capacity ? text->path_capacity * 2 : 16;
        struct head **larger =
            sl_realloc(text->vm, text->path, text->path_capacity * sizeof(struct head *),
                       capacity * sizeof(struct head *));
        if (!larger)
            return text->failed = true, false;
        text->path = larger;
        text->path_capacity = capacity;
    }
    text->path[text->depth++] = head;
    text->failed |= !sl_charge(text->vm, 1);
    return !text->failed;
}

static void put_items(struct star_text *text, const star_value *items, size_t count)
{
    for (size_t i = 0; i < count && !text->failed; i++) {
        if (i > 0)
            sl_text_put(text, ", ", 2);
        sl_repr(text, items[i]);
    }
}

static void repr_list(struct star_text *text, struct list *list)
{
    if (!path_enter(text, &list->head, "[...]"))
        return;
    sl_text_put_char(text, '[');
    put_items(text, list->items, list->count);
    sl_text_put_char(text, ']');
    text->depth--;
}

static void repr_tuple(struct star_text *text, struct tuple *tuple)
{
    if (!path_enter(text, &tuple->head, "(...)"))
        return;
    sl_text_put_char(text, '(');
    put_items(text, tuple->items, tuple->head.aux);
    if (tuple->head.aux == 1)
        sl_text_put_char(text, ',');
    sl_text_put_char(text, ')');
    text->depth--;
}

static void repr_dict(struct star_text *text, struct dict *dict)
{
    if (!path_enter(text, &dict->head, "{...}"))
        return;
    bool first = true;
    sl_text_put_char(text, '{');
    for (uint32_t i = dict->table.first; i < dict->table.used && !text->failed; i++) {
        struct entry *entry = &dict->table.entries[i];
        if (star_is_null(entry->key))
            continue;
        if (!first)
            sl_text_put(text, ", ", 2);
        first = false;
        sl_repr(text, entry->key);
        sl_text_put(text, ": ", 2);
        sl_repr(text, entry->value);
    }
    sl_text_put_char(text, '}');
    text->depth--;
}

static void repr_set(struct star_text *text, struct dict *set)
{
    if (!path_enter(text, &set->head, "set([...])"))
        return;
    bool first = true;
    sl_text_put(text, "set([", 5);
    for (uint32_t i = set->table.first; i < set->table.used && !text->failed; i++) {
        if (star_is_null(set->table.entries[i].key))
            continue;
        if (!first)
            sl_text_put(text, ", ", 2);
        first = false;
        sl_repr(text, set->table.entries[i].key);
    }
    sl_text_put(text, "])", 2);
    text->depth--;
}

/* Constructors show as their name or text. */
void sl_repr_constructor(struct star_text *text, star_value constructor)
{
    const char *name = star_is_null(constructor) ? "struct" : star_name_of(constructor);
    if (name)
        star_text_put_z(text, name);
    else
        sl_text_put_str(text, constructor);
}

static void repr_struct(struct star_text *text, struct structure *s)
{
    if (!path_enter(text, &s->head, "struct(...)"))
        return;
    sl_repr_constructor(text, s->constructor);
    sl_text_put_char(text, '(');
    for (uint32_t i = 0; i < s->shape->head.aux && !text->failed; i++) {
        if (i > 0)
            sl_text_put(text, ", ", 2);
        sl_text_put(text, s->shape->names[i]->data, s->shape->names[i]->size);
        sl_text_put(text, " = ", 3);
        sl_repr(text, s->fields[i]);
    }
    sl_text_put_char(text, ')');
    text->depth--;
}

/* ------------------------------------------------------------------------------------------------------------------
 * others */

static void repr_range(struct star_text *text, const struct range *range)
{
    if (range->step != 1)
        star_text_printf(text, "range(%" PRId64 ", %" PRId64 ", %" PRId64 ")", range->start,
                         range->stop, range->step);
    else if (range->start != 0)
        star_text_printf(text, "range(%" PRId64 ", %" PRId64 ")", range->start, range->stop);
    else
        star_text_printf(text, "range(%" PRId64 ")", range->stop);
}

static void repr_builtin(struct star_text *text, const struct builtin *builtin)
{
    if (star_is_null(builtin->self))
        star_text_printf(text, "<built-in function %s>", builtin->name->data);
    else
        star_text_printf(text, "<built-in method %s of %s value>", builtin->name->data,
                         star_type_name(builtin->self));
}

static void repr_object(struct star_text *text, struct object *object)
{
    if (!object->type->str) {
        star_text_printf(text, "<%s>", object->type->name);
        return;
    }
    if (!path_enter(text, &object->head, "..."))
        return;
    object->type->str(text->vm, object_value(object), text);
    if (text->vm->error)
        text->failed = true;
    text->depth--;
}

static void repr_pointer(struct star_text *text, star_value value)
{
    switch (head_of(value)->kind) {
    case K_FLOAT:
        sl_float_format(text, float_get(value));
        break;
    case K_BIGINT:
        sl_int_format(text, value, 10, false);
        break;
    case K_STRING:
    case K_BYTES:
        sl_quote(text, as_str(value)->data, as_str(value)->size, head_of(value)->kind == K_BYTES);
        break;
    case K_LIST:
        repr_list(text, AS(list, value));
        break;
    case K_TUPLE:
        repr_tuple(text, AS(tuple, value));
        break;
    case K_DICT:
        repr_dict(text, AS(dict, value));
        break;
    case K_SET:
        repr_set(text, AS(dict, value));
        break;
    case K_RANGE:
        repr_range(text, AS(range, value));
        break;
    case K_STRUCT:
        repr_struct(text, AS(structure, value));
        break;
    case K_MODULE:
        star_text_printf(text, "<module \"%s\">", AS(module, value)->name->data);
        break;
    case K_FUNCTION:
        star_text_printf(text, "<function %s>", AS(function, value)->code->name->data);
        break;
    case K_BUILTIN:
        repr_builtin(text, AS(builtin, value));
        break;
    default:
        repr_object(text, AS(object, value));
        break;
    }
}

void sl_repr(struct star_text *text, star_value value)
{
    if (is_small(value)) {
        char digits[24];
        sl_text_put(text, digits, sl_small_format(digits, small_get(value)));
    } else if (is_flo(value)) {
        sl_float_format(text, flo_get(value));
    } else if (is_pointer(value)) {
        repr_pointer(text, value);
    } else {
        star_text_put_z(text, is_none(value) ? "None" : value.bits == TRUE_BITS ? "True" : "False");
    }
}

void sl_text_put_str(struct star_text *text, star_value value)
{
    if (is_kind(value, K_STRING) || is_kind(value, K_BYTES))
        sl_text_put(text, as_str(value)->data, as_str(value)->size);
    else
        sl_repr(text, value);
}

/* Bytes as text, what is not UTF-8 in them as U+FFFD. */
static star_value str_of_bytes(struct star_vm *vm, struct str *bytes)
{
    struct star_text text = TEXT_INIT(vm);
    uint32_t point;
    for (const char *p = bytes->data, *end = p + bytes->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        sl_text_put_point(&text, point);
    }
    return sl_text_finish(&text);
}

star_value star_str(struct star_vm *vm, star_value value)
{
    if (is_string(value))
        return value;
    return is_kind(value, K_BYTES) ? str_of_bytes(vm, as_str(value)) : star_repr(vm, value);
}

star_value star_repr(struct star_vm *vm, star_value value)
{
    char digits[24];
    if (is_small(value))
        return sl_str_value(vm, digits, sl_small_format(digits, small_get(value)));
    struct star_text text = TEXT_INIT(vm);
    sl_repr(&text, value);
    return sl_text_finish(&text);
}
