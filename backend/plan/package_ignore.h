/*
 * .kurtosisignore: which files of a package or of an uploaded directory are left out. The language
 * is that of .gitignore: '#' comments, '!' takes back, a '/' at the end means directories only, one
 * elsewhere ties the pattern to the whole path, '*' '?' '[a-z]' within a name, "**" over names; the
 * last pattern that matches decides, and nothing in a directory that is left out comes back.
 */
#ifndef KFS_PLAN_PACKAGE_IGNORE_H
#define KFS_PLAN_PACKAGE_IGNORE_H

#include "backend/base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct package_ignore;

/* The patterns in text. NULL if there is no memory. */
struct package_ignore *package_ignore_parse(const char *text, size_t length);
void package_ignore_free(struct package_ignore *ignore);
CLEANUP_DEFINE(package_ignore_free, struct package_ignore *)

/* Whether path (relative, normalised) is left out by a pattern. That a directory above it is left
 * out is for the caller to know: a walk does not go there. NULL leaves out nothing. */
bool package_ignore_matches(const struct package_ignore *ignore, const char *path,
                            bool is_directory);

#endif
