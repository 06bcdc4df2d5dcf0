/* What a command run to its end and a conversation with one have in common. */
#ifndef KFS_DOCKER_EXEC_H
#define KFS_DOCKER_EXEC_H

#include "backend/docker/docker_int.h"

enum {
    EXEC_MARK_SIZE = 64,
    EXEC_WORDS_MAX = 512 /* bytes of a failed start's words that are looked at */
};

/* What a command put out first: the reason, if it could not be started. */
struct exec_words {
    char text[EXEC_WORDS_MAX + 1];
    size_t length;
};
void exec_words_take(struct exec_words *words, const void *bytes, size_t length);
/* The exit code as a shell gives it: 127 for a command that is not there. */
int exec_words_code(const struct exec_words *words, int code);

/* An exec that was made. */
struct exec {
    char *id;
    char *service_id;
    bool terminal;
    char mark[EXEC_MARK_SIZE]; /* "KFS_EXEC=...": in its environment where it cannot be killed from
                                  here by its process id; else "" */
};

/* Makes it, not started yet. */
int exec_create(struct docker *docker, const struct exec_spec *spec, bool input,
                const struct orchestrator_call *call, struct exec *ret_exec, struct error **err);
void exec_done(struct exec *exec);
static inline void cleanup_exec_done(struct exec *exec)
{
    exec_done(exec);
}

/* Whether it runs, and if it does not its exit code. */
int exec_inspect(struct docker *docker, const struct exec *exec,
                 const struct orchestrator_call *call, bool *ret_running, int *ret_code,
                 struct error **err);

/* Kills the command and what it started, if it runs; takes at most a second. */
void exec_kill(struct docker *docker, const struct exec *exec);

#endif
