/* Freezing: a walk over everything reachable, with a stack of its own, so that cycles and depth do
 * not matter. */
#include "starlark/error.h"
#include "starlark/vm.h"

/* Shares the collector's stack, which is idle while C code runs. If it cannot grow, what is left
 * stays mutable and the vm has an error. */
static void freeze_visit(struct star_vm *vm, star_value value)
{
    if (!is_pointer(value) || star_is_null(value))
        return;
    struct head *head = head_of(value);
    if (head->flags & F_FROZEN)
        return;
    head->flags |= F_FROZEN;
    if (vm->mark_count == vm->mark_capacity) {
        size_t capacity = vm->mark_capacity ? vm->mark_capacity * 2 : 1024;
        struct head **larger = realloc(vm->mark_stack, capacity * sizeof(*larger));
        if (!larger) {
            sl_fail_limit(vm, "out of memory");
            return;
        }
        vm->mark_stack = larger;
        vm->mark_capacity = capacity;
    }
    vm->mark_stack[vm->mark_count++] = head;
}

static void freeze_values(struct star_vm *vm, const star_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        freeze_visit(vm, values[i]);
}

static void freeze_function(struct star_vm *vm, struct function *fn)
{
    freeze_values(vm, fn->slots, fn->code->default_count + fn->code->capture_count);
}

static void freeze_children(struct star_vm *vm, struct head *head)
{
    struct star_tracer tracer = {.vm = vm, .visit = freeze_visit};
    switch (head->kind) {
    case K_LIST:
        freeze_values(vm, ((struct list *)head)->items, ((struct list *)head)->count);
        break;
    case K_TUPLE:
        freeze_values(vm, ((struct tuple *)head)->items, head->aux);
        break;
    case K_DICT:
    case K_SET: {
        struct table *table = &((struct dict *)head)->table;
        for (uint32_t i = table->first; i < table->used; i++) {
            freeze_visit(vm, table->entries[i].key);
            freeze_visit(vm, table->entries[i].value);
        }
        break;
    }
    case K_STRUCT:
        freeze_values(vm, ((struct structure *)head)->fields,
                      ((struct structure *)head)->shape->head.aux);
        break;
    case K_MODULE:
        freeze_values(vm, ((struct module *)head)->values, ((struct module *)head)->count);
        break;
    case K_FUNCTION:
        freeze_function(vm, (struct function *)head);
        break;
    case K_BUILTIN:
        freeze_visit(vm, ((struct builtin *)head)->self);
        break;
    case K_CELL:
        freeze_visit(vm, ((struct cell *)head)->value);
        break;
    case K_OBJECT:
        if (((struct object *)head)->type->trace)
            ((struct object *)head)->type->trace(((struct object *)head)->body, &tracer);
        break;
    default:
        break;
    }
}

void star_freeze(struct star_vm *vm, star_value value)
{
    freeze_visit(vm, value);
    while (vm->mark_count > 0)
        freeze_children(vm, vm->mark_stack[--vm->mark_count]);
}

bool star_is_frozen(star_value value)
{
    if (!is_pointer(value) || star_is_null(value))
        return true;
    switch (head_of(value)->kind) {
    case K_LIST:
    case K_DICT:
    case K_SET:
    case K_OBJECT:
    case K_MODULE:
        return (head_of(value)->flags & F_FROZEN) != 0;
    default:
        return true;
    }
}

void star_trace(struct star_tracer *tracer, star_value value)
{
    tracer->visit(tracer->vm, value);
}
