/*
 * Readers that wait for bytes, bytes that wait for readers, and writers that wait for room. Bytes
 * are taken from the kind into `ready` before a reader is claimed, so none are lost when a reader
 * is interrupted meanwhile. A writer that was claimed is served, so what is told as written is.
 */
#include "kfs/stream.h"

#include "kfs/parked.h"

#include <poll.h>
#include <string.h>

/* A read or a write that waits. */
struct waiting {
    struct parked parked; /* first: the two are converted into each other */
    struct waiting *next;
    struct waiting **list; /* the stream's that it is in */
    struct stream *stream; /* a reference: an interrupt is answered before it is taken out */
    struct node node;
    bool listed, gone; /* under readers_lock, as is next */
    bool nonblocking;  /* a write: refused instead of waiting */
    size_t size;
    char bytes[]; /* of a write */
};

struct stream {
    struct opened opened; /* first: the two are converted into each other */
    struct tree *tree;
    const struct stream_kind *kind;
    void *own;
    atomic_uint references; /* the open file, and each turn that is queued or runs */

    pthread_mutex_t turn_lock; /* guards kind->open and kind->read, one at a time, and closed */
    bool closed;
    pthread_mutex_t readers_lock; /* guards all below; may be taken under turn_lock */
    struct buf ready;
    size_t given; /* bytes of ready that readers have had */
    bool ended;
    bool idle;   /* at an end, but not for good */
    bool queued; /* a turn is, and has not begun */
    struct waiting *readers, *writers;
    struct fuse_pollhandle *poll;
};

void stream_set(struct stream *stream, void *own)
{
    stream->own = own;
}

void *stream_get(const struct stream *stream)
{
    return stream->own;
}

static void stream_unref(struct stream *stream)
{
    if (atomic_fetch_sub(&stream->references, 1) > 1)
        return;
    buf_done(&stream->ready);
    if (stream->poll)
        fuse_pollhandle_destroy(stream->poll);
    pthread_mutex_destroy(&stream->turn_lock);
    pthread_mutex_destroy(&stream->readers_lock);
    free(stream);
}

static void waiting_free(struct waiting *waiting)
{
    struct stream *stream = waiting->stream;
    free(waiting);
    stream_unref(stream);
}

/* ---- giving bytes to readers ---- */

static size_t left(const struct stream *stream)
{
    return stream->ready.length - stream->given;
}

/* Fills `ready` if it is empty. Under turn_lock. */
static void refill(struct stream *stream)
{
    cleanup(buf_done) struct buf more = BUF_INIT(2 * STREAM_CHUNK);
    if (stream->closed)
        return;
    pthread_mutex_lock(&stream->readers_lock);
    bool wanted = left(stream) == 0 && !stream->ended;
    pthread_mutex_unlock(&stream->readers_lock);
    if (!wanted)
        return;
    bool idle = stream->kind->idle && stream->kind->idle(stream);
    bool goes_on = idle || stream->kind->read(stream, &more);
    with_lock(&stream->readers_lock);
    stream->idle = idle;
    stream->ended = !goes_on;
    struct buf old = stream->ready;
    stream->ready = more;
    stream->given = 0;
    more = old;
}

/* Takes out one that waits in the list and was not interrupted; NULL if there is none. Under
 * readers_lock. */
static struct waiting *take(struct waiting **list)
{
    for (struct waiting **link = list; *link; link = &(*link)->next) {
        struct waiting *waiting = *link;
        if (!parked_claim(&waiting->parked))
            continue; /* who interrupted it takes it out */
        *link = waiting->next;
        return waiting;
    }
    return NULL;
}

/* A reader that can be answered now. Under readers_lock. */
static struct waiting *take_reader(struct stream *stream)
{
    bool answerable = left(stream) > 0 || stream->ended || stream->idle;
    return answerable ? take(&stream->readers) : NULL;
}

/* Answers readers until there are no more, or no more bytes. Under turn_lock. */
static bool answer_one(struct stream *stream)
{
    refill(stream);
    pthread_mutex_lock(&stream->readers_lock);
    struct waiting *reader = take_reader(stream);
    if (reader) {
        size_t size = reader->size < left(stream) ? reader->size : left(stream);
        fuse_reply_buf(reader->parked.req, stream->ready.data + stream->given, size);
        stream->given += size;
    }
    pthread_mutex_unlock(&stream->readers_lock);
    if (!reader)
        return false;
    waiting_free(reader);
    return true;
}

