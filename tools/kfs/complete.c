/* `kfs complete WORD...`: what the last word could be, from the table of subcommands and the live
 * tree. The shells' completion functions only call this. No mount and no such name offer nothing.
 */
#include "tools/kfs/command.h"

#include "tools/kfs/mounts.h"
#include "tools/kfs/tree.h"

#include <stdio.h>
#include <string.h>

static void offer(const char *candidate, const char *begun)
{
    if (strncmp(candidate, begun, strlen(begun)) == 0)
        puts(candidate);
}

static void offer_all(char **names, size_t count, const char *begun)
{
    for (size_t i = 0; i < count; i++)
        offer(names[i], begun);
    tree_names_free(names, count);
}

static void offer_commands(const char *begun)
{
    for (const struct command *command = command_table; command->name; command++)
        offer(command->name, begun);
}

/* The arguments before the one to complete, without options. */
struct before {
    const char *words[WORDS_MAX];
    size_t count;
};

static void offer_names(enum word_kind kind, const struct before *before, const char *begun)
{
    char **names = NULL;
    size_t count = 0;
    int found = -1;
    if (kind == WORD_ENCLAVE)
        found = tree_list(NULL, &names, &count, "enclaves", NULL);
    else if (kind == WORD_SERVICE && before->count >= 1)
        found = tree_list(NULL, &names, &count, "enclaves", before->words[0], "services", NULL);
    else if (kind == WORD_PORT && before->count >= 2)
        found = tree_list(NULL, &names, &count, "enclaves", before->words[0], "services",
                          before->words[1], "port", NULL);
    else if (kind == WORD_MOUNT)
        found = mounts_list(&names, &count, NULL);
    if (found == 0)
        offer_all(names, count, begun);
}

static struct before words_before(int argc, char **argv)
{
    struct before before = {.count = 0};
    for (int i = 2; i < argc - 1 && before.count < WORDS_MAX; i++)
        if (argv[i][0] != '-')
            before.words[before.count++] = argv[i];
    return before;
}

int command_complete(int argc, char **argv, struct error **err)
{
    (void)err;
    if (argc <= 2) {
        offer_commands(argc == 2 ? argv[1] : "");
        return EXIT_SUCCESS;
    }
    const struct command *command = command_find(argv[1]);
    if (!command)
        return EXIT_SUCCESS;
    if (command->run == command_help) {
        offer_commands(argv[argc - 1]);
        return EXIT_SUCCESS;
    }
    struct before before = words_before(argc, argv);
    if (before.count < WORDS_MAX)
        offer_names(command->words[before.count], &before, argv[argc - 1]);
    return EXIT_SUCCESS;
}
