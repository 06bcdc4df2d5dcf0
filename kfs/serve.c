/*
 * Serving. libfuse's own loop is not used: it makes and ends threads as load comes and goes, and it
 * can miss a signal that another thread than the one it waits in takes.
 */
#define FUSE_USE_VERSION 314
#include "kfs/serve.h"

#include "kfs/receive.h"

#include "backend/base/cleanup.h"

#include <fuse3/fuse_lowlevel.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct server {
    struct fuse_session *session;
    struct receiving *receiving;
    atomic_int failure;
    unsigned count;
    pthread_t threads[];
};

static const int ending_signals[] = {SIGTERM, SIGINT};

/* Posted when it is time to end, by a thread or a signal; not in a struct because a handler can
 * reach nothing else. */
static sem_t end_wanted;

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    sem_post(&end_wanted);
    errno = saved;
}

static void catch_signals(struct sigaction old[static ARRAY_LENGTH(ending_signals)])
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++) {
        sigaction(ending_signals[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(ending_signals[i], &action, NULL);
    }
}

static void release_signals(const struct sigaction old[static ARRAY_LENGTH(ending_signals)])
{
    for (size_t i = 0; i < ARRAY_LENGTH(ending_signals); i++)
        sigaction(ending_signals[i], &old[i], NULL);
}

static void free_memory(void *buffer)
{
    free(((struct fuse_buf *)buffer)->mem);
}

static void *serve(void *argument)
{
    struct server *server = argument;
    struct fuse_buf buffer = {.mem = NULL};
    struct receiver self = {0};
    int old, got;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    pthread_cleanup_push(free_memory, &buffer);
    while ((got = receive_next(server->receiving, &self, &buffer)) > 0 || got == -EINTR)
        if (got > 0)
            fuse_session_process_buf(server->session, &buffer);
    if (got < 0)
        server->failure = -got;
    sem_post(&end_wanted);
    pthread_cleanup_pop(1);
    return NULL;
}

static void end_threads(struct server *server)
{
    receive_end(server->receiving);
    for (unsigned i = 0; i < server->count; i++)
        pthread_cancel(server->threads[i]);
    for (unsigned i = 0; i < server->count; i++)
        pthread_join(server->threads[i], NULL);
}

int serve_session(struct fuse_session *session, unsigned threads, struct error **err)
{
    struct sigaction old[ARRAY_LENGTH(ending_signals)];
    cleanup(free) struct server *server =
        calloc(1, sizeof *server + threads * sizeof *server->threads);
    struct receiving *receiving = server ? receive_new(session) : NULL;
    if (!receiving)
        return error_set(err, ENOMEM, "out of memory");
    server->session = session;
    server->receiving = receiving;
    sem_init(&end_wanted, 0, 0);
    catch_signals(old);
    while (server->count < threads &&
           pthread_create(&server->threads[server->count], NULL, serve, server) == 0)
        server->count++;
    if (server->count == 0)
        server->failure = EAGAIN;
    else
        while (sem_wait(&end_wanted) < 0 && errno == EINTR)
            continue;
    fuse_session_exit(session);
    end_threads(server);
    release_signals(old);
    receive_free(receiving);
    int failure = server->failure;
    return failure ? error_set(err, failure, "serving the mount broke down: %s", strerror(failure))
                   : 0;
}
