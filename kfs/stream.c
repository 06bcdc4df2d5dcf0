/*
 * Readers that wait for bytes, and bytes that wait for readers. Bytes are taken from the kind into
 * `ready` before a reader is claimed, so none are lost when a reader is interrupted meanwhile.
 */
#include "kfs/stream.h"

#include "kfs/parked.h"

#include <poll.h>
#include <string.h>

struct reader {
    struct parked parked; /* first: the two are converted into each other */
    struct reader *next;
    struct stream *stream; /* a reference: an interrupt is answered before it is taken out */
    size_t size;
    bool listed, gone; /* under readers_lock, as is next */
};

struct stream {
    struct opened opened; /* first: the two are converted into each other */
    struct tree *tree;
    const struct stream_kind *kind;
    void *own;
    atomic_uint references; /* the open file, and each turn that is queued or runs */

    pthread_mutex_t turn_lock; /* guards the calls of kind->read, one at a time, and closed */
    bool closed;
    pthread_mutex_t readers_lock; /* guards all below; may be taken under turn_lock */
    struct buf ready;
    size_t given; /* bytes of ready that readers have had */
    bool ended;
    bool queued; /* a turn is, and has not begun */
    struct reader *readers;
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

static void reader_free(struct reader *reader)
{
    struct stream *stream = reader->stream;
    free(reader);
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
    bool goes_on = stream->kind->read(stream, &more);
    with_lock(&stream->readers_lock);
    stream->ended = !goes_on;
    struct buf old = stream->ready;
    stream->ready = more;
    stream->given = 0;
    more = old;
}

/* Takes out a reader that can be answered now and was not interrupted; NULL if there is none.
 * Under readers_lock. */
static struct reader *take_reader(struct stream *stream)
{
    if (left(stream) == 0 && !stream->ended)
        return NULL;
    for (struct reader **link = &stream->readers; *link; link = &(*link)->next) {
        struct reader *reader = *link;
        if (!parked_claim(&reader->parked))
            continue; /* who interrupted it takes it out */
        *link = reader->next;
        return reader;
    }
    return NULL;
}

/* Answers readers until there are no more, or no more bytes. Under turn_lock. */
static bool answer_one(struct stream *stream)
{
    refill(stream);
    pthread_mutex_lock(&stream->readers_lock);
    struct reader *reader = take_reader(stream);
    if (reader) {
        size_t size = reader->size < left(stream) ? reader->size : left(stream);
        fuse_reply_buf(reader->parked.req, stream->ready.data + stream->given, size);
        stream->given += size;
    }
    struct fuse_pollhandle *poll = NULL;
    if (left(stream) > 0 || stream->ended)
        poll = steal(&stream->poll);
    pthread_mutex_unlock(&stream->readers_lock);
    if (poll) {
        fuse_lowlevel_notify_poll(poll);
        fuse_pollhandle_destroy(poll);
    }
    if (!reader)
        return false;
    reader_free(reader);
    return true;
}

static void turn(void *context)
{
    struct stream *stream = context;
    pthread_mutex_lock(&stream->readers_lock);
    stream->queued = false;
    pthread_mutex_unlock(&stream->readers_lock);
    pthread_mutex_lock(&stream->turn_lock);
    while (answer_one(stream))
        continue;
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
    struct fuse_file_info fi;
};

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
        result = stream->kind->open(stream, &subject, err);
    if (result == 0)
        return stream;
    stream_unref(stream);
    return NULL;
}

/* Readers are left only where the tree ends while they wait, but for one whose interrupt is just
 * being answered: who does that takes it out. */
