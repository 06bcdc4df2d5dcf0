/* What an engine makes of a world, and of a state directory, that changed or broke off at a bad
 * moment. */
#include "tests/unit/engine/engine_fixture.h"

static const char web_uuid[] = "0123456789abcdef0123456789abcdef";

static object_id enclave_with_web(struct fixture *fixture)
{
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "web-1", web_uuid, "web", SERVICE_RUNNING);
    restart(fixture);
    return enclave_find(fixture->engine, "one");
}

static void assert_web(struct fixture *fixture, enum service_status status, int exit_code)
{
    object_id enclave = enclave_find(fixture->engine, "one");
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(fixture->engine, service_find(fixture->engine, enclave, "web"));
    assert_non_null(facts);
    assert_string_equal(service_status_name(facts->status), service_status_name(status));
    assert_int_equal(facts->exit_code, exit_code);
}

static void ask_web(struct fixture *fixture, object_id enclave, const char *word)
{
    object_id web = service_find(fixture->engine, enclave, "web");
    assert_int_equal(service_set_status(fixture->engine, web, word, NULL), 0);
}

static object_id submit(struct fixture *fixture, object_id enclave, const char *text)
{
    object_id run = 0;
    cleanup(close) int dir = enclave_open_plan(fixture->engine, enclave, NULL);
    assert_int_equal(file_write(dir, "app.star", text, strlen(text), NULL), 0);
    assert_int_equal(enclave_plan_written(fixture->engine, enclave, "app.star", 1000, &run, NULL),
                     0);
    return run;
}

static char *path_in_state(struct fixture *fixture, const char *rest)
{
    char *path = NULL;
    cleanup(enclave_facts_unref) struct enclave_facts *facts =
        enclave_get(fixture->engine, enclave_find(fixture->engine, "one"));
    assert_true(asprintf(&path, "%s/enclaves/%s/%s", fixture->state_dir, facts->uuid, rest) > 0);
    return path;
}

/* ---- runs that had not begun ---- */

static void assert_first_run_succeeded(struct fixture *fixture)
{
    object_id enclave = enclave_find(fixture->engine, "one");
    cleanup(run_facts_unref) struct run_facts *facts =
        run_get(fixture->engine, run_find(fixture->engine, enclave, 1));
    assert_non_null(facts);
    assert_string_equal(run_status_name(facts->status), "SUCCEEDED");
}

