/* The line of a `run` file. */
#include "tests/unit/plan/unit.h"

#include "backend/plan/plan.h"

#include <stdlib.h>
#include <string.h>

static void line_is_taken_apart(void **state)
{
    (void)state;
    struct plan_request request = {0};
    char *storage = NULL;
    assert_int_equal(plan_parse_run_line("--dry-run --parallelism 3 --main-file 'a b.star' "
                                         "--image-download=always --main-function-name go "
                                         "./dir {\"a\": \"b  c\"}\n",
                                         &request, &storage, NULL),
                     0);
    assert_true(request.dry_run);
    assert_false(request.parallel);
    assert_int_equal(request.parallelism, 3);
    assert_string_equal(request.main_file, "a b.star");
    assert_string_equal(request.main_function, "go");
    assert_int_equal(request.image_download, PLAN_IMAGES_ALWAYS);
    assert_string_equal(request.package, "./dir");
    assert_string_equal(request.arguments, "{\"a\": \"b  c\"}");
    free(storage);
}

static void locator_alone_is_enough(void **state)
{
    (void)state;
    struct plan_request request = {0};
    char *storage = NULL;
    assert_int_equal(plan_parse_run_line("github.com/o/r@v1", &request, &storage, NULL), 0);
    assert_string_equal(request.package, "github.com/o/r@v1");
    assert_string_equal(request.arguments, "");
    free(storage);
    assert_int_equal(plan_parse_run_line("--args-file x ./p '{}'", &request, &storage, NULL), 0);
    assert_string_equal(request.arguments_file, "x");
    assert_string_equal(request.arguments, "{}");
    free(storage);
    assert_int_equal(plan_parse_run_line("--args '{\"a\": 1}' ./p", &request, &storage, NULL), 0);
    assert_string_equal(request.arguments, "{\"a\": 1}");
    free(storage);
}

static void refuse(const char *line, const char *complaint)
{
    struct plan_request request = {0};
    struct error *err = NULL;
    char *storage = NULL;
    assert_int_equal(plan_parse_run_line(line, &request, &storage, &err), -1);
    assert_int_equal(error_code(err), EINVAL);
    assert_non_null(strstr(error_message(err), complaint));
    assert_null(storage);
    error_free(err);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    refuse("", "say what is to run");
    refuse("  \n", "say what is to run");
    refuse("--nonsense ./p", "no option '--nonsense'");
    refuse("--dry-run=1 ./p", "takes no value");
    refuse("--parallelism", "needs a value");
    refuse("--parallelism 0 ./p", "from 1 to");
    refuse("--image-download sometimes ./p", "missing or always");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_taken_apart),
        cmocka_unit_test(locator_alone_is_enough),
        cmocka_unit_test(bad_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
