/* Instructions beyond the first: tasks, files, requests, waits, and the life of services. */
#include "tests/unit/plan/unit.h"

#include "backend/base/clock.h"
#include "tests/unit/plan/fake_effects.h"
#include "tests/unit/plan/fake_run.h"
#include "tests/unit/plan/http_server.h"
#include "tests/unit/plan/package_dir.h"

#include <stdio.h>
#include <string.h>

/* A run without arguments. */
static void must_do(struct fake *fake, const char *script)
{
    must_run(fake, script, NULL);
}

static const char *artifact_file(const struct fake *fake, const char *artifact, const char *path)
{
    json_t *files = json_object_get(json_object_get(fake->artifacts, artifact), "files");
    const char *text = json_string_value(json_object_get(files, path));
    return text ? text : "(none)";
}

/* ---- assertions on what is known at interpretation ---- */

static void assertions_fail_where_they_stand(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    assert.eq([1, {'a': 2}], [1, {'a': 2}])\n"
                  "    assert.ne(1, '1')\n"
                  "    assert.lt('a', 'b')\n"
                  "    assert.contains({'k': 1}, 'k')\n"
                  "    assert.contains('haystack', 'st')\n"
                  "    assert.true(len('x') == 1)\n"
                  "    assert.fails(lambda: fail('no such port'), 'such p.rt$')\n"
                  "    assert.fails(lambda: 1 // 0)\n");
    must_fail(fake, "def run(plan):\n    assert.eq([1], [2])\n", EINVAL, "assert.eq: [1] != [2]");
    must_fail(fake, "def run(plan):\n    assert.eq(1, 2)\n", EINVAL, ":2:14]: run");
    must_fail(fake, "def run(plan):\n    assert.ne('a', 'a')\n", EINVAL, "\"a\" == \"a\"");
    must_fail(fake, "def run(plan):\n    assert.lt(2, 2)\n", EINVAL, "2 is not less than 2");
    must_fail(fake, "def run(plan):\n    assert.lt(2, 'a')\n", EINVAL, "int < string");
    must_fail(fake, "def run(plan):\n    assert.contains([1], 2)\n", EINVAL,
              "[1] does not contain 2");
    must_fail(fake, "def run(plan):\n    assert.true([], 'none left')\n", EINVAL, "none left");
    must_fail(fake, "def run(plan):\n    assert.fail('here')\n", EINVAL, "assert.fail: here");
    must_fail(fake, "def run(plan):\n    assert.fails(lambda: 1)\n", EINVAL, "did not fail");
    must_fail(fake, "def run(plan):\n    assert.fails(lambda: fail('a'), 'b')\n", EINVAL,
              "does not match 'b'");
    must_fail(fake, "def run(plan):\n    assert.fails(lambda: fail('a'), '(')\n", EINVAL,
              "no regular expression");
}

/* ---- tasks ---- */

static void shell_tasks_run(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    r = plan.run_sh(run='echo \"$((1+2))\" \\'q\\'; exit 0', image='i',\n"
                  "        store=['/tmp/a', StoreSpec(src='/tmp/b', name='b')])\n"
                  "    plan.print(r.output)\n"
                  "    plan.verify(r.code, '==', 0)\n"
                  "    plan.print(r.files_artifacts)\n"
                  "    plan.run_sh(run='exit 7', acceptable_codes=[7], image='i')\n");
    assert_has(fake->output.data, "Running sh script: `echo \"$((1+2))\" 'q'; exit 0`\n"
                                  "Command returned with exit code '0' and the following output:\n"
                                  "--------------------\n3 q\n--------------------\n");
    assert_has(fake->output.data, "Command returned with exit code '7' with no output");
    assert_int_equal(json_object_size(fake->services), 0);
    assert_int_equal(json_object_size(fake->artifacts), 2);
    assert_non_null(json_object_get(fake->artifacts, "b"));
    must_fail(fake, "def run(plan):\n    plan.run_sh(run='echo why; exit 1', image='i')\n", EIO,
              "Run sh returned exit code '1' that is not part of the acceptable status codes");
    assert_int_equal(json_object_size(fake->services), 0);
    must_fail(fake, "def run(plan):\n    plan.run_sh(run='sleep 60', image='i', wait='200ms')\n",
              EIO, "The exec request timed out after 0.2 seconds");
    must_fail(fake, "def run(plan):\n    plan.run_sh('echo hi')\n", EINVAL,
              "missing argument for run");
    must_fail(fake, "def run(plan):\n    plan.run_sh(run='a', store=['/a', '/a'])\n", EINVAL,
              "stored twice");
    must_fail(fake, "def run(plan):\n    plan.run_sh(run='a', files={'/a': 'none'})\n", EINVAL,
              "needs the files artifact 'none'");
}

