/*
 * The interpreter's state, and what the parts of the run time offer each other.
 *
 * Memory: every object and every array behind one is allocated here, counted, and bounded by the
 * host's limit. A function that allocates gives NULL or STAR_NULL when it cannot, with the error
 * pending. The collector runs at safe points only: backward jumps and calls of Starlark functions.
 * So C code holds values freely as long as it does not call Starlark code.
 */
#ifndef STARLARK_VM_H
#define STARLARK_VM_H

#include "starlark/code.h"
#include "starlark/value.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    SIZE_CLASSES = 32, /* of 16 bytes each */
    DEPTH_MAX = 1000,  /* nesting of values that str, hash, json and their kin follow: each level is
                          a C frame */
    COMPARE_DEPTH = 10, /* starlark-go's CompareLimit */
    C_CALLS_MAX = 150,  /* built-ins that call Starlark code that calls built-ins ... */
    TEXT_MAX = 1 << 30, /* bytes of a string, elements of a list: starlark-go's maxAlloc */
};

struct frame {
    struct function *fn;     /* NULL: a built-in */
    const struct instr *pc;  /* behind the current instruction; NULL: arguments are being bound */
    star_value *base, *top;  /* its registers, or a built-in's copied arguments */
    struct segment *segment; /* where they are */
    const char *name;        /* of a built-in */
    uint32_t locks, keeps;   /* heights of those stacks at its beginning */
    uint16_t target;         /* the caller's register for the result */
    uint8_t
        skip; /* words of the calling instruction still to be stepped over when the call returns */
    bool entry; /* called from C: the loop returns */
};

struct segment {
    struct segment *previous, *next;
    star_value *end;
    star_value slots[];
};

struct large_object; /* heap.c */
struct page;

struct star_root {
    struct star_vm *vm;
    struct star_root *previous, *next;
    star_value value;
};

/* What a host's trace function is handed. */
struct star_tracer {
    struct star_vm *vm;
    void (*visit)(struct star_vm *vm, star_value value);
};

struct star_vm {
    /* hot */
    int64_t fuel; /* steps until the next slow check; negative at once when something is to be seen
                     to */
    void *free_slots[SIZE_CLASSES + 1];
    int64_t gc_budget; /* bytes that may be allocated before the next collection */
    struct frame *frames;
    uint32_t frame_count, frame_capacity;
    uint32_t max_calls;
    uint32_t c_calls;
    star_value *universe;
    uint64_t key[2]; /* of hashes */

    /* stacks */
    struct segment *segment; /* of the innermost frame */
    struct head **locks;     /* containers that loops lock */
    uint32_t lock_count, lock_capacity;
    star_value *keeps;
    uint32_t keep_count, keep_capacity;

    /* the heap */
    struct page *pages;
    struct large_object **large;
    size_t large_count, large_capacity;
    uint64_t memory;
    bool gc_due;
    struct head **mark_stack;
    size_t mark_count, mark_capacity;
    bool mark_failed;
    struct star_root *roots;

    /* limits */
    int64_t fuel_given;
    uint64_t steps;
    atomic_bool cancelled;
    _Atomic(const char *) cancel_reason;

    struct star_error *error;
    struct star_config config;
    struct star_program **programs; /* that values of this heap refer to */
    size_t program_count, program_capacity;
    struct shape_cache {
        const star_value *names;
        struct shape *shape;
        uint8_t order[16]; /* field i of the shape is argument order[i] */
    } shapes[64];
    uint32_t universe_count;
};

/* ------------------------------------------------------------------------------------------------------------------
 * heap.c */
void *sl_alloc_slow(struct star_vm *vm, size_t size);
void sl_gc_request(struct star_vm *vm);
/* Grows or frees (size 0) an array that belongs to an object. */
void *sl_realloc(struct star_vm *vm, void *array, size_t old_size, size_t size);
/* Sets when the first collection is due, by the configuration. */
void sl_heap_init(struct star_vm *vm);
void sl_heap_free(struct star_vm *vm);
void sl_collect(struct star_vm *vm);
void sl_mark(struct star_vm *vm, star_value value);

