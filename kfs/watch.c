/* The list of views that are waited on: short, as one program waits on a file or two. */
#define FUSE_USE_VERSION 314
#include "kfs/watch.h"

#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>

struct watches {
    pthread_mutex_t list_lock; /* guards the list, the handles in it, and kept */
    struct watch *first;
    uint64_t kept; /* how many handles have been kept so far */
};

struct watches *watches_new(void)
{
    struct watches *watches = calloc(1, sizeof *watches);
    if (watches)
        pthread_mutex_init(&watches->list_lock, NULL);
    return watches;
}

void watches_free(struct watches *watches)
{
    if (!watches)
        return;
    pthread_mutex_destroy(&watches->list_lock);
    free(watches);
}

/* Under list_lock. */
static struct fuse_pollhandle *take(struct watch *watch)
{
    if (!watch->previous)
        return NULL;
    *watch->previous = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
    watch->previous = NULL;
    return steal(&watch->handle);
}

static struct fuse_pollhandle *exchange(struct watches *watches, struct watch *watch,
                                        struct fuse_pollhandle *handle)
{
    with_lock(&watches->list_lock);
    struct fuse_pollhandle *before = take(watch);
    if (!handle)
        return before;
    watch->handle = handle;
    watch->kept = ++watches->kept;
    watch->next = watches->first;
    watch->previous = &watches->first;
    if (watch->next)
        watch->next->previous = &watch->next;
    watches->first = watch;
    return before;
}

void watches_keep(struct watches *watches, struct watch *watch, struct fuse_pollhandle *handle)
{
    struct fuse_pollhandle *before = exchange(watches, watch, handle);
    if (before)
        fuse_pollhandle_destroy(before);
}

void watches_drop(struct watches *watches, struct watch *watch)
{
    watches_keep(watches, watch, NULL);
}

static uint64_t kept_so_far(struct watches *watches)
{
    with_lock(&watches->list_lock);
    return watches->kept;
}

static struct fuse_pollhandle *take_one(struct watches *watches, enum object_kind kind,
                                        object_id id, unsigned aspects, uint64_t until)
{
    with_lock(&watches->list_lock);
    for (struct watch *watch = watches->first; watch; watch = watch->next)
        if (watch->kind == kind && watch->id == id && watch->aspects & aspects &&
            watch->kept <= until)
            return take(watch);
    return NULL;
}

void watches_wake(struct watches *watches, enum object_kind kind, object_id id, unsigned aspects)
{
    /* One that is woken asks again at once: it has seen the change, and is not woken for it anew.
     */
    uint64_t until = kept_so_far(watches);
    for (struct fuse_pollhandle *handle; (handle = take_one(watches, kind, id, aspects, until));) {
        fuse_lowlevel_notify_poll(handle);
        fuse_pollhandle_destroy(handle);
    }
}
