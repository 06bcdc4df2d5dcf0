/*
 * Packages in real git repositories, made in a temporary directory: what locators mean, versions,
 * replace, the mirror, the cache, and what goes wrong. GitHub is a directory by git's own
 * url.<base>.insteadOf, so nothing here reaches a network.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/plan/package.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char base[] = "/tmp/kfs-test-package.XXXXXX";

/* ---- the world ---- */

/* Runs a script in the temporary directory. */
__attribute__((format(printf, 1, 2))) static void sh(const char *format, ...)
{
    cleanup(buf_done) struct buf command = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&command, "set -e; cd %s; ", base);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&command, format, arguments);
    va_end(arguments);
    int status = system(command.data);
    if (status != 0)
        fail_msg("%s: status %d", command.data, status);
}

/* A repository o/dep with two tags, branches and a folder, as people make them. */
static const char make_dep[] =
    "mkdir -p hub/o/dep && cd hub/o/dep && git init -q -b trunk . && "
    "echo 'name: github.com/o/dep' > kurtosis.yml && "
    "echo v1 > main.star && mkdir -p lib static && echo lib1 > lib/a.star && "
    "echo s > static/s.txt && git add . && git commit -q -m 1 && git tag v1 && "
    "echo v2 > main.star && git commit -q -am 2 && git tag -a -m two v2 && "
    "git checkout -q -b feature/x && echo fx > main.star && git commit -q -am 3 && "
    "git checkout -q trunk && echo trunk > main.star && ln -s /etc/passwd out.star && "
    "ln -s ../../../../../../etc up && ln -s main.star link.star && git add . && "
    "git commit -q -am 4 && git branch v1-branch v1";

static const char make_root[] =
    "mkdir -p root/lib root/static/deep local && cd root && "
    "printf 'name: github.com/me/root\\nreplace:\\n  github.com/o/gone: github.com/o/dep@v1\\n"
    "  github.com/o/mine: ../local\\n  github.com/o/mine/deep: github.com/o/dep/lib@v2\\n' "
    "> kurtosis.yml && "
    "echo main > main.star && echo lib > lib/a.star && echo b > lib/b.star && "
    "echo x > static/x.txt && echo l > static/x.log && echo d > static/deep/d.log && "
    "ln -s x.txt static/link && printf '*.log\\n' > static/.kurtosisignore && "
    "printf 'static/deep\\n' > .kurtosisignore && ln -s /etc/passwd evil.star && "
    "cd ../local && echo 'name: github.com/o/mine' > kurtosis.yml && echo local > main.star && "
    "echo l2 > l2.star";

static int make_world(void **state)
{
    (void)state;
    if (!mkdtemp(base))
        return -1;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&path, "%s/gitconfig", base);
    setenv("GIT_CONFIG_GLOBAL", path.data, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("HOME", base, 1);
    sh("git config --global user.name t; git config --global user.email t@example.org; "
       "git config --global url.%s/hub/.insteadOf https://github.com/",
       base);
    sh("%s", make_dep);
    sh("%s", make_root);
    return 0;
}

static int remove_world(void **state)
{
    (void)state;
    return file_remove_tree(AT_FDCWD, base, NULL);
}

static char *usual_path;

/* Programs are looked for in base/directory first, until restore_path. */
static void put_first(const char *directory)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    usual_path = strdup(getenv("PATH"));
    buf_printf(&path, "%s/%s:%s", base, directory, usual_path);
    setenv("PATH", path.data, 1);
}

static void restore_path(void)
{
    setenv("PATH", usual_path, 1);
    free(steal(&usual_path));
}

/* A set with a cache of its own, so that no test lives on what another fetched. */
struct world {
    struct package_set *set;
    char *cache, *root, *mirror;
    struct error *err;
};

__attribute__((format(printf, 1, 2))) static char *in_base(const char *format, ...)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&path, "%s/", base);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&path, format, arguments);
    va_end(arguments);
    return buf_steal(&path, NULL);
}

