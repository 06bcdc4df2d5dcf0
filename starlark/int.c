/*
 * Integers. Arithmetic that overflows a word, and everything on big operands, goes through GMP. GMP
 * ends the process when it cannot allocate, so sizes are checked against the memory limit, and the
 * work charged as steps, before each operation.
 */
#include "starlark/int.h"
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/hash.h"
#include "starlark/str.h"

#include <gmp.h>
#include <math.h>

/* 128 MiB: no script needs more, and GMP stays far from its own limits. */
enum {
    LIMBS_MAX = 1 << 24,
    SHIFT_MAX = 512
};

/* head.aux: number of limbs; head.small: 1 if negative. */
struct bigint {
    struct head head;
    mp_limb_t limbs[];
};

/* -------------------------------------------------------------------------------------------------------------
 * conversions */

/* A view of a value as a GMP number; `store` holds a small one's limb. */
static mpz_srcptr view(star_value x, mpz_t number, mp_limb_t *store)
{
    if (is_small(x)) {
        int64_t value = small_get(x);
        *store = value < 0 ? -(uint64_t)value : (uint64_t)value;
        return mpz_roinit_n(number, store, value < 0 ? -1 : value > 0);
    }
    struct bigint *big = AS(bigint, x);
    mp_size_t size = (mp_size_t)big->head.aux;
    return mpz_roinit_n(number, big->limbs, big->head.small ? -size : size);
}

static void bigint_fill(struct bigint *big, mpz_srcptr number)
{
    big->head.aux = (uint32_t)mpz_size(number);
    big->head.small = mpz_sgn(number) < 0;
    memcpy(big->limbs, mpz_limbs_read(number), mpz_size(number) * sizeof(mp_limb_t));
}

/* The smallest form of a GMP number. */
static star_value from_mpz(struct star_vm *vm, mpz_srcptr number)
{
    if (mpz_fits_slong_p(number) && fits_small(mpz_get_si(number)))
        return small_make(mpz_get_si(number));
    if (mpz_size(number) > LIMBS_MAX)
        return star_fail(vm, "int too large");
    struct bigint *big =
        sl_alloc(vm, sizeof(*big) + mpz_size(number) * sizeof(mp_limb_t), K_BIGINT);
    if (big)
        bigint_fill(big, number);
    return object_value(big);
}

/* Takes the number over and clears it. */
static star_value take_mpz(struct star_vm *vm, mpz_ptr number)
{
    star_value value = from_mpz(vm, number);
    mpz_clear(number);
    return value;
}

star_value sl_int_big(struct star_vm *vm, int64_t value)
{
    mpz_t number;
    mpz_init_set_si(number, value);
    return take_mpz(vm, number);
}

star_value sl_uint(struct star_vm *vm, uint64_t value)
{
    if (value <= (uint64_t)SMALL_MAX)
        return small_make((int64_t)value);
    mpz_t number;
    mpz_init_set_ui(number, value);
    return take_mpz(vm, number);
}

static star_value immortal(mpz_srcptr number)
{
    struct bigint *big = malloc(sizeof(*big) + mpz_size(number) * sizeof(mp_limb_t));
    if (!big)
        return STAR_NULL;
    big->head = (struct head){.kind = K_BIGINT, .flags = F_IMMORTAL | F_FROZEN};
    bigint_fill(big, number);
    return object_value(big);
}

star_value sl_int_immortal(int64_t value)
{
    mpz_t number;
    mpz_init_set_si(number, value);
    star_value result = immortal(number);
    mpz_clear(number);
    return result;
}

/* `size` digits as a number; false when there is no memory. */
static bool parse_digits(mpz_ptr number, const char *digits, size_t size, int base)
{
    char *copy = malloc(size + 1);
    if (!copy)
        return false;
    memcpy(copy, digits, size);
    copy[size] = '\0';
    mpz_init_set_str(number, copy, base);
    free(copy);
    return true;
}

star_value sl_int_immortal_text(const char *digits, size_t size, int base)
{
    mpz_t number;
    if (!parse_digits(number, digits, size, base))
        return STAR_NULL;
    star_value result = fits_small(mpz_get_si(number)) && mpz_fits_slong_p(number)
                            ? small_make(mpz_get_si(number))
                            : immortal(number);
    mpz_clear(number);
    return result;
}

/* ------------------------------------------------------------------------------------------------------------------
 * limits */

static uint64_t limbs_of(star_value x)
{
    return is_small(x) ? 1 : head_of(x)->aux;
}

/* Room for a result of `limbs`, and `work` as steps. */
static bool allow(struct star_vm *vm, uint64_t limbs, uint64_t work)
{
    if (limbs > LIMBS_MAX) {
        star_fail(vm, "int too large");
        return false;
    }
    if (vm->config.max_memory &&
        vm->memory + limbs * 4 * sizeof(mp_limb_t) > vm->config.max_memory && limbs > 1024) {
        sl_fail_limit(vm, "too much memory");
        return false;
    }
    return work < 64 || sl_charge(vm, work);
}

