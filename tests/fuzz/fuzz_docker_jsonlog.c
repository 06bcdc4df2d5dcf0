/*
 * Lines of the engine's log file. The hand-written way is compared with a JSON parser: whatever the
 * parser takes for an object of the usual form, both take for the same text.
 */
#include "backend/base/buf.h"
#include "backend/docker/jsonlog.h"

#include <jansson.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* The input as the text of an entry, written as the engine would: it must come back. */
static void expect_back(const uint8_t *input, size_t size)
{
    struct buf line = BUF_INIT(1 << 20);
    buf_puts(&line, "{\"log\":\"");
    buf_put_json_escaped(&line, (const char *)input, size);
    buf_puts(&line, "\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-22T01:02:03.4Z\"}");
    json_t *json = json_loadb(line.data, line.length, JSON_ALLOW_NUL, NULL);
    struct jsonlog jsonlog = {0};
    struct log_entry entry;
    const json_t *log = json_object_get(json, "log");
    if (!json || jsonlog_decode(&jsonlog, line.data, line.length, &entry) < 0 || entry.partial ||
        entry.stream != STREAM_STDERR || entry.length + 1 != json_string_length(log) ||
        memcmp(entry.text, json_string_value(log), entry.length) != 0)
        __builtin_trap();
    json_decref(json);
    buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct jsonlog jsonlog = {0};
    struct log_entry entry;
    char *line = malloc(size + 1);
    json_t *json = json_loadb((const char *)input, size, JSON_ALLOW_NUL, NULL);
    const json_t *log = json_object_get(json, "log");
    memcpy(line, input, size);
    if (jsonlog_decode(&jsonlog, line, size, &entry) == 0 && log && json_object_size(json) == 3) {
        size_t length = entry.length + !entry.partial;
        if (length != json_string_length(log) ||
            memcmp(entry.text, json_string_value(log), entry.length) != 0)
            __builtin_trap();
    }
    json_decref(json);
    free(line);
    expect_back(input, size);
    return 0;
}
