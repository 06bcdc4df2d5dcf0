/* Options by getopt_long, and their values. */
#include "tools/test/options.h"

#include "backend/base/clock.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_LIMIT (5 * 60 * CLOCK_SECOND)

enum {
    JOBS_MAX = 256,
    FIRST_LONG = 256 /* what getopt gives for options that have no letter */
};

enum long_option {
    OPTION_LIST = FIRST_LONG,
    OPTION_FILTER,
    OPTION_TIMEOUT,
    OPTION_SETUP_TIMEOUT,
    OPTION_KEEP,
    OPTION_JUNIT,
    OPTION_TAP,
    OPTION_RESULTS,
    OPTION_SWEEP,
    OPTION_HELP
};

const char test_usage[] =
    "usage: kfs test [-j N] [--list] [--filter GLOB] [--timeout DURATION]\n"
    "                [--setup-timeout DURATION] [--keep never|failed|always]\n"
    "                [--junit FILE] [--tap] [--results DIRECTORY] SUITE...\n"
    "       kfs test --sweep [SUITE...]\n";

static const struct option long_options[] = {
    {"jobs", required_argument, NULL, 'j'},
    {"list", no_argument, NULL, OPTION_LIST},
    {"filter", required_argument, NULL, OPTION_FILTER},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"setup-timeout", required_argument, NULL, OPTION_SETUP_TIMEOUT},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"junit", required_argument, NULL, OPTION_JUNIT},
    {"tap", no_argument, NULL, OPTION_TAP},
    {"results", required_argument, NULL, OPTION_RESULTS},
    {"sweep", no_argument, NULL, OPTION_SWEEP},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static int take_jobs(const char *text, unsigned *ret_jobs, struct error **err)
{
    char *end;
    long jobs = strtol(text, &end, 10);
    if (*end || end == text || jobs < 1 || jobs > JOBS_MAX)
        return error_set(err, EINVAL, "-j takes a number from 1 to %d, not '%s'", JOBS_MAX, text);
    *ret_jobs = (unsigned)jobs;
    return 0;
}

static int take_limit(const char *option, const char *text, int64_t *ret_limit, struct error **err)
{
    if (clock_parse_duration(text, ret_limit, NULL) < 0 || *ret_limit <= 0)
        return error_set(err, EINVAL, "%s takes a duration such as 90s or 5m, not '%s'", option,
                         text);
    return 0;
}

static int take_keep(const char *text, enum keep *ret_keep, struct error **err)
{
    static const char *const names[] = {
        [KEEP_NEVER] = "never", [KEEP_FAILED] = "failed", [KEEP_ALWAYS] = "always"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_keep = (enum keep)i;
            return 0;
        }
    }
    return error_set(err, EINVAL, "--keep takes never, failed or always, not '%s'", text);
}

static int take_filter(const char *text, struct test_options *options, struct error **err)
{
    if (options->filter_count == FILTERS_MAX)
        return error_set(err, EINVAL, "more than %d filters", FILTERS_MAX);
    options->filters[options->filter_count++] = text;
    return 0;
}

static int take_flag(int option, struct test_options *options)
{
    options->list = options->list || option == OPTION_LIST;
    options->tap = options->tap || option == OPTION_TAP;
    options->sweep = options->sweep || option == OPTION_SWEEP;
    options->help = options->help || option == OPTION_HELP;
    return 0;
}

static int take(int option, struct test_options *options, struct error **err)
{
    switch (option) {
    case 'j':
        return take_jobs(optarg, &options->jobs, err);
    case OPTION_FILTER:
        return take_filter(optarg, options, err);
    case OPTION_TIMEOUT:
        return take_limit("--timeout", optarg, &options->run_limit, err);
    case OPTION_SETUP_TIMEOUT:
        return take_limit("--setup-timeout", optarg, &options->setup_limit, err);
    case OPTION_KEEP:
        return take_keep(optarg, &options->keep, err);
    case OPTION_JUNIT:
        options->junit = optarg;
        return 0;
    case OPTION_RESULTS:
        options->results = optarg;
        return 0;
    case '?':
        return error_set(err, EINVAL, "there is no such option, or it lacks its value");
    default:
        return take_flag(option, options);
    }
}

int test_options_parse(int argc, char **argv, struct test_options *ret_options, struct error **err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int option;
    *ret_options = (struct test_options){.jobs = cores < 1          ? 1
                                                 : cores > JOBS_MAX ? JOBS_MAX
                                                                    : (unsigned)cores,
                                         .run_limit = DEFAULT_LIMIT,
                                         .setup_limit = DEFAULT_LIMIT};
    optind = 0; /* getopt(3): begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "j:", long_options, NULL)) != -1)
        if (take(option, ret_options, err) < 0)
            return -1;
    ret_options->suites = (const char *const *)argv + optind;
    ret_options->suite_count = (size_t)(argc - optind);
    if (ret_options->suite_count == 0 && !ret_options->sweep && !ret_options->help)
        return error_set(err, EINVAL, "say which suite");
    return 0;
}
