/* Doing recipes, and waiting by them. */
#include "backend/plan/recipe.h"

#include "backend/base/clock.h"
#include "backend/plan/assertion.h"
#include "backend/plan/extract.h"
#include "backend/plan/http.h"
#include "backend/plan/service.h"

#include <string.h>

enum {
    SHOWN_MAX = 200,   /* bytes of an answer in a line of progress */
    COMMAND_MAX = 4096 /* words of a command */
};
/* A try of a wait may take this much longer than the wait, as Kurtosis has it: 1.25 times. */
static const int64_t try_share = 4;
/* How often a wait says what it sees; each try would fill the output. */
static const int64_t progress_interval = 5 * CLOCK_SECOND;

/* ---- commands ---- */

static char **make_argv(const json_t *command)
{
    size_t i, count = json_array_size(command);
    json_t *word;
    char **argv = count <= COMMAND_MAX ? calloc(count + 1, sizeof *argv) : NULL;
    if (argv)
        json_array_foreach(command, i, word) argv[i] = (char *)json_string_value(word);
    return argv;
}

/* A command failed to run because the service does not: said so, and what to do. */
static int explain_exec(const struct step *step, const char *service, struct error **reason,
                        struct error **err)
{
    const struct execution *execution = step->execution;
    int code = -1;
    if (error_code(*reason) == ECANCELED || error_code(*reason) == ETIMEDOUT ||
        execution->effects->service_running(execution->context, service, &code, NULL) != 0)
        return error_move(err, reason);
    cleanup(buf_done) struct buf how = BUF_INIT(64);
    if (code >= 0)
        buf_printf(&how, " (it ended with exit code %d)", code);
    return error_set(err, EIO,
                     "service '%s' is not running%s, so no command can run in it; "
                     "plan.start_service starts it",
                     service, how.data ? how.data : "");
}

static int run_command(const struct step *step, const char *service, const json_t *command,
                       int64_t limit, struct buf *output, int *ret_code, struct error **err)
{
    const struct execution *execution = step->execution;
    const struct plan_call call = step_call(step, limit);
    cleanup(error_free) struct error *reason = NULL;
    cleanup(free) char **argv = make_argv(command);
    if (!argv)
        return error_set(err, EINVAL, "the command has too many words");
    if (execution->effects->exec(execution->context, service, argv, &call, output, ret_code,
                                 &reason) == 0)
        return 0;
    return explain_exec(step, service, &reason, err);
}

static int run_exec(const struct step *step, const char *service, const json_t *recipe,
                    int64_t limit, json_t **ret_answer, struct error **err)
{
    cleanup(buf_done) struct buf output = BUF_INIT(BUF_MAX_DOCUMENT);
    int code = 0;
    struct plan_service found = {0};
    if (step_find_service(step, service, &found, err) < 0)
        return -1;
    json_t *command = runtime_values_replace_in(step->execution->values,
                                                json_object_get(recipe, "command"), false, err);
    int result = command ? run_command(step, found.name, command, limit, &output, &code, err) : -1;
    json_decref(command);
    plan_service_done(&found);
    if (result < 0)
        return -1;
    json_t *text = plan_text_n(output.data, output.length);
    json_t *answer = json_pack("{s:i, s:O}", "code", code, "output", text);
    cleanup(free) char *input = json_dumps(text, JSON_ENCODE_ANY);
    json_decref(text);
    *ret_answer = answer;
    return recipe_extract(step, json_object_get(recipe, "extract"), input,
                          input ? strlen(input) : 0, answer, err);
}

/* ---- requests ---- */

static int put_replaced(const struct step *step, const json_t *recipe, const char *field,
                        const char *fallback, struct buf *out, struct error **err)
{
    return runtime_values_replace(step->execution->values, plan_string(recipe, field, fallback),
                                  RUNTIME_PLAIN, out, err);
}

