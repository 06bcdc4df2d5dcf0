/*
 * What a script may write, as data: the kinds of values, the types (ServiceConfig ...) and, in
 * instruction.h, the instructions. Both halves read the same tables: the confined interpreter to
 * check and explain what a script wrote, the engine to check what the interpreter sent, which it
 * does not trust.
 *
 * Values travel as JSON. A value of a type is an object that has "type": its name, and the fields
 * that the script gave. An absent optional field is absent.
 */
#ifndef KFS_PLAN_SCHEMA_H
#define KFS_PLAN_SCHEMA_H

#include "backend/base/buf.h"

#include <jansson.h>
#include <stdbool.h>

enum plan_kind {
    PLAN_STRING,
    PLAN_INT,
    PLAN_BOOL,
    PLAN_DURATION, /* a string in Go's syntax */
    PLAN_STRING_LIST,
    PLAN_INT_LIST,
    PLAN_STRING_DICT, /* string to string */
    PLAN_INT_DICT,
    PLAN_ANY,       /* what JSON can carry */
    PLAN_TYPE,      /* a value of one of `types` */
    PLAN_TYPE_LIST, /* a list of them */
    PLAN_TYPE_DICT, /* string to one of them */
    PLAN_MESSAGE,   /* any value, as its text: a string in JSON */
    PLAN_TEMPLATES, /* string to struct(template, data): {"template": text, "data": JSON text} */
    PLAN_KIND_MAX
};

enum plan_field_flag {
    PLAN_REQUIRED = 1 << 0,
    PLAN_NONEMPTY = 1 << 1,  /* a string or dict with something in it */
    PLAN_NONE_OK = 1 << 2,   /* None is a value of its own: null in JSON */
    PLAN_OR_STRING = 1 << 3, /* of the PLAN_TYPE kinds: a string will do as well */
    PLAN_OR_DICT = 1 << 4,   /* a dict of strings will do as well */
    PLAN_INTERNAL = 1 << 5,  /* added by the interpreter; no script can give it */

    /* What it means for the order of things (depends.h). */
    PLAN_NAMES_SERVICE = 1 << 8,
    PLAN_NAMES_ARTIFACT = 1 << 9, /* one that must exist */
    PLAN_MAKES_ARTIFACT = 1 << 10,
};

/* A field of a type, or an argument of an instruction, in the order of positional arguments. */
struct plan_field {
    const char *name; /* NULL ends a table */
    enum plan_kind kind;
    unsigned flags;      /* enum plan_field_flag */
    const char *types;   /* names of types, separated by spaces */
    const char *alias;   /* an older spelling, or NULL */
    const char *article; /* what is wanted, for error texts; NULL: by the kind */
};

struct plan_type {
    const char *name;
    const struct plan_field *fields;
    /* Checks what the fields' kinds cannot say; appends a line to problems for each fault. NULL:
     * nothing to check. Fields that are present have their kinds. */
    void (*check)(const json_t *value, struct buf *problems);
};

/* The type called name, or NULL. plan_type_at: by number from 0; NULL past the end. */
const struct plan_type *plan_type_find(const char *name);
const struct plan_type *plan_type_at(size_t i);
enum {
    PLAN_TYPE_COUNT = 15
};

/* The field called name (or by its alias); NULL. */
const struct plan_field *plan_field_find(const struct plan_field *fields, const char *name);

/* Checks a value against a field, or all fields of an object (with "type" ignored). Each fault is a
 * line in problems, led by `path`, the name by which the user knows the value. */
void plan_check_value(const struct plan_field *field, const json_t *value, const char *path,
                      struct buf *problems);
void plan_check_fields(const struct plan_field *fields, const json_t *object, const char *path,
                       struct buf *problems);

/* The line in problems that says that the value at `path` is of another type than the field's. */
void plan_report_kind(const struct plan_field *field, const char *type_name, const char *path,
                      struct buf *problems);

/* Whether value is a value of the type called name. */
bool plan_is_type(const json_t *value, const char *name);
/* What type() says of it: "string", "dict", "PortSpec" ... */
const char *plan_type_name_of(const json_t *value);

/* Fields with a default. A field that is there but null gives the default too, except where said.
 */
const char *plan_string(const json_t *object, const char *name, const char *fallback);
int64_t plan_int(const json_t *object, const char *name, int64_t fallback);
bool plan_bool(const json_t *object, const char *name, bool fallback);
/* Nanoseconds; null gives 0, which means "no limit" or "not at all". */
int64_t plan_duration(const json_t *object, const char *name, const char *fallback);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD, NUL is dropped. */
json_t *plan_text(const char *text);
json_t *plan_text_n(const char *text, size_t length);

/* The value as a script would write it, dict entries sorted, `name=value` fields in the order of
 * their table: PortSpec(number=80). What errors show. */
void plan_put_value(struct buf *out, const json_t *value);
void plan_put_call(struct buf *out, const char *name, const struct plan_field *fields,
                   const json_t *arguments);

#endif
