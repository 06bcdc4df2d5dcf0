/* A loop over threads. */
#include "backend/base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct loop {
    size_t count;
    atomic_size_t next;
    void (*function)(void *context, size_t i);
    void *context;
};

static void *work(void *argument)
{
    struct loop *loop = argument;
    for (size_t i; (i = atomic_fetch_add(&loop->next, 1)) < loop->count;)
        loop->function(loop->context, i);
    return NULL;
}

void threads_for_each(size_t count, unsigned limit, void (*function)(void *context, size_t i),
                      void *context)
{
    struct loop loop = {.count = count, .function = function, .context = context};
    size_t wanted = count < limit ? count : limit, started = 0;
    pthread_t *threads = wanted > 1 ? calloc(wanted - 1, sizeof *threads) : NULL;
    while (threads && started < wanted - 1 &&
           pthread_create(&threads[started], NULL, work, &loop) == 0)
        started++;
    work(&loop);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}
