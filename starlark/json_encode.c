/*
 * Values to JSON, as starlark-go writes it: keys sorted, no white space, and the two ways of
 * quoting that its use of two Go libraries makes: printable ASCII plainly, other strings with <, >
 * and & escaped too.
 */
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/json.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/table.h"
#include "starlark/utf8.h"

#include <math.h>

static bool encode(struct star_text *text, star_value value);

/* -----------------------------------------------------------------------------------------------------------------
 * strings */

static bool printable_ascii(const struct str *str, bool html)
{
    for (uint32_t i = 0; i < str->size; i++) {
        unsigned char c = (unsigned char)str->data[i];
        if (c < 0x20 || c >= 0x80 || (html && (c == '<' || c == '>' || c == '&')))
            return false;
    }
    return true;
}

static void quote_plain(struct star_text *text, const struct str *str)
{
    const char *p = str->data, *end = p + str->size;
    char *room = sl_text_room(text, 2 * (size_t)str->size + 2);
    if (!room)
        return;
    char *to = room;
    *to++ = '"';
    for (; p < end; p++) {
        if (*p == '"' || *p == '\\')
            *to++ = '\\';
        *to++ = *p;
    }
    *to++ = '"';
    text->size += (size_t)(to - room);
}

static void quote_point(struct star_text *text, uint32_t point, const char *p, int width)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *simple = point && point < 0x80 ? strchr(from, (int)point) : NULL;
    if (simple) {
        char escape[2] = {'\\', to[simple - from]};
        sl_text_put(text, escape, 2);
    } else if (point < 0x20 || point == '<' || point == '>' || point == '&' || point == 0x2028 ||
               point == 0x2029) {
        star_text_printf(text, "\\u%04x", point);
    } else if (width == 1 && point == UTF8_BAD) {
        sl_text_put(text, "\\ufffd", 6);
    } else {
        sl_text_put(text, p, (size_t)width);
    }
}

static void quote(struct star_text *text, const struct str *str)
{
    if (printable_ascii(str, text->vm->config.json_plain_whole_floats)) {
        quote_plain(text, str);
        return;
    }
    uint32_t point;
    sl_text_put_char(text, '"');
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        int width = sl_utf8_decode(p, end, &point);
        quote_point(text, point, p, width);
        p += width;
    }
    sl_text_put_char(text, '"');
}

/* --------------------------------------------------------------------------------------------------------------
 * containers */

static bool enter(struct star_text *text, struct head *head)
{
    for (size_t i = 0; i < text->depth; i++) {
        if (text->path[i] == head) {
            star_fail(text->vm, "cycle in JSON structure");
            return false;
        }
    }
    if (text->depth >= DEPTH_MAX) {
        star_fail(text->vm, "value is nested too deeply (limit is %d levels)", DEPTH_MAX);
        return false;
    }
    if (text->depth == text->path_capacity) {
        size_t capacity = text->path_capacity ? text->path_capacity * 2 : 16;
        struct head **larger =
            sl_realloc(text->vm, text->path, text->path_capacity * sizeof(struct head *),
                       capacity * sizeof(struct head *));
        if (!larger)
            return false;
        text->path = larger;
        text->path_capacity = capacity;
    }
    text->path[text->depth++] = head;
    return sl_charge(text->vm, 1);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;
    return sl_str_compare(as_str((*x)->key), as_str((*y)->key));
}

static bool encode_entries(struct star_text *text, struct entry **entries, size_t count,
                           star_value dict)
{
    sl_text_put_char(text, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sl_text_put_char(text, ',');
        quote(text, as_str(entries[i]->key));
        sl_text_put_char(text, ':');
        if (!encode(text, entries[i]->value)) {
            sl_error_restack(text->vm, "in %s key \"%s\": ", star_type_name(dict),
                             as_str(entries[i]->key)->data);
            return false;
        }
    }
    sl_text_put_char(text, '}');
    return !text->failed;
}

static bool encode_dict(struct star_text *text, star_value value)
{
    struct table *table = &AS(dict, value)->table;
    size_t n = 0, size = (table->count + 1) * sizeof(struct entry *);
    uint32_t at = 0;
    bool sorted = true;
    struct entry **entries = sl_realloc(text->vm, NULL, 0, size);
    for (struct entry *entry; entries && (entry = sl_table_next(table, &at));) {
        if (!is_string(entry->key)) {
            star_fail(text->vm, "%s has %s key, want string", star_type_name(value),
                      star_type_name(entry->key));
            break;
        }
        sorted = sorted &&
                 (n == 0 || sl_str_compare(as_str(entries[n - 1]->key), as_str(entry->key)) < 0);
        entries[n++] = entry;
    }
    bool ok = entries && !text->vm->error;
    if (ok && !sorted)
        qsort(entries, n, sizeof(*entries), compare_entries);
    ok = ok && encode_entries(text, entries, n, value);
    sl_realloc(text->vm, entries, entries ? size : 0, 0);
    return ok;
}