static int put_url(const struct step *step, const struct plan_service *service,
                   const json_t *recipe, struct buf *out, struct error **err)
{
    const char *port_id = plan_string(recipe, "port_id", "");
    const json_t *config = step_service_config(step, service->name);
    const json_t *port = json_object_get(json_object_get(config, "ports"), port_id);
    bool v6 = strchr(service->address ? service->address : "", ':') != NULL;
    if (!port)
        return error_set(err, EINVAL, "service '%s' has no port '%s'", service->name, port_id);
    buf_printf(out, "http://%s%s%s:%lld", v6 ? "[" : "", service->address ? service->address : "",
               v6 ? "]" : "", (long long)plan_int(port, "number", 0));
    return put_replaced(step, recipe, "endpoint", "", out, err);
}

static int do_request(const struct step *step, const struct plan_service *service,
                      const json_t *recipe, const json_t *headers, int64_t limit, long *ret_code,
                      struct buf *ret_body, struct error **err)
{
    bool post = plan_is_type(recipe, "PostHttpRequestRecipe");
    cleanup(buf_done) struct buf url = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf body = BUF_INIT(BUF_MAX_DOCUMENT);
    cleanup(buf_done) struct buf type = BUF_INIT(BUF_MAX_TEXT);
    const struct plan_call call = step_call(step, limit);
    if (put_url(step, service, recipe, &url, err) < 0 ||
        put_replaced(step, recipe, "body", "", &body, err) < 0 ||
        put_replaced(step, recipe, "content_type", "application/json", &type, err) < 0)
        return -1;
    const struct http_request request = {
        .url = url.data,
        .body = post ? body.data : NULL,
        .body_length = body.length,
        .content_type = type.data,
        .headers = headers,
        .call = &call,
    };
    return http_do(&request, ret_code, ret_body, err);
}

static int run_http(const struct step *step, const char *identifier, const json_t *recipe,
                    int64_t limit, json_t **ret_answer, struct error **err)
{
    cleanup(buf_done) struct buf body = BUF_INIT(BUF_MAX_DOCUMENT);
    struct plan_service service = {0};
    long code = 0;
    const json_t *given = json_object_get(recipe, "headers");
    json_t *headers = NULL;
    if (given && !(headers = runtime_values_replace_in(step->execution->values, given, false, err)))
        return -1;
    int result = step_find_service(step, identifier, &service, err);
    if (result == 0)
        result = do_request(step, &service, recipe, headers, limit, &code, &body, err);
    plan_service_done(&service);
    json_decref(headers);
    if (result < 0)
        return -1;
    json_t *answer =
        json_pack("{s:i, s:o}", "code", (int)code, "body", plan_text_n(body.data, body.length));
    *ret_answer = answer;
    return recipe_extract(step, json_object_get(recipe, "extract"), body.data, body.length, answer,
                          err);
}

/* ---- both ---- */

int recipe_extract(const struct step *step, const json_t *programs, const char *input,
                   size_t length, json_t *answer, struct error **err)
{
    json_t *values = NULL, *value;
    const char *key;
    if (json_object_size(programs) == 0)
        return 0;
    if (extract(step->execution->request->interpreter, step->execution->stop, programs,
                input ? input : "", length, &values, err) < 0)
        return -1;
    json_object_foreach(values, key, value)
    {
        cleanup(buf_done) struct buf name = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&name, "extract.%s", key);
        json_object_set(answer, name.data, value);
    }
    json_decref(values);
    return 0;
}

int recipe_run(const struct step *step, const char *service, const json_t *recipe, int64_t limit,
               json_t **ret_answer, struct error **err)
{
    json_t *answer = NULL;
    int result = plan_is_type(recipe, "ExecRecipe")
                     ? run_exec(step, service, recipe, limit, &answer, err)
                     : run_http(step, service, recipe, limit, &answer, err);
    if (result < 0) {
        json_decref(answer);
        return -1;
    }
    *ret_answer = answer;
    return 0;
}

static void put_exec_answer(struct buf *out, const json_t *answer)
{
    const char *output = plan_string(answer, "output", "");
    long long code = (long long)plan_int(answer, "code", 0);
    buf_printf(out, "Command returned with exit code '%lld'", code);
    if (*output == '\0')
        buf_puts(out, " with no output");
    else if (!strchr(output, '\n'))
        buf_printf(out, " and the following output: %s", output);
    else
        buf_printf(out,
                   " and the following output:\n--------------------\n%s%s--------------------",
                   output, output[strlen(output) - 1] == '\n' ? "" : "\n");
}

