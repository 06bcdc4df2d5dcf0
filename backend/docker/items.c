/* Cutting an array into its items: only strings and brackets are understood here, the rest is the
 * JSON parser's. */
#include "backend/docker/items.h"

#include <string.h>

enum {
    ITEM_MAX = 8 << 20 /* bytes of one container's entry: its labels are most of it */
};

void items_init(struct items *items, item_sink sink, void *context)
{
    *items = (struct items){.text = BUF_INIT(ITEM_MAX), .sink = sink, .context = context};
}

void items_done(struct items *items)
{
    buf_done(&items->text);
}

static size_t skip_space(const char *text)
{
    return strspn(text, " \t\r\n");
}

/* Whether text is what may stand before the array: nothing, or {"Volumes": */
static bool prefix_valid(const char *text)
{
    static const char *const words[] = {"{", "\"Volumes\"", ":"};
    text += skip_space(text);
    for (size_t i = 0; *text && i < ARRAY_LENGTH(words); i++) {
        size_t length = strlen(words[i]);
        if (strncmp(text, words[i], length) != 0)
            return false;
        text += length + skip_space(text + length);
    }
    return *text == '\0';
}

static int item_finish(struct items *items)
{
    const struct buf *text = &items->text;
    json_t *item = NULL;
    int result = 0;
    if (text->length > skip_space(text->data)) {
        item = json_loadb(text->data, text->length, JSON_DECODE_ANY, NULL);
        items->broken = !item;
        result = item ? items->sink(items->context, item) : -1;
    }
    json_decref(item);
    buf_truncate(&items->text, 0);
    return result;
}

/* What a byte outside of strings does to the nesting; whether it ends an item. */
static bool item_ends(struct items *items, char c)
{
    if (c == '"')
        items->in_string = true;
    else if (c == '{' || c == '[')
        items->depth++;
    else if ((c == '}' || c == ']') && items->depth > 0)
        items->depth--;
    else if (c == ']')
        items->closed = true;
    else
        return c == ',' && items->depth == 0;
    return items->closed;
}

/* Takes bytes up to the end of an item, or all. The number taken. */
static size_t take_in_item(struct items *items, const char *bytes, size_t length, int *ret_result)
{
    for (size_t i = 0; i < length; i++) {
        if (items->in_string) {
            items->in_string = items->escaped || bytes[i] != '"';
            items->escaped = !items->escaped && bytes[i] == '\\';
        } else if (item_ends(items, bytes[i])) {
            buf_append(&items->text, bytes, i);
            *ret_result = items->text.failed ? -1 : item_finish(items);
            return i + 1;
        }
    }
    buf_append(&items->text, bytes, length);
    *ret_result = items->text.failed ? -1 : 0;
    return length;
}

static size_t take_before(struct items *items, const char *bytes, size_t length, int *ret_result)
{
    const char *bracket = memchr(bytes, '[', length);
    size_t part = bracket ? (size_t)(bracket - bytes) : length;
    buf_append(&items->text, bytes, part);
    if (!bracket) {
        *ret_result = items->text.failed ? -1 : 0;
        return length;
    }
    items->inside = true;
    items->broken = items->text.failed || !prefix_valid(items->text.data);
    buf_truncate(&items->text, 0);
    *ret_result = items->broken ? -1 : 0;
    return part + 1;
}

int items_take(void *context, const void *bytes, size_t length)
{
    struct items *items = context;
    const char *at = bytes;
    int result = 0;
    while (length > 0 && result == 0 && !items->closed) {
        size_t taken = items->inside ? take_in_item(items, at, length, &result)
                                     : take_before(items, at, length, &result);
        at += taken;
        length -= taken;
    }
    return result;
}

bool items_complete(const struct items *items)
{
    if (items->inside)
        return items->closed && !items->broken;
    /* No array: then the document, or its member, must be null. */
    json_t *json = json_loadb(items->text.data, items->text.length, JSON_DECODE_ANY, NULL);
    bool null = json_is_null(json) || json_is_null(json_object_get(json, "Volumes"));
    json_decref(json);
    return null;
}
