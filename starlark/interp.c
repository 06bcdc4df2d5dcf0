/* Interpreters: making and ending them, running programs in them, and the small constructors of the
 * host's side. */
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/hash.h"
#include "starlark/int.h"
#include "starlark/object.h"
#include "starlark/str.h"
#include "starlark/universe.h"

enum {
    MAX_CALLS = 100000
};

struct star_vm *star_vm_new(const struct star_config *config)
{
    struct star_vm *vm = calloc(1, sizeof(*vm));
    if (!vm)
        return NULL;
    if (config)
        vm->config = *config;
    vm->max_calls = vm->config.max_calls ? vm->config.max_calls : MAX_CALLS;
    sl_heap_init(vm);
    sl_hash_key(vm->key);
    atomic_init(&vm->cancelled, false);
    atomic_init(&vm->cancel_reason, NULL);
    if (!sl_universe_fill(vm))
        return star_vm_free(vm);
    return vm;
}

static void segments_free(struct segment *segment)
{
    while (segment && segment->previous)
        segment = segment->previous;
    while (segment) {
        struct segment *next = segment->next;
        free(segment);
        segment = next;
    }
}

struct star_vm *star_vm_free(struct star_vm *vm)
{
    if (!vm)
        return NULL;
    sl_heap_free(vm);
    segments_free(vm->segment);
    while (vm->roots)
        star_root_free(vm->roots);
    for (size_t i = 0; i < vm->program_count; i++)
        star_program_unref(vm->programs[i]);
    star_error_free(vm->error);
    free(vm->programs);
    free(vm->frames);
    free(vm->locks);
    free(vm->keeps);
    free(vm->universe);
    free(vm);
    return NULL;
}

void *star_vm_data(const struct star_vm *vm)
{
    return vm->config.data;
}

/* ------------------------------------------------------------------------------------------------------------------
 * limits */

void star_vm_cancel(struct star_vm *vm, const char *reason)
{
    const char *none = NULL;
    atomic_compare_exchange_strong(&vm->cancel_reason, &none, reason);
    atomic_store(&vm->cancelled, true);
}

void star_vm_uncancel(struct star_vm *vm)
{
    atomic_store(&vm->cancelled, false);
    atomic_store(&vm->cancel_reason, NULL);
}

uint64_t star_vm_steps(const struct star_vm *vm)
{
    return vm->steps + (uint64_t)(vm->fuel_given - vm->fuel);
}

uint64_t star_vm_memory(const struct star_vm *vm)
{
    return vm->memory;
}

bool star_charge(struct star_vm *vm, uint64_t steps)
{
    return sl_charge(vm, steps);
}

/* -------------------------------------------------------------------------------------------------------------------
 * roots */

struct star_root *star_root_new(struct star_vm *vm, star_value value)
{
    struct star_root *root = malloc(sizeof(*root));
    if (!root)
        return NULL;
    *root = (struct star_root){.vm = vm, .next = vm->roots, .value = value};
    if (vm->roots)
        vm->roots->previous = root;
    vm->roots = root;
    return root;
}

star_value star_root_get(const struct star_root *root)
{
    return root->value;
}

void star_root_set(struct star_root *root, star_value value)
{
    root->value = value;
}

struct star_root *star_root_free(struct star_root *root)
{
    if (!root)
        return NULL;
    if (root->previous)
        root->previous->next = root->next;
    else
        root->vm->roots = root->next;
    if (root->next)
        root->next->previous = root->previous;
    free(root);
    return NULL;
}

/* -----------------------------------------------------------------------------------------------------------------
 * modules */

/* The vm holds on to every program whose constants its values may refer to. */
static bool remember_program(struct star_vm *vm, struct star_program *program)
{
    for (size_t i = 0; i < vm->program_count; i++)
        if (vm->programs[i] == program)
            return true;
    if (vm->program_count == vm->program_capacity) {
        size_t capacity = vm->program_capacity ? vm->program_capacity * 2 : 8;
        struct star_program **programs =
            sl_realloc(vm, vm->programs, vm->program_capacity * sizeof(*programs),
                       capacity * sizeof(*programs));
        if (!programs)
            return false;
        vm->programs = programs;
        vm->program_capacity = capacity;
    }
    vm->programs[vm->program_count++] = star_program_ref(program);
    return true;
}

static bool take_predeclared(struct star_vm *vm, struct module *module,
                             const struct star_binding *predeclared, size_t count)
{
    struct star_program *program = module->program;
    for (size_t i = 0; i < program->predeclared_count; i++) {
        const char *name = as_str(program->predeclared[i])->data;
        for (size_t j = 0; j < count; j++)
            if (strcmp(predeclared[j].name, name) == 0)
                module->predeclared[i] = predeclared[j].value;
        if (star_is_null(module->predeclared[i])) {
            star_fail(vm, "internal error: predeclared variable %s is uninitialized", name);
            return false;
        }
    }
    return true;
}

static void *new_array(struct star_vm *vm, size_t count, size_t size)
{
    void *array = sl_realloc(vm, NULL, 0, count * size);
    if (array)
        memset(array, 0, count * size);
    return array;
}

static struct module *program_module(struct star_vm *vm, struct star_program *program,
                                     const struct star_binding *predeclared, size_t count)
{
    if (!remember_program(vm, program))
        return NULL;
    struct str *name = sl_str_new(vm, program->file, strlen(program->file));
    struct module *module = name ? sl_module_new(vm, name, program->global_count) : NULL;
    if (!module)
        return NULL;
    module->names = program->globals;
    if (program->predeclared_count &&
        !(module->predeclared = new_array(vm, program->predeclared_count, sizeof(star_value))))
        return NULL;
    if (!(module->active = new_array(vm, program->function_count, sizeof(uint32_t))))
        return NULL;
    module->program = program;
    return take_predeclared(vm, module, predeclared, count) ? module : NULL;
}

