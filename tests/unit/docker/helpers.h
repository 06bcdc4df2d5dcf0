/* Assertions that the tests of this folder share. Include after cmocka.h. */
#ifndef KFS_TEST_DOCKER_HELPERS_H
#define KFS_TEST_DOCKER_HELPERS_H

#include "backend/base/error.h"

/* Fails with the error's own words. */
#define OK(expression)                                           \
    do {                                                         \
        cleanup(error_free) struct error *err = NULL;            \
        if ((expression) < 0)                                    \
            fail_msg("%s: %s", #expression, error_message(err)); \
    } while (0)

/* The expression fails with that errno class, and its words contain a text. */
#define FAILS(expression, errno_code, words)                                          \
    do {                                                                              \
        cleanup(error_free) struct error *err = NULL;                                 \
        if ((expression) >= 0)                                                        \
            fail_msg("%s did not fail", #expression);                                 \
        if (error_code(err) != (errno_code) || !strstr(error_message(err), (words)))  \
            fail_msg("%s: %d: %s", #expression, error_code(err), error_message(err)); \
    } while (0)

#endif
