/* A test's steps in their order, and what each failure makes of the result. */
#include "tools/test/life_int.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "tools/test/process.h"
#include "tools/test/script.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    REASON_MAX = 2000, /* bytes; the whole is in the output */
    SCRIPT_MAX = 16 << 20
};

/* ---- results */

/* The text as one line: what separates lines becomes a blank. */
static char *one_line(const char *text)
{
    cleanup(buf_done) struct buf line = BUF_INIT(REASON_MAX);
    bool blank = false;
    for (; *text && line.length + 2 < REASON_MAX; text++) {
        if (*text == '\n' || *text == '\t' || *text == ' ') {
            blank = line.length > 0;
            continue;
        }
        if (blank)
            buf_putc(&line, ' ');
        buf_putc(&line, *text);
        blank = false;
    }
    return buf_steal(&line, NULL);
}

static void case_settle(struct test_case *it, enum outcome outcome, const char *reason)
{
    if (it->outcome != OUTCOME_NOT_RUN)
        return;
    it->outcome = outcome;
    it->reason = reason ? one_line(reason) : NULL;
}

/* Every case that has no result yet has this one. */
static void settle(struct life *life, enum outcome outcome, const char *reason)
{
    for (size_t i = 0; i < life->test->case_count; i++)
        case_settle(&life->test->cases[i], outcome, reason);
}

static bool has_passed(const struct test *test)
{
    for (size_t i = 0; i < test->case_count; i++)
        if (test->cases[i].outcome != OUTCOME_PASSED)
            return false;
    return true;
}

/* Why something ended as it did, in words. `limit` (ns) is the one that held. */
static void put_reason(struct buf *out, enum ending ending, const char *what, int64_t limit,
                       const struct error *err)
{
    if (ending == ENDING_TIMED_OUT) {
        buf_printf(out, "timed out: %s took longer than ", what);
        clock_put_duration(out, limit);
    } else if (ending == ENDING_CANCELLED) {
        buf_puts(out, "interrupted");
    } else {
        buf_puts(out, error_message(err));
    }
}

/* Ends the step. What is not done for want of an engine is no failure of the test's. */
static bool end_step(struct life *life, enum ending ending, enum outcome *outcome, const char *what,
                     int64_t limit, const struct error *err, struct buf *reason)
{
    if (ending == ENDING_DONE) {
        record_step_end(life->record, "ok", NULL);
        return true;
    }
    put_reason(reason, ending, what, limit, err);
    if (ending == ENDING_CANCELLED) {
        *outcome = OUTCOME_ERRORED;
    } else if (*outcome == OUTCOME_FAILED && !engine_is_up(life->config->mount)) {
        buf_puts(reason, " (the engine is down)");
        *outcome = OUTCOME_ERRORED;
    }
    cleanup(free) char *line = one_line(reason->data);
    record_step_end(life->record, "failed", line);
    return false;
}

/* A step of the set-up: its failure is an error of all cases. */
static bool end_setup_step(struct life *life, enum ending ending, const struct error *err)
{
    enum outcome outcome = OUTCOME_ERRORED;
    cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&reason, "set-up: ");
    if (end_step(life, ending, &outcome, "the set-up", life->config->setup_limit, err, &reason))
        return true;
    settle(life, outcome, reason.data);
    return false;
}

/* ---- scripts */

static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What run() gets, if it wants it: where the volume is on this machine. */
static void put_arguments(const struct life *life, struct buf *out,
                          const struct script_facts *facts)
{
    if (!facts->takes_volume && !facts->takes_args)
        return;
    buf_puts(out, " {\"test_volume\": \"");
    buf_put_json_escaped(out, life->volume, strlen(life->volume));
    buf_puts(out, "\"}");
}

int life_put_line(const struct life *life, struct buf *out, const char *path, const char *function,
                  struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(SCRIPT_MAX);
    cleanup(script_facts_done) struct script_facts facts = {.case_count = 0};
    cleanup(free) char *real = realpath(path, NULL);
    if (!real)
        return error_system(err, "%s", path);
    if (file_read(AT_FDCWD, real, &text, err) < 0 || script_scan(text.data, &facts, err) < 0)
        return -1;
    if (strchr(file_of(path), '"'))
        return error_set(err, EINVAL, "%s: the name of a script cannot have quotes", path);
    if (facts.asks_for_binds)
        buf_puts(out, "--privileged ");
    if (function)
        buf_printf(out, "--main-function-name %s ", function);
    if (life->test->package)
        buf_printf(out, "--main-file \"%s\" \"./" SCRIPTS "\"", file_of(path));
    else
        buf_printf(out, "\"./" SCRIPTS "/%s\"", file_of(path));
    if (!function)
        put_arguments(life, out, &facts);
    buf_putc(out, '\n');
    return buf_check(out, err);
}

