/*
 * Calls: the stacks of frames and registers, binding arguments to parameters, and calling from C.
 * Registers live in segments that never move, so that a built-in's arguments stay where they are
 * while it calls back.
 */
#include "starlark/error.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/str.h"
#include "starlark/table.h"

enum {
    SEGMENT_MIN = 4096,
    SEGMENT_MAX = 1 << 18
};

/* ------------------------------------------------------------------------------------------------------------------
 * stacks */

static struct segment *segment_new(struct star_vm *vm, struct segment *previous, size_t count)
{
    size_t slots = previous ? (size_t)(previous->end - previous->slots) * 2 : SEGMENT_MIN;
    if (slots > SEGMENT_MAX)
        slots = SEGMENT_MAX;
    if (slots < count)
        slots = count;
    struct segment *segment =
        sl_realloc(vm, NULL, 0, sizeof(*segment) + slots * sizeof(star_value));
    if (!segment)
        return NULL;
    segment->previous = previous;
    segment->next = NULL;
    segment->end = segment->slots + slots;
    if (previous)
        previous->next = segment;
    return segment;
}

star_value *sl_stack_reserve(struct star_vm *vm, star_value *at, size_t count)
{
    if (vm->segment && count <= (size_t)(vm->segment->end - at))
        return at;
    struct segment *next = vm->segment ? vm->segment->next : NULL;
    if (next && count > (size_t)(next->end - next->slots)) {
        sl_realloc(vm, next, sizeof(*next) + (size_t)(next->end - next->slots) * sizeof(star_value),
                   0);
        vm->segment->next = next = NULL;
    }
    if (!next)
        next = segment_new(vm, vm->segment, count);
    if (!next)
        return NULL;
    vm->segment = next;
    return next->slots;
}

star_value *sl_stack_top(struct star_vm *vm)
{
    if (vm->frame_count > 0)
        return vm->frames[vm->frame_count - 1].top;
    if (!vm->segment)
        vm->segment = segment_new(vm, NULL, 0);
    return vm->segment ? vm->segment->slots : NULL;
}

static bool frames_grow(struct star_vm *vm)
{
    if (vm->frame_count >= vm->max_calls) {
        sl_fail_overflow(vm);
        return false;
    }
    uint32_t capacity = vm->frame_capacity ? vm->frame_capacity * 2 : 64;
    struct frame *frames = sl_realloc(vm, vm->frames, vm->frame_capacity * sizeof(struct frame),
                                      capacity * sizeof(struct frame));
    if (!frames)
        return false;
    vm->frames = frames;
    vm->frame_capacity = capacity;
    return true;
}

struct frame *sl_frame_push(struct star_vm *vm)
{
    if ((vm->frame_count == vm->frame_capacity || vm->frame_count >= vm->max_calls) &&
        !frames_grow(vm))
        return NULL;
    struct frame *frame = &vm->frames[vm->frame_count++];
    *frame =
        (struct frame){.segment = vm->segment, .locks = vm->lock_count, .keeps = vm->keep_count};
    return frame;
}

void sl_unlock_to(struct star_vm *vm, uint32_t height)
{
    while (vm->lock_count > height)
        vm->locks[--vm->lock_count]->aux--;
}

void sl_frame_pop(struct star_vm *vm)
{
    struct frame *frame = &vm->frames[--vm->frame_count];
    sl_unlock_to(vm, frame->locks);
    vm->keep_count = frame->keeps;
    if (frame->fn)
        frame->fn->module->active[frame->fn->code->index]--;
    if (vm->frame_count > 0)
        vm->segment = vm->frames[vm->frame_count - 1].segment;
    else
        while (vm->segment->previous)
            vm->segment = vm->segment->previous;
}

bool sl_lock(struct star_vm *vm, struct head *head)
{
    if (vm->lock_count == vm->lock_capacity) {
        uint32_t capacity = vm->lock_capacity ? vm->lock_capacity * 2 : 64;
        struct head **locks = sl_realloc(vm, vm->locks, vm->lock_capacity * sizeof(struct head *),
                                         capacity * sizeof(struct head *));
        if (!locks)
            return false;
        vm->locks = locks;
        vm->lock_capacity = capacity;
    }
    head->aux++;
    vm->locks[vm->lock_count++] = head;
    return true;
}

