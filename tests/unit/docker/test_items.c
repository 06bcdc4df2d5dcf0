/* Arrays cut into their items, wherever the stream was cut, and what is no array told apart. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/docker/items.h"

#include <string.h>

static int take(void *context, const json_t *item)
{
    char *text = json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    buf_printf(context, "%s;", text);
    free(text);
    return 0;
}

/* The items of text, given in pieces of so many bytes; NULL if it is not of the form. */
static bool items_are(const char *text, size_t piece, const char *expected)
{
    struct buf seen = BUF_INIT(10000);
    cleanup(items_done) struct items items;
    items_init(&items, take, &seen);
    int result = 0;
    for (size_t done = 0, length = strlen(text); done < length && result == 0; done += piece)
        result = items_take(&items, text + done, length - done < piece ? length - done : piece);
    bool complete = result == 0 && items_complete(&items);
    bool same = expected ? complete && strcmp(seen.data, expected) == 0 : !complete;
    buf_done(&seen);
    return same;
}

static void test_items(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[]", ""},
        {" [ ]\n", ""},
        {"null\n", ""},
        {"[{}]", "{};"},
        {"[{\"a\":[1,{\"b\":2}],\"c\":\"]},\\\"[\\\\\"},{\"d\":null}]",
         "{\"a\":[1,{\"b\":2}],\"c\":\"]},\\\"[\\\\\"};{\"d\":null};"},
        {"[1, \"a,b\" ,null,[2,[3]] ]", "1;\"a,b\";null;[2,[3]];"},
        {"{\"Volumes\":[{\"Name\":\"v\"}],\"Warnings\":null}", "{\"Name\":\"v\"};"},
        {" { \"Volumes\" : [ ] , \"Warnings\":[\"w\"]}", ""},
        {"{\"Volumes\":null,\"Warnings\":null}", ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        for (size_t piece = 1; piece <= strlen(rows[i][0]); piece++)
            if (!items_are(rows[i][0], piece, rows[i][1]))
                fail_msg("%s in pieces of %zu", rows[i][0], piece);
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{}",
        "nothing",
        "[",
        "[{}",
        "[{]",
        "[{},",
        "[tru]",
        "x[]",
        "{\"a\":[]}",
        "[\"open]",
        "[{\"a\"}]",
        "{\"Volumes\":{}}",
        "[\"\xff\"]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (!items_are(rows[i], 3, NULL))
            fail_msg("%s is taken for a list", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
