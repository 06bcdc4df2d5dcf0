/* Making and removing objects where the engine is in the way: names taken, endpoints left, removals
 * under way; and commands and pulls whose streams go wrong. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/fixture.h"

#include <string.h>

#define OURS "\"Labels\":{\"dev.kfs.instance\":\"test\",\"k\":\"v\"}"

static void gives(const char *request, int status, const char *body)
{
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = request, .status = status, .body = body});
}

static void gives_once(const char *request, int status, const char *body)
{
    fake_engine_answer(fake, &(struct fake_answer){
                                 .request = request, .times = 1, .status = status, .body = body});
}

/* How often text was in the requests so far. */
static unsigned asked(const char *text)
{
    char *requests = fake_engine_requests(fake);
    unsigned count = 0;
    for (const char *at = requests; (at = strstr(at, text)); at += strlen(text))
        count++;
    free(requests);
    return count;
}

static const struct label test_labels[] = {{"k", "v"}};
static const struct labels labels = {.items = test_labels, .count = 1};

/* ---- names that are taken ---- */

static void test_service_of_that_name_is_adopted(void **state)
{
    (void)state;
    const struct service_spec spec = {.name = "a", .image = "i", .labels = labels};
    char *id = NULL;
    gives("POST /containers/create", 409, "{\"message\":\"name is already in use\"}");
    gives("GET /containers/json", 0,
          "[{\"Id\":\"wrong\",\"Names\":[\"/ab\"]," OURS "},"
          "{\"Id\":\"right\",\"Names\":[\"/a\"]," OURS "}]");
    OK(client->service_create(client, &spec, NULL, &id, &err));
    assert_string_equal(id, "right");
    free(id);
    fake_engine_forget(fake);
    gives("POST /containers/create", 409, "{\"message\":\"name is already in use\"}");
    gives("GET /containers/json", 0,
          "[{\"Id\":\"theirs\",\"Names\":[\"/a\"],\"Labels\":{\"k\":\"v\"}}]");
    FAILS(client->service_create(client, &spec, NULL, &id, &err), EEXIST, "someone else's");
    assert_null(id);
}

static void test_network_of_that_name_is_adopted(void **state)
{
    (void)state;
    const struct network_spec spec = {.name = "n", .labels = labels};
    struct network network;
    gives("POST /networks/create", 409, "{\"message\":\"network with name n already exists\"}");
    gives("GET /networks", 0,
          "[{\"Id\":\"wrong\",\"Name\":\"nn\"," OURS "},{\"Id\":\"right\",\"Name\":\"n\"," OURS
          ",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.64.0.0/22\",\"Gateway\":\"10.64.0.1\"}]}}]");
    OK(client->network_create(client, &spec, NULL, &network, &err));
    assert_string_equal(network.id, "right");
    assert_string_equal(network.gateway, "10.64.0.1");
    network_done(&network);
    fake_engine_forget(fake);
    gives("POST /networks/create", 409, "{\"message\":\"network with name n already exists\"}");
    gives("GET /networks", 0, "[{\"Id\":\"x\",\"Name\":\"n\",\"Labels\":{}}]");
    FAILS(client->network_create(client, &spec, NULL, &network, &err), EEXIST, "someone else's");
}

/* Every subnet overlaps with one that no list shows: it gives up, and says what is full. */
static void test_network_without_any_subnet(void **state)
{
    (void)state;
    const struct network_spec spec = {.name = "n"};
    struct network network;
    gives("POST /networks/create", 403, "{\"message\":\"Pool overlaps with other one\"}");
    gives("GET /networks", 0, "[]");
    FAILS(client->network_create(client, &spec, NULL, &network, &err), ENOSPC, "overlaps");
    assert_int_equal(asked("GET /v1.41/networks "), 1);
}

/* ---- removals ---- */

static void test_network_with_endpoints_is_detached(void **state)
{
    (void)state;
    gives_once("GET /networks/n1", 0, "{\"Id\":\"n1\"," OURS "}");
    gives("GET /networks/n1", 0,
          "{\"Containers\":{\"c1\":{\"Name\":\"one\"},\"ep-5\":{\"Name\":\"gone\"}}}");
    gives_once("DELETE /networks/n1", 403, "{\"message\":\"network n has active endpoints\"}");
    gives("DELETE /networks/n1", 204, "");
    gives_once("POST /networks/n1/disconnect", 500, "{\"message\":\"is not connected\"}");
    gives("POST /networks/n1/disconnect", 0, "");
    OK(client->network_remove(client, "n1", NULL, &err));
    assert_int_equal(asked("\"Container\":\"c1\""), 1);
    assert_int_equal(asked("\"Container\":\"gone\""), 1);
    assert_int_equal(asked("\"Force\":true"), 2);
}

