/*
 * Values: how the one word is laid out, and what heap objects look like. Internal; hosts see
 * starlark.h.
 *
 *   ...............................................1   an int of 63 bits
 *   ..............................................10   a float whose exponent is not extreme (see
 * float.h)
 *   .............................................100   None, False, True
 *   .............................................000   a pointer to a heap object; all zero is
 * STAR_NULL
 */
#ifndef STARLARK_VALUE_H
#define STARLARK_VALUE_H

#include "starlark/starlark.h"

#include <string.h>

enum kind {
    K_FREE, /* a slot of the heap that holds no object */
    K_FLOAT,
    K_BIGINT,
    K_STRING,
    K_BYTES,
    K_LIST,
    K_TUPLE,
    K_DICT,
    K_SET,
    K_RANGE,
    K_STRUCT,
    K_SHAPE,
    K_MODULE,
    K_FUNCTION,
    K_BUILTIN,
    K_CELL,
    K_OBJECT, /* of a star_type: a host's, time.time, string.elems ... */
    KIND_MAX
};

enum {
    F_MARK = 1, /* reached in this collection */
    F_FROZEN = 2,
    F_IMMORTAL = 4, /* a program's constant: not of this heap */
    F_LARGE = 8,    /* allocated on its own */
    F_ASCII = 16,   /* a string known to be ASCII */
    F_WIDE = 32,    /* a string known not to be */
};

/* Every object begins so. aux: a string's hash, a container's count of iterations that lock it, a
 * tuple's length. */
struct head {
    uint8_t kind;
    uint8_t flags;
    uint16_t small; /* method names: 1 + index among all methods; else spare */
    uint32_t aux;
};

/* Strings and bytes. A NUL follows the bytes. */
struct str {
    struct head head; /* aux: hash, 0 if not yet known */
    uint32_t size;
    char data[];
};

struct list {
    struct head head; /* aux: locks */
    star_value *items;
    uint32_t count, capacity;
};

struct tuple {
    struct head head; /* aux: count */
    star_value items[];
};

struct entry {
    star_value key, value; /* key STAR_NULL: a hole */
    uint32_t hash;
};

/* Insertion-ordered. Up to 8 entries have no index and are scanned. */
struct table {
    struct entry *entries;
    uint32_t *index; /* 1 + place in entries, 0 empty, UINT32_MAX deleted; index_size slots, a power
                        of two */
    uint32_t count;  /* live entries */
    uint32_t used;   /* entries taken, holes included */
    uint32_t capacity; /* of entries */
    uint32_t index_size;
    uint32_t first; /* no live entry before this */
};

/* A dict, or a set, whose values are all None. */
struct dict {
    struct head head; /* aux: locks */
    struct table table;
};

struct range {
    struct head head;
    int64_t start, stop, step;
    int64_t count;
};

struct cell {
    struct head head;
    star_value value;
};

/* The sorted field names of structs, shared by those that were made at one place. */
struct shape {
    struct head head; /* aux: count */
    struct str *names[];
};

struct structure {
    struct head head;
    star_value constructor; /* STAR_NULL: the universal struct */
    struct shape *shape;
    star_value fields[];
};

struct star_program;
struct code;

/* The instance of a program, or a module made by a host. */
struct module {
    struct head head;
    uint32_t count;
    const star_value *names; /* strings: the program's, or the module's own */
    star_value *values;
    star_value *owned_names; /* to be freed with the module, or NULL */
    uint32_t *index;         /* made at the first look-up by name: 1 + place; index_size slots */
    uint32_t index_size;
    struct str *name;
    struct star_program *program; /* NULL for a host's */
    star_value *predeclared;
    uint32_t *active; /* per function of the program: how often it is on the stack */
};

struct function {
    struct head head;
    struct code *code;
    struct module *module;
    star_value slots[]; /* the defaults, then the cells of the free variables */
};

