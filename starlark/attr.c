/* x.name: methods, fields, members, and the hints when there is none. Also the names of types. */
#include "starlark/error.h"
#include "starlark/methods.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/spell.h"
#include "starlark/str.h"

#include <stdio.h>

/* ---------------------------------------------------------------------------------------------------------------
 * the types */

enum star_kind star_kind_of(star_value value)
{
    static const uint8_t kinds[KIND_MAX] = {
        [K_FLOAT] = STAR_FLOAT,     [K_BIGINT] = STAR_INT,    [K_STRING] = STAR_STRING,
        [K_BYTES] = STAR_BYTES,     [K_LIST] = STAR_LIST,     [K_TUPLE] = STAR_TUPLE,
        [K_DICT] = STAR_DICT,       [K_SET] = STAR_SET,       [K_RANGE] = STAR_RANGE,
        [K_STRUCT] = STAR_STRUCT,   [K_MODULE] = STAR_MODULE, [K_FUNCTION] = STAR_FUNCTION,
        [K_BUILTIN] = STAR_BUILTIN, [K_OBJECT] = STAR_OBJECT,
    };
    if (is_small(value))
        return STAR_INT;
    if (is_flo(value))
        return STAR_FLOAT;
    if (!is_pointer(value))
        return is_none(value) ? STAR_NONE : STAR_BOOL;
    return star_is_null(value) ? STAR_NONE : kinds[head_of(value)->kind];
}

const char *star_type_name(star_value value)
{
    static const char *const names[] = {
        [STAR_NONE] = "NoneType",
        [STAR_BOOL] = "bool",
        [STAR_INT] = "int",
        [STAR_FLOAT] = "float",
        [STAR_STRING] = "string",
        [STAR_BYTES] = "bytes",
        [STAR_LIST] = "list",
        [STAR_TUPLE] = "tuple",
        [STAR_DICT] = "dict",
        [STAR_SET] = "set",
        [STAR_RANGE] = "range",
        [STAR_STRUCT] = "struct",
        [STAR_MODULE] = "module",
        [STAR_FUNCTION] = "function",
        [STAR_BUILTIN] = "builtin_function_or_method",
    };
    enum star_kind kind = star_kind_of(value);
    return kind == STAR_OBJECT ? AS(object, value)->type->name : names[kind];
}

bool star_truth(star_value value)
{
    return sl_truth(value);
}

bool star_len(star_value value, int64_t *ret_len)
{
    if (!is_pointer(value) || star_is_null(value))
        return false;
    switch (head_of(value)->kind) {
    case K_STRING:
    case K_BYTES:
        *ret_len = as_str(value)->size;
        return true;
    case K_LIST:
        *ret_len = AS(list, value)->count;
        return true;
    case K_TUPLE:
        *ret_len = head_of(value)->aux;
        return true;
    case K_DICT:
    case K_SET:
        *ret_len = AS(dict, value)->table.count;
        return true;
    case K_RANGE:
        *ret_len = AS(range, value)->count;
        return true;
    case K_OBJECT:
        *ret_len = AS(object, value)->type->len ? AS(object, value)->type->len(value) : -1;
        return *ret_len >= 0;
    default:
        return false;
    }
}

/* -----------------------------------------------------------------------------------------------------------------
 * methods */

static const char *const method_names[METHOD_MAX] = {
#define X(name) #name,
    METHODS(X)
#undef X
};

const char *sl_method_name(enum method method)
{
    return method_names[method];
}

