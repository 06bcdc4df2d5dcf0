/*
 * The heap: a mark-and-sweep collector over pages of equally large slots. Objects never move. Small
 * objects come from free lists by size class; what is beyond the classes is allocated on its own.
 *
 * Roots are exact: registers of all frames, kept values, roots of the host, the universe. Marking
 * uses a stack of its own, so that no structure is too deep; should that stack not grow, the
 * collection is given up and nothing is freed.
 */
#include "starlark/error.h"
#include "starlark/vm.h"

enum {
    PAGE_SIZE = 16 * 1024,
    GC_BUDGET_MIN =
        512 * 1024, /* below this much new garbage a collection is not worth its time */
};

struct page {
    struct page *next;
    uint32_t slot_size;
    uint32_t slot_count;
    uint64_t pad; /* slots are 16-aligned */
    char slots[];
};

/* The object follows its place in vm->large. */
struct large_object {
    size_t size;
    size_t pad;
    struct head head;
};

/* -------------------------------------------------------------------------------------------------------------
 * accounting */

static bool memory_allows(struct star_vm *vm, size_t more)
{
    if (vm->config.max_memory && vm->memory + more > vm->config.max_memory) {
        sl_fail_limit(vm, "too much memory");
        return false;
    }
    vm->memory += more;
    return true;
}

void sl_gc_request(struct star_vm *vm)
{
    vm->gc_due = true;
    if (vm->fuel > 0) {
        vm->fuel_given -= vm->fuel;
        vm->fuel = 0;
    }
}

static void charge_budget(struct star_vm *vm, size_t bytes)
{
    vm->gc_budget -= (int64_t)bytes;
    if (vm->gc_budget < 0 && !vm->gc_due)
        sl_gc_request(vm);
}

void *sl_realloc(struct star_vm *vm, void *array, size_t old_size, size_t size)
{
    if (size == 0) {
        free(array);
        vm->memory -= old_size;
        return NULL;
    }
    if (size > old_size) {
        if (!memory_allows(vm, size - old_size))
            return NULL;
        charge_budget(vm, size - old_size);
    }
    void *larger = realloc(array, size);
    if (!larger) {
        if (size > old_size)
            vm->memory -= size - old_size;
        sl_fail_limit(vm, "out of memory");
        return NULL;
    }
    if (size < old_size)
        vm->memory -= old_size - size;
    return larger;
}

/* -------------------------------------------------------------------------------------------------------------
 * allocation */

static void slot_free(struct star_vm *vm, size_t size_class, struct head *head)
{
    head->kind = K_FREE;
    head->flags = 0;
    memcpy((char *)head + 8, &vm->free_slots[size_class], sizeof(void *));
    vm->free_slots[size_class] = head;
}

static bool page_add(struct star_vm *vm, size_t size_class)
{
    if (!memory_allows(vm, PAGE_SIZE))
        return false;
    struct page *page = malloc(PAGE_SIZE);
    if (!page) {
        vm->memory -= PAGE_SIZE;
        sl_fail_limit(vm, "out of memory");
        return false;
    }
    page->slot_size = (uint32_t)size_class << 4;
    page->slot_count = (uint32_t)((PAGE_SIZE - sizeof(*page)) / page->slot_size);
    page->next = vm->pages;
    vm->pages = page;
    for (uint32_t i = page->slot_count; i-- > 0;)
        slot_free(vm, size_class,
                  (struct head *)(void *)(page->slots + (size_t)i * page->slot_size));
    return true;
}

static void *large_alloc(struct star_vm *vm, size_t size)
{
    if (size > PTRDIFF_MAX / 2) {
        sl_fail_limit(vm, "too much memory");
        return NULL;
    }
    if (vm->large_count == vm->large_capacity) {
        size_t capacity = vm->large_capacity ? vm->large_capacity * 2 : 64;
        void *larger = sl_realloc(vm, vm->large, vm->large_capacity * sizeof(*vm->large),
                                  capacity * sizeof(*vm->large));
        if (!larger)
            return NULL;
        vm->large = larger;
        vm->large_capacity = capacity;
    }
    size_t whole = size + offsetof(struct large_object, head);
    struct large_object *object = sl_realloc(vm, NULL, 0, whole);
    if (!object)
        return NULL;
    object->size = whole;
    object->head.flags = F_LARGE;
    vm->large[vm->large_count++] = object;
    return &object->head;
}

void *sl_alloc_slow(struct star_vm *vm, size_t size)
{
    size_t size_class = (size + 15) >> 4;
    if (size_class > SIZE_CLASSES)
        return large_alloc(vm, size);
    if (!page_add(vm, size_class))
        return NULL;
    struct head *head = vm->free_slots[size_class];
    memcpy(&vm->free_slots[size_class], (char *)head + 8, sizeof(void *));
    charge_budget(vm, size_class << 4);
    return head;
}

/* ----------------------------------------------------------------------------------------------------------------
 * marking */

