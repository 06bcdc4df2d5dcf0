/*
 * Open views. A view that is only read goes through the kernel's pages, which live as long as its
 * attributes say the same; so reading gives what the view says now, not what it said when it was
 * opened, like an ordinary file that somebody rewrites. What is written is a command, done inside
 * write(2), so that its error reaches every tool.
 */
#include "kfs/view.h"

#include "backend/base/clock.h"
#include "kfs/stream.h"
#include "kfs/wait.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>

enum {
    COMMAND_MAX_BYTES = 1 << 20 /* the most that the kernel hands over in one write */
};

struct view_handle *view_handle_new(struct tree *tree, struct node node, struct error **err)
{
    const struct row *row = &tree_rows[node.row];
    cleanup(view_handle_unref) struct view_handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    atomic_init(&handle->references, 1);
    handle->fd = -1;
    handle->answer = BUF_INIT(BUF_MAX_TEXT);
    handle->document = BUF_INIT(BUF_MAX_TEXT);
    pthread_mutex_init(&handle->answer_lock, NULL);
    pthread_mutex_init(&handle->document_lock, NULL);
    if (subject_get(tree, node, &handle->subject) < 0) {
        error_set(err, ENOENT, "it is gone");
        return NULL;
    }
    handle->watch = (struct watch){.kind = handle->subject.kind,
                                   .id = subject_id(&handle->subject),
                                   .aspects = row->shows | SHOWS_END};
    if (row->back) {
        handle->fd = row->back(&handle->subject, err);
        handle->caught_up = clock_monotonic();
        if (handle->fd < 0)
            return NULL;
    }
    return steal(&handle);
}

struct view_handle *view_handle_ref(struct view_handle *handle)
{
    atomic_fetch_add(&handle->references, 1);
    return handle;
}

void view_handle_unref(struct view_handle *handle)
{
    if (!handle || atomic_fetch_sub(&handle->references, 1) > 1)
        return;
    subject_done(&handle->subject);
    if (handle->fd >= 0)
        close(handle->fd);
    buf_done(&handle->answer);
    buf_done(&handle->document);
    pthread_mutex_destroy(&handle->answer_lock);
    pthread_mutex_destroy(&handle->document_lock);
    free(handle);
}

int view_handle_catch_up(struct view_handle *handle, unsigned row, struct error **err)
{
    cleanup(close) int fresh = tree_rows[row].back(&handle->subject, err);
    if (fresh < 0)
        return -1;
    handle->caught_up = clock_monotonic();
    struct stat now, before;
    if (fstat(fresh, &now) == 0 && fstat(handle->fd, &before) == 0 &&
        (now.st_ino != before.st_ino || now.st_dev != before.st_dev) &&
        dup3(fresh, handle->fd, O_CLOEXEC) < 0)
        return error_system(err, "cannot go over to the new file");
    return 0;
}

static void handle_free(struct tree *tree, struct opened *opened)
{
    watches_drop(tree->watches, &((struct view_handle *)opened)->watch);
    view_handle_unref((struct view_handle *)opened);
}

void view_handle_reply(fuse_req_t req, struct view_handle *handle, struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    fi->fh = (uintptr_t)handle;
    tree_opened(tree, &handle->opened, handle_free);
    if (fuse_reply_open(req, fi) != -ENOENT)
        return;
    tree_released(tree, &handle->opened);
    view_handle_unref(handle);
}

static struct view_handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct view_handle *)(uintptr_t)fi->fh;
}

void view_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    struct node node = node_unpack(number);
    const struct row *row = &tree_rows[node.row];
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY;
    bool takes = row->write || (row->stream && row->stream->write);
    if ((writes || fi->flags & O_TRUNC) && !takes) {
        tree_refuse_with(req, "open", number, NULL, EACCES, VIEW_READ_ONLY);
        return;
    }
    if (row->stream) {
        stream_open(req, node, (fi->flags & O_ACCMODE) == O_RDONLY);
        return;
    }
    /* Commands go straight through. So does what blocks; what grows without a word, whose size
     * would have to be asked for before each read; and what is waited on with poll(2): what that
     * calls readable is to be read, also while the kernel still believes in the size before. */
    fi->direct_io = writes || row->waits || row->grows || row->polled || row->changes;
    fi->keep_cache = !fi->direct_io;
    fi->noflush = !(writes && row->document);
    if (row->back_waits) {
        view_open_late(req, node, fi);
        return;
    }
    notifier_settle(tree->notifier);
    cleanup(error_free) struct error *failure = NULL;
    struct view_handle *handle = view_handle_new(tree, node, &failure);
    if (handle && writes && row->document)
        document_open(req, handle, node, fi->flags);
    if (!handle && error_code(failure) == ENOENT)
        fuse_reply_err(req, ENOENT);
    else if (!handle)
        tree_refuse(req, "open", number, NULL, failure);
    else
        view_handle_reply(req, handle, fi);
}

void view_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct node node = node_unpack(number);
    if (tree_rows[node.row].document && handle_of(fi)->writes)
        document_flush(req, node, handle_of(fi));
    else
        fuse_reply_err(req, 0);
}

void view_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    if (tree_rows[node_unpack(number).row].stream) {
        stream_release(req, fi);
        return;
    }
    tree_released(tree_of(req), &handle_of(fi)->opened);
    watches_drop(tree_of(req)->watches, &handle_of(fi)->watch);
    document_release(tree_of(req), node_unpack(number), handle_of(fi));
    view_handle_unref(handle_of(fi));
    fuse_reply_err(req, 0);
}

