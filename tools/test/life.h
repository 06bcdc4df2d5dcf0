/*
 * The life of one test: a volume and an enclave are made, the set-up runs, the test decides, the
 * services are stopped, what they left is kept, the enclave is removed. The end comes whatever
 * failed before.
 */
#ifndef KFS_TOOLS_TEST_LIFE_H
#define KFS_TOOLS_TEST_LIFE_H

#include "backend/base/cancel.h"
#include "tools/test/suite.h"

enum keep {
    KEEP_NEVER,
    KEEP_FAILED,
    KEEP_ALWAYS
};

struct life_config {
    const char *mount;   /* absolute */
    const char *results; /* directory, absolute: each test gets one in it */
    int64_t setup_limit; /* ns, for all until the test itself begins */
    int64_t run_limit;   /* ns, for each case */
    enum keep keep;      /* whose enclaves stay */
};

/* Runs it in the calling thread; test->cases and test->results tell what came of it. live: the
 * output is shown as it grows. Once cancelled the test itself is cut short, its end is not. */
void life_run(const struct life_config *config, struct test *test, const struct cancel *cancel,
              bool live);

#endif