static void test_network_that_stays_in_use(void **state)
{
    (void)state;
    gives("GET /networks/n1", 0, "{\"Id\":\"n1\"," OURS ",\"Containers\":{}}");
    gives("DELETE /networks/n1", 403, "{\"message\":\"network n has active endpoints\"}");
    FAILS(client->network_remove(client, "n1", NULL, &err), EBUSY, "active endpoints");
    assert_int_equal(asked("DELETE /v1.41/networks/n1"), 4);
}

static void test_what_is_not_there_is_removed(void **state)
{
    (void)state;
    gives("GET /containers/json", 0, "[]");
    gives("GET /networks/n1", 404, "{\"message\":\"network n1 not found\"}");
    gives("GET /volumes/v1", 404, "{\"message\":\"get v1: no such volume\"}");
    OK(client->service_remove(client, "c1", NULL, &err));
    OK(client->network_remove(client, "n1", NULL, &err));
    OK(client->volume_remove(client, "v1", NULL, &err));
    assert_int_equal(asked("DELETE"), 0);
}

static void test_what_is_not_ours_is_left(void **state)
{
    (void)state;
    gives("GET /containers/json", 0, "[{\"Id\":\"c1\",\"Labels\":{\"dev.kfs.instance\":\"o\"}}]");
    gives("GET /networks/n1", 0, "{\"Id\":\"n1\",\"Labels\":null}");
    gives("GET /volumes/v1", 0, "{\"Name\":\"v1\",\"Labels\":null}");
    FAILS(client->service_remove(client, "c1", NULL, &err), EPERM, "left alone");
    FAILS(client->service_stop(client, "c1", 0, NULL, &err), EPERM, "left alone");
    FAILS(client->network_remove(client, "n1", NULL, &err), EPERM, "left alone");
    FAILS(client->volume_remove(client, "v1", NULL, &err), EPERM, "left alone");
    assert_int_equal(asked("DELETE") + asked("POST"), 0);
}

static const char in_progress[] =
    "{\"message\":\"removal of container c1 is already in progress\"}";

static void test_removal_under_way_is_waited_for(void **state)
{
    (void)state;
    gives("GET /containers/json", 0, "[{\"Id\":\"c1\"," OURS "}]");
    gives_once("DELETE /containers/c1", 409, in_progress);
    gives("DELETE /containers/c1", 404, "{\"message\":\"No such container: c1\"}");
    gives("POST /containers/c1/wait?condition=removed", 0, "{\"StatusCode\":0}");
    OK(client->service_remove(client, "c1", NULL, &err));
    assert_int_equal(asked("/wait?"), 1);
}

static void test_removal_whose_end_is_never_told_ends(void **state)
{
    (void)state;
    gives("GET /containers/json", 0, "[{\"Id\":\"c1\"," OURS "}]");
    gives_once("DELETE /containers/c1", 409, in_progress);
    gives("DELETE /containers/c1", 404, "{\"message\":\"No such container: c1\"}");
    fake_engine_answer(fake,
                       &(struct fake_answer){.request = "POST /containers/c1/wait", .hold = true});
    OK(client->service_remove(client, "c1", NULL, &err));
    assert_int_equal(asked("DELETE "), 2);
}

static void test_volume_of_someone_else(void **state)
{
    (void)state;
    gives("POST /volumes/create", 201, "{\"Name\":\"v\",\"Labels\":{\"k\":\"v\"}}");
    FAILS(client->volume_create(client, "v", labels, NULL, &err), EEXIST, "someone else's");
}

/* ---- commands ---- */

static int keep_output(void *context, enum stream stream, const void *bytes, size_t length)
{
    (void)stream;
    buf_append(context, bytes, length);
    return 0;
}

static int run(struct buf *output, int *ret_code, struct error **err)
{
    char *const argv[] = {(char *)"true", NULL};
    const struct exec_spec spec = {.service_id = "c1", .argv = argv};
    return client->exec_run(client, &spec, keep_output, output, NULL, ret_code, err);
}

static void command_answers(const char *output, size_t length, const char *inspect)
{
    fake_engine_forget(fake);
    gives("GET /containers/json", 0, "[{\"Id\":\"c1\"," OURS "}]");
    gives("POST /containers/c1/exec", 201, "{\"Id\":\"e1\"}");
    gives("GET /exec/e1/json", 0, inspect);
    fake_engine_answer(
        fake, &(struct fake_answer){
                  .request = "POST /exec/e1/start", .body = output, .length = length, .piece = 3});
}

