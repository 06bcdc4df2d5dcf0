/*
 * Where a run's files come from: the script or package that was asked for, what it imports, and the
 * files and directories that its instructions will need. Answers what the interpreter asks;
 * package.h decides what a locator means.
 */
#ifndef KFS_PLAN_SOURCES_H
#define KFS_PLAN_SOURCES_H

#include "backend/plan/interpret.h"
#include "backend/plan/plan.h"
#include "backend/plan/staging.h"

struct sources;

/* Finds the main file and reads the arguments. EINVAL, ENOENT with words. request outlives it. */
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

/* How many numbers have been given out; and of one: */
int64_t sources_count(const struct sources *sources);
/* its path on this machine; */
const char *sources_path(const struct sources *sources, int64_t number);
/* a digest of all names, modes and contents that it uploads, the caller's to free; */
char *sources_hash(const struct sources *sources, int64_t number, struct error **err);
/* a directory with what it uploads. */
struct staging *sources_stage(const struct sources *sources, int64_t number, struct error **err);

#endif
