/*
 * Runs tests, some at a time, and minds signals. SIGINT, SIGTERM, SIGHUP and SIGQUIT stop the
 * launching and cancel what runs; a second one ends the process at once.
 */
#ifndef KFS_TOOLS_TEST_RUNNER_H
#define KFS_TOOLS_TEST_RUNNER_H

#include "backend/base/cancel.h"
#include "tools/test/suite.h"

struct runner {
    unsigned jobs; /* tests at a time */
    /* Runs a test; from several threads at a time. */
    void (*run)(void *context, struct test *test, const struct cancel *cancel);
    /* A test begins, a test has ended: one call at a time. */
    void (*began)(void *context, const struct test *test);
    void (*ended)(void *context, const struct test *test);
    /* Now and then, while tests run: how many have ended, and which run (NULL at the end). One
     * call at a time, too. NULL: not wanted. */
    void (*progress)(void *context, size_t ended, const struct test *const *running);
    /* A signal has come. NULL: not wanted. */
    void (*interrupted)(void *context, int number);
    void *context;
};

/* Runs all of the list, in its order. Gives the signal that stopped it, or 0. The cases of tests
 * that were not launched stay OUTCOME_NOT_RUN. -1: it cannot work. */
int runner_run(const struct runner *runner, const struct test_list *list, struct error **err);

#endif