static struct package_options options_for(struct world *world)
{
    static unsigned caches;
    if (!world->cache)
        world->cache = in_base("cache%u", caches++);
    return (struct package_options){
        .cache = world->cache, .mirror = world->mirror, .retry_pause = CLOCK_MILLISECOND};
}

static void open_world(struct world *world, const char *root)
{
    struct package_options *options = calloc(1, sizeof *options);
    *options = options_for(world);
    world->set = package_set_new(options, root, &world->err);
    free(options); /* its texts stay, and that is what the set asks for */
}

static void open_root(struct world *world)
{
    world->root = in_base("root");
    open_world(world, world->root);
    if (!world->set)
        fail_msg("%s", error_message(world->err));
    assert_non_null(package_main(world->set, NULL, NULL));
}

static void world_done(struct world *world)
{
    package_set_free(world->set);
    error_free(world->err);
    free(world->cache);
    free(world->root);
    free(world->mirror);
}
#define cleanup_world_done world_done

static const char main_file[] = "github.com/me/root/main.star";

static const struct package_file *resolve(struct world *world, const char *from,
                                          const char *locator, enum package_use use)
{
    error_free(steal(&world->err));
    const struct package_file *file = package_resolve(world->set, from, locator, use, &world->err);
    if (!file)
        fail_msg("%s: %s", locator, error_message(world->err));
    return file;
}

static void assert_content(const struct package_file *file, const char *expected)
{
    cleanup(error_free) struct error *err = NULL;
    cleanup(buf_done) struct buf text = BUF_INIT(1000);
    if (package_read(file, &text, &err) < 0)
        fail_msg("%s: %s", file->locator, error_message(err));
    assert_string_equal(text.data, expected);
}

static const struct package_file *assert_module(struct world *world, const char *from,
                                                const char *locator, const char *name,
                                                const char *content)
{
    const struct package_file *file = resolve(world, from, locator, PACKAGE_MODULE);
    assert_string_equal(file->locator, name);
    assert_content(file, content);
    return file;
}

static void assert_refused(struct world *world, const char *from, const char *locator, int code,
                           const char *part)
{
    error_free(steal(&world->err));
    if (package_resolve(world->set, from, locator, PACKAGE_MODULE, &world->err))
        fail_msg("taken: %s", locator);
    if (error_code(world->err) != code || !strstr(error_message(world->err), part))
        fail_msg("%s: %d: %s", locator, error_code(world->err), error_message(world->err));
}

/* ---- a local package ---- */

static void test_relative_locators(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_string_equal(package_set_name(world.set), "github.com/me/root");
    assert_content(package_main(world.set, NULL, NULL), "main\n");
    assert_content(package_main(world.set, "lib/b.star", NULL), "b\n");
    static const char lib[] = "github.com/me/root/lib/a.star";
    const struct package_file *a = assert_module(&world, main_file, "./lib/a.star", lib, "lib\n");
    assert_string_equal(a->package, "github.com/me/root");
    assert_ptr_equal(assert_module(&world, main_file, "lib/a.star", lib, "lib\n"), a);
    assert_ptr_equal(assert_module(&world, lib, "/lib/a.star", lib, "lib\n"), a);
    assert_module(&world, lib, "./b.star", "github.com/me/root/lib/b.star", "b\n");
    assert_module(&world, lib, "../main.star", main_file, "main\n");
}

static void test_refused_locators(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_refused(&world, main_file, "../outside.star", EINVAL, "leads out of its repository");
    assert_refused(&world, main_file, "/../../etc/passwd", EINVAL, "leads out of its repository");
    assert_refused(&world, main_file, "./evil.star", EINVAL, "by a symbolic link");
    assert_refused(&world, main_file, "./none.star", ENOENT, "github.com/me/root/none.star");
    assert_refused(&world, main_file, "./lib", EISDIR, "is a directory");
    assert_refused(&world, main_file, "", EINVAL, "empty");
    assert_refused(&world, main_file, "https://github.com/o/dep/main.star", EINVAL,
                   "leave 'https://' away");
}

