/*
 * Tells the kernel what it must no longer believe. This is what makes long timeouts and kept pages
 * honest.
 *
 * The engine's change sink only puts a change in a queue, where changes of one object become one.
 * What is pushed for it follows from the table: the attributes of every row that shows the changed
 * aspect are declared old, and names that went are declared to be looked up again. Declaring
 * attributes old is enough for content too: the kernel asks for them before it uses a kept page or
 * listing, sees another mtime or size, and drops what it has.
 *
 * Attributes are pushed by one thread, or at once by a handler that has just changed something and
 * is about to say so (notifier_settle): that takes no lock in the kernel that a handler could hold.
 * Names are pushed only by the thread, because that takes the directory's lock.
 *
 * With the attributes go the wake-ups of who waits on an open file with poll(2) (watch.h).
 *
 * A reply with old facts can overtake a push. So a push that follows closely on a cacheable reply
 * is done again a moment later.
 */
#ifndef KFS_NOTIFIER_H
#define KFS_NOTIFIER_H

#include "backend/engine.h"

struct notifier;
struct fuse_session;
struct real_nodes;
struct watches;

/* NULL if there is no thread for it. */
struct notifier *notifier_new(struct engine *engine, struct fuse_session *session,
                              struct real_nodes *nodes, struct watches *watches);

/* Runs what notifier_after still holds, then ends. Nobody may use it any more. */
void notifier_free(struct notifier *notifier);

/* An engine_change_sink; context is the notifier. */
void notifier_sink(void *context, const struct engine_change *change);

/* Returns when the kernel has been told of all attributes that had changed when it was called. For
 * use by a handler before it answers a change, and before it lets kept pages be used. */
void notifier_settle(struct notifier *notifier);

/* Calls function(context) from the thread, once the kernel has been told of all that had changed
 * when this was called. For answers that say "it is done". Not for the answer to a request during
 * which the kernel holds a directory's lock. */
void notifier_after(struct notifier *notifier, void (*function)(void *context), void *context);

/* How many changes there were. A handler takes it before it looks at facts, and tells it to
 * notifier_cacheable before it answers: whether the kernel may keep the answer. */
uint64_t notifier_sequence(const struct notifier *notifier);
bool notifier_cacheable(struct notifier *notifier, uint64_t sequence);

#endif