/* An object of `size` bytes, its header filled in, the rest not. */
static inline void *sl_alloc(struct star_vm *vm, size_t size, enum kind kind)
{
    size_t size_class = (size + 15) >> 4;
    struct head *head;
    if (size_class <= SIZE_CLASSES && vm->free_slots[size_class]) {
        head = vm->free_slots[size_class];
        memcpy(&vm->free_slots[size_class], (char *)head + 8, sizeof(void *));
        vm->gc_budget -= (int64_t)(size_class << 4);
        if (vm->gc_budget < 0 && !vm->gc_due)
            sl_gc_request(vm);
        *head = (struct head){.kind = (uint8_t)kind};
        return head;
    }
    head = sl_alloc_slow(vm, size);
    if (head) {
        uint8_t large = head->flags;
        *head = (struct head){.kind = (uint8_t)kind, .flags = large};
    }
    return head;
}

/* ------------------------------------------------------------------------------------------------------------------
 * limits */
/* Counts steps and looks whether the run is over. `safe`: a collection may run. */
bool sl_check(struct star_vm *vm, bool safe);

static inline bool sl_charge(struct star_vm *vm, uint64_t steps)
{
    if (steps > INT64_MAX / 4)
        steps = INT64_MAX / 4;
    vm->fuel -= (int64_t)steps;
    return vm->fuel >= 0 || sl_check(vm, false);
}

/* ------------------------------------------------------------------------------------------------------------------
 * call.c */
star_value *sl_stack_reserve(struct star_vm *vm, star_value *at, size_t count);
struct frame *sl_frame_push(struct star_vm *vm);
/* Leaves the innermost frame: its locks and kept values go. */
void sl_frame_pop(struct star_vm *vm);
/* The end of the registers in use. */
star_value *sl_stack_top(struct star_vm *vm);
/* Calls a built-in or an object; `args` must be kept by the caller. */
star_value sl_call_builtin(struct star_vm *vm, struct builtin *builtin, struct star_args *args);
star_value sl_call_method(struct star_vm *vm, star_builtin_fn method, const char *name,
                          const struct star_args *args);
/* Pushes a frame for `fn` with the arguments bound; `base` is where its registers shall be, the
 * arguments not in them yet. */
struct frame *sl_enter(struct star_vm *vm, struct function *fn, star_value *base,
                       const struct star_args *args);
bool sl_bind(struct star_vm *vm, struct function *fn, star_value *registers,
             const struct star_args *args);
/* Joins the arguments of f(..., *args, **kwargs) into `out`. */
bool sl_spread(struct star_vm *vm, const star_value *values, uint32_t positional, star_value names,
               unsigned stars, struct star_args *out);
star_value sl_run(struct star_vm *vm);
bool sl_lock(struct star_vm *vm, struct head *head);
void sl_unlock_to(struct star_vm *vm, uint32_t height);
/* The name of the running built-in, for messages. */
const char *sl_builtin_name(const struct star_vm *vm);

/* -------------------------------------------------------------------------------------------------------------------
 * ops.c */
star_value sl_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y);
star_value sl_unary(struct star_vm *vm, enum opcode op, star_value x);
star_value sl_inplace(struct star_vm *vm, enum opcode op, star_value x, star_value y);
star_value sl_index(struct star_vm *vm, star_value x, star_value y);
bool sl_set_index(struct star_vm *vm, star_value x, star_value y, star_value value);
star_value sl_slice(struct star_vm *vm, star_value x, star_value low, star_value high,
                    star_value step);
bool sl_in(struct star_vm *vm, star_value x, star_value y, bool *ret_in);
star_value sl_attr(struct star_vm *vm, star_value x, struct str *name);
/* STAR_NULL, without an error, if there is none. */
star_value sl_attr_if(struct star_vm *vm, star_value x, struct str *name);
bool sl_set_attr(struct star_vm *vm, star_value x, struct str *name, star_value value);
bool sl_truth(star_value value);
/* An index or a bound: small, saturated; "got string, want int". */
bool sl_as_index(struct star_vm *vm, star_value value, const char *what, int64_t *ret);

/* ---------------------------------------------------------------------------------------------------------------
 * compare.c */
bool sl_equal(struct star_vm *vm, star_value x, star_value y, int depth, bool *ret_equal);
bool sl_compare(struct star_vm *vm, enum star_order order, star_value x, star_value y, int depth,
                bool *ret_holds);
bool sl_hash(struct star_vm *vm, star_value value, int depth, uint32_t *ret_hash);
const char *sl_order_text(enum star_order order);

/* ---------------------------------------------------------------------------------------------------------------
 * modules */
struct module *sl_module_new(struct star_vm *vm, struct str *name, size_t count);
star_value *sl_module_find(struct star_vm *vm, struct module *module, const struct str *name);

#endif
