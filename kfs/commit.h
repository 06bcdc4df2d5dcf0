/*
 * When a file of a plan has been written, told from what programs really do when they save: not
 * each close means "done", and no event says so.
 *
 *  - The process that opened the file closes a descriptor of it, and there are bytes that were
 *    written since the last time. A shell closes once before a byte is written (`echo x > f` copies
 *    the descriptor), and commands that a shell lets write into its file close after their part of
 *    it ({ cat a; cat b; } > f): neither is it.
 *  - The last descriptor is closed, and there are such bytes still.
 *  - A file is renamed to an acting name.
 *
 * A part of a script may mean something else than the whole: after a write that failed (no room,
 * too large), which the writer was told, none of this counts for that open file until it is
 * emptied.
 *
 * Nothing else is: not truncating, chmod, setting times, unlinking, nor renaming to a backup's
 * name.
 */
#ifndef KFS_COMMIT_H
#define KFS_COMMIT_H

#include <stdbool.h>
#include <sys/types.h>

/* Of one open file. Not thread-safe. */
struct commit {
    pid_t opener; /* process, 0 if it is not known: then only the last close counts */
    bool dirty;
    bool failed; /* a part is missing of what was to be written */
};

/* Bytes were written. */
void commit_written(struct commit *commit);
/* A write failed. */
void commit_failed(struct commit *commit);
/* The file was emptied, through this open file. */
void commit_emptied(struct commit *commit);
/* The process (0: not known) closed a descriptor. Whether the file has been written now. */
bool commit_closed(struct commit *commit, pid_t process);
/* The last descriptor was closed. Whether the file has been written now. */
bool commit_released(struct commit *commit);

/* The process that the thread is of, as /proc says; 0 if that is not known, as for a thread of
 * another pid namespace, which the kernel calls 0. */
pid_t commit_process(pid_t thread);

#endif