uint16_t sl_method_id(const char *name, size_t size)
{
    enum {
        LONGEST = 20
    };
    if (size < 3 || size > LONGEST)
        return 0;
    int low = 0, high = METHOD_MAX;
    while (low < high) {
        int middle = (low + high) / 2;
        size_t other = strlen(method_names[middle]);
        int order = memcmp(name, method_names[middle], size < other ? size : other);
        if (order == 0)
            order = (size > other) - (size < other);
        if (order == 0)
            return (uint16_t)(middle + 1);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

const star_builtin_fn *sl_methods_of(star_value value)
{
    static const star_builtin_fn *const tables[KIND_MAX] = {
        [K_STRING] = sl_string_methods, [K_BYTES] = sl_bytes_methods, [K_LIST] = sl_list_methods,
        [K_DICT] = sl_dict_methods,     [K_SET] = sl_set_methods,
    };
    return is_pointer(value) ? tables[head_of(value)->kind] : NULL;
}

/* --------------------------------------------------------------------------------------------------------------
 * attributes */

static star_value method_attr(struct star_vm *vm, star_value x, struct str *name)
{
    const star_builtin_fn *methods = sl_methods_of(x);
    uint16_t id =
        methods ? name->head.small ? name->head.small : sl_method_id(name->data, name->size) : 0;
    if (id == 0 || !methods[id - 1])
        return STAR_NULL;
    return sl_builtin(vm, name, methods[id - 1], NULL, x);
}

star_value sl_attr_if(struct star_vm *vm, star_value x, struct str *name)
{
    if (!is_pointer(x))
        return STAR_NULL;
    switch (head_of(x)->kind) {
    case K_STRUCT:
        return sl_struct_find(AS(structure, x), name);
    case K_MODULE: {
        star_value *found = sl_module_find(vm, AS(module, x), name);
        return found ? *found : STAR_NULL;
    }
    case K_OBJECT:
        return AS(object, x)->type->attr ? AS(object, x)->type->attr(vm, x, name->data) : STAR_NULL;
    default:
        return method_attr(vm, x, name);
    }
}

static bool push_name(struct star_vm *vm, struct list *list, const char *name)
{
    star_value string = star_string_z(vm, name);
    return !star_is_null(string) && sl_list_push(vm, list, string);
}

static bool list_methods(struct star_vm *vm, star_value x, struct list *list)
{
    const star_builtin_fn *methods = sl_methods_of(x);
    for (int i = 0; methods && i < METHOD_MAX; i++)
        if (methods[i] && !push_name(vm, list, method_names[i]))
            return false;
    return true;
}

static bool list_attrs(struct star_vm *vm, star_value x, struct list *list)
{
    if (is_kind(x, K_STRUCT)) {
        struct shape *shape = AS(structure, x)->shape;
        for (uint32_t i = 0; i < shape->head.aux; i++)
            if (!sl_list_push(vm, list, object_value(shape->names[i])))
                return false;
        return true;
    }
    if (is_kind(x, K_MODULE)) {
        struct module *module = AS(module, x);
        for (uint32_t i = 0; i < module->count; i++)
            if (!star_is_null(module->values[i]) && !sl_list_push(vm, list, module->names[i]))
                return false;
        return true;
    }
    if (is_kind(x, K_OBJECT))
        return !AS(object, x)->type->attr_names ||
               AS(object, x)->type->attr_names(vm, x, object_value(list));
    return list_methods(vm, x, list);
}

static int compare_names(const void *a, const void *b)
{
    return sl_str_compare(as_str(*(const star_value *)a), as_str(*(const star_value *)b));
}

star_value star_dir(struct star_vm *vm, star_value value)
{
    struct list *list = sl_list_new(vm, 0);
    if (!list || !list_attrs(vm, value, list))
        return STAR_NULL;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(star_value), compare_names);
    return object_value(list);
}

/* The attribute that was probably meant, in storage that lives until the next collection; NULL if
 * there is none. */
static const char *attr_hint(struct star_vm *vm, star_value x, const char *name)
{
    star_value names = star_dir(vm, x);
    if (star_is_null(names))
        return NULL;
    struct list *list = AS(list, names);
    const char **candidates = sl_realloc(vm, NULL, 0, (list->count + 1) * sizeof(char *));
    if (!candidates)
        return NULL;
    for (uint32_t i = 0; i < list->count; i++)
        candidates[i] = as_str(list->items[i])->data;
    const char *hint = sl_spell_nearest(name, candidates, list->count);
    sl_realloc(vm, candidates, (list->count + 1) * sizeof(char *), 0);
    return hint;
}

static star_value fail_attr(struct star_vm *vm, star_value x, const char *name)
{
    const char *hint = attr_hint(vm, x, name);
    char suggestion[100] = "";
    if (hint)
        snprintf(suggestion, sizeof(suggestion), " (did you mean .%s?)", hint);
    if (is_kind(x, K_STRUCT)) {
        struct star_text text = TEXT_INIT(vm);
        star_value constructor = AS(structure, x)->constructor;
        if (!star_is_null(constructor)) {
            sl_text_put_str(&text, constructor);
            star_text_put_z(&text, " ");
        }
        star_text_put_z(&text, "struct");
        sl_text_put(&text, "", 1);
        if (!text.failed)
            star_fail(vm, "%s has no .%s attribute%s", text.data, name, suggestion);
        sl_text_free(&text);
        return STAR_NULL;
    }
    return star_fail(vm, "%s has no .%s field or method%s", star_type_name(x), name, suggestion);
}

star_value sl_attr(struct star_vm *vm, star_value x, struct str *name)
{
    star_value found = sl_attr_if(vm, x, name);
    return star_is_null(found) && !vm->error ? fail_attr(vm, x, name->data) : found;
}

bool sl_set_attr(struct star_vm *vm, star_value x, struct str *name, star_value value)
{
    if (is_kind(x, K_OBJECT) && AS(object, x)->type->set_attr)
        return AS(object, x)->type->set_attr(vm, x, name->data, value);
    star_fail(vm, "can't assign to .%s field of %s", name->data, star_type_name(x));
    return false;
}

star_value star_attr(struct star_vm *vm, star_value value, const char *name)
{
    struct str *string = sl_str_new(vm, name, strlen(name));
    return string ? sl_attr(vm, value, string) : STAR_NULL;
}

star_value star_attr_if(struct star_vm *vm, star_value value, const char *name)
{
    struct str *string = sl_str_new(vm, name, strlen(name));
    return string ? sl_attr_if(vm, value, string) : STAR_NULL;
}

bool star_set_attr(struct star_vm *vm, star_value value, const char *name, star_value to)
{
    struct str *string = sl_str_new(vm, name, strlen(name));
    return string && sl_set_attr(vm, value, string, to);
}
