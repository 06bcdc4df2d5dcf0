/* Finding tests in directories, and choosing among them. */
#include "tools/test/suite.h"

#include "backend/base/buf.h"
#include "backend/base/file.h"
#include "tools/test/script.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SCRIPT_MAX = 16 << 20 /* bytes; what the engine takes */
};

static const struct {
    const char *suffix;
    enum test_kind kind;
} kinds[] = {
    {"_test.star", TEST_SCRIPT},
    {"_test.controller.json", TEST_CONTAINER},
    {"_test", TEST_HOST},
};

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOME_MAX] = {
        [OUTCOME_NOT_RUN] = "NOT RUN",
        [OUTCOME_PASSED] = "PASSED",
        [OUTCOME_FAILED] = "FAILED",
        [OUTCOME_ERRORED] = "ERRORED",
    };
    return names[outcome];
}

/* ---- one test */

static void test_done(struct test *test)
{
    for (size_t i = 0; i < test->case_count; i++) {
        free(test->cases[i].name);
        free(test->cases[i].reason);
    }
    free(test->cases);
    free(test->suite);
    free(test->name);
    free(test->directory);
    free(test->path);
    free(test->setup);
    free(test->volume);
    free(test->results);
}

static int no_memory(struct error **err)
{
    return error_set(err, ENOMEM, "out of memory");
}

/* The length of NAME in a file's name, and its kind; 0 if the file is no test. */
static size_t match_name(const char *file, enum test_kind *ret_kind)
{
    size_t length = strlen(file);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        size_t suffix = strlen(kinds[i].suffix);
        if (file[0] != '.' && length > suffix &&
            strcmp(file + length - suffix, kinds[i].suffix) == 0) {
            *ret_kind = kinds[i].kind;
            return length - suffix;
        }
    }
    return 0;
}

/* Whether the file is of the type that its kind needs. */
static bool is_usable(const char *path, enum test_kind kind)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (kind != TEST_HOST || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)));
}

static int add_case(struct test *test, const char *function, struct error **err)
{
    struct test_case *grown = reallocarray(test->cases, test->case_count + 1, sizeof *test->cases);
    if (!grown)
        return no_memory(err);
    test->cases = grown;
    struct test_case *it = &grown[test->case_count];
    *it = (struct test_case){.outcome = OUTCOME_NOT_RUN};
    if (asprintf(&it->name, "%s%s%s", test->name, function ? "/" : "", function ? function : "") <
        0)
        return no_memory(err);
    it->function = function ? it->name + strlen(test->name) + 1 : NULL;
    test->case_count++;
    return 0;
}

static int add_cases(struct test *test, struct error **err)
{
    if (test->kind != TEST_SCRIPT)
        return add_case(test, NULL, err);
    cleanup(buf_done) struct buf text = BUF_INIT(SCRIPT_MAX);
    cleanup(script_facts_done) struct script_facts facts = {.case_count = 0};
    cleanup(free) char *path = realpath(test->path, NULL);
    if (!path)
        return error_system(err, "%s", test->path);
    if (file_read(AT_FDCWD, path, &text, err) < 0 || script_scan(text.data, &facts, err) < 0)
        return -1;
    test->has_run = facts.has_run;
    for (size_t i = 0; i < facts.case_count; i++)
        if (add_case(test, facts.cases[i], err) < 0)
            return -1;
    return facts.case_count ? 0 : add_case(test, NULL, err);
}

