/* Whole runs: scripts through the confined interpreter, validation and execution, against an engine
 * without containers. */
#include "tests/unit/plan/unit.h"

#include "backend/base/clock.h"
#include "tests/unit/plan/fake_effects.h"
#include "tests/unit/plan/fake_run.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- helpers ---- */

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("do not want %s in: %s", part, text);
}

/* ---- the first slice ---- */

static void postgres_of_the_documentation_runs(void **state)
{
    struct fake *fake = *state;
    must_run(fake,
             "def run(plan, args):\n"
             "    postgres = plan.add_service(\n"
             "        service_name = \"postgres\",\n"
             "        config = ServiceConfig(\n"
             "            image = \"postgres:15.2-alpine\",\n"
             "            ports = {\n"
             "                \"postgresql\": PortSpec(5432, application_protocol = \"postgresql\","
             " wait = None),\n"
             "            },\n"
             "            env_vars = {\n"
             "                \"POSTGRES_PASSWORD\": \"password\",\n"
             "            },\n"
             "        ),\n"
             "    )\n",
             NULL);
    assert_string_equal(fake->calls.data, "image postgres:15.2-alpine\nstart postgres\n");
    assert_has(fake->output.data,
               "\nAdding service with name 'postgres' and image 'postgres:15.2-alpine'\n"
               "Service 'postgres' added with service UUID '");
    assert_has(fake->output.data, "\nStarlark code successfully run. No output was returned.\n");
    assert_has(fake->plan.data, "\"instruction\": \"add_service\"");
    assert_has(fake->plan.data, "\"line\": 2");
    assert_string_equal(fake->result.data, "null\n");
    json_t *config = json_object_get(json_object_get(fake->services, "postgres"), "config");
    char *text = json_dumps(config, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"env_vars\":{\"POSTGRES_PASSWORD\":\"password\"},\"image\":"
                              "\"postgres:15.2-alpine\",\"ports\":{\"postgresql\":{"
                              "\"application_protocol\":\"postgresql\",\"number\":5432,\"wait\":"
                              "null}}}");
    free(text);
}

static void values_flow_from_instruction_to_instruction(void **state)
{
    struct fake *fake = *state;
    must_run(fake,
             "def run(plan):\n"
             "    a = plan.add_service('a', ServiceConfig(image='i'))\n"
             "    b = plan.add_service('b', ServiceConfig(image='i', cmd=['--peer', a.hostname],\n"
             "        env_vars={'A': 'http://' + a.ip_address + ':80'}))\n"
             "    r = plan.exec('a', ExecRecipe(command=['echo', a.ip_address, b.name],\n"
             "        extract={'first': 'split(\" \")[0]'}))\n"
             "    plan.print(r['output'])\n"
             "    plan.print([1, 'x', r['code']])\n"
             "    plan.verify(r['code'], '==', 0)\n"
             "    plan.verify(r['extract.first'], 'IN', ['127.0.0.1'])\n"
             "    return {'out': r['output'], 'code': r['code'], 'ip': a.ip_address}\n",
             NULL);
    assert_has(fake->output.data, "Command returned with exit code '0' and the following output:\n"
                                  "--------------------\n127.0.0.1 b\n--------------------\n");
    assert_has(fake->output.data, "\nPrinting a message\n127.0.0.1 b\n");
    assert_has(fake->output.data, "[1, \"x\", \"0\"]");
    assert_has(fake->output.data, "Verification succeeded. Value is '0'.");
    assert_has(fake->result.data, "\"out\": \"127.0.0.1 b\\n\"");
    json_t *b = json_object_get(json_object_get(fake->services, "b"), "config");
    assert_string_equal(json_string_value(json_object_get(json_object_get(b, "env_vars"), "A")),
                        "http://127.0.0.1:80");
    assert_string_equal(json_string_value(json_array_get(json_object_get(b, "cmd"), 1)), "a");
}

