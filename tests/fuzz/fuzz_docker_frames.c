/*
 * The engine's framed streams: whatever bytes come, and wherever they are cut, the pieces are the
 * same. The first byte of the input says how the rest is cut.
 */
#include "backend/docker/frames.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static int take(void *context, const struct frame_piece *piece)
{
    struct buf *text = context;
    for (size_t i = 0; i < piece->length; i++)
        buf_printf(text, "%d%c", piece->stream, piece->bytes[i]);
    if (piece->end)
        buf_putc(text, '|');
    return 0;
}

static int take_all(const uint8_t *bytes, size_t size, size_t step, struct buf *text)
{
    struct frames frames = {0};
    int result = 0;
    for (size_t done = 0; done < size && result == 0; done += step) {
        size_t part = size - done < step ? size - done : step;
        result = frames_take(&frames, bytes + done, part, take, text);
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 2)
        return 0;
    cleanup(buf_done) struct buf whole = BUF_INIT(1 << 20), cut = BUF_INIT(1 << 20);
    int result = take_all(input + 1, size - 1, size, &whole);
    if (take_all(input + 1, size - 1, input[0] % 16 + 1, &cut) != result ||
        strcmp(whole.data, cut.data) != 0)
        __builtin_trap();
    return 0;
}
