/*
 * What operations cost in requests to the Docker engine, counted: the whole engine with its real
 * plans and its real client, against an engine that answers from a script. A request more is a
 * round trip more for everybody, so a change of these numbers is a decision.
 */
#include "tests/unit/engine/engine_fixture.h"

#include "backend/docker/docker.h"
#include "tests/unit/docker/fake_engine.h"

enum {
    CONTAINERS_MAX = 20
};

struct bed {
    char state_dir[64];
    struct fake_engine *docker;
    struct engine *engine;
    object_id enclave;
    size_t seen; /* of the requests' text */
    struct buf created[CONTAINERS_MAX];
};

/* ---- the scripted engine ---- */

static void gives(struct bed *bed, const char *request, const char *body)
{
    fake_engine_answer(bed->docker, &(struct fake_answer){.request = request, .body = body});
}

/* Each container that is created has an id of its own. */
static void gives_containers(struct bed *bed)
{
    for (int i = 0; i < CONTAINERS_MAX; i++) {
        bed->created[i] = BUF_INIT(64);
        buf_printf(&bed->created[i], "{\"Id\":\"id%d\"}", i);
        fake_engine_answer(bed->docker, &(struct fake_answer){.request = "POST /containers/create",
                                                              .times = 1,
                                                              .status = 201,
                                                              .body = bed->created[i].data});
    }
}

static void write_script(struct bed *bed)
{
    fake_engine_answer(bed->docker, &(struct fake_answer){.request = "GET /events", .hold = true});
    gives(bed, "GET /info", "{\"NCPU\":2,\"MemTotal\":8000000000,\"ServerVersion\":\"20\"}");
    gives(bed, "GET /containers/json", "[]");
    gives(bed, "GET /networks", "[]");
    gives(bed, "GET /volumes", "{\"Volumes\":null}");
    gives(bed, "GET /images/", "{\"Id\":\"sha256:1\",\"Architecture\":\"amd64\"}");
    gives(bed, "POST /networks/create", "{\"Id\":\"n1\"}");
    gives_containers(bed);
    gives(bed, "POST /containers/id0/exec", "{\"Id\":\"e1\"}");
    gives(bed, "POST /containers/", "");
    fake_engine_answer(bed->docker, &(struct fake_answer){.request = "POST /exec/e1/start",
                                                          .raw = true,
                                                          .body = "HTTP/1.1 101 UPGRADED\r\n\r\n"});
    gives(bed, "GET /exec/e1/json", "{\"Running\":false,\"ExitCode\":0}");
}

/* ---- counting ---- */

/* How many requests there are, but for pings, which tell only that somebody lives; kind: only those
 * of this method whose path has this in it, as in "POST /start"; NULL: all. */
static unsigned count(const char *requests, const char *kind)
{
    unsigned found = 0;
    for (const char *at = requests; (at = strstr(at, " HTTP/1.1\r\n")); at++) {
        const char *begin = at;
        while (begin > requests && begin[-1] != '\n' && begin[-1] != '}')
            begin--;
        cleanup(free) char *line = strndup(begin, (size_t)(at - begin));
        size_t method = kind ? strcspn(kind, " ") + 1 : 0;
        found += kind ? strncmp(line, kind, method) == 0 && strstr(line, kind + method) != NULL
                      : strstr(line, "/_ping") == NULL;
    }
    return found;
}

struct cost {
    const char *kind;
    unsigned times;
};

static void forget_cost(struct bed *bed)
{
    wait_quiet(bed->engine);
    cleanup(free) char *requests = fake_engine_requests(bed->docker);
    bed->seen = strlen(requests);
}

/* Waits until nothing goes on, then compares what was asked since the last time with the list,
 * which ends with a NULL: exactly these. */
static void must_have_cost(struct bed *bed, const char *what, const struct cost *costs)
{
    wait_quiet(bed->engine);
    cleanup(free) char *requests = fake_engine_requests(bed->docker);
    const char *since = requests + bed->seen;
    unsigned sum = 0;
    for (; costs->kind; sum += costs++->times)
        if (count(since, costs->kind) != costs->times)
            fail_msg("%s: %u times %s, not %u, in:\n%s", what, count(since, costs->kind),
                     costs->kind, costs->times, since);
    if (count(since, NULL) != sum)
        fail_msg("%s: %u requests, not %u:\n%s", what, count(since, NULL), sum, since);
    bed->seen = strlen(requests);
}

