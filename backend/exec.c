/*
 * Commands inside services. Each has a thread that moves its output into a bounded buffer, from
 * which readers take it; a reader that is slow makes the command wait, as a pipe does. One that has
 * input has a second thread, which moves that out of another bounded buffer: so nobody who writes
 * waits here for a command that does not read. A command is a process in a container, so a thread
 * or two for it are no great cost; their number is bounded all the same.
 */
#include "backend/engine_int.h"

#include <string.h>

enum {
    EXECS_MAX = 256,
    OUTPUT_MAX_BYTES = 1 << 20,
    INPUT_MAX_BYTES = 2 * EXEC_WRITE_MAX,
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
    pthread_t input_thread;
    bool has_input; /* the thread has been started; changed by who writes only */

    pthread_mutex_t output_lock; /* guards all below */
    pthread_cond_t output_taken;
    struct buf output;
    size_t taken;
    pthread_cond_t input_given;
    struct buf input;
    size_t sending;    /* bytes that the input thread has taken out of it and not sent yet */
    bool input_closed; /* no more will be given */
    bool input_over;   /* no more can be sent */
    bool ended;
    int code;
    struct error *failure;
};

/* ---- output ---- */

/* Puts a piece of output into the buffer, waiting until it has room. False if the exec is being
 * freed. */
static bool output_put(struct service_exec *exec, const char *bytes, size_t length)
{
    with_lock(&exec->output_lock);
    while (exec->output.length - exec->taken > OUTPUT_MAX_BYTES - PIECE_BYTES &&
           !cancel_fired(exec->cancel))
        pthread_cond_wait(&exec->output_taken, &exec->output_lock);
    buf_drop(&exec->output, exec->taken);
    exec->taken = 0;
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
        pthread_cond_signal(&exec->input_given);
    }
    exec->grown(exec->context);
    return NULL;
}

/* ---- input ---- */

/* Takes what there is to send, waiting for it; nothing: the input is to be closed. False: it is
 * over. */
static bool input_take(struct service_exec *exec, struct buf *piece)
{
    with_lock(&exec->output_lock);
    while (exec->input.length == 0 && !exec->input_closed && !exec->ended &&
           !cancel_fired(exec->cancel))
        pthread_cond_wait(&exec->input_given, &exec->output_lock);
    *piece = exec->input;
    exec->input = BUF_INIT(INPUT_MAX_BYTES);
    exec->sending = piece->length;
    return !exec->ended && !cancel_fired(exec->cancel);
}

static void *input_run(void *argument)
{
    struct service_exec *exec = argument;
    struct exec_session *session = exec->session;
    struct orchestrator_call call = {.cancel = exec->cancel, .deadline = INT64_MAX};
    for (bool more = true; more;) {
        cleanup(buf_done) struct buf piece = {0};
        more = input_take(exec, &piece);
        if (more && piece.length == 0) {
            session->close_input(session, NULL);
            more = false;
        } else if (more) {
            more = session->write(session, piece.data, piece.length, &call, NULL) == 0;
        }
        {
            with_lock(&exec->output_lock);
            exec->sending = 0;
            exec->input_over = !more;
        }
        exec->grown(exec->context); /* there is room */
    }
    return NULL;
}

static int thread_start(pthread_t *thread, void *(*function)(void *argument),
                        struct service_exec *exec, struct error **err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    errno = pthread_create(thread, &attributes, function, exec);
    pthread_attr_destroy(&attributes);
    return errno ? error_system(err, "cannot start a thread for a command") : 0;
}

/* Puts bytes into the buffer; none: closes it. */
static int input_give(struct service_exec *exec, const void *bytes, size_t length,
                      struct error **err)
{
    with_lock(&exec->output_lock);
    if (exec->ended || exec->input_closed || exec->input_over)
        return error_set(err, EPIPE, "the command takes no more input");
    if (exec->input.length + exec->sending + length > INPUT_MAX_BYTES)
        return error_set(err, EAGAIN, "the command does not read its input");
    buf_append(&exec->input, bytes, length);
    exec->input_closed = length == 0;
    pthread_cond_signal(&exec->input_given);
    if (exec->has_input)
        return 0;
    exec->has_input = thread_start(&exec->input_thread, input_run, exec, err) == 0;
    return exec->has_input ? 0 : -1;
}

int service_exec_write(struct service_exec *exec, const void *bytes, size_t length,
                       struct error **err)
{
    return length == 0 ? 0 : input_give(exec, bytes, length, err);
}

int service_exec_close_input(struct service_exec *exec, struct error **err)
{
    return input_give(exec, "", 0, err);
}

bool service_exec_has_room(struct service_exec *exec)
{
    with_lock(&exec->output_lock);
    return exec->ended || exec->input_closed || exec->input_over ||
           exec->input.length + exec->sending + EXEC_WRITE_MAX <= INPUT_MAX_BYTES;
}

/* ---- beginning and end ---- */

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
    exec->started = thread_start(&exec->thread, exec_thread, exec, err) == 0;
    return exec->started ? 0 : -1;
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
    exec->input = BUF_INIT(INPUT_MAX_BYTES);
    pthread_cond_init(&exec->output_taken, NULL);
    pthread_cond_init(&exec->input_given, NULL);
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
        pthread_cond_signal(&exec->input_given);
    }
    if (exec->started)
        pthread_join(exec->thread, NULL);
    if (exec->has_input)
        pthread_join(exec->input_thread, NULL);
    if (exec->session)
        exec->session->free(exec->session);
    {
        with_lock(&exec->engine->model_lock);
        exec->engine->execs--;
    }
    cancel_unref(exec->cancel);
    error_free(exec->failure);
    buf_done(&exec->output);
    buf_done(&exec->input);
    pthread_mutex_destroy(&exec->output_lock);
    pthread_cond_destroy(&exec->output_taken);
    pthread_cond_destroy(&exec->input_given);
    free(exec);
}
