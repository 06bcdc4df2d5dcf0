/*
 * Documents: a view that is written like a file, by an editor or with cp, and acts when it has been
 * written (see commit.h for when that is). What is being written is seen only through the handle
 * that writes it.
 */
#include "kfs/parked.h"
#include "kfs/view.h"

#include <string.h>

struct committing {
    struct parked parked; /* parked.req is NULL if nobody waits for it */
    struct node node;
    uid_t uid;
    char *text;
};

void document_open(fuse_req_t req, struct view_handle *handle, struct node node, int flags)
{
    handle->writes = true;
    handle->uid = fuse_req_ctx(req)->uid;
    handle->commit.opener = commit_process(fuse_req_ctx(req)->pid);
    if (!(flags & O_TRUNC))
        tree_rows[node.row].render(&handle->subject, &handle->document);
}

void document_read(fuse_req_t req, struct view_handle *handle, size_t size, off_t offset)
{
    view_handle_ref(handle); /* answering may end the file */
    pthread_mutex_lock(&handle->document_lock);
    view_reply_slice(req, &handle->document, size, offset);
    pthread_mutex_unlock(&handle->document_lock);
    view_handle_unref(handle);
}

/* Puts the bytes in their place; what lies between the end and them becomes spaces. False if it
 * grew too large. */
static bool document_put(struct buf *document, const char *bytes, size_t size, size_t offset)
{
    struct buf after = BUF_INIT(document->max);
    while (document->length < offset && !document->failed)
        buf_putc(document, ' ');
    if (document->length > offset + size)
        buf_append(&after, document->data + offset + size, document->length - offset - size);
    buf_truncate(document, offset);
    buf_append(document, bytes, size);
    buf_append(document, after.data, after.length);
    bool failed = document->failed || after.failed;
    document->failed = false;
    buf_done(&after);
    return !failed;
}

void document_write(fuse_req_t req, struct node node, struct view_handle *handle, const char *bytes,
                    size_t size, off_t offset)
{
    pthread_mutex_lock(&handle->document_lock);
    bool fits = (uint64_t)offset + size <= handle->document.max &&
                document_put(&handle->document, bytes, size, (size_t)offset);
    if (fits)
        commit_written(&handle->commit);
    pthread_mutex_unlock(&handle->document_lock);
    if (fits)
        fuse_reply_write(req, size);
    else
        tree_refuse_with(req, "write", node_pack(node), NULL, EFBIG,
                         "it may have at most %zu bytes", handle->document.max);
}

void document_cut(struct view_handle *handle, off_t size)
{
    with_lock(&handle->document_lock);
    if ((size_t)size < handle->document.length)
        buf_truncate(&handle->document, (size_t)size);
}

/* Runs when the kernel has been told of what came of it. */
static void reply_committed(void *context)
{
    struct committing *committing = context;
    if (parked_claim(&committing->parked))
        fuse_reply_err(committing->parked.req, 0);
    free(committing->text);
    free(committing);
}

static void commit_run(void *context)
{
    struct committing *committing = context;
    struct tree *tree = committing->parked.tree;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    int result = subject_get(tree, committing->node, &subject);
    if (result < 0)
        error_set(&failure, ENOENT, "it is gone");
    else
        result = tree_rows[committing->node.row].write(&subject, committing->text, committing->uid,
                                                       &failure);
    if (result == 0 && committing->parked.req) {
        notifier_after(tree->notifier, reply_committed, committing);
        return;
    }
    if (result < 0)
        tree_note(tree, "close", node_pack(committing->node), NULL, failure);
    if (committing->parked.req && parked_claim(&committing->parked))
        fuse_reply_err(committing->parked.req, error_code(failure));
    free(committing->text);
    free(committing);
}

static void commit_start(fuse_req_t req, struct tree *tree, struct node node,
                         struct view_handle *handle)
{
    struct committing *committing = calloc(1, sizeof *committing);
    if (!committing)
        abort();
    committing->parked.tree = tree;
    committing->node = node;
    committing->uid = handle->uid;
    pthread_mutex_lock(&handle->document_lock);
    committing->text = strndup(handle->document.data, handle->document.length);
    pthread_mutex_unlock(&handle->document_lock);
    if (!committing->text)
        abort();
    if (req)
        parked_init_firm(&committing->parked, req);
    jobs_submit(tree->commits, commit_run, committing);
}

void document_flush(fuse_req_t req, struct node node, struct view_handle *handle)
{
    pid_t process = commit_process(fuse_req_ctx(req)->pid);
    pthread_mutex_lock(&handle->document_lock);
    bool done = commit_closed(&handle->commit, process);
    pthread_mutex_unlock(&handle->document_lock);
    if (done)
        commit_start(req, tree_of(req), node, handle);
    else
        fuse_reply_err(req, 0);
}

void document_release(struct tree *tree, struct node node, struct view_handle *handle)
{
    if (handle->writes && commit_released(&handle->commit))
        commit_start(NULL, tree, node, handle);
}