star_value star_keep(struct star_vm *vm, star_value value)
{
    if (vm->keep_count == vm->keep_capacity) {
        uint32_t capacity = vm->keep_capacity ? vm->keep_capacity * 2 : 64;
        star_value *keeps = sl_realloc(vm, vm->keeps, vm->keep_capacity * sizeof(star_value),
                                       capacity * sizeof(star_value));
        if (!keeps)
            return value;
        vm->keeps = keeps;
        vm->keep_capacity = capacity;
    }
    vm->keeps[vm->keep_count++] = value;
    return value;
}

/* -----------------------------------------------------------------------------------------------------------------
 * binding */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static bool too_many(struct star_vm *vm, const struct code *code, const struct star_args *args)
{
    size_t plain = (size_t)code->param_count - code->kwonly_count;
    if (code->param_count == 0 && !code->has_kwargs)
        star_fail(vm, "function %s accepts no arguments (%zu given)", code->name->data,
                  args->count + args->named_count);
    else
        star_fail(vm, "function %s accepts %s%zu positional argument%s (%zu given)",
                  code->name->data, code->default_count > code->kwonly_count ? "at most " : "",
                  plain, plural(plain), args->count);
    return false;
}

static int find_param(const struct code *code, const struct str *name)
{
    for (int i = 0; i < code->param_count; i++)
        if (code->params[i].name == name)
            return i;
    for (int i = 0; i < code->param_count; i++)
        if (sl_str_same(code->params[i].name, name))
            return i;
    return -1;
}

static bool fail_multiple(struct star_vm *vm, const struct code *code, const struct str *name)
{
    star_fail(vm, "function %s got multiple values for parameter \"%s\"", code->name->data,
              name->data);
    return false;
}

static bool bind_named(struct star_vm *vm, const struct code *code, star_value *registers,
                       struct dict *kwargs, const struct star_args *args)
{
    for (size_t i = 0; i < args->named_count; i++) {
        struct str *name = as_str(args->names[i]);
        int at = find_param(code, name);
        bool new = true;
        if (at >= 0) {
            if (!star_is_null(registers[at]))
                return fail_multiple(vm, code, name);
            registers[at] = args->named_values[i];
        } else if (!kwargs) {
            star_fail(vm, "function %s got an unexpected keyword argument \"%s\"", code->name->data,
                      name->data);
            return false;
        } else if (!sl_table_set(vm, &kwargs->table, args->names[i], sl_str_hash(name, vm->key),
                                 args->named_values[i], &new)) {
            return false;
        }
        if (!new)
            return fail_multiple(vm, code, name);
    }
    return true;
}

static bool fail_missing(struct star_vm *vm, const struct function *fn, const star_value *registers)
{
    const struct code *code = fn->code;
    struct star_text names = TEXT_INIT(vm);
    size_t count = 0;
    for (uint16_t i = 0; i < code->param_count; i++) {
        if (!star_is_null(registers[i]))
            continue;
        if (count++ > 0)
            sl_text_put(&names, ", ", 2);
        sl_text_put(&names, code->params[i].name->data, code->params[i].name->size);
    }
    sl_text_put(&names, "", 1);
    if (!names.failed)
        star_fail(vm, "function %s missing %zu argument%s (%s)", code->name->data, count,
                  plural(count), names.data);
    sl_text_free(&names);
    return false;
}

static bool bind_defaults(struct star_vm *vm, struct function *fn, star_value *registers)
{
    const struct code *code = fn->code;
    uint16_t first = (uint16_t)(code->param_count - code->default_count);
    bool missing = false;
    for (uint16_t i = 0; i < code->param_count; i++) {
        if (star_is_null(registers[i]) && i >= first)
            registers[i] = fn->slots[i - first];
        missing |= star_is_null(registers[i]);
    }
    return !missing || fail_missing(vm, fn, registers);
}

