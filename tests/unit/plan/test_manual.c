/* The examples of kfs-plan(7) are what they say: each is interpreted. */
#include "tests/unit/plan/unit.h"

#include "backend/base/file.h"
#include "tests/unit/plan/package_dir.h"

#include <fcntl.h>
#include <string.h>

static const char prelude[] = "def run(plan):\n"
                              "    web = plan.add_service('web', ServiceConfig(image='nginx', "
                              "ports={'http': PortSpec(80)}))\n";

/* A line of the page without its escapes, indented. */
static void put_line(struct buf *out, const char *line, size_t length)
{
    buf_puts(out, "    ");
    for (size_t i = 0; i < length; i++) {
        if (i + 1 < length && line[i] == '\\' && line[i + 1] == 'e') {
            buf_putc(out, '\\');
            i++;
        } else {
            buf_putc(out, line[i]);
        }
    }
    buf_putc(out, '\n');
}

/* The next example from *page on, as a script. False: there is none. */
static bool next_example(const char **page, struct buf *script)
{
    static const char begin[] = "\n.Bd -literal -offset indent\n";
    const char *at = strstr(*page, begin);
    if (!at)
        return false;
    buf_truncate(script, 0);
    buf_puts(script, prelude);
    for (at += strlen(begin); strncmp(at, ".Ed", 3) != 0;) {
        size_t length = strcspn(at, "\n");
        put_line(script, at, length);
        at += length + 1;
    }
    *page = at;
    return true;
}

static void every_example_is_interpreted(void **state)
{
    struct package_dir dir;
    struct buf text = BUF_INIT(BUF_MAX_TEXT), script = BUF_INIT(BUF_MAX_TEXT);
    unsigned count = 0;
    (void)state;
    package_dir_make(&dir);
    package_dir_write(&dir, "static/index.html", "hello");
    assert_int_equal(file_read(AT_FDCWD, MANUAL, &text, NULL), 0);
    for (const char *page = text.data; next_example(&page, &script); count++) {
        struct buf json = BUF_INIT(BUF_MAX_DOCUMENT);
        struct error *err = NULL;
        package_dir_write(&dir, "main.star", script.data);
        struct plan_request request = package_dir_request(&dir, NULL);
        if (plan_describe(&request, NULL, &json, &err) < 0)
            fail_msg("%s\n%s", script.data, error_message(err));
        buf_done(&json);
    }
    assert_true(count >= 20);
    package_dir_remove(&dir);
    buf_done(&text);
    buf_done(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_interpreted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