static void long_scripts_run(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    plan.run_sh(run='x=1\\n' * 60000 + 'echo done', image='i')\n");
    assert_has(fake->output.data, "following output:\n--------------------\ndone\n");
    remove("/tmp/kfs-task-script");
}

static void python_tasks_run(void **state)
{
    struct fake *fake = *state;
    must_do(fake,
            "def run(plan):\n"
            "    a = plan.run_sh(run='printf 5', image='i')\n"
            "    r = plan.run_python(run='import sys\\nprint(\"$HOME `x`\", sys.argv[1:])\\n'\n"
            "        + 'print(\"' + a.output + '\")', args=['a b', a.output], image='p')\n"
            "    return r.output\n");
    assert_string_equal(fake->result.data, "\"$HOME `x` ['a b', '5']\\n5\\n\"\n");
    assert_has(fake->calls.data, "image p\n");
}

/* ---- files ---- */

static void templates_are_rendered(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    o = plan.run_sh(run='printf \\'a\"b\\\\n\\'', image='i')\n"
                  "    n = plan.render_templates(name='cfg', config={\n"
                  "        'etc/app.conf': struct(template='{{.N}} {{range .L}}<{{.}}>{{end}}',\n"
                  "            data={'N': 5, 'L': ['x', o.output]}),\n"
                  "        '/b': struct(template='{{.Big}}',\n"
                  "            data=struct(Big=123456789012345678901))})\n"
                  "    plan.add_service('a', ServiceConfig(image='i', files={'/etc': n}))\n"
                  "    m = plan.render_templates({'x': struct(template='y', data={})})\n"
                  "    plan.print(m)\n");
    assert_string_equal(artifact_file(fake, "cfg", "etc/app.conf"), "5 <x><a\"b\n>");
    assert_string_equal(artifact_file(fake, "cfg", "b"), "123456789012345678901");
    assert_has(fake->output.data, "Templates artifact name 'cfg' rendered with artifact UUID '");
    json_t *config = json_object_get(json_object_get(fake->services, "a"), "config");
    char *text = json_dumps(json_object_get(config, "files"), JSON_COMPACT);
    assert_string_equal(text, "{\"/etc\":{\"artifact_names\":[\"cfg\"]}}");
    free(text);
    must_fail(fake,
              "def run(plan):\n    plan.render_templates({'../x': struct(template='', data=1)})\n",
              EINVAL, "does not name a file inside");
    must_fail(fake, "def run(plan):\n    plan.render_templates({'x': {'template': ''}})\n", EINVAL,
              "struct(template=");
    must_fail(fake,
              "def run(plan):\n"
              "    plan.render_templates({'x': struct(template='{{', data={})})\n",
              EINVAL, "template: x:1");
    /* All of one call together, and where it stands. */
    const char *wrong =
        "def run(plan):\n    plan.render_templates({'p': struct(template='{{add 1 2}}', data=1),\n"
        "        'q': struct(template='a\\n{{if .}}', data=1)})\n";
    must_fail(fake, wrong, EINVAL, "template: p:1: function \"add\" not defined");
    must_fail(fake, wrong, EINVAL, "template: q:2: unexpected EOF");
    must_fail(fake, wrong, EINVAL, ":2:26]: run");
    must_fail(fake,
              "def run(plan):\n    plan.render_templates({'x': struct(template='', data=1)}, 'n')\n"
              "    plan.render_templates({'y': struct(template='', data=1)}, 'n')\n",
              EINVAL, "already a files artifact with name 'n'");
}