/* Wakes who waits with poll(2), if there is something to wake him for. */
static void wake(struct stream *stream)
{
    struct fuse_pollhandle *poll = NULL;
    bool room = stream->kind->has_room && !stream->closed && stream->kind->has_room(stream);
    pthread_mutex_lock(&stream->readers_lock);
    if (left(stream) > 0 || stream->ended || room)
        poll = steal(&stream->poll);
    pthread_mutex_unlock(&stream->readers_lock);
    if (poll) {
        fuse_lowlevel_notify_poll(poll);
        fuse_pollhandle_destroy(poll);
    }
}

static void serve_writer(struct stream *stream);

static void turn(void *context)
{
    struct stream *stream = context;
    pthread_mutex_lock(&stream->readers_lock);
    stream->queued = false;
    pthread_mutex_unlock(&stream->readers_lock);
    pthread_mutex_lock(&stream->turn_lock);
    if (!stream->closed)
        serve_writer(stream);
    while (answer_one(stream))
        continue;
    wake(stream);
    pthread_mutex_unlock(&stream->turn_lock);
    stream_unref(stream);
}

void stream_grown(void *context)
{
    struct stream *stream = context;
    pthread_mutex_lock(&stream->readers_lock);
    bool submit = !stream->queued;
    stream->queued = true;
    pthread_mutex_unlock(&stream->readers_lock);
    if (!submit)
        return;
    atomic_fetch_add(&stream->references, 1);
    jobs_submit(stream->tree->streams, turn, stream);
}

/* ---- opening and closing ---- */

struct opening {
    struct parked parked;
    struct node node;
    bool mute; /* it has to be asked first, and was opened only to be read: an empty file, for those
                  who read whatever is there, and seek in it */
};

/* A turn for what has grown already waits until the kind has all that it reads with. */
static int begin(struct stream *stream, const struct subject *subject, struct error **err)
{
    with_lock(&stream->turn_lock);
    return stream->kind->open(stream, subject, err);
}

static struct stream *stream_new(struct tree *tree, struct node node, struct error **err)
{
    struct stream *stream = calloc(1, sizeof *stream);
    cleanup(subject_done) struct subject subject = {0};
    if (!stream)
        abort();
    stream->tree = tree;
    stream->kind = tree_rows[node.row].stream;
    stream->ready = BUF_INIT(2 * STREAM_CHUNK);
    atomic_init(&stream->references, 1);
    pthread_mutex_init(&stream->turn_lock, NULL);
    pthread_mutex_init(&stream->readers_lock, NULL);
    int result = subject_get(tree, node, &subject);
    if (result < 0)
        error_set(err, ENOENT, "it is gone");
    else if (stream->kind->open)
        result = begin(stream, &subject, err);
    if (result == 0)
        return stream;
    stream_unref(stream);
    return NULL;
}

/* Some wait only where the tree ends meanwhile, but for one whose interrupt is just being answered:
 * who does that takes it out. */
static void abandon(struct stream *stream, struct waiting **list)
{
    for (;;) {
        pthread_mutex_lock(&stream->readers_lock);
        struct waiting *waiting = take(list);
        pthread_mutex_unlock(&stream->readers_lock);
        if (!waiting)
            return;
        fuse_reply_err(waiting->parked.req, ECONNABORTED);
        waiting_free(waiting);
    }
}

static void close_stream(void *context)
{
    struct stream *stream = context;
    /* A turn may be queued still; it has nothing to read from any more. */
    pthread_mutex_lock(&stream->turn_lock);
    stream->closed = true;
    pthread_mutex_unlock(&stream->turn_lock);
    stream->kind->close(stream);
    abandon(stream, &stream->readers);
    abandon(stream, &stream->writers);
    stream_unref(stream);
}

static void free_opened(struct tree *tree, struct opened *opened)
{
    (void)tree;
    close_stream(opened);
}

/* The kernel's answer to FUSE_OPEN, and flags of it, as in its <linux/fuse.h>. Written by hand,
 * because libfuse has no word for a stream: a file without a position, so that of one open file a
 * read that waits does not keep a write waiting. */
struct open_answer {
    uint64_t file;
    uint32_t flags;
    int32_t backing;
};
enum {
    OPEN_DIRECT_IO = 1 << 0,
    OPEN_NOT_SEEKABLE = 1 << 2,
    OPEN_STREAM = 1 << 4,
    OPEN_NO_FLUSH = 1 << 5
};