static bool encode_items(struct star_text *text, star_value value)
{
    struct star_iter iter;
    star_value item;
    size_t i = 0;
    bool ok = true;
    if (!star_iter_begin(text->vm, value, &iter))
        return false;
    sl_text_put_char(text, '[');
    while (ok && star_iter_next(&iter, &item)) {
        if (i > 0)
            sl_text_put_char(text, ',');
        ok = encode(text, item) && sl_charge(text->vm, 1);
        if (!ok)
            sl_error_restack(text->vm, "at %s index %zu: ", star_type_name(value), i);
        i++;
    }
    sl_text_put_char(text, ']');
    return star_iter_end(&iter) && ok && !text->failed;
}

static bool encode_fields(struct star_text *text, const struct structure *s)
{
    sl_text_put_char(text, '{');
    for (uint32_t i = 0; i < s->shape->head.aux; i++) {
        if (i > 0)
            sl_text_put_char(text, ',');
        quote(text, s->shape->names[i]);
        sl_text_put_char(text, ':');
        if (!encode(text, s->fields[i])) {
            sl_error_restack(text->vm, "in field .%s: ", s->shape->names[i]->data);
            return false;
        }
    }
    sl_text_put_char(text, '}');
    return !text->failed;
}

/* Modules and host's objects with attributes, like structs. */
static bool encode_attrs(struct star_text *text, star_value value)
{
    star_value names = star_dir(text->vm, value);
    sl_text_put_char(text, '{');
    for (size_t i = 0; i < star_seq_len(names); i++) {
        struct str *name = as_str(star_seq_get(names, i));
        if (i > 0)
            sl_text_put_char(text, ',');
        quote(text, name);
        sl_text_put_char(text, ':');
        star_value field = sl_attr(text->vm, value, name);
        if (star_is_null(field) || !encode(text, field)) {
            sl_error_restack(text->vm, "in field .%s: ", name->data);
            return false;
        }
    }
    sl_text_put_char(text, '}');
    return !star_is_null(names) && !text->failed;
}

static bool encode_container(struct star_text *text, star_value value)
{
    bool object = is_kind(value, K_OBJECT) || is_kind(value, K_MODULE);
    bool ok;
    if (is_kind(value, K_DICT))
        ok = encode_dict(text, value);
    else if (is_kind(value, K_STRUCT))
        ok = encode_fields(text, AS(structure, value));
    else
        ok = object && !sl_iterable(value) ? encode_attrs(text, value) : encode_items(text, value);
    return ok;
}

/* -----------------------------------------------------------------------------------------------------------------
 * numbers */

static bool encode_float(struct star_text *text, double d)
{
    if (!isfinite(d)) {
        star_fail(text->vm, "cannot encode non-finite float %s",
                  isnan(d) ? "nan"
                  : d > 0  ? "+inf"
                           : "-inf");
        return false;
    }
    sl_float_format(text, d);
    if (text->vm->config.json_plain_whole_floats && text->size > 2 &&
        memcmp(text->data + text->size - 2, ".0", 2) == 0)
        text->size -= 2;
    return !text->failed;
}

static bool has_attrs(star_value value)
{
    return is_kind(value, K_MODULE) ||
           (is_kind(value, K_OBJECT) && AS(object, value)->type->attr_names);
}

static bool encode(struct star_text *text, star_value value)
{
    if (is_none(value))
        star_text_put_z(text, "null");
    else if (is_bool(value))
        star_text_put_z(text, value.bits == TRUE_BITS ? "true" : "false");
    else if (is_float(value))
        return encode_float(text, float_get(value));
    else if (is_int(value))
        sl_repr(text, value);
    else if (is_string(value))
        quote(text, as_str(value));
    else if (sl_iterable(value) || is_kind(value, K_STRUCT) || has_attrs(value)) {
        if (!enter(text, head_of(value)))
            return false;
        bool ok = encode_container(text, value);
        text->depth--;
        return ok;
    } else {
        star_fail(text->vm, "cannot encode %s as JSON", star_type_name(value));
        return false;
    }
    return !text->failed;
}

bool sl_json_encode(struct star_text *text, star_value value)
{
    return encode(text, value) && !text->failed;
}