static void test_own_package_must_be_relative(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_refused(&world, main_file, "github.com/me/root/lib/a.star", EINVAL,
                   "within a package; write '/lib/a.star'");
    assert_refused(&world, main_file, "github.com/me/root/lib/a.star@v1", EINVAL, "'/lib/a.star'");
    /* Another package whose name only begins the same is another package. */
    assert_refused(&world, main_file, "github.com/me/root-two/a.star", ENOENT, "root-two");
}

static void test_wrong_packages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *make, *part;
        int code;
    } cases[] = {
        {"mkdir bad0", "no package: it has no kurtosis.yml", ENOENT},
        {"mkdir bad1; echo 'name: x' > bad1/kurtosis.yml", "'x' is no locator", EINVAL},
        {"mkdir bad2; printf 'name: github.com/a/b\\nfoo: 1\\n' > bad2/kurtosis.yml",
         "unknown key 'foo'", EINVAL},
        {"mkdir bad3; ln -s /etc/passwd bad3/kurtosis.yml", "no kurtosis.yml", ENOENT},
        {"true", "cannot find the package", ENOENT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup(world_done) struct world world = {0};
        sh("%s", cases[i].make);
        world.root = in_base("bad%zu", i);
        open_world(&world, world.root);
        assert_null(world.set);
        if (error_code(world.err) != cases[i].code ||
            !strstr(error_message(world.err), cases[i].part))
            fail_msg("%s: %s", cases[i].make, error_message(world.err));
    }
}

static void test_standalone_scripts_have_remote_files_only(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_world(&world, NULL);
    assert_null(package_set_name(world.set));
    assert_refused(&world, NULL, "./lib.star", EINVAL, "a standalone script has no files");
    static const char dep[] = "github.com/o/dep@v1/main.star";
    assert_module(&world, "app.star", "github.com/o/dep/main.star@v1", dep, "v1\n");
    assert_module(&world, dep, "./lib/a.star", "github.com/o/dep@v1/lib/a.star", "lib1\n");
}

/* A package in a folder of a work tree: '/' is the work tree's root. */
static void test_package_in_a_folder(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p mono/sub && cd mono && git init -q . && echo top > top.star && "
       "echo 'name: github.com/me/mono/sub' > sub/kurtosis.yml && echo m > sub/main.star");
    world.root = in_base("mono/sub");
    open_world(&world, world.root);
    static const char name[] = "github.com/me/mono/sub/main.star";
    assert_string_equal(package_main(world.set, NULL, NULL)->locator, name);
    assert_module(&world, name, "/sub/main.star", name, "m\n");
    const struct package_file *top = resolve(&world, name, "/top.star", PACKAGE_UPLOAD);
    assert_content(top, "top\n");
    assert_refused(&world, name, "../top.star", EINVAL, "is in no Kurtosis package");
}

/* The same folder alone: what else its repository has is not here. */
static void test_folder_without_its_repository(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir alone && echo 'name: github.com/me/mono/sub' > alone/kurtosis.yml && "
       "echo m > alone/main.star");
    world.root = in_base("alone/kurtosis.yml");
    open_world(&world, world.root);
    static const char name[] = "github.com/me/mono/sub/main.star";
    assert_string_equal(package_main(world.set, NULL, NULL)->locator, name);
    assert_module(&world, name, "/sub/main.star", name, "m\n");
    assert_refused(&world, name, "../top.star", ENOENT, "only the folder 'sub'");
}

static void test_local_directories_can_be_confined(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    struct package_options options = options_for(&world);
    cleanup(free) char *root = in_base("root");
    cleanup(free) char *other = in_base("local");
    options.local_root = other;
    assert_null(package_set_new(&options, root, &world.err));
    assert_int_equal(error_code(world.err), EACCES);
    error_free(steal(&world.err));
    options.local_root = root;
    world.set = package_set_new(&options, root, &world.err);
    assert_non_null(package_main(world.set, NULL, NULL));
    assert_refused(&world, main_file, "github.com/o/mine/main.star", EACCES, "is not in");
}

/* ---- remote packages ---- */