static void abandon_readers(struct stream *stream)
{
    struct reader *abandoned = NULL;
    pthread_mutex_lock(&stream->readers_lock);
    for (struct reader **link = &stream->readers; *link;) {
        struct reader *reader = *link;
        if (!parked_claim(&reader->parked)) {
            link = &reader->next;
            continue;
        }
        *link = reader->next;
        reader->next = abandoned;
        abandoned = reader;
    }
    pthread_mutex_unlock(&stream->readers_lock);
    for (struct reader *reader = abandoned, *next; reader; reader = next) {
        next = reader->next;
        fuse_reply_err(reader->parked.req, ECONNABORTED);
        reader_free(reader);
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
    abandon_readers(stream);
    stream_unref(stream);
}

static void free_opened(struct tree *tree, struct opened *opened)
{
    (void)tree;
    close_stream(opened);
}

static bool reply_open(struct stream *stream, struct opening *opening)
{
    tree_opened(stream->tree, &stream->opened, free_opened);
    if (fuse_reply_open(opening->parked.req, &opening->fi) != -ENOENT)
        return true;
    tree_released(stream->tree, &stream->opened);
    return false;
}

static void open_run(void *context)
{
    struct opening *opening = context;
    cleanup(error_free) struct error *failure = NULL;
    struct stream *stream = stream_new(opening->parked.tree, opening->node, &failure);
    opening->fi.fh = (uintptr_t)stream;
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

void stream_open(fuse_req_t req, struct node node, const struct fuse_file_info *fi)
{
    struct opening *opening = calloc(1, sizeof *opening);
    if (!opening)
        abort();
    opening->node = node;
    opening->fi = *fi;
    opening->fi.direct_io = 1;
    opening->fi.nonseekable = 1;
    opening->fi.noflush = 1;
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

/* ---- reading ---- */

static void interrupted(struct parked *parked)
{
    struct reader *reader = (struct reader *)parked;
    struct stream *stream = reader->stream;
    pthread_mutex_lock(&stream->readers_lock);
    bool listed = reader->listed;
    reader->gone = true;
    for (struct reader **link = &stream->readers; *link; link = &(*link)->next) {
        if (*link == reader) {
            *link = reader->next;
            break;
        }
    }
    pthread_mutex_unlock(&stream->readers_lock);
    if (listed)
        reader_free(reader);
}

static void park_reader(fuse_req_t req, struct stream *stream, size_t size)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    atomic_fetch_add(&stream->references, 2); /* the reader's, and one for here */
    reader->stream = stream;
    reader->size = size;
    parked_init(&reader->parked, req, interrupted);
    pthread_mutex_lock(&stream->readers_lock);
    bool gone = reader->gone;
    if (!gone) {
        struct reader **last = &stream->readers;
        while (*last)
            last = &(*last)->next;
        *last = reader;
        reader->listed = true;
    }
    pthread_mutex_unlock(&stream->readers_lock);
    if (gone)
        reader_free(reader);
    else
        stream_grown(stream); /* something may have come before it was listed */
    stream_unref(stream);
}

/* Whether there is something to read, after having looked. */
static bool look(struct stream *stream, bool *ret_ended)
{
    with_lock(&stream->turn_lock);
    refill(stream);
    with_lock(&stream->readers_lock);
    *ret_ended = stream->ended && left(stream) == 0;
    return left(stream) > 0;
}

void stream_read(fuse_req_t req, size_t size, struct fuse_file_info *fi)
{
    bool ended;
    if (fi->flags & O_NONBLOCK && !look(stream_of(fi), &ended) && !ended)
        fuse_reply_err(req, EAGAIN);
    else
        park_reader(req, stream_of(fi), size);
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
    fuse_reply_poll(req, (some || ended ? POLLIN | POLLRDNORM : 0u) |
                             (stream->kind->write ? POLLOUT | POLLWRNORM : 0u));
}

/* ---- writing ---- */

struct writing {
    struct parked parked;
    struct stream *stream; /* a reference */
    struct node node;
    size_t size;
    char bytes[];
};

static void write_run(void *context)
{
    struct writing *writing = context;
    struct tree *tree = writing->parked.tree;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    int result = subject_get(tree, writing->node, &subject);
    if (result < 0)
        error_set(&failure, ENOENT, "it is gone");
    else
        result = writing->stream->kind->write(writing->stream, &subject, writing->bytes,
                                              writing->size, &failure);
    if (parked_claim(&writing->parked)) {
        if (result < 0)
            tree_refuse(writing->parked.req, "write", node_pack(writing->node), NULL, failure);
        else
            fuse_reply_write(writing->parked.req, writing->size);
    }
    stream_unref(writing->stream);
    free(writing);
}

void stream_write(fuse_req_t req, struct node node, const char *bytes, size_t size,
                  struct fuse_file_info *fi)
{
    const struct stream_kind *kind = stream_of(fi)->kind;
    struct writing *writing = malloc(sizeof *writing + size);
    if (!writing)
        abort();
    *writing = (struct writing){.stream = stream_of(fi), .node = node, .size = size};
    memcpy(writing->bytes, bytes, size);
    atomic_fetch_add(&writing->stream->references, 1);
    if (kind->write_blocks && kind->write_blocks(writing->stream))
        parked_init(&writing->parked, req, NULL);
    else
        parked_init_firm(&writing->parked, req);
    jobs_submit(tree_of(req)->execs, write_run, writing);
}
