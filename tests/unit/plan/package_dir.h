/* A package in a temporary directory. */
#ifndef KFS_TEST_PACKAGE_DIR_H
#define KFS_TEST_PACKAGE_DIR_H

#include "tests/unit/plan/fake_effects.h"

struct package_dir {
    char path[64]; /* of the package, absolute */
    char cache[80];
};

/* Makes it, with a kurtosis.yml that calls it github.com/test/package. */
void package_dir_make(struct package_dir *dir);
void package_dir_write(const struct package_dir *dir, const char *name, const char *text);
void package_dir_remove(const struct package_dir *dir);

/* A request to run it. */
struct plan_request package_dir_request(const struct package_dir *dir, const char *arguments);

#endif