static void test_versions(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_module(&world, main_file, "github.com/o/dep/main.star", "github.com/o/dep/main.star",
                  "trunk\n");
    assert_module(&world, main_file, "github.com/o/dep/main.star@v1",
                  "github.com/o/dep@v1/main.star", "v1\n");
    assert_module(&world, main_file, "github.com/o/dep@v1/main.star",
                  "github.com/o/dep@v1/main.star", "v1\n");
    assert_module(&world, main_file, "github.com/o/dep@v2/lib/a.star",
                  "github.com/o/dep@v2/lib/a.star", "lib1\n");
    assert_module(&world, main_file, "github.com/o/dep@v2/main.star",
                  "github.com/o/dep@v2/main.star", "v2\n");
    assert_module(&world, main_file, "github.com/o/dep@feature/x/main.star",
                  "github.com/o/dep@feature/x/main.star", "fx\n");
    assert_module(&world, main_file, "github.com/o/dep/main.star@feature/x",
                  "github.com/o/dep@feature/x/main.star", "fx\n");
    assert_module(&world, main_file, "github.com/o/dep/main.star@v1-branch",
                  "github.com/o/dep@v1-branch/main.star", "v1\n");
    assert_true(
        resolve(&world, main_file, "github.com/o/dep@v1/static", PACKAGE_UPLOAD)->is_directory);
}

static void read_commit(const char *version, char commit[64])
{
    sh("git -C hub/o/dep rev-parse %s^{commit} > commit", version);
    cleanup(free) char *path = in_base("commit");
    cleanup(buf_done) struct buf text = BUF_INIT(100);
    assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), 0);
    snprintf(commit, 64, "%.40s", text.data);
}

static void test_commits(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    char commit[64];
    char locator[200];
    read_commit("v1", commit);
    snprintf(locator, sizeof locator, "github.com/o/dep/main.star@%s", commit);
    assert_content(resolve(&world, main_file, locator, PACKAGE_MODULE), "v1\n");
}

/* A dependency's files: relative ones are of its version, and so are its own by absolute name. */
static void test_dependencies_stay_in_their_version(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    resolve(&world, main_file, "github.com/o/dep/main.star@v1", PACKAGE_MODULE);
    resolve(&world, main_file, "github.com/o/dep/main.star", PACKAGE_MODULE);
    static const char v1[] = "github.com/o/dep@v1/main.star";
    assert_module(&world, v1, "/lib/a.star", "github.com/o/dep@v1/lib/a.star", "lib1\n");
    assert_module(&world, v1, "github.com/o/dep/main.star", v1, "v1\n");
    assert_module(&world, v1, "github.com/me/root/lib/a.star", "github.com/me/root/lib/a.star",
                  "lib\n");
    assert_module(&world, v1, "github.com/o/gone/main.star", v1, "v1\n");
}

static void test_links_do_not_lead_out(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_refused(&world, main_file, "github.com/o/dep/out.star", EINVAL, "by a symbolic link");
    assert_refused(&world, main_file, "github.com/o/dep/up/passwd", EINVAL, "by a symbolic link");
    assert_module(&world, main_file, "github.com/o/dep/link.star", "github.com/o/dep/link.star",
                  "trunk\n");
}

static void test_missing_things(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_refused(&world, main_file, "github.com/o/none/main.star", ENOENT, "o/none");
    assert_refused(&world, main_file, "github.com/o/dep/main.star@v9", ENOENT,
                   "it has no tag, branch or commit 'v9'");
    assert_refused(&world, main_file, "github.com/o/dep/none.star@v1", ENOENT, "none.star");
    assert_refused(&world, main_file,
                   "github.com/o/dep/main.star@0123456789012345678901234567890123456789", EIO,
                   "0123456789");
}

static void test_remote_root(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_world(&world, "github.com/o/dep@v1");
    static const char name[] = "github.com/o/dep/main.star";
    assert_string_equal(package_main(world.set, NULL, NULL)->locator, name);
    assert_content(package_main(world.set, NULL, NULL), "v1\n");
    assert_refused(&world, name, "github.com/o/dep/lib/a.star", EINVAL, "write '/lib/a.star'");
}

static void test_remote_root_may_name_its_main_file(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_world(&world, "github.com/o/dep/lib/a.star@v2");
    assert_string_equal(package_set_name(world.set), "github.com/o/dep");
    assert_content(package_main(world.set, NULL, NULL), "lib1\n");
}

