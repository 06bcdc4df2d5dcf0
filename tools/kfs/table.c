/* The table of subcommands, in the order of usage. */
#include "tools/kfs/command.h"

#include <string.h>

const struct command command_table[] = {
    {"mount",
     "DIRECTORY [OPTION...]",
     "mount the tree; options are kfsd's",
     1,
     -1,
     {WORD_FILE},
     command_mount},
    {"umount", "[DIRECTORY]", "unmount it; containers go on", 0, 1, {WORD_MOUNT}, command_umount},
    {"status",
     "[ENCLAVE [SERVICE]]",
     "the state of the engine, an enclave or a service",
     0,
     2,
     {WORD_ENCLAVE, WORD_SERVICE},
     command_status},
    {"ls",
     "[ENCLAVE]",
     "the table of enclaves, or an enclave's services and their ports",
     0,
     1,
     {WORD_ENCLAVE},
     command_ls},
    {"inspect",
     "ENCLAVE [SERVICE]",
     "all about an enclave or a service, on a page",
     1,
     2,
     {WORD_ENCLAVE, WORD_SERVICE},
     command_inspect},
    {"run",
     "ENCLAVE [OPTION...] LOCATOR [ARGUMENTS]",
     "run a script or package, follow its output, end as it ends",
     2,
     -1,
     {WORD_ENCLAVE, WORD_FILE},
     command_run},
    {"plan",
     "[OPTION...] LOCATOR [ARGUMENTS]",
     "print the plan that a script or package makes, as JSON",
     1,
     -1,
     {WORD_FILE},
     command_plan},
    {"logs",
     "[-f] [-n LINES] ENCLAVE [SERVICE]",
     "what services have written; -f goes on",
     1,
     -1,
     {WORD_ENCLAVE, WORD_SERVICE},
     command_logs},
    {"port",
     "ENCLAVE SERVICE [PORT]",
     "where ports are published",
     2,
     3,
     {WORD_ENCLAVE, WORD_SERVICE, WORD_PORT},
     command_port},
    {"doctor", "", "check this machine and say what to do", 0, 0, {WORD_NONE}, command_doctor},
    {"help", "[COMMAND]", "this page", 0, 1, {WORD_NONE}, command_help},
    {.name = NULL},
};

const struct command *command_find(const char *name)
{
    for (const struct command *command = command_table; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}