static const char mounting[] =
    "def run(plan, text='1'):\n"
    "    n = plan.render_templates({'x': struct(template='{{.t}}', data={'t': text})}, 'n')\n"
    "    plan.add_service('a', ServiceConfig(image='i', files={'/n': n}))\n"
    "    plan.add_service('b', ServiceConfig(image='i'))\n"
    "    plan.exec('a', ExecRecipe(command=['true']))\n";

static void changed_artifact_replaces_what_mounts_it(void **state)
{
    struct fake *fake = *state;
    must_do(fake, mounting);
    must_do(fake, mounting);
    assert_string_equal(fake->calls.data, "");
    fake_reset(fake);
    assert_int_equal(fake_run(fake, mounting, "{\"text\": \"2\"}", NULL), 0);
    assert_string_equal(fake->calls.data, "image i\nstore n\nreplace a\nexec a true\n");
    json_object_del(fake->artifacts, "n");
    fake_reset(fake);
    assert_int_equal(fake_run(fake, mounting, "{\"text\": \"2\"}", NULL), 0);
    assert_string_equal(fake->calls.data, "image i\nstore n\nreplace a\nexec a true\n");
}

static void packages_import_read_and_upload(void **state)
{
    struct fake *fake = *state;
    struct package_dir dir;
    struct error *err = NULL;
    package_dir_make(&dir);
    package_dir_write(&dir, "main.star",
                      "lib = import_module('./lib/lib.star')\n"
                      "same = import_module('/lib/lib.star')\n"
                      "def run(plan):\n"
                      "    plan.print(lib.text + str(lib == same))\n"
                      "    plan.upload_files('./static', 'up')\n"
                      "    plan.upload_files('/lib/data.txt', 'one')\n"
                      "    lib.go(plan)\n");
    package_dir_write(&dir, "lib/lib.star",
                      "text = read_file('data.txt')\n"
                      "def go(plan):\n    plan.upload_files('data.txt', 'two')\n");
    package_dir_write(&dir, "lib/data.txt", "some text");
    package_dir_write(&dir, "static/a/b", "deep");
    package_dir_write(&dir, "static/skip", "not this");
    package_dir_write(&dir, "static/.kurtosisignore", "skip\n");
    struct plan_request request = package_dir_request(&dir, NULL);
    if (plan_run(&request, &fake_effects, fake, &err) < 0)
        fail_msg("%s", error_message(err));
    assert_has(fake->output.data, "some textTrue\n");
    assert_string_equal(artifact_file(fake, "up", "a/b"), "deep");
    assert_string_equal(artifact_file(fake, "up", "skip"), "(none)");
    assert_string_equal(artifact_file(fake, "one", "data.txt"), "some text");
    assert_string_equal(artifact_file(fake, "two", "data.txt"), "some text");
    assert_has(fake->plan.data, "github.com/test/package/lib/lib.star");
    fake_reset(fake);
    assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
    assert_string_equal(fake->calls.data, "");
    package_dir_write(&dir, "static/a/b", "deeper");
    fake_reset(fake);
    assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
    assert_string_equal(fake->calls.data, "store up\n");
    package_dir_write(&dir, "lib/lib.star", "x = import_module('../main.star')\n");
    assert_int_equal(plan_run(&request, &fake_effects, fake, &err), -1);
    assert_has(error_message(err), "There's a cycle in the import_module calls");
    error_free(err);
    package_dir_remove(&dir);
}

static void service_files_are_stored(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n"
                  "    n = plan.store_service_files('a', '/data/*', name='d')\n"
                  "    plan.get_files_artifact(n)\n");
    assert_string_equal(artifact_file(fake, "d", "from"), "/data");
    must_fail(fake, "def run(plan):\n    plan.get_files_artifact('none')\n", EINVAL,
              "'none' does not exist");
}