/* Copies the script, or the package that it is in, to the enclave. */
static enum ending put_script(struct life *life, const char *path, const struct patience *patience,
                              struct error **err)
{
    cleanup(free) char *name = NULL;
    if (life->test->package)
        return enclave_put(&life->enclave, life->test->directory, SCRIPTS, patience, err);
    if (asprintf(&name, SCRIPTS "/%s", file_of(path)) < 0)
        return error_set(err, ENOMEM, "out of memory"), ENDING_FAILED;
    return enclave_put(&life->enclave, path, name, patience, err);
}

static enum ending run_script(struct life *life, const char *path, const char *function,
                              const struct patience *patience, struct error **err)
{
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
    if (life_put_line(life, &line, path, function, err) < 0)
        return ENDING_FAILED;
    return enclave_run(&life->enclave, line.data, patience, err);
}

/* ---- set-up */

/* The volume is for everybody: who a controller or a service is in its container is its own
 * business. */
static enum ending make_volume(struct life *life, const struct patience *patience,
                               struct error **err)
{
    struct process_result result;
    life->volume = record_directory(life->record, VOLUME, err);
    if (!life->volume)
        return ENDING_FAILED;
    char *argv[] = {(char *)"cp",       (char *)"-RLT", (char *)"--",
                    life->test->volume, life->volume,   NULL};
    const struct process_order order = {.argv = argv,
                                        .output = record_fd(life->record),
                                        .deadline = patience->deadline,
                                        .cancel = patience->cancel};
    if (cancel_fired(patience->cancel))
        return ENDING_CANCELLED;
    if (life->test->volume && process_run(&order, &result, err) < 0)
        return ENDING_FAILED;
    if (life->test->volume && result.end == PROCESS_CANCELLED)
        return ENDING_CANCELLED;
    if (life->test->volume && (result.end != PROCESS_EXITED || result.code != 0))
        return error_set(err, EIO, "cannot copy %s", life->test->volume), ENDING_FAILED;
    chmod(life->volume, 0777);
    return ENDING_DONE;
}

static bool set_up_place(struct life *life, const struct patience *patience)
{
    cleanup(error_free) struct error *err = NULL;
    record_step(life->record, "volume");
    enum ending ending = make_volume(life, patience, &err);
    if (!end_setup_step(life, ending, err))
        return false;
    record_step(life->record, "enclave");
    ending = enclave_make(&life->enclave, life->test->name, patience, &err);
    if (!end_setup_step(life, ending, err))
        return false;
    record_line(life->record, "# %s", life->enclave.path);
    return true;
}

/* The script that sets up; NULL if there is none. A script without cases is all test. */
static const char *setup_script(const struct test *test)
{
    if (test->kind != TEST_SCRIPT)
        return test->setup;
    return test->has_run && test->cases[0].function ? test->path : NULL;
}

static bool set_up(struct life *life)
{
    const struct patience patience = {clock_monotonic() + life->config->setup_limit, life->cancel};
    cleanup(error_free) struct error *err = NULL;
    if (!set_up_place(life, &patience))
        return false;
    const char *setup = setup_script(life->test);
    const char *needed = life->test->kind == TEST_SCRIPT ? life->test->path : setup;
    if (!needed)
        return true;
    record_step(life->record, "setup");
    enum ending ending = put_script(life, needed, &patience, &err);
    if (ending == ENDING_DONE && setup)
        ending = run_script(life, setup, NULL, &patience, &err);
    return end_setup_step(life, ending, err);
}

/* ---- the test itself */

static enum ending run_kind(struct life *life, const struct test_case *it,
                            const struct patience *patience, enum outcome *ret_outcome,
                            struct error **err)
{
    switch (life->test->kind) {
    case TEST_HOST:
        return controller_run_host(life, patience, ret_outcome, err);
    case TEST_CONTAINER:
        return controller_run_container(life, patience, ret_outcome, err);
    case TEST_SCRIPT:
    case TEST_KIND_MAX:
    default: {
        cleanup(error_free) struct error *reason = NULL;
        enum ending ending = run_script(life, life->test->path, it->function, patience, &reason);
        /* A script that is none decides nothing. */
        if (ending == ENDING_FAILED && error_code(reason) == EINVAL)
            *ret_outcome = OUTCOME_ERRORED;
        error_move(err, &reason);
        return ending;
    }
    }
}

