/*
 * The interpreter's loop. One C function runs all Starlark frames above the one it was entered for;
 * a call of a Starlark function pushes a frame and goes on here, so the C stack does not grow.
 *
 * Inside the loop `pc`, `R` (registers) and `K` (constants) are locals. Before anything that may
 * fail, call or look at the stack, SAVE() writes pc to the frame. The fast paths - small ints,
 * immediate floats, lists, dicts with string keys - are here; the general ones are in ops.c,
 * index.c, attr.c and call.c.
 */
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/methods.h"
#include "starlark/object.h"
#include "starlark/seq.h"
#include "starlark/spell.h"
#include "starlark/str.h"
#include "starlark/table.h"

/* -------------------------------------------------------------------------------------------------
 * what instructions call */

static bool fail_unbound(struct star_vm *vm, const char *what, star_value name)
{
    star_fail(vm, "%s variable %s referenced before assignment", what, as_str(name)->data);
    return false;
}

static star_value make_function(struct star_vm *vm, const struct frame *frame, struct code *code,
                                const star_value *defaults)
{
    size_t count = (size_t)code->default_count + code->capture_count;
    struct function *fn = sl_alloc(vm, sizeof(*fn) + count * sizeof(star_value), K_FUNCTION);
    if (!fn)
        return STAR_NULL;
    fn->code = code;
    fn->module = frame->fn->module;
    memcpy(fn->slots, defaults, code->default_count * sizeof(star_value));
    star_value *cells = fn->slots + code->default_count;
    const star_value *outer = frame->fn->slots + frame->fn->code->default_count;
    for (uint32_t i = 0; i < code->capture_count; i++) {
        const struct capture *capture = &code->captures[i];
        cells[i] = capture->from_free ? outer[capture->index] : frame->base[capture->index];
    }
    return object_value(fn);
}

static star_value make_cell(struct star_vm *vm, star_value content)
{
    struct cell *cell = sl_alloc(vm, sizeof(*cell), K_CELL);
    if (cell)
        cell->value = content;
    return object_value(cell);
}

/* The name of a captured variable, for messages: of the cell in register `at`. */
static star_value cell_name(const struct code *code, uint16_t at)
{
    const struct star_program *program = code->program;
    for (size_t i = 0; i < program->function_count; i++)
        for (uint32_t j = 0; j < program->functions[i]->capture_count; j++)
            if (program->functions[i]->outer == code &&
                !program->functions[i]->captures[j].from_free &&
                program->functions[i]->captures[j].index == at)
                return object_value(program->functions[i]->captures[j].name);
    return object_value(code->name);
}

static bool unpack_iterable(struct star_vm *vm, star_value from, star_value *to, uint32_t count)
{
    struct star_iter iter;
    star_value item;
    uint32_t n = 0;
    if (!star_iter_begin(vm, from, &iter))
        return false;
    while (n < count && star_iter_next(&iter, &item))
        to[n++] = item;
    int64_t len;
    bool more = n == count && star_iter_next(&iter, &item);
    if (!star_iter_end(&iter))
        return false;
    if (more && star_len(from, &len))
        star_fail(vm, "too many values to unpack (got %lld, want %u)", (long long)len, count);
    else if (more)
        star_fail(vm, "too many values to unpack (want %u)", count);
    else if (n < count)
        star_fail(vm, "too few values to unpack (got %u, want %u)", n, count);
    return !vm->error;
}

static bool unpack(struct star_vm *vm, star_value from, star_value *to, uint32_t count)
{
    const star_value *items;
    size_t n;
    if (!sl_iterable(from)) {
        star_fail(vm, "got %s in sequence assignment", star_type_name(from));
        return false;
    }
    if (!sl_seq(from, &items, &n))
        return unpack_iterable(vm, from, to, count);
    if (n == count) {
        memmove(to, items, n * sizeof(star_value));
        return true;
    }
    star_fail(vm, "too %s values to unpack (got %zu, want %u)", n > count ? "many" : "few", n,
              count);
    return false;
}

/* A loop's state is three registers. Ranges: how many items are left (an int), the next one, the
 * step. Others: the value, the cursor, and True if it was locked, or an object's own state. */
static bool iter_begin(struct star_vm *vm, star_value *state, star_value x)
{
    if (!sl_iterable(x)) {
        star_fail(vm, "%s value is not iterable", star_type_name(x));
        return false;
    }
    state[0] = x;
    state[1] = small_make(0);
    state[2] = V_NONE;
    struct head *head = head_of(x);
    if (head->kind == K_RANGE) {
        struct range *range = AS(range, x);
        if (fits_small(range->start) && fits_small(range->step) && fits_small(range->stop)) {
            state[0] = small_make(range->count);
            state[1] = small_make(range->start);
            state[2] = small_make(range->step);
        }
        return true;
    }
    if ((head->kind != K_LIST && head->kind != K_DICT && head->kind != K_SET) ||
        head->flags & F_FROZEN)
        return true;
    state[2] = V_TRUE;
    return sl_lock(vm, head);
}

