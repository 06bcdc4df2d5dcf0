/*
 * What a run shows, in the order of the script, whatever the order in which instructions are done:
 * the first instruction that is not done writes through, the later ones into buffers until it is
 * their turn. Thread-safe.
 */
#ifndef KFS_PLAN_OUTPUT_H
#define KFS_PLAN_OUTPUT_H

#include "backend/base/buf.h"

struct output;

/* For `count` instructions. write may be called from any thread. */
struct output *output_new(size_t count,
                          void (*write)(void *context, const char *text, size_t length),
                          void *context, struct error **err);
void output_free(struct output *output);
CLEANUP_DEFINE(output_free, struct output *)

/* Adds to what instruction `index` shows. */
void output_put(struct output *output, size_t index, const char *text, size_t length);
/* It has no more to show. */
void output_finish(struct output *output, size_t index);
/* Shows what is buffered still, of instructions that will not be finished. */
void output_flush(struct output *output);

#endif
