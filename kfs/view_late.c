/*
 * What views do behind: looking at, opening and reading a file that has to be brought up to date
 * first, and commands that take their time. Each is a job with a parked request.
 */
#include "kfs/view.h"

#include "backend/base/clock.h"
#include "kfs/parked.h"

#include <string.h>
#include <sys/stat.h>

/* A reader at the end of a log gets what has been written since at most this often: often enough
 * for a person, and seldom enough that `cat` of a busy log ends. */
static const int64_t CATCH_UP_INTERVAL = 500 * CLOCK_MILLISECOND;

struct late {
    struct parked parked;
    struct node node;
    char *text;   /* write: the command */
    size_t size;  /* read: wanted; write: taken */
    off_t offset; /* read */
    uid_t uid;
    struct fuse_file_info fi;   /* open */
    struct view_handle *handle; /* getattr, read: a reference */
    void (*answer)(struct late *late);
};

static void late_run(void *context)
{
    struct late *late = context;
    late->answer(late);
    view_handle_unref(late->handle);
    free(late->text);
    free(late);
}

/* A copy of *template, parked and handed to the lane. */
static void late_start(fuse_req_t req, struct job_lane *lane, const struct late *template)
{
    struct late *late = malloc(sizeof *late);
    if (!late) {
        view_handle_unref(template->handle);
        free(template->text);
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *late = *template;
    late->uid = fuse_req_ctx(req)->uid;
    parked_init(&late->parked, req, NULL);
    jobs_submit(lane, late_run, late);
}

static void refuse_or_miss(struct late *late, const char *operation, uint64_t number,
                           const struct error *failure)
{
    if (error_code(failure) == ENOENT)
        fuse_reply_err(late->parked.req, ENOENT);
    else
        tree_refuse(late->parked.req, operation, number, NULL, failure);
}

/* The attributes of the file, brought up to date. The size of a handle's own file if there is one:
 * what a reader of it will see. */
static int current_attributes(struct late *late, struct fuse_entry_param *ret, struct error **err)
{
    struct tree *tree = late->parked.tree;
    cleanup(subject_done) struct subject subject = {0};
    if (subject_get(tree, late->node, &subject) < 0)
        return error_set(err, ENOENT, "it is gone");
    uint64_t sequence = notifier_sequence(tree->notifier);
    cleanup(error_free) struct error *failure = NULL;
    if (view_entry(tree, late->node, &subject, sequence, ret, &failure) == 0)
        return 0;
    if (error_code(failure) == ENOENT)
        return error_move(err, &failure);
    /* It is there, but cannot be had: opening it says why, looking at its directory goes on. */
    *ret = (struct fuse_entry_param){.ino = node_pack(late->node)};
    attributes_common(tree, late->node, &subject, &ret->attr);
    return 0;
}

/* ---- getattr ---- */

static void answer_getattr(struct late *late)
{
    cleanup(error_free) struct error *failure = NULL;
    struct fuse_entry_param entry;
    if (late->handle && tree_rows[late->node.row].grows)
        view_handle_catch_up(late->handle, late->node.row, NULL);
    int result = current_attributes(late, &entry, &failure);
    if (!parked_claim(&late->parked))
        return;
    if (result < 0)
        refuse_or_miss(late, "stat", node_pack(late->node), failure);
    else
        fuse_reply_attr(late->parked.req, &entry.attr, entry.attr_timeout);
}

void view_getattr_late(fuse_req_t req, struct node node, struct view_handle *handle)
{
    late_start(req, tree_of(req)->logs,
               &(struct late){.node = node,
                              .handle = handle ? view_handle_ref(handle) : NULL,
                              .answer = answer_getattr});
}

/* ---- open and read ---- */

static void answer_open(struct late *late)
{
    cleanup(error_free) struct error *failure = NULL;
    cleanup(view_handle_unref) struct view_handle *handle =
        view_handle_new(late->parked.tree, late->node, &failure);
    if (!parked_claim(&late->parked))
        return;
    if (!handle)
        refuse_or_miss(late, "open", node_pack(late->node), failure);
    else
        view_handle_reply(late->parked.req, steal(&handle), &late->fi);
}

void view_open_late(fuse_req_t req, struct node node, const struct fuse_file_info *fi)
{
    late_start(req, tree_of(req)->logs,
               &(struct late){.node = node, .fi = *fi, .answer = answer_open});
}

static void answer_read(struct late *late)
{
    view_handle_catch_up(late->handle, late->node.row, NULL);
    cleanup(free) char *bytes = malloc(late->size);
    ssize_t got = bytes ? pread(late->handle->fd, bytes, late->size, late->offset) : -1;
    int code = errno;
    if (!parked_claim(&late->parked))
        return;
    if (got < 0)
        fuse_reply_err(late->parked.req, code);
    else
        fuse_reply_buf(late->parked.req, bytes, (size_t)got);
}

void view_read_late(fuse_req_t req, struct node node, struct view_handle *handle, size_t size,
                    off_t offset)
{
    if (clock_monotonic() - handle->caught_up < CATCH_UP_INTERVAL) {
        fuse_reply_buf(req, NULL, 0);
        return;
    }
    late_start(req, tree_of(req)->logs,
               &(struct late){.node = node,
                              .handle = view_handle_ref(handle),
                              .size = size,
                              .offset = offset,
                              .answer = answer_read});
}

/* ---- write ---- */

/* Runs when the kernel has been told of what the command changed. */
static void reply_written(void *context)
{
    struct late *late = context;
    if (parked_claim(&late->parked))
        fuse_reply_write(late->parked.req, late->size);
    free(late->text);
    free(late);
}

static void write_run(void *context)
{
    struct late *late = context;
    struct tree *tree = late->parked.tree;
    cleanup(error_free) struct error *failure = NULL;
    cleanup(subject_done) struct subject subject = {0};
    int result = subject_get(tree, late->node, &subject);
    if (result < 0)
        error_set(&failure, ENOENT, "it is gone");
    else
        result = tree_rows[late->node.row].write(&subject, late->text, late->uid, &failure);
    if (result == 0) {
        notifier_after(tree->notifier, reply_written, late);
        return;
    }
    tree_note(tree, "write", node_pack(late->node), NULL, failure);
    if (parked_claim(&late->parked))
        fuse_reply_err(late->parked.req, error_code(failure));
    free(late->text);
    free(late);
}

void view_write_late(fuse_req_t req, struct node node, const char *text, size_t size)
{
    struct late *late = calloc(1, sizeof *late);
    char *copy = strdup(text);
    if (!late || !copy) {
        free(late);
        free(copy);
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *late = (struct late){.node = node, .text = copy, .size = size, .uid = fuse_req_ctx(req)->uid};
    parked_init_firm(&late->parked, req);
    jobs_submit(tree_of(req)->runs, write_run, late);
}
