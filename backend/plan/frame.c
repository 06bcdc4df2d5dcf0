/* Sending and receiving frames. */
#include "backend/plan/frame.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEADER_SIZE = 12
};

void frame_done(struct frame *frame)
{
    json_decref(frame->json);
    buf_done(&frame->bytes);
    frame->json = NULL;
}

static void put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int send_all(int fd, const void *data, size_t length, struct error **err)
{
    const char *at = data;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return error_system(err, "cannot send to the interpreter");
        at += sent;
        length -= (size_t)sent;
    }
    return 0;
}

int frame_send(int fd, enum frame_kind kind, const json_t *json, const void *bytes, size_t length,
               struct error **err)
{
    cleanup(free) char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        return error_set(err, ENOMEM, "cannot encode a message as JSON");
    size_t text_length = strlen(text);
    if (text_length > FRAME_JSON_MAX || length > FRAME_BYTES_MAX)
        return error_set(err, EFBIG, "a message of %zu bytes is too large",
                         text_length > FRAME_JSON_MAX ? text_length : length);
    unsigned char header[HEADER_SIZE];
    put_u32(header, kind);
    put_u32(header + 4, (uint32_t)text_length);
    put_u32(header + 8, (uint32_t)length);
    if (send_all(fd, header, sizeof header, err) < 0 || send_all(fd, text, text_length, err) < 0 ||
        send_all(fd, bytes, length, err) < 0)
        return -1;
    return 0;
}

struct source {
    int fd;
    int (*wait)(void *context, struct error **err);
    void *context;
};

static int read_all(const struct source *source, void *data, size_t length, struct error **err)
{
    char *at = data;
    while (length > 0) {
        if (source->wait && source->wait(source->context, err) < 0)
            return -1;
        ssize_t got = recv(source->fd, at, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(err, ECONNRESET, "the other end is gone");
        at += got;
        length -= (size_t)got;
    }
    return 0;
}

/* Reads length bytes into buf piece by piece, so that a length that was only claimed allocates
 * nothing. */
static int read_buf(const struct source *source, struct buf *buf, size_t length, struct error **err)
{
    enum {
        PIECE = 256 << 10
    };
    while (length > 0) {
        size_t piece = length < PIECE ? length : PIECE;
        char *at = buf_reserve(buf, piece);
        if (!at)
            return buf_check(buf, err);
        if (read_all(source, at, piece, err) < 0)
            return -1;
        buf_commit(buf, piece);
        length -= piece;
    }
    return 0;
}

int frame_receive(int fd, int (*wait)(void *context, struct error **err), void *context,
                  struct frame *ret_frame, struct error **err)
{
    struct source source = {.fd = fd, .wait = wait, .context = context};
    unsigned char header[HEADER_SIZE];
    if (read_all(&source, header, sizeof header, err) < 0)
        return -1;
    uint32_t kind = get_u32(header), text_length = get_u32(header + 4),
             length = get_u32(header + 8);
    if (kind < FRAME_START || kind > FRAME_FAILED || text_length > FRAME_JSON_MAX ||
        length > FRAME_BYTES_MAX)
        return error_set(err, EPROTO, "a message that is none was received");
    cleanup(buf_done) struct buf text = BUF_INIT(FRAME_JSON_MAX);
    struct buf bytes = BUF_INIT(FRAME_BYTES_MAX);
    json_t *json = NULL;
    if (read_buf(&source, &text, text_length, err) == 0 &&
        read_buf(&source, &bytes, length, err) == 0) {
        json = json_loadb(text.data, text.length, 0, NULL);
        if (!json_is_object(json))
            error_set(err, EPROTO, "a message that is not a JSON object was received");
    }
    if (!json_is_object(json)) {
        json_decref(json);
        buf_done(&bytes);
        return -1;
    }
    *ret_frame = (struct frame){.kind = (enum frame_kind)kind, .json = json, .bytes = bytes};
    return 0;
}
