/*
 * The command `kfs`: one table of subcommands, from which dispatch, usage and completion follow.
 * Except for mounting, `plan` and `doctor`, a subcommand only reads and writes files of the mounted
 * tree.
 *
 * Exit status of every subcommand: 0 done, 1 it failed (a line on standard error says why), 2 it
 * was called wrongly; those of `test` are listed in tools/test/test.c.
 */
#ifndef KFS_TOOLS_COMMAND_H
#define KFS_TOOLS_COMMAND_H

#include "backend/base/error.h"

enum {
    EXIT_USAGE = 2,
    COMMAND_MISUSED = -1, /* what a subcommand gives for that exit status */
    WORDS_MAX = 4         /* arguments of a subcommand that completion knows */
};

/* What an argument names, so that completion can offer what there is. */
enum word_kind {
    WORD_NONE,
    WORD_FILE,
    WORD_MOUNT,
    WORD_ENCLAVE,
    WORD_SERVICE, /* of the enclave named before it */
    WORD_PORT,    /* of the service named before it */
    WORD_KIND_MAX
};

struct command {
    const char *name;
    const char *arguments;            /* as usage shows them */
    const char *summary;              /* one line */
    int arguments_min, arguments_max; /* without options; -1: no limit */
    enum word_kind words[WORDS_MAX];
    /* argv[0] is the subcommand's name. Gives the exit status; on failure *err may be set and is
     * then printed. COMMAND_MISUSED without it has usage printed. */
    int (*run)(int argc, char **argv, struct error **err);
};

/* Ends with one whose name is NULL. */
extern const struct command command_table[];

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

int command_mount(int argc, char **argv, struct error **err);
int command_umount(int argc, char **argv, struct error **err);
int command_status(int argc, char **argv, struct error **err);
int command_ls(int argc, char **argv, struct error **err);
int command_inspect(int argc, char **argv, struct error **err);
int command_run(int argc, char **argv, struct error **err);
int command_plan(int argc, char **argv, struct error **err);
int command_logs(int argc, char **argv, struct error **err);
int command_port(int argc, char **argv, struct error **err);
int command_test(int argc, char **argv, struct error **err);
int command_exec(int argc, char **argv, struct error **err);
int command_shell(int argc, char **argv, struct error **err);
int command_cp(int argc, char **argv, struct error **err);
int command_doctor(int argc, char **argv, struct error **err);
int command_help(int argc, char **argv, struct error **err);
/* Not in usage: `kfs complete WORD...` prints what the last word could be, a line each. */
int command_complete(int argc, char **argv, struct error **err);

#endif
