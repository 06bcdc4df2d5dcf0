/*
 * Comparison, as Go's eq ne lt le gt ge: of two values of one basic kind. Numbers of the data reach
 * further: template_value.h has the rule.
 */
#include "backend/plan/template_format.h"
#include "backend/plan/template_function.h"

#include <string.h>

enum {
    NUMBER_TEXT_MAX = 1 << 16
};

/* Go's basic kinds. Maps, lists and nothing have none. */
enum basic_kind {
    BASIC_NONE,
    BASIC_BOOL,
    BASIC_INTEGER,
    BASIC_FLOAT,
    BASIC_COMPLEX,
    BASIC_STRING
};

static enum basic_kind basic_kind(const struct value *value)
{
    switch (value->kind) {
    case VALUE_BOOL:
        return BASIC_BOOL;
    case VALUE_INTEGER:
    case VALUE_BIG:
        return BASIC_INTEGER;
    case VALUE_FLOAT:
        return BASIC_FLOAT;
    case VALUE_COMPLEX:
        return BASIC_COMPLEX;
    case VALUE_STRING:
        return BASIC_STRING;
    default:
        return BASIC_NONE;
    }
}

/* The kind as which two values are compared; BASIC_NONE if their kinds do not go together. */
static enum basic_kind common_kind(const struct value *a, const struct value *b)
{
    enum basic_kind kind_a = basic_kind(a);
    enum basic_kind kind_b = basic_kind(b);
    if (kind_a == kind_b)
        return kind_a;
    if (!a->from_data && !b->from_data)
        return BASIC_NONE;
    if (value_is_number(a) && value_is_number(b))
        return BASIC_FLOAT;
    if ((a->from_data && kind_b == BASIC_STRING) || (b->from_data && kind_a == BASIC_STRING))
        return BASIC_STRING;
    return BASIC_NONE;
}

/* ---- order of two of a kind: below, at or above 0 ---- */

static int order_digits(struct text a, struct text b)
{
    bool minus_a = a.bytes[0] == '-';
    bool minus_b = b.bytes[0] == '-';
    if (minus_a != minus_b)
        return minus_a ? -1 : 1;
    int order = a.length != b.length ? (a.length < b.length ? -1 : 1) : text_compare(a, b);
    return minus_a ? -order : order;
}

static int order_integers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INTEGER && b->kind == VALUE_INTEGER)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a->kind == VALUE_BIG && b->kind == VALUE_BIG)
        return order_digits(a->text, b->text);
    /* One is beyond 64 bits: its sign decides. */
    const struct value *big = a->kind == VALUE_BIG ? a : b;
    int sign = big->text.bytes[0] == '-' ? -1 : 1;
    return big == a ? sign : -sign;
}

/* Exact for 64-bit integers where long double has a mantissa of 64 bits, as on x86. */
static long double as_real(const struct value *value)
{
    if (value->kind == VALUE_FLOAT)
        return value->number;
    if (value->kind == VALUE_INTEGER)
        return value->integer;
    char digits[512];
    size_t length = value->text.length < sizeof digits ? value->text.length : sizeof digits - 1;
    memcpy(digits, value->text.bytes, length);
    digits[length] = '\0';
    return strtold(digits, NULL);
}

/* How two values stand. With a NaN no relation holds. */
struct relation {
    bool less, equal;
};

static struct relation relate_text(const struct value *a, const struct value *b)
{
    cleanup(buf_done) struct buf text_a = BUF_INIT(NUMBER_TEXT_MAX);
    cleanup(buf_done) struct buf text_b = BUF_INIT(NUMBER_TEXT_MAX);
    struct text texts[2];
    const struct value *values[] = {a, b};
    struct buf *buffers[] = {&text_a, &text_b};
    for (int i = 0; i < 2; i++) {
        texts[i] = values[i]->text;
        if (values[i]->kind == VALUE_STRING)
            continue;
        value_put_number(buffers[i], values[i]);
        texts[i] = (struct text){buffers[i]->data, buffers[i]->length};
    }
    int order = text_compare(texts[0], texts[1]);
    return (struct relation){.less = order < 0, .equal = order == 0};
}