static void test_remote_root_must_be_what_it_says(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p hub/o/liar && cd hub/o/liar && git init -q . && "
       "echo 'name: github.com/o/honest' > kurtosis.yml && git add . && git commit -q -m 1");
    open_world(&world, "github.com/o/liar");
    assert_null(world.set);
    assert_non_null(strstr(error_message(world.err), "calls itself 'github.com/o/honest'"));
}

static void test_repositories_that_are_no_package(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    sh("mkdir -p hub/o/files && cd hub/o/files && git init -q . && echo f > f.star && git add . && "
       "git commit -q -m 1");
    assert_refused(&world, main_file, "github.com/o/files/f.star", EINVAL,
                   "is in no Kurtosis package");
    assert_content(resolve(&world, main_file, "github.com/o/files/f.star", PACKAGE_UPLOAD), "f\n");
}

/* ---- replace ---- */

static void test_replace(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_module(&world, main_file, "github.com/o/gone/main.star", "github.com/o/dep@v1/main.star",
                  "v1\n");
    assert_module(&world, main_file, "github.com/o/gone/main.star@v2",
                  "github.com/o/dep@v1/main.star", "v1\n");
    static const char mine[] = "github.com/o/mine/main.star";
    assert_module(&world, main_file, mine, mine, "local\n");
    assert_module(&world, mine, "/l2.star", "github.com/o/mine/l2.star", "l2\n");
    /* The longest entry wins, also for what is named relatively. */
    assert_module(&world, main_file, "github.com/o/mine/deep/a.star",
                  "github.com/o/dep@v2/lib/a.star", "lib1\n");
    assert_module(&world, mine, "./deep/a.star", "github.com/o/dep@v2/lib/a.star", "lib1\n");
    assert_refused(&world, main_file, "github.com/o/mineral/main.star", ENOENT, "mineral");
}

static void test_remote_package_cannot_replace_by_directories(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p hub/o/sly && cd hub/o/sly && git init -q . && echo m > main.star && "
       "printf 'name: github.com/o/sly\\nreplace:\\n  github.com/x/y: /etc\\n' > kurtosis.yml && "
       "git add . && git commit -q -m 1");
    open_world(&world, "github.com/o/sly");
    assert_non_null(package_main(world.set, NULL, NULL));
    error_free(steal(&world.err));
    assert_null(package_resolve(world.set, "github.com/o/sly/main.star", "github.com/x/y/passwd",
                                PACKAGE_UPLOAD, &world.err));
    assert_non_null(strstr(error_message(world.err), "only possible in a local package"));
}

/* ---- the mirror and the cache ---- */

static void test_mirror_comes_first(void **state)
{
    (void)state;
    sh("mkdir -p mirror/github.com/o && git clone -q --bare hub/o/dep mirror/github.com/o/dep.git "
       "&& "
       "git clone -q hub/o/dep work && cd work && echo mirrored > main.star && "
       "git commit -q -am m && git push -q ../mirror/github.com/o/dep.git HEAD:trunk");
    for (int url = 0; url < 2; url++) {
        cleanup(world_done) struct world world = {0};
        world.mirror = in_base("mirror");
        if (url) {
            cleanup(free) char *path = steal(&world.mirror);
            world.mirror = NULL;
            assert_true(asprintf(&world.mirror, "file://%s", path) > 0);
        }
        open_root(&world);
        assert_module(&world, main_file, "github.com/o/dep/main.star", "github.com/o/dep/main.star",
                      "mirrored\n");
        assert_module(&world, main_file, "github.com/o/dep/main.star@v1",
                      "github.com/o/dep@v1/main.star", "v1\n");
    }
}

static void test_what_the_mirror_lacks_is_fetched(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p empty-mirror");
    world.mirror = in_base("empty-mirror");
    open_root(&world);
    assert_module(&world, main_file, "github.com/o/dep/main.star@v1",
                  "github.com/o/dep@v1/main.star", "v1\n");
    assert_refused(&world, main_file, "github.com/o/none/main.star", ENOENT, "the mirror");
}

