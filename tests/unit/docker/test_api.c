/* Calls of the Engine API: versions, refusals, and answers that are not what they should be. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/fixture.h"

#include <stdio.h>
#include <string.h>

static int ask(struct error **err)
{
    struct orchestrator_info info;
    int result = client->info(client, NULL, &info, err);
    if (result == 0)
        orchestrator_info_done(&info);
    return result;
}

#define INFO "{\"ServerVersion\":\"20.10.24\",\"NCPU\":2,\"MemTotal\":1000}"
static const struct fake_answer info_answer = {.request = "GET /info", .body = INFO};

/* ---- versions ---- */

/* The version that is asked with, to an engine of the given one. */
static void expect_version(const char *header, const char *used)
{
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /_ping", .headers = header});
    fake_engine_answer(fake, &info_answer);
    OK(ask(&err));
    char *requests = fake_engine_requests(fake);
    assert_non_null(strstr(requests, used));
    free(requests);
}

static void test_version_of_an_old_engine(void **state)
{
    (void)state;
    expect_version("Api-Version: 1.41\r\n", "GET /v1.41/info");
}

static void test_version_of_an_engine_to_come(void **state)
{
    (void)state;
    expect_version("api-version: 1.99\r\n", "GET /v1.47/info");
}

static void test_no_engine(void **state)
{
    (void)state;
    static const struct {
        struct fake_answer answer;
        int code;
        const char *words;
    } rows[] = {
        {{.headers = "Api-Version: 1.40\r\n"}, EIO, "too old"},
        {{.headers = "Api-Version: 2.0\r\n"}, EIO, "no Docker engine"},
        {{.headers = "Api-Version: 1.x\r\n"}, EIO, "no Docker engine"},
        {{.body = "hello"}, EIO, "no Docker engine"},
        {{.status = 503}, EAGAIN, "not ready"},
        {{.raw = true, .body = "SSH-2.0-OpenSSH_9.2\r\n"}, EIO, "does not speak"},
        {{.raw = true, .body = ""}, EAGAIN, "does not answer"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fake_answer answer = rows[i].answer;
        answer.request = "GET /_ping";
        fake_engine_forget(fake);
        fake_engine_answer(fake, &answer);
        FAILS(ask(&err), rows[i].code, rows[i].words);
    }
}

static void test_nobody_listens(void **state)
{
    (void)state;
    const struct docker_options options = {.host = "unix:///tmp/kfs-no-such.sock",
                                           .instance = "test"};
    struct orchestrator *away = docker_new(&options, NULL);
    struct orchestrator_info info;
    FAILS(away->info(away, NULL, &info, &err), EAGAIN, "unix:///tmp/kfs-no-such.sock");
    away->free(away);
    const struct docker_options closed = {.host = "tcp://127.0.0.1:1", .instance = "test"};
    away = docker_new(&closed, NULL);
    FAILS(away->info(away, NULL, &info, &err), EAGAIN, "tcp://127.0.0.1:1");
    away->free(away);
}

static void test_bad_options(void **state)
{
    (void)state;
    static const struct docker_options rows[] = {
        {.host = "unix:///tmp/s"},
        {.host = "ssh://host", .instance = "i"},
        {.host = "unix://relative", .instance = "i"},
        {.host = "tcp://", .instance = "i"},
        {.host = "tcp://[::1", .instance = "i"},
        {.host = "unix:///tmp/s", .instance = "i", .subnet_pool = "10.0.0.0"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error *reason = NULL;
        assert_null(docker_new(&rows[i], &reason));
        assert_int_equal(error_code(reason), EINVAL);
        error_free(reason);
    }
    setenv("DOCKER_TLS_VERIFY", "1", 1);
    const struct docker_options tls = {.host = "tcp://127.0.0.1:2376", .instance = "i"};
    cleanup(error_free) struct error *err = NULL;
    assert_null(docker_new(&tls, &err));
    unsetenv("DOCKER_TLS_VERIFY");
    assert_non_null(strstr(error_message(err), "TLS"));
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        int code;
        const char *words;
    } rows[] = {
        {404, "{\"message\":\"No such image: a:1\"}", ENOENT, "No such image: a:1"},
        {409,
         "{\"message\":\"Conflict. The container name \\\"/a\\\" is already in use by "
         "container \\\"1\\\"\"}",
         EEXIST, "already in use"},
        {409, "{\"message\":\"volume is in use - [1]\"}", EBUSY, "in use"},
        {403, "{\"message\":\"error: network n has active endpoints\"}", EBUSY, "active"},
        {403, "{\"message\":\"no\"}", EACCES, "no"},
        {400, "{\"message\":\"Invalid container name (a b)\"}", EINVAL, "Invalid"},
        {500, "{\"message\":\"Bind for 127.0.0.1:1 failed: port is already allocated\"}",
         EADDRINUSE, "already allocated"},
        {500, "{\"message\":\"listen tcp4 127.0.0.1:80: bind: address already in use\"}",
         EADDRINUSE, "in use"},
        {500, "{\"message\":\"write /x: no space left on device\"}", ENOSPC, "space"},
        {404, "{\"message\":\"pull access denied for x, repository does not exist\"}", EACCES,
         "denied"},
        {500, "{\"message\":\"Get https://r/v2/: unauthorized: incorrect username\"}", EACCES,
         "incorrect username"},
        {501, "{\"message\":\"configured logging driver does not support reading\"}", ENOSYS,
         "logging driver"},
        {503, "{\"message\":\"shutting down\"}", EAGAIN, "shutting down"},
        {500, "{\"message\":\"who knows\"}", EIO, "who knows"},
        {500, "{\"message\":\"first line\\nsecond\"}", EIO, "first line"},
        {500, "<html>Bad Gateway</html>", EIO, "HTTP status 500"},
        {500, "", EIO, "HTTP status 500"},
        {500, "{\"message\":17}", EIO, "HTTP status 500"},
        {500, "{\"message\":\"\"}", EIO, "HTTP status 500"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        fake_engine_forget(fake);
        fake_engine_answer(fake, &(struct fake_answer){.request = "GET /info",
                                                       .status = rows[i].status,
                                                       .body = rows[i].body});
        FAILS(ask(&err), rows[i].code, rows[i].words);
    }
}

static void test_huge_refusal_is_bounded(void **state)
{
    (void)state;
    static char body[1 << 20];
    memset(body, 'x', sizeof body - 1);
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "GET /info", .status = 500, .body = body});
    FAILS(ask(&err), EIO, "no reason");
}

