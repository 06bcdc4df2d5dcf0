/*
 * test: runs suites, each test in an enclave of its own, and reports. What a test goes through is
 * in life.c, what is a test in suite.c; here is what the user sees and the exit status:
 *
 *     0 all passed, 1 some failed, 2 some errored, 64 called wrongly, 130 interrupted
 */
#include "tools/kfs/command.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "tools/kfs/mounts.h"
#include "tools/kfs/tree.h"
#include "tools/test/enclave.h"
#include "tools/test/options.h"
#include "tools/test/report.h"
#include "tools/test/runner.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define ERASE_LINE "\r\x1b[K"

enum {
    STATUS_FAILED = 1,
    STATUS_ERRORED = 2,
    STATUS_USAGE = 64,
    STATUS_INTERRUPTED = 130,
    JUNIT_MAX = 256 << 20,
    WIDTH = 80 /* of a terminal that does not say */
};

struct session {
    struct test_options options;
    struct life_config config;
    struct test_list list;
    bool live;         /* output is shown as it grows */
    bool progress;     /* there is a terminal for the progress line */
    size_t tap_number; /* of the last case told of */
};

/* ---- while tests run */

static void print(const struct session *session, struct buf *text)
{
    if (session->progress)
        file_write_all(STDERR_FILENO, ERASE_LINE, strlen(ERASE_LINE));
    file_write_all(STDOUT_FILENO, text->data, text->length);
    buf_done(text);
}

static void run_test(void *context, struct test *test, const struct cancel *cancel)
{
    struct session *session = context;
    life_run(&session->config, test, cancel, session->live);
}

static void tell_began(void *context, const struct test *test)
{
    const struct session *session = context;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (session->options.tap)
        return;
    if (session->live)
        report_put_banner(&text, test->name);
    else
        buf_printf(&text, "Launching test %s ...\n", test->name);
    print(session, &text);
}

/* The whole output of a test whose output was not shown as it grew. */
static void print_block(const struct session *session, const struct test *test)
{
    cleanup(free) char *path = NULL;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    report_put_banner(&text, test->name);
    print(session, &text);
    if (!test->results || asprintf(&path, "%s/output", test->results) < 0)
        return;
    cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[1 << 14];
    ssize_t got;
    while (fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0)
        if (file_write_all(STDOUT_FILENO, bytes, (size_t)got) < 0)
            return;
}

static void tell_ended(void *context, const struct test *test)
{
    struct session *session = context;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (session->options.tap) {
        report_put_tap(&text, test, &session->tap_number);
    } else {
        if (!session->live)
            print_block(session, test);
        report_put_test(&text, test);
    }
    print(session, &text);
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : WIDTH;
}

static void tell_progress(void *context, size_t ended, const struct test *const *running)
{
    const struct session *session = context;
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&line, "[%zu/%zu]", ended, session->list.count);
    for (size_t i = 0; running[i]; i++)
        buf_printf(&line, "%s%s", i ? ", " : " running: ", running[i]->name);
    size_t width = terminal_width() - 1;
    if (line.length > width)
        buf_truncate(&line, width);
    fprintf(stderr, ERASE_LINE "%s", line.data);
}

static void tell_interrupted(void *context, int number)
{
    (void)context;
    fprintf(stderr, "\nReceived signal: %s. Cleaning up tests and exiting gracefully ...\n",
            strsignal(number));
}

/* ---- leftovers */

static void sweep_names(const char *mount, char **names, size_t count, bool *ret_failed)
{
    for (size_t i = 0; i < count; i++) {
        cleanup(error_free) struct error *err = NULL;
        enum ending ending = enclave_remove_named(mount, names[i], &err);
        if (ending == ENDING_DONE)
            fprintf(stderr, "removed %s\n", names[i]);
        else
            fprintf(stderr, "kfs test: %s: %s\n", names[i],
                    err ? error_message(err) : "is still being removed");
        *ret_failed = *ret_failed || ending != ENDING_DONE;
    }
}

/* Removes what killed ones left, or says that there is something. */
static int mind_leftovers(const char *mount, bool sweep, struct error **err)
{
    char **names;
    size_t count;
    bool failed = false;
    if (owner_list_gone(mount, &names, &count, err) < 0)
        return -1;
    if (sweep)
        sweep_names(mount, names, count, &failed);
    else if (count > 0)
        fprintf(stderr,
                "kfs test: %zu %s left by one that was killed: kfs test --sweep removes %s\n",
                count, count > 1 ? "enclaves were" : "enclave was", count > 1 ? "them" : "it");
    tree_names_free(names, count);
    return failed ? error_set(err, EIO, "not all could be removed") : 0;
}

/* ---- before and after */

static char *absolute_mount(struct error **err)
{
    cleanup(free) char *found = mounts_find(err);
    char *path = found ? realpath(found, NULL) : NULL;
    if (found && !path)
        error_system(err, "%s", found);
    return path;
}