static void test_plain_directories_in_the_mirror(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p plain/github.com/p/q plain/github.com/p/q@v2/sub && cd plain/github.com/p && "
       "echo 'name: github.com/p/q' > q/kurtosis.yml && echo any > q/main.star && "
       "cp q/kurtosis.yml q@v2 && echo two > q@v2/main.star && echo s > q@v2/sub/s.star");
    world.mirror = in_base("plain");
    open_root(&world);
    assert_module(&world, main_file, "github.com/p/q/main.star", "github.com/p/q/main.star",
                  "any\n");
    assert_module(&world, main_file, "github.com/p/q/main.star@v2", "github.com/p/q@v2/main.star",
                  "two\n");
    assert_module(&world, main_file, "github.com/p/q@v2/sub/s.star", "github.com/p/q@v2/sub/s.star",
                  "s\n");
    assert_module(&world, main_file, "github.com/p/q/main.star@v1", "github.com/p/q@v1/main.star",
                  "any\n");
}

/* A locator that names a package in another package's folder means that one. */
static void test_remote_package_in_a_package(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p nested/github.com/p/n/sub && cd nested/github.com/p/n && "
       "echo 'name: github.com/p/n' > kurtosis.yml && echo top > main.star && "
       "echo 'name: github.com/p/n/sub' > sub/kurtosis.yml && echo sub > sub/main.star");
    world.mirror = in_base("nested");
    open_world(&world, "github.com/p/n/sub");
    assert_string_equal(package_set_name(world.set), "github.com/p/n/sub");
    assert_content(package_main(world.set, NULL, NULL), "sub\n");
}

/* What was once fetched is there without a network; a moved branch is seen with one. */
static void test_cache(void **state)
{
    (void)state;
    sh("mkdir -p hub/o/moving && cd hub/o/moving && git init -q . && "
       "echo 'name: github.com/o/moving' > kurtosis.yml && echo 1 > main.star && git add . && "
       "git commit -q -m 1 && git tag t");
    cleanup(free) char *cache = in_base("cache-shared");
    static const char *const contents[] = {"1\n", "2\n", "2\n"};
    for (int i = 0; i < 3; i++) {
        cleanup(world_done) struct world world = {.cache = strdup(cache)};
        open_root(&world);
        assert_content(resolve(&world, main_file, "github.com/o/moving/main.star", PACKAGE_MODULE),
                       contents[i]);
        assert_content(
            resolve(&world, main_file, "github.com/o/moving/main.star@t", PACKAGE_MODULE), "1\n");
        if (i == 0)
            sh("cd hub/o/moving && echo 2 > main.star && git commit -q -am 2");
        if (i == 1) /* the network is gone: what answers is no answer */
            sh("mkdir -p bin && printf '#!/bin/sh\\nexit 1\\n' > bin/git && chmod +x bin/git");
        if (i == 1)
            put_first("bin");
    }
    restore_path();
}

struct fetcher {
    pthread_t thread;
    const char *cache;
    bool right;
};

static void *fetch(void *context)
{
    struct fetcher *fetcher = context;
    struct package_options options = {.cache = fetcher->cache, .retry_pause = CLOCK_MILLISECOND};
    cleanup(package_set_free) struct package_set *set =
        package_set_new(&options, "github.com/o/dep@v2", NULL);
    const struct package_file *file = set ? package_main(set, NULL, NULL) : NULL;
    cleanup(buf_done) struct buf text = BUF_INIT(100);
    fetcher->right = file && package_read(file, &text, NULL) == 0 && strcmp(text.data, "v2\n") == 0;
    return NULL;
}