static void services_are_added_together(void **state)
{
    struct fake *fake = *state;
    fake->start_takes = 50 * CLOCK_MILLISECOND;
    must_run(fake,
             "def run(plan):\n"
             "    s = plan.add_services({'s%d' % i: ServiceConfig(image='i') for i in range(6)})\n"
             "    plan.print(s['s3'].name + ' ' + s['s3'].hostname)\n"
             "    plan.remove_service('s5')\n",
             NULL);
    assert_int_equal(fake->most_starting, 4);
    assert_has(fake->output.data, "Adding '6' services with names 's0,s1,s2,s3,s4,s5'\n"
                                  "Successfully added the following '6' services:\n"
                                  "  Service 's0' added with UUID '");
    assert_has(fake->output.data, "s3 s3\n");
    assert_has(fake->output.data, "\nRemoving service 's5'\nService 's5' with service UUID '");
    assert_int_equal(json_object_size(fake->services), 5);
}

static void failed_batch_is_taken_back(void **state)
{
    struct fake *fake = *state;
    fake->bad_service = "s1";
    must_fail(fake,
              "def run(plan):\n"
              "    plan.add_services({'s%d' % i: ServiceConfig(image='i') for i in range(3)})\n",
              EIO, "Service 's1': the container of s1 cannot be started");
    assert_int_equal(json_object_size(fake->services), 0);
    assert_has(fake->output.data, "The entire batch was rolled back");
}

/* In their order, and after a failure no more. */
static void batch_ends_with_its_first_failure(void **state)
{
    struct fake *fake = *state;
    struct error *err = NULL;
    fake->bad_service = "s3";
    struct plan_request request = fake_request(
        "def run(plan):\n"
        "    plan.add_services({'s%d' % i: ServiceConfig(image='i') for i in range(6)})\n",
        NULL);
    request.parallelism = 1;
    assert_int_equal(plan_run(&request, &fake_effects, fake, &err), -1);
    assert_has(fake->calls.data, "image i\nstart s0\nstart s1\nstart s2\nremove ");
    assert_lacks(fake->calls.data, "start s4");
    error_free(err);
}

static void arguments_reach_the_script(void **state)
{
    struct fake *fake = *state;
    must_run(fake,
             "def run(plan, count, name='x', **rest):\n"
             "    plan.print('%s %s %s' % (type(count), name, rest))\n",
             "{\"count\": 3.0, \"name\": \"n\", \"more\": [1.5, null]}");
    assert_has(fake->output.data, "int n {\"more\": [1.5, None]}\n");
    must_run(fake, "def run(plan, args):\n    plan.print(args.a.b)\n",
             "{\"_kurtosis_parser\": \"struct\", \"a\": {\"b\": 8}}");
    assert_has(fake->output.data, "\n8\n");
    must_run(fake, "def run():\n    return 5\n", NULL);
    assert_string_equal(fake->result.data, "5\n");
}

/* ---- what is wrong is told, with where ---- */

static void errors_of_scripts_say_where(void **state)
{
    struct fake *fake = *state;
    must_fail(fake, "def run(plan)\n    pass\n", EINVAL, "app.star:2:1: ");
    must_fail(fake, "def run(plan):\n    a\n    b\n", EINVAL, "app.star:3:5: undefined: b");
    must_fail(fake, "def run(plan):\n    helper()\ndef helper():\n    {}['k']\n", EINVAL,
              "Evaluation error: key \"k\" not in dict\n\tat [app.star:2:11]: run\n"
              "\tat [app.star:4:7]: helper");
    must_fail(fake, "def go(plan): pass\n", EINVAL, "No 'run' function found in the script");
    must_fail(fake, "def run(p): pass\n", EINVAL, "to be called 'plan' got 'p'");
    must_fail(fake, "def run(plan, x): pass\n", EINVAL, "missing 1 argument (x)");
    must_fail(fake, "def run(plan):\n    print(1)\n", EINVAL, "plan.print");
    must_fail(fake, "def run(plan):\n    time.now()\n", EINVAL, "plan.run_python");
    must_fail(fake,
              "def run(plan):\n    plan.assert(value='1', assertion='==', target_value='1')\n",
              EINVAL, "plan.verify");
    must_fail(fake, "load('x', 'y')\n", EINVAL, "import_module");
    must_fail(fake, "x = import_module('./x.star')\n", EINVAL, "standalone script");
    must_fail(fake, "def run(plan):\n    fail('no', 1)\n", EINVAL, "fail: no 1");
    assert_string_equal(fake->calls.data, "");
}

