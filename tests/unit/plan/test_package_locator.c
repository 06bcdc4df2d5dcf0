/* Locators, kurtosis.yml and .kurtosisignore as text. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/plan/package_ignore.h"
#include "backend/plan/package_yml.h"

#include <string.h>

/* ---- locators ---- */

static void assert_parts(const char *text, const char *repository, const char *path,
                         const char *version, bool may_be_shorter)
{
    cleanup(error_free) struct error *err = NULL;
    cleanup(package_locator_done) struct package_locator locator;
    if (package_locator_parse(text, &locator, &err) < 0)
        fail_msg("%s: %s", text, error_message(err));
    assert_string_equal(locator.repository, repository);
    assert_string_equal(locator.path, path);
    assert_string_equal(locator.version ? locator.version : "-", version ? version : "-");
    assert_int_equal(locator.version_may_be_shorter, may_be_shorter);
}

static void test_remote_locators(void **state)
{
    (void)state;
    static const char repo[] = "github.com/o/r";
    assert_parts("github.com/o/r", repo, "", NULL, false);
    assert_parts("github.com/o/r/", repo, "", NULL, false);
    assert_parts("github.com/o/r/a/b.star", repo, "a/b.star", NULL, false);
    assert_parts("github.com/o/r//a/./x/../b.star", repo, "a/b.star", NULL, false);
    assert_parts("github.com/o/r@v1", repo, "", "v1", false);
    assert_parts("github.com/o/r@1.2.3", repo, "", "1.2.3", false);
    assert_parts("github.com/o/r@1.2.3/main.star", repo, "main.star", "1.2.3", false);
    assert_parts("github.com/o/r/main.star@1.2.3", repo, "main.star", "1.2.3", false);
    assert_parts("github.com/o/r/main.star@feature/x", repo, "main.star", "feature/x", false);
    assert_parts("github.com/o/r@feature/x/main.star", repo, "main.star", "feature/x", true);
    assert_parts("github.com/o/r/sub@v1/main.star", repo, "sub/main.star", "v1", false);
    assert_parts("github.com/o/r@v1/static", repo, "", "v1/static", true);
    assert_parts("github.com/o/r.js@v1/main.star", "github.com/o/r.js", "main.star", "v1", false);
    assert_parts("github.com/o/r/node/@types/x.json", repo, "node/@types/x.json", NULL, false);
}

static void test_wrong_locators_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"github.com/",
                                        "github.com/o",
                                        "github.com/o/",
                                        "github.com/../r",
                                        "github.com/o/..",
                                        "github.com/-o/r",
                                        "github.com/o/--upload-pack=x",
                                        "github.com/o o/r",
                                        "github.com/o/r/../../x",
                                        "github.com/o/r@",
                                        "github.com/o/r@-x",
                                        "github.com/o/r@a..b",
                                        "github.com/o/r@a b",
                                        "github.com/o/r@a:b",
                                        "github.com/o/r@a^{}",
                                        "github.com/o/r@../../x/main.star",
                                        "github.com/o/r/main.star@a/../b",
                                        "github.com/o/r/sub/x@v1/..",
                                        "github.com/o/r/sub/x@v1/.",
                                        "gitlab.com/o/r",
                                        "https://github.com/o/r"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        cleanup(error_free) struct error *err = NULL;
        cleanup(package_locator_done) struct package_locator locator;
        if (package_locator_parse(texts[i], &locator, &err) == 0)
            fail_msg("%s was taken", texts[i]);
        assert_int_equal(error_code(err), EINVAL);
    }
}

static void assert_joined(const char *from, const char *relative, const char *expected)
{
    cleanup(free) char *path = package_path_join(from, relative, NULL);
    if (!expected) {
        assert_null(path);
        return;
    }
    assert_non_null(path);
    assert_string_equal(path, expected);
}

