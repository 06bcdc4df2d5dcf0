/* kurtosis.yml: what a package says of itself. */
#ifndef KFS_PLAN_PACKAGE_YML_H
#define KFS_PLAN_PACKAGE_YML_H

#include "backend/plan/package_locator.h"

#define PACKAGE_YML "kurtosis.yml"

struct package_replacement {
    char *from;                    /* github.com/owner/repo[/path] */
    char *to;                      /* a locator, or a path that begins with '/' or '.' */
    struct package_locator target; /* of a locator */
    bool is_local;
};

struct package_yml {
    char *name;        /* github.com/owner/repo[/path] */
    char *description; /* "" if none */
    struct package_replacement *replacements;
    size_t count;
};

/* Reads a file's text. Strict: an unknown key, a wrong type or name is EINVAL, with its reason. */
int package_yml_parse(const char *text, size_t length, struct package_yml *ret, struct error **err);
void package_yml_done(struct package_yml *yml);

/* The replacement with the longest `from` that path (github.com/owner/repo[/path], no version) is
 * in; NULL if none. */
const struct package_replacement *package_yml_replacement(const struct package_yml *yml,
                                                          const char *path);

#endif
