/* The table of the tree is consistent with itself, and numbers find their rows again. */
#include "kfs/row.h"
#include "kfs/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void numbers_keep_what_is_packed(void **state)
{
    (void)state;
    const struct node nodes[] = {
        {.row = ROW_ROOT},
        {.row = 255,
         .object = (UINT64_C(1) << NODE_OBJECT_BITS) - 1,
         .part = (1u << NODE_PART_BITS) - 1},
        {.row = 7, .object = 123456789},
        {.row = 7, .part = 80 << 2},
    };
    assert_int_equal(node_pack(nodes[0]), FUSE_ROOT_ID);
    for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++) {
        struct node found = node_unpack(node_pack(nodes[i]));
        assert_int_equal(found.row, nodes[i].row);
        assert_int_equal(found.object, nodes[i].object);
        assert_int_equal(found.part, nodes[i].part);
    }
}

static void ports_have_parts_of_their_own(void **state)
{
    (void)state;
    struct port_facts tcp = {.number = 65535, .transport = "tcp"},
                      udp = {.number = 65535, .transport = "UDP"};
    assert_int_not_equal(port_part(&tcp), port_part(&udp));
    assert_true(port_part(&udp) < 1u << NODE_PART_BITS);
    assert_true(port_part(&tcp) != 0);
}

static void names_are_unique(void **state)
{
    (void)state;
    assert_true(tree_row_count < 1u << NODE_ROW_BITS);
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++)
        if (tree_rows[row].name && row != ROW_ROOT)
            assert_int_equal(row_find(tree_rows[row].in, tree_rows[row].name), row);
    assert_int_equal(row_find(DIR_ENCLAVE, "nothing"), ROW_NONE);
}

static void every_directory_is_in_the_tree(void **state)
{
    (void)state;
    for (enum directory directory = DIR_ROOT; directory < DIRECTORY_MAX; directory++) {
        unsigned row = row_of_directory(directory);
        assert_int_not_equal(row, ROW_NONE);
        assert_true(S_ISDIR(tree_rows[row].mode));
        assert_true(row_object(row) != OBJECT_KIND_MAX);
    }
    assert_int_equal(row_object(ROW_REAL), OBJECT_KIND_MAX);
    assert_int_equal(row_object(tree_row_count), OBJECT_KIND_MAX);
}

static unsigned sources_of(const struct row *row)
{
    return (row->render != NULL) + (row->back != NULL) + (row->stream != NULL);
}

static void a_row_has_one_content_and_says_what_blocks(void **state)
{
    (void)state;
    for (unsigned row = ROW_REAL + 1; row < tree_row_count; row++) {
        const struct row *it = &tree_rows[row];
        assert_int_equal(S_ISDIR(it->mode), it->is != DIR_NONE);
        assert_in_range(sources_of(it), 0, 1);
        /* What blocks is unlisted. */
        bool endless = it->waits || (it->stream && it->stream->open && !it->stream->write);
        if (endless)
            assert_non_null(it->about);
        /* Who may write is told by the mode, for default_permissions. */
        bool takes = it->write || (it->stream && it->stream->write);
        if (S_ISREG(it->mode))
            assert_int_equal(takes, (it->mode & 0200) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_what_is_packed),
        cmocka_unit_test(ports_have_parts_of_their_own),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_directory_is_in_the_tree),
        cmocka_unit_test(a_row_has_one_content_and_says_what_blocks),
    };
    return cmocka_run_group_tests_name("kfs.table", tests, NULL, NULL);
}