static bool reply_open(struct stream *stream, struct opening *opening)
{
    uint32_t position = opening->mute ? 0 : OPEN_NOT_SEEKABLE | OPEN_STREAM;
    const struct open_answer answer = {.file = (uintptr_t)stream,
                                       .flags = OPEN_DIRECT_IO | OPEN_NO_FLUSH | position};
    tree_opened(stream->tree, &stream->opened, free_opened);
    if (fuse_reply_buf(opening->parked.req, (const char *)&answer, sizeof answer) != -ENOENT)
        return true;
    tree_released(stream->tree, &stream->opened);
    return false;
}

static void open_run(void *context)
{
    struct opening *opening = context;
    cleanup(error_free) struct error *failure = NULL;
    struct stream *stream = stream_new(opening->parked.tree, opening->node, &failure);
    bool kept = false;
    if (parked_claim(&opening->parked)) {
        if (!stream)
            tree_refuse(opening->parked.req, "open", node_pack(opening->node), NULL, failure);
        else
            kept = reply_open(stream, opening);
    }
    if (stream && !kept)
        close_stream(stream);
    free(opening);
}

void stream_open(fuse_req_t req, struct node node, bool reads_only)
{
    struct opening *opening = calloc(1, sizeof *opening);
    if (!opening)
        abort();
    opening->node = node;
    opening->mute = reads_only && tree_rows[node.row].stream->write;
    parked_init(&opening->parked, req, NULL);
    jobs_submit(tree_of(req)->execs, open_run, opening);
}

static struct stream *stream_of(const struct fuse_file_info *fi)
{
    return (struct stream *)(uintptr_t)fi->fh;
}

void stream_release(fuse_req_t req, struct fuse_file_info *fi)
{
    tree_released(tree_of(req), &stream_of(fi)->opened);
    jobs_submit(tree_of(req)->execs, close_stream, stream_of(fi));
    fuse_reply_err(req, 0);
}

/* ---- waiting ---- */

static void interrupted(struct parked *parked)
{
    struct waiting *waiting = (struct waiting *)parked;
    struct stream *stream = waiting->stream;
    pthread_mutex_lock(&stream->readers_lock);
    bool listed = waiting->listed;
    waiting->gone = true;
    for (struct waiting **link = waiting->list; *link; link = &(*link)->next) {
        if (*link == waiting) {
            *link = waiting->next;
            break;
        }
    }
    pthread_mutex_unlock(&stream->readers_lock);
    if (listed)
        waiting_free(waiting);
}

static struct waiting *waiting_new(struct stream *stream, size_t size, const char *bytes)
{
    struct waiting *waiting = malloc(sizeof *waiting + (bytes ? size : 0));
    if (!waiting)
        abort();
    *waiting = (struct waiting){.stream = stream, .size = size};
    if (bytes)
        memcpy(waiting->bytes, bytes, size);
    atomic_fetch_add(&stream->references, 1);
    return waiting;
}

/* Lets it wait in the list. */
static void park(fuse_req_t req, struct waiting *waiting, struct waiting **list)
{
    struct stream *stream = waiting->stream;
    atomic_fetch_add(&stream->references, 1); /* for here */
    waiting->list = list;
    parked_init(&waiting->parked, req, interrupted);
    pthread_mutex_lock(&stream->readers_lock);
    bool gone = waiting->gone;
    if (!gone) {
        struct waiting **last = list;
        while (*last)
            last = &(*last)->next;
        *last = waiting;
        waiting->next = NULL;
        waiting->listed = true;
    }
    pthread_mutex_unlock(&stream->readers_lock);
    if (gone)
        waiting_free(waiting);
    else
        stream_grown(stream); /* something may have come before it was listed */
    stream_unref(stream);
}

/* ---- reading ---- */

/* Whether there is something to read, after having looked. */
static bool look(struct stream *stream, bool *ret_ended)
{
    with_lock(&stream->turn_lock);
    refill(stream);
    with_lock(&stream->readers_lock);
    *ret_ended = (stream->ended || stream->idle) && left(stream) == 0;
    return left(stream) > 0;
}

void stream_read(fuse_req_t req, size_t size, struct fuse_file_info *fi)
{
    bool ended;
    if (fi->flags & O_NONBLOCK && !look(stream_of(fi), &ended) && !ended)
        fuse_reply_err(req, EAGAIN);
    else
        park(req, waiting_new(stream_of(fi), size, NULL), &stream_of(fi)->readers);
}