static void errors_of_arguments_are_told_together(void **state)
{
    struct fake *fake = *state;
    must_fail(fake, "def run(plan):\n    plan.add_service(name=1, config=2)\n", EINVAL,
              "Cannot construct 'add_service' from the provided arguments.\n"
              "\tCaused by: The 'name' argument must be a string, but it is of type 'int'\n"
              "\tCaused by: The 'config' argument must be ServiceConfig, but it is of type 'int'\n"
              "\tat [app.star:2:21]: run");
    must_fail(fake, "def run(plan):\n    PortSpec(nummber=1)\n", EINVAL,
              "unexpected keyword argument \"nummber\" (did you mean number?)");
    must_fail(fake, "def run(plan):\n    plan.exec('a')\n", EINVAL, "missing argument for recipe");
    must_fail(fake, "def run(plan):\n    ServiceConfig(image='a', privileged=True)\n", EINVAL,
              "--privileged");
    must_fail(fake, "def run(plan):\n    plan.print('a', description='')\n", EINVAL,
              "'description' argument");
    must_fail(fake, "def run(plan):\n    plan.verify('a', '===', 'b')\n", EINVAL,
              "'assertion' argument is '==='");
    must_fail(fake, "def run(plan):\n    plan.get_service('nobody')\n", EINVAL,
              "fetching service 'nobody'");
}

/* What scripts for older versions say is answered with what to say now. */
static void old_spellings_are_answered_with_the_present_ones(void **state)
{
    static const char *const cases[][2] = {
        {"plan.add_service(service_id='a', config=1)", "\"service_id\" (did you mean name?)"},
        {"plan.exec(service_id='a', recipe=1)", "\"service_id\" (did you mean service_name?)"},
        {"ExecRecipe(service_name='a', command=['b'])", "an argument of plan.exec"},
        {"ServiceConfig(image='a', subnetwork='b')", "no subnetworks any more"},
        {"ServiceConfig(container_image_name='a')", "did you mean image?"},
        {"plan.upload_files('./a', artifact_name='b')", "did you mean name?"},
        {"plan.add_service('a', struct(image='b'))", "must be ServiceConfig, but it is of type "
                                                     "'struct'"},
        {"plan.read_file('a')", "call read_file(src=...)"},
        {"plan.update_service('a', config=1)", "call plan.add_service again"},
        {"ServiceConfig(image='a', env_vars={'B': 1})",
         "The 'env_vars[\"B\"]' argument must be a string, but it is of type 'int'"},
        {"ServiceConfig(image='a', cmd=['b', None])",
         "The 'cmd[1]' argument must be a string, but it is of type 'NoneType'"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        cleanup(buf_done) struct buf script = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&script, "def run(plan):\n    %s\n", cases[i][0]);
        must_fail(*state, script.data, EINVAL, cases[i][1]);
    }
}

static void all_faults_of_a_plan_are_told_together(void **state)
{
    struct fake *fake = *state;
    must_fail(fake,
              "def run(plan):\n"
              "    plan.add_service('Web', ServiceConfig(image='i'))\n"
              "    plan.add_service('a', ServiceConfig(image='i', files={'/x': 'nothing'}))\n"
              "    plan.add_service('a', ServiceConfig(image='i', min_cpu=100000))\n"
              "    plan.exec('b', ExecRecipe(command=['true']))\n"
              "    plan.remove_service('c')\n",
              EINVAL, "There was an error validating Starlark code");
    assert_has(fake->output.data, "Service name 'Web' is not valid");
    assert_has(fake->output.data, "The instruction can be found at [app.star:2:21]");
    assert_has(fake->output.data, "needs the files artifact 'nothing'");
    assert_has(fake->output.data, "services with the same name isn't allowed");
    assert_has(fake->output.data, "requires 100000 millicores");
    assert_has(fake->output.data, "exec for service 'b' which doesn't exist");
    assert_has(fake->output.data, "for service 'c' which doesn't exist");
    assert_string_equal(fake->calls.data, "");
}