/* Where results go: the given directory, or a new one, which is for this run. */
static char *make_results(const char *given, struct error **err)
{
    const char *temporary = getenv("TMPDIR");
    cleanup(free) char *path = NULL;
    if (given)
        return file_make_dirs(AT_FDCWD, given, err) < 0 ? NULL : realpath(given, NULL);
    if (asprintf(&path, "%s/kfs-test-XXXXXX", temporary && *temporary ? temporary : "/tmp") < 0 ||
        !mkdtemp(path))
        return error_system(err, "cannot make a directory for results"), NULL;
    return realpath(path, NULL);
}

static void print_list(const struct test_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->tests[i].case_count; j++)
            printf("%s\n", list->tests[i].cases[j].name);
}

static int write_junit(const struct session *session, int64_t took, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(JUNIT_MAX);
    report_put_junit(&text, &session->list, took);
    if (buf_check(&text, err) < 0)
        return -1;
    cleanup(close) int fd =
        open(session->options.junit, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd < 0 || file_write_all(fd, text.data, text.length) < 0
               ? error_system(err, "%s", session->options.junit)
               : 0;
}

static bool all_passed(const struct session *session)
{
    return report_count(&session->list).passed == test_list_cases(&session->list);
}

/* The directory made for this run stays only if there is something to look up in it. */
static void end_results(const struct session *session)
{
    bool kept =
        session->options.results || !all_passed(session) || session->options.keep == KEEP_ALWAYS;
    if (!kept)
        file_remove_tree(AT_FDCWD, session->config.results, NULL);
    else
        fprintf(session->options.tap ? stderr : stdout, "Results: %s\n", session->config.results);
    fflush(stdout);
}

static void print_head(const struct session *session)
{
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (session->options.tap)
        report_put_tap_head(&text, &session->list);
    else
        buf_printf(&text, "Launching %zu tests with parallelism %u ...\n",
                   test_list_cases(&session->list), session->options.jobs);
    print(session, &text);
}

static void print_summary(const struct session *session, int64_t took)
{
    struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    if (session->options.tap)
        report_put_tap_end(&text, &session->list);
    else
        report_put_summary(&text, &session->list, took);
    print(session, &text);
}

static int exit_status(const struct session *session, int number)
{
    struct counts counts = report_count(&session->list);
    if (number)
        return STATUS_INTERRUPTED;
    if (counts.errored || counts.not_run)
        return STATUS_ERRORED;
    return counts.failed ? STATUS_FAILED : EXIT_SUCCESS;
}

static int run_all(struct session *session, struct error **err)
{
    session->progress = isatty(STDERR_FILENO) && !session->live;
    const struct runner runner = {
        .jobs = session->options.jobs,
        .run = run_test,
        .began = tell_began,
        .ended = tell_ended,
        .progress = session->progress ? tell_progress : NULL,
        .interrupted = tell_interrupted,
        .context = session,
    };
    int64_t began = clock_monotonic();
    /* Enclaves are removed also when nobody reads the output any more. */
    signal(SIGPIPE, SIG_IGN);
    print_head(session);
    int number = runner_run(&runner, &session->list, err);
    if (number < 0)
        return STATUS_ERRORED;
    int64_t took = clock_monotonic() - began;
    print_summary(session, took);
    int status = exit_status(session, number);
    if (session->options.junit && write_junit(session, took, err) < 0 && status < STATUS_ERRORED)
        status = STATUS_ERRORED;
    end_results(session);
    return status;
}

/* With a mount and a place for results. */
static int run_session(struct session *session, struct error **err)
{
    cleanup(free) char *mount = absolute_mount(err);
    if (!mount || mind_leftovers(mount, session->options.sweep, err) < 0)
        return STATUS_ERRORED;
    if (session->options.suite_count == 0)
        return EXIT_SUCCESS;
    cleanup(free) char *results = make_results(session->options.results, err);
    if (!results)
        return STATUS_ERRORED;
    session->config = (struct life_config){
        .mount = mount,
        .results = results,
        .setup_limit = session->options.setup_limit,
        .run_limit = session->options.run_limit,
        .keep = session->options.keep,
    };
    session->live =
        !session->options.tap && (session->options.jobs == 1 || session->list.count == 1);
    return run_all(session, err);
}

static int choose_tests(struct session *session, struct error **err)
{
    const struct test_options *options = &session->options;
    if (test_list_find(&session->list, options->suites, options->suite_count, err) < 0)
        return -1;
    test_list_filter(&session->list, options->filters, options->filter_count);
    if (options->suite_count > 0 && session->list.count == 0)
        return error_set(err, ENOENT, "there is no such test");
    return 0;
}

int command_test(int argc, char **argv, struct error **err)
{
    struct session session = {.live = false};
    int status = STATUS_USAGE;
    if (test_options_parse(argc, argv, &session.options, err) < 0) {
        fputs(test_usage, stderr);
        return STATUS_USAGE;
    }
    if (session.options.help) {
        fputs(test_usage, stdout);
        return EXIT_SUCCESS;
    }
    if (choose_tests(&session, err) == 0) {
        status = EXIT_SUCCESS;
        if (session.options.list)
            print_list(&session.list);
        else
            status = run_session(&session, err);
    }
    test_list_done(&session.list);
    return status;
}