/* What an operation on x and y costs, in steps: GMP multiplies and divides in less than quadratic
 * time. */
static uint64_t work_of(uint64_t x, uint64_t y)
{
    uint64_t less = x < y ? x : y, more = x < y ? y : x;
    double work = (double)more * sqrt((double)less) / 16.0;
    return (uint64_t)work + (x + y) / 8;
}

/* --------------------------------------------------------------------------------------------------------------
 * arithmetic */

static star_value shift_count(struct star_vm *vm, enum opcode op, star_value y, int64_t *ret_count)
{
    int64_t limit = op == OP_SHL ? SHIFT_MAX - 1 : INT32_MAX;
    struct star_text text = TEXT_INIT(vm);
    if (sl_int_sign(y) >= 0 && sl_int_get(y, ret_count) && *ret_count <= limit)
        return V_NONE;
    sl_int_format(&text, y, 10, false);
    sl_text_put(&text, "", 1);
    if (!text.failed)
        star_fail(vm, sl_int_sign(y) < 0 ? "negative shift count: %s" : "shift count too large: %s",
                  text.data);
    sl_text_free(&text);
    return STAR_NULL;
}

static star_value int_shift(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    int64_t count = 0;
    if (star_is_null(shift_count(vm, op, y, &count)))
        return STAR_NULL;
    mp_limb_t store;
    mpz_t number, result;
    if (!allow(vm, limbs_of(x) + 8, limbs_of(x) / 8))
        return STAR_NULL;
    mpz_init(result);
    if (op == OP_SHL)
        mpz_mul_2exp(result, view(x, number, &store), (mp_bitcnt_t)count);
    else
        mpz_fdiv_q_2exp(result, view(x, number, &store), (mp_bitcnt_t)count);
    return take_mpz(vm, result);
}

static void big_operate(enum opcode op, mpz_ptr result, mpz_srcptr x, mpz_srcptr y)
{
    switch (op) {
    case OP_ADD:
        mpz_add(result, x, y);
        break;
    case OP_SUB:
        mpz_sub(result, x, y);
        break;
    case OP_MUL:
        mpz_mul(result, x, y);
        break;
    case OP_FLOORDIV:
        mpz_fdiv_q(result, x, y);
        break;
    case OP_MOD:
        mpz_fdiv_r(result, x, y);
        break;
    case OP_AND:
        mpz_and(result, x, y);
        break;
    case OP_OR:
        mpz_ior(result, x, y);
        break;
    default:
        mpz_xor(result, x, y);
        break;
    }
}

static star_value big_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    uint64_t a = limbs_of(x), b = limbs_of(y);
    bool heavy = op == OP_MUL || op == OP_FLOORDIV || op == OP_MOD;
    if (!allow(vm, a + b, heavy ? work_of(a, b) : (a + b) / 8))
        return STAR_NULL;
    mp_limb_t store_x, store_y;
    mpz_t number_x, number_y, result;
    mpz_init(result);
    big_operate(op, result, view(x, number_x, &store_x), view(y, number_y, &store_y));
    return take_mpz(vm, result);
}

static int64_t floor_div(int64_t x, int64_t y)
{
    int64_t quotient = x / y;
    return quotient - ((x % y != 0) & ((x ^ y) < 0));
}

/* Both small, so no 64-bit operation but multiplication can overflow. */
static star_value small_binary(struct star_vm *vm, enum opcode op, int64_t x, int64_t y)
{
    int64_t product;
    switch (op) {
    case OP_ADD:
        return sl_int(vm, x + y);
    case OP_SUB:
        return sl_int(vm, x - y);
    case OP_MUL:
        if (__builtin_mul_overflow(x, y, &product))
            return big_binary(vm, op, small_make(x), small_make(y));
        return sl_int(vm, product);
    case OP_FLOORDIV:
        return sl_int(vm, floor_div(x, y));
    case OP_MOD:
        return sl_int(vm, x - floor_div(x, y) * y);
    case OP_AND:
        return small_make(x & y);
    case OP_OR:
        return small_make(x | y);
    default:
        return small_make(x ^ y);
    }
}

star_value sl_int_binary(struct star_vm *vm, enum opcode op, star_value x, star_value y)
{
    if (op == OP_SHL || op == OP_SHR)
        return int_shift(vm, op, x, y);
    if (sl_int_sign(y) == 0 && op == OP_FLOORDIV)
        return star_fail(vm, "floored division by zero");
    if (sl_int_sign(y) == 0 && op == OP_MOD)
        return star_fail(vm, "integer modulo by zero");
    if (both_small(x, y))
        return small_binary(vm, op, small_get(x), small_get(y));
    return big_binary(vm, op, x, y);
}

star_value sl_int_negate(struct star_vm *vm, star_value x)
{
    return sl_int_binary(vm, OP_SUB, small_make(0), x);
}

star_value sl_int_invert(struct star_vm *vm, star_value x)
{
    return sl_int_binary(vm, OP_SUB, small_make(-1), x);
}

