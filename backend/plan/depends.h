/*
 * What instructions need from each other. It is read from their arguments, by the flags of the
 * tables: names of services and artifacts, and placeholders wherever they stand.
 */
#ifndef KFS_PLAN_DEPENDS_H
#define KFS_PLAN_DEPENDS_H

#include "backend/plan/document.h"

/* Fills in consumes and makes of all instructions. */
void plan_find_dependences(struct plan *plan);

/* For --parallel: for each instruction the set of earlier ones that must be done before it may
 * begin, {"3": true}. Beside what it consumes, a service that was added before and whose name its
 * arguments mention as a word counts as needed. A new array, of one object an instruction. */
json_t *plan_order(const struct plan *plan);

#endif
