/* Runs: recording, order, failing, cancelling, and what a restart makes of them. */
#include "tests/unit/engine/engine_fixture.h"

static void write_plan(struct fixture *fixture, object_id enclave, const char *name,
                       const char *text)
{
    cleanup(close) int dir = enclave_open_plan(fixture->engine, enclave, NULL);
    assert_int_equal(file_write(dir, name, text, strlen(text), NULL), 0);
}

static object_id submit(struct fixture *fixture, object_id enclave, const char *text)
{
    object_id run = 0;
    struct error *err = NULL;
    write_plan(fixture, enclave, "app.star", text);
    if (enclave_plan_written(fixture->engine, enclave, "app.star", 1000, &run, &err) < 0)
        fail_msg("%s", error_message(err));
    return run;
}

static void assert_run(struct engine *engine, object_id id, enum run_status status)
{
    cleanup(run_facts_unref) struct run_facts *facts = run_get(engine, id);
    assert_non_null(facts);
    assert_string_equal(run_status_name(facts->status), run_status_name(status));
    assert_int_equal(facts->finished != 0, status > RUN_EXECUTING);
}

static void assert_file(struct engine *engine, object_id run, enum run_file file, const char *text)
{
    char content[512] = "";
    cleanup(close) int fd = run_open_file(engine, run, file, NULL);
    assert_true(fd >= 0 && read(fd, content, sizeof content - 1) >= 0);
    assert_string_equal(content, text);
}

static void test_a_run_leaves_its_texts(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    write_plan(fixture, enclave, "app.json", "{\"a\": 1}");
    object_id run = submit(fixture, enclave, "print");
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_SUCCEEDED);
    assert_file(fixture->engine, run, RUN_FILE_SCRIPT, "print");
    assert_file(fixture->engine, run, RUN_FILE_ARGS, "{\"a\": 1}");
    assert_file(fixture->engine, run, RUN_FILE_OUTPUT, "printed\n");
    assert_file(fixture->engine, run, RUN_FILE_ERROR, "");
    assert_int_equal(run_find(fixture->engine, enclave, 1), run);
}

static void test_what_does_not_parse_is_a_failed_run(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one"), run = 0;
    struct error *err = NULL;
    write_plan(fixture, enclave, "app.star", "bad");
    assert_int_equal(enclave_plan_written(fixture->engine, enclave, "app.star", 0, &run, &err), -1);
    assert_int_equal(error_code(err), EINVAL);
    error_free(err);
    for (int start = 0; start < 2; start++) {
        run = run_find(fixture->engine, enclave_find(fixture->engine, "one"), 1);
        assert_run(fixture->engine, run, RUN_FAILED);
        assert_file(fixture->engine, run, RUN_FILE_SCRIPT, "bad");
        assert_file(fixture->engine, run, RUN_FILE_ERROR, "app.star:1:1: bad\n");
        assert_file(fixture->engine, run, RUN_FILE_OUTPUT, "app.star:1:1: bad\n");
        assert_file(fixture->engine, run, RUN_FILE_RESULT, "");
        wait_quiet(fixture->engine);
        restart(fixture);
    }
}

static void test_what_is_empty_is_no_run(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one"), run = 0;
    write_plan(fixture, enclave, "app.star", "");
    assert_int_equal(enclave_plan_written(fixture->engine, enclave, "app.star", 0, &run, NULL), 0);
    assert_int_equal(run, 0);
    assert_int_equal(run_find(fixture->engine, enclave, 1), 0);
}

static void test_a_failure_is_told_in_the_run_and_in_the_enclave(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    object_id run = submit(fixture, enclave, "fail");
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_FAILED);
    assert_file(fixture->engine, run, RUN_FILE_ERROR, "app.star:1:1: failed\n");
    cleanup(enclave_facts_unref) struct enclave_facts *facts =
        enclave_get(fixture->engine, enclave);
    assert_string_equal(facts->error, "app.star:1:1: failed");
    cleanup(buf_done) struct buf failures = BUF_INIT(BUF_MAX_TEXT);
    engine_put_errors(fixture->engine, &failures);
    assert_non_null(strstr(failures.data, " run enclaves/one/runs/1 EIO: app.star:1:1: failed\n"));
    submit(fixture, enclave, "print");
    wait_quiet(fixture->engine);
    cleanup(enclave_facts_unref) struct enclave_facts *later =
        enclave_get(fixture->engine, enclave);
    assert_string_equal(later->error, "");
}