static void missing_image_stops_before_anything_is_touched(void **state)
{
    struct fake *fake = *state;
    fake->bad_image = "nosuch";
    must_fail(fake,
              "def run(plan):\n    plan.add_service('a', ServiceConfig(image='ok'))\n"
              "    plan.add_service('b', ServiceConfig(image='nosuch'))\n",
              EINVAL, "The image 'nosuch' of the instruction at [app.star:3:21] cannot be had");
    assert_int_equal(json_object_size(fake->services), 0);
}

static void failed_instruction_says_what_and_where(void **state)
{
    struct fake *fake = *state;
    must_fail(fake,
              "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n"
              "    plan.exec('a', ExecRecipe(command=['sh', '-c', 'echo no; exit 3']))\n"
              "    plan.print('never')\n",
              EIO,
              "An error occurred executing instruction (number 2) at [app.star:3:14]:\n"
              "exec(service_name=\"a\", recipe=ExecRecipe(command=[\"sh\", \"-c\", \"echo no; exit "
              "3\"]))\n\tCaused by: Exec returned exit code '3' that is not part of the acceptable "
              "status codes '[0]', with output:\n  no");
    assert_lacks(fake->output.data, "never");
    assert_has(fake->output.data, "Error encountered running Starlark code.\n");
    assert_int_equal(json_object_size(fake->services), 1);
}

static void service_that_ends_stops_the_wait_with_its_logs(void **state)
{
    struct fake *fake = *state;
    int64_t begun = clock_monotonic();
    fake->dead_service = "a";
    must_fail(fake,
              "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i', "
              "ports={'http': PortSpec(1)}))\n",
              EIO, "service 'a' has ended with exit code 7\n== SERVICE 'a' LOGS ");
    assert_has(fake->output.data, "the last words of a\n== FINISHED SERVICE 'a' LOGS ");
    assert_true(clock_monotonic() - begun < 10 * CLOCK_SECOND);
}

static void service_that_ends_at_once_fails_its_instruction(void **state)
{
    struct fake *fake = *state;
    const char *script = "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n";
    fake->dead_service = "a";
    must_fail(fake, script, EIO,
              "executing instruction (number 1) at [app.star:2:21]:\nadd_service(name=\"a\", "
              "config=ServiceConfig(image=\"i\"))\n\tCaused by: service 'a' ended with exit code "
              "7 as soon as it was started\n== SERVICE 'a' LOGS ");
    fake->dead_service = NULL;
    must_run(fake, script, NULL);
    assert_string_equal(fake->calls.data, "image i\nreplace a\n");
    must_run(fake, script, NULL);
    assert_string_equal(fake->calls.data, "");
}

static void batch_is_taken_back_when_one_ends_at_once(void **state)
{
    struct fake *fake = *state;
    fake->dead_service = "b";
    must_fail(fake,
              "def run(plan):\n    plan.add_services({n: ServiceConfig(image='i') for n in "
              "['a', 'b', 'c']})\n",
              EIO, "Service 'b': service 'b' ended with exit code 7 as soon as it was started");
    assert_int_equal(json_object_size(fake->services), 0);
}

static void dry_run_touches_nothing(void **state)
{
    struct fake *fake = *state;
    struct plan_request request = fake_request(
        "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n    return 1\n",
        NULL);
    request.dry_run = true;
    assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
    assert_string_equal(fake->calls.data, "image i\n");
    assert_has(fake->output.data, "\nAdding service with name 'a' and image 'i'\n\nStarlark code "
                                  "successfully run in dry-run mode. Output was:\n1\n");
    assert_null(fake->applied);
}

/* ---- again ---- */

static const char two_services[] = "def run(plan, b='i'):\n"
                                   "    a = plan.add_service('a', ServiceConfig(image='i'))\n"
                                   "    plan.add_service('b', ServiceConfig(image=b))\n"
                                   "    r = plan.exec('a', ExecRecipe(command=['echo', 'hi']))\n"
                                   "    plan.exec('b', ExecRecipe(command=['echo', 'ho']))\n"
                                   "    plan.print(r['output'])\n"
                                   "    return r['output']\n";