static void put_http_answer(struct buf *out, const json_t *answer)
{
    const char *key;
    json_t *value;
    bool first = true;
    buf_printf(out, "Request had response code '%lld' and body ",
               (long long)plan_int(answer, "code", 0));
    plan_put_value(out, json_object_get(answer, "body"));
    json_object_foreach((json_t *)answer, key, value)
    {
        if (strncmp(key, "extract.", strlen("extract.")) != 0)
            continue;
        buf_puts(out, first ? ", with extracted fields:" : "");
        buf_printf(out, "\n'%s': ", key);
        plan_put_value(out, value);
        first = false;
    }
}

void recipe_put_answer(struct buf *out, const json_t *recipe, const json_t *answer)
{
    if (plan_is_type(recipe, "ExecRecipe"))
        put_exec_answer(out, answer);
    else
        put_http_answer(out, answer);
}

/* ---- codes ---- */

static bool code_is_in(const json_t *acceptable, int64_t code)
{
    size_t i;
    json_t *element;
    json_array_foreach(acceptable, i, element) if (json_integer_value(element) == code) return true;
    return false;
}

static json_t *default_codes(const json_t *recipe)
{
    if (plan_is_type(recipe, "ExecRecipe"))
        return json_pack("[i]", 0);
    return json_pack("[i,i,i,i,i,i,i,i,i,i]", 200, 201, 202, 203, 204, 205, 206, 207, 208, 226);
}

static void put_codes(struct buf *out, const json_t *codes)
{
    size_t i;
    json_t *code;
    buf_putc(out, '[');
    json_array_foreach(codes, i, code)
        buf_printf(out, "%s%lld", i > 0 ? " " : "", (long long)json_integer_value(code));
    buf_putc(out, ']');
}

/* Every line two spaces in. */
static void put_indented(struct buf *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        buf_printf(out, "\n  %.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

int recipe_check_code(const char *what, const json_t *recipe, const json_t *answer,
                      const json_t *acceptable, struct error **err)
{
    bool exec = plan_is_type(recipe, "ExecRecipe");
    int64_t code = plan_int(answer, "code", 0);
    json_t *codes = acceptable ? json_incref((json_t *)acceptable) : default_codes(recipe);
    bool accepted = code_is_in(codes, code);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text,
               "%s returned %s code '%lld' that is not part of the acceptable status codes '", what,
               exec ? "exit" : "status", (long long)code);
    put_codes(&text, codes);
    buf_puts(&text, exec ? "', with output:" : "', with body:");
    put_indented(&text, plan_string(answer, exec ? "output" : "body", ""));
    json_decref(codes);
    return accepted ? 0 : error_set(err, EIO, "%s", text.data);
}

void recipe_store_answer(const struct step *step, const json_t *answer)
{
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)answer, field, value)
        step_set_value(step, field, json_deep_copy(value));
}

/* ---- waiting ---- */

/* A wait that is under way. */
struct waiting {
    const struct step *step;
    const struct recipe_wait *wait;
    json_t *target; /* with its placeholders replaced */
    int64_t begun, told;
    unsigned tries;
    bool recipe_failed; /* in the last try; else the assertion did */
    struct buf last;    /* why the last try did not do */
};