/* `registers` may be where the positional arguments already are. */
bool sl_bind(struct star_vm *vm, struct function *fn, star_value *registers,
             const struct star_args *args)
{
    const struct code *code = fn->code;
    size_t plain = (size_t)code->param_count - code->kwonly_count;
    size_t taken = args->count < plain ? args->count : plain;
    struct tuple *rest = NULL;
    struct dict *kwargs = NULL;
    if (code->has_args) {
        if (!(rest = sl_tuple_new(vm, args->count - taken)))
            return false;
        if (args->count > taken)
            memcpy(rest->items, args->values + taken, (args->count - taken) * sizeof(star_value));
    }
    if (code->has_kwargs && !(kwargs = sl_dict_new(vm, K_DICT)))
        return false;
    if (taken > 0 && registers != args->values)
        memcpy(registers, args->values, taken * sizeof(star_value));
    memset(registers + taken, 0, (code->registers - taken) * sizeof(star_value));
    if ((args->count > plain && !rest) ||
        (code->param_count == 0 && !rest && !kwargs && args->count + args->named_count > 0))
        return too_many(vm, code, args);
    if (!bind_named(vm, code, registers, kwargs, args) || !bind_defaults(vm, fn, registers))
        return false;
    if (rest)
        registers[code->param_count] = object_value(rest);
    if (kwargs)
        registers[code->param_count + code->has_args] = object_value(kwargs);
    return true;
}

/* A frame of a function; its registers are not yet valid, so nothing is marked in it until they are
 * bound. */
struct frame *sl_enter(struct star_vm *vm, struct function *fn, star_value *base,
                       const struct star_args *args)
{
    star_value *registers = sl_stack_reserve(vm, base, fn->code->registers);
    struct frame *frame = registers ? sl_frame_push(vm) : NULL;
    if (!frame)
        return NULL;
    frame->fn = fn;
    frame->base = frame->top = registers;
    uint32_t *active = &fn->module->active[fn->code->index];
    if (++*active > 1 && !fn->code->program->recursion) {
        star_fail(vm, "function %s called recursively", fn->code->name->data);
        sl_frame_pop(vm);
        return NULL;
    }
    if (!sl_bind(vm, fn, registers, args)) {
        sl_frame_pop(vm);
        return NULL;
    }
    frame->top = registers + fn->code->registers;
    frame->pc = fn->code->instrs;
    return frame;
}

/* --------------------------------------------------------------------------------------------------------
 * f(*args, **kwargs) */

static bool spread_positional(struct star_vm *vm, const star_value *values, uint32_t positional,
                              star_value *star, struct star_args *out)
{
    struct list *all = sl_list_new(vm, positional);
    if (!all)
        return false;
    if (!sl_iterable(*star)) {
        star_fail(vm, "argument after * must be iterable, not %s", star_type_name(*star));
        return false;
    }
    if (positional)
        memcpy(all->items, values, positional * sizeof(star_value));
    all->count = positional;
    if (!sl_list_extend(vm, all, *star))
        return false;
    *star = object_value(all);
    out->count = all->count;
    out->values = all->items;
    return true;
}

static bool spread_named(struct star_vm *vm, star_value *starstar, struct star_args *out)
{
    if (!is_kind(*starstar, K_DICT)) {
        star_fail(vm, "argument after ** must be a mapping, not %s", star_type_name(*starstar));
        return false;
    }
    struct table *table = &AS(dict, *starstar)->table;
    size_t count = out->named_count + table->count;
    struct tuple *both = sl_tuple_new(vm, 2 * count);
    if (!both)
        return false;
    memset(both->items, 0, 2 * count * sizeof(star_value));
    if (out->named_count) {
        memcpy(both->items, out->names, out->named_count * sizeof(star_value));
        memcpy(both->items + count, out->named_values, out->named_count * sizeof(star_value));
    }
    uint32_t at = 0;
    size_t n = out->named_count;
    for (struct entry *entry; (entry = sl_table_next(table, &at)); n++) {
        if (!is_string(entry->key)) {
            star_fail(vm, "keywords must be strings, not %s", star_type_name(entry->key));
            return false;
        }
        both->items[n] = entry->key;
        both->items[count + n] = entry->value;
    }
    *starstar = object_value(both);
    out->named_count = count;
    out->names = both->items;
    out->named_values = both->items + count;
    return sl_charge(vm, count);
}