/* Runs that need the same repository at the same time all get it, and nothing is left over. */
static void test_many_fetch_at_once(void **state)
{
    (void)state;
    cleanup(free) char *cache = in_base("cache-many");
    struct fetcher fetchers[6];
    for (size_t i = 0; i < ARRAY_LENGTH(fetchers); i++) {
        fetchers[i] = (struct fetcher){.cache = cache};
        pthread_create(&fetchers[i].thread, NULL, fetch, &fetchers[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(fetchers); i++) {
        pthread_join(fetchers[i].thread, NULL);
        assert_true(fetchers[i].right);
    }
    sh("test $(ls -A cache-many/github.com/o | wc -l) = 2; test $(ls -A cache-many | wc -l) = 1");
}

static void test_without_a_cache_nothing_is_fetched(void **state)
{
    (void)state;
    cleanup(error_free) struct error *err = NULL;
    struct package_options options = {0};
    assert_null(package_set_new(&options, "github.com/o/dep", &err));
    assert_int_equal(error_code(err), EINVAL);
}

static void count_lines(const char *name, unsigned expected)
{
    cleanup(free) char *path = in_base("%s", name);
    cleanup(buf_done) struct buf text = BUF_INIT(10000);
    assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), 0);
    unsigned lines = 0;
    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    assert_int_equal(lines, expected);
}

static void test_killed_git_is_tried_thrice(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    sh("mkdir -p killed && printf '#!/bin/sh\\necho try >> %s/tries\\nkill -9 $$\\n' > killed/git "
       "&& "
       "chmod +x killed/git",
       base);
    put_first("killed");
    error_free(steal(&world.err));
    bool found = package_resolve(world.set, main_file, "github.com/o/dep/main.star@v1",
                                 PACKAGE_MODULE, &world.err);
    restore_path();
    assert_false(found);
    assert_int_equal(error_code(world.err), EIO);
    assert_non_null(strstr(error_message(world.err), "git was killed by signal 9"));
    count_lines("tries", 3);
}

/* A fetch that dies leaves nothing that looks like a package. */
static void test_killed_fetch_leaves_nothing(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    sh("mkdir -p dying && printf '#!/bin/sh\\ncase \"$*\" in *checkout*) kill -9 $$;; esac\\n"
       "PATH=${PATH#*:} exec git \"$@\"\\n' > dying/git && chmod +x dying/git");
    put_first("dying");
    bool found = package_resolve(world.set, main_file, "github.com/o/dep/main.star@v1",
                                 PACKAGE_MODULE, NULL);
    restore_path();
    assert_false(found);
    sh("test -z \"$(find %s -mindepth 1 -name '.fetch*' -o -name 'dep@*')\"", world.cache);
    assert_module(&world, main_file, "github.com/o/dep/main.star@v1",
                  "github.com/o/dep@v1/main.star", "v1\n");
}

static void *fire_when_there(void *context)
{
    struct cancel *cancel = context;
    cleanup(free) char *path = in_base("started");
    while (access(path, F_OK) < 0)
        cancel_wait(NULL, clock_monotonic() + CLOCK_MILLISECOND);
    cancel_fire(cancel);
    return NULL;
}

static void test_cancelling(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    cleanup(cancel_unref) struct cancel *cancel = cancel_new(NULL);
    struct package_options options = options_for(&world);
    options.cancel = cancel;
    sh("mkdir -p slow && printf '#!/bin/sh\\ntouch %s/started\\nsleep 60\\n' > slow/git && "
       "chmod +x slow/git",
       base);
    put_first("slow");
    pthread_t thread;
    pthread_create(&thread, NULL, fire_when_there, cancel);
    int64_t start = clock_monotonic();
    world.set = package_set_new(&options, "github.com/o/dep", &world.err);
    restore_path();
    pthread_join(thread, NULL);
    assert_null(world.set);
    assert_int_equal(error_code(world.err), ECANCELED);
    assert_true(clock_monotonic() - start < 20 * CLOCK_SECOND);
}

static void test_submodules_and_hooks_are_left_alone(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    sh("mkdir -p templates/hooks && printf '#!/bin/sh\\ntouch %s/hooked\\n' > "
       "templates/hooks/post-checkout && chmod +x templates/hooks/post-checkout && "
       "git config --global init.templateDir %s/templates",
       base, base);
    open_root(&world);
    assert_content(resolve(&world, main_file, "github.com/o/dep/main.star@v2", PACKAGE_MODULE),
                   "v2\n");
    sh("git config --global --unset init.templateDir; test ! -e hooked; "
       "test -z \"$(find %s -name .git)\"",
       world.cache);
}

