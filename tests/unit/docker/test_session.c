/* Conversations with a command: heads and frames cut anywhere, refusals, the ends of both sides. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/fixture.h"

#include <poll.h>
#include <string.h>

static void setup_answers(void)
{
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /containers/json",
                                    .body = "[{\"Id\":\"c1\",\"Labels\":{\"dev.kfs.instance\":"
                                            "\"test\"}}]"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /containers/c1/exec",
                                                   .status = 201,
                                                   .body = "{\"Id\":\"e1\"}"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /exec/e1/json",
                                                   .body = "{\"Running\":false,\"ExitCode\":4}"});
}

static int setup_with_answers(void **state)
{
    setup(state);
    setup_answers();
    return 0;
}

static int session_open(bool terminal, struct exec_session **ret_session, struct error **err)
{
    char *const argv[] = {(char *)"cat", NULL};
    const struct exec_spec spec = {.service_id = "c1", .argv = argv, .terminal = terminal};
    return client->exec_open(client, &spec, NULL, ret_session, err);
}

/* The start's answer: body is all that is sent, in pieces. */
static void start_gives(const char *body, size_t length, size_t piece, bool hold)
{
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /exec/e1/start",
                                                   .raw = true,
                                                   .body = body,
                                                   .length = length,
                                                   .piece = piece,
                                                   .hold = hold});
}

/* Reads to the end in pieces of `size`: "1out|2error|". */
static int drain(struct exec_session *session, size_t size, struct buf *text, struct error **err)
{
    for (;;) {
        char bytes[100];
        enum stream stream;
        ssize_t got = session->read(session, bytes, size, &stream, NULL, err);
        if (got <= 0)
            return (int)got;
        buf_printf(text, "%d%.*s|", stream, (int)got, bytes);
    }
}

#define UPGRADED "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/x\r\nUpgrade: tcp\r\n\r\n"
#define FRAMES   "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\5error\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\6abcdef"

static void test_frames_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED FRAMES;
    for (size_t piece = 1; piece <= 9; piece++) {
        struct exec_session *session = NULL;
        struct buf text = BUF_INIT(1000);
        int code;
        fake_engine_forget(fake);
        setup_answers();
        start_gives(answer, sizeof answer - 1, piece, false);
        OK(session_open(false, &session, &err));
        OK(drain(session, 100, &text, &err));
        /* A frame may come in parts: joined, they are the same. */
        char joined[1000];
        size_t length = 0;
        for (size_t i = 0; i < text.length; i++)
            if (text.data[i] != '|' && text.data[i] != '1' && text.data[i] != '2')
                joined[length++] = text.data[i];
        joined[length] = '\0';
        assert_string_equal(joined, "outerrorabcdef");
        OK(session->exit_code(session, &code, &err));
        assert_int_equal(code, 4);
        session->free(session);
        buf_done(&text);
    }
}

static void test_small_reads(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED FRAMES;
    struct exec_session *session = NULL;
    struct buf text = BUF_INIT(1000);
    start_gives(answer, sizeof answer - 1, 0, false);
    OK(session_open(false, &session, &err));
    OK(drain(session, 2, &text, &err));
    assert_string_equal(text.data, "1ou|1t|2er|2ro|2r|1ab|1cd|1ef|");
    session->free(session);
    buf_done(&text);
}

static void test_output_cut_off(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED "\1\0\0\0\0\0\0\5ab";
    struct exec_session *session = NULL;
    struct buf text = BUF_INIT(1000);
    start_gives(answer, sizeof answer - 1, 0, false);
    OK(session_open(false, &session, &err));
    FAILS(drain(session, 100, &text, &err), EIO, "cut off");
    assert_string_equal(text.data, "1ab|");
    session->free(session);
    buf_done(&text);
}