/* One try. 1: it holds; 0: not yet; -1: never. */
static int try_once(struct waiting *waiting, json_t **ret_answer, struct error **err)
{
    const struct recipe_wait *wait = waiting->wait;
    cleanup(error_free) struct error *reason = NULL;
    json_t *answer = NULL;
    int64_t left = waiting->begun + wait->timeout + wait->timeout / try_share - clock_monotonic();
    bool recipe_failed = true;
    waiting->tries++;
    if (recipe_run(waiting->step, wait->service, wait->recipe, left > 0 ? left : 1, &answer,
                   &reason) == 0) {
        const json_t *value = json_object_get(answer, wait->field);
        recipe_failed = false;
        if (!value)
            error_set(&reason, EINVAL, "the answer has no field '%s'", wait->field);
        else if (plan_assert("Assertion", value, wait->assertion, waiting->target, &reason) == 0) {
            *ret_answer = answer;
            return 1;
        }
    }
    json_decref(answer);
    if (cancel_fired(waiting->step->execution->stop))
        return error_set(err, ECANCELED, "cancelled");
    /* One that the end of the time has cut short says less than the one before it. */
    if (waiting->last.length == 0 || error_code(reason) != ETIMEDOUT) {
        buf_truncate(&waiting->last, 0);
        buf_puts(&waiting->last, error_message(reason));
        waiting->recipe_failed = recipe_failed;
    }
    return 0;
}

static void tell(struct waiting *waiting)
{
    int64_t now = clock_monotonic();
    if (now - waiting->told < progress_interval)
        return;
    waiting->told = now;
    cleanup(buf_done) struct buf passed = BUF_INIT(64);
    clock_put_duration(&passed, (now - waiting->begun) / CLOCK_SECOND * CLOCK_SECOND);
    size_t length = strcspn(waiting->last.data, "\n");
    step_progress(waiting->step, "Waiting for %s on service '%s' (%s), try %u: %.*s%s",
                  waiting->wait->what, waiting->wait->service, passed.data, waiting->tries,
                  (int)(length < SHOWN_MAX ? length : SHOWN_MAX), waiting->last.data,
                  length < waiting->last.length ? " ..." : "");
}

static int time_out(const struct waiting *waiting, struct error **err)
{
    return error_set(err, ETIMEDOUT,
                     "Recipe execution timed-out waiting for the recipe execution to become valid "
                     "on service '%s'. Tried '%u' times. Last %s execution error was: %s",
                     waiting->wait->service, waiting->tries,
                     waiting->recipe_failed ? "recipe" : "assertion", waiting->last.data);
}

/* A service that has ended will not come to answer. */
static int check_service(const struct waiting *waiting, struct error **err)
{
    const struct step *step = waiting->step;
    struct plan_service service = {0};
    cleanup(error_free) struct error *reason = NULL;
    if (step_find_service(step, waiting->wait->service, &service, err) < 0)
        return -1;
    int result = service_check_running(step, service.name, &reason);
    if (result < 0) {
        cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
        buf_printf(&text, "%s; waiting for %s is in vain. The last try said: %s",
                   error_message(reason), waiting->wait->what, waiting->last.data);
        service_put_logs(step, service.name, &text);
        error_set(err, EIO, "%s", text.data);
    }
    plan_service_done(&service);
    return result;
}

static int wait_loop(struct waiting *waiting, json_t **ret_answer, struct error **err)
{
    const struct recipe_wait *wait = waiting->wait;
    int64_t next = waiting->begun;
    for (;;) {
        int held = try_once(waiting, ret_answer, err);
        if (held != 0)
            return held < 0 ? -1 : 0;
        if (check_service(waiting, err) < 0)
            return -1;
        int64_t now = clock_monotonic();
        next = next + wait->interval > now ? next + wait->interval : now;
        if (next >= waiting->begun + wait->timeout)
            return time_out(waiting, err);
        tell(waiting);
        if (cancel_wait(waiting->step->execution->stop, next))
            return error_set(err, ECANCELED, "cancelled");
    }
}

int recipe_wait(const struct step *step, const struct recipe_wait *wait, json_t **ret_answer,
                unsigned *ret_tries, struct error **err)
{
    struct waiting waiting = {
        .step = step,
        .wait = wait,
        .begun = clock_monotonic(),
        .last = BUF_INIT(BUF_MAX_TEXT),
    };
    waiting.told = waiting.begun;
    waiting.target = runtime_values_replace_in(step->execution->values, wait->target, true, err);
    int result = waiting.target ? wait_loop(&waiting, ret_answer, err) : -1;
    if (ret_tries)
        *ret_tries = waiting.tries;
    json_decref(waiting.target);
    buf_done(&waiting.last);
    return result;
}
