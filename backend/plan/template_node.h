/* The parsed form of a template. Nodes lie in the template's arena and never change once parsed. */
#ifndef KFS_PLAN_TEMPLATE_NODE_H
#define KFS_PLAN_TEMPLATE_NODE_H

#include "backend/plan/template_value.h"

enum node_kind {
    /* statements */
    NODE_LIST,
    NODE_TEXT,
    NODE_ACTION,
    NODE_IF,
    NODE_RANGE,
    NODE_WITH,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_ELSE, /* ELSE and END only end lists; they are in none */
    NODE_END,
    /* expressions */
    NODE_PIPE,
    NODE_COMMAND,
    NODE_FIELD,
    NODE_VARIABLE,
    NODE_CHAIN,
    NODE_FUNCTION,
    NODE_DOT,
    NODE_NIL,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_KIND_MAX
};

struct template_function;

struct node_list {
    struct node *first, *last;
    size_t count;
};

struct node {
    enum node_kind kind;
    size_t position;   /* offset in the template's text that error messages name */
    struct node *next; /* in the list that it is in */
    union {
        struct text text;            /* TEXT */
        struct node_list statements; /* LIST */
        struct {
            struct node *pipe;
            struct node *list, *otherwise; /* LIST; otherwise may be NULL */
        } branch;                          /* IF, RANGE, WITH; ACTION has only a pipe */
        struct {
            struct text name;
            struct node *pipe; /* may be NULL */
        } call;                /* TEMPLATE */
        struct {
            struct text variables[2];
            size_t variable_count;
            bool assigns;              /* = instead of := */
            struct node_list commands; /* COMMAND */
        } pipe;                        /* PIPE */
        struct node_list arguments;    /* COMMAND: the first is what is called */
        struct {
            struct node *base;  /* of CHAIN */
            struct text *names; /* of VARIABLE, the first is the variable's, with its $ */
            size_t count;
        } chain; /* FIELD, VARIABLE, CHAIN */
        const struct template_function *function;
        bool truth;
        struct {
            struct text source;
            struct value value;
            bool overflows; /* int: an error only if it is evaluated */
        } number;
        struct {
            struct text quoted, text;
        } string;
    };
};

/* Appends the node as Go's error messages show it: {{if .x}}..., .a.b, (index .l 1). */
void node_put(struct buf *buf, const struct node *node);

/* Whether a list holds nothing but space; such a definition may be replaced by another. */
bool node_list_is_empty(const struct node *list);

#endif
