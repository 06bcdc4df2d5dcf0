/*
 * A request to stop, given once from any thread and seen by whoever does the work: as a flag
 * between steps, or as a descriptor that poll(2) wakes on while waiting. Counted references,
 * because who cancels and who works end at different times.
 */
#ifndef KFS_BASE_CANCEL_H
#define KFS_BASE_CANCEL_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cancel;

/* A new one, not fired, one reference. NULL (and err) if there is no descriptor left. */
struct cancel *cancel_new(struct error **err);
struct cancel *cancel_ref(struct cancel *cancel);
void cancel_unref(struct cancel *cancel);
CLEANUP_DEFINE(cancel_unref, struct cancel *)

/* Asks to stop. Safe to call again, from any thread and from a signal handler. */
void cancel_fire(struct cancel *cancel);

/* Whether it was asked to stop. NULL is never fired: an operation that nobody can cancel takes
 * NULL. */
bool cancel_fired(const struct cancel *cancel);

/* A descriptor that is readable for ever once fired; -1 for NULL. Owned by cancel; only for
 * poll(2). */
int cancel_fd(const struct cancel *cancel);

/* Waits until fired or until the monotonic time `deadline` (ns; 0: without end). Returns whether it
 * was fired. */
bool cancel_wait(const struct cancel *cancel, int64_t deadline);

#endif
