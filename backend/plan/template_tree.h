/* What template_parse leaves for template_execute: the definitions of one text. */
#ifndef KFS_PLAN_TEMPLATE_TREE_H
#define KFS_PLAN_TEMPLATE_TREE_H

#include "backend/plan/template_node.h"

struct definition {
    struct definition *next;
    struct text name;
    struct node *body; /* LIST */
};

struct template
{
    struct arena arena; /* everything below lies in it */
    struct text name;
    struct text source;
    struct definition *definitions;
    const struct definition *main;
};

/* The definition called name, or NULL. */
struct definition *template_find(const struct template *template, struct text name);

#endif