/* The items of all but ranges, lists and tuples. False at the end, or with an error pending. */
static bool iter_next(struct star_vm *vm, star_value *state, star_value *ret_item)
{
    struct star_iter iter = {.vm = vm,
                             .over = state[0],
                             .cursor = (uint64_t)small_get(state[1]),
                             .state = is_none(state[2]) ? STAR_NULL : state[2]};
    bool more = star_iter_next(&iter, ret_item);
    state[1] = small_make((int64_t)iter.cursor);
    if (is_kind(state[0], K_OBJECT))
        state[2] = star_is_null(iter.state) ? V_NONE : iter.state;
    return more && !vm->error;
}

static void iter_end(struct star_vm *vm, const star_value *state)
{
    if (!is_small(state[0]) && state[2].bits == TRUE_BITS && !is_kind(state[0], K_OBJECT))
        vm->locks[--vm->lock_count]->aux--;
}

static bool put_entry(struct star_vm *vm, star_value dict, star_value key, star_value value,
                      bool literal)
{
    uint32_t hash;
    bool new;
    if (!sl_hash(vm, key, DEPTH_MAX, &hash) ||
        !sl_table_set(vm, &AS(dict, dict)->table, key, hash, value, &new))
        return false;
    if (new || !literal)
        return true;
    struct star_text text = TEXT_INIT(vm);
    sl_repr(&text, key);
    sl_text_put(&text, "", 1);
    if (!text.failed)
        star_fail(vm, "duplicate key: %s", text.data);
    sl_text_free(&text);
    return false;
}

static star_value load_module(struct star_vm *vm, star_value name)
{
    const char *module = as_str(name)->data;
    if (!vm->config.load)
        star_fail(vm, "load not implemented by this application");
    star_value loaded = vm->config.load ? vm->config.load(vm, vm->config.data, module) : STAR_NULL;
    if (!star_is_null(loaded) && !is_kind(loaded, K_MODULE))
        loaded = star_fail(vm, "got %s, want module", star_type_name(loaded));
    if (star_is_null(loaded) && vm->config.load)
        sl_error_restack(vm, "cannot load %s: ", module);
    return loaded;
}

static star_value load_name(struct star_vm *vm, star_value from, star_value name,
                            star_value module_name)
{
    struct module *module = AS(module, from);
    star_value *found = sl_module_find(vm, module, as_str(name));
    if (found)
        return *found;
    const char **candidates = sl_realloc(vm, NULL, 0, (module->count + 1) * sizeof(char *));
    size_t count = 0;
    for (uint32_t i = 0; candidates && i < module->count; i++)
        if (!star_is_null(module->values[i]))
            candidates[count++] = as_str(module->names[i])->data;
    const char *hint = candidates ? sl_spell_nearest(as_str(name)->data, candidates, count) : NULL;
    if (hint)
        star_fail(vm, "load: name %s not found in module %s (did you mean %s?)", as_str(name)->data,
                  as_str(module_name)->data, hint);
    else
        star_fail(vm, "load: name %s not found in module %s", as_str(name)->data,
                  as_str(module_name)->data);
    sl_realloc(vm, candidates, (module->count + 1) * sizeof(char *), 0);
    return STAR_NULL;
}

/* x[k] where x is a dict with string keys, else the general way. */
static inline star_value index_fast(struct star_vm *vm, star_value x, star_value y)
{
    if (is_pointer(x)) {
        if (is_small(y)) {
            int64_t i = small_get(y);
            if (head_of(x)->kind == K_LIST) {
                struct list *list = AS(list, x);
                if (i < 0)
                    i += list->count;
                if ((uint64_t)i < list->count)
                    return list->items[i];
            } else if (head_of(x)->kind == K_TUPLE) {
                if (i < 0)
                    i += head_of(x)->aux;
                if ((uint64_t)i < head_of(x)->aux)
                    return AS(tuple, x)->items[i];
            }
        } else if (head_of(x)->kind == K_DICT && is_string(y)) {
            struct entry *entry =
                sl_table_find_str(&AS(dict, x)->table, as_str(y), sl_str_hash(as_str(y), vm->key));
            if (entry)
                return entry->value;
        }
    }
    return sl_index(vm, x, y);
}

static inline bool set_index_fast(struct star_vm *vm, star_value x, star_value y, star_value value)
{
    if (is_small(y) && is_kind(x, K_LIST)) {
        struct list *list = AS(list, x);
        int64_t i = small_get(y);
        if (i < 0)
            i += list->count;
        if ((uint64_t)i < list->count && !(list->head.flags & F_FROZEN) && list->head.aux == 0) {
            list->items[i] = value;
            return true;
        }
    }
    return sl_set_index(vm, x, y, value);
}