void stream_poll(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                 struct fuse_pollhandle *poll)
{
    (void)number;
    struct stream *stream = stream_of(fi);
    if (poll) {
        with_lock(&stream->readers_lock);
        if (stream->poll)
            fuse_pollhandle_destroy(stream->poll);
        stream->poll = poll;
    }
    bool ended, some = look(stream, &ended);
    bool idle = stream->kind->idle && stream->kind->idle(stream);
    bool room = stream->kind->has_room && stream->kind->has_room(stream);
    fuse_reply_poll(req, (some || (ended && !idle) ? POLLIN | POLLRDNORM : 0u) |
                             (room ? POLLOUT | POLLWRNORM : 0u));
}

/* ---- writing ---- */

/* Has the kind take it. The request is answered, or waits. */
static void write_now(struct waiting *waiting)
{
    struct stream *stream = waiting->stream;
    struct tree *tree = stream->tree;
    fuse_req_t req = waiting->parked.req;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    int result = subject_get(tree, waiting->node, &subject);
    if (result < 0)
        error_set(&failure, ENOENT, "it is gone");
    else
        result = stream->kind->write(stream, &subject, waiting->bytes, waiting->size, &failure);
    bool full = result < 0 && error_code(failure) == EAGAIN && stream->kind->idle &&
                !stream->kind->idle(stream);
    if (full && !waiting->nonblocking) {
        park(req, waiting, &stream->writers);
        return;
    }
    if (full)
        fuse_reply_err(req, EAGAIN); /* asked for, and so no failure */
    else if (result < 0)
        tree_refuse(req, "write", node_pack(waiting->node), NULL, failure);
    else
        fuse_reply_write(req, waiting->size);
    waiting_free(waiting);
}

static void write_run(void *context)
{
    struct waiting *waiting = context;
    if (parked_claim(&waiting->parked))
        write_now(waiting);
}

/* The first who waits for room, if there is some: the others come when it has been served. */
static void serve_writer(struct stream *stream)
{
    pthread_mutex_lock(&stream->readers_lock);
    bool wanted = stream->writers != NULL;
    pthread_mutex_unlock(&stream->readers_lock);
    if (!wanted || !stream->kind->has_room(stream))
        return;
    pthread_mutex_lock(&stream->readers_lock);
    struct waiting *waiting = take(&stream->writers);
    pthread_mutex_unlock(&stream->readers_lock);
    if (!waiting)
        return;
    waiting->listed = false;
    write_now(waiting);
}

void stream_write(fuse_req_t req, struct node node, const char *bytes, size_t size,
                  struct fuse_file_info *fi)
{
    struct waiting *waiting = waiting_new(stream_of(fi), size, bytes);
    waiting->node = node;
    waiting->nonblocking = fi->flags & O_NONBLOCK;
    parked_init_firm(&waiting->parked, req);
    jobs_submit(tree_of(req)->execs, write_run, waiting);
}

/* ---- ioctl ---- */

static void control_run(void *context)
{
    struct waiting *waiting = context;
    const struct stream_kind *kind = waiting->stream->kind;
    cleanup(error_free) struct error *failure = NULL;
    unsigned command;
    memcpy(&command, waiting->bytes, sizeof command);
    int result = kind->control(waiting->stream, command, waiting->bytes + sizeof command,
                               waiting->size - sizeof command, &failure);
    if (parked_claim(&waiting->parked)) {
        if (result < 0)
            fuse_reply_err(waiting->parked.req, error_code(failure));
        else
            fuse_reply_ioctl(waiting->parked.req, 0, NULL, 0);
    }
    waiting_free(waiting);
}

void stream_ioctl(fuse_req_t req, struct node node, unsigned command, const void *argument,
                  size_t size, struct fuse_file_info *fi)
{
    struct stream *stream = stream_of(fi);
    cleanup(buf_done) struct buf bytes = BUF_INIT(BUF_MAX_TEXT);
    buf_append(&bytes, (const char *)&command, sizeof command);
    buf_append(&bytes, argument, size);
    if (!stream->kind->control || buf_check(&bytes, NULL) < 0) {
        fuse_reply_err(req, ENOTTY);
        return;
    }
    struct waiting *waiting = waiting_new(stream, bytes.length, bytes.data);
    waiting->node = node;
    parked_init_firm(&waiting->parked, req);
    jobs_submit(tree_of(req)->execs, control_run, waiting);
}