static void test_command(void **state)
{
    (void)state;
    static const char good[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\4 err";
    static const char missing[] =
        "\1\0\0\0\0\0\0\x4fOCI runtime exec failed: exec: \"x\": executable "
        "file not found in $PATH: unknown";
    static const char ended[] = "{\"Running\":false,\"ExitCode\":126}";
    struct buf output = BUF_INIT(1000);
    int code = -1;
    command_answers(good, sizeof good - 1, "{\"Running\":false,\"ExitCode\":3}");
    OK(run(&output, &code, &err));
    assert_string_equal(output.data, "out err");
    assert_int_equal(code, 3);
    command_answers(missing, sizeof missing - 1, ended);
    OK(run(&output, &code, &err));
    assert_int_equal(code, 127);
    command_answers(good, sizeof good - 1, ended);
    OK(run(&output, &code, &err));
    assert_int_equal(code, 126);
    buf_done(&output);
}

static void test_command_whose_output_goes_wrong(void **state)
{
    (void)state;
    static const char ended[] = "{\"Running\":false,\"ExitCode\":0}";
    struct buf output = BUF_INIT(1000);
    int code = -1;
    command_answers("\1\0\0\0\0\0\0\5ou", 10, ended);
    FAILS(run(&output, &code, &err), EIO, "cut off");
    command_answers("plain text", 10, ended);
    FAILS(run(&output, &code, &err), EIO, "framing");
    buf_done(&output);
}

static void test_command_in_a_service_that_does_not_run(void **state)
{
    (void)state;
    struct buf output = BUF_INIT(1000);
    int code = -1;
    gives("GET /containers/json", 0, "[{\"Id\":\"c1\"," OURS "}]");
    gives("POST /containers/c1/exec", 409, "{\"message\":\"Container c1 is not running\"}");
    FAILS(run(&output, &code, &err), EBUSY, "not running");
}

/* ---- images ---- */

static void progress_keep(void *context, const struct image_progress *progress)
{
    buf_printf(context, "%s %s %llu/%llu;", progress->id, progress->status,
               (unsigned long long)progress->current, (unsigned long long)progress->total);
}

static void test_pull_progress_and_failure(void **state)
{
    (void)state;
    struct buf told = BUF_INIT(10000);
    fake_engine_answer(fake,
                       &(struct fake_answer){
                           .request = "POST /images/create?fromImage=r.io%2Fa&tag=latest",
                           .piece = 11,
                           .body = "{\"status\":\"Pulling from a\"}\r\n"
                                   "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,"
                                   "\"total\":9},\"id\":\"l1\"}\r\n"});
    OK(client->image_pull(client, "r.io/a", NULL, progress_keep, &told, NULL, &err));
    assert_string_equal(told.data, " Pulling from a 0/0;l1 Downloading 5/9;");
    buf_done(&told);
    fake_engine_forget(fake);
    gives("POST /images/create?fromImage=a&tag=sha256%3A00", 0,
          "{\"status\":\"x\"}\n{\"errorDetail\":{\"message\":\"unexpected EOF\"},"
          "\"error\":\"unexpected EOF\"}\n");
    FAILS(client->image_pull(client, "a:1@sha256:00", NULL, NULL, NULL, NULL, &err), EIO,
          "unexpected EOF");
    gives("POST /images/create?fromImage=r%3A1%2Fb&tag=2", 0, "{\"error\":\"unauthorized: no\"}");
    FAILS(client->image_pull(client, "r:1/b:2", NULL, NULL, NULL, NULL, &err), EACCES,
          "docker login r:1");
    gives("POST /images/create?fromImage=c", 0, "garbage\n");
    FAILS(client->image_pull(client, "c", NULL, NULL, NULL, NULL, &err), EIO, "not valid JSON");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_service_of_that_name_is_adopted),
        CASE(test_network_of_that_name_is_adopted),
        CASE(test_network_without_any_subnet),
        CASE(test_network_with_endpoints_is_detached),
        CASE(test_network_that_stays_in_use),
        CASE(test_what_is_not_there_is_removed),
        CASE(test_what_is_not_ours_is_left),
        CASE(test_removal_under_way_is_waited_for),
        CASE(test_removal_whose_end_is_never_told_ends),
        CASE(test_volume_of_someone_else),
        CASE(test_command),
        CASE(test_command_whose_output_goes_wrong),
        CASE(test_command_in_a_service_that_does_not_run),
        CASE(test_pull_progress_and_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