static void arguments_can_be_yaml_and_large(void **state)
{
    struct fake *fake = *state;
    const char *script = "def run(plan, args):\n    plan.print(args['a'])\n";
    assert_int_equal(fake_run(fake, script, "a: 7", NULL), 0);
    assert_has(fake->output.data, "\n7\n");
    assert_int_equal(fake_run(fake, script, "{\"a\": 123456789012345678901234567890}", NULL), 0);
    assert_has(fake->output.data, "\n123456789012345678901234567890\n");
}

/* ---- requests and waits ---- */

static void add_web(struct buf *script, int port)
{
    buf_printf(script,
               "def run(plan):\n    plan.add_service('web', ServiceConfig(image='i',\n"
               "        ports={'http': PortSpec(%d, application_protocol='http')}))\n",
               port);
}

static void requests_are_made(void **state)
{
    struct fake *fake = *state;
    struct buf script = BUF_INIT(BUF_MAX_TEXT);
    struct http_server *server = http_server_start();
    add_web(&script, http_server_port(server));
    buf_puts(&script,
             "    r = plan.request('web', GetHttpRequestRecipe(port_id='http', endpoint='/json',\n"
             "        extract={'b': '.a.b', 'all': '.l[]'}))\n"
             "    plan.verify(r['extract.b'], '==', 1)\n"
             "    plan.verify(r['code'], '==', 200)\n"
             "    p = plan.request('web', PostHttpRequestRecipe(port_id='http',\n"
             "        endpoint='/echo/' + r['extract.b'], body='body ' + r['extract.b'],\n"
             "        headers={'X-Test': r['extract.b']}, content_type='text/plain'))\n"
             "    plan.print(p['body'])\n"
             "    return r['extract.all']\n");
    must_do(fake, script.data);
    assert_has(fake->output.data, "Running 'GET' request on service 'web'\nRequest had response "
                                  "code '200' and body \"{\\\"a\\\"");
    assert_has(fake->output.data, "with extracted fields:\n'extract.b': 1\n");
    assert_has(fake->output.data, "POST /echo/1|body 1|1|text/plain\n");
    assert_string_equal(fake->result.data, "\"[1, 2, 3]\"\n");
    http_server_stop(server);
    buf_done(&script);
}