/* --------------------------------------------------------------------------------------------------------------
 * comparison */

int sl_int_sign(star_value x)
{
    if (is_small(x))
        return (small_get(x) > 0) - (small_get(x) < 0);
    return head_of(x)->small ? -1 : 1;
}

int sl_int_compare(star_value x, star_value y)
{
    if (both_small(x, y))
        return (small_get(x) > small_get(y)) - (small_get(x) < small_get(y));
    mp_limb_t store_x, store_y;
    mpz_t number_x, number_y;
    return mpz_cmp(view(x, number_x, &store_x), view(y, number_y, &store_y));
}

int sl_int_compare_double(star_value x, double y)
{
    mp_limb_t store;
    mpz_t number;
    if (isinf(y))
        return y > 0 ? -1 : 1;
    return mpz_cmp_d(view(x, number, &store), y);
}

bool sl_int_get(star_value x, int64_t *ret)
{
    if (is_small(x)) {
        *ret = small_get(x);
        return true;
    }
    mp_limb_t store;
    mpz_t number;
    mpz_srcptr big = view(x, number, &store);
    if (!mpz_fits_slong_p(big))
        return false;
    *ret = mpz_get_si(big);
    return true;
}

bool sl_int_get_unsigned(star_value x, uint64_t *ret)
{
    mp_limb_t store;
    mpz_t number;
    mpz_srcptr big = view(x, number, &store);
    *ret = mpz_get_ui(big);
    return mpz_fits_ulong_p(big);
}

/* GMP truncates: the limbs below the top two only matter in that some bit is set, which makes the
 * rest round as it should. */
static double round_limbs(const mp_limb_t *limbs, size_t count)
{
    unsigned lead = (unsigned)__builtin_clzl(limbs[count - 1]);
    uint64_t top = limbs[count - 1] << lead;
    bool sticky = false;
    if (count > 1) {
        top |= lead ? limbs[count - 2] >> (64 - lead) : 0;
        sticky = (lead ? limbs[count - 2] << lead : limbs[count - 2]) != 0;
    }
    for (size_t i = 0; i + 2 < count && !sticky; i++)
        sticky = limbs[i] != 0;
    return ldexp((double)(top | sticky), (int)(64 * (count - 1)) - (int)lead);
}

bool sl_int_double(star_value x, double *ret)
{
    if (is_small(x)) {
        *ret = (double)small_get(x);
        return true;
    }
    struct bigint *big = AS(bigint, x);
    if (big->head.aux > 17)
        return false;
    *ret = round_limbs(big->limbs, big->head.aux);
    if (big->head.small)
        *ret = -*ret;
    return !isinf(*ret);
}

star_value sl_int_from_double(struct star_vm *vm, double x)
{
    if (fabs(x) < 0x1p61)
        return small_make((int64_t)x);
    mpz_t number;
    mpz_init_set_d(number, x);
    return take_mpz(vm, number);
}

uint32_t sl_int_hash(struct star_vm *vm, star_value x)
{
    if (is_small(x))
        return sl_hash_int((uint64_t)small_get(x), vm->key);
    struct bigint *big = AS(bigint, x);
    double rounded;
    if (sl_int_double(x, &rounded) && sl_int_compare_double(x, rounded) == 0)
        return sl_float_hash(vm, rounded);
    return sl_hash_bytes((const char *)big->limbs, big->head.aux * sizeof(mp_limb_t), vm->key) ^
           big->head.small;
}

/* --------------------------------------------------------------------------------------------------------------------
 * text */

star_value sl_int_from_digits(struct star_vm *vm, const char *digits, size_t size, int base,
                              bool negative)
{
    int64_t value = 0;
    if (size <= 12) {
        for (size_t i = 0; i < size; i++) {
            char c = digits[i];
            value = value * base + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        return small_make(negative ? -value : value);
    }
    mpz_t number;
    if (!allow(vm, size / 12 + 1, work_of(size / 16, size / 16)))
        return STAR_NULL;
    if (!parse_digits(number, digits, size, base))
        return sl_fail_limit(vm, "out of memory");
    if (negative)
        mpz_neg(number, number);
    return take_mpz(vm, number);
}

size_t sl_small_format(char *to, int64_t value)
{
    char digits[24];
    size_t count = 0, size = 0;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        to[size++] = '-';
    while (count > 0)
        to[size++] = digits[--count];
    return size;
}

void sl_int_format(struct star_text *text, star_value value, int base, bool upper)
{
    mp_limb_t store;
    mpz_t number;
    uint64_t limbs = limbs_of(value);
    if (!allow(text->vm, limbs * 4, work_of(limbs, limbs))) {
        text->failed = true;
        return;
    }
    mpz_srcptr big = view(value, number, &store);
    char *room = sl_text_room(text, mpz_sizeinbase(big, base) + 2);
    if (!room)
        return;
    mpz_get_str(room, upper ? -base : base, big);
    text->size += strlen(room);
}
