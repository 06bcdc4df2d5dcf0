/*
 * What a program says to an open `exec` file beside reading and writing: the size of the command's
 * terminal. Part of the interface, described in kfs(5).
 */
#ifndef KFS_EXEC_FILE_H
#define KFS_EXEC_FILE_H

#include <sys/ioctl.h>

/* Gives the terminal of the conversation's command (-t) this size. */
#define KFS_EXEC_RESIZE _IOW('K', 1, struct winsize)

#endif
