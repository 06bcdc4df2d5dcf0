/*
 * The engine over an orchestrator in memory: what is promised about creating, destroying, waiting,
 * restarting and being away. Plans are not run here.
 */
#include "tests/unit/engine/engine_fixture.h"

#include <stdatomic.h>

static void assert_status(struct engine *engine, object_id id, enum enclave_status status)
{
    cleanup(enclave_facts_unref) struct enclave_facts *facts = enclave_get(engine, id);
    assert_non_null(facts);
    assert_string_equal(enclave_status_name(facts->status), enclave_status_name(status));
}

static void assert_refused(int result, struct error **err, int code)
{
    assert_int_equal(result, -1);
    assert_int_equal(error_code(*err), code);
    assert_true(strlen(error_message(*err)) > 10);
    error_free(*err);
}

static void test_create_answers_before_the_network_is_there(void **state)
{
    struct fixture *fixture = *state;
    fake_hold(fixture->world, FAKE_NETWORK_CREATE);
    object_id id = create(fixture, "one");
    assert_status(fixture->engine, id, ENCLAVE_CREATING);
    fake_release(fixture->world, FAKE_NETWORK_CREATE);
    wait_quiet(fixture->engine);
    assert_status(fixture->engine, id, ENCLAVE_EMPTY);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_bad_names_and_duplicates_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "",
        "..",
        "a b",
        "a/b",
        "a_b",
        "\xc3\xa9",
        "0123456789012345678901234567890123456789012345678901234567890"};
    object_id id;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct error *err = NULL;
        assert_refused(enclave_create(fixture->engine, bad[i], 0, 0, &id, &err), &err, EINVAL);
    }
    create(fixture, "one");
    struct error *err = NULL;
    assert_refused(enclave_create(fixture->engine, "one", 0, 0, &id, &err), &err, EEXIST);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_destroy_frees_the_name_at_once_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    object_id id = create(fixture, "one");
    wait_quiet(fixture->engine);
    fake_hold(fixture->world, FAKE_NETWORK_REMOVE);
    assert_int_equal(enclave_destroy(fixture->engine, id, NULL), 0);
    assert_null(enclave_get(fixture->engine, id));
    assert_int_equal(enclave_find(fixture->engine, "one"), 0);
    create(fixture, "one");
    struct enclave_facts **list;
    size_t count = enclave_list(fixture->engine, true, &list);
    assert_int_equal(count, 2);
    assert_int_equal(list[0]->status, ENCLAVE_DESTROYING);
    for (size_t i = 0; i < count; i++)
        enclave_facts_unref(list[i]);
    free(list);
    fake_release(fixture->world, FAKE_NETWORK_REMOVE);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_destroy_is_tried_until_it_succeeds(void **state)
{
    struct fixture *fixture = *state;
    object_id id = create(fixture, "one");
    wait_quiet(fixture->engine);
    fake_fail(fixture->world, FAKE_NETWORK_REMOVE, EBUSY, 2);
    assert_int_equal(enclave_destroy(fixture->engine, id, NULL), 0);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 0);
    assert_int_equal(fake_calls(fixture->world, FAKE_NETWORK_REMOVE), 3);
}

static void test_a_failed_creation_says_why_and_can_be_removed(void **state)
{
    struct fixture *fixture = *state;
    fake_fail(fixture->world, FAKE_NETWORK_CREATE, ENOSPC, 1);
    object_id id = create(fixture, "one");
    wait_quiet(fixture->engine);
    assert_status(fixture->engine, id, ENCLAVE_FAILED);
    struct enclave_facts *facts = enclave_get(fixture->engine, id);
    assert_non_null(strstr(facts->error, "on cue"));
    enclave_facts_unref(facts);
    assert_int_equal(enclave_destroy(fixture->engine, id, NULL), 0);
    wait_quiet(fixture->engine);
}

