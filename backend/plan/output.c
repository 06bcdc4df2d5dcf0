/* Keeping output in order. */
#include "backend/plan/output.h"

struct output {
    void (*write)(void *context, const char *text, size_t length);
    void *context;
    pthread_mutex_t order_lock; /* never held while writing */
    size_t count, head;         /* head: whose turn it is */
    bool flushing;              /* a thread is writing what was buffered; nobody else writes */
    struct output_entry {
        struct buf text;
        bool finished;
    } * entries;
};

struct output *output_new(size_t count,
                          void (*write)(void *context, const char *text, size_t length),
                          void *context, struct error **err)
{
    struct output *output = calloc(1, sizeof *output);
    struct output_entry *entries = calloc(count + 1, sizeof *entries);
    if (!output || !entries) {
        free(output);
        free(entries);
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    *output =
        (struct output){.write = write, .context = context, .count = count, .entries = entries};
    for (size_t i = 0; i < count; i++)
        entries[i].text = BUF_INIT(BUF_MAX_DOCUMENT);
    pthread_mutex_init(&output->order_lock, NULL);
    return output;
}

void output_free(struct output *output)
{
    if (!output)
        return;
    for (size_t i = 0; i < output->count; i++)
        buf_done(&output->entries[i].text);
    pthread_mutex_destroy(&output->order_lock);
    free(output->entries);
    free(output);
}

/* Buffers the text unless it may be written now. */
static bool buffer_unless_turn(struct output *output, size_t index, const char *text, size_t length)
{
    with_lock(&output->order_lock);
    if (index == output->head && !output->flushing)
        return false;
    buf_append(&output->entries[index].text, text, length);
    return true;
}

void output_put(struct output *output, size_t index, const char *text, size_t length)
{
    if (length > 0 && !buffer_unless_turn(output, index, text, length))
        output->write(output->context, text, length);
}

/* Moves on to what can be written next, into *ret_text. False when there is nothing. */
static bool take_next(struct output *output, struct buf *ret_text)
{
    with_lock(&output->order_lock);
    while (output->head < output->count) {
        struct output_entry *entry = &output->entries[output->head];
        if (entry->text.length > 0) {
            *ret_text = entry->text;
            entry->text = BUF_INIT(BUF_MAX_DOCUMENT);
            return true;
        }
        if (!entry->finished)
            break;
        output->head++;
    }
    output->flushing = false;
    return false;
}

static bool begin_flush(struct output *output, size_t index)
{
    with_lock(&output->order_lock);
    output->entries[index].finished = true;
    if (output->flushing || index != output->head)
        return false;
    output->flushing = true;
    return true;
}

void output_finish(struct output *output, size_t index)
{
    if (!begin_flush(output, index))
        return;
    struct buf text;
    while (take_next(output, &text)) {
        output->write(output->context, text.data, text.length);
        buf_done(&text);
    }
}

void output_flush(struct output *output)
{
    for (size_t i = 0; i < output->count; i++)
        output_finish(output, i);
}