static void bad_requests_fail(void **state)
{
    struct fake *fake = *state;
    struct http_server *server = http_server_start();
    static const char *const cases[][2] = {
        {"    plan.request('web', GetHttpRequestRecipe('http', '/missing'))\n",
         "Request returned status code '404' that is not part of the acceptable status codes '[200 "
         "201 202 203 204 205 206 207 208 226]'"},
        {"    plan.request('web', GetHttpRequestRecipe('http', '/slow'), timeout='150ms')\n",
         "Request on service 'web' did not end within '150ms'"},
        {"    plan.request('web', GetHttpRequestRecipe('http', '/text', extract={'a': '.a'}))\n",
         "not JSON"},
        {"    plan.wait('web', GetHttpRequestRecipe('http', '/missing'), 'code', '==', 200,\n"
         "        interval='50ms', timeout='300ms')\n",
         "Last assertion execution error was: Assertion failed '404' '==' '200'"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf script = BUF_INIT(BUF_MAX_TEXT);
        add_web(&script, http_server_port(server));
        buf_puts(&script, cases[i][0]);
        must_fail(fake, script.data, EIO, cases[i][1]);
        buf_done(&script);
    }
    must_fail(
        fake,
        "def run(plan):\n    plan.add_service('web', ServiceConfig(image='i'))\n"
        "    plan.request('web', GetHttpRequestRecipe('nope', '/'))\n"
        "    plan.add_service('b', ServiceConfig(image='i', ready_conditions=ReadyCondition(\n"
        "        GetHttpRequestRecipe('never', '/'), 'code', '==', 200)))\n",
        EINVAL, "Request required port ID 'nope' to exist on service 'web' but it doesn't");
    assert_has(fake->output.data, "port ID 'never' to exist on service 'b'");
    must_fail(fake, "def run(plan):\n    plan.wait('web', ExecRecipe(['a']), 'body', '==', 1)\n",
              EINVAL, "The recipe's answer has no field 'body'");
    http_server_stop(server);
}

static void waits_try_until_it_holds(void **state)
{
    struct fake *fake = *state;
    struct buf script = BUF_INIT(BUF_MAX_TEXT);
    struct http_server *server = http_server_start();
    add_web(&script, http_server_port(server));
    buf_puts(&script,
             "    two = plan.run_sh(run='printf 2', image='i')\n"
             "    w = plan.wait('web', GetHttpRequestRecipe('http', '/count',\n"
             "        extract={'n': '.n'}), 'extract.n', '>=', 3, interval='20ms', timeout='10s')\n"
             "    plan.verify(w['extract.n'], '==', 3)\n"
             "    plan.wait('web', ExecRecipe(['printf', '2']), 'output', '==', two.output)\n");
    must_do(fake, script.data);
    assert_has(fake->output.data,
               "Waiting for at most '10s' for service 'web' to reach a certain state\n"
               "Wait took 3 tries (");
    assert_has(fake->output.data, "Assertion passed with following:\nRequest had response code");
    http_server_stop(server);
    buf_done(&script);
}

static void ready_conditions_hold_services_back(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    plan.add_service('a', ServiceConfig(image='i', "
                  "ready_conditions=ReadyCondition(\n"
                  "        ExecRecipe(['true']), 'code', '==', 0)))\n");
    assert_has(fake->calls.data, "start a\nexec a true\n");
    const char *never = "ReadyCondition(ExecRecipe(['false']), 'code', '==', 0, '20ms', '100ms')";
    struct buf script = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&script,
               "def run(plan):\n    plan.add_services({'x': ServiceConfig(image='i'),\n"
               "        'y': ServiceConfig(image='i', ready_conditions=%s)})\n",
               never);
    must_fail(fake, script.data, EIO, "Service 'y': Recipe execution timed-out");
    assert_int_equal(json_object_size(fake->services), 1);
    buf_done(&script);
    fake->dead_service = "z";
    must_fail(fake,
              "def run(plan):\n    plan.add_service('z', ServiceConfig(image='i', "
              "ready_conditions=ReadyCondition(\n"
              "        ExecRecipe(['false']), 'code', '==', 0)))\n",
              EIO, "service 'z' has ended with exit code 7; waiting for the ready condition");
    assert_has(fake->output.data, "the last words of z");
}

/* ---- the life of services ---- */

static void services_are_set_stopped_and_started(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    plan.add_service('a', ServiceConfig(image='i', env_vars={'A': 'b'}))\n"
                  "    plan.set_service('a', ServiceConfig(image='j', max_memory=64))\n"
                  "    plan.stop_service('a')\n"
                  "    plan.start_service('a')\n"
                  "    plan.get_service('a')\n");
    assert_string_equal(fake->calls.data, "image j\nstart a\nstop a\nrestart a\n");
    assert_has(fake->output.data, "\nSetting config of service 'a'\nSet service config on service "
                                  "'a'.\n\nStopping service 'a'\nService 'a' stopped\n");
    must_do(fake, "def run(plan):\n    plan.set_service('a', ServiceConfig(image='k'))\n"
                  "    plan.print([s.name for s in plan.get_services()])\n");
    assert_string_equal(fake->calls.data, "image k\nreplace a\n");
    json_t *config = json_object_get(json_object_get(fake->services, "a"), "config");
    assert_string_equal(json_string_value(json_object_get(config, "image")), "k");
    assert_int_equal(json_integer_value(json_object_get(config, "max_memory")), 64);
    assert_has(fake->output.data, "[\"a\"]\n");
    must_fail(fake, "def run(plan):\n    plan.set_service('b', ServiceConfig(image='j'))\n", EINVAL,
              "no service 'b'");
    must_fail(fake,
              "def run(plan):\n    plan.set_service('a', ServiceConfig(image='j', cmd=['x']))\n",
              EINVAL, "'cmd' cannot be changed");
}