/* Runs the top level. The module is reachable through the function that is its code. */
static star_value run_module(struct star_vm *vm, struct module *module)
{
    struct function *fn = sl_alloc(vm, sizeof(*fn), K_FUNCTION);
    if (!fn)
        return STAR_NULL;
    fn->code = module->program->functions[0];
    fn->module = module;
    return star_call(vm, object_value(fn), NULL);
}

star_value star_exec(struct star_vm *vm, struct star_program *program,
                     const struct star_binding *predeclared, size_t count)
{
    struct module *module = vm->error ? NULL : program_module(vm, program, predeclared, count);
    if (!module || star_is_null(run_module(vm, module)))
        return STAR_NULL;
    star_freeze(vm, object_value(module));
    return vm->error ? STAR_NULL : object_value(module);
}

/* A module with `old`'s members and the program's. */
static star_value merge_modules(struct star_vm *vm, struct module *old, struct module *new)
{
    size_t count = new->count + (old ? old->count : 0), n = 0;
    struct star_binding *members = sl_realloc(vm, NULL, 0, (count + 1) * sizeof(*members));
    if (!members)
        return STAR_NULL;
    for (uint32_t i = 0; i < new->count; i++)
        members[n++] = (struct star_binding){as_str(new->names[i])->data, new->values[i]};
    for (uint32_t i = 0; old && i < old->count; i++) {
        star_value *shadowing = sl_module_find(vm, new, as_str(old->names[i]));
        if (!shadowing)
            members[n++] = (struct star_binding){as_str(old->names[i])->data, old->values[i]};
    }
    star_value merged = star_module_new(vm, new->name->data, members, n);
    sl_realloc(vm, members, (count + 1) * sizeof(*members), 0);
    return merged;
}

/* Members of the old module serve as predeclared names, and as first values of globals that the
 * program assigns too. */
static struct module *repl_module(struct star_vm *vm, struct star_program *program,
                                  struct module *old, const struct star_binding *predeclared,
                                  size_t count)
{
    size_t all = count + (old ? old->count : 0);
    struct star_binding *bindings = sl_realloc(vm, NULL, 0, (all + 1) * sizeof(*bindings));
    if (!bindings)
        return NULL;
    if (count)
        memcpy(bindings, predeclared, count * sizeof(*bindings));
    size_t n = count;
    for (uint32_t i = 0; old && i < old->count; i++)
        bindings[n++] = (struct star_binding){as_str(old->names[i])->data, old->values[i]};
    struct module *module = program_module(vm, program, bindings, n);
    for (uint32_t i = 0; module && i < module->count; i++)
        for (size_t j = count; j < n; j++)
            if (strcmp(bindings[j].name, as_str(module->names[i])->data) == 0)
                module->values[i] = bindings[j].value;
    sl_realloc(vm, bindings, (all + 1) * sizeof(*bindings), 0);
    return module;
}

star_value star_exec_repl(struct star_vm *vm, struct star_program *program, star_value module,
                          const struct star_binding *predeclared, size_t count,
                          star_value *ret_result)
{
    struct module *old =
        is_kind(module, K_MODULE) && !star_is_null(module) ? AS(module, module) : NULL;
    struct module *new = vm->error ? NULL : repl_module(vm, program, old, predeclared, count);
    struct star_root *roots[2] = {new ? star_root_new(vm, object_value(new)) : NULL,
                                  old ? star_root_new(vm, object_value(old)) : NULL};
    star_value result = new ? run_module(vm, new) : STAR_NULL;
    star_root_free(roots[0]);
    star_root_free(roots[1]);
    if (ret_result)
        *ret_result = result;
    return star_is_null(result) ? STAR_NULL : merge_modules(vm, old, new);
}

/* --------------------------------------------------------------------------------------------------------------
 * constructors */

star_value star_none(void)
{
    return V_NONE;
}

star_value star_bool(bool value)
{
    return bool_make(value);
}

star_value star_int(struct star_vm *vm, int64_t value)
{
    return sl_int(vm, value);
}

star_value star_uint(struct star_vm *vm, uint64_t value)
{
    return sl_uint(vm, value);
}

bool star_int_get(star_value value, int64_t *ret)
{
    return is_int(value) && sl_int_get(value, ret);
}

bool star_uint_get(star_value value, uint64_t *ret)
{
    int64_t i;
    if (!is_int(value))
        return false;
    if (sl_int_get(value, &i)) {
        *ret = (uint64_t)i;
        return i >= 0;
    }
    return sl_int_get_unsigned(value, ret);
}

star_value star_float(struct star_vm *vm, double value)
{
    return sl_float(vm, value);
}

bool star_float_get(star_value value, double *ret)
{
    if (is_float(value)) {
        *ret = float_get(value);
        return true;
    }
    return is_int(value) && sl_int_double(value, ret);
}

/* ---------------------------------------------------------------------------------------------------------------
 * operations */

star_value star_binary(struct star_vm *vm, enum star_op op, star_value a, star_value b)
{
    bool in;
    if (op == STAR_IN)
        return sl_in(vm, a, b, &in) ? bool_make(in) : STAR_NULL;
    return sl_binary(vm, (enum opcode)(OP_ADD + (op - STAR_ADD)), a, b);
}

star_value star_index(struct star_vm *vm, star_value value, star_value key)
{
    return sl_index(vm, value, key);
}
