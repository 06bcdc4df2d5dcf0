/*
 * The terminal that this program was started on, given over to a command elsewhere: raw, so that
 * every key goes there, and as it was before however this program ends, but by SIGKILL.
 */
#ifndef KFS_TOOLS_TERMINAL_H
#define KFS_TOOLS_TERMINAL_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <sys/ioctl.h>

/* Whether standard input and output are a terminal. */
bool terminal_here(void);
/* From now on it is raw. */
int terminal_begin(struct error **err);
/* As it was; also when it never was raw, and twice. */
void terminal_end(void);
/* Its size now; false if it has none. */
bool terminal_size(struct winsize *ret_size);

#endif
