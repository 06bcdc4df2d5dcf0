/* kfs: calls the subcommand that is asked for. Usage follows from the table of them. */
#include "tools/kfs/command.h"

#include <stdio.h>
#include <string.h>

static void usage(FILE *out)
{
    fprintf(out, "usage: kfs COMMAND [ARGUMENT...]\n\n");
    for (const struct command *command = command_table; command->name; command++)
        fprintf(out, "  %-8s %-40s %s\n", command->name, command->arguments, command->summary);
    fprintf(out,
            "\nA command finds the mount by itself; KFS_MOUNT names it if there are several.\n");
}

static int usage_of(const struct command *command)
{
    fprintf(stderr, "usage: kfs %s %s\n", command->name, command->arguments);
    return EXIT_USAGE;
}

int command_help(int argc, char **argv, struct error **err)
{
    const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
    if (argc > 1 && !command) {
        error_set(err, EINVAL, "%s: no such command", argv[1]);
        return COMMAND_MISUSED;
    }
    if (command)
        printf("kfs %s %s\n    %s\n", command->name, command->arguments, command->summary);
    else
        usage(stdout);
    return EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char **argv)
{
    int given = argc - 1;
    if (given < command->arguments_min ||
        (command->arguments_max >= 0 && given > command->arguments_max))
        return usage_of(command);
    cleanup(error_free) struct error *err = NULL;
    int status = command->run(argc, argv, &err);
    if (err)
        fprintf(stderr, "kfs: %s\n", error_message(err));
    if (status != COMMAND_MISUSED)
        return status;
    return err ? EXIT_USAGE : usage_of(command);
}

static const struct command complete = {
    .name = "complete", .arguments = "WORD...", .arguments_max = -1, .run = command_complete};

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("kfs %s\n", KFS_VERSION);
        return EXIT_SUCCESS;
    }
    const char *name = strcmp(argv[1], "--help") == 0 ? "help" : argv[1];
    const struct command *command = strcmp(name, "complete") == 0 ? &complete : command_find(name);
    if (!command) {
        fprintf(stderr, "kfs: %s: no such command; kfs help lists them\n", name);
        return EXIT_USAGE;
    }
    return run(command, argc - 1, argv + 1);
}