static void run_case(struct life *life, struct test_case *it)
{
    const struct patience patience = {clock_monotonic() + life->config->run_limit, life->cancel};
    enum outcome outcome = OUTCOME_FAILED;
    cleanup(error_free) struct error *err = NULL;
    cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
    int64_t began = clock_monotonic();
    record_step(life->record, it->function ? it->function : "test");
    enum ending ending = run_kind(life, it, &patience, &outcome, &err);
    it->took = clock_monotonic() - began;
    if (end_step(life, ending, &outcome, "the test", life->config->run_limit, err, &reason))
        case_settle(it, OUTCOME_PASSED, NULL);
    else
        case_settle(it, outcome, reason.data);
}

static void run_cases(struct life *life)
{
    for (size_t i = 0; i < life->test->case_count && !cancel_fired(life->cancel); i++)
        run_case(life, &life->test->cases[i]);
    settle(life, OUTCOME_ERRORED, "interrupted");
}

/* ---- the end */

static void stop(struct life *life)
{
    cleanup(error_free) struct error *err = NULL;
    record_step(life->record, "stop");
    enclave_keep_pages(&life->enclave);
    enum ending ending = enclave_stop(&life->enclave, &err);
    enclave_keep_logs(&life->enclave);
    if (ending == ENDING_DONE)
        record_step_end(life->record, "ok", NULL);
    else
        record_step_end(life->record, "failed",
                        err ? error_message(err) : "the services do not stop");
}

/* What the controller wrote for people. */
static void print_volume_log(struct life *life)
{
    cleanup(free) char *path = NULL;
    if (!life->volume || asprintf(&path, "%s/" VOLUME_LOG, life->volume) < 0)
        return;
    cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    record_line(life->record, "# the volume's log:");
    record_copy(life->record, fd);
}

static bool is_kept(const struct life *life)
{
    return life->config->keep == KEEP_ALWAYS ||
           (life->config->keep == KEEP_FAILED && !has_passed(life->test));
}

/* A test that cannot be removed has not passed: what it left may fail the next one. */
static void spoil(struct life *life, const char *reason)
{
    for (size_t i = 0; i < life->test->case_count; i++) {
        struct test_case *it = &life->test->cases[i];
        if (it->outcome == OUTCOME_PASSED)
            it->outcome = OUTCOME_NOT_RUN;
    }
    settle(life, OUTCOME_ERRORED, reason);
}

static void tear_down(struct life *life)
{
    cleanup(error_free) struct error *err = NULL;
    record_step(life->record, "remove");
    enum ending ending = enclave_remove(&life->enclave, &err);
    if (ending == ENDING_DONE) {
        record_step_end(life->record, "ok", NULL);
        return;
    }
    const char *reason = err ? error_message(err) : "the enclave is still being removed";
    record_step_end(life->record, "failed", reason);
    spoil(life, reason);
}

static void end(struct life *life)
{
    if (life->enclave.path)
        stop(life);
    print_volume_log(life);
    if (life->enclave.path && is_kept(life)) {
        record_line(life->record, "# kept: %s", life->enclave.path);
        owner_keep(life->enclave.path);
    } else if (life->enclave.path) {
        tear_down(life);
    }
}

static void put_result(struct life *life)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    for (size_t i = 0; i < life->test->case_count; i++) {
        const struct test_case *it = &life->test->cases[i];
        buf_printf(&text, "%s: %s%s%s\n", it->name, outcome_name(it->outcome),
                   it->reason ? ": " : "", it->reason ? it->reason : "");
    }
    record_put(life->record, "result", text.data);
}

void life_run(const struct life_config *config, struct test *test, const struct cancel *cancel,
              bool live)
{
    cleanup(error_free) struct error *err = NULL;
    cleanup(record_free) struct record *record = NULL;
    struct life life = {.config = config, .test = test, .cancel = cancel};
    if (asprintf(&test->results, "%s/%s", config->results, test->name) < 0)
        test->results = NULL;
    record = test->results ? record_new(test->results, live, &err) : NULL;
    if (!record) {
        settle(&life, OUTCOME_ERRORED, error_message(err));
        return;
    }
    life.record = record;
    life.enclave = (struct enclave){.mount = config->mount, .record = record};
    if (set_up(&life))
        run_cases(&life);
    end(&life);
    put_result(&life);
    free(life.volume);
    enclave_done(&life.enclave);
}