/* ---- answers that are broken ---- */

static void test_answers_that_are_no_json(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "{", "{\"NCPU\":", "{\"a\":\"\xff\"}", "nothing", "{\"NCPU\":2}}"};
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        fake_engine_forget(fake);
        fake_engine_answer(fake, &(struct fake_answer){.request = "GET /info", .body = bodies[i]});
        FAILS(ask(&err), EIO, "not valid JSON");
    }
}

/* JSON, but not what it should hold: what is missing has a value all the same, or is an error. */
static void test_answers_of_other_shapes(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "null",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[1,\"a\"]",
        "{\"Volumes\":null}",
        "{\"Volumes\":[{}]}",
        "[{\"Labels\":{\"dev.kfs.instance\":\"test\"}}]",
        "[{\"Id\":1,\"Names\":{},\"Labels\":{\"dev.kfs.instance\":\"test\",\"x\":2},\"IPAM\":[]}]",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        fake_engine_forget(fake);
        fake_engine_answer(fake, &(struct fake_answer){.request = "GET /",
                                                       .body = bodies[i],
                                                       .headers = "Api-Version: 1.41\r\n"});
        struct orchestrator_listing *listing = NULL;
        struct error *reason = NULL;
        if (client->list(client, NULL, NULL, &listing, &reason) < 0) {
            assert_int_equal(error_code(reason), EIO); /* what lacks an id is no object */
            assert_null(listing);
        }
        error_free(steal(&reason));
        orchestrator_listing_free(listing);
        if (ask(&reason) < 0)
            assert_int_equal(error_code(reason), EIO);
        error_free(reason);
    }
}

static void test_answer_cut_at_every_byte(void **state)
{
    (void)state;
    /* "HTTP/1.1 200 Whatever\r\nContent-Length: NN\r\n\r\n" and the body */
    size_t whole = 23 + 20 + 2 + strlen(INFO);
    for (size_t cut = 1; cut < whole; cut++) {
        struct fake_answer answer = info_answer;
        answer.cut = cut;
        fake_engine_forget(fake);
        fake_engine_answer(fake, &answer);
        cleanup(error_free) struct error *err = NULL;
        assert_int_equal(ask(&err), -1);
        assert_true(error_code(err) == EAGAIN || error_code(err) == EIO);
    }
    fake_engine_forget(fake);
    struct fake_answer pieces = info_answer;
    pieces.piece = 1;
    fake_engine_answer(fake, &pieces);
    OK(ask(&err));
}

static void test_endless_answer_is_bounded(void **state)
{
    (void)state;
    static char spaces[1 << 20];
    memset(spaces, ' ', sizeof spaces - 1);
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /info", .body = spaces, .endless = true});
    FAILS(ask(&err), EFBIG, "too large");
}