static void test_runs_of_an_enclave_go_one_after_another_and_can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    object_id first = submit(fixture, enclave, "hang"), second = submit(fixture, enclave, "print");
    object_id other = create(fixture, "two");
    object_id elsewhere = submit(fixture, other, "print");
    struct engine_waiter *waiter;
    sem_t done;
    sem_init(&done, 0, 0);
    waiter = engine_wait(fixture->engine, OBJECT_RUN, elsewhere, on_done, &done);
    sem_wait(&done);
    engine_wait_release(waiter);
    assert_run(fixture->engine, second, RUN_PENDING);
    assert_int_equal(run_cancel(fixture->engine, first, NULL), 0);
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, first, RUN_CANCELLED);
    assert_run(fixture->engine, second, RUN_SUCCEEDED);
    assert_int_equal(run_cancel(fixture->engine, first, NULL), -1);
}

static void test_destroying_ends_a_run_and_takes_its_containers(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    submit(fixture, enclave, "start hang");
    while (service_find(fixture->engine, enclave, "web") == 0)
        sched_yield();
    assert_int_equal(enclave_destroy(fixture->engine, enclave, NULL), 0);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 0);
}

static void test_a_restart_says_that_a_run_was_interrupted(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    object_id run = submit(fixture, enclave, "start hang");
    struct run_facts *facts;
    for (bool executing = false; !executing; run_facts_unref(facts)) {
        facts = run_get(fixture->engine, run);
        executing = facts->status == RUN_EXECUTING;
    }
    engine_free(fixture->engine);
    start(fixture);
    wait_quiet(fixture->engine);
    enclave = enclave_find(fixture->engine, "one");
    run = run_find(fixture->engine, enclave, 1);
    assert_run(fixture->engine, run, RUN_FAILED);
    cleanup(enclave_facts_unref) struct enclave_facts *now = enclave_get(fixture->engine, enclave);
    assert_non_null(strstr(now->error, "interrupted"));
}

static void test_a_service_keeps_address_and_ports_when_replaced(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    object_id web = service_find(fixture->engine, enclave, "web");
    cleanup(service_facts_unref) struct service_facts *before = service_get(fixture->engine, web);
    assert_int_equal(before->status, SERVICE_STATUS_RUNNING);
    assert_string_equal(before->address, "10.0.0.2");
    assert_true(before->ports[0].host_port >= 20000);
    submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    cleanup(service_facts_unref) struct service_facts *after = service_get(fixture->engine, web);
    assert_string_equal(after->uuid, before->uuid);
    assert_string_equal(after->address, before->address);
    assert_int_equal(after->ports[0].host_port, before->ports[0].host_port);
    assert_int_equal(fake_objects(fixture->world), 2);
}

static void test_a_taken_host_port_is_changed_for_another(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    fake_fail(fixture->world, FAKE_SERVICE_START, EADDRINUSE, 2);
    object_id run = submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_SUCCEEDED);
    assert_int_equal(fake_calls(fixture->world, FAKE_SERVICE_START), 3);
    assert_int_equal(fake_objects(fixture->world), 2);
}

static void test_a_service_that_cannot_be_replaced_is_restored(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    fake_fail(fixture->world, FAKE_SERVICE_START, EINVAL, 1);
    object_id run = submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_FAILED);
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(fixture->engine, service_find(fixture->engine, enclave, "web"));
    assert_non_null(facts);
    assert_int_equal(facts->status, SERVICE_STATUS_RUNNING);
    assert_int_equal(fake_objects(fixture->world), 2);
}

static void test_a_service_that_cannot_start_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    fake_fail(fixture->world, FAKE_SERVICE_START, EINVAL, 1);
    submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    assert_int_equal(service_find(fixture->engine, enclave, "web"), 0);
    assert_int_equal(fake_objects(fixture->world), 1);
}

