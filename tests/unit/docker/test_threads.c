/* Many threads at once, cancellations from others, and the event stream with its thread. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/fixture.h"

#include <string.h>

/* ---- calls ---- */

#define INFO "{\"ServerVersion\":\"20.10.24\",\"NCPU\":2,\"MemTotal\":1000}"

static void *ask_often(void *failures)
{
    for (int i = 0; i < 50; i++) {
        struct orchestrator_info info;
        struct orchestrator_listing *listing = NULL;
        if (client->info(client, NULL, &info, NULL) < 0 ||
            client->list(client, NULL, NULL, &listing, NULL) < 0)
            ++*(unsigned *)failures;
        else
            orchestrator_info_done(&info);
        orchestrator_listing_free(listing);
    }
    return NULL;
}

static void test_parallel_calls(void **state)
{
    (void)state;
    static const char *const lists[][2] = {
        {"GET /containers/json",
         "[{\"Id\":\"c1\",\"Names\":[\"/c\"],\"State\":\"running\",\"Image\":\"i\","
         "\"Labels\":{\"dev.kfs.instance\":\"test\"}}]"},
        {"GET /networks", "[]"},
        {"GET /volumes", "{\"Volumes\":[]}"},
        {"GET /info", INFO},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
        fake_engine_answer(fake,
                           &(struct fake_answer){.request = lists[i][0], .body = lists[i][1]});
    enum {
        THREADS = 8
    };
    pthread_t threads[THREADS];
    unsigned failures[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
    /* Kept ones only: not a connection for each call. */
    assert_true(fake_engine_connections(fake) <= 2 * THREADS);
}

struct waiting {
    struct cancel *cancel;
    int (*run)(struct waiting *waiting, struct error **err);
    int code;
};

static void *waiting_run(void *context)
{
    struct waiting *waiting = context;
    cleanup(error_free) struct error *err = NULL;
    waiting->code = waiting->run(waiting, &err) < 0 ? error_code(err) : 0;
    return NULL;
}

static int wait_in_stop(struct waiting *waiting, struct error **err)
{
    const struct orchestrator_call call = {.cancel = waiting->cancel};
    return client->service_stop(client, "c1", CLOCK_SECOND, &call, err);
}

static int drop_entries(void *context, const struct log_entry *entries, size_t count)
{
    (void)context, (void)entries, (void)count;
    return 0;
}

static int wait_in_logs(struct waiting *waiting, struct error **err)
{
    const struct orchestrator_call call = {.cancel = waiting->cancel};
    struct log_position position = {0};
    return client->logs_read(client, "c1", &position, true, drop_entries, NULL, &call, err);
}

static int drop_output(void *context, enum stream stream, const void *bytes, size_t length)
{
    (void)context, (void)stream, (void)bytes, (void)length;
    return 0;
}

static int wait_in_exec(struct waiting *waiting, struct error **err)
{
    const struct orchestrator_call call = {.cancel = waiting->cancel};
    char *const argv[] = {(char *)"true", NULL};
    const struct exec_spec spec = {.service_id = "c1", .argv = argv};
    int code;
    return client->exec_run(client, &spec, drop_output, NULL, &call, &code, err);
}

static int wait_in_session(struct waiting *waiting, struct error **err)
{
    const struct orchestrator_call call = {.cancel = waiting->cancel};
    char *const argv[] = {(char *)"true", NULL};
    const struct exec_spec spec = {.service_id = "c1", .argv = argv};
    struct exec_session *session = NULL;
    char bytes[10];
    enum stream stream;
    int result = client->exec_open(client, &spec, &call, &session, err);
    if (result == 0)
        result = (int)session->read(session, bytes, sizeof bytes, &stream, &call, err);
    if (session)
        session->free(session);
    return result;
}

static void service_answers(void)
{
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /containers/json",
                                    .body = "[{\"Id\":\"c1\",\"Labels\":{\"dev.kfs.instance\":"
                                            "\"test\"}}]"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /containers/c1/json",
                                                   .body = "{\"Id\":\"c1\",\"LogPath\":\"\"}"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /containers/c1/exec",
                                                   .status = 201,
                                                   .body = "{\"Id\":\"e1\"}"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /exec/e1/json",
                                                   .body = "{\"Running\":false,\"ExitCode\":0}"});
}