/* Equality that settles most cases at once. */
static inline bool equal_fast(struct star_vm *vm, star_value x, star_value y, bool *ret)
{
    if (both_small(x, y)) {
        *ret = x.bits == y.bits;
        return true;
    }
    if (is_string(x) && is_string(y)) {
        vm->fuel -= as_str(x)->size >> 6;
        *ret = sl_str_same(as_str(x), as_str(y));
        return true;
    }
    return sl_equal(vm, x, y, COMPARE_DEPTH, ret);
}

/* ------------------------------------------------------------------------------------------------------------------
 * limits */

bool sl_check(struct star_vm *vm, bool safe)
{
    enum {
        SLICE = 20000
    };
    vm->steps += (uint64_t)(vm->fuel_given - vm->fuel);
    vm->fuel = vm->fuel_given = 0;
    if (atomic_load_explicit(&vm->cancelled, memory_order_relaxed)) {
        const char *reason = atomic_load_explicit(&vm->cancel_reason, memory_order_acquire);
        sl_fail_cancelled(vm, reason ? reason : "cancelled");
        return false;
    }
    if (vm->config.max_steps && vm->steps >= vm->config.max_steps) {
        sl_fail_limit(vm, "too many steps");
        return false;
    }
    if (vm->gc_due && safe)
        sl_collect(vm);
    if (vm->gc_due)
        return true; /* without fuel, so that the next safe place sees it */
    uint64_t left = vm->config.max_steps ? vm->config.max_steps - vm->steps : SLICE;
    vm->fuel = vm->fuel_given = (int64_t)(left < SLICE ? left : SLICE);
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------
 * the loop */

#define SAVE() (vm->frames[vm->frame_count - 1].pc = pc)

#define LOAD_FRAME()                                             \
    do {                                                         \
        struct frame *loaded = &vm->frames[vm->frame_count - 1]; \
        pc = loaded->pc;                                         \
        R = loaded->base;                                        \
        fn = loaded->fn;                                         \
        K = fn->code->program->constants;                        \
    } while (0)

#define NEXT()               \
    do {                     \
        i = *pc++;           \
        goto *targets[i.op]; \
    } while (0)

/* Stores a result, or fails. */
#define RESULT(register, expression)       \
    do {                                   \
        star_value result_ = (expression); \
        if (star_is_null(result_))         \
            goto failed;                   \
        R[register] = result_;             \
        NEXT();                            \
    } while (0)

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            goto failed;   \
    } while (0)

#define JUMP_WORD() (pc += 1 + pc->bx)