static void test_a_configuration_becomes_a_script(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one"), run = 0;
    static const char json[] =
        "{\"image\": {\"image\": \"web\"}, \"ports\": {\"http\": {\"number\": 80}}, "
        "\"env_vars\": {\"A\": \"\\n\"}, \"user\": null}";
    assert_int_equal(
        service_configure(fixture->engine, enclave, "web", json, sizeof json - 1, 0, &run, NULL),
        0);
    wait_quiet(fixture->engine);
    assert_file(
        fixture->engine, run, RUN_FILE_SCRIPT,
        "def run(plan):\n    plan.add_service(name = \"web\", config = ServiceConfig(**{\"image\": "
        "ImageSpec(**{\"image\": \"web\", }), \"ports\": {\"http\": PortSpec(**{\"number\": 80, "
        "}), }, "
        "\"env_vars\": {\"A\": \"\\n\", }, }))\n");
    struct error *err = NULL;
    assert_int_equal(service_configure(fixture->engine, enclave, "web", "[]", 2, 0, &run, &err),
                     -1);
    assert_int_equal(error_code(err), EINVAL);
    error_free(err);
}

static void assert_service(struct engine *engine, object_id enclave, const char *name,
                           enum service_status status, const char *config)
{
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(engine, service_find(engine, enclave, name));
    assert_non_null(facts);
    assert_int_equal(facts->status, status);
    if (config)
        assert_string_equal(facts->config, config);
}

/* Made with mkdir, it is there and has no container, until a configuration has been applied. */
static void test_a_draft_becomes_a_service(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one"), web, other, run;
    static const char json[] = "{\"image\": \"web\", \"ports\": {\"http\": {\"number\": 80}}}";
    static const char wrong[] = "{\"image\": \"bad\"}";
    assert_int_equal(service_create(fixture->engine, enclave, "web", &web, NULL), 0);
    assert_int_equal(service_create(fixture->engine, enclave, "web", &other, NULL), -1);
    assert_int_equal(service_create(fixture->engine, enclave, "We", &other, NULL), -1);
    assert_int_equal(service_set_status(fixture->engine, web, "RUNNING", NULL), -1);
    wait_quiet(fixture->engine);
    assert_int_equal(fake_objects(fixture->world), 1);
    struct error *err = NULL;
    assert_int_equal(
        service_configure(fixture->engine, enclave, "web", wrong, sizeof wrong - 1, 0, &run, &err),
        -1);
    assert_int_equal(error_code(err), EINVAL);
    error_free(err);
    assert_service(fixture->engine, enclave, "web", SERVICE_STATUS_NEW, NULL);

    fake_fail(fixture->world, FAKE_SERVICE_START, EINVAL, 1);
    assert_int_equal(
        service_configure(fixture->engine, enclave, "web", json, sizeof json - 1, 0, &run, NULL),
        0);
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_FAILED);
    assert_service(fixture->engine, enclave, "web", SERVICE_STATUS_NEW, json);
    assert_int_equal(fake_objects(fixture->world), 1);

    assert_int_equal(
        service_configure(fixture->engine, enclave, "web", json, sizeof json - 1, 0, &run, NULL),
        0);
    wait_quiet(fixture->engine);
    assert_run(fixture->engine, run, RUN_SUCCEEDED);
    assert_service(fixture->engine, enclave, "web", SERVICE_STATUS_RUNNING, NULL);
    assert_int_equal(service_find(fixture->engine, enclave, "web"), web);
}

/* A restart shows drafts as they were; one whose container has started meanwhile is none. */
static void test_drafts_outlive_the_engine(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one"), id;
    assert_int_equal(service_create(fixture->engine, enclave, "kept", &id, NULL), 0);
    cleanup(service_facts_unref) struct service_facts *before = service_get(fixture->engine, id);
    assert_int_equal(service_create(fixture->engine, enclave, "removed", &id, NULL), 0);
    assert_int_equal(service_remove(fixture->engine, id, NULL), 0);
    wait_quiet(fixture->engine);
    for (int i = 0; i < 2; i++) {
        restart(fixture);
        enclave = enclave_find(fixture->engine, "one");
        cleanup(service_facts_unref) struct service_facts *after =
            service_get(fixture->engine, service_find(fixture->engine, enclave, "kept"));
        assert_non_null(after);
        assert_int_equal(after->status, SERVICE_STATUS_NEW);
        assert_string_equal(after->uuid, before->uuid);
        assert_string_equal(after->config, before->config);
        assert_int_equal(after->created, before->created);
        assert_int_equal(service_find(fixture->engine, enclave, "removed"), 0);
    }
}