struct builtin {
    struct head head;
    star_builtin_fn call;
    void *data;
    star_value self; /* of a bound method */
    struct str *name;
};

struct object {
    struct head head;
    const struct star_type *type;
    uint64_t body[];
};

#define TAG_INT   1u
#define TAG_FLOAT 2u

#define NONE_BITS  0x04u
#define FALSE_BITS 0x0cu
#define TRUE_BITS  0x14u

#define V_NONE  ((star_value){NONE_BITS})
#define V_FALSE ((star_value){FALSE_BITS})
#define V_TRUE  ((star_value){TRUE_BITS})

#define SMALL_MAX (INT64_MAX >> 1)
#define SMALL_MIN (INT64_MIN >> 1)

static inline bool same(star_value a, star_value b)
{
    return a.bits == b.bits;
}

static inline bool is_small(star_value v)
{
    return (v.bits & 1) != 0;
}

static inline bool both_small(star_value a, star_value b)
{
    return (a.bits & b.bits & 1) != 0;
}

static inline int64_t small_get(star_value v)
{
    return (int64_t)v.bits >> 1;
}

static inline bool fits_small(int64_t i)
{
    return i >= SMALL_MIN && i <= SMALL_MAX;
}

static inline star_value small_make(int64_t i)
{
    return (star_value){(uint64_t)i << 1 | 1};
}

static inline star_value bool_make(bool b)
{
    return (star_value){b ? TRUE_BITS : FALSE_BITS};
}

static inline bool is_bool(star_value v)
{
    return v.bits == TRUE_BITS || v.bits == FALSE_BITS;
}

static inline bool is_none(star_value v)
{
    return v.bits == NONE_BITS;
}

static inline bool is_pointer(star_value v)
{
    return (v.bits & 7) == 0;
}

static inline struct head *head_of(star_value v)
{
    return (struct head *)(uintptr_t)v.bits;
}

static inline star_value object_value(const void *object)
{
    return (star_value){(uint64_t)(uintptr_t)object};
}

static inline bool is_kind(star_value v, enum kind kind)
{
    return is_pointer(v) && v.bits != 0 && head_of(v)->kind == kind;
}

static inline bool is_string(star_value v)
{
    return is_kind(v, K_STRING);
}

#define AS(type, v) ((struct type *)(uintptr_t)(v).bits)

static inline struct str *as_str(star_value v)
{
    return AS(str, v);
}

static inline bool is_flo(star_value v) /* an immediate float */
{
    return (v.bits & 3) == TAG_FLOAT;
}

static inline bool is_float(star_value v)
{
    return is_flo(v) || is_kind(v, K_FLOAT);
}

static inline bool is_int(star_value v)
{
    return is_small(v) || is_kind(v, K_BIGINT);
}

struct boxed_float {
    struct head head;
    double number;
};

/* An immediate float drops the two bits of the exponent that follow its highest one, which are that
 * one's complement for magnitudes from about 1e-77 to 1e77, and turns the rest by three. Zero has a
 * pattern of its own. */
#define FLO_ZERO 0x8000000000000002u

static inline double flo_get(star_value v)
{
    if (v.bits == FLO_ZERO)
        return 0.0;
    uint64_t top = v.bits >> 63;
    uint64_t bits = (2 - top) | (v.bits & ~(uint64_t)3);
    bits = bits >> 3 | bits << 61;
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static inline double float_get(star_value v)
{
    return is_flo(v) ? flo_get(v) : AS(boxed_float, v)->number;
}

/* STAR_NULL if the number does not fit. */
static inline star_value flo_make(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    unsigned top = (unsigned)(bits >> 60) & 7;
    if (bits != 0x3000000000000000u && (top == 3 || top == 4)) {
        bits = bits << 3 | bits >> 61;
        return (star_value){(bits & ~(uint64_t)3) | TAG_FLOAT};
    }
    return bits == 0 ? (star_value){FLO_ZERO} : STAR_NULL;
}

#endif