static void mark_head(struct star_vm *vm, struct head *head)
{
    if (!head || head->flags & (F_MARK | F_IMMORTAL))
        return;
    head->flags |= F_MARK;
    if (head->kind == K_STRING || head->kind == K_BYTES || head->kind == K_BIGINT ||
        head->kind == K_FLOAT)
        return;
    if (vm->mark_count == vm->mark_capacity) {
        size_t capacity = vm->mark_capacity ? vm->mark_capacity * 2 : 1024;
        struct head **larger = realloc(vm->mark_stack, capacity * sizeof(*larger));
        if (!larger) {
            vm->mark_failed = true;
            return;
        }
        vm->mark_stack = larger;
        vm->mark_capacity = capacity;
    }
    vm->mark_stack[vm->mark_count++] = head;
}

void sl_mark(struct star_vm *vm, star_value value)
{
    if (is_pointer(value))
        mark_head(vm, head_of(value));
}

static void mark_values(struct star_vm *vm, const star_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sl_mark(vm, values[i]);
}

static void mark_table(struct star_vm *vm, const struct table *table)
{
    for (uint32_t i = table->first; i < table->used; i++) {
        sl_mark(vm, table->entries[i].key);
        sl_mark(vm, table->entries[i].value);
    }
}

static void mark_module(struct star_vm *vm, struct module *module)
{
    mark_head(vm, &module->name->head);
    mark_values(vm, module->names, module->count);
    mark_values(vm, module->values, module->count);
    if (module->program)
        mark_values(vm, module->predeclared, module->program->predeclared_count);
}

static void mark_struct(struct star_vm *vm, struct structure *s)
{
    mark_head(vm, &s->shape->head);
    sl_mark(vm, s->constructor);
    mark_values(vm, s->fields, s->shape->head.aux);
}

static void mark_object(struct star_vm *vm, struct object *object)
{
    struct star_tracer tracer = {.vm = vm, .visit = sl_mark};
    if (object->type->trace)
        object->type->trace(object->body, &tracer);
}

static void mark_children(struct star_vm *vm, struct head *head)
{
    switch (head->kind) {
    case K_LIST:
        mark_values(vm, ((struct list *)head)->items, ((struct list *)head)->count);
        break;
    case K_TUPLE:
        mark_values(vm, ((struct tuple *)head)->items, head->aux);
        break;
    case K_DICT:
    case K_SET:
        mark_table(vm, &((struct dict *)head)->table);
        break;
    case K_STRUCT:
        mark_struct(vm, (struct structure *)head);
        break;
    case K_SHAPE:
        for (uint32_t i = 0; i < head->aux; i++)
            mark_head(vm, &((struct shape *)head)->names[i]->head);
        break;
    case K_MODULE:
        mark_module(vm, (struct module *)head);
        break;
    case K_FUNCTION: {
        struct function *fn = (struct function *)head;
        mark_head(vm, &fn->module->head);
        mark_values(vm, fn->slots, fn->code->default_count + fn->code->capture_count);
        break;
    }
    case K_BUILTIN:
        sl_mark(vm, ((struct builtin *)head)->self);
        mark_head(vm, &((struct builtin *)head)->name->head);
        break;
    case K_CELL:
        sl_mark(vm, ((struct cell *)head)->value);
        break;
    case K_OBJECT:
        mark_object(vm, (struct object *)head);
        break;
    default:
        break;
    }
}

static void mark_roots(struct star_vm *vm)
{
    for (uint32_t i = 0; i < vm->frame_count; i++) {
        struct frame *frame = &vm->frames[i];
        if (frame->fn)
            mark_head(vm, &frame->fn->head);
        for (star_value *slot = frame->base; slot < frame->top; slot++)
            sl_mark(vm, *slot);
    }
    mark_values(vm, vm->keeps, vm->keep_count);
    mark_values(vm, vm->universe, vm->universe_count);
    for (uint32_t i = 0; i < vm->lock_count; i++)
        mark_head(vm, vm->locks[i]);
    for (struct star_root *root = vm->roots; root; root = root->next)
        sl_mark(vm, root->value);
}

/* ----------------------------------------------------------------------------------------------------------------
 * sweeping */

static void table_release(struct star_vm *vm, struct table *table)
{
    sl_realloc(vm, table->entries, table->capacity * sizeof(struct entry), 0);
    sl_realloc(vm, table->index, table->index_size * sizeof(uint32_t), 0);
}

static void module_release(struct star_vm *vm, struct module *module)
{
    sl_realloc(vm, module->values, module->count * sizeof(star_value), 0);
    if (module->owned_names)
        sl_realloc(vm, module->owned_names, module->count * sizeof(star_value), 0);
    sl_realloc(vm, module->index, module->index_size * sizeof(uint32_t), 0);
    if (module->program) {
        sl_realloc(vm, module->predeclared, module->program->predeclared_count * sizeof(star_value),
                   0);
        sl_realloc(vm, module->active, module->program->function_count * sizeof(uint32_t), 0);
    }
}

