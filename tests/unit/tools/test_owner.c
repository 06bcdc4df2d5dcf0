/* Whose enclaves are, in a directory that looks like a mount. */
#include "tests/unit/tools/scratch.h"
#include "tools/kfs/tree.h"
#include "tools/test/owner.h"

#include <sys/wait.h>

/* The number of a process that has ended. */
static int dead_pid(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return (int)child;
}

static void put_mark(const struct scratch *mount, const char *enclave, const char *mark)
{
    char name[128];
    snprintf(name, sizeof name, "enclaves/%s/plan/" OWNER_FILE, enclave);
    scratch_put(mount, name, mark, 0644);
}

/* A mark as this process's, but for the number and the boot. */
static void put_changed_mark(const struct scratch *mount, const char *enclave, int pid,
                             const char *boot)
{
    char own[512], name[128], mark[512];
    struct buf text = BUF_INIT(512);
    unsigned long long start;
    char own_boot[64], pids[64];
    int own_pid;
    put_mark(mount, "own", "");
    snprintf(name, sizeof name, "%s/enclaves/own", mount->path);
    assert_int_equal(owner_mark(name, "test", NULL), 0);
    snprintf(own, sizeof own, "%s/plan/" OWNER_FILE, name);
    assert_int_equal(file_read(AT_FDCWD, own, &text, NULL), 0);
    assert_int_equal(sscanf(text.data, "%d %llu %63s %63s", &own_pid, &start, own_boot, pids), 4);
    assert_int_equal(own_pid, getpid());
    snprintf(mark, sizeof mark, "%d %llu %s %s\ntest\n", pid ? pid : own_pid, start,
             boot ? boot : own_boot, pids);
    put_mark(mount, enclave, mark);
    buf_done(&text);
}

static void expect_gone(const struct scratch *mount, const char *names)
{
    char **found;
    size_t count;
    struct buf text = BUF_INIT(4096);
    assert_int_equal(owner_list_gone(mount->path, &found, &count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s", i ? " " : "", found[i]);
    assert_string_equal(text.data, names);
    tree_names_free(found, count);
    buf_done(&text);
}

static void the_dead_are_told_from_the_living(void **state)
{
    (void)state;
    struct scratch mount;
    scratch_make(&mount);
    scratch_put(&mount, "enclaves/mine/plan/app.star", "", 0644);
    put_changed_mark(&mount, "dead", dead_pid(), NULL);
    put_changed_mark(&mount, "first", 1, NULL); /* another start time */
    put_changed_mark(&mount, "boot", 0, "another-boot");
    put_changed_mark(&mount, "living", 0, NULL);
    put_mark(&mount, "other-machine", "1 5 another-boot pid:[1]\n");
    put_mark(&mount, "nonsense", "1 2\n");
    put_changed_mark(&mount, "kept", dead_pid(), NULL);
    char kept[128];
    snprintf(kept, sizeof kept, "%s/enclaves/kept", mount.path);
    owner_keep(kept);
    expect_gone(&mount, "boot dead first other-machine");
    scratch_remove(&mount);
}

static void without_a_mark_only_what_is_empty_goes(void **state)
{
    (void)state;
    struct scratch mount;
    char name[128];
    int dead = dead_pid();
    scratch_make(&mount);
    snprintf(name, sizeof name, "enclaves/kfs-test-%d-a-1/uuid", dead);
    scratch_put(&mount, name, "", 0644);
    snprintf(name, sizeof name, "enclaves/kfs-test-%d-b-1/runs/1/script", dead);
    scratch_put(&mount, name, "", 0644);
    snprintf(name, sizeof name, "enclaves/kfs-test-%d-c-1/services/web/status", dead);
    scratch_put(&mount, name, "", 0644);
    snprintf(name, sizeof name, "enclaves/kfs-test-%d-d-1/uuid", (int)getpid());
    scratch_put(&mount, name, "", 0644);
    scratch_put(&mount, "enclaves/kfs-test-x-e-1/uuid", "", 0644);
    snprintf(name, sizeof name, "kfs-test-%d-a-1", dead);
    expect_gone(&mount, name);
    scratch_remove(&mount);
}

static void names_fit(void **state)
{
    (void)state;
    char name[ENCLAVE_NAME_MAX + 1], again[ENCLAVE_NAME_MAX + 1], prefix[64];
    owner_name("a suite/with_a: very long name that nothing could ever hold as a whole, really",
               name);
    assert_int_equal(strlen(name), ENCLAVE_NAME_MAX);
    for (const char *at = name; *at; at++)
        assert_true((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-');
    owner_name("web", name);
    owner_name("web", again);
    assert_string_not_equal(name, again);
    snprintf(prefix, sizeof prefix, "kfs-test-%d-web-", (int)getpid());
    assert_int_equal(strncmp(name, prefix, strlen(prefix)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dead_are_told_from_the_living),
        cmocka_unit_test(without_a_mark_only_what_is_empty_goes),
        cmocka_unit_test(names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
