/* The predefined functions of templates. There are no others. */
#ifndef KFS_PLAN_TEMPLATE_FUNCTION_H
#define KFS_PLAN_TEMPLATE_FUNCTION_H

#include "backend/plan/template_value.h"

enum template_function_rule {
    FUNCTION_PLAIN,
    FUNCTION_AND, /* and, or: evaluated by the executor, which stops at the first that decides */
    FUNCTION_OR,
    FUNCTION_PRINTF /* its first argument must be a string */
};

struct template_function {
    const char *name;
    size_t fixed;  /* arguments that it must have */
    bool variadic; /* may have more */
    enum template_function_rule rule;
    /* Strings that it makes lie in the arena. The error is the reason alone, without a place. */
    int (*call)(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
                struct error **err);
};

/* The function of that name, or NULL. */
const struct template_function *template_function_find(struct text name);

/* Comparison, in template_compare.c. */
int compare_eq(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);
int compare_ne(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);
int compare_lt(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);
int compare_le(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);
int compare_gt(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);
int compare_ge(struct arena *arena, const struct value *arguments, size_t count, struct value *ret,
               struct error **err);

#endif
