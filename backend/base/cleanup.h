/*
 * Ownership of local variables: a variable marked with a cleanup attribute is released when its
 * scope ends, unless it was handed over with steal(). An owning type defines its own attribute
 * beside its free function:
 *
 *     void thing_free(struct thing *thing);            // takes NULL
 *     CLEANUP_DEFINE(thing_free, struct thing *)       // gives cleanup(thing_free)
 *
 *     cleanup(thing_free) struct thing *thing = thing_new();
 *     ...
 *     return steal(&thing);
 */
#ifndef KFS_BASE_CLEANUP_H
#define KFS_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(function) __attribute__((__cleanup__(cleanup_##function)))

/* Releasing must not disturb the errno of the failure that led to it. */
#define CLEANUP_DEFINE(function, type)                    \
    static inline void cleanup_##function(type *variable) \
    {                                                     \
        if (*variable) {                                  \
            int saved = errno;                            \
            function(*variable);                          \
            errno = saved;                                \
        }                                                 \
    }

/* The value of *pointer, which is NULL from then on: "I am handing this over". */
#define steal(pointer)                               \
    __extension__({                                  \
        __typeof__(*(pointer)) stolen_ = *(pointer); \
        *(pointer) = NULL;                           \
        stolen_;                                     \
    })

static inline void cleanup_free(void *variable)
{
    int saved = errno;
    free(*(void **)variable);
    errno = saved;
}

/* For file descriptors: -1 means none. */
static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

CLEANUP_DEFINE(closedir, DIR *)

/* Holds a mutex until the end of the scope:  with_lock(&engine->model_lock); */
static inline pthread_mutex_t *cleanup_lock_take(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}
static inline void cleanup_lock_release(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}
#define CLEANUP_JOIN_(a, b) a##b
#define CLEANUP_JOIN(a, b)  CLEANUP_JOIN_(a, b)
#define with_lock(mutex)                                                                      \
    __attribute__((__cleanup__(cleanup_lock_release), unused)) pthread_mutex_t *CLEANUP_JOIN( \
        held_lock_, __LINE__) = cleanup_lock_take(mutex)

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
