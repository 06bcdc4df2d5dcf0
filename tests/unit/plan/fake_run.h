/* What the tests of whole runs share: a fake world for each test, and runs that must go well or
 * not. */
#ifndef TEST_PLAN_FAKE_RUN_H
#define TEST_PLAN_FAKE_RUN_H

#include "tests/unit/plan/fake_effects.h"
#include "tests/unit/plan/unit.h"

#include <string.h>

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("want %s in: %s", part, text);
}

/* arguments: JSON, or NULL. */
static inline void must_run(struct fake *fake, const char *script, const char *arguments)
{
    struct error *err = NULL;
    fake_reset(fake);
    if (fake_run(fake, script, arguments, &err) < 0)
        fail_msg("the run failed: %s", error_message(err));
}

static inline void must_fail(struct fake *fake, const char *script, int code, const char *complaint)
{
    struct error *err = NULL;
    fake_reset(fake);
    if (fake_run(fake, script, NULL, &err) == 0)
        fail_msg("the run did not fail: %s", script);
    if (!strstr(error_message(err), complaint))
        fail_msg("want %s, got: %s", complaint, error_message(err));
    assert_int_equal(error_code(err), code);
    error_free(err);
}

static inline struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof *fake);
    fake_init(fake);
    return fake;
}

static inline void fake_free(struct fake *fake)
{
    fake_done(fake);
    free(fake);
}

static inline int setup(void **state)
{
    *state = fake_new();
    return 0;
}

static inline int teardown(void **state)
{
    fake_free(*state);
    return 0;
}

#endif