/* Each of these waits for an answer that never comes; a cancellation ends it within a second. */
static void expect_cancelled(int (*run)(struct waiting *, struct error **), const char *request)
{
    struct waiting waiting = {.cancel = cancel_new(NULL), .run = run};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, waiting_run, &waiting), 0);
    fake_engine_await(fake, request);
    int64_t start = clock_monotonic();
    cancel_fire(waiting.cancel);
    pthread_join(thread, NULL);
    assert_true(clock_monotonic() - start < CLOCK_SECOND);
    assert_int_equal(waiting.code, ECANCELED);
    cancel_unref(waiting.cancel);
}

static void test_cancel_while_waiting(void **state)
{
    (void)state;
    service_answers();
    static const char *const slow[] = {"POST /containers/c1/stop", "GET /containers/c1/logs"};
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++)
        fake_engine_answer(fake,
                           &(struct fake_answer){.request = slow[i], .delay = 60 * CLOCK_SECOND});
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "POST /exec/e1/start", .times = 1, .hold = true});
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /exec/e1/start",
                                                   .raw = true,
                                                   .hold = true,
                                                   .body = "HTTP/1.1 101 UPGRADED\r\n\r\n"});
    expect_cancelled(wait_in_stop, "/stop?t=1");
    expect_cancelled(wait_in_logs, "/logs?");
    expect_cancelled(wait_in_exec, "/exec/e1/start");
    expect_cancelled(wait_in_session, "Upgrade: tcp");
}

static void test_cancelled_before(void **state)
{
    (void)state;
    service_answers();
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /containers/c1/stop",
                                                   .delay = 60 * CLOCK_SECOND});
    struct waiting waiting = {.cancel = cancel_new(NULL), .run = wait_in_stop};
    cancel_fire(waiting.cancel);
    waiting_run(&waiting);
    assert_int_equal(waiting.code, ECANCELED);
    cancel_unref(waiting.cancel);
}

/* ---- events ---- */

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf text; /* "UP ", "REMOVED:c1 ", ... */
};
static struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void seen_take(void *context, const struct orchestrator_event *event)
{
    (void)context;
    static const char *const names[EVENT_MAX] = {
        [EVENT_UP] = "UP",
        [EVENT_DOWN] = "DOWN",
        [EVENT_SERVICE_CREATED] = "CREATED",
        [EVENT_SERVICE_STARTED] = "STARTED",
        [EVENT_SERVICE_EXITED] = "EXITED",
        [EVENT_SERVICE_PAUSED] = "PAUSED",
        [EVENT_SERVICE_UNPAUSED] = "UNPAUSED",
        [EVENT_SERVICE_OUT_OF_MEMORY] = "OOM",
        [EVENT_SERVICE_REMOVED] = "REMOVED",
        [EVENT_NETWORK_CREATED] = "NET-CREATED",
        [EVENT_NETWORK_REMOVED] = "NET-REMOVED",
        [EVENT_VOLUME_REMOVED] = "VOLUME-REMOVED",
    };
    with_lock(&seen.lock);
    buf_puts(&seen.text, names[event->kind]);
    if (event->id)
        buf_printf(&seen.text, ":%s", event->id);
    if (event->kind == EVENT_SERVICE_EXITED)
        buf_printf(&seen.text, "=%d@%lld", event->exit_code, (long long)event->time);
    if (event->kind == EVENT_DOWN)
        assert_non_null(event->reason);
    buf_putc(&seen.text, ' ');
    pthread_cond_broadcast(&seen.changed);
}

