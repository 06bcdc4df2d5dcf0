/*
 * A growing byte buffer that has a maximum: no text that comes from outside can make it eat memory
 * without bound.
 *
 * Invariants: data is never NULL and data[length] is '\0' (the buffer may hold other '\0' bytes).
 * An append that does not fit, or for which there is no memory, changes nothing and sets `failed`;
 * all later appends do nothing. So a text can be put together without a check at each step, and
 * buf_failed asked once at the end.
 *
 * Not thread-safe; each buffer has one user at a time.
 */
#ifndef KFS_BASE_BUF_H
#define KFS_BASE_BUF_H

#include "backend/base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;      /* read it freely; only buf.c changes it */
    size_t length;   /* bytes, without the closing '\0' */
    size_t capacity; /* bytes allocated; 0 while data is a constant */
    size_t max;      /* the length never passes this, bytes */
    bool failed;
};

/* An empty buffer of at most max bytes; allocates nothing. */
#define BUF_INIT(max_bytes) ((struct buf){.data = (char *)"", .max = (max_bytes)})

/* Sizes that many texts share, so that a maximum says what it bounds. */
enum {
    BUF_MAX_TEXT = 1 << 20,     /* a view of the tree, a message: 1 MiB */
    BUF_MAX_DOCUMENT = 64 << 20 /* a plan, a JSON answer of the orchestrator: 64 MiB */
};

void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Whether text is valid UTF-8. */
bool text_is_utf8(const char *text);
/* text with U+FFFD for each byte that is not UTF-8. */
void buf_put_utf8(struct buf *buf, const char *text);
/* text as the inside of a JSON string, without the quotes; invalid UTF-8 becomes U+FFFD. */
void buf_put_json_escaped(struct buf *buf, const char *text, size_t length);

/* Makes room for `more` bytes and gives where they go, for read(2) and the like; NULL (and failed)
 * if they do not fit. buf_commit then says how many were written there. */
char *buf_reserve(struct buf *buf, size_t more);
void buf_commit(struct buf *buf, size_t written);

/* Cuts the buffer to its first `length` bytes. */
void buf_truncate(struct buf *buf, size_t length);

/* Takes the first `length` bytes, or all if there are fewer, out of the buffer. */
void buf_drop(struct buf *buf, size_t length);

/* 0, or -1 with ENOMEM/EFBIG in err if an append had failed. */
int buf_check(const struct buf *buf, struct error **err);

/* The text as a string that the caller frees; the buffer is empty afterwards. NULL if an append had
 * failed or no memory. */
char *buf_steal(struct buf *buf, struct error **err);

/* Releases the memory; the buffer is empty, with its maximum, and can be used again. */
void buf_done(struct buf *buf);

static inline void cleanup_buf_done(struct buf *buf)
{
    int saved = errno;
    buf_done(buf);
    errno = saved;
}

#endif
