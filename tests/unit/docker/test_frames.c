/* Frames: the same pieces whatever places the stream was cut at, and no crash on what is none. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/docker/frames.h"

#include <string.h>

struct taken {
    struct buf text; /* "1:out|2:err|": payloads by stream, '|' at a frame's end */
    int last;
    bool stop;
};

static int take(void *context, const struct frame_piece *piece)
{
    struct taken *taken = context;
    if (taken->stop)
        return -1;
    if (taken->last == 0)
        buf_printf(&taken->text, "%d:", piece->stream);
    buf_append(&taken->text, piece->bytes, piece->length);
    taken->last = piece->end ? 0 : piece->stream;
    if (piece->end)
        buf_putc(&taken->text, '|');
    return 0;
}

static const char stream[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\5error\1\0\0\0\0\0\0\0"
                             "\3\0\0\0\0\0\0\2xx\0\0\0\0\0\0\0\1i";

static void test_split_at_every_byte(void **state)
{
    (void)state;
    const size_t length = sizeof stream - 1;
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            struct frames frames = {0};
            struct taken taken = {.text = BUF_INIT(1000)};
            assert_int_equal(frames_take(&frames, stream, first, take, &taken), 0);
            assert_int_equal(frames_take(&frames, stream + first, second - first, take, &taken), 0);
            assert_int_equal(frames_take(&frames, stream + second, length - second, take, &taken),
                             0);
            assert_string_equal(taken.text.data, "1:out|2:error|1:|2:xx|1:i|");
            assert_true(frames_complete(&frames));
            buf_done(&taken.text);
        }
    }
}

static void test_cut_off_is_seen(void **state)
{
    (void)state;
    struct frames frames = {0};
    struct taken taken = {.text = BUF_INIT(1000)};
    assert_int_equal(frames_take(&frames, stream, 10, take, &taken), 0);
    assert_false(frames_complete(&frames));
    buf_done(&taken.text);
}

static void test_garbage_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"HTTP/1.1", "\4\0\0\0\0\0\0\0", "\1\1\0\0\0\0\0\0"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct frames frames = {0};
        struct taken taken = {.text = BUF_INIT(1000)};
        assert_int_equal(frames_take(&frames, texts[i], 8, take, &taken), -1);
        assert_true(frames.broken);
        assert_int_equal(frames_take(&frames, stream, 11, take, &taken), -1);
        assert_int_equal(taken.text.length, 0);
    }
}

static void test_sink_stops(void **state)
{
    (void)state;
    struct frames frames = {0};
    struct taken taken = {.text = BUF_INIT(1000), .stop = true};
    assert_int_equal(frames_take(&frames, stream, 11, take, &taken), -1);
    assert_false(frames.broken);
}

/* A frame of 4 GiB costs nothing before it comes. */
static void test_huge_length_is_only_a_number(void **state)
{
    (void)state;
    struct frames frames = {0};
    struct taken taken = {.text = BUF_INIT(1000)};
    assert_int_equal(frames_take(&frames,
                                 "\1\0\0\0\xff\xff\xff\xff"
                                 "abc",
                                 11, take, &taken),
                     0);
    assert_string_equal(taken.text.data, "1:abc");
    assert_int_equal(frames.left, UINT32_MAX - 3);
    buf_done(&taken.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_every_byte),          cmocka_unit_test(test_cut_off_is_seen),
        cmocka_unit_test(test_garbage_is_refused),           cmocka_unit_test(test_sink_stops),
        cmocka_unit_test(test_huge_length_is_only_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
