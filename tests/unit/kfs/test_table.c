/* The table of the tree is consistent with itself and with the page kfs(5), and numbers find their
 * rows again. */
#include "backend/base/file.h"
#include "kfs/row.h"
#include "kfs/stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

/* ---- the page kfs(5) ---- */

static char *read_whole(const char *path)
{
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    assert_int_equal(file_read(AT_FDCWD, path, &text, NULL), 0);
    return buf_steal(&text, NULL);
}

/* The headings under which the files of a directory stand. The entries of those without one are
 * told where the directory is. */
static const char *const headings[DIRECTORY_MAX] = {
    [DIR_ROOT] = "\n.Ss mount/\n",
    [DIR_ENGINE] = "\n.Ss mount/engine/\n",
    [DIR_ENCLAVE] = "\n.Ss mount/enclaves/ENCLAVE/\n",
    [DIR_RUN] = "\n.Ss mount/enclaves/ENCLAVE/runs/NUMBER/\n",
    [DIR_SERVICE] = "\n.Ss mount/enclaves/ENCLAVE/services/SERVICE/\n",
};

/* Whether an item of the section begins with this name, or has it second. */
static const char *find_item(const char *section, const char *name)
{
    char item[NAME_MAX];
    size_t length = strlen(name);
    for (const char *line = strstr(section, "\n.It Pa "); line; line = strstr(line, "\n.It Pa ")) {
        line += strlen("\n.It Pa ");
        snprintf(item, sizeof item, "%.*s ", (int)strcspn(line, "\n"), line);
        for (const char *at = strstr(item, name); at; at = strstr(at + 1, name))
            if ((at == item || at[-1] == ' ') && strchr(" /", at[length]))
                return line;
    }
    return NULL;
}

static void every_file_is_in_the_page(void **state)
{
    (void)state;
    cleanup(free) char *page = read_whole(PAGE);
    for (unsigned row = ROW_REAL + 1; row < tree_row_count; row++) {
        const struct row *it = &tree_rows[row];
        if (!it->name || !headings[it->in])
            continue;
        const char *from = strstr(page, headings[it->in]);
        assert_non_null(from);
        from += strlen(headings[it->in]);
        cleanup(free) char *section = strdup(from - 1);
        char *end = strstr(section + 1, "\n.Ss ");
        if (end)
            *end = '\0';
        end = strstr(section + 1, "\n.Sh ");
        if (end)
            *end = '\0';
        const char *item = find_item(section, it->name);
        if (!item)
            fail_msg("kfs.5 has no %s under%s", it->name, headings[it->in]);
        bool said = strncmp(item + strcspn(item, "\n"), "\nUnlisted.", 10) == 0;
        if (said != (it->about != NULL))
            fail_msg("kfs.5 is wrong on whether %s is listed", it->name);
    }
}

/* Each errno that the front names in a source. */
static void check_errors(const char *page, const char *source)
{
    cleanup(free) char *text = read_whole(source);
    for (int code = 1; code < 134; code++) {
        const char *name = strerrorname_np(code);
        char item[64];
        for (const char *at = name ? strstr(text, name) : NULL; at; at = strstr(at + 1, name)) {
            char before = at[-1], after = at[strlen(name)];
            snprintf(item, sizeof item, "\n.It Bq Er %s\n", name);
            bool whole = before == ' ' || before == '(';
            if (whole && (after == ',' || after == ')' || after == ';') && !strstr(page, item))
                fail_msg("%s has %s, kfs.5 has not", source, name);
        }
    }
}

static void every_error_is_in_the_page(void **state)
{
    (void)state;
    cleanup(free) char *page = read_whole(PAGE);
    static const char *const sources[] = {
        "action.c",     "members.c",     "real_directory.c", "real_files.c",
        "real_names.c", "real_nodes.c",  "real_path.c",      "session.c",
        "stream.c",     "stream_exec.c", "view_change.c",    "view_document.c",
        "view_file.c",  "view_late.c",   "view_lookup.c",    "wait.c"};
    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", SOURCES, sources[i]);
        check_errors(page, path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_what_is_packed),
        cmocka_unit_test(ports_have_parts_of_their_own),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_directory_is_in_the_tree),
        cmocka_unit_test(every_file_is_in_the_page),
        cmocka_unit_test(every_error_is_in_the_page),
        cmocka_unit_test(a_row_has_one_content_and_says_what_blocks),
    };
    return cmocka_run_group_tests_name("kfs.table", tests, NULL, NULL);
}