/* ---- directories ---- */

static int list_entry(void *context, const char *path, int dir_fd, const char *name,
                      const struct stat *status, struct error **err)
{
    (void)dir_fd, (void)name, (void)err;
    buf_printf(context, "%s%s ", path, S_ISDIR(status->st_mode) ? "/" : "");
    return 0;
}

static void assert_listing(const struct package_file *file, const char *expected)
{
    cleanup(error_free) struct error *err = NULL;
    cleanup(buf_done) struct buf listing = BUF_INIT(10000);
    if (package_walk(file, list_entry, &listing, &err) < 0)
        fail_msg("%s", error_message(err));
    assert_string_equal(listing.data, expected);
}

static void test_walks_leave_out_what_is_ignored(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    assert_listing(resolve(&world, main_file, "./static", PACKAGE_UPLOAD),
                   ".kurtosisignore link x.txt ");
    assert_listing(resolve(&world, main_file, "/", PACKAGE_UPLOAD),
                   ".kurtosisignore evil.star kurtosis.yml lib/ lib/a.star lib/b.star main.star "
                   "static/ static/.kurtosisignore static/link static/x.log static/x.txt ");
    assert_listing(resolve(&world, main_file, "./static/x.log", PACKAGE_UPLOAD), "x.log ");
    assert_listing(resolve(&world, main_file, "./static/link", PACKAGE_UPLOAD), "link ");
}

static void test_copies(void **state)
{
    (void)state;
    cleanup(world_done) struct world world = {0};
    open_root(&world);
    sh("mkdir -p copy1 copy2 && chmod 755 root/lib/b.star");
    cleanup(free) char *path1 = in_base("copy1");
    cleanup(free) char *path2 = in_base("copy2");
    cleanup(close) int copy1 = open(path1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(close) int copy2 = open(path2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct package_file *root = resolve(&world, main_file, "/", PACKAGE_UPLOAD);
    assert_int_equal(package_copy(root, copy1, &world.err), 0);
    sh("cmp root/lib/a.star copy1/lib/a.star; test -x copy1/lib/b.star; "
       "test \"$(readlink copy1/static/link)\" = x.txt; test ! -e copy1/static/deep");
    const struct package_file *link = resolve(&world, main_file, "./static/link", PACKAGE_UPLOAD);
    assert_int_equal(package_copy(link, copy2, &world.err), 0);
    sh("test ! -L copy2/link; cmp root/static/x.txt copy2/link");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative_locators),
        cmocka_unit_test(test_refused_locators),
        cmocka_unit_test(test_own_package_must_be_relative),
        cmocka_unit_test(test_wrong_packages_are_refused),
        cmocka_unit_test(test_standalone_scripts_have_remote_files_only),
        cmocka_unit_test(test_package_in_a_folder),
        cmocka_unit_test(test_folder_without_its_repository),
        cmocka_unit_test(test_local_directories_can_be_confined),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_dependencies_stay_in_their_version),
        cmocka_unit_test(test_links_do_not_lead_out),
        cmocka_unit_test(test_missing_things),
        cmocka_unit_test(test_remote_root),
        cmocka_unit_test(test_remote_root_may_name_its_main_file),
        cmocka_unit_test(test_remote_root_must_be_what_it_says),
        cmocka_unit_test(test_repositories_that_are_no_package),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_remote_package_cannot_replace_by_directories),
        cmocka_unit_test(test_mirror_comes_first),
        cmocka_unit_test(test_what_the_mirror_lacks_is_fetched),
        cmocka_unit_test(test_plain_directories_in_the_mirror),
        cmocka_unit_test(test_remote_package_in_a_package),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_many_fetch_at_once),
        cmocka_unit_test(test_without_a_cache_nothing_is_fetched),
        cmocka_unit_test(test_killed_git_is_tried_thrice),
        cmocka_unit_test(test_killed_fetch_leaves_nothing),
        cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_submodules_and_hooks_are_left_alone),
        cmocka_unit_test(test_walks_leave_out_what_is_ignored),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, make_world, remove_world);
}