static void test_a_run_that_waits_is_taken_up(void **state)
{
    struct fixture *fixture = *state;
    static const char record[] =
        "{\"status\": \"PENDING\", \"submitted\": 1, \"started\": 0, \"finished\": 0, \"uid\": 0, "
        "\"step\": 0, \"steps\": 0, \"name\": \"app.star\"}";
    submit(fixture, create(fixture, "one"), "print");
    wait_quiet(fixture->engine);
    cleanup(free) char *path = path_in_state(fixture, "runs/1");
    cleanup(close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    engine_free(fixture->engine);
    assert_int_equal(file_write(dir, "run.json", record, strlen(record), NULL), 0);
    start(fixture);
    wait_quiet(fixture->engine);
    assert_first_run_succeeded(fixture);
}

static void test_a_run_whose_enclave_has_no_network_yet_is_taken_up(void **state)
{
    struct fixture *fixture = *state;
    fake_fail(fixture->world, FAKE_NETWORK_CREATE, EAGAIN, 1);
    submit(fixture, create(fixture, "one"), "print");
    restart(fixture);
    assert_int_equal(fake_objects(fixture->world), 1);
    assert_first_run_succeeded(fixture);
}

/* ---- what ends at once, or while it is asked for ---- */

static void test_a_service_that_ends_while_it_is_started_has_ended(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_hold(fixture->world, FAKE_SERVICE_START);
    ask_web(fixture, enclave, "RESTART");
    fake_wait_held(fixture->world, FAKE_SERVICE_START);
    fake_event(fixture->world, EVENT_SERVICE_EXITED, "web-1", 143); /* of the stop */
    assert_web(fixture, SERVICE_STATUS_STARTING, -1);
    fake_event(fixture->world, EVENT_SERVICE_STARTED, "web-1", -1);
    fake_event(fixture->world, EVENT_SERVICE_EXITED, "web-1", 3);
    fake_release(fixture->world, FAKE_SERVICE_START);
    wait_quiet(fixture->engine);
    assert_web(fixture, SERVICE_STATUS_STOPPED, 3);
}

static void test_a_run_does_not_call_running_what_has_ended(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    wait_quiet(fixture->engine);
    fake_hold(fixture->world, FAKE_SERVICE_START);
    submit(fixture, enclave, "start");
    fake_wait_held(fixture->world, FAKE_SERVICE_START);
    cleanup(free) char *id = fake_newest_service(fixture->world);
    fake_event(fixture->world, EVENT_SERVICE_STARTED, id, -1);
    fake_event(fixture->world, EVENT_SERVICE_EXITED, id, 1);
    fake_release(fixture->world, FAKE_SERVICE_START);
    wait_quiet(fixture->engine);
    assert_web(fixture, SERVICE_STATUS_STOPPED, 1);
}

/* What an earlier life of the container ended with may be told when the next has begun. */
static void test_the_event_of_an_earlier_end_does_not_stop_a_service(void **state)
{
    struct fixture *fixture = *state;
    ask_web(fixture, enclave_with_web(fixture), "RESTART");
    wait_quiet(fixture->engine);
    fake_event(fixture->world, EVENT_SERVICE_EXITED, "web-1", 143);
    assert_web(fixture, SERVICE_STATUS_RUNNING, -1);
    fake_event(fixture->world, EVENT_SERVICE_STARTED, "web-1", -1);
    fake_event(fixture->world, EVENT_SERVICE_EXITED, "web-1", 3);
    assert_web(fixture, SERVICE_STATUS_STOPPED, 3);
}

/* ---- what is asked for goes in the order in which it was asked for ---- */

static void test_requests_of_one_service_are_done_in_order(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_hold(fixture->world, FAKE_SERVICE_STOP);
    ask_web(fixture, enclave, "STOPPED");
    fake_wait_held(fixture->world, FAKE_SERVICE_STOP);
    for (int i = 0; i < 5; i++) {
        ask_web(fixture, enclave, "RUNNING");
        ask_web(fixture, enclave, "STOPPED");
    }
    fake_release(fixture->world, FAKE_SERVICE_STOP);
    wait_quiet(fixture->engine);
    assert_web(fixture, SERVICE_STATUS_STOPPED, -1);
    assert_int_equal(fake_calls(fixture->world, FAKE_SERVICE_START), 5);
    assert_int_equal(fake_calls(fixture->world, FAKE_SERVICE_STOP), 6);
}

static void test_a_run_begins_when_what_was_asked_before_is_done(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_hold(fixture->world, FAKE_SERVICE_STOP);
    ask_web(fixture, enclave, "RESTART");
    fake_wait_held(fixture->world, FAKE_SERVICE_STOP);
    object_id run = submit(fixture, enclave, "print");
    {
        cleanup(run_facts_unref) struct run_facts *facts = run_get(fixture->engine, run);
        assert_string_equal(run_status_name(facts->status), "PENDING");
    }
    fake_release(fixture->world, FAKE_SERVICE_STOP);
    wait_quiet(fixture->engine);
    assert_first_run_succeeded(fixture);
}

/* What was asked last survives a restart in the middle of what was asked before. */
static void test_the_last_request_is_taken_up(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_hold(fixture->world, FAKE_SERVICE_STOP);
    fake_hold(fixture->world, FAKE_SERVICE_START);
    ask_web(fixture, enclave, "STOPPED");
    fake_wait_held(fixture->world, FAKE_SERVICE_STOP);
    ask_web(fixture, enclave, "RUNNING");
    fake_release(fixture->world, FAKE_SERVICE_STOP);
    fake_wait_held(fixture->world, FAKE_SERVICE_START);
    cleanup(buf_done) struct buf asked = BUF_INIT(64);
    cleanup(free) char *path = path_in_state(fixture, "asked/");
    cleanup(close) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(file_read(dir, web_uuid, &asked, NULL), 0);
    assert_string_equal(asked.data, "RUNNING");
    fake_release(fixture->world, FAKE_SERVICE_START);
    wait_quiet(fixture->engine);
    assert_int_equal(faccessat(dir, web_uuid, F_OK, 0), -1);
}

/* ---- what was asked for while the orchestrator was away, or failed at it ---- */

static void test_a_stop_that_was_cut_off_is_done_when_the_engine_is_back(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_hold(fixture->world, FAKE_SERVICE_STOP);
    fake_fail(fixture->world, FAKE_SERVICE_STOP, EAGAIN, 1);
    ask_web(fixture, enclave, "STOPPED");
    fake_wait_held(fixture->world, FAKE_SERVICE_STOP);
    fake_set_down(fixture->world, "connection refused");
    fake_release(fixture->world, FAKE_SERVICE_STOP);
    wait_quiet(fixture->engine);
    fake_set_down(fixture->world, NULL);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_calls(fixture->world, FAKE_SERVICE_STOP), 2);
    assert_web(fixture, SERVICE_STATUS_STOPPED, -1);
}

static void test_a_removal_that_failed_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = enclave_with_web(fixture);
    fake_fail(fixture->world, FAKE_SERVICE_REMOVE, EIO, 1);
    assert_int_equal(
        service_remove(fixture->engine, service_find(fixture->engine, enclave, "web"), NULL), 0);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 1);
    assert_int_equal(service_find(fixture->engine, enclave, "web"), 0);
}

/* ---- listings ---- */

static void test_a_listing_that_failed_is_made_again(void **state)
{
    struct fixture *fixture = *state;
    fake_fail(fixture->world, FAKE_LIST, EIO, 1);
    fake_set_down(fixture->world, "cut");
    fake_set_down(fixture->world, NULL);
    wait_quiet(fixture->engine);
    cleanup(engine_facts_unref) struct engine_facts *facts = engine_get(fixture->engine);
    assert_true(facts->up);
}

