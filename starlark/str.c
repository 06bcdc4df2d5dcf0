/* String and bytes objects, and the growing texts from which most of them are made. */
#include "starlark/str.h"
#include "starlark/error.h"
#include "starlark/methods.h"
#include "starlark/utf8.h"

#include <stdarg.h>
#include <stdio.h>

static size_t str_size(size_t size)
{
    return offsetof(struct str, data) + size + 1;
}

struct str *sl_str_room(struct star_vm *vm, size_t size, enum kind kind)
{
    if (size > TEXT_MAX) {
        star_fail(vm, "excessive text (%zu bytes)", size);
        return NULL;
    }
    struct str *str = sl_alloc(vm, str_size(size), kind);
    if (!str)
        return NULL;
    str->size = (uint32_t)size;
    str->data[size] = '\0';
    return str;
}

static struct str *str_copy(struct star_vm *vm, const char *text, size_t size, enum kind kind)
{
    struct str *str = sl_str_room(vm, size, kind);
    if (str && size)
        memcpy(str->data, text, size);
    return str;
}

struct str *sl_str_new(struct star_vm *vm, const char *text, size_t size)
{
    return str_copy(vm, text, size, K_STRING);
}

star_value sl_str_value(struct star_vm *vm, const char *text, size_t size)
{
    return object_value(str_copy(vm, text, size, K_STRING));
}

star_value sl_bytes_value(struct star_vm *vm, const char *text, size_t size)
{
    return object_value(str_copy(vm, text, size, K_BYTES));
}

star_value sl_str_part(struct star_vm *vm, struct str *whole, size_t start, size_t end)
{
    if (start == 0 && end == whole->size)
        return object_value(whole);
    struct str *part = str_copy(vm, whole->data + start, end - start, whole->head.kind);
    if (part)
        part->head.flags |= whole->head.flags & F_ASCII;
    return object_value(part);
}

struct str *sl_str_immortal(const char *text, size_t size, bool bytes, const uint64_t key[2])
{
    struct str *str = malloc(str_size(size));
    if (!str)
        return NULL;
    str->head = (struct head){.kind = bytes ? K_BYTES : K_STRING, .flags = F_IMMORTAL | F_FROZEN};
    str->head.flags |= sl_ascii(text, size) ? F_ASCII : F_WIDE;
    str->head.small = bytes ? 0 : sl_method_id(text, size);
    str->size = (uint32_t)size;
    if (size)
        memcpy(str->data, text, size);
    str->data[size] = '\0';
    str->head.aux = sl_hash_bytes(text, size, key);
    return str;
}

star_value sl_tuple_immortal(const star_value *items, size_t count)
{
    struct tuple *tuple = malloc(sizeof(*tuple) + count * sizeof(star_value));
    if (!tuple)
        return STAR_NULL;
    tuple->head =
        (struct head){.kind = K_TUPLE, .flags = F_IMMORTAL | F_FROZEN, .aux = (uint32_t)count};
    memcpy(tuple->items, items, count * sizeof(star_value));
    return object_value(tuple);
}

bool sl_str_is_ascii(struct str *str)
{
    if (!(str->head.flags & (F_ASCII | F_WIDE)))
        str->head.flags |= sl_ascii(str->data, str->size) ? F_ASCII : F_WIDE;
    return (str->head.flags & F_ASCII) != 0;
}

int sl_str_compare(const struct str *a, const struct str *b)
{
    size_t shorter = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->data, b->data, shorter);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* --------------------------------------------------------------------------------------------------------------------
 * API */

star_value star_string(struct star_vm *vm, const char *text, size_t size)
{
    return sl_str_value(vm, text, size);
}

star_value star_string_z(struct star_vm *vm, const char *text)
{
    return sl_str_value(vm, text, strlen(text));
}

star_value star_string_printf(struct star_vm *vm, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0)
        return sl_fail_limit(vm, "out of memory");
    star_value value = sl_str_value(vm, text, (size_t)size);
    free(text);
    return value;
}

star_value star_bytes(struct star_vm *vm, const void *bytes, size_t size)
{
    return sl_bytes_value(vm, bytes, size);
}

const char *star_text_of(star_value value, size_t *ret_size)
{
    if (!is_kind(value, K_STRING) && !is_kind(value, K_BYTES))
        return NULL;
    if (ret_size)
        *ret_size = as_str(value)->size;
    return as_str(value)->data;
}

/* -------------------------------------------------------------------------------------------------------------------
 * texts */

void sl_text_free(struct star_text *text)
{
    sl_realloc(text->vm, text->data, text->capacity, 0);
    sl_realloc(text->vm, text->path, text->path_capacity * sizeof(struct head *), 0);
    text->data = NULL;
    text->path = NULL;
    text->size = text->capacity = text->path_capacity = 0;
}

char *sl_text_room(struct star_text *text, size_t size)
{
    if (text->failed)
        return NULL;
    if (text->data && text->capacity - text->size >= size)
        return text->data + text->size;
    size_t capacity = text->capacity ? text->capacity * 2 : 128;
    while (capacity - text->size < size && capacity <= TEXT_MAX)
        capacity *= 2;
    if (capacity - text->size < size) {
        star_fail(text->vm, "excessive text");
        text->failed = true;
        return NULL;
    }
    char *larger = sl_realloc(text->vm, text->data, text->capacity, capacity);
    if (!larger) {
        text->failed = true;
        return NULL;
    }
    text->data = larger;
    text->capacity = capacity;
    return text->data + text->size;
}

void sl_text_put(struct star_text *text, const char *bytes, size_t size)
{
    char *room = sl_text_room(text, size);
    if (!room || size == 0)
        return;
    memcpy(room, bytes, size);
    text->size += size;
}

void sl_text_put_char(struct star_text *text, char c)
{
    sl_text_put(text, &c, 1);
}

void sl_text_put_point(struct star_text *text, uint32_t point)
{
    char encoded[4];
    sl_text_put(text, encoded, (size_t)sl_utf8_encode(encoded, point));
}

static star_value text_finish(struct star_text *text, enum kind kind)
{
    struct str *str = text->failed ? NULL : str_copy(text->vm, text->data, text->size, kind);
    sl_text_free(text);
    return object_value(str);
}

star_value sl_text_finish(struct star_text *text)
{
    return text_finish(text, K_STRING);
}

star_value sl_text_finish_bytes(struct star_text *text)
{
    return text_finish(text, K_BYTES);
}

void star_text_put(struct star_text *text, const char *bytes, size_t size)
{
    sl_text_put(text, bytes, size);
}

void star_text_put_z(struct star_text *text, const char *string)
{
    sl_text_put(text, string, strlen(string));
}

void star_text_printf(struct star_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *room = sl_text_room(text, (size_t)size + 1);
    if (room) {
        vsnprintf(room, (size_t)size + 1, format, args);
        text->size += (size_t)size;
    }
    va_end(args);
}

void star_text_put_repr(struct star_text *text, star_value value)
{
    sl_repr(text, value);
}
