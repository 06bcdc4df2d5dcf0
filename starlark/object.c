/* Structs, modules, functions and built-ins: making and asking them. */
#include "starlark/object.h"
#include "starlark/error.h"
#include "starlark/str.h"

/* ---------------------------------------------------------------------------------------------------------------
 * structs */

/* Sorts argument numbers by name; few fields, so by insertion into a growing order. Larger ones by
 * merging. */
static void sort_order(const star_value *names, uint32_t *order, uint32_t *scratch, size_t count)
{
    if (count <= 8) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = i;
                 j > 0 && sl_str_compare(as_str(names[order[j - 1]]), as_str(names[order[j]])) > 0;
                 j--) {
                uint32_t swapped = order[j];
                order[j] = order[j - 1];
                order[j - 1] = swapped;
            }
        return;
    }
    size_t half = count / 2, i = 0, j = half, n = 0;
    sort_order(names, order, scratch, half);
    sort_order(names, order + half, scratch, count - half);
    while (i < half && j < count)
        scratch[n++] = sl_str_compare(as_str(names[order[i]]), as_str(names[order[j]])) <= 0
                           ? order[i++]
                           : order[j++];
    while (i < half)
        scratch[n++] = order[i++];
    while (j < count)
        scratch[n++] = order[j++];
    memcpy(order, scratch, count * sizeof(uint32_t));
}

static struct structure *structure_new(struct star_vm *vm, star_value constructor,
                                       struct shape *shape)
{
    struct structure *s = sl_alloc(vm, sizeof(*s) + shape->head.aux * sizeof(star_value), K_STRUCT);
    if (s) {
        s->constructor = constructor;
        s->shape = shape;
    }
    return s;
}

static struct shape *shape_new(struct star_vm *vm, size_t count)
{
    struct shape *shape = sl_alloc(vm, sizeof(*shape) + count * sizeof(struct str *), K_SHAPE);
    if (shape)
        shape->head.aux = (uint32_t)count;
    return shape;
}

static star_value struct_sorted(struct star_vm *vm, star_value constructor, const star_value *names,
                                const star_value *values, size_t count, struct shape_cache *cache)
{
    uint32_t few[64], *order = few;
    if (count * 2 > 64 && !(order = sl_realloc(vm, NULL, 0, count * 2 * sizeof(uint32_t))))
        return STAR_NULL;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    sort_order(names, order, order + count, count);
    struct shape *shape = shape_new(vm, count);
    struct structure *s = shape ? structure_new(vm, constructor, shape) : NULL;
    for (uint32_t i = 0; s && i < count; i++) {
        shape->names[i] = as_str(names[order[i]]);
        s->fields[i] = values[order[i]];
    }
    if (s && count <= sizeof(cache->order)) {
        cache->names = names;
        cache->shape = shape;
        for (uint32_t i = 0; i < count; i++)
            cache->order[i] = (uint8_t)order[i];
    }
    if (order != few)
        sl_realloc(vm, order, count * 2 * sizeof(uint32_t), 0);
    return object_value(s);
}

star_value sl_struct_new(struct star_vm *vm, star_value constructor, const star_value *names,
                         const star_value *values, size_t count)
{
    struct shape_cache *cache = &vm->shapes[((uintptr_t)names >> 4) % 64];
    /* A place in memory may come to hold other names: what the cache says is believed only if they
     * still are the same. */
    if (count == 0 || cache->names != names || cache->shape->head.aux != count)
        return struct_sorted(vm, constructor, names, values, count, cache);
    for (uint32_t i = 0; i < count; i++)
        if (as_str(names[cache->order[i]]) != cache->shape->names[i])
            return struct_sorted(vm, constructor, names, values, count, cache);
    struct structure *s = structure_new(vm, constructor, cache->shape);
    for (uint32_t i = 0; s && i < count; i++)
        s->fields[i] = values[cache->order[i]];
    return object_value(s);
}