static void second_run_skips_all(void **state)
{
    struct fake *fake = *state;
    must_run(fake, two_services, NULL);
    must_run(fake, two_services, NULL);
    assert_string_equal(fake->calls.data, "");
    assert_lacks(fake->output.data, "Container images");
    const char *at = fake->output.data;
    unsigned skipped = 0;
    while ((at = strstr(at, "SKIPPED - This instruction has already been run in this enclave\n"))) {
        at++;
        skipped++;
    }
    assert_int_equal(skipped, 5);
    assert_string_equal(fake->result.data, "\"hi\\n\"\n");
}

static void changed_service_alone_is_replaced(void **state)
{
    struct fake *fake = *state;
    must_run(fake, two_services, NULL);
    must_run(fake, two_services, "{\"b\": \"j\"}");
    assert_string_equal(fake->calls.data, "image j\nreplace b\nexec b echo\n");
    must_run(fake, two_services, "{\"b\": \"j\"}");
    assert_string_equal(fake->calls.data, "");
    must_run(fake, two_services, NULL);
    assert_string_equal(fake->calls.data, "image i\nreplace b\nexec b echo\n");
}

static void lost_service_is_made_again(void **state)
{
    struct fake *fake = *state;
    must_run(fake, two_services, NULL);
    json_object_del(fake->services, "a");
    must_run(fake, two_services, NULL);
    assert_string_equal(fake->calls.data, "image i\nstart a\nexec a echo\n");
}

/* Tasks that work on one artifact in turn: as long as nothing changes none is done again; when one
 * is, those behind it are, and those before it whose content it needs. */