/* ---- reading ---- */

void view_reply_slice(fuse_req_t req, const struct buf *text, size_t size, off_t offset)
{
    if (offset < 0 || (size_t)offset >= text->length)
        fuse_reply_buf(req, NULL, 0);
    else if (size < text->length - (size_t)offset)
        fuse_reply_buf(req, text->data + offset, size);
    else
        fuse_reply_buf(req, text->data + offset, text->length - (size_t)offset);
}

static void read_rendered(fuse_req_t req, struct node node, const struct view_handle *handle,
                          size_t size, off_t offset)
{
    struct subject now = {0};
    bool there = subject_get(tree_of(req), node, &now) == 0;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_DOCUMENT);
    tree_rows[node.row].render(there ? &now : &handle->subject, &text);
    if (there)
        subject_done(&now);
    view_reply_slice(req, &text, size, offset);
}

static off_t size_now(const struct view_handle *handle)
{
    struct stat real;
    return fstat(handle->fd, &real) < 0 ? 0 : real.st_size;
}

/* The same of a file that poll(2) waits on: how far it was read is kept in mind. */
static ssize_t read_polled(struct node node, struct view_handle *handle, char *bytes, size_t size,
                           off_t offset)
{
    off_t end = size_now(handle);
    ssize_t got = pread(handle->fd, bytes, size, offset);
    if (got == 0 && view_handle_catch_up(handle, node.row, NULL) == 0) {
        end = size_now(handle);
        got = pread(handle->fd, bytes, size, offset);
    }
    if (got >= 0)
        handle->seen = got > 0 ? offset + got : end;
    return got;
}

static void read_backed(fuse_req_t req, struct node node, struct view_handle *handle, size_t size,
                        off_t offset)
{
    cleanup(free) char *bytes = malloc(size);
    ssize_t got = -1;
    if (bytes)
        got = tree_rows[node.row].polled ? read_polled(node, handle, bytes, size, offset)
                                         : pread(handle->fd, bytes, size, offset);
    if (got < 0)
        fuse_reply_err(req, errno);
    else if (got == 0 && tree_rows[node.row].grows && tree_rows[node.row].back_waits)
        view_read_late(req, node, handle, size, offset);
    else
        fuse_reply_buf(req, bytes, (size_t)got);
}

void view_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
               struct fuse_file_info *fi)
{
    struct node node = node_unpack(number);
    const struct row *row = &tree_rows[node.row];
    struct view_handle *handle = handle_of(fi);
    if (row->stream)
        stream_read(req, size, fi);
    else if (row->document && handle->writes)
        document_read(req, handle, size, offset);
    else if (row->waits)
        wait_read(req, node, handle, size, offset);
    else if (row->back)
        read_backed(req, node, handle, size, offset);
    else if (row->render)
        read_rendered(req, node, handle, size, offset);
    else
        fuse_reply_buf(req, NULL, 0);
}

/* ---- waiting for more ---- */

/* Readable is what has not been read, the end of what does not grow any more, and what has gone. */
static unsigned poll_events(struct node node, struct view_handle *handle)
{
    cleanup(subject_done) struct subject now = {0};
    if (subject_get(handle->subject.tree, node, &now) < 0)
        return POLLIN | POLLRDNORM | POLLHUP;
    view_handle_catch_up(handle, node.row, NULL);
    bool ended = attributes_settled(&tree_rows[node.row], &now);
    return ended || size_now(handle) != handle->seen ? POLLIN | POLLRDNORM : 0;
}

void view_poll(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
               struct fuse_pollhandle *poll)
{
    struct node node = node_unpack(number);
    struct view_handle *handle = handle_of(fi);
    /* First, so that what comes while this looks is told. */
    if (poll)
        watches_keep(tree_of(req)->watches, &handle->watch, poll);
    fuse_reply_poll(req, poll_events(node, handle));
}

/* ---- writing ---- */

/* What was written, as a text without the newline at its end; NULL if it is none. */
static char *command_text(const char *bytes, size_t size)
{
    if (size > 0 && bytes[size - 1] == '\n')
        size--;
    if (memchr(bytes, '\0', size))
        return NULL;
    return strndup(bytes, size);
}

static void write_now(fuse_req_t req, struct node node, const char *text, size_t size)
{
    struct tree *tree = tree_of(req);
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    int result = subject_get(tree, node, &subject);
    if (result < 0)
        error_set(&failure, ENOENT, "it is gone");
    else
        result = tree_rows[node.row].write(&subject, text, fuse_req_ctx(req)->uid, &failure);
    notifier_settle(tree->notifier);
    if (result < 0)
        tree_refuse(req, "write", node_pack(node), NULL, failure);
    else
        fuse_reply_write(req, size);
}

void view_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
    struct node node = node_unpack(number);
    if (tree_rows[node.row].document) {
        document_write(req, node, handle_of(fi), bytes, size, offset);
        return;
    }
    if (tree_rows[node.row].stream) {
        stream_write(req, node, bytes, size, fi);
        return;
    }
    cleanup(free) char *text = command_text(bytes, size);
    if (!text)
        tree_refuse_with(req, "write", number, NULL, EINVAL, "a command is a line of text");
    else if (size >= COMMAND_MAX_BYTES)
        tree_refuse_with(req, "write", number, NULL, EFBIG, "a command may have at most %d bytes",
                         COMMAND_MAX_BYTES);
    else if (tree_rows[node.row].write_waits)
        view_write_late(req, node, text, size);
    else
        write_now(req, node, text, size);
}