static void services_are_found_by_uuid(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n    plan.add_service('a', ServiceConfig(image='i'))\n");
    const char *uuid =
        json_string_value(json_object_get(json_object_get(fake->services, "a"), "uuid"));
    struct buf script = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&script,
               "def run(plan):\n    plan.exec('%s', ExecRecipe(['true']))\n"
               "    plan.exec('%.12s', ExecRecipe(['false']), skip_code_check=True)\n",
               uuid, uuid);
    must_do(fake, script.data);
    assert_string_equal(fake->calls.data, "exec a true\nexec a false\n");
    buf_done(&script);
}

static void services_know_their_ports(void **state)
{
    struct fake *fake = *state;
    must_do(fake, "def run(plan):\n"
                  "    a = plan.add_service('a', ServiceConfig(image='i', ports={\n"
                  "        'x': PortSpec(81, application_protocol='http', wait=None),\n"
                  "        'y': PortSpec(82, 'UDP', wait='90s')}))\n"
                  "    plan.print(a.ports['x'])\n"
                  "    plan.print(a.ports['y'])\n"
                  "    plan.print(hasattr(a.ports['x'], 'wait'))\n"
                  "    plan.print(type(a) + ' ' + a.ports['x'].url)\n");
    assert_has(fake->output.data, "\nPortSpec(number=81, transport_protocol=\"TCP\", "
                                  "application_protocol=\"http\", url=\"http://a:81\")\n");
    assert_has(fake->output.data,
               "\nPortSpec(number=82, transport_protocol=\"UDP\", wait=\"1m30s\")\n");
    assert_has(fake->output.data, "\nFalse\n");
    assert_has(fake->output.data, "\nService http://a:81\n");
}

static void images_of_all_kinds_reach_the_engine(void **state)
{
    struct fake *fake = *state;
    struct package_dir dir;
    package_dir_make(&dir);
    package_dir_write(&dir, "main.star",
                      "def run(plan):\n"
                      "    plan.add_service('a', ServiceConfig(image=ImageSpec('private', "
                      "username='u', password='secret')))\n"
                      "    plan.add_service('b', ServiceConfig(image=ImageBuildSpec('built', "
                      "'./ctx')))\n");
    package_dir_write(&dir, "ctx/Dockerfile", "FROM scratch\n");
    struct plan_request request = package_dir_request(&dir, NULL);
    assert_int_equal(plan_run(&request, &fake_effects, fake, NULL), 0);
    assert_has(fake->calls.data, "image private\n");
    assert_has(fake->calls.data, "image built\n");
    assert_has(fake->output.data, "Adding service with name 'a' and image 'private'");
    assert_null(strstr(fake->plan.data, "secret"));
    assert_null(strstr(fake->output.data, "secret"));
    package_dir_remove(&dir);
    must_fail(
        fake,
        "def run(plan):\n    plan.add_service('n', ServiceConfig(image=NixBuildSpec('a', 'b', "
        "'c')))\n",
        EINVAL, "is to be built with Nix");
}

#define BREADTH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BREADTH_TEST(assertions_fail_where_they_stand),
        BREADTH_TEST(shell_tasks_run),
        BREADTH_TEST(long_scripts_run),
        BREADTH_TEST(python_tasks_run),
        BREADTH_TEST(templates_are_rendered),
        BREADTH_TEST(changed_artifact_replaces_what_mounts_it),
        BREADTH_TEST(packages_import_read_and_upload),
        BREADTH_TEST(service_files_are_stored),
        BREADTH_TEST(arguments_can_be_yaml_and_large),
        BREADTH_TEST(requests_are_made),
        BREADTH_TEST(bad_requests_fail),
        BREADTH_TEST(waits_try_until_it_holds),
        BREADTH_TEST(ready_conditions_hold_services_back),
        BREADTH_TEST(services_are_set_stopped_and_started),
        BREADTH_TEST(services_are_found_by_uuid),
        BREADTH_TEST(services_know_their_ports),
        BREADTH_TEST(images_of_all_kinds_reach_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