static struct relation relate(const struct value *a, const struct value *b, enum basic_kind kind)
{
    int order;
    switch (kind) {
    case BASIC_BOOL:
        return (struct relation){.equal = a->truth == b->truth};
    case BASIC_COMPLEX:
        return (struct relation){.equal = a->complex.real == b->complex.real &&
                                          a->complex.imaginary == b->complex.imaginary};
    case BASIC_INTEGER:
        order = order_integers(a, b);
        return (struct relation){.less = order < 0, .equal = order == 0};
    case BASIC_FLOAT: {
        long double real_a = as_real(a);
        long double real_b = as_real(b);
        return (struct relation){.less = real_a < real_b, .equal = real_a == real_b};
    }
    default:
        return relate_text(a, b);
    }
}

/* ---- the functions ---- */

static int incompatible(struct error **err)
{
    return error_set(err, EINVAL, "incompatible types for comparison");
}

static int error_non_comparable(const struct value *a, const struct value *b, bool both,
                                struct error **err)
{
    cleanup(buf_done) struct buf shown_a = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf shown_b = BUF_INIT(BUF_MAX_TEXT);
    format_printf(&shown_a, TEXT("%s"), a, 1);
    format_printf(&shown_b, both ? TEXT("%v") : TEXT("%s"), b, 1);
    if (both)
        return error_set(err, EINVAL, "non-comparable types %s: %s, %s: %s", shown_a.data,
                         value_type(a), value_type(b), shown_b.data);
    return error_set(err, EINVAL, "non-comparable type %s: %s", shown_b.data, value_type(b));
}

static int equal(const struct value *first, const struct value *second, bool *ret,
                 struct error **err)
{
    struct value a = value_unbox(*first);
    struct value b = value_unbox(*second);
    enum basic_kind kind = common_kind(&a, &b);
    if (kind != BASIC_NONE) {
        *ret = relate(&a, &b, kind).equal;
        return 0;
    }
    if (a.kind == VALUE_NONE || b.kind == VALUE_NONE) {
        *ret = a.kind == b.kind;
        return 0;
    }
    if (basic_kind(&a) != BASIC_NONE || basic_kind(&b) != BASIC_NONE)
        return incompatible(err);
    return error_non_comparable(&a, &b, a.kind != b.kind, err);
}

int compare_eq(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    (void)arena;
    if (count < 2)
        return error_set(err, EINVAL, "missing argument for comparison");
    bool found = false;
    for (size_t i = 1; i < count && !found; i++)
        if (equal(&arguments[0], &arguments[i], &found, err) < 0)
            return -1;
    *ret = value_bool(found);
    return 0;
}

int compare_ne(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    if (compare_eq(arena, arguments, count, ret, err) < 0)
        return -1;
    ret->truth = !ret->truth;
    return 0;
}

static int ordered(const struct value *arguments, struct relation *ret, struct error **err)
{
    struct value a = value_unbox(arguments[0]);
    struct value b = value_unbox(arguments[1]);
    if (basic_kind(&a) == BASIC_NONE || basic_kind(&b) == BASIC_NONE)
        return error_set(err, EINVAL, "invalid type for comparison");
    enum basic_kind kind = common_kind(&a, &b);
    if (kind == BASIC_NONE)
        return incompatible(err);
    if (kind == BASIC_BOOL || kind == BASIC_COMPLEX)
        return error_set(err, EINVAL, "invalid type for comparison");
    *ret = relate(&a, &b, kind);
    return 0;
}

/* Less, or less or equal; or the inverse of that. */
static int compare_order(const struct value *arguments, bool or_equal, bool inverse,
                         struct value *ret, struct error **err)
{
    struct relation relation;
    if (ordered(arguments, &relation, err) < 0)
        return -1;
    bool holds = relation.less || (or_equal && relation.equal);
    *ret = value_bool(holds != inverse);
    return 0;
}

int compare_lt(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    (void)arena, (void)count;
    return compare_order(arguments, false, false, ret, err);
}

int compare_le(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    (void)arena, (void)count;
    return compare_order(arguments, true, false, ret, err);
}

/* Go has > as the inverse of <=, and >= of <, also where a NaN makes that wrong. */
int compare_gt(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    (void)arena, (void)count;
    return compare_order(arguments, true, true, ret, err);
}

int compare_ge(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err)
{
    (void)arena, (void)count;
    return compare_order(arguments, false, true, ret, err);
}
