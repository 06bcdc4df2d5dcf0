/*
 * Tests as they stand in suite directories, found by name alone: nothing here needs the engine.
 *
 *     NAME_test.star             a script: run() sets up, functions test_* are the cases
 *     NAME_test                  an executable of this machine
 *     NAME_test.controller.json  a container: {"image", "cmd"?, "env"?}
 *     NAME.setup.star            run before NAME_test or NAME_test.controller.json
 *     NAME.volume/               what the test's volume holds at the beginning
 *
 * A directory with a kurtosis.yml is a package: its scripts may import and upload its other files.
 */
#ifndef KFS_TOOLS_TEST_SUITE_H
#define KFS_TOOLS_TEST_SUITE_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum test_kind {
    TEST_SCRIPT,
    TEST_HOST,
    TEST_CONTAINER,
    TEST_KIND_MAX
};

enum outcome {
    OUTCOME_NOT_RUN,
    OUTCOME_PASSED,
    OUTCOME_FAILED,  /* the test says so, or did not end in time */
    OUTCOME_ERRORED, /* it could not be found out: the set-up or the engine failed */
    OUTCOME_MAX
};

/* What is counted and reported. A test without cases is one case of its own name. */
struct test_case {
    char *name;           /* "web/test_get" */
    const char *function; /* "test_get", in name; NULL: the test itself */
    enum outcome outcome;
    char *reason; /* why it has not passed, one line; NULL else */
    int64_t took; /* ns */
};

struct test {
    enum test_kind kind;
    char *suite;      /* the suite's name as reports have it */
    char *name;       /* "web"; "SUITE/web" if there are several suites */
    const char *stem; /* "web", in name */
    char *directory;  /* the suite's, absolute */
    char *path;       /* of the test's file, absolute */
    char *setup;      /* of NAME.setup.star, NULL if there is none */
    char *volume;     /* of NAME.volume/, NULL if there is none */
    bool package;     /* the directory is one */
    bool has_run;     /* the script defines run() */
    struct test_case *cases;
    size_t case_count;
    char *results; /* where its output and the like are kept; NULL until it runs */
};

struct test_list {
    struct test *tests; /* sorted by name */
    size_t count;
};

/* Finds the tests of the suites, which are directories or single tests in them. ENOENT, EINVAL
 * with words for the user; on failure too test_list_done is due. */
int test_list_find(struct test_list *list, const char *const *suites, size_t count,
                   struct error **err);
/* Leaves only the cases whose name, or whose test's name, matches one of the globs; no glob: all.
 */
void test_list_filter(struct test_list *list, const char *const *globs, size_t count);
size_t test_list_cases(const struct test_list *list);
void test_list_done(struct test_list *list);

const char *outcome_name(enum outcome outcome);

#endif
