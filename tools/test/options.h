/* The command line of `kfs test`. */
#ifndef KFS_TOOLS_TEST_OPTIONS_H
#define KFS_TOOLS_TEST_OPTIONS_H

#include "tools/test/life.h"

enum {
    FILTERS_MAX = 64
};

struct test_options {
    unsigned jobs;
    bool list, tap, sweep, help;
    const char *filters[FILTERS_MAX];
    size_t filter_count;
    int64_t run_limit, setup_limit; /* ns */
    enum keep keep;
    const char *junit;   /* NULL: none */
    const char *results; /* NULL: a directory of its own */
    const char *const *suites;
    size_t suite_count;
};

/* argv[0] is "test". EINVAL with words if it is wrong. Strings are argv's. */
int test_options_parse(int argc, char **argv, struct test_options *ret_options, struct error **err);

extern const char test_usage[];

#endif