static void test_relative_paths(void **state)
{
    (void)state;
    assert_joined("a/b/main.star", "./x.star", "a/b/x.star");
    assert_joined("a/b/main.star", "x.star", "a/b/x.star");
    assert_joined("a/b/main.star", "../x.star", "a/x.star");
    assert_joined("a/b/main.star", "../../x.star", "x.star");
    assert_joined("a/b/main.star", "../../../x.star", NULL);
    assert_joined("a/b/main.star", "/x.star", "x.star");
    assert_joined("a/b/main.star", "/../x.star", NULL);
    assert_joined("a/b/main.star", "/", "");
    assert_joined("main.star", ".", "");
    assert_joined("main.star", "./a//./b/../c/", "a/c");
    assert_joined("main.star", "", NULL);
}

static void test_prefixes_end_at_components(void **state)
{
    (void)state;
    assert_true(package_path_is_in("a/b", "a"));
    assert_true(package_path_is_in("a", "a"));
    assert_true(package_path_is_in("a", ""));
    assert_false(package_path_is_in("ab", "a"));
    assert_false(package_path_is_in("a", "a/b"));
    assert_string_equal(package_path_below("a/b/c", "a"), "b/c");
    assert_string_equal(package_path_below("a", "a"), "");
    assert_string_equal(package_path_below("a/b", ""), "a/b");
}

/* ---- kurtosis.yml ---- */

static void test_kurtosis_yml(void **state)
{
    (void)state;
    static const char text[] = "name: github.com/o/r/sub\n"
                               "description: |\n  what it is\n"
                               "replace:\n"
                               "  github.com/a/b: github.com/c/d@v1\n"
                               "  github.com/a/b/deep: ../local\n";
    struct package_yml yml;
    cleanup(error_free) struct error *err = NULL;
    if (package_yml_parse(text, sizeof text - 1, &yml, &err) < 0)
        fail_msg("%s", error_message(err));
    assert_string_equal(yml.name, "github.com/o/r/sub");
    assert_string_equal(yml.description, "what it is\n");
    const struct package_replacement *found = package_yml_replacement(&yml, "github.com/a/b/x");
    assert_string_equal(found->target.repository, "github.com/c/d");
    assert_string_equal(found->target.version, "v1");
    found = package_yml_replacement(&yml, "github.com/a/b/deep/er");
    assert_true(found->is_local);
    assert_string_equal(found->to, "../local");
    assert_null(package_yml_replacement(&yml, "github.com/a/bc"));
    assert_null(package_yml_replacement(&yml, "github.com/a"));
    package_yml_done(&yml);
}

static void test_wrong_kurtosis_yml_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "must be a map"},
        {"- a\n", "must be a map"},
        {"description: x\n", "'name' is missing"},
        {"name: 5\n", "'name' is missing"},
        {"name: github.com/o/r\nnmae: x\n", "unknown key 'nmae'"},
        {"name: github.com/o/r\nname: github.com/o/r\n", "line 2, column 1: key \"name\" appears"},
        {"name: github.com/o/r/\n", "must be written as 'github.com/o/r'"},
        {"name: my-package\n", "'my-package' is no locator"},
        {"name: github.com/o/r@v1\n", "must not have a version"},
        {"name: github.com/o/r\ndescription: [1]\n", "'description' must be a text"},
        {"name: github.com/o/r\nreplace: x\n", "'replace' must be a map"},
        {"name: github.com/o/r\nreplace:\n  a: b\n", "'a' is no locator"},
        {"name: github.com/o/r\nreplace:\n  github.com/a/b: 5\n", "must be given a locator"},
        {"name: github.com/o/r\nreplace:\n  github.com/a/b: c/d\n", "'c/d' is no locator"},
        {"name: [\n", "line 2"},
        {"name: \"github.com/o/r\n", "not YAML"},
        {"name: github.com/o/r\n---\nname: x\n", "more than one document"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup(error_free) struct error *err = NULL;
        struct package_yml yml;
        if (package_yml_parse(cases[i].text, strlen(cases[i].text), &yml, &err) == 0)
            fail_msg("taken: %s", cases[i].text);
        assert_int_equal(error_code(err), EINVAL);
        if (!strstr(error_message(err), cases[i].part))
            fail_msg("%s: %s", cases[i].text, error_message(err));
    }
}