static void test_a_restart_shows_the_same_and_completes_what_was_begun(void **state)
{
    struct fixture *fixture = *state;
    object_id id = create(fixture, "kept");
    object_id dying = create(fixture, "dying");
    wait_quiet(fixture->engine);
    assert_int_equal(enclave_rename(fixture->engine, id, "renamed", NULL), 0);
    char uuid[UUID_LENGTH + 1];
    struct enclave_facts *facts = enclave_get(fixture->engine, id);
    memcpy(uuid, facts->uuid, sizeof uuid);
    enclave_facts_unref(facts);
    fake_fail(fixture->world, FAKE_NETWORK_REMOVE, EIO, 1);
    assert_int_equal(enclave_destroy(fixture->engine, dying, NULL), 0);
    restart(fixture);
    assert_int_equal(enclave_find(fixture->engine, "kept"), 0);
    facts = enclave_get(fixture->engine, enclave_find(fixture->engine, "renamed"));
    assert_non_null(facts);
    assert_string_equal(facts->uuid, uuid);
    assert_int_equal(facts->status, ENCLAVE_EMPTY);
    enclave_facts_unref(facts);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_while_away_reads_answer_and_changes_are_refused(void **state)
{
    struct fixture *fixture = *state;
    object_id id = create(fixture, "one"), other;
    wait_quiet(fixture->engine);
    fake_set_down(fixture->world, "connection refused");
    struct engine_facts *facts = engine_get(fixture->engine);
    assert_false(facts->up);
    assert_string_equal(facts->reason, "connection refused");
    engine_facts_unref(facts);
    assert_status(fixture->engine, id, ENCLAVE_EMPTY);
    struct error *err = NULL;
    assert_refused(enclave_create(fixture->engine, "two", 0, 0, &other, &err), &err, EAGAIN);
    fake_set_down(fixture->world, NULL);
    wait_quiet(fixture->engine);
    create(fixture, "two");
    wait_quiet(fixture->engine);
}

static void test_services_come_back_from_their_labels(void **state)
{
    struct fixture *fixture = *state;
    static const char uuid[] = "0123456789abcdef0123456789abcdef";
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "old", uuid, "web", SERVICE_EXITED);
    add_service(fixture, "new", uuid, "web", SERVICE_RUNNING);
    add_service(fixture, "never-started", "1123456789abcdef0123456789abcdef", "db",
                SERVICE_CREATED);
    restart(fixture);
    object_id enclave = enclave_find(fixture->engine, "one");
    assert_status(fixture->engine, enclave, ENCLAVE_RUNNING);
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(fixture->engine, service_find(fixture->engine, enclave, "web"));
    assert_non_null(facts);
    assert_string_equal(facts->uuid, uuid);
    assert_int_equal(facts->port_count, 1);
    assert_int_equal(facts->ports[0].host_port, 20123);
    assert_int_equal(service_find(fixture->engine, enclave, "db"), 0);
    assert_int_equal(fake_objects(fixture->world), 2); /* the network and the running container */
}

static void test_a_service_that_ends_is_seen(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "web-1", "0123456789abcdef0123456789abcdef", "web", SERVICE_RUNNING);
    restart(fixture);
    object_id enclave = enclave_find(fixture->engine, "one");
    fake_exit_service(fixture->world, "web-1", 3);
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(fixture->engine, service_find(fixture->engine, enclave, "web"));
    assert_int_equal(facts->status, SERVICE_STATUS_STOPPED);
    assert_int_equal(facts->exit_code, 3);
    assert_true(facts->died);
    assert_status(fixture->engine, enclave, ENCLAVE_STOPPED);
}

static void assert_died(struct fixture *fixture, object_id service, bool expected)
{
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(fixture->engine, service);
    assert_int_equal(facts->died, expected);
}

/* One that was asked to end did not die, whatever its exit code; one that is started again lives.
 */
static void test_who_died(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "web-1", "0123456789abcdef0123456789abcdef", "web", SERVICE_RUNNING);
    add_service(fixture, "job-1", "1123456789abcdef0123456789abcdef", "job", SERVICE_RUNNING);
    restart(fixture);
    object_id enclave = enclave_find(fixture->engine, "one");
    object_id web = service_find(fixture->engine, enclave, "web");
    object_id job = service_find(fixture->engine, enclave, "job");
    fake_exit_service(fixture->world, "job-1", 0);
    assert_died(fixture, job, false);
    fake_exit_service(fixture->world, "web-1", 3);
    assert_died(fixture, web, true);
    assert_int_equal(service_set_status(fixture->engine, web, "RUNNING", NULL), 0);
    wait_quiet(fixture->engine);
    assert_died(fixture, web, false);
    assert_int_equal(service_set_status(fixture->engine, web, "STOPPED", NULL), 0);
    wait_quiet(fixture->engine);
    assert_died(fixture, web, false);
}