/* Arithmetic whose fast paths are small ints and immediate floats. */
#define ARITHMETIC(name, int_case, float_op)                              \
    op_##name:                                                            \
    {                                                                     \
        star_value x = R[i.b], y = R[i.c];                                \
        if (both_small(x, y)) {                                           \
            int_case                                                      \
        } else if (is_flo(x) && is_flo(y)) {                              \
            star_value float_ = flo_make(flo_get(x) float_op flo_get(y)); \
            if (!star_is_null(float_)) {                                  \
                R[i.a] = float_;                                          \
                NEXT();                                                   \
            }                                                             \
        }                                                                 \
        SAVE();                                                           \
        RESULT(i.a, sl_binary(vm, OP_##name, x, y));                      \
    }

#define GENERAL_BINARY(name) \
    op_##name : SAVE();      \
    RESULT(i.a, sl_binary(vm, OP_##name, R[i.b], R[i.c]));

/* An operator with a small constant on the right. */
#define IMMEDIATE(name, plain, fast)                              \
    op_##name:                                                    \
    {                                                             \
        star_value x = R[i.b];                                    \
        int64_t c = (int16_t)i.c;                                 \
        if (is_small(x)) {                                        \
            fast                                                  \
        }                                                         \
        SAVE();                                                   \
        RESULT(i.a, sl_binary(vm, OP_##plain, x, small_make(c))); \
    }

#define COMPARISON(name, order, c_op)                                    \
    op_##name:                                                           \
    {                                                                    \
        bool holds;                                                      \
        star_value x = R[i.b], y = R[i.c];                               \
        if (both_small(x, y)) {                                          \
            holds = (int64_t)x.bits c_op(int64_t) y.bits;                \
        } else {                                                         \
            SAVE();                                                      \
            REQUIRE(sl_compare(vm, order, x, y, COMPARE_DEPTH, &holds)); \
        }                                                                \
        R[i.a] = bool_make(holds);                                       \
        NEXT();                                                          \
    }

#define COMPARE_JUMP(name, order, c_op)                                  \
    op_##name:                                                           \
    {                                                                    \
        bool holds;                                                      \
        star_value x = R[i.a], y = R[i.b];                               \
        if (both_small(x, y)) {                                          \
            holds = (int64_t)x.bits c_op(int64_t) y.bits;                \
        } else if (is_flo(x) && is_flo(y)) {                             \
            holds = flo_get(x) c_op flo_get(y);                          \
        } else {                                                         \
            SAVE();                                                      \
            REQUIRE(sl_compare(vm, order, x, y, COMPARE_DEPTH, &holds)); \
        }                                                                \
        if (holds == i.x)                                                \
            JUMP_WORD();                                                 \
        else                                                             \
            pc++;                                                        \
        NEXT();                                                          \
    }

#define COMPARE_JUMP_IMMEDIATE(name, order, c_op)                                       \
    op_##name:                                                                          \
    {                                                                                   \
        bool holds;                                                                     \
        star_value x = R[i.a];                                                          \
        if (is_small(x)) {                                                              \
            holds = small_get(x) c_op i.bx;                                             \
        } else {                                                                        \
            SAVE();                                                                     \
            REQUIRE(sl_compare(vm, order, x, small_make(i.bx), COMPARE_DEPTH, &holds)); \
        }                                                                               \
        if (holds == i.x)                                                               \
            JUMP_WORD();                                                                \
        else                                                                            \
            pc++;                                                                       \
        NEXT();                                                                         \
    }

static inline int64_t floor_mod(int64_t x, int64_t y)
{
    int64_t rest = x % y;
    return rest + (((rest != 0) & ((rest ^ y) < 0)) ? y : 0);
}

static inline int64_t floor_quotient(int64_t x, int64_t y)
{
    int64_t quotient = x / y;
    return quotient - ((x % y != 0) & ((x ^ y) < 0));
}

star_value sl_run(struct star_vm *vm)
{
    static const void *const targets[OPCODE_MAX] = {
#define X(name) &&op_##name,
        OPCODES(X)
#undef X
    };
    const struct instr *pc;
    star_value *R;
    const star_value *K;
    struct function *fn;
    struct instr i;
    const uint32_t floor = vm->frame_count;

    LOAD_FRAME();
    NEXT();

op_MOVE:
    R[i.a] = R[i.b];
    NEXT();
op_LOADK:
    R[i.a] = K[i.ux];
    NEXT();
op_LOADIMM:
    R[i.a].bits = (uint64_t)(int64_t)i.bx;
    NEXT();
op_GETGLOBAL : {
    star_value value = fn->module->values[i.ux];
    if (__builtin_expect(star_is_null(value), 0)) {
        SAVE();
        REQUIRE(fail_unbound(vm, "global", fn->module->names[i.ux]));
    }
    R[i.a] = value;
    NEXT();
}
op_SETGLOBAL:
    fn->module->values[i.ux] = R[i.a];
    NEXT();
op_GETPRE:
    R[i.a] = fn->module->predeclared[i.ux];
    NEXT();
op_GETUNIV:
    R[i.a] = vm->universe[i.ux];
    NEXT();
op_GETFREE : {
    star_value value = AS(cell, fn->slots[fn->code->default_count + i.b])->value;
    if (__builtin_expect(star_is_null(value), 0)) {
        SAVE();
        REQUIRE(fail_unbound(vm, "local", object_value(fn->code->captures[i.b].name)));
    }
    R[i.a] = value;
    NEXT();
}
op_GETCELL : {
    star_value value = AS(cell, R[i.b])->value;
    if (__builtin_expect(star_is_null(value), 0)) {
        SAVE();
        REQUIRE(fail_unbound(vm, "local", cell_name(fn->code, i.b)));
    }
    R[i.a] = value;
    NEXT();
}
op_SETCELL:
    AS(cell, R[i.a])->value = R[i.b];
    NEXT();
op_MAKECELL:
    SAVE();
    RESULT(i.a, make_cell(vm, R[i.a]));
op_CHECK:
    if (__builtin_expect(star_is_null(R[i.a]), 0)) {
        SAVE();
        REQUIRE(fail_unbound(vm, "local", K[i.ux]));
    }
    NEXT();

    ARITHMETIC(
        ADD, int64_t sum;
        if (!__builtin_add_overflow((int64_t)x.bits, (int64_t)(y.bits - 1), &sum)) {
            R[i.a].bits = (uint64_t)sum;
            NEXT();
        },
        +)
    ARITHMETIC(
        SUB, int64_t difference;
        if (!__builtin_sub_overflow((int64_t)x.bits, (int64_t)(y.bits - 1), &difference)) {
            R[i.a].bits = (uint64_t)difference;
            NEXT();
        },
        -)
    ARITHMETIC(
        MUL, int64_t product;
        if (!__builtin_mul_overflow((int64_t)(x.bits - 1), small_get(y), &product)) {
            R[i.a].bits = (uint64_t)product | 1;
            NEXT();
        },
            *)

op_DIV : {
    star_value x = R[i.b], y = R[i.c];
    if (is_flo(x) && is_flo(y) && y.bits != FLO_ZERO) {
        star_value quotient = flo_make(flo_get(x) / flo_get(y));
        if (!star_is_null(quotient)) {
            R[i.a] = quotient;
            NEXT();
        }
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_DIV, x, y));
}
op_FLOORDIV : {
    star_value x = R[i.b], y = R[i.c];
    if (both_small(x, y) && small_get(y) > 0) {
        R[i.a] = small_make(floor_quotient(small_get(x), small_get(y)));
        NEXT();
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_FLOORDIV, x, y));
}
op_MOD : {
    star_value x = R[i.b], y = R[i.c];
    if (both_small(x, y) && small_get(y) > 0) {
        R[i.a] = small_make(floor_mod(small_get(x), small_get(y)));
        NEXT();
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_MOD, x, y));
}
op_AND:
    if (both_small(R[i.b], R[i.c])) {
        R[i.a].bits = R[i.b].bits & R[i.c].bits;
        NEXT();
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_AND, R[i.b], R[i.c]));
op_OR:
    if (both_small(R[i.b], R[i.c])) {
        R[i.a].bits = R[i.b].bits | R[i.c].bits;
        NEXT();
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_OR, R[i.b], R[i.c]));
op_XOR:
    if (both_small(R[i.b], R[i.c])) {
        R[i.a].bits = (R[i.b].bits ^ R[i.c].bits) | 1;
        NEXT();
    }
    SAVE();
    RESULT(i.a, sl_binary(vm, OP_XOR, R[i.b], R[i.c]));
    GENERAL_BINARY(SHL)
    GENERAL_BINARY(SHR)
op_IADD : {
    int64_t sum;
    star_value x = R[i.b], y = R[i.c];
    if (both_small(x, y) && !__builtin_add_overflow((int64_t)x.bits, (int64_t)(y.bits - 1), &sum)) {
        R[i.a].bits = (uint64_t)sum;
        NEXT();
    }
    if (is_flo(x) && is_flo(y)) {
        star_value float_ = flo_make(flo_get(x) + flo_get(y));
        if (!star_is_null(float_)) {
            R[i.a] = float_;
            NEXT();
        }
    }
    SAVE();
    RESULT(i.a, sl_inplace(vm, OP_IADD, x, y));
}
op_IOR:
    SAVE();
    RESULT(i.a, sl_inplace(vm, OP_IOR, R[i.b], R[i.c]));

    IMMEDIATE(
        ADDI, ADD, int64_t sum; if (!__builtin_add_overflow((int64_t)x.bits, c * 2, &sum)) {
            R[i.a].bits = (uint64_t)sum;
            NEXT();
        })
    IMMEDIATE(
        SUBI, SUB, int64_t difference;
        if (!__builtin_sub_overflow((int64_t)x.bits, c * 2, &difference)) {
            R[i.a].bits = (uint64_t)difference;
            NEXT();
        })
    IMMEDIATE(
        MULI, MUL, int64_t product;
        if (!__builtin_mul_overflow((int64_t)(x.bits - 1), c, &product)) {
            R[i.a].bits = (uint64_t)product | 1;
            NEXT();
        })
    IMMEDIATE(
        FLOORDIVI, FLOORDIV, if (c > 0) {
            R[i.a] = small_make(floor_quotient(small_get(x), c));
            NEXT();
        })
    IMMEDIATE(
        MODI, MOD, if (c > 0) {
            R[i.a] = small_make(floor_mod(small_get(x), c));
            NEXT();
        })
    IMMEDIATE(ANDI, AND, R[i.a] = small_make(small_get(x) & c); NEXT();)
    IMMEDIATE(
        SHLI, SHL, if (c >= 0 && c < 32 && small_get(x) >= INT32_MIN && small_get(x) <= INT32_MAX) {
            R[i.a] = small_make((int64_t)((uint64_t)small_get(x) << c));
            NEXT();
        })
    IMMEDIATE(
        SHRI, SHR, if (c >= 0) {
            R[i.a] = small_make(small_get(x) >> (c < 63 ? c : 63));
            NEXT();
        })

    COMPARISON(LT, STAR_LT, <)
    COMPARISON(LE, STAR_LE, <=)
    COMPARISON(GT, STAR_GT, >)
    COMPARISON(GE, STAR_GE, >=)
op_EQ : {
    bool equal;
    SAVE();
    REQUIRE(equal_fast(vm, R[i.b], R[i.c], &equal));
    R[i.a] = bool_make(equal);
    NEXT();
}
op_NE : {
    bool equal;
    SAVE();
    REQUIRE(equal_fast(vm, R[i.b], R[i.c], &equal));
    R[i.a] = bool_make(!equal);
    NEXT();
}
op_IN : {
    bool in;
    SAVE();
    REQUIRE(sl_in(vm, R[i.b], R[i.c], &in));
    R[i.a] = bool_make(in);
    NEXT();
}
op_NOTIN : {
    bool in;
    SAVE();
    REQUIRE(sl_in(vm, R[i.b], R[i.c], &in));
    R[i.a] = bool_make(!in);
    NEXT();
}
    COMPARE_JUMP(JLT, STAR_LT, <)
    COMPARE_JUMP(JLE, STAR_LE, <=)
    COMPARE_JUMP(JGT, STAR_GT, >)
    COMPARE_JUMP(JGE, STAR_GE, >=)
op_JEQ : {
    bool equal;
    SAVE();
    REQUIRE(equal_fast(vm, R[i.a], R[i.b], &equal));
    if (equal == i.x)
        JUMP_WORD();
    else
        pc++;
    NEXT();
}
    COMPARE_JUMP_IMMEDIATE(JLTI, STAR_LT, <)
    COMPARE_JUMP_IMMEDIATE(JLEI, STAR_LE, <=)
    COMPARE_JUMP_IMMEDIATE(JGTI, STAR_GT, >)
    COMPARE_JUMP_IMMEDIATE(JGEI, STAR_GE, >=)
    COMPARE_JUMP_IMMEDIATE(JEQI, STAR_EQ, ==)
op_JEQK : {
    bool equal;
    SAVE();
    REQUIRE(equal_fast(vm, R[i.a], K[i.ux], &equal));
    if (equal == i.x)
        JUMP_WORD();
    else
        pc++;
    NEXT();
}
op_JIN : {
    bool in;
    SAVE();
    REQUIRE(sl_in(vm, R[i.a], R[i.b], &in));
    if (in == i.x)
        JUMP_WORD();
    else
        pc++;
    NEXT();
}
op_JUMP:
    pc += i.bx;
    NEXT();
op_LOOP:
    if ((vm->fuel += i.bx) < 0) {
        SAVE();
        REQUIRE(sl_check(vm, true));
    }
    pc += i.bx;
    NEXT();
op_JIF:
    if (is_bool(R[i.a]) ? R[i.a].bits == TRUE_BITS : sl_truth(R[i.a]))
        pc += i.bx;
    NEXT();
op_JIFNOT:
    if (!(is_bool(R[i.a]) ? R[i.a].bits == TRUE_BITS : sl_truth(R[i.a])))
        pc += i.bx;
    NEXT();
op_NOT:
    R[i.a] = bool_make(!sl_truth(R[i.b]));
    NEXT();
op_NEG:
    if (is_flo(R[i.b])) {
        star_value negative = flo_make(-flo_get(R[i.b]));
        if (!star_is_null(negative)) {
            R[i.a] = negative;
            NEXT();
        }
    }
    SAVE();
    RESULT(i.a, sl_unary(vm, OP_NEG, R[i.b]));
op_POS:
    SAVE();
    RESULT(i.a, sl_unary(vm, OP_POS, R[i.b]));
op_INVERT:
    SAVE();
    RESULT(i.a, sl_unary(vm, OP_INVERT, R[i.b]));
op_INDEX:
    SAVE();
    RESULT(i.a, index_fast(vm, R[i.b], R[i.c]));
op_INDEXI:
    SAVE();
    RESULT(i.a, index_fast(vm, R[i.b], small_make((int16_t)i.c)));
op_INDEXK : {
    SAVE();
    star_value value = index_fast(vm, R[i.b], K[pc->ux]);
    pc++;
    RESULT(i.a, value);
}
op_SETINDEX:
    SAVE();
    REQUIRE(set_index_fast(vm, R[i.a], R[i.b], R[i.c]));
    NEXT();
op_SLICE:
    SAVE();
    RESULT(i.a, sl_slice(vm, R[i.b], R[i.b + 1], R[i.b + 2], R[i.b + 3]));
op_ATTR : {
    SAVE();
    star_value x = R[i.b];
    struct str *name = as_str(K[pc->ux]);
    star_value value = is_kind(x, K_STRUCT) ? sl_struct_find(AS(structure, x), name) : STAR_NULL;
    if (star_is_null(value))
        value = sl_attr(vm, x, name);
    pc++;
    RESULT(i.a, value);
}
op_SETATTR:
    SAVE();
    REQUIRE(sl_set_attr(vm, R[i.a], as_str(K[pc->ux]), R[i.b]));
    pc++;
    NEXT();

op_CALL : {
    star_value callee = R[i.a];
    star_value *arguments = R + i.a + 1;
    SAVE();
    if (is_kind(callee, K_FUNCTION)) {
        struct function *called = AS(function, callee);
        struct code *code = called->code;
        uint32_t *active = &called->module->active[code->index];
        uint16_t count = i.b;
        vm->frames[vm->frame_count - 1].target = i.c;
        if (__builtin_expect(
                code->simple && count == code->param_count &&
                    vm->frame_count < vm->frame_capacity && vm->frame_count < vm->max_calls &&
                    (*active == 0 || code->program->recursion) &&
                    code->registers <= (size_t)(vm->segment->end - arguments) && vm->fuel > 0,
                1)) {
            vm->fuel--;
            ++*active;
            struct frame *frame = &vm->frames[vm->frame_count++];
            frame->fn = called;
            frame->base = arguments;
            frame->top = arguments + code->registers;
            frame->segment = vm->segment;
            frame->locks = vm->lock_count;
            frame->keeps = vm->keep_count;
            frame->skip = 0;
            frame->entry = false;
            R = arguments;
            for (star_value *slot = R + count; slot < frame->top; slot++)
                *slot = STAR_NULL;
            fn = called;
            K = code->program->constants;
            pc = frame->pc = code->instrs;
            NEXT();
        }
        if (--vm->fuel < 0)
            REQUIRE(sl_check(vm, true));
        struct star_args args = {.count = count, .values = arguments};
        REQUIRE(sl_enter(vm, called, arguments, &args));
        LOAD_FRAME();
        NEXT();
    }
    if (--vm->fuel < 0)
        REQUIRE(sl_check(vm, true));
    struct star_args args = {.count = i.b, .values = arguments};
    if (is_kind(callee, K_BUILTIN))
        RESULT(i.c, sl_call_builtin(vm, AS(builtin, callee), &args));
    RESULT(i.c, star_call(vm, callee, &args));
}
op_CALLX : {
    struct star_args args;
    star_value callee = R[i.a];
    star_value names = pc->ux == UINT32_MAX ? STAR_NULL : K[pc->ux];
    star_value *end = R + i.a + 1 + i.b + (star_is_null(names) ? 0 : head_of(names)->aux) +
                      (i.x & 1) + (i.x >> 1);
    SAVE();
    pc++;
    if (--vm->fuel < 0)
        REQUIRE(sl_check(vm, true));
    REQUIRE(sl_spread(vm, R + i.a + 1, i.b, names, i.x, &args));
    if (is_kind(callee, K_FUNCTION)) {
        vm->frames[vm->frame_count - 1].target = i.c;
        vm->frames[vm->frame_count - 1].skip = 1;
        REQUIRE(sl_enter(vm, AS(function, callee), end, &args));
        LOAD_FRAME();
        NEXT();
    }
    if (is_kind(callee, K_BUILTIN))
        RESULT(i.c, sl_call_builtin(vm, AS(builtin, callee), &args));
    RESULT(i.c, star_call(vm, callee, &args));
}
op_FINDMETHOD : {
    struct str *name = as_str(K[pc->ux]);
    const star_builtin_fn *methods = name->head.small ? sl_methods_of(R[i.a]) : NULL;
    if (!methods || !methods[name->head.small - 1]) {
        SAVE();
        star_value callee = sl_attr(vm, R[i.a], name);
        REQUIRE(!star_is_null(callee));
        if (sl_methods_of(callee)) { /* METHOD would look for a method of it */
            star_fail(vm, "invalid call of non-function (%s)", star_type_name(callee));
            goto failed;
        }
        R[i.a] = callee;
    }
    pc++;
    NEXT();
}
op_METHOD : {
    star_value x = R[i.a];
    struct str *name = as_str(K[pc->ux]);
    struct star_args args = {.count = i.b, .values = R + i.a + 1, .self = x};
    const star_builtin_fn *methods = name->head.small ? sl_methods_of(x) : NULL;
    if (--vm->fuel < 0) {
        SAVE();
        REQUIRE(sl_check(vm, true));
    }
    if (methods && methods[name->head.small - 1]) {
        if (name->head.small - 1 == M_append && i.b == 1 && is_kind(x, K_LIST) &&
            !(head_of(x)->flags & F_FROZEN) && head_of(x)->aux == 0) {
            SAVE();
            REQUIRE(sl_list_push(vm, AS(list, x), R[i.a + 1]));
            pc++;
            R[i.c] = V_NONE;
            NEXT();
        }
        SAVE();
        pc++;
        RESULT(i.c, sl_call_method(vm, methods[name->head.small - 1],
                                   sl_method_name(name->head.small - 1), &args));
    }
    pc++;
    SAVE(); /* a missing attribute is reported at the dot */
    star_value callee = i.x ? x : sl_attr(vm, x, name);
    REQUIRE(!star_is_null(callee));
    pc--;
    SAVE();
    pc++;
    R[i.a] = callee;
    args.self = STAR_NULL;
    if (is_kind(callee, K_FUNCTION)) {
        vm->frames[vm->frame_count - 1].target = i.c;
        vm->frames[vm->frame_count - 1].skip = 1;
        REQUIRE(sl_enter(vm, AS(function, callee), R + i.a + 1, &args));
        LOAD_FRAME();
        NEXT();
    }
    if (is_kind(callee, K_BUILTIN))
        RESULT(i.c, sl_call_builtin(vm, AS(builtin, callee), &args));
    RESULT(i.c, star_call(vm, callee, &args));
}
    star_value returned;
op_RETURN:
    returned = R[i.a];
    goto leave;
op_RETNONE:
    returned = V_NONE;
leave : {
    struct frame *frame = &vm->frames[--vm->frame_count];
    vm->fuel -= pc - fn->code->instrs;
    if (vm->lock_count > frame->locks)
        sl_unlock_to(vm, frame->locks);
    vm->keep_count = frame->keeps;
    fn->module->active[fn->code->index]--;
    if (frame->entry) {
        vm->frame_count++;
        fn->module->active[fn->code->index]++;
        sl_frame_pop(vm);
        return returned;
    }
    frame--;
    vm->segment = frame->segment;
    LOAD_FRAME();
    pc += frame->skip;
    frame->skip = 0;
    R[frame->target] = returned;
    NEXT();
}
op_LIST : {
    SAVE();
    struct list *list = sl_list_new(vm, i.c);
    REQUIRE(list);
    if (i.c)
        memcpy(list->items, R + i.b, i.c * sizeof(star_value));
    list->count = i.c;
    R[i.a] = object_value(list);
    NEXT();
}
op_TUPLE : {
    SAVE();
    struct tuple *tuple = sl_tuple_new(vm, i.c);
    REQUIRE(tuple);
    memcpy(tuple->items, R + i.b, i.c * sizeof(star_value));
    R[i.a] = object_value(tuple);
    NEXT();
}
op_EXTEND : {
    struct list *list = AS(list, R[i.a]);
    SAVE();
    REQUIRE(sl_list_grow(vm, list, i.c));
    memcpy(list->items + list->count, R + i.b, i.c * sizeof(star_value));
    list->count += i.c;
    NEXT();
}
op_FREEZETUPLE:
    SAVE();
    RESULT(i.a, star_tuple_new(vm, AS(list, R[i.a])->items, AS(list, R[i.a])->count));
op_APPEND:
    SAVE();
    REQUIRE(sl_list_push(vm, AS(list, R[i.a]), R[i.b]));
    NEXT();
op_DICT : {
    SAVE();
    struct dict *dict = sl_dict_new(vm, K_DICT);
    REQUIRE(dict);
    REQUIRE(i.bx == 0 || sl_table_reserve(vm, &dict->table, i.ux));
    R[i.a] = object_value(dict);
    NEXT();
}
op_DICTSET:
    SAVE();
    REQUIRE(put_entry(vm, R[i.a], R[i.b], R[i.c], false));
    NEXT();
op_DICTPUT:
    SAVE();
    REQUIRE(put_entry(vm, R[i.a], R[i.b], R[i.c], true));
    NEXT();
op_FUNCTION : {
    SAVE();
    star_value made = make_function(vm, &vm->frames[vm->frame_count - 1],
                                    fn->code->program->functions[i.ux], R + pc->ux);
    pc++;
    RESULT(i.a, made);
}
op_UNPACK:
    SAVE();
    REQUIRE(unpack(vm, R[i.a], R + i.b, i.c));
    NEXT();
op_ITER:
    SAVE();
    REQUIRE(iter_begin(vm, R + i.a, R[i.b]));
    NEXT();
op_NEXT : {
    star_value *state = R + i.a;
    if (is_small(state[0])) {
        if (state[0].bits == small_make(0).bits) {
            pc++;
            NEXT();
        }
        state[0].bits -= 2;
        R[i.b] = state[1];
        state[1].bits += state[2].bits - 1;
    } else {
        const star_value *items = NULL;
        size_t count = 0;
        uint64_t at = (uint64_t)small_get(state[1]);
        bool more;
        if (sl_seq(state[0], &items, &count)) {
            more = at < count;
            if (more) {
                R[i.b] = items[at];
                state[1].bits += 2;
            }
        } else {
            SAVE();
            star_value item;
            more = iter_next(vm, state, &item);
            REQUIRE(!vm->error);
            if (more)
                R[i.b] = item;
        }
        if (!more) {
            iter_end(vm, state);
            pc++;
            NEXT();
        }
    }
    if ((vm->fuel += pc->bx) < 0) {
        SAVE();
        REQUIRE(sl_check(vm, true));
    }
    JUMP_WORD();
    NEXT();
}
op_ITEREND:
    iter_end(vm, R + i.a);
    NEXT();
op_LOAD:
    SAVE();
    RESULT(i.a, load_module(vm, K[i.ux]));
op_LOADNAME:
    SAVE();
    pc += 2;
    RESULT(i.a, load_name(vm, R[i.b], K[pc[-2].ux], K[pc[-1].ux]));

failed:
    for (;;) {
        bool entry = vm->frames[vm->frame_count - 1].entry;
        sl_frame_pop(vm);
        if (entry || vm->frame_count < floor)
            return STAR_NULL;
    }
}
