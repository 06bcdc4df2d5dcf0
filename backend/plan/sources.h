/*
 * Where a run's files come from: the script or package that was asked for, what it imports, and the
 * directories that its instructions will need. Answers what the interpreter asks.
 */
#ifndef KFS_PLAN_SOURCES_H
#define KFS_PLAN_SOURCES_H

#include "backend/plan/interpret.h"
#include "backend/plan/plan.h"

struct sources;

/* Finds the main file. EINVAL, ENOENT with words. */
struct sources *sources_new(const struct plan_request *request, struct error **err);
void sources_free(struct sources *sources);
CLEANUP_DEFINE(sources_free, struct sources *)

/* The main file: its name in positions, its text; the package's name, NULL for a script. */
const char *sources_main_name(const struct sources *sources);
const char *sources_main_text(const struct sources *sources, size_t *ret_length);
const char *sources_package(const struct sources *sources);
/* The arguments as a JSON object's text. */
const char *sources_arguments(const struct sources *sources);

/* What to hand to interpret(). */
const struct interpret_host *sources_host(struct sources *sources);

/* How many numbers have been given out; and the path on this machine of one. */
int64_t sources_count(const struct sources *sources);
const char *sources_path(const struct sources *sources, int64_t number);

#endif