static void test_every_change_is_an_event(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    submit(fixture, enclave, "start");
    wait_quiet(fixture->engine);
    static const char *const expected[] = {
        "\"event\": \"added\", \"kind\": \"enclave\", \"enclave\": \"one\", \"name\": \"one\"",
        "\"event\": \"status\", \"kind\": \"service\", \"enclave\": \"one\", \"name\": \"web\", "
        "\"status\": \"RUNNING\"",
        "\"event\": \"status\", \"kind\": \"run\", \"enclave\": \"one\", \"name\": \"1\", "
        "\"status\": \"SUCCEEDED\"",
    };
    for (object_id scope = 0; scope <= enclave; scope += enclave) {
        char text[16384] = "";
        cleanup(close) int fd = engine_open_events(fixture->engine, scope, NULL);
        assert_true(read(fd, text, sizeof text - 1) > 0);
        for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
            if (!strstr(text, expected[i]))
                fail_msg("%s is not in %s", expected[i], text);
    }
}

static void on_artifact(void *context, const char *uuid, const char *name)
{
    assert_int_equal(strlen(uuid), UUID_LENGTH);
    assert_string_equal(name, "config");
    ++*(int *)context;
}

static void test_what_is_put_into_files_is_an_artifact(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    int count = 0;
    cleanup(close) int dir = enclave_open_artifacts(fixture->engine, enclave, NULL);
    assert_int_equal(mkdirat(dir, "config", 0755), 0);
    enclave_artifact_changed(fixture->engine, enclave, "config");
    assert_int_equal(enclave_artifacts(fixture->engine, enclave, on_artifact, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(artifact_name_check("a/b", NULL), -1);
    assert_int_equal(artifact_name_check("..", NULL), -1);
}

struct recorded {
    char path[200]; /* of the run's record */
    int shown;      /* how often a status was shown */
    int behind;     /* and how often the record did not have one by then */
};

static void on_shown(void *context, const struct engine_change *change)
{
    struct recorded *recorded = context;
    cleanup(buf_done) struct buf record = BUF_INIT(BUF_MAX_TEXT);
    if (change->kind != OBJECT_RUN || change->change != CHANGE_MODIFIED ||
        !(change->aspects & ASPECT_BIT(ASPECT_STATUS)))
        return;
    recorded->shown++;
    if (file_read(AT_FDCWD, recorded->path, &record, NULL) < 0 || strstr(record.data, "PENDING"))
        recorded->behind++;
}

/* What was shown is so after kill -9: an executing run is not begun anew. */
static void test_a_status_is_recorded_before_it_is_shown(void **state)
{
    struct fixture *fixture = *state;
    object_id enclave = create(fixture, "one");
    cleanup(enclave_facts_unref) struct enclave_facts *facts =
        enclave_get(fixture->engine, enclave);
    struct recorded recorded = {0};
    snprintf(recorded.path, sizeof recorded.path, "%s/enclaves/%s/runs/1/run.json",
             fixture->state_dir, facts->uuid);
    engine_set_change_sink(fixture->engine, on_shown, &recorded);
    submit(fixture, enclave, "print");
    wait_quiet(fixture->engine);
    engine_set_change_sink(fixture->engine, NULL, NULL);
    assert_true(recorded.shown > 0);
    assert_int_equal(recorded.behind, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(test_a_run_leaves_its_texts),
        ENGINE_TEST(test_a_status_is_recorded_before_it_is_shown),
        ENGINE_TEST(test_what_does_not_parse_is_a_failed_run),
        ENGINE_TEST(test_what_is_empty_is_no_run),
        ENGINE_TEST(test_a_failure_is_told_in_the_run_and_in_the_enclave),
        ENGINE_TEST(test_runs_of_an_enclave_go_one_after_another_and_can_be_cancelled),
        ENGINE_TEST(test_destroying_ends_a_run_and_takes_its_containers),
        ENGINE_TEST(test_a_restart_says_that_a_run_was_interrupted),
        ENGINE_TEST(test_a_service_keeps_address_and_ports_when_replaced),
        ENGINE_TEST(test_a_taken_host_port_is_changed_for_another),
        ENGINE_TEST(test_a_service_that_cannot_be_replaced_is_restored),
        ENGINE_TEST(test_a_service_that_cannot_start_leaves_nothing),
        ENGINE_TEST(test_a_configuration_becomes_a_script),
        ENGINE_TEST(test_a_draft_becomes_a_service),
        ENGINE_TEST(test_drafts_outlive_the_engine),
        ENGINE_TEST(test_every_change_is_an_event),
        ENGINE_TEST(test_what_is_put_into_files_is_an_artifact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
