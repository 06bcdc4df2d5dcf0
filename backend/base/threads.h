/* Doing a thing for each of many at a time, in threads that have ended when the call returns. */
#ifndef KFS_BASE_THREADS_H
#define KFS_BASE_THREADS_H

#include <stddef.h>

/* Calls function(context, i) for i from 0 to count - 1, at most `limit` of them at a time. The
 * calling thread does its share, so that it works, more slowly, even where no thread can be made.
 */
void threads_for_each(size_t count, unsigned limit, void (*function)(void *context, size_t i),
                      void *context);

#endif
