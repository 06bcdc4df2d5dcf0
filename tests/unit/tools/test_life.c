/* The life of a test where there is no tree: what it keeps, and what it makes of it. The rest needs
 * an engine and is tried by the system tests. */
#include "tests/unit/tools/scratch.h"
#include "tools/test/life.h"

#include "backend/base/clock.h"

struct place {
    struct scratch scratch;
    char suite[96], results[96], mount[96];
    struct test_list list;
};

static void place_make(struct place *place)
{
    scratch_make(&place->scratch);
    scratch_put(&place->scratch, "suite/host_test", "#!/bin/sh\n", 0755);
    scratch_put(&place->scratch, "suite/host.volume/services/web/page", "hello", 0644);
    snprintf(place->suite, sizeof place->suite, "%s/suite", place->scratch.path);
    snprintf(place->results, sizeof place->results, "%s/results", place->scratch.path);
    snprintf(place->mount, sizeof place->mount, "%s/mnt", place->scratch.path);
    const char *suites[] = {place->suite};
    assert_int_equal(test_list_find(&place->list, suites, 1, NULL), 0);
    assert_int_equal(place->list.count, 1);
}

static void place_run(struct place *place, const struct cancel *cancel)
{
    const struct life_config config = {.mount = place->mount,
                                       .results = place->results,
                                       .setup_limit = 60 * CLOCK_SECOND,
                                       .run_limit = 60 * CLOCK_SECOND};
    life_run(&config, &place->list.tests[0], cancel, false);
}

static void place_remove(struct place *place)
{
    test_list_done(&place->list);
    scratch_remove(&place->scratch);
}

static void expect_file(const struct place *place, const char *name, const char *part)
{
    char path[256];
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    snprintf(path, sizeof path, "%s/host/%s", place->results, name);
    assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), 0);
    if (!strstr(text.data, part))
        fail_msg("no '%s' in %s: %s", part, name, text.data);
    buf_done(&text);
}

static void without_a_tree_it_errs_and_says_so(void **state)
{
    (void)state;
    struct place place;
    place_make(&place);
    place_run(&place, NULL);
    const struct test_case *it = &place.list.tests[0].cases[0];
    assert_int_equal(it->outcome, OUTCOME_ERRORED);
    assert_non_null(strstr(it->reason, "set-up: cannot make the enclave"));
    expect_file(&place, "volume/services/web/page", "hello");
    expect_file(&place, "steps", " ok      volume\n");
    expect_file(&place, "steps", " failed  enclave: set-up: cannot make the enclave");
    expect_file(&place, "output", "# enclave   failed");
    expect_file(&place, "result", "host: ERRORED: set-up: cannot make");
    place_remove(&place);
}

static void earlier_results_are_cleared_and_others_are_not(void **state)
{
    (void)state;
    struct place place;
    char path[256];
    place_make(&place);
    scratch_put(&place.scratch, "results/host/notes", "mine", 0644);
    place_run(&place, NULL);
    expect_file(&place, "notes", "mine"); /* it was no directory of results */
    scratch_put(&place.scratch, "results/host/volume/left", "", 0644);
    free(place.list.tests[0].results);
    place_run(&place, NULL);
    snprintf(path, sizeof path, "%s/host/volume/left", place.results);
    assert_int_equal(access(path, F_OK), -1);
    place_remove(&place);
}

static void where_results_cannot_go_it_errs(void **state)
{
    (void)state;
    struct place place;
    place_make(&place);
    scratch_put(&place.scratch, "results", "a file", 0644);
    place_run(&place, NULL);
    assert_int_equal(place.list.tests[0].cases[0].outcome, OUTCOME_ERRORED);
    assert_non_null(strstr(place.list.tests[0].cases[0].reason, "results"));
    place_remove(&place);
}

static void cancelled_before_it_began_it_makes_nothing(void **state)
{
    (void)state;
    struct place place;
    struct cancel *cancel = cancel_new(NULL);
    place_make(&place);
    scratch_put(&place.scratch, "mnt/enclaves/.keep", "", 0644);
    cancel_fire(cancel);
    place_run(&place, cancel);
    assert_int_equal(place.list.tests[0].cases[0].outcome, OUTCOME_ERRORED);
    assert_string_equal(place.list.tests[0].cases[0].reason, "set-up: interrupted");
    char path[128];
    snprintf(path, sizeof path, "%s/enclaves", place.mount);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    assert_int_equal(count, 3); /* ".", "..", ".keep" */
    cancel_unref(cancel);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_tree_it_errs_and_says_so),
        cmocka_unit_test(earlier_results_are_cleared_and_others_are_not),
        cmocka_unit_test(where_results_cannot_go_it_errs),
        cmocka_unit_test(cancelled_before_it_began_it_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
