/* The parts of the tree that need no mount: commit points, layout of tables, places of real files,
 * kfsd's options. */
#include "kfs/commit.h"
#include "kfs/options.h"
#include "kfs/real_nodes.h"
#include "kfs/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SHELL = 10,
    CHILD = 11,
    TOP = 5
};

static void only_the_opener_commits_and_only_what_is_new(void **state)
{
    (void)state;
    struct commit commit = {.opener = SHELL};
    assert_false(commit_closed(&commit, SHELL)); /* dup2 and close, before a byte */
    commit_written(&commit);
    assert_false(commit_closed(&commit, CHILD)); /* cat a, of { cat a; cat b; } > f */
    commit_written(&commit);
    assert_true(commit_closed(&commit, SHELL));
    assert_false(commit_closed(&commit, SHELL));
    assert_false(commit_released(&commit));
}

static void what_nobody_committed_is_committed_at_the_end(void **state)
{
    (void)state;
    struct commit unknown = {.opener = 0}, left = {.opener = SHELL};
    commit_written(&unknown);
    assert_false(commit_closed(&unknown, 0));
    assert_true(commit_released(&unknown));
    commit_written(&left);
    assert_false(commit_closed(&left, CHILD));
    assert_true(commit_released(&left));
    assert_false(commit_released(&left));
}

static void threads_are_of_their_process(void **state)
{
    (void)state;
    assert_int_equal(commit_process(gettid()), getpid());
    assert_int_equal(commit_process(0), 0);
    assert_int_equal(commit_process(-5), 0);
}

static void columns_are_aligned(void **state)
{
    (void)state;
    struct table table;
    cleanup(buf_done) struct buf out = BUF_INIT(1024);
    table_init(&table, 3, (const char *[]){"A", "Name", "C"});
    table_add(&table, (const char *[]){"1", "é", "x"});
    table_add(&table, (const char *[]){"", "long name", ""});
    table_put(&table, &out);
    table_done(&table);
    assert_string_equal(out.data, "A   Name        C\n"
                                  "1   é           x\n"
                                  "    long name\n");
}

static void expect_place(struct real_nodes *nodes, uint64_t serial, const char *path)
{
    struct real_place place;
    int result = real_nodes_locate(nodes, TOP, serial, &place, NULL);
    assert_int_equal(result, path ? 0 : -1);
    if (path)
        assert_string_equal(place.path, path);
}

static void places_follow_what_is_done(void **state)
{
    (void)state;
    struct real_nodes *nodes = real_nodes_new();
    uint64_t dir = real_nodes_count(nodes, TOP, 0, "dir"),
             file = real_nodes_count(nodes, TOP, dir, "f");
    assert_int_equal(real_nodes_count(nodes, TOP, dir, "f"), file);
    expect_place(nodes, 0, ".");
    expect_place(nodes, file, "dir/f");
    real_nodes_move(nodes, TOP, 0, "dir", 0, "new", false);
    expect_place(nodes, file, "new/f");
    uint64_t other = real_nodes_count(nodes, TOP, 0, "other");
    real_nodes_move(nodes, TOP, dir, "f", 0, "other", true);
    expect_place(nodes, file, "other");
    expect_place(nodes, other, "new/f");
    real_nodes_move(nodes, TOP, 0, "other", dir, "f", false);
    expect_place(nodes, file, "new/f");
    expect_place(nodes, other, NULL);
    real_nodes_remove(nodes, TOP, dir, "f");
    expect_place(nodes, file, NULL);
    assert_int_not_equal(real_nodes_count(nodes, TOP, dir, "f"), file);
    real_nodes_free(nodes);
}

static void what_is_forgotten_takes_no_room(void **state)
{
    (void)state;
    struct real_nodes *nodes = real_nodes_new();
    uint64_t dir = real_nodes_count(nodes, TOP, 0, "dir"),
             file = real_nodes_count(nodes, TOP, dir, "f");
    real_nodes_count(nodes, TOP, dir, "f");
    real_nodes_forget(nodes, dir, 1); /* kept by its child */
    expect_place(nodes, file, "dir/f");
    real_nodes_forget(nodes, file, 1);
    assert_int_equal(real_nodes_known(nodes), 2);
    real_nodes_forget(nodes, file, 1);
    assert_int_equal(real_nodes_known(nodes), 0);
    real_nodes_free(nodes);
}

static enum options_verdict parse(struct options *options, const char *line, struct error **err)
{
    static char copy[256];
    static char *argv[16];
    int argc = 0;
    char *position;
    snprintf(copy, sizeof copy, "kfsd %s", line);
    for (char *word = strtok_r(copy, " ", &position); word; word = strtok_r(NULL, " ", &position))
        argv[argc++] = word;
    argv[argc] = NULL;
    return options_parse(argc, argv, options, err);
}

static void options_are_understood(void **state)
{
    (void)state;
    cleanup(options_done) struct options options;
    assert_int_equal(parse(&options,
                           "-f -o allow_other,uid=7,mode=0755,ro --state-dir /s --log-level debug "
                           "--privileged none /m",
                           NULL),
                     OPTIONS_RUN);
    assert_true(options.foreground);
    assert_string_equal(options.fuse.data, "allow_other,ro");
    assert_int_equal(options.uid, 7);
    assert_int_equal(options.gid, -1);
    assert_int_equal(options.enclave_mode, 0755);
    assert_string_equal(options.state_dir, "/s");
    assert_int_equal(options.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(options.privilege, ENGINE_PRIVILEGE_NONE);
    assert_string_equal(options.mount_point, "/m");
}

static void wrong_options_are_told(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "/a /b",
                                        "--nonsense /m",
                                        "--log-level loud /m",
                                        "-o uid=x /m",
                                        "-o mode=9 /m",
                                        "--privileged some /m",
                                        "/m --state-dir"};
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        cleanup(options_done) struct options options;
        cleanup(error_free) struct error *failure = NULL;
        assert_int_equal(parse(&options, lines[i], &failure), OPTIONS_BAD);
        assert_non_null(failure);
    }
    cleanup(options_done) struct options options;
    assert_int_equal(parse(&options, "--help", NULL), OPTIONS_HELP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_opener_commits_and_only_what_is_new),
        cmocka_unit_test(what_nobody_committed_is_committed_at_the_end),
        cmocka_unit_test(threads_are_of_their_process),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(places_follow_what_is_done),
        cmocka_unit_test(what_is_forgotten_takes_no_room),
        cmocka_unit_test(options_are_understood),
        cmocka_unit_test(wrong_options_are_told),
    };
    return cmocka_run_group_tests_name("kfs.parts", tests, NULL, NULL);
}
