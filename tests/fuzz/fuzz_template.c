/*
 * Templates of any text over any data. The input is a template, and after a zero byte, if there is
 * one, the data as JSON; else some data that has every kind of value. What is looked for, beside
 * what the sanitizers see: a template that runs past its limits, and output that differs from one
 * execution to the next.
 */
#include "backend/plan/json_big.h"
#include "backend/plan/template.h"

#include <stdint.h>
#include <string.h>

enum {
    OUTPUT_MAX = 1 << 16
};

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static json_t *default_data(void)
{
    static const char text[] =
        "{\"N\":5,\"Z\":0,\"F\":1.5,\"S\":\"abc\",\"L\":[1,2,3],\"M\":{\"b\":1,\"a\":[2]},\"X\":"
        "null,"
        "\"T\":true,\"E\":\"\",\"B\":123456789012345678901234567890,\"U\":\"h\\u00e9\"}";
    return json_big_parse(text, sizeof text - 1, NULL);
}

static int execute(const struct template *template, json_t *data, struct buf *output)
{
    cleanup(error_free) struct error *err = NULL;
    int status = template_execute(template, data, output, &err);
    if (status < 0 && !err)
        __builtin_trap();
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const uint8_t *zero = size ? memchr(input, '\0', size) : NULL;
    size_t length = zero ? (size_t)(zero - input) : size;
    cleanup(error_free) struct error *err = NULL;
    cleanup(template_free) struct template *template =
        template_parse("t", (const char *)input, length, &err);
    if (!template && !err)
        __builtin_trap();
    if (!template)
        return 0;
    json_t *data = zero ? json_big_parse((const char *)zero + 1, size - length - 1, NULL) : NULL;
    if (!data)
        data = default_data();
    cleanup(buf_done) struct buf first = BUF_INIT(OUTPUT_MAX);
    cleanup(buf_done) struct buf second = BUF_INIT(OUTPUT_MAX);
    int status = execute(template, data, &first);
    if (status != execute(template, data, &second) || first.length != second.length ||
        memcmp(first.data, second.data, first.length) != 0)
        __builtin_trap();
    json_decref(data);
    return 0;
}