static void test_deep_answer_is_refused(void **state)
{
    (void)state;
    static char deep[1 << 20];
    memset(deep, '[', sizeof deep - 1);
    fake_engine_answer(fake, &(struct fake_answer){.request = "GET /info", .body = deep});
    FAILS(ask(&err), EIO, "not valid JSON");
}

/* ---- time ---- */

static void test_slow_answer_meets_the_deadline(void **state)
{
    (void)state;
    struct fake_answer answer = info_answer;
    answer.delay = 30 * CLOCK_SECOND;
    fake_engine_answer(fake, &answer);
    int64_t start = clock_monotonic();
    const struct orchestrator_call call = {.deadline = start + 200 * CLOCK_MILLISECOND};
    struct orchestrator_info info;
    FAILS(client->info(client, &call, &info, &err), ETIMEDOUT, "took too long");
    assert_true(clock_monotonic() - start < CLOCK_SECOND);
}

/* A deadline holds for the whole answer, however steadily it trickles. */
static void test_trickling_answer_meets_the_deadline(void **state)
{
    (void)state;
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "GET /info", .body = "{", .hold = true});
    int64_t start = clock_monotonic();
    const struct orchestrator_call call = {.deadline = start + 200 * CLOCK_MILLISECOND};
    struct orchestrator_info info;
    FAILS(client->info(client, &call, &info, &err), ETIMEDOUT, "took too long");
    assert_true(clock_monotonic() - start < CLOCK_SECOND);
}

static void test_connections_are_kept(void **state)
{
    (void)state;
    fake_engine_answer(fake, &info_answer);
    for (int i = 0; i < 20; i++)
        OK(ask(&err));
    assert_int_equal(fake_engine_connections(fake), 1);
    /* A kept connection that the engine has closed meanwhile is no failure. */
    fake_engine_drop(fake);
    OK(ask(&err));
    assert_int_equal(fake_engine_connections(fake), 2);
}

/* ---- what is sent ---- */

static void test_hostile_names_stay_in_their_place(void **state)
{
    (void)state;
    struct image_info info;
    FAILS(client->image_inspect(client, "../../x?y=1&z #%\n", NULL, &info, &err), ENOENT,
          "no answer in the script");
    char *requests = fake_engine_requests(fake);
    assert_non_null(
        strstr(requests, "GET /v1.41/images/..%2F..%2Fx%3Fy%3D1%26z%20%23%25%0A/json HTTP"));
    free(requests);
    const struct network_spec spec = {.name = "\xff"};
    struct network network;
    FAILS(client->network_create(client, &spec, NULL, &network, &err), EINVAL, "UTF-8");
}

static void test_subnets_that_overlap_are_passed_over(void **state)
{
    (void)state;
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "POST /networks/create",
                                    .times = 1,
                                    .status = 403,
                                    .body = "{\"message\":\"Pool overlaps with other one on this "
                                            "address space\"}"});
    fake_engine_answer(
        fake, &(struct fake_answer){.request = "GET /networks",
                                    .body = "[{\"IPAM\":{\"Config\":[{\"Subnet\":\"10.64.0.0/14\"},"
                                            "{\"Subnet\":\"fd00::/64\"},{}]}}]"});
    fake_engine_answer(fake, &(struct fake_answer){.request = "POST /networks/create",
                                                   .status = 201,
                                                   .body = "{\"Id\":\"abc\"}"});
    const struct network_spec spec = {.name = "n"};
    struct network network;
    OK(client->network_create(client, &spec, NULL, &network, &err));
    assert_string_equal(network.id, "abc");
    unsigned second;
    assert_int_equal(sscanf(network.subnet, "10.%u.", &second), 1);
    assert_true(second >= 68);
    network_done(&network);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_version_of_an_old_engine),
        CASE(test_version_of_an_engine_to_come),
        CASE(test_no_engine),
        CASE(test_nobody_listens),
        CASE(test_bad_options),
        CASE(test_refusals),
        CASE(test_huge_refusal_is_bounded),
        CASE(test_answers_that_are_no_json),
        CASE(test_answers_of_other_shapes),
        CASE(test_answer_cut_at_every_byte),
        CASE(test_endless_answer_is_bounded),
        CASE(test_deep_answer_is_refused),
        CASE(test_slow_answer_meets_the_deadline),
        CASE(test_trickling_answer_meets_the_deadline),
        CASE(test_connections_are_kept),
        CASE(test_hostile_names_stay_in_their_place),
        CASE(test_subnets_that_overlap_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