static void test_output_that_is_no_frame(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED "plain text, unframed";
    struct exec_session *session = NULL;
    struct buf text = BUF_INIT(1000);
    start_gives(answer, sizeof answer - 1, 0, false);
    OK(session_open(false, &session, &err));
    FAILS(drain(session, 100, &text, &err), EIO, "framing");
    session->free(session);
    buf_done(&text);
}

static void test_terminal_is_raw(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\nplain $ ";
    struct exec_session *session = NULL;
    struct buf text = BUF_INIT(1000);
    start_gives(answer, sizeof answer - 1, 0, false);
    OK(session_open(true, &session, &err));
    OK(drain(session, 100, &text, &err));
    assert_string_equal(text.data, "1plain $ |");
    session->free(session);
    buf_done(&text);
}

static void test_heads_that_are_none(void **state)
{
    (void)state;
    static char endless[20000];
    memset(endless, 'h', sizeof endless);
    static const struct {
        const char *body;
        size_t length;
        int code;
        const char *words;
    } rows[] = {
        {"", 0, EAGAIN, "closed the connection"},
        {"HTTP/1.1 101 UPGR", 0, EAGAIN, "closed the connection"},
        {"SSH-2.0\r\n\r\n", 0, EIO, "does not speak HTTP"},
        {endless, sizeof endless, EIO, "too long"},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 40\r\n\r\n"
         "{\"message\":\"Container c1 is not running\"}",
         0, EBUSY, "not running"},
        {"HTTP/1.1 500 Error\r\nTransfer-Encoding: chunked\r\n\r\n"
         "14\r\n{\"message\":\"broken\"}\r\n0\r\n\r\n",
         0, EIO, "broken"},
        {"HTTP/1.1 500 Error\r\n\r\nnothing to read", 0, EIO, "no reason"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct exec_session *session = NULL;
        fake_engine_forget(fake);
        setup_answers();
        start_gives(rows[i].body, rows[i].length ? rows[i].length : strlen(rows[i].body), 0, false);
        FAILS(session_open(false, &session, &err), rows[i].code, rows[i].words);
    }
}

/* poll(2) on the descriptor tells exactly whether there is something to read. */
static void test_poll_tells_the_truth(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED "\1\0\0\0\0\0\0\4abcd";
    struct exec_session *session = NULL;
    char bytes[3];
    enum stream stream;
    start_gives(answer, sizeof answer - 1, 0, true);
    OK(session_open(false, &session, &err));
    struct pollfd wait = {.fd = session->poll_fd(session), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    OK(session->read(session, bytes, 3, &stream, NULL, &err));
    assert_int_equal(poll(&wait, 1, 0), 1);
    assert_int_equal(session->read(session, bytes, 3, &stream, NULL, NULL), 1);
    assert_int_equal(poll(&wait, 1, 0), 0);
    const struct orchestrator_call call = {.deadline = clock_monotonic() + 50 * CLOCK_MILLISECOND};
    FAILS(session->read(session, bytes, 3, &stream, &call, &err), ETIMEDOUT, "too long");
    OK(session->write(session, "some input", 10, NULL, &err));
    fake_engine_await(fake, "some input");
    session->free(session);
}

static void test_input_to_a_command_that_ended(void **state)
{
    (void)state;
    static const char answer[] = UPGRADED;
    static char much[1 << 20];
    struct exec_session *session = NULL;
    struct buf text = BUF_INIT(1000);
    start_gives(answer, sizeof answer - 1, 0, false);
    OK(session_open(false, &session, &err));
    OK(drain(session, 100, &text, &err));
    FAILS(session->write(session, much, sizeof much, NULL, &err), EPIPE, "no more input");
    session->free(session);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup_with_answers, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_frames_in_pieces_of_any_size),
        CASE(test_small_reads),
        CASE(test_output_cut_off),
        CASE(test_output_that_is_no_frame),
        CASE(test_terminal_is_raw),
        CASE(test_heads_that_are_none),
        CASE(test_poll_tells_the_truth),
        CASE(test_input_to_a_command_that_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
