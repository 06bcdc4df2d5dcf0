/* What confined children can do to the engine: end with an error of their own run, and no more. */
#include "tests/unit/plan/unit.h"

#include "backend/base/clock.h"
#include "backend/plan/document.h"
#include "backend/plan/extract.h"
#include "backend/plan/interpret.h"

#include <string.h>

/* The silence is long, so that on a busy machine, too, what is tried comes before it. */
static const struct confined_limits limits = {
    .memory = 256 << 20, .cpu_seconds = 1, .silence = 60 * CLOCK_SECOND};

static int do_rogue(const char *what, const struct confined_limits *its_limits, json_t **ret_answer,
                    struct error **err)
{
    json_t *start = json_object();
    const struct interpret_request request = {
        .program = ROGUE,
        .limits = its_limits,
        .start = start,
        .source = what,
        .length = strlen(what),
    };
    int result = interpret(&request, ret_answer, err);
    json_decref(start);
    return result;
}

static void rogue_fails(const char *what, const char *complaint)
{
    struct error *err = NULL;
    json_t *answer = NULL;
    if (do_rogue(what, &limits, &answer, &err) == 0)
        fail_msg("%s was not stopped", what);
    if (!strstr(error_message(err), complaint))
        fail_msg("%s: want %s, got %s", what, complaint, error_message(err));
    error_free(err);
}

static void rogue_answers(const char *what, const char *field)
{
    json_t *answer = NULL;
    assert_int_equal(do_rogue(what, &limits, &answer, NULL), 0);
    assert_true(json_is_true(json_object_get(answer, field)));
    json_decref(answer);
}

static void forbidden_calls_kill(void **state)
{
    (void)state;
    rogue_fails("socket", "may not do");
    rogue_fails("fork", "may not do");
    rogue_fails("code", "may not do");
}

static void files_are_refused(void **state)
{
    (void)state;
    rogue_answers("file", "refused");
}

static void memory_is_limited(void **state)
{
    (void)state;
    rogue_answers("eat", "eaten"); /* malloc fails in time; the child lives to tell */
}

static void time_is_limited(void **state)
{
    (void)state;
    rogue_fails("spin", "more than 1 seconds of processor time");
}

static void crashes_and_silence_are_told(void **state)
{
    (void)state;
    struct error *err = NULL;
    json_t *answer = NULL;
    struct confined_limits impatient = limits;
    impatient.silence = 100 * CLOCK_MILLISECOND;
    rogue_fails("crash", "crashed (signal 11");
    assert_int_equal(do_rogue("silent", &impatient, &answer, &err), -1);
    assert_int_equal(error_code(err), ETIMEDOUT);
    error_free(err);
}

static void garbage_is_no_message(void **state)
{
    (void)state;
    rogue_fails("too long", "what is no message");
    rogue_fails("no json", "what is no message");
}

static void missing_program_is_told(void **state)
{
    (void)state;
    struct error *err = NULL;
    assert_null(confined_start("/nowhere/kfs-interpreter", &limits, NULL, &err));
    assert_non_null(strstr(error_message(err), "/nowhere/kfs-interpreter"));
    error_free(err);
}

static void cancel_ends_a_child(void **state)
{
    (void)state;
    struct error *err = NULL;
    struct cancel *cancel = cancel_new(NULL);
    struct frame frame;
    cancel_fire(cancel);
    struct confined *child = confined_start(ROGUE, &limits, cancel, NULL);
    assert_int_equal(confined_receive(child, &frame, &err), -1);
    assert_int_equal(error_code(err), ECANCELED);
    confined_end(child);
    cancel_unref(cancel);
    error_free(err);
}

/* ---- scripts that mean harm, in the real interpreter ---- */

static void script_fails(const char *script, const char *complaint)
{
    struct error *err = NULL;
    json_t *start = json_pack("{s:s}", "name", "app.star"), *answer = NULL;
    const struct interpret_request request = {
        .program = KFS_INTERPRETER,
        .limits = &limits,
        .start = start,
        .source = script,
        .length = strlen(script),
    };
    if (interpret(&request, &answer, &err) == 0)
        fail_msg("%s was not stopped", script);
    if (!strstr(error_message(err), complaint))
        fail_msg("%s: want %s, got %s", script, complaint, error_message(err));
    json_decref(start);
    error_free(err);
}

