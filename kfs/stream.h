/*
 * Files that are endless: reading one gives what has come since, and blocks while there is nothing.
 * Blocked reads, and writes that find no room, are parked; they cost no thread, and Ctrl-C answers
 * them at once. With O_NONBLOCK they are EAGAIN, and poll(2) works.
 *
 * Where the bytes come from is the affair of a kind of stream.
 */
#ifndef KFS_STREAM_H
#define KFS_STREAM_H

#include "kfs/tree_int.h"

enum {
    STREAM_CHUNK = 128 << 10 /* the most that is read ahead of a reader, bytes */
};

struct stream;

struct stream_kind {
    /* Begins, when the file is opened. [waits] NULL: there is nothing to begin yet. */
    int (*open)(struct stream *stream, const struct subject *subject, struct error **err);
    /* Appends what there is to out; never waits. false: this was the end. One thread at a time. */
    bool (*read)(struct stream *stream, struct buf *out);
    /* Whether nothing was asked for yet: reading is at an end then, but not for good. NULL: never.
     */
    bool (*idle)(struct stream *stream);
    /* [waits] All of it, or EAGAIN: then it is asked again after stream_grown, and must not wait
     * any more. NULL: it cannot be written. */
    int (*write)(struct stream *stream, const struct subject *subject, const char *bytes,
                 size_t size, struct error **err);
    /* Whether any write would be taken now. */
    bool (*has_room)(struct stream *stream);
    /* [waits] What ioctl(2) asks for; ENOTTY: it is not known. NULL: none is. */
    int (*control)(struct stream *stream, unsigned command, const void *argument, size_t size,
                   struct error **err);
    /* Ends: afterwards nobody calls stream_grown any more. [waits] */
    void (*close)(struct stream *stream);
};

extern const struct stream_kind stream_follow; /* a service's log, from now on */
extern const struct stream_kind stream_exec;   /* a command in a service: a conversation */

/* For the kinds: what a stream keeps of theirs. */
void stream_set(struct stream *stream, void *own);
void *stream_get(const struct stream *stream);
/* There may be more to read, or the end. Any thread; never blocks. context: the stream. */
void stream_grown(void *context);

/* The handlers of rows that have a stream. */
void stream_open(fuse_req_t req, struct node node, bool reads_only);
void stream_read(fuse_req_t req, size_t size, struct fuse_file_info *fi);
void stream_write(fuse_req_t req, struct node node, const char *bytes, size_t size,
                  struct fuse_file_info *fi);
void stream_poll(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                 struct fuse_pollhandle *poll);
void stream_ioctl(fuse_req_t req, struct node node, unsigned command, const void *argument,
                  size_t size, struct fuse_file_info *fi);
void stream_release(fuse_req_t req, struct fuse_file_info *fi);

#endif
