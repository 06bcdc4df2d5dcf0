/* Values: from JSON, their Go types, their truth, their parts. */
#include "backend/plan/template_value.h"

#include "backend/plan/json_big.h"
#include "backend/plan/template_float.h"

#include <inttypes.h>
#include <string.h>

struct value value_bool(bool truth)
{
    return (struct value){.kind = VALUE_BOOL, .truth = truth};
}

struct value value_integer(int64_t integer)
{
    return (struct value){.kind = VALUE_INTEGER, .integer = integer};
}

struct value value_string(struct text text)
{
    return (struct value){.kind = VALUE_STRING, .text = text};
}

static struct value value_from_object(json_t *json)
{
    const char *digits = json_big_digits(json);
    if (!digits)
        return (struct value){.kind = VALUE_MAP, .map = json};
    return (struct value){
        .kind = VALUE_BIG, .from_data = true, .text = {.bytes = digits, .length = strlen(digits)}};
}

static struct value value_from_array(json_t *json)
{
    return (struct value){.kind = VALUE_LIST,
                          .list = {.array = json, .count = (uint32_t)json_array_size(json)}};
}

struct value value_of_json(json_t *json, bool boxed)
{
    struct value value = {.kind = VALUE_NONE};
    switch (json_typeof(json)) {
    case JSON_TRUE:
    case JSON_FALSE:
        value = value_bool(json_is_true(json));
        break;
    case JSON_INTEGER:
        value = value_integer(json_integer_value(json));
        value.from_data = true;
        break;
    case JSON_REAL:
        value =
            (struct value){.kind = VALUE_FLOAT, .from_data = true, .number = json_real_value(json)};
        break;
    case JSON_STRING:
        value = value_string(
            (struct text){.bytes = json_string_value(json), .length = json_string_length(json)});
        break;
    case JSON_ARRAY:
        value = value_from_array(json);
        break;
    case JSON_OBJECT:
        value = value_from_object(json);
        break;
    case JSON_NULL:
    default:
        break;
    }
    value.boxed = boxed;
    return value;
}

struct value value_unbox(struct value value)
{
    value.boxed = false;
    return value;
}

const char *value_type(const struct value *value)
{
    static const char *const names[VALUE_KIND_MAX] = {
        [VALUE_NONE] = "<nil>",
        [VALUE_BOOL] = "bool",
        [VALUE_INTEGER] = "int",
        [VALUE_BIG] = "int",
        [VALUE_FLOAT] = "float64",
        [VALUE_COMPLEX] = "complex128",
        [VALUE_STRING] = "string",
        [VALUE_LIST] = "[]interface {}",
        [VALUE_MAP] = "map[string]interface {}",
    };
    return value->byte ? "uint8" : names[value->kind];
}

const char *value_outer_type(const struct value *value)
{
    return value->boxed ? "interface {}" : value_type(value);
}

bool value_truth(const struct value *value)
{
    switch (value->kind) {
    case VALUE_BOOL:
        return value->truth;
    case VALUE_INTEGER:
        return value->integer != 0;
    case VALUE_BIG:
        return true;
    case VALUE_FLOAT:
        return value->number != 0;
    case VALUE_COMPLEX:
        return value->complex.real != 0 || value->complex.imaginary != 0;
    case VALUE_STRING:
    case VALUE_LIST:
    case VALUE_MAP:
        return value_length(value) > 0;
    case VALUE_NONE:
    case VALUE_KIND_MAX:
    default:
        return false;
    }
}

bool value_as_integer(const struct value *value, int64_t *ret)
{
    if (value->kind == VALUE_INTEGER) {
        *ret = value->integer;
        return true;
    }
    /* 2^63 is the first double that is too large; the cast must not meet it. */
    if (value->kind != VALUE_FLOAT || !value->from_data || !(value->number >= -0x1p63) ||
        !(value->number < 0x1p63) || value->number != (double)(int64_t)value->number)
        return false;
    *ret = (int64_t)value->number;
    return true;
}

bool value_is_number(const struct value *value)
{
    return value->kind == VALUE_INTEGER || value->kind == VALUE_BIG || value->kind == VALUE_FLOAT;
}

size_t value_length(const struct value *value)
{
    switch (value->kind) {
    case VALUE_STRING:
        return value->text.length;
    case VALUE_LIST:
        return value->list.count;
    case VALUE_MAP:
        return json_object_size(value->map);
    default:
        return 0;
    }
}

struct value value_element(const struct value *list, size_t index)
{
    if (list->kind == VALUE_STRING) {
        struct value byte = value_integer((unsigned char)list->text.bytes[index]);
        byte.byte = true;
        return byte;
    }
    return value_of_json(json_array_get(list->list.array, list->list.first + index), true);
}

struct value value_member(const struct value *map, struct text name)
{
    json_t *member = json_object_getn(map->map, name.bytes, name.length);
    return member ? value_of_json(member, true) : (struct value){.kind = VALUE_NONE};
}

static int compare_names(const void *a, const void *b)
{
    return text_compare(*(const struct text *)a, *(const struct text *)b);
}

struct text *value_sorted_names(struct arena *arena, const struct value *map, size_t *ret_count)
{
    struct text *names = arena_alloc(arena, (json_object_size(map->map) + 1) * sizeof *names);
    size_t count = 0;
    for (void *at = json_object_iter(map->map); names && at;
         at = json_object_iter_next(map->map, at))
        names[count++] = (struct text){.bytes = json_object_iter_key(at),
                                       .length = json_object_iter_key_len(at)};
    if (names)
        qsort(names, count, sizeof *names, compare_names);
    *ret_count = count;
    return names;
}

void value_put_number(struct buf *buf, const struct value *number)
{
    if (number->kind == VALUE_INTEGER)
        buf_printf(buf, "%" PRId64, number->integer);
    else if (number->kind == VALUE_BIG)
        buf_append(buf, number->text.bytes, number->text.length);
    else
        float_put_json(buf, number->number);
}