#define MUST_COST(bed, what, ...) \
    must_have_cost(bed, what, (const struct cost[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* ---- the bed ---- */

static void bed_start(struct bed *bed)
{
    const struct docker_options docker = {.host = fake_engine_host(bed->docker),
                                          .instance = "test"};
    const struct engine_options options = {.state_dir = bed->state_dir,
                                           .instance = "test",
                                           .interpreter = KFS_INTERPRETER,
                                           .log_bytes_max = 16 << 10};
    struct error *err = NULL;
    bed->engine = engine_new(&options, docker_new(&docker, &err), &err);
    if (!bed->engine)
        fail_msg("%s", error_message(err));
}

static int bed_setup(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    log_set_output(-1, -1);
    snprintf(bed->state_dir, sizeof bed->state_dir, "/tmp/kfs-requests-XXXXXX");
    if (!mkdtemp(bed->state_dir))
        return -1;
    bed->docker = fake_engine_new();
    write_script(bed);
    bed_start(bed);
    MUST_COST(bed, "start", {"GET /events", 1}, {"GET /info", 1}, {"GET /containers/json", 1},
              {"GET /networks", 1}, {"GET /volumes", 1});
    assert_int_equal(enclave_create(bed->engine, "one", 1000, 1000, &bed->enclave, NULL), 0);
    MUST_COST(bed, "mkdir", {"POST /networks/create", 1});
    *state = bed;
    return 0;
}

static int bed_teardown(void **state)
{
    struct bed *bed = *state;
    engine_free(bed->engine);
    fake_engine_free(bed->docker);
    file_remove_tree(AT_FDCWD, bed->state_dir, NULL);
    for (int i = 0; i < CONTAINERS_MAX; i++)
        buf_done(&bed->created[i]);
    free(bed);
    return 0;
}

/* Runs the script by writing it; it must succeed. */
static void run(struct bed *bed, const char *script)
{
    object_id id;
    struct error *err = NULL;
    cleanup(close) int dir = enclave_open_plan(bed->engine, bed->enclave, NULL);
    assert_int_equal(file_write(dir, "x.star", script, strlen(script), NULL), 0);
    if (enclave_plan_written(bed->engine, bed->enclave, "x.star", 1000, &id, &err) < 0)
        fail_msg("%s", error_message(err));
    wait_quiet(bed->engine);
    cleanup(run_facts_unref) struct run_facts *facts = run_get(bed->engine, id);
    cleanup(enclave_facts_unref) struct enclave_facts *enclave =
        enclave_get(bed->engine, bed->enclave);
    if (facts->status != RUN_SUCCEEDED)
        fail_msg("%s", enclave->error);
}

#define CONFIG "ServiceConfig(image='web', ports={'http': PortSpec(80, wait=None)})"
static const char together[] = "def run(plan):\n"
                               "    plan.add_services({'s%d' % i: " CONFIG " for i in range(5)})\n";
static const char one_by_one[] = "def run(plan):\n"
                                 "    for i in range(5):\n"
                                 "        plan.add_service('s%d' % i, " CONFIG ")\n";

/* ---- the tests ---- */

/* Two requests for each service, one for each image, none besides. */
static void test_a_plan_costs_what_its_containers_cost(void **state)
{
    struct bed *bed = *state;
    run(bed, together);
    MUST_COST(bed, "run", {"POST /containers/create", 5}, {"POST /start", 5},
              {"GET /images/web/json", 1});
    run(bed, together);
    MUST_COST(bed, "run again: all skipped");
}

static void test_so_it_does_one_by_one(void **state)
{
    struct bed *bed = *state;
    run(bed, one_by_one);
    MUST_COST(bed, "run", {"POST /containers/create", 5}, {"POST /start", 5},
              {"GET /images/web/json", 1});
    run(bed, one_by_one);
    MUST_COST(bed, "run again: all skipped");
    run(bed, "def run(plan):\n"
             "    for i in range(4):\n"
             "        plan.add_service('s%d' % i, " CONFIG ")\n"
             "    plan.add_service('s4', ServiceConfig(image='web', cmd=['x']))\n");
    /* The look is for its log, which outlives it. */
    MUST_COST(bed, "one service replaced", {"GET /images/web/json", 1}, {"GET /containers/id", 1},
              {"POST /stop", 1}, {"POST /containers/create", 1}, {"POST /start", 1},
              {"DELETE /containers/id", 1});
}

static void test_a_service_changes_its_state_by_one_request(void **state)
{
    struct bed *bed = *state;
    run(bed, together);
    object_id id = service_find(bed->engine, bed->enclave, "s0");
    forget_cost(bed);
    static const char *const words[] = {"STOPPED", "RUNNING"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        assert_int_equal(service_set_status(bed->engine, id, words[i], NULL), 0);
        MUST_COST(bed, words[i], {i == 0 ? "POST /stop" : "POST /start", 1});
    }
    assert_int_equal(service_set_status(bed->engine, id, "RESTART", NULL), 0);
    MUST_COST(bed, "RESTART", {"POST /stop", 1}, {"POST /start", 1});
    assert_int_equal(enclave_set_status(bed->engine, bed->enclave, "STOPPED", NULL), 0);
    MUST_COST(bed, "the enclave's STOPPED", {"POST /stop", 5});
    assert_int_equal(service_remove(bed->engine, id, NULL), 0);
    MUST_COST(bed, "rmdir of a service", {"DELETE /containers/", 1});
}

static void on_grown(void *context)
{
    sem_post(context);
}

static void test_a_command_costs_three(void **state)
{
    struct bed *bed = *state;
    run(bed, "def run(plan):\n    plan.add_service('s0', " CONFIG ")\n");
    MUST_COST(bed, "run", {"POST /containers/create", 1}, {"POST /start", 1}, {"GET /images/", 1});
    char *const argv[] = {(char *)"true", NULL};
    char output[64];
    sem_t grown;
    sem_init(&grown, 0, 0);
    struct service_exec *exec =
        service_exec_start(bed->engine, service_find(bed->engine, bed->enclave, "s0"), argv, false,
                           on_grown, &grown, NULL);
    assert_non_null(exec);
    while (service_exec_read(exec, output, sizeof output) >= 0)
        sem_wait(&grown);
    service_exec_free(exec);
    sem_destroy(&grown);
    MUST_COST(bed, "exec", {"POST /id0/exec", 1}, {"POST /exec/e1/start", 1},
              {"GET /exec/e1/json", 1});
}

/* What anybody may look at all day long is answered from the model. */
static void test_looking_costs_nothing(void **state)
{
    struct bed *bed = *state;
    run(bed, together);
    forget_cost(bed);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    struct service_facts **services;
    struct run_facts **runs;
    size_t count = service_list(bed->engine, bed->enclave, &services);
    assert_int_equal(count, 5);
    while (count > 0)
        service_facts_unref(services[--count]);
    free(services);
    count = run_list(bed->engine, bed->enclave, &runs);
    assert_int_equal(count, 1);
    run_facts_unref(runs[0]);
    free(runs);
    cleanup(enclave_facts_unref) struct enclave_facts *enclave =
        enclave_get(bed->engine, bed->enclave);
    assert_int_equal(enclave->status, ENCLAVE_RUNNING);
    engine_put_metrics(bed->engine, &text);
    MUST_COST(bed, "looking");
}

/* One for each container, one for the network; and a listing of this enclave alone, so that what
 * others hold costs it nothing. */
static void test_an_enclave_goes_with_its_objects(void **state)
{
    struct bed *bed = *state;
    run(bed, together);
    forget_cost(bed);
    cleanup(enclave_facts_unref) struct enclave_facts *enclave =
        enclave_get(bed->engine, bed->enclave);
    cleanup(buf_done) struct buf containers = BUF_INIT(4096), networks = BUF_INIT(4096);
    for (int i = 0; i < 5; i++)
        buf_printf(&containers,
                   "%s{\"Id\":\"id%d\",\"Labels\":{\"dev.kfs.instance\":\"test\","
                   "\"dev.kfs.enclave\":\"%s\"}}",
                   i ? "," : "[", i, enclave->uuid);
    buf_printf(&networks,
               "[{\"Id\":\"n1\",\"Name\":\"n\",\"Labels\":{\"dev.kfs.instance\":\"test\","
               "\"dev.kfs.enclave\":\"%s\"}}]",
               enclave->uuid);
    buf_putc(&containers, ']');
    fake_engine_forget(bed->docker);
    gives(bed, "GET /containers/json", containers.data);
    gives(bed, "GET /networks", networks.data);
    gives(bed, "GET /volumes", "{\"Volumes\":null}");
    gives(bed, "DELETE /", "");
    assert_int_equal(enclave_destroy(bed->engine, bed->enclave, NULL), 0);
    MUST_COST(bed, "rm -r",
              {"GET /containers/json?all=1&filters=%7B%22label%22%3A%5B%22dev.kfs."
               "instance%3Dtest%22%2C%22dev.kfs.enclave%3D",
               1},
              {"GET /networks?filters=", 1}, {"GET /volumes?filters=", 1},
              {"DELETE /containers/id", 5}, {"DELETE /networks/n1", 1});
}

#define REQUESTS_TEST(function) cmocka_unit_test_setup_teardown(function, bed_setup, bed_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUESTS_TEST(test_a_plan_costs_what_its_containers_cost),
        REQUESTS_TEST(test_so_it_does_one_by_one),
        REQUESTS_TEST(test_a_service_changes_its_state_by_one_request),
        REQUESTS_TEST(test_a_command_costs_three),
        REQUESTS_TEST(test_looking_costs_nothing),
        REQUESTS_TEST(test_an_enclave_goes_with_its_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
