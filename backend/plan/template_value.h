/*
 * Values while a template is executed. They are small and copied; texts, lists and maps in them are
 * borrowed from the data, the template or the execution's arena.
 *
 * Numbers of the data (`from_data`) are friendlier than Go's: Go keeps a number's text and calls it
 * a string, so that templates in the wild compare numbers with "5"; and JSON does not tell 2 from
 * 2.0. So a number of the data compares with any number and, by its text, with a string; where a
 * whole number is wanted, 2.0 is one; and where %f or %s meets it, it does what the verb says.
 */
#ifndef KFS_PLAN_TEMPLATE_VALUE_H
#define KFS_PLAN_TEMPLATE_VALUE_H

#include "backend/plan/template_rune.h"

#include <jansson.h>

enum value_kind {
    VALUE_NONE, /* nil, or nothing at all */
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_BIG, /* an integer beyond 64 bits: its digits */
    VALUE_FLOAT,
    VALUE_COMPLEX,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_KIND_MAX
};

struct value {
    enum value_kind kind;
    /* An element of a list or map, whose Go type is interface {}: tells nil from nothing. */
    bool boxed;
    bool from_data; /* a number of the data */
    bool byte;      /* an integer of Go type uint8 */
    union {
        bool truth;
        int64_t integer;
        double number;
        struct {
            double real, imaginary;
        } complex;
        struct text text; /* VALUE_STRING and VALUE_BIG */
        struct {
            json_t *array;
            uint32_t first, count; /* the part of the array that it is */
        } list;
        json_t *map;
    };
};

struct value value_bool(bool truth);
struct value value_integer(int64_t integer);
struct value value_string(struct text text);
/* What json holds, boxed or (the root of the data) not. Borrows json. */
struct value value_of_json(json_t *json, bool boxed);
/* The value without the box: nil becomes nothing. */
struct value value_unbox(struct value value);

/* The name of its Go type as %T prints it; "<nil>" for nothing. */
const char *value_type(const struct value *value);
/* The same of the place where it lies: "interface {}" if boxed. */
const char *value_outer_type(const struct value *value);

/* Whether `if` takes it as true. */
bool value_truth(const struct value *value);
/* The integer that it is, if it is one for Go or a whole number of the data. */
bool value_as_integer(const struct value *value, int64_t *ret);
bool value_is_number(const struct value *value);

/* Elements of lists and strings; 0 for everything else. */
size_t value_length(const struct value *value);
struct value value_element(const struct value *list, size_t index);

/* The member of a map; nothing (not boxed) if there is none. */
struct value value_member(const struct value *map, struct text name);
/* The names of a map's members in byte order, in the arena; NULL if there is no memory. */
struct text *value_sorted_names(struct arena *arena, const struct value *map, size_t *ret_count);

/* Appends the text of a number as JSON has it. */
void value_put_number(struct buf *buf, const struct value *number);

#endif