/* Waits until exactly these were seen since the last time. */
static void seen_expect(const char *expected)
{
    struct timespec limit = clock_timespec(clock_now() + 10 * CLOCK_SECOND);
    with_lock(&seen.lock);
    while (seen.text.length < strlen(expected) &&
           pthread_cond_timedwait(&seen.changed, &seen.lock, &limit) == 0)
        continue;
    assert_string_equal(seen.text.data, expected);
    buf_truncate(&seen.text, 0);
}

static void send_text(const char *text)
{
    fake_engine_send(fake, text, strlen(text));
}

#define EVENT(type, action, id, attributes)                                    \
    "{\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id \
    "\",\"Attributes\":{" attributes "}},\"timeNano\":5}\n"
#define OURS "\"dev.kfs.instance\":\"test\""

static void test_events(void **state)
{
    (void)state;
    seen.text = BUF_INIT(1 << 20);
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /events", .hold = true});
    OK(client->watch(client, seen_take, NULL, &err));
    FAILS(client->watch(client, seen_take, NULL, &err), EBUSY, "already");
    seen_expect("UP ");

    send_text(EVENT("container", "create", "c1", OURS)
                  EVENT("container", "start", "c2", "\"dev.kfs.instance\":\"other\"")
                      EVENT("container", "start", "c3", ""));
    send_text(EVENT("container", "start", "c1", OURS));
    send_text(EVENT("container", "die", "c1", OURS ",\"exitCode\":\"137\""));
    seen_expect("CREATED:c1 STARTED:c1 EXITED:c1=137@5 ");

    /* Cut in the middle of a line, with garbage before and after. */
    static const char line[] =
        EVENT("network", "create", "n2", "") EVENT("network", "destroy", "n1", "");
    send_text("garbage\n\n{}\n[1]\n{\"Type\":5}\n");
    fake_engine_send(fake, line, 20);
    fake_engine_send(fake, line + 20, sizeof line - 21);
    send_text(EVENT("volume", "destroy", "v1", "") EVENT("image", "tag", "i1", "")
                  EVENT("container", "exec_start: x", "c1", OURS));
    send_text(EVENT("container", "oom", "c1", OURS) EVENT("container", "pause", "c1", OURS) EVENT(
        "container", "unpause", "c1", OURS) EVENT("container", "destroy", "c1", OURS));
    seen_expect(
        "NET-CREATED:n2 NET-REMOVED:n1 VOLUME-REMOVED:v1 OOM:c1 PAUSED:c1 UNPAUSED:c1 REMOVED:c1 ");

    /* The engine goes and comes back: one DOWN, one UP, and events again. */
    fake_engine_drop(fake);
    seen_expect("DOWN UP ");
    send_text(EVENT("container", "create", "c4", OURS));
    seen_expect("CREATED:c4 ");
    buf_done(&seen.text);
}

static void test_events_of_an_engine_that_is_away(void **state)
{
    (void)state;
    seen.text = BUF_INIT(1 << 20);
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "GET /_ping", .times = 2, .status = 503});
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "GET /events", .times = 1, .status = 500});
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /events", .hold = true});
    OK(client->watch(client, seen_take, NULL, &err));
    seen_expect("DOWN UP ");
    client->free(client); /* while it is connected */
    client = fake_engine_client(fake);
    buf_done(&seen.text);
}

/* A line without end is a broken stream: the connection is given up, not the memory. */
static void test_events_line_without_end(void **state)
{
    (void)state;
    static char junk[3 << 20];
    seen.text = BUF_INIT(1 << 20);
    memset(junk, 'x', sizeof junk);
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /events", .hold = true});
    OK(client->watch(client, seen_take, NULL, &err));
    seen_expect("UP ");
    fake_engine_send(fake, junk, sizeof junk);
    seen_expect("DOWN UP ");
    buf_done(&seen.text);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_parallel_calls),
        CASE(test_cancel_while_waiting),
        CASE(test_cancelled_before),
        CASE(test_events),
        CASE(test_events_of_an_engine_that_is_away),
        CASE(test_events_line_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