/* DIRECTORY/NAME+SUFFIX if it is there. */
static char *sibling(const struct test *test, const char *suffix)
{
    char *path;
    if (asprintf(&path, "%s/%s%s", test->directory, test->stem, suffix) < 0)
        return NULL;
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static bool is_package(const char *directory)
{
    cleanup(free) char *path = NULL;
    return asprintf(&path, "%s/kurtosis.yml", directory) >= 0 && access(path, F_OK) == 0;
}

/* `prefix` leads the names when there are several suites. */
static int fill(struct test *test, const char *directory, const char *suite, bool prefix,
                const char *file, size_t length, struct error **err)
{
    test->suite = strdup(suite);
    test->directory = strdup(directory);
    if (asprintf(&test->path, "%s/%s", directory, file) < 0)
        test->path = NULL;
    if (asprintf(&test->name, "%s%s%.*s", prefix ? suite : "", prefix ? "/" : "", (int)length,
                 file) < 0)
        test->name = NULL;
    if (!test->suite || !test->directory || !test->path || !test->name)
        return no_memory(err);
    test->stem = test->name + strlen(test->name) - length;
    test->volume = sibling(test, ".volume");
    if (test->kind != TEST_SCRIPT)
        test->setup = sibling(test, ".setup.star");
    test->package = is_package(directory);
    return add_cases(test, err);
}

static int add_test(struct test_list *list, const char *directory, const char *suite, bool prefix,
                    const char *file, struct error **err)
{
    enum test_kind kind;
    size_t length = match_name(file, &kind);
    struct test *grown = reallocarray(list->tests, list->count + 1, sizeof *list->tests);
    if (!grown)
        return no_memory(err);
    list->tests = grown;
    struct test *test = &grown[list->count++];
    *test = (struct test){.kind = kind};
    return fill(test, directory, suite, prefix, file, length, err);
}

/* ---- suites */

static int is_test(const struct dirent *entry)
{
    enum test_kind kind;
    return match_name(entry->d_name, &kind) > 0;
}

static int add_directory(struct test_list *list, const char *directory, const char *suite,
                         bool prefix, struct error **err)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_test, NULL);
    if (count < 0)
        return error_system(err, "%s", directory);
    int result = 0;
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        enum test_kind kind;
        cleanup(free) char *path = NULL;
        match_name(file, &kind);
        if (result == 0 && asprintf(&path, "%s/%s", directory, file) >= 0 && is_usable(path, kind))
            result = add_test(list, directory, suite, prefix, file, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* A single test of a suite. */
static int add_file(struct test_list *list, char *path, bool prefix, struct error **err)
{
    enum test_kind kind;
    char *slash = strrchr(path, '/');
    const char *file = slash + 1;
    if (match_name(file, &kind) == 0 || !is_usable(path, kind))
        return error_set(err, EINVAL,
                         "%s is no test: NAME_test.star, an executable NAME_test, or "
                         "NAME_test.controller.json",
                         path);
    *slash = '\0';
    const char *directory = *path ? path : "/";
    return add_test(list, directory, basename(directory), prefix, file, err);
}

static int add_suite(struct test_list *list, const char *named, bool prefix, struct error **err)
{
    struct stat st;
    cleanup(free) char *path = realpath(named, NULL);
    if (!path || stat(path, &st) < 0)
        return error_system(err, "%s", named);
    return S_ISDIR(st.st_mode) ? add_directory(list, path, basename(path), prefix, err)
                               : add_file(list, path, prefix, err);
}

static int compare_tests(const void *a, const void *b)
{
    return strcmp(((const struct test *)a)->name, ((const struct test *)b)->name);
}

static int refuse_twins(const struct test_list *list, struct error **err)
{
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->tests[i - 1].name, list->tests[i].name) == 0)
            return error_set(err, EINVAL, "two tests are called %s: %s and %s", list->tests[i].name,
                             list->tests[i - 1].path, list->tests[i].path);
    return 0;
}

int test_list_find(struct test_list *list, const char *const *suites, size_t count,
                   struct error **err)
{
    *list = (struct test_list){.count = 0};
    for (size_t i = 0; i < count; i++)
        if (add_suite(list, suites[i], count > 1, err) < 0)
            return -1;
    if (list->count > 1)
        qsort(list->tests, list->count, sizeof *list->tests, compare_tests);
    return refuse_twins(list, err);
}

/* ---- choosing */

static bool matches(const struct test *test, const struct test_case *it, const char *const *globs,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fnmatch(globs[i], it->name, 0) == 0 || fnmatch(globs[i], test->name, 0) == 0)
            return true;
    return count == 0;
}

static void filter_cases(struct test *test, const char *const *globs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < test->case_count; i++) {
        if (matches(test, &test->cases[i], globs, count))
            test->cases[kept++] = test->cases[i];
        else
            free(test->cases[i].name);
    }
    test->case_count = kept;
}

void test_list_filter(struct test_list *list, const char *const *globs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        filter_cases(&list->tests[i], globs, count);
        if (list->tests[i].case_count > 0)
            list->tests[kept++] = list->tests[i];
        else
            test_done(&list->tests[i]);
    }
    list->count = kept;
}

size_t test_list_cases(const struct test_list *list)
{
    size_t cases = 0;
    for (size_t i = 0; i < list->count; i++)
        cases += list->tests[i].case_count;
    return cases;
}

void test_list_done(struct test_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        test_done(&list->tests[i]);
    free(list->tests);
    *list = (struct test_list){.count = 0};
}