/* The joined arguments are kept by the registers in which the starred ones were. */
bool sl_spread(struct star_vm *vm, const star_value *values, uint32_t positional, star_value names,
               unsigned stars, struct star_args *out)
{
    static const star_value nothing;
    size_t named = star_is_null(names) ? 0 : head_of(names)->aux;
    *out = (struct star_args){.count = positional,
                              .values = values,
                              .named_count = named,
                              .names = named ? AS(tuple, names)->items : &nothing,
                              .named_values = values + positional};
    star_value *star = (star_value *)(uintptr_t)(values + positional + named);
    if (stars & 2 && !spread_named(vm, star + (stars & 1), out))
        return false;
    return !(stars & 1) || spread_positional(vm, values, positional, star, out);
}

/* ------------------------------------------------------------------------------------------------------------------
 * calling */

static star_value finish_builtin(struct star_vm *vm, star_value result)
{
    if (star_is_null(result) && !vm->error)
        star_fail(vm, "internal error: no value and no error from %s", sl_builtin_name(vm));
    else if (!star_is_null(result) && vm->error)
        result = STAR_NULL;
    sl_frame_pop(vm);
    return result;
}

star_value sl_call_method(struct star_vm *vm, star_builtin_fn method, const char *name,
                          const struct star_args *args)
{
    star_value *top = vm->frames[vm->frame_count - 1].top;
    struct frame *frame = sl_frame_push(vm);
    if (!frame)
        return STAR_NULL;
    frame->name = name;
    frame->base = frame->top = top;
    return finish_builtin(vm, method(vm, args));
}

star_value sl_call_builtin(struct star_vm *vm, struct builtin *builtin, struct star_args *args)
{
    args->callee = object_value(builtin);
    args->self = builtin->self;
    args->data = builtin->data;
    return sl_call_method(vm, builtin->call, builtin->name->data, args);
}

/* Copies a built-in's arguments to the stack, where they are kept. */
static bool push_args(struct star_vm *vm, star_value callee, const char *name,
                      struct star_args *args)
{
    size_t count = args->count + 2 * args->named_count + 1;
    star_value *base = sl_stack_top(vm);
    base = base ? sl_stack_reserve(vm, base, count) : NULL;
    struct frame *frame = base ? sl_frame_push(vm) : NULL;
    if (!frame)
        return false;
    frame->name = name;
    frame->base = base;
    *base++ = callee;
    if (args->count)
        memcpy(base, args->values, args->count * sizeof(star_value));
    args->values = base;
    base += args->count;
    if (args->named_count) {
        memcpy(base, args->names, args->named_count * sizeof(star_value));
        memcpy(base + args->named_count, args->named_values,
               args->named_count * sizeof(star_value));
    }
    args->names = base;
    args->named_values = base + args->named_count;
    frame->top = base + 2 * args->named_count;
    return true;
}

static star_value call_c(struct star_vm *vm, star_value callee, struct star_args args)
{
    struct builtin *builtin = is_kind(callee, K_BUILTIN) ? AS(builtin, callee) : NULL;
    args.callee = callee;
    args.self = builtin ? builtin->self : STAR_NULL;
    args.data = builtin ? builtin->data : NULL;
    if (!push_args(vm, callee, builtin ? builtin->name->data : star_type_name(callee), &args))
        return STAR_NULL;
    star_value result =
        builtin ? builtin->call(vm, &args) : AS(object, callee)->type->call(vm, callee, &args);
    return finish_builtin(vm, result);
}

static star_value call_function(struct star_vm *vm, struct function *fn,
                                const struct star_args *args)
{
    star_value *base = sl_stack_top(vm);
    struct frame *frame = base ? sl_enter(vm, fn, base, args) : NULL;
    if (!frame)
        return STAR_NULL;
    frame->entry = true;
    return sl_run(vm);
}

star_value star_call(struct star_vm *vm, star_value callee, const struct star_args *given)
{
    static const struct star_args none = {0};
    struct star_args args = given ? *given : none;
    if (vm->error)
        return STAR_NULL;
    if (!star_is_callable(callee))
        return star_fail(vm, "invalid call of non-function (%s)", star_type_name(callee));
    if (vm->c_calls >= C_CALLS_MAX)
        return sl_fail_overflow(vm);
    vm->c_calls++;
    star_value result = is_kind(callee, K_FUNCTION) ? call_function(vm, AS(function, callee), &args)
                                                    : call_c(vm, callee, args);
    vm->c_calls--;
    if (vm->frame_count == 0)
        vm->keep_count = 0;
    return result;
}
