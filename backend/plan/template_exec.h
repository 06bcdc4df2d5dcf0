/*
 * The executor's state, shared by its two files: template_exec.c (statements) and template_eval.c
 * (pipelines). All functions give -1 once an error is set.
 */
#ifndef KFS_PLAN_TEMPLATE_EXEC_H
#define KFS_PLAN_TEMPLATE_EXEC_H

#include "backend/plan/template.h"
#include "backend/plan/template_tree.h"

struct variable {
    struct text name;
    struct value value;
};

struct execution {
    const struct template *template;
    const struct definition *current; /* errors name it */
    const struct node *at;            /* errors show it and its position */
    struct buf *output;
    struct error **err;
    struct arena arena; /* strings that functions make */
    struct variable *variables;
    size_t variable_count, variable_capacity;
    size_t base;    /* the current definition's first variable, "$" */
    unsigned depth; /* of lists and pipelines */
    unsigned steps;
    unsigned assignments; /* pipelines that gave a value to a variable */
};

/* Fails with Go's text: the place, what was executed, and the message. */
int execution_fail(struct execution *execution, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Counts a step or a level; -1 if there have been too many. */
int execution_step(struct execution *execution);
int execution_enter(struct execution *execution);
void execution_leave(struct execution *execution);

int execution_push(struct execution *execution, struct text name, const struct value *value);
/* Gives the newest variable of that name a value. */
int execution_assign(struct execution *execution, struct text name, const struct value *value);

/* The value of a pipeline (nothing if pipe is NULL), its variables declared or assigned. */
int eval_pipeline(struct execution *execution, const struct value *dot, const struct node *pipe,
                  struct value *ret);

#endif