static void test_stop_start_and_remove_a_service(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "one");
    wait_quiet(fixture->engine);
    add_service(fixture, "web-1", "0123456789abcdef0123456789abcdef", "web", SERVICE_RUNNING);
    restart(fixture);
    object_id enclave = enclave_find(fixture->engine, "one");
    object_id web = service_find(fixture->engine, enclave, "web");
    struct error *err = NULL;
    assert_refused(service_set_status(fixture->engine, web, "running", &err), &err, EINVAL);
    assert_int_equal(enclave_set_status(fixture->engine, enclave, "STOPPED", NULL), 0);
    wait_quiet(fixture->engine);
    assert_status(fixture->engine, enclave, ENCLAVE_STOPPED);
    assert_int_equal(enclave_set_status(fixture->engine, enclave, "RUNNING", NULL), 0);
    wait_quiet(fixture->engine);
    assert_status(fixture->engine, enclave, ENCLAVE_RUNNING);
    assert_int_equal(service_remove(fixture->engine, web, NULL), 0);
    assert_int_equal(service_find(fixture->engine, enclave, "web"), 0);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_failures_are_lines_that_cannot_be_forged(void **state)
{
    struct fixture *fixture = *state;
    object_id id = create(fixture, "one");
    struct error *err = NULL;
    error_set(&err, EINVAL, "first\nsecond");
    engine_note_failure(fixture->engine, id, "mkdir", "enclaves/a\nb", err);
    error_free(err);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    engine_put_errors(fixture->engine, &text);
    assert_non_null(strstr(text.data, " mkdir enclaves/a\\nb EINVAL: first\\nsecond\n"));
    cleanup(enclave_facts_unref) struct enclave_facts *facts = enclave_get(fixture->engine, id);
    assert_string_equal(facts->error, "first\nsecond");
}

static void *make_and_destroy(void *argument)
{
    struct fixture *fixture = argument;
    static atomic_uint number;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%u", number++);
        assert_int_equal(enclave_destroy(fixture->engine, create(fixture, name), NULL), 0);
    }
    return NULL;
}

static void test_events_stand_in_the_order_of_the_changes(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_destroy, fixture), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        pthread_join(threads[i], NULL);
    wait_quiet(fixture->engine);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    cleanup(close) int fd = engine_open_events(fixture->engine, 0, NULL);
    assert_int_equal(file_read_fd(fd, "events", &text, NULL), 0);
    size_t count = 0;
    char *rest = NULL, last[40] = "";
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(strncmp(line, last, strlen("{\"time\": \"2026-11-22T04:18:07.123456789Z")) >=
                    0);
        snprintf(last, sizeof last, "%.39s", line);
        count++;
    }
    assert_true(count >= 160);
}

static void test_one_engine_a_state_directory(void **state)
{
    struct fixture *fixture = *state;
    struct engine_options options = {.state_dir = fixture->state_dir, .interpreter = "/bin/false"};
    struct error *err = NULL;
    assert_null(engine_new(&options, fake_orchestrator_new(fixture->world), &err));
    assert_refused(-1, &err, EBUSY);
    /* The refused engine took the world's watcher away; a restart gives it back. */
    restart(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_create_answers_before_the_network_is_there),
        ENGINE_TEST(test_bad_names_and_duplicates_change_nothing),
        ENGINE_TEST(test_destroy_frees_the_name_at_once_and_leaves_nothing),
        ENGINE_TEST(test_destroy_is_tried_until_it_succeeds),
        ENGINE_TEST(test_a_failed_creation_says_why_and_can_be_removed),
        ENGINE_TEST(test_a_restart_shows_the_same_and_completes_what_was_begun),
        ENGINE_TEST(test_while_away_reads_answer_and_changes_are_refused),
        ENGINE_TEST(test_services_come_back_from_their_labels),
        ENGINE_TEST(test_a_service_that_ends_is_seen),
        ENGINE_TEST(test_who_died),
        ENGINE_TEST(test_stop_start_and_remove_a_service),
        ENGINE_TEST(test_failures_are_lines_that_cannot_be_forged),
        ENGINE_TEST(test_events_stand_in_the_order_of_the_changes),
        ENGINE_TEST(test_one_engine_a_state_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
