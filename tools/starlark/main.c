/* starlark: runs a Starlark file, a piece of code, standard input, or what is typed. See
 * starlark(1). */
#include "tools/starlark/session.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2
};

enum {
    OPT_MAX_STEPS = 256,
    OPT_MAX_MEMORY,
    OPT_CHECK,
    OPT_TEST,
    OPT_HELP,
    OPT_VERSION,
    OPT_DIALECT
};

/* The dialect's switches are numbered from OPT_DIALECT on, by their bits. */
#define DIALECT(name, bit)                           \
    {                                                \
        name, no_argument, NULL, OPT_DIALECT + (bit) \
    }

static const struct option long_options[] = {
    DIALECT("set", STAR_ALLOW_SET),
    DIALECT("while", STAR_ALLOW_WHILE),
    DIALECT("toplevelcontrol", STAR_ALLOW_TOPLEVEL_CONTROL),
    DIALECT("globalreassign", STAR_ALLOW_GLOBAL_REASSIGN),
    DIALECT("recursion", STAR_ALLOW_RECURSION),
    DIALECT("loadbindsglobally", STAR_LOAD_BINDS_GLOBALLY),
    {"max-steps", required_argument, NULL, OPT_MAX_STEPS},
    {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
    {"check", no_argument, NULL, OPT_CHECK},
    {"test", no_argument, NULL, OPT_TEST},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage_text[] =
    "usage: starlark [options] [FILE.star | -c CODE]\n"
    "  -c CODE              run CODE\n"
    "  --check              parse and resolve only\n"
    "  --set --while --toplevelcontrol --globalreassign --recursion --loadbindsglobally\n"
    "                       allow what the standard dialect does not\n"
    "  --max-steps N        stop after N steps\n"
    "  --max-memory N       stop when values take more than N bytes (K, M and G are understood)\n"
    "  --test               predeclare what conformance suites need\n"
    "  --help, --version\n"
    "Without FILE or CODE: standard input, which is a dialogue if it is a terminal.\n";

struct command {
    struct session_options options;
    bool check;
    const char *code;
    const char *file;
};

static bool parse_number(const char *text, bool units, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = 0;
    if (units && *end && !end[1])
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift)
        end++;
    *ret = value << shift;
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
           value <= UINT64_MAX >> shift;
}

static int fail_usage(void)
{
    fputs(usage_text, stderr);
    return EXIT_USAGE;
}

/* One option; gives an exit status, or -1 to go on. */
static int take_option(struct command *command, int option)
{
    switch (option) {
    case 'c':
        command->code = optarg;
        return -1;
    case OPT_MAX_STEPS:
        return parse_number(optarg, false, &command->options.max_steps) ? -1 : fail_usage();
    case OPT_MAX_MEMORY:
        return parse_number(optarg, true, &command->options.max_memory) ? -1 : fail_usage();
    case OPT_CHECK:
        command->check = true;
        return -1;
    case OPT_TEST:
        command->options.test = true;
        return -1;
    case OPT_HELP:
        fputs(usage_text, stdout);
        return EXIT_SUCCESS;
    case OPT_VERSION:
        printf("starlark (kfs) %s\n", KFS_VERSION);
        return EXIT_SUCCESS;
    default:
        if (option <= OPT_DIALECT)
            return fail_usage();
        command->options.dialect |= (unsigned)(option - OPT_DIALECT);
        return -1;
    }
}

static int run_file(struct session *session, const struct command *command, const char *path,
                    const char *shown)
{
    size_t size;
    char *source = session_read(path, &size);
    if (!source) {
        fprintf(stderr, "starlark: %s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    bool ok = session_run(session, shown, source, size, command->check);
    free(source);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct command *command)
{
    struct session session;
    int status = EXIT_SUCCESS;
    if (!session_begin(&session, &command->options)) {
        fputs("starlark: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    if (command->code)
        status =
            session_run(&session, "cmdline", command->code, strlen(command->code), command->check)
                ? EXIT_SUCCESS
                : EXIT_FAILURE;
    else if (command->file && strcmp(command->file, "-") != 0)
        status = run_file(&session, command, command->file, command->file);
    else if (!command->file && isatty(STDIN_FILENO))
        repl_run(&session);
    else
        status = run_file(&session, command, "-", "<stdin>");
    session_end(&session);
    return status;
}

int main(int argc, char **argv)
{
    struct command command = {0};
    int option;
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        int status = take_option(&command, option == 'h' ? OPT_HELP : option);
        if (status >= 0)
            return status;
    }
    if (argc - optind > 1 || (command.code && optind < argc))
        return fail_usage();
    command.file = argv[optind];
    return run(&command);
}
