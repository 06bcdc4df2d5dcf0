/* A conversation with a service through its `exec` file: how one is begun. */
#ifndef KFS_TOOLS_TALK_H
#define KFS_TOOLS_TALK_H

#include "backend/base/buf.h"

enum {
    TALK_LINE_MAX = 1 << 20 /* bytes of the line that asks for a command */
};

/* The service's `exec` file for reading and writing, and flags of open(2). The caller closes it. */
int talk_open(const char *enclave, const char *service, int flags, struct error **err);

/* Appends a command from the command line: one word is a line of the service's shell, more are
 * quoted for it. A "--" before them is passed over, as people know it from elsewhere. */
void talk_put_command(struct buf *line, int count, char **words);
/* One word as the service's shell takes it, and a space. */
void talk_put_quoted(struct buf *line, const char *word);

/* Writes the line, which begins the command. */
int talk_ask(int fd, struct buf *line, struct error **err);

#endif