static void test_a_listing_says_nothing_of_what_came_since(void **state)
{
    struct fixture *fixture = *state;
    object_id early = create(fixture, "early");
    wait_quiet(fixture->engine);
    fake_hold(fixture->world, FAKE_LISTED);
    fake_set_down(fixture->world, NULL); /* a new connection: it lists */
    fake_wait_held(fixture->world, FAKE_LISTED);
    submit(fixture, early, "start");
    object_id one = create(fixture, "one");
    sem_t done;
    sem_init(&done, 0, 0);
    const object_id scopes[] = {early, one};
    for (size_t i = 0; i < ARRAY_LENGTH(scopes); i++) {
        struct engine_waiter *waiter =
            engine_wait(fixture->engine, OBJECT_ENCLAVE, scopes[i], on_done, &done);
        sem_wait(&done);
        engine_wait_release(waiter);
    }
    object_id web = service_find(fixture->engine, early, "web");
    fake_release(fixture->world, FAKE_LISTED);
    wait_quiet(fixture->engine);
    assert_true(web != 0);
    assert_int_equal(service_find(fixture->engine, early, "web"), web);
    assert_int_equal(fake_calls(fixture->world, FAKE_NETWORK_CREATE), 2);
    assert_int_equal(fake_objects(fixture->world), 3);
}

static void test_what_a_killed_process_had_asked_for_late_goes(void **state)
{
    struct fixture *fixture = *state;
    const struct label label = {"dev.kfs.enclave", "2123456789abcdef0123456789abcdef"};
    unsigned listings = fake_calls(fixture->world, FAKE_LIST);
    create(fixture, "one");
    wait_quiet(fixture->engine);
    fake_appear_network(fixture->world, "of-another", (struct labels){&label, 1});
    wait_quiet(fixture->engine);
    assert_int_equal(fake_calls(fixture->world, FAKE_LIST), listings); /* nobody was cut off */
    fake_fail(fixture->world, FAKE_NETWORK_REMOVE, EIO, 1);
    assert_int_equal(enclave_destroy(fixture->engine, enclave_find(fixture->engine, "one"), NULL),
                     0);
    restart(fixture);
    assert_int_equal(fake_objects(fixture->world), 0);
    fake_appear_network(fixture->world, "late", (struct labels){&label, 1});
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 0);
}

/* ---- the state directory ---- */

static void test_unfinished_files_of_a_killed_process_go(void **state)
{
    struct fixture *fixture = *state;
    submit(fixture, create(fixture, "one"), "print");
    wait_quiet(fixture->engine);
    static const char *const places[] = {".new.1.1",           "asked/.new.1.2", "runs/.new0123",
                                         "artifacts/.new0123", "../.new.1.3",    "../../.new.1.4"};
    char *paths[ARRAY_LENGTH(places)];
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        paths[i] = path_in_state(fixture, places[i]);
        assert_int_equal(file_make_dirs(AT_FDCWD, paths[i], NULL), 0);
    }
    restart(fixture);
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        if (access(paths[i], F_OK) == 0)
            fail_msg("%s is still there", paths[i]);
        free(paths[i]);
    }
    assert_first_run_succeeded(fixture);
}

static void test_an_enclave_that_cannot_be_read_is_not_thrown_away(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "one");
    wait_quiet(fixture->engine);
    cleanup(free) char *path = path_in_state(fixture, "enclave.json");
    struct engine_options options = {.state_dir = fixture->state_dir, .interpreter = "/bin/false"};
    cleanup(error_free) struct error *err = NULL;
    engine_free(fixture->engine);
    assert_int_equal(truncate(path, 0), 0);
    fixture->engine = engine_new(&options, fake_orchestrator_new(fixture->world), &err);
    assert_null(fixture->engine);
    assert_non_null(strstr(error_message(err), "enclave.json is damaged"));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(fake_objects(fixture->world), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_a_run_that_waits_is_taken_up),
        ENGINE_TEST(test_a_run_whose_enclave_has_no_network_yet_is_taken_up),
        ENGINE_TEST(test_a_service_that_ends_while_it_is_started_has_ended),
        ENGINE_TEST(test_a_run_does_not_call_running_what_has_ended),
        ENGINE_TEST(test_the_event_of_an_earlier_end_does_not_stop_a_service),
        ENGINE_TEST(test_requests_of_one_service_are_done_in_order),
        ENGINE_TEST(test_a_run_begins_when_what_was_asked_before_is_done),
        ENGINE_TEST(test_the_last_request_is_taken_up),
        ENGINE_TEST(test_a_stop_that_was_cut_off_is_done_when_the_engine_is_back),
        ENGINE_TEST(test_a_removal_that_failed_is_tried_again),
        ENGINE_TEST(test_a_listing_that_failed_is_made_again),
        ENGINE_TEST(test_a_listing_says_nothing_of_what_came_since),
        ENGINE_TEST(test_what_a_killed_process_had_asked_for_late_goes),
        ENGINE_TEST(test_unfinished_files_of_a_killed_process_go),
        ENGINE_TEST(test_an_enclave_that_cannot_be_read_is_not_thrown_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