static void tasks_that_remake_an_artifact_are_skipped(void **state)
{
    struct fake *fake = *state;
    static const char script[] =
        "def task(plan, text, files = {}):\n"
        "    return plan.run_sh(run='echo ' + text, image='i', files=files,\n"
        "                       store=[StoreSpec(src='/d', name='d')]).files_artifacts[0]\n"
        "def run(plan, a='1', b='2', c='3', reader=False):\n"
        "    d = task(plan, a)\n"
        "    if reader:\n"
        "        plan.run_sh(run='echo read', image='i', files={'/d': d})\n"
        "    task(plan, b, {'/d': d})\n"
        "    task(plan, c)\n";
    static const struct {
        const char *arguments;
        unsigned skipped;
    } runs[] = {
        {NULL, 0},
        {NULL, 3},
        {"{\"c\": \"4\"}", 2}, /* what is before it is as it was */
        {"{\"c\": \"4\"}", 3},
        {"{\"b\": \"5\", \"c\": \"4\"}", 0}, /* it needs what the first one made */
        {"{\"b\": \"5\", \"c\": \"4\"}", 3},
        {"{\"b\": \"5\", \"c\": \"4\", \"reader\": true}", 0},
        {"{\"b\": \"5\", \"c\": \"4\", \"reader\": true}", 4},
        {"{\"a\": \"6\", \"b\": \"5\", \"c\": \"4\", \"reader\": true}", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(runs); i++) {
        must_run(fake, script, runs[i].arguments);
        unsigned skipped = 0;
        for (const char *at = fake->output.data; (at = strstr(at, "SKIPPED - ")); at++)
            skipped++;
        if (skipped != runs[i].skipped)
            fail_msg("run %zu skipped %u: %s", i, skipped, fake->output.data);
    }
    must_run(fake, "def run(plan):\n    pass\n", NULL);
}

static void added_line_alone_runs(void **state)
{
    struct fake *fake = *state;
    cleanup(free) char *more = NULL;
    must_run(fake, two_services, NULL);
    assert_true(asprintf(&more, "%.*s    plan.add_service('c', ServiceConfig(image='i'))\n",
                         (int)(strstr(two_services, "    return") - two_services),
                         two_services) > 0);
    must_run(fake, more, NULL);
    assert_string_equal(fake->calls.data, "image i\nstart c\n");
}

static void removed_service_stays_removed(void **state)
{
    struct fake *fake = *state;
    const char *script = "def run(plan):\n"
                         "    plan.add_service('a', ServiceConfig(image='i'))\n"
                         "    plan.exec('a', ExecRecipe(command=['true']))\n"
                         "    plan.remove_service('a')\n";
    must_run(fake, script, NULL);
    must_run(fake, script, NULL);
    assert_string_equal(fake->calls.data, "");
    must_run(fake, "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n", NULL);
    assert_string_equal(fake->calls.data, "image i\nstart a\n");
    must_run(fake, script, NULL);
    assert_int_equal(json_object_size(fake->services), 0);
}

static void failed_instruction_is_done_again(void **state)
{
    struct fake *fake = *state;
    fake->bad_service = "b";
    must_fail(fake, two_services, EIO, "the container of b cannot be started");
    fake->bad_service = NULL;
    must_run(fake, two_services, NULL);
    assert_string_equal(fake->calls.data, "image i\nstart b\nexec a echo\nexec b echo\n");
}

static void what_a_failed_run_did_not_reach_is_done_by_the_next(void **state)
{
    struct fake *fake = *state;
    static const char *const scripts[] = {
        "def run(plan):\n"
        "    plan.add_service('a', ServiceConfig(image='i'))\n"
        "    plan.exec('a', ExecRecipe(command=['echo']))\n",
        "def run(plan):\n"
        "    plan.add_service('a', ServiceConfig(image='j'))\n"
        "    plan.verify('1', '==', '2')\n"
        "    plan.exec('a', ExecRecipe(command=['echo']))\n",
        "def run(plan):\n"
        "    plan.add_service('a', ServiceConfig(image='j'))\n"
        "    plan.exec('a', ExecRecipe(command=['echo']))\n",
    };
    must_run(fake, scripts[0], NULL);
    must_fail(fake, scripts[1], EIO, "Verification failed '1' '==' '2'");
    assert_string_equal(fake->calls.data, "image j\nreplace a\n");
    must_run(fake, scripts[2], NULL);
    assert_string_equal(fake->calls.data, "exec a echo\n");
}

static void switches_are_done_when_they_are_due(void **state)
{
    struct fake *fake = *state;
    const char *life = "def run(plan):\n"
                       "    plan.add_service('a', ServiceConfig(image='i'))\n"
                       "    plan.stop_service('a')\n"
                       "    plan.start_service('a')\n";
    const char *stop = "def run(plan):\n    plan.stop_service('a')\n";
    must_run(fake, life, NULL);
    must_run(fake, life, NULL);
    assert_string_equal(fake->calls.data, "");
    must_run(fake, stop, NULL);
    must_run(fake, stop, NULL);
    assert_string_equal(fake->calls.data, "stop a\n");
    must_run(fake, life, NULL);
    assert_string_equal(fake->calls.data, "restart a\n");
}

/* ---- ahead of their turn ---- */

static void containers_are_prepared_when_all_is_known(void **state)
{
    struct fake *fake = *state;
    fake->await_prepared = "b"; /* the start of a waits for it */
    must_run(fake,
             "def run(plan):\n"
             "    a = plan.add_service('a', ServiceConfig(image='i', env_vars={'A': '1'}))\n"
             "    plan.add_service('b', ServiceConfig(image='i', cmd=['x']))\n"
             "    r = plan.exec('b', ExecRecipe(['echo']))\n"
             "    plan.add_service('c', ServiceConfig(image='i', cmd=[r['output']]))\n",
             NULL);
    const char *name;
    json_t *config;
    json_object_foreach(fake->prepared, name, config)
    {
        json_t *started = json_object_get(json_object_get(fake->services, name), "config");
        assert_true(json_equal(config, started));
    }
}

/* ---- stopping ---- */

static void cancel_stops_a_run(void **state)
{
    struct fake *fake = *state;
    struct error *err = NULL;
    struct cancel *cancel = cancel_new(NULL);
    fake->slow_service = "b";
    fake->cancel_at_start = cancel;
    struct plan_request request = fake_request(two_services, NULL);
    request.cancel = cancel;
    int64_t begun = clock_monotonic();
    assert_int_equal(plan_run(&request, &fake_effects, fake, &err), -1);
    assert_int_equal(error_code(err), ECANCELED);
    assert_true(clock_monotonic() - begun < CLOCK_SECOND);
    error_free(err);
    cancel_unref(cancel);
}

/* Those that wait for their turn to be started never get it. */
static void cancel_stops_a_batch(void **state)
{
    struct fake *fake = *state;
    fake->start_takes = 3600 * CLOCK_SECOND;
    for (unsigned parallel = 0; parallel < 2; parallel++) {
        struct error *err = NULL;
        struct cancel *cancel = fake->cancel_at_start = cancel_new(NULL);
        struct plan_request request = fake_request(
            parallel ? "def run(plan):\n"
                       "    for i in range(6):\n"
                       "        plan.add_service('s%d' % i, ServiceConfig(image='i'))\n"
                     : "def run(plan):\n"
                       "    plan.add_services({'s%d' % i: ServiceConfig(image='i') for i in "
                       "range(6)})\n",
            NULL);
        request.cancel = cancel;
        request.parallel = parallel;
        request.parallelism = 2;
        int64_t begun = clock_monotonic();
        assert_int_equal(plan_run(&request, &fake_effects, fake, &err), -1);
        assert_int_equal(error_code(err), ECANCELED);
        assert_true(clock_monotonic() - begun < CLOCK_SECOND);
        assert_int_equal(json_object_size(fake->services), 0);
        error_free(err);
        cancel_unref(cancel);
    }
}

static void old_names_of_fields_are_warned_of(void **state)
{
    struct fake *fake = *state;
    must_run(
        fake,
        "def run(plan):\n"
        "    plan.add_service('a', ServiceConfig('x', cpu_allocation = 5))\n"
        "    plan.add_services({'b': ServiceConfig('x', memory_allocation = 6, max_cpu = 1)})\n",
        NULL);
    assert_has(fake->output.data,
               "\n\nWARNING: [app.star:2:21]: 'cpu_allocation' of ServiceConfig is deprecated "
               "since 2023-06-25; use 'max_cpu'\n"
               "WARNING: [app.star:3:22]: 'memory_allocation' of ServiceConfig is deprecated "
               "since 2023-06-25; use 'max_memory'\n"
               "\nStarlark code successfully run.");
}

/* ---- by data ---- */

static void parallel_runs_by_data_and_shows_in_order(void **state)
{
    struct fake *fake = *state;
    fake->start_takes = 50 * CLOCK_MILLISECOND;
    struct plan_request request =
        fake_request("def run(plan):\n"
                     "    for i in range(4):\n"
                     "        plan.add_service('s%d' % i, ServiceConfig(image='i'))\n"
                     "    plan.add_service('t', ServiceConfig(image='i', cmd=['wait for s3']))\n"
                     "    for i in range(4):\n"
                     "        plan.exec('s%d' % i, ExecRecipe(command=['echo', str(i)]))\n",
                     NULL);
    request.parallel = true;
    request.parallelism = 4;
    assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
    assert_int_equal(fake->most_starting, 4);
    assert_true(strstr(fake->calls.data, "start t") > strstr(fake->calls.data, "start s3"));
    const char *at = fake->output.data;
    for (int i = 0; i < 4; i++) {
        char want[64];
        snprintf(want, sizeof want, "Adding service with name 's%d'", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    at = strstr(at, "name 't'");
    assert_non_null(at);
    assert_non_null(strstr(at, "Executing command on service 's0'"));
}

/* A service that listens at this port of 127.0.0.1 is up when `b` has been started. */
static int socket_of_b(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    fake->opens_with = "b";
    fake->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->socket, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fake->socket, (struct sockaddr *)&address, &length);
    return ntohs(address.sin_port);
}

static void who_waits_for_a_port_keeps_nobody_from_starting(void **state)
{
    struct fake *fake = *state;
    static const char *const scripts[] = {
        "def run(plan, port):\n"
        "    plan.add_services({\n"
        "        'a': ServiceConfig(image='i', ports={'p': PortSpec(port, wait='5s')}),\n"
        "        'b': ServiceConfig(image='i')})\n",
        "def run(plan, port):\n"
        "    plan.add_service('a', ServiceConfig(image='i', ports={'p': PortSpec(port, "
        "wait='5s')}))\n"
        "    plan.add_service('b', ServiceConfig(image='i'))\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "{\"port\": %d}", socket_of_b(fake));
        struct plan_request request = fake_request(scripts[i], arguments);
        request.parallel = i == 1;
        request.parallelism = 1;
        assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
        assert_int_equal(fake->most_starting, 1);
        close(fake->socket);
        fake_done(fake);
        fake_init(fake);
    }
}

/* ---- checking only ---- */

static void check_gives_all_static_errors(void **state)
{
    (void)state;
    struct error *err = NULL;
    const char *good = "x = ServiceConfig\ndef run(plan):\n    pass\n";
    const char *bad = "def run(plan):\n    a\n    b()\n";
    assert_int_equal(plan_check(KFS_INTERPRETER, "app.star", good, strlen(good), NULL), 0);
    assert_int_equal(plan_check(KFS_INTERPRETER, "app.star", bad, strlen(bad), &err), -1);
    assert_int_equal(error_code(err), EINVAL);
    assert_string_equal(error_message(err),
                        "app.star:2:5: undefined: a\napp.star:3:5: undefined: b");
    error_free(err);
}

static void plan_is_described(void **state)
{
    (void)state;
    struct buf json = BUF_INIT(BUF_MAX_DOCUMENT);
    struct plan_request request = fake_request(
        "def run(plan):\n    plan.print('x', description='d')\n    plan.get_cluster_type()\n",
        NULL);
    assert_int_equal(plan_describe(&request, NULL, &json, NULL), 0);
    json_t *list = json_loads(json.data, 0, NULL);
    assert_int_equal(json_array_size(list), 2);
    char *text = json_dumps(json_array_get(list, 0), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"arguments\":{\"msg\":\"x\"},\"description\":\"d\","
                              "\"instruction\":\"print\",\"position\":{\"column\":15,\"file\":"
                              "\"app.star\",\"line\":2}}");
    free(text);
    json_decref(list);
    buf_done(&json);
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(postgres_of_the_documentation_runs),
        RUN_TEST(values_flow_from_instruction_to_instruction),
        RUN_TEST(services_are_added_together),
        RUN_TEST(failed_batch_is_taken_back),
        RUN_TEST(batch_ends_with_its_first_failure),
        RUN_TEST(arguments_reach_the_script),
        RUN_TEST(errors_of_scripts_say_where),
        RUN_TEST(errors_of_arguments_are_told_together),
        RUN_TEST(old_spellings_are_answered_with_the_present_ones),
        RUN_TEST(all_faults_of_a_plan_are_told_together),
        RUN_TEST(missing_image_stops_before_anything_is_touched),
        RUN_TEST(failed_instruction_says_what_and_where),
        RUN_TEST(service_that_ends_stops_the_wait_with_its_logs),
        RUN_TEST(service_that_ends_at_once_fails_its_instruction),
        RUN_TEST(batch_is_taken_back_when_one_ends_at_once),
        RUN_TEST(dry_run_touches_nothing),
        RUN_TEST(second_run_skips_all),
        RUN_TEST(changed_service_alone_is_replaced),
        RUN_TEST(lost_service_is_made_again),
        RUN_TEST(tasks_that_remake_an_artifact_are_skipped),
        RUN_TEST(added_line_alone_runs),
        RUN_TEST(removed_service_stays_removed),
        RUN_TEST(failed_instruction_is_done_again),
        RUN_TEST(what_a_failed_run_did_not_reach_is_done_by_the_next),
        RUN_TEST(switches_are_done_when_they_are_due),
        RUN_TEST(containers_are_prepared_when_all_is_known),
        RUN_TEST(cancel_stops_a_run),
        RUN_TEST(cancel_stops_a_batch),
        RUN_TEST(old_names_of_fields_are_warned_of),
        RUN_TEST(parallel_runs_by_data_and_shows_in_order),
        RUN_TEST(who_waits_for_a_port_keeps_nobody_from_starting),
        RUN_TEST(check_gives_all_static_errors),
        RUN_TEST(plan_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