/* ---- .kurtosisignore ---- */

static bool is_ignored(const char *patterns, const char *path, bool is_directory)
{
    cleanup(package_ignore_free) struct package_ignore *ignore =
        package_ignore_parse(patterns, strlen(patterns));
    assert_non_null(ignore);
    return package_ignore_matches(ignore, path, is_directory);
}

static void test_ignore_patterns(void **state)
{
    (void)state;
    assert_true(is_ignored("*.log\n", "a.log", false));
    assert_true(is_ignored("*.log\n", "deep/er/a.log", false));
    assert_false(is_ignored("*.log\n", "a.logs", false));
    assert_true(is_ignored("build/\n", "build", true));
    assert_true(is_ignored("build/\n", "a/build", true));
    assert_false(is_ignored("build/\n", "build", false));
    assert_true(is_ignored("/build\n", "build", true));
    assert_false(is_ignored("/build\n", "a/build", true));
    assert_true(is_ignored("a/b\n", "a/b", false));
    assert_false(is_ignored("a/b\n", "x/a/b", false));
    assert_false(is_ignored("a/*\n", "a/b/c", false));
    assert_true(is_ignored("**/c\n", "a/b/c", false));
    assert_true(is_ignored("**/c\n", "c", false));
    assert_true(is_ignored("a/**\n", "a/b/c", false));
    assert_false(is_ignored("a/**\n", "a", true));
    assert_true(is_ignored("a/**/z\n", "a/z", false));
    assert_true(is_ignored("a/**/z\n", "a/b/c/z", false));
    assert_false(is_ignored("# comment\n\n  \n", "# comment", false));
    assert_true(is_ignored("\\#x\n", "#x", false));
    assert_true(is_ignored("*.log\r\n", "a.log", false));
    assert_false(is_ignored("*.log\n!keep.log\n", "keep.log", false));
    assert_true(is_ignored("!keep.log\n*.log\n", "keep.log", false));
    assert_true(is_ignored("[ab].txt", "b.txt", false));
    assert_false(is_ignored("", "a", false));
    assert_false(package_ignore_matches(NULL, "a", false));
}

/* Many "**" against a long path could take for ever. */
static void test_ignore_patterns_are_bounded(void **state)
{
    (void)state;
    char pattern[400] = "";
    char path[400] = "";
    for (int i = 0; i < 60; i++) {
        memcpy(pattern + strlen(pattern), "**/a/", 6);
        memcpy(path + strlen(path), "a/a/", 5);
    }
    memcpy(pattern + strlen(pattern), "x", 2);
    memcpy(path + strlen(path), "b", 2);
    assert_false(is_ignored(pattern, path, false));
}

static void test_a_pattern_of_too_many_names_is_left_out(void **state)
{
    (void)state;
    char patterns[700] = "*.log\n";
    for (int i = 0; i < 300; i++)
        memcpy(patterns + strlen(patterns), "a/", 3);
    memcpy(patterns + strlen(patterns), "b\n*.txt\n", 9);
    assert_true(is_ignored(patterns, "x.log", false));
    assert_true(is_ignored(patterns, "x.txt", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_locators),
        cmocka_unit_test(test_wrong_locators_are_refused),
        cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_prefixes_end_at_components),
        cmocka_unit_test(test_kurtosis_yml),
        cmocka_unit_test(test_wrong_kurtosis_yml_is_refused),
        cmocka_unit_test(test_ignore_patterns),
        cmocka_unit_test(test_ignore_patterns_are_bounded),
        cmocka_unit_test(test_a_pattern_of_too_many_names_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