/* Frees what an object owns outside its slot. */
static void object_release(struct star_vm *vm, struct head *head)
{
    switch (head->kind) {
    case K_LIST:
        sl_realloc(vm, ((struct list *)head)->items,
                   ((struct list *)head)->capacity * sizeof(star_value), 0);
        break;
    case K_DICT:
    case K_SET:
        table_release(vm, &((struct dict *)head)->table);
        break;
    case K_MODULE:
        module_release(vm, (struct module *)head);
        break;
    case K_OBJECT: {
        struct object *object = (struct object *)head;
        if (object->type->free)
            object->type->free(object->body);
        break;
    }
    default:
        break;
    }
}

/* Gives the bytes that stay in use. */
static size_t page_sweep(struct star_vm *vm, struct page *page)
{
    size_t live = 0, size_class = page->slot_size >> 4;
    char *end = page->slots + (size_t)page->slot_count * page->slot_size;
    for (char *slot = end - page->slot_size; slot >= page->slots; slot -= page->slot_size) {
        struct head *head = (struct head *)(void *)slot;
        if (head->flags & F_MARK) {
            head->flags &= (uint8_t)~F_MARK;
            live += page->slot_size;
            continue;
        }
        if (head->kind != K_FREE)
            object_release(vm, head);
        slot_free(vm, size_class, head);
    }
    return live;
}

/* Takes a page's slots, all free, off the free list again and gives the page back. */
static void page_drop(struct star_vm *vm, struct page **link, void *free_before)
{
    struct page *page = *link;
    vm->free_slots[page->slot_size >> 4] = free_before;
    *link = page->next;
    free(page);
    vm->memory -= PAGE_SIZE;
}

static size_t pages_sweep(struct star_vm *vm)
{
    size_t live = 0;
    memset(vm->free_slots, 0, sizeof(vm->free_slots));
    for (struct page **link = &vm->pages; *link;) {
        void *free_before = vm->free_slots[(*link)->slot_size >> 4];
        size_t here = page_sweep(vm, *link);
        live += here;
        if (here == 0 && free_before)
            page_drop(vm, link, free_before);
        else
            link = &(*link)->next;
    }
    return live;
}

static void large_sweep(struct star_vm *vm)
{
    size_t kept = 0;
    for (size_t i = 0; i < vm->large_count; i++) {
        struct large_object *object = vm->large[i];
        if (object->head.flags & F_MARK) {
            object->head.flags &= (uint8_t)~F_MARK;
            vm->large[kept++] = object;
        } else {
            object_release(vm, &object->head);
            sl_realloc(vm, object, object->size, 0);
        }
    }
    vm->large_count = kept;
}

static void unmark_all(struct star_vm *vm)
{
    for (struct page *page = vm->pages; page; page = page->next)
        for (uint32_t i = 0; i < page->slot_count; i++)
            ((struct head *)(void *)(page->slots + (size_t)i * page->slot_size))->flags &=
                (uint8_t)~F_MARK;
    for (size_t i = 0; i < vm->large_count; i++)
        vm->large[i]->head.flags &= (uint8_t)~F_MARK;
}

/* As much again as is in use, but no more than half of what the limit leaves. */
static void budget_set(struct star_vm *vm)
{
    int64_t budget = vm->memory > GC_BUDGET_MIN ? (int64_t)vm->memory : GC_BUDGET_MIN;
    if (vm->config.max_memory) {
        int64_t left = (int64_t)(vm->config.max_memory -
                                 (vm->memory < vm->config.max_memory ? vm->memory : 0));
        if (vm->memory >= vm->config.max_memory)
            left = 0;
        if (budget > left / 2)
            budget = left / 2;
    }
    vm->gc_budget = budget > PAGE_SIZE ? budget : PAGE_SIZE;
}

void sl_heap_init(struct star_vm *vm)
{
    budget_set(vm);
}

void sl_collect(struct star_vm *vm)
{
    vm->mark_failed = false;
    memset(vm->shapes, 0, sizeof(vm->shapes));
    mark_roots(vm);
    while (vm->mark_count > 0)
        mark_children(vm, vm->mark_stack[--vm->mark_count]);
    if (vm->mark_failed) {
        unmark_all(vm);
    } else {
        pages_sweep(vm);
        large_sweep(vm);
    }
    vm->gc_due = false;
    budget_set(vm);
}

void star_vm_collect(struct star_vm *vm)
{
    sl_collect(vm);
}

void sl_heap_free(struct star_vm *vm)
{
    pages_sweep(vm); /* nothing is marked */
    large_sweep(vm);
    while (vm->pages) {
        struct page *next = vm->pages->next;
        free(vm->pages);
        vm->pages = next;
    }
    free(vm->large);
    free(vm->mark_stack);
}
