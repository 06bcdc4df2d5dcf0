/*
 * The texts of packages that strangers write: kurtosis.yml, arguments, locators, .kurtosisignore.
 * The first byte says which. What is looked for, beside what the sanitizers see: a path that leaves
 * its repository, and JSON that is not read back as it was written.
 */
#include "backend/plan/arguments.h"
#include "backend/plan/json_big.h"
#include "backend/plan/package_ignore.h"
#include "backend/plan/package_yml.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check_path(const char *path)
{
    if (*path == '/' || strcmp(path, "..") == 0 || strncmp(path, "../", 3) == 0 ||
        strstr(path, "/../") || strstr(path, "//"))
        __builtin_trap();
}

static void fuzz_locator(const char *text)
{
    cleanup(package_locator_done) struct package_locator locator;
    if (package_locator_parse(text, &locator, NULL) == 0) {
        check_path(locator.path);
        check_path(locator.repository);
        if (locator.version && *locator.version == '-')
            __builtin_trap();
        if (locator.before_version > strlen(locator.path))
            __builtin_trap();
    }
    cleanup(free) char *path = package_path_join("a/b/c.star", text, NULL);
    if (path)
        check_path(path);
}

static void fuzz_arguments(const char *text, size_t length)
{
    json_t *json = arguments_parse(text, length, NULL);
    if (!json)
        return;
    cleanup(buf_done) struct buf out = BUF_INIT(BUF_MAX_DOCUMENT);
    if (json_big_put(&out, json, JSON_COMPACT, NULL) < 0)
        __builtin_trap();
    json_t *again = json_big_parse(out.data, out.length, NULL);
    if (!again || !json_equal(json, again))
        __builtin_trap();
    json_decref(again);
    json_decref(json);
}

static void fuzz_ignore(const char *text, size_t length)
{
    cleanup(package_ignore_free) struct package_ignore *ignore = package_ignore_parse(text, length);
    package_ignore_matches(ignore, "a/b/some.log", false);
    package_ignore_matches(ignore, "a", true);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size == 0)
        return 0;
    cleanup(free) char *text = strndup((const char *)input + 1, size - 1);
    struct package_yml yml;
    switch (input[0] & 3) {
    case 0:
        fuzz_locator(text);
        break;
    case 1:
        fuzz_arguments((const char *)input + 1, size - 1);
        break;
    case 2:
        fuzz_ignore((const char *)input + 1, size - 1);
        break;
    default:
        if (package_yml_parse((const char *)input + 1, size - 1, &yml, NULL) == 0)
            package_yml_done(&yml);
        break;
    }
    return 0;
}