star_value sl_struct_find(const struct structure *s, const struct str *name)
{
    const struct shape *shape = s->shape;
    uint32_t count = shape->head.aux;
    for (uint32_t i = 0; i < count && count <= 16; i++)
        if (shape->names[i] == name)
            return s->fields[i];
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = sl_str_compare(name, shape->names[middle]);
        if (order == 0)
            return s->fields[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return STAR_NULL;
}

static bool constructors_equal(struct star_vm *vm, star_value a, star_value b)
{
    bool equal = false;
    if (same(a, b))
        return true;
    return !star_is_null(a) && !star_is_null(b) && sl_equal(vm, a, b, COMPARE_DEPTH, &equal) &&
           equal;
}

static star_value fail_constructors(struct star_vm *vm, star_value a, star_value b)
{
    struct star_text text = TEXT_INIT(vm);
    sl_repr_constructor(&text, a);
    star_text_put_z(&text, " + ");
    sl_repr_constructor(&text, b);
    sl_text_put(&text, "", 1);
    if (!text.failed)
        star_fail(vm, "cannot add structs of different constructors: %s", text.data);
    sl_text_free(&text);
    return STAR_NULL;
}

star_value sl_struct_add(struct star_vm *vm, const struct structure *x, const struct structure *y)
{
    if (!constructors_equal(vm, x->constructor, y->constructor))
        return fail_constructors(vm, x->constructor, y->constructor);
    uint32_t a = x->shape->head.aux, b = y->shape->head.aux, i = 0, j = 0, n = 0;
    struct shape *shape = shape_new(vm, (size_t)a + b);
    struct structure *s = shape ? structure_new(vm, x->constructor, shape) : NULL;
    while (s && (i < a || j < b)) {
        int order = i == a   ? 1
                    : j == b ? -1
                             : sl_str_compare(x->shape->names[i], y->shape->names[j]);
        shape->names[n] = order < 0 ? x->shape->names[i] : y->shape->names[j];
        s->fields[n++] = order < 0 ? x->fields[i] : y->fields[j];
        i += order <= 0;
        j += order >= 0;
    }
    if (s)
        shape->head.aux = n;
    return object_value(s);
}

/* Names and values of bindings as values; the caller frees *ret_values with sl_realloc. */
static star_value *bindings_split(struct star_vm *vm, const struct star_binding *fields,
                                  size_t count)
{
    star_value *both = sl_realloc(vm, NULL, 0, (2 * count + 1) * sizeof(star_value));
    for (size_t i = 0; both && i < count; i++) {
        both[i] = star_string_z(vm, fields[i].name);
        both[count + i] = fields[i].value;
        if (star_is_null(both[i])) {
            sl_realloc(vm, both, (2 * count + 1) * sizeof(star_value), 0);
            return NULL;
        }
    }
    return both;
}

star_value star_struct_new(struct star_vm *vm, star_value constructor,
                           const struct star_binding *fields, size_t count)
{
    star_value *both = bindings_split(vm, fields, count);
    if (!both)
        return STAR_NULL;
    star_value result = sl_struct_new(vm, constructor, both, both + count, count);
    sl_realloc(vm, both, (2 * count + 1) * sizeof(star_value), 0);
    return result;
}

star_value star_struct_get(star_value value, const char *name)
{
    if (!is_kind(value, K_STRUCT))
        return STAR_NULL;
    struct structure *s = AS(structure, value);
    for (uint32_t i = 0; i < s->shape->head.aux; i++)
        if (strcmp(s->shape->names[i]->data, name) == 0)
            return s->fields[i];
    return STAR_NULL;
}

size_t star_struct_len(star_value value)
{
    return is_kind(value, K_STRUCT) ? AS(structure, value)->shape->head.aux : 0;
}

bool star_struct_field(star_value value, size_t i, const char **ret_name, star_value *ret_field)
{
    if (i >= star_struct_len(value))
        return false;
    *ret_name = AS(structure, value)->shape->names[i]->data;
    *ret_field = AS(structure, value)->fields[i];
    return true;
}

star_value star_struct_constructor(star_value value)
{
    return is_kind(value, K_STRUCT) ? AS(structure, value)->constructor : STAR_NULL;
}

/* ---------------------------------------------------------------------------------------------------------------
 * modules */

struct module *sl_module_new(struct star_vm *vm, struct str *name, size_t count)
{
    star_value *values = sl_realloc(vm, NULL, 0, (count ? count : 1) * sizeof(star_value));
    struct module *module = values ? sl_alloc(vm, sizeof(*module), K_MODULE) : NULL;
    if (!module) {
        sl_realloc(vm, values, (count ? count : 1) * sizeof(star_value), 0);
        return NULL;
    }
    vm->memory -= (count ? 0 : 1) * sizeof(star_value); /* it will be released by its count */
    memset(values, 0, count * sizeof(star_value));
    struct head head = module->head;
    *module =
        (struct module){.head = head, .count = (uint32_t)count, .values = values, .name = name};
    return module;
}

static void module_index_fill(struct module *module, const uint64_t key[2])
{
    memset(module->index, 0, module->index_size * sizeof(uint32_t));
    for (uint32_t i = 0; i < module->count; i++) {
        uint32_t at = sl_str_hash(as_str(module->names[i]), key) & (module->index_size - 1);
        while (module->index[at])
            at = (at + 1) & (module->index_size - 1);
        module->index[at] = i + 1;
    }
}

static star_value *module_scan(struct module *module, const char *name, size_t size)
{
    for (uint32_t i = 0; i < module->count; i++) {
        const struct str *member = as_str(module->names[i]);
        if (member->size == size && memcmp(member->data, name, size) == 0)
            return star_is_null(module->values[i]) ? NULL : &module->values[i];
    }
    return NULL;
}

star_value *sl_module_find(struct star_vm *vm, struct module *module, const struct str *name)
{
    enum {
        SCANNED_MAX = 8
    };
    if (!module->index && module->count > SCANNED_MAX) {
        uint32_t size = 16;
        while (size < module->count * 2)
            size *= 2;
        module->index = sl_realloc(vm, NULL, 0, size * sizeof(uint32_t));
        if (!module->index)
            return NULL;
        module->index_size = size;
        module_index_fill(module, vm->key);
    }
    if (!module->index)
        return module_scan(module, name->data, name->size);
    uint32_t at = sl_str_hash((struct str *)(uintptr_t)name, vm->key) & (module->index_size - 1);
    for (uint32_t i; (i = module->index[at]); at = (at + 1) & (module->index_size - 1))
        if (sl_str_same(as_str(module->names[i - 1]), name))
            return star_is_null(module->values[i - 1]) ? NULL : &module->values[i - 1];
    return NULL;
}

/* A module of a host: it owns its names. */
static struct module *module_of_names(struct star_vm *vm, struct str *name, size_t count)
{
    struct module *module = name ? sl_module_new(vm, name, count) : NULL;
    if (!module)
        return NULL;
    module->owned_names = count ? sl_realloc(vm, NULL, 0, count * sizeof(star_value)) : NULL;
    if (count && !module->owned_names)
        return NULL;
    memset(module->owned_names ? module->owned_names : module->values, 0,
           count * sizeof(star_value));
    module->names = module->owned_names;
    return module;
}

star_value star_module_new(struct star_vm *vm, const char *name, const struct star_binding *members,
                           size_t count)
{
    struct module *module = module_of_names(vm, sl_str_new(vm, name, strlen(name)), count);
    for (size_t i = 0; module && i < count; i++) {
        struct str *member = sl_str_new(vm, members[i].name, strlen(members[i].name));
        if (!member)
            return STAR_NULL;
        module->owned_names[i] = object_value(member);
        module->values[i] = members[i].value;
    }
    return object_value(module);
}

star_value star_module_with(struct star_vm *vm, star_value value, const char *name,
                            star_value member)
{
    if (!is_kind(value, K_MODULE))
        return star_fail(vm, "got %s, want module", star_type_name(value));
    struct module *from = AS(module, value);
    star_value *found = module_scan(from, name, strlen(name));
    struct module *module = module_of_names(vm, from->name, from->count + (found ? 0 : 1));
    struct str *added = module && !found ? sl_str_new(vm, name, strlen(name)) : NULL;
    if (!module || (!found && !added))
        return STAR_NULL;
    if (from->count) {
        memcpy(module->owned_names, from->names, from->count * sizeof(star_value));
        memcpy(module->values, from->values, from->count * sizeof(star_value));
    }
    size_t place = found ? (size_t)(found - from->values) : from->count;
    if (added)
        module->owned_names[place] = object_value(added);
    module->values[place] = member;
    return object_value(module);
}

star_value star_module_get(star_value module, const char *name)
{
    star_value *found =
        is_kind(module, K_MODULE) ? module_scan(AS(module, module), name, strlen(name)) : NULL;
    return found ? *found : STAR_NULL;
}

const char *star_module_name(star_value module)
{
    return is_kind(module, K_MODULE) ? AS(module, module)->name->data : NULL;
}

bool star_module_next(star_value value, size_t *cursor, const char **ret_name,
                      star_value *ret_member)
{
    if (!is_kind(value, K_MODULE))
        return false;
    struct module *module = AS(module, value);
    while (*cursor < module->count) {
        size_t i = (*cursor)++;
        if (star_is_null(module->values[i]))
            continue;
        *ret_name = as_str(module->names[i])->data;
        *ret_member = module->values[i];
        return true;
    }
    return false;
}

/* --------------------------------------------------------------------------------------------------
 * functions and built-ins */

star_value sl_builtin(struct star_vm *vm, struct str *name, star_builtin_fn call, void *data,
                      star_value self)
{
    struct builtin *builtin = name ? sl_alloc(vm, sizeof(*builtin), K_BUILTIN) : NULL;
    if (builtin) {
        builtin->call = call;
        builtin->data = data;
        builtin->self = self;
        builtin->name = name;
    }
    return object_value(builtin);
}

star_value star_builtin_new(struct star_vm *vm, const char *name, star_builtin_fn function,
                            void *data)
{
    return sl_builtin(vm, sl_str_new(vm, name, strlen(name)), function, data, STAR_NULL);
}

star_value star_builtin_new_bound(struct star_vm *vm, const char *name, star_builtin_fn function,
                                  void *data, star_value self)
{
    return sl_builtin(vm, sl_str_new(vm, name, strlen(name)), function, data, self);
}

const char *star_name_of(star_value value)
{
    if (is_kind(value, K_FUNCTION))
        return AS(function, value)->code->name->data;
    if (is_kind(value, K_BUILTIN))
        return AS(builtin, value)->name->data;
    return star_module_name(value);
}

size_t star_function_param_count(star_value function)
{
    if (!is_kind(function, K_FUNCTION))
        return 0;
    const struct code *code = AS(function, function)->code;
    return (size_t)code->param_count + code->has_args + code->has_kwargs;
}

/* *args stands behind keyword-only parameters in the registers, but before them in the text. */
static size_t param_register(const struct code *code, size_t i)
{
    size_t plain = code->param_count - code->kwonly_count;
    if (!code->has_args || i < plain || i > code->param_count)
        return i;
    return i == plain ? code->param_count : i - 1;
}

static star_value param_default(const struct function *fn, size_t at)
{
    const struct code *code = fn->code;
    size_t first = (size_t)code->param_count - code->default_count;
    return at >= first && at < code->param_count ? fn->slots[at - first] : STAR_NULL;
}

bool star_function_param(star_value function, size_t i, struct star_param_info *ret_info)
{
    if (i >= star_function_param_count(function))
        return false;
    const struct function *fn = AS(function, function);
    size_t at = param_register(fn->code, i);
    const struct param *param = &fn->code->params[at];
    *ret_info = (struct star_param_info){.name = param->name->data,
                                         .kind = param->kind,
                                         .default_value = param_default(fn, at),
                                         .position = {.file = fn->code->program->file}};
    sl_program_position(fn->code->program, param->offset, &ret_info->position.line,
                        &ret_info->position.column);
    return true;
}

bool star_function_position(star_value function, struct star_position *ret_position)
{
    if (!is_kind(function, K_FUNCTION))
        return false;
    const struct code *code = AS(function, function)->code;
    ret_position->file = code->program->file;
    sl_program_position(code->program, code->offset, &ret_position->line, &ret_position->column);
    return true;
}

const char *star_function_doc(star_value function)
{
    return is_kind(function, K_FUNCTION) ? AS(function, function)->code->doc : NULL;
}

bool star_is_callable(star_value value)
{
    return is_kind(value, K_FUNCTION) || is_kind(value, K_BUILTIN) ||
           (is_kind(value, K_OBJECT) && AS(object, value)->type->call);
}

/* -----------------------------------------------------------------------------------------------------------
 * host's objects */

star_value star_object_new(struct star_vm *vm, const struct star_type *type)
{
    struct object *object = sl_alloc(vm, sizeof(*object) + type->size, K_OBJECT);
    if (!object)
        return STAR_NULL;
    object->type = type;
    memset(object->body, 0, type->size);
    return object_value(object);
}

void *star_object_body(star_value value)
{
    return is_kind(value, K_OBJECT) ? AS(object, value)->body : NULL;
}

const struct star_type *star_object_type(star_value value)
{
    return is_kind(value, K_OBJECT) ? AS(object, value)->type : NULL;
}
