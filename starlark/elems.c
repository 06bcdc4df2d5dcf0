/* The lazy views of strings and bytes: elems, elem_ords, codepoints, codepoint_ords. Each is a type
 * like a host's own. */
#include "starlark/string_methods.h"
#include "starlark/utf8.h"

struct view {
    star_value text;
    const char *method;
};

static void view_str(struct star_vm *vm, star_value self, struct star_text *out)
{
    const struct view *view = star_object_body(self);
    (void)vm;
    sl_repr(out, view->text);
    star_text_printf(out, ".%s()", view->method);
}

static bool view_truth(star_value self)
{
    return as_str(((struct view *)star_object_body(self))->text)->size > 0;
}

static void view_trace(void *body, struct star_tracer *tracer)
{
    star_trace(tracer, ((struct view *)body)->text);
}

static int64_t view_len(star_value self)
{
    return as_str(((struct view *)star_object_body(self))->text)->size;
}

static struct str *text_of(star_value self)
{
    return as_str(((struct view *)star_object_body(self))->text);
}

/* Subscripts come checked: counted from the front, in range. */
static star_value elem_at(struct star_vm *vm, star_value self, star_value key)
{
    return sl_str_value(vm, text_of(self)->data + small_get(key), 1);
}

static star_value ord_at(struct star_vm *vm, star_value self, star_value key)
{
    (void)vm;
    return small_make((unsigned char)text_of(self)->data[small_get(key)]);
}

static bool next_elem(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                      star_value *ret_item)
{
    struct str *str = text_of(self);
    if (cursor->n >= str->size)
        return false;
    *ret_item = sl_str_value(vm, str->data + cursor->n++, 1);
    return !star_is_null(*ret_item);
}

static bool next_ord(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                     star_value *ret_item)
{
    struct str *str = text_of(self);
    (void)vm;
    if (cursor->n >= str->size)
        return false;
    *ret_item = small_make((unsigned char)str->data[cursor->n++]);
    return true;
}

/* The next code point and where its bytes are. */
static bool next_point(star_value self, struct star_cursor *cursor, uint32_t *ret_point,
                       const char **ret_start, int *ret_width)
{
    struct str *str = text_of(self);
    if (cursor->n >= str->size)
        return false;
    *ret_start = str->data + cursor->n;
    *ret_width = sl_utf8_decode(*ret_start, str->data + str->size, ret_point);
    cursor->n += (uint64_t)*ret_width;
    return true;
}

static bool next_codepoint(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                           star_value *ret_item)
{
    uint32_t point;
    const char *start;
    int width;
    char encoded[4];
    if (!next_point(self, cursor, &point, &start, &width))
        return false;
    /* A byte that is not UTF-8 comes out as U+FFFD. */
    *ret_item = sl_str_value(vm, encoded, (size_t)sl_utf8_encode(encoded, point));
    return !star_is_null(*ret_item);
}

static bool next_codepoint_ord(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                               star_value *ret_item)
{
    uint32_t point;
    const char *start;
    int width;
    (void)vm;
    if (!next_point(self, cursor, &point, &start, &width))
        return false;
    *ret_item = small_make(point);
    return true;
}

#define VIEW(the_name, the_next, the_len, the_index)                                         \
    {                                                                                        \
        .name = the_name, .size = sizeof(struct view), .str = view_str, .truth = view_truth, \
        .trace = view_trace, .next = the_next, .len = the_len, .index = the_index            \
    }

static const struct star_type elems_type = VIEW("string.elems", next_elem, view_len, elem_at);
static const struct star_type elem_ords_type = VIEW("string.elems", next_ord, view_len, ord_at);
static const struct star_type codepoints_type =
    VIEW("string.codepoints", next_codepoint, NULL, NULL);
static const struct star_type codepoint_ords_type =
    VIEW("string.codepoints", next_codepoint_ord, NULL, NULL);
static const struct star_type bytes_elems_type = VIEW("bytes.elems", next_ord, view_len, ord_at);

static star_value view_new(struct star_vm *vm, const struct star_args *args,
                           const struct star_type *type, const char *method)
{
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    star_value value = star_object_new(vm, type);
    if (!star_is_null(value))
        *(struct view *)star_object_body(value) =
            (struct view){.text = args->self, .method = method};
    return value;
}

star_value sl_string_elems(struct star_vm *vm, const struct star_args *args)
{
    return view_new(vm, args, &elems_type, "elems");
}

star_value sl_string_elem_ords(struct star_vm *vm, const struct star_args *args)
{
    return view_new(vm, args, &elem_ords_type, "elem_ords");
}

star_value sl_string_codepoints(struct star_vm *vm, const struct star_args *args)
{
    return view_new(vm, args, &codepoints_type, "codepoints");
}

star_value sl_string_codepoint_ords(struct star_vm *vm, const struct star_args *args)
{
    return view_new(vm, args, &codepoint_ords_type, "codepoint_ords");
}

star_value sl_bytes_elems(struct star_vm *vm, const struct star_args *args)
{
    return view_new(vm, args, &bytes_elems_type, "elems");
}
