/* Finding our mounts in a text such as the kernel gives. */
#include "tools/kfs/mounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void expect(const char *text, const char *const *points, size_t count)
{
    char **found;
    size_t found_count;
    assert_int_equal(mounts_parse(text, &found, &found_count, NULL), 0);
    assert_int_equal(found_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(found[i], points[i]);
    mounts_free(found, found_count);
}

static void takes_only_ours(void **state)
{
    (void)state;
    const char *points[] = {"/mnt/kfs"};
    expect("22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
           "90 22 0:40 / /mnt/kfs rw,nosuid shared:7 - fuse.kfs kfs rw,user_id=0\n"
           "91 22 0:41 / /mnt/ssh rw - fuse.sshfs host: rw\n"
           "92 22 0:42 / /mnt/kfs2 rw - fuse.kfsx kfs rw\n",
           points, 1);
    expect("", NULL, 0);
}

static void names_a_mount_once(void **state)
{
    (void)state;
    const char *points[] = {"/a", "/b"};
    expect("1 0 0:1 / /a rw - fuse.kfs kfs rw\n"
           "2 0 0:2 / /b rw - fuse.kfs kfs rw\n"
           "3 0 0:3 / /a rw - fuse.kfs kfs rw\n",
           points, 2);
}

static void reads_escaped_names(void **state)
{
    (void)state;
    const char *points[] = {"/a b\\c"};
    expect("1 0 0:1 / /a\\040b\\134c rw - fuse.kfs kfs rw\n", points, 1);
}

static void survives_broken_lines(void **state)
{
    (void)state;
    expect("\n - \n - fuse.kfs\n1 2 - fuse.kfs kfs rw\nno separator\n", NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_only_ours),
        cmocka_unit_test(names_a_mount_once),
        cmocka_unit_test(reads_escaped_names),
        cmocka_unit_test(survives_broken_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
