/*
 * The items of a JSON array, one at a time, as the array comes in: a listing of ten thousand
 * containers costs the memory of one. The array is the whole document, or its member "Volumes".
 */
#ifndef KFS_DOCKER_ITEMS_H
#define KFS_DOCKER_ITEMS_H

#include "backend/docker/docker_int.h"

/* Takes an item, borrowed. Non-zero stops. */
typedef int (*item_sink)(void *context, const json_t *item);

struct items {
    struct buf text; /* before the array: what came so far; in it: the item that is coming in */
    size_t depth;    /* of the item's open brackets */
    bool inside;     /* the array has begun */
    bool closed;     /* and ended */
    bool in_string, escaped;
    bool broken; /* not JSON, or not of that form */
    item_sink sink;
    void *context;
};

void items_init(struct items *items, item_sink sink, void *context);
void items_done(struct items *items);
static inline void cleanup_items_done(struct items *items)
{
    items_done(items);
}

/* A byte_sink over a struct items. */
int items_take(void *items, const void *bytes, size_t length);

/* Whether that was all of a document of that form: an array, or null in its place. */
bool items_complete(const struct items *items);

#endif
