/* Builds: BuildKit's messages as text, and base images that have to be fetched between two rounds.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/docker/base64.h"
#include "backend/docker/trace.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/fixture.h"

#include <string.h>

/* ---- messages ---- */

/* A field of protocol buffers with so many bytes (at most 127). */
static void put_field(struct buf *out, unsigned number, const char *bytes, size_t length)
{
    buf_putc(out, (char)(number << 3 | 2));
    buf_putc(out, (char)length);
    buf_append(out, bytes, length);
}

/* A step of that name: found, started, completed as far as `stage` says (0 to 2). */
static void put_step(struct buf *out, const char *name, int stage)
{
    cleanup(buf_done) struct buf step = BUF_INIT(200);
    put_field(&step, 1, "sha256:0", 8);
    put_field(&step, 3, name, strlen(name));
    buf_append(&step, "\x20\x01", 2); /* cached: true */
    if (stage >= 1)
        put_field(&step, 5, "\x08\x05", 2);
    if (stage >= 2)
        put_field(&step, 6, "\x08\x06", 2);
    put_field(out, 1, step.data, step.length);
}

static void put_log(struct buf *out, const char *text)
{
    cleanup(buf_done) struct buf log = BUF_INIT(200);
    put_field(&log, 1, "sha256:0", 8);
    buf_append(&log, "\x18\x01", 2); /* stream: 1 */
    put_field(&log, 4, text, strlen(text));
    put_field(out, 3, log.data, log.length);
}

static void test_messages(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf message = BUF_INIT(1000), text = BUF_INIT(1000);
    put_step(&message, "one", 0);
    put_step(&message, "two", 1);
    put_step(&message, "three", 2);
    put_log(&message, "says\nthis");
    put_field(&message, 2, "status", 6);
    cleanup(buf_done) struct buf out = BUF_INIT(1000);
    base64_encode(&text, message.data, message.length);
    trace_put(&out, text.data);
    assert_string_equal(out.data, "two\nsays\nthis");
    /* Cut or changed anywhere: some text or none, never a crash. */
    for (size_t i = 0; i < message.length; i++) {
        cleanup(buf_done) struct buf part = BUF_INIT(1000), ignored = BUF_INIT(1000);
        base64_encode(&part, message.data, i);
        trace_put(&ignored, part.data);
        buf_truncate(&part, 0);
        message.data[i] = (char)~message.data[i];
        base64_encode(&part, message.data, message.length);
        trace_put(&ignored, part.data);
        message.data[i] = (char)~message.data[i];
    }
    buf_truncate(&out, 0);
    trace_put(&out, "not base64!");
    assert_int_equal(out.length, 0);
}

/* ---- rounds ---- */

static ssize_t give_once(void *context, void *bytes, size_t size)
{
    const char **text = context;
    size_t length = strlen(*text) < size ? strlen(*text) : size;
    memcpy(bytes, *text, length);
    *text += length;
    return (ssize_t)length;
}

static int keep(void *context, const void *bytes, size_t length)
{
    buf_append(context, bytes, length);
    return 0;
}

static int build(struct buf *output, struct error **err)
{
    const char *text = "the whole context";
    const struct image_build_spec spec = {
        .tag = "t:1", .context_archive = give_once, .context = &text};
    return client->image_build(client, &spec, keep, output, NULL, err);
}

static void gives(unsigned times, const char *request, int status, const char *body)
{
    fake_engine_answer(
        fake,
        &(struct fake_answer){.request = request, .times = times, .status = status, .body = body});
}

/* What BuildKit says when it wants an image and may not fetch it. */
static void put_refusal(struct buf *body, const char *image)
{
    cleanup(buf_done) struct buf message = BUF_INIT(1000);
    cleanup(free) char *name = NULL;
    assert_true(asprintf(&name, "[internal] load metadata for %s", image) > 0);
    put_step(&message, name, 1);
    buf_puts(body, "{\"id\":\"moby.buildkit.trace\",\"aux\":\"");
    base64_encode(body, message.data, message.length);
    buf_puts(body, "\"}\r\n{\"error\":\"failed to solve: no active sessions\"}\r\n");
}

static void test_base_image_is_fetched(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf output = BUF_INIT(1000), refusal = BUF_INIT(1000);
    put_refusal(&refusal, "r.io/base:2");
    gives(1, "POST /build?version=2", 0, refusal.data);
    gives(0, "GET /images/r.io%2Fbase%3A2/json", 404, "{\"message\":\"No such image\"}");
    gives(0, "POST /images/create?fromImage=r.io%2Fbase&tag=2", 0, "{\"status\":\"done\"}\n");
    gives(0, "POST /build?version=2", 0, "{\"stream\":\"Successfully tagged t:1\\n\"}\n");
    OK(build(&output, &err));
    assert_string_equal(output.data,
                        "[internal] load metadata for r.io/base:2\nSuccessfully tagged t:1\n");
    char *requests = fake_engine_requests(fake);
    const char *first = strstr(requests, "the whole context");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "the whole context"));
    free(requests);
}

/* It was missing when the build began, and another has fetched it by now. */
static void test_base_image_that_has_come_meanwhile(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf output = BUF_INIT(1000), refusal = BUF_INIT(1000);
    put_refusal(&refusal, "r.io/base:2");
    gives(1, "POST /build?version=2", 0, refusal.data);
    gives(0, "GET /images/", 0, "{\"Id\":\"sha256:1\"}");
    gives(0, "POST /build?version=2", 0, "{\"stream\":\"Successfully tagged t:1\\n\"}\n");
    OK(build(&output, &err));
}

static void test_base_image_that_is_not_to_be_had(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf output = BUF_INIT(1000), refusal = BUF_INIT(1000);
    put_refusal(&refusal, "r.io/base:2");
    gives(0, "POST /build", 0, refusal.data);
    gives(0, "GET /images/", 404, "{\"message\":\"No such image\"}");
    gives(0, "POST /images/create", 404, "{\"message\":\"manifest unknown\"}");
    FAILS(build(&output, &err), ENOENT,
          "base image r.io/base:2: pulling from r.io: manifest unknown");
}

/* All that it wants is here, and it still refuses: its own words, and no endless trying. */
static void test_refusal_for_another_reason(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf output = BUF_INIT(10000), refusal = BUF_INIT(1000);
    put_refusal(&refusal, "r.io/base:2");
    gives(0, "POST /build", 0, refusal.data);
    gives(0, "GET /images/", 0, "{\"Id\":\"sha256:1\"}");
    FAILS(build(&output, &err), EIO, "no active sessions");
    fake_engine_forget(fake);
    gives(0, "POST /build", 0, refusal.data);
    gives(0, "GET /images/", 404, "{\"message\":\"No such image\"}");
    gives(0, "POST /images/create", 0, "{\"status\":\"pretends\"}\n");
    FAILS(build(&output, &err), EIO, "no active sessions");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        CASE(test_base_image_is_fetched),
        CASE(test_base_image_that_has_come_meanwhile),
        CASE(test_base_image_that_is_not_to_be_had),
        CASE(test_refusal_for_another_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