static void harmful_scripts_are_stopped(void **state)
{
    (void)state;
    script_fails("def run(plan):\n    for i in range(1 << 60):\n        pass\n", "processor time");
    script_fails("def run(plan):\n    x = 'x'\n    for i in range(60):\n        x = x + x\n",
                 "memory");
    script_fails("def run(plan):\n    x = []\n    for i in range(1 << 40):\n"
                 "        x.append('y' * 1000000 + str(i))\n",
                 "memory");
    script_fails("def run(plan):\n    x = []\n    x.append(x)\n    plan.print(x, x)\n",
                 "'description' argument");
    script_fails("def run(plan):\n    x = []\n    x.append(x)\n    plan.verify('', '==', x)\n",
                 "nested too deeply");
    script_fails("def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\n"
                 "def run(plan):\n    f(1)\n",
                 "called recursively");
    script_fails("def run(plan):\n    plan.print('a\\000b')\n", "NUL");
    script_fails("def run(plan):\n    plan.print('\\u00e9'[0:1])\n", "not UTF-8");
}

/* ---- plans that are none ---- */

#define ID    "0123456789abcdef0123456789abcdef"
#define STACK "\"stack\":[{\"name\":\"run\",\"file\":\"a.star\",\"line\":1,\"column\":2}]"
#define PRINT \
    "{\"instruction\":\"print\",\"id\":\"" ID "\",\"arguments\":{\"msg\":\"x\"}," STACK "}"

static void take(const char *instructions, const char *complaint)
{
    struct error *err = NULL;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "{\"result\": \"null\", \"instructions\": %s}", instructions);
    json_t *document = json_loads(text.data, 0, NULL);
    assert_non_null(document);
    struct plan *plan = plan_new(document, 1, &err);
    if (!complaint)
        assert_non_null(plan);
    else if (plan || !strstr(error_message(err), complaint))
        fail_msg("%s: want %s, got %s", instructions, complaint, error_message(err));
    plan_free(plan);
    json_decref(document);
    error_free(err);
    buf_done(&text);
}

static void plans_that_are_none_are_refused(void **state)
{
    (void)state;
    take("[" PRINT "]", NULL);
    take("5", "a plan that is none");
    take("[5]", "it is unknown");
    take("[" PRINT "," PRINT "]", "its id is another's");
    take("[{\"instruction\":\"rm\",\"id\":\"" ID "\",\"arguments\":{}," STACK "}]", "unknown");
    take("[{\"instruction\":\"print\",\"id\":\"x\",\"arguments\":{\"msg\":\"x\"}," STACK "}]",
         "not complete");
    take("[{\"instruction\":\"print\",\"id\":\"" ID "\",\"arguments\":{\"msg\":\"x\"}}]",
         "not complete");
    take("[{\"instruction\":\"print\",\"id\":\"" ID "\",\"arguments\":{\"msg\":[]}," STACK "}]",
         "must be");
    take("[{\"instruction\":\"upload_files\",\"id\":\"" ID
         "\",\"arguments\":{\"src\":\"a\",\"name\":\"n\",\"resolved\":1}," STACK "}]",
         "source is unknown");
    take("[{\"instruction\":\"upload_files\",\"id\":\"" ID
         "\",\"arguments\":{\"src\":\"a\",\"name\":\"n\",\"resolved\":0}," STACK "}]",
         NULL);
    take("[{\"instruction\":\"upload_files\",\"id\":\"" ID
         "\",\"arguments\":{\"src\":\"a\",\"resolved\":0}," STACK "}]",
         "no name");
    take("[{\"instruction\":\"run_sh\",\"id\":\"" ID "\",\"arguments\":{\"run\":\"a\"}," STACK "}]",
         "no name");
}

