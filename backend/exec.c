/*
 * Commands inside services. Each has a thread that moves its output into a bounded buffer, from
 * which readers take it; a reader that is slow makes the command wait, as a pipe does. A command is
 * a process in a container, so a thread for it is no great cost; their number is bounded all the
 * same.
 */
#include "backend/engine_int.h"

#include <string.h>

enum {
    EXECS_MAX = 256,
    OUTPUT_MAX_BYTES = 1 << 20,
    PIECE_BYTES = 64 << 10,
    STACK_BYTES = 512 << 10
};

struct service_exec {
    struct engine *engine;
    struct exec_session *session;
    struct cancel *cancel;
    void (*grown)(void *context);
    void *context;
    pthread_t thread;
    bool started;

    pthread_mutex_t output_lock; /* guards all below */
    pthread_cond_t output_taken;
    struct buf output;
    size_t taken;
    bool ended;
    int code;
    struct error *failure;
};

/* Puts a piece of output into the buffer, waiting until it has room. False if the exec is being
 * freed. */
static bool output_put(struct service_exec *exec, const char *bytes, size_t length)
{
    with_lock(&exec->output_lock);
    while (exec->output.length - exec->taken > OUTPUT_MAX_BYTES - PIECE_BYTES &&
           !cancel_fired(exec->cancel))
        pthread_cond_wait(&exec->output_taken, &exec->output_lock);
    if (exec->taken > 0) {
        memmove(exec->output.data, exec->output.data + exec->taken,
                exec->output.length - exec->taken);
        buf_truncate(&exec->output, exec->output.length - exec->taken);
        exec->taken = 0;
    }
    buf_append(&exec->output, bytes, length);
    return !cancel_fired(exec->cancel);
}

static void *exec_thread(void *argument)
{
    struct service_exec *exec = argument;
    struct exec_session *session = exec->session;
    struct orchestrator_call call = {.cancel = exec->cancel, .deadline = INT64_MAX};
    struct error *failure = NULL;
    cleanup(free) char *piece = malloc(PIECE_BYTES);
    enum stream stream;
    ssize_t got = piece ? 1 : -1;
    while (got > 0 &&
           (got = session->read(session, piece, PIECE_BYTES, &stream, &call, &failure)) > 0) {
        if (!output_put(exec, piece, (size_t)got))
            break;
        exec->grown(exec->context);
    }
    int code = -1;
    if (got == 0)
        session->exit_code(session, &code, &failure);
    {
        with_lock(&exec->output_lock);
        exec->ended = true;
        exec->code = code;
        exec->failure = failure;
    }
    exec->grown(exec->context);
    return NULL;
}

static int exec_count(struct engine *engine, struct error **err)
{
    with_lock(&engine->model_lock);
    if (engine->execs >= EXECS_MAX)
        return error_set(err, EAGAIN,
                         "%d commands run in services already; wait until some have ended",
                         EXECS_MAX);
    engine->execs++;
    return 0;
}

static int exec_begin(struct service_exec *exec, object_id id, char *const *argv, bool terminal,
                      struct error **err)
{
    struct engine *engine = exec->engine;
    cleanup(free) char *handle = service_running_handle(engine, id, err);
    struct exec_spec spec = {.service_id = handle, .argv = argv, .terminal = terminal};
    if (!handle || !(exec->cancel = cancel_new(err)) ||
        engine->orchestrator->exec_open(engine->orchestrator, &spec, NULL, &exec->session, err) < 0)
        return -1;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    errno = pthread_create(&exec->thread, &attributes, exec_thread, exec);
    pthread_attr_destroy(&attributes);
    exec->started = errno == 0;
    return exec->started ? 0 : error_system(err, "cannot start a thread for a command");
}

struct service_exec *service_exec_start(struct engine *engine, object_id id, char *const *argv,
                                        bool terminal, void (*grown)(void *context), void *context,
                                        struct error **err)
{
    struct service_exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        abort();
    if (exec_count(engine, err) < 0) {
        free(exec);
        return NULL;
    }
    exec->engine = engine;
    exec->grown = grown;
    exec->context = context;
    exec->output = BUF_INIT(OUTPUT_MAX_BYTES);
    pthread_mutex_init(&exec->output_lock, NULL);
    pthread_cond_init(&exec->output_taken, NULL);
    if (exec_begin(exec, id, argv, terminal, err) < 0) {
        service_exec_free(exec);
        return NULL;
    }
    return exec;
}

ssize_t service_exec_read(struct service_exec *exec, void *bytes, size_t size)
{
    with_lock(&exec->output_lock);
    size_t left = exec->output.length - exec->taken, length = left < size ? left : size;
    if (length == 0)
        return exec->ended ? -1 : 0;
    memcpy(bytes, exec->output.data + exec->taken, length);
    exec->taken += length;
    pthread_cond_signal(&exec->output_taken);
    return (ssize_t)length;
}

int service_exec_write(struct service_exec *exec, const void *bytes, size_t length,
                       struct error **err)
{
    return exec->session->write(exec->session, bytes, length, err);
}

int service_exec_close_input(struct service_exec *exec, struct error **err)
{
    return exec->session->close_input(exec->session, err);
}

int service_exec_resize(struct service_exec *exec, unsigned rows, unsigned columns,
                        struct error **err)
{
    return exec->session->resize(exec->session, rows, columns, err);
}

int service_exec_code(struct service_exec *exec, int *ret_code, struct error **err)
{
    with_lock(&exec->output_lock);
    if (!exec->ended)
        return error_set(err, EAGAIN, "the command still runs");
    if (exec->failure)
        return error_set(err, EIO, "the command was lost: %s", error_message(exec->failure));
    *ret_code = exec->code;
    return 0;
}

void service_exec_free(struct service_exec *exec)
{
    if (!exec)
        return;
    cancel_fire(exec->cancel);
    {
        with_lock(&exec->output_lock);
        pthread_cond_signal(&exec->output_taken);
    }
    if (exec->started)
        pthread_join(exec->thread, NULL);
    if (exec->session)
        exec->session->free(exec->session);
    {
        with_lock(&exec->engine->model_lock);
        exec->engine->execs--;
    }
    cancel_unref(exec->cancel);
    error_free(exec->failure);
    buf_done(&exec->output);
    pthread_mutex_destroy(&exec->output_lock);
    pthread_cond_destroy(&exec->output_taken);
    free(exec);
}