/* ---- extraction ---- */

static void extracts(const char *program, const char *input, const char *want)
{
    struct error *err = NULL;
    json_t *programs = json_pack("{s:s}", "k", program), *values = NULL;
    char *text = NULL;
    if (extract(KFS_INTERPRETER, NULL, programs, input, strlen(input), &values, &err) == 0)
        text = json_dumps(json_object_get(values, "k"), JSON_ENCODE_ANY | JSON_COMPACT);
    const char *got = text ? text : error_message(err);
    if (!strstr(got, want))
        fail_msg("%s on %s: want %s, got %s", program, input, want, got);
    free(text);
    json_decref(programs);
    json_decref(values);
    error_free(err);
}

static void programs_extract(void **state)
{
    (void)state;
    const char *input = "{\"a\":1,\"f\":1.5,\"g\":2.0,\"n\":null,\"t\":true,\"h\":\"0xff\","
                        "\"l\":[1,null,3],\"o\":[{\"k\":1},{\"k\":2}]}";
    extracts(".a", input, "1");
    extracts(".g", input, "2");
    extracts(".f", input, "1.5");
    extracts(".t", input, "true");
    extracts(".l", input, "[1,null,3]");
    extracts(".o[].k", input, "[1,2]");
    extracts(".h[2:]", input, "\"ff\"");
    extracts(".missing // \"d\"", input, "\"d\"");
    extracts(".missing", input, "No field '.missing' was found on input '{");
    extracts(".n", input, "No field '.n'");
    extracts(".a.b", input, "No field '.a.b'");
    extracts(".[", input, "An error occurred when parsing field extractor '.['");
    extracts("env", input, "{}");
    extracts("$ENV", input, "{}");
    extracts(".h[2:] | explode | reverse | map(if . > 96 then . - 87 else . - 48 end) | reduce .[] "
             "as $c ([1, 0]; [.[0] * 16, .[1] + .[0] * $c]) | .[1]",
             input, "255");
    extracts("fromjson | .c", "\"{\\\"c\\\":\\\"0xab\\\"}\\n\"", "\"0xab\"");
    extracts(".", "no json", "not JSON");
}

/* jq computes in doubles; what it only passes on comes out as it went in. */
static void large_integers_keep_their_digits(void **state)
{
    (void)state;
    const char *input = "{\"a\":9007199254740993,\"min\":-9223372036854775808,\"e\":1e16,"
                        "\"l\":[1700000000000000001,{\"k\":9223372036854775807}],"
                        "\"near\":[1600000000000000001,1600000000000000002],"
                        "\"big\":18446744073709551616,\"f\":0.1234567890123456789}";
    extracts(".a", input, "9007199254740993");
    extracts("[.a, .min]", input, "[9007199254740993,-9223372036854775808]");
    extracts(".e", input, "10000000000000000");
    extracts(".l[]", input, "[1700000000000000001,{\"k\":9223372036854775807}]");
    extracts("tojson | fromjson | .l | .[0]", input, "1700000000000000001");
    extracts(".near[0]", input, "1600000000000000000");
    extracts(".big", input, "1.8446744073709552e19");
    extracts(".f", input, "0.12345678901234568");
    extracts(".a - .a", input, "0");
    extracts("fromjson | .id", "\"{\\\"id\\\": 9007199254740993}\"", "9007199254740993");
}

static void endless_programs_end(void **state)
{
    (void)state;
    extracts("def f: f; f", "1", "processor time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_kill),
        cmocka_unit_test(files_are_refused),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(crashes_and_silence_are_told),
        cmocka_unit_test(garbage_is_no_message),
        cmocka_unit_test(missing_program_is_told),
        cmocka_unit_test(cancel_ends_a_child),
        cmocka_unit_test(harmful_scripts_are_stopped),
        cmocka_unit_test(plans_that_are_none_are_refused),
        cmocka_unit_test(programs_extract),
        cmocka_unit_test(large_integers_keep_their_digits),
        cmocka_unit_test(endless_programs_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
