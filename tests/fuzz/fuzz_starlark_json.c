/*
 * Fuzz target: json.decode. What decodes must encode again, and that must decode to the same text.
 */
#include "starlark/starlark.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop_error(struct star_vm *vm)
{
    struct star_error *error = star_take_error(vm);
    if (error == NULL || error->message == NULL)
        abort();
    star_error_free(error);
}

/* Encoding what was decoded from it gives `text` itself. */
static void check_stable(struct star_vm *vm, star_value text)
{
    size_t size;
    const char *bytes = star_text_of(text, &size);
    star_value again = star_json_decode(vm, bytes, size);
    if (star_is_null(again))
        abort();
    star_value second = star_json_encode(vm, again);
    bool equal = false;
    if (star_is_null(second) || !star_equal(vm, text, second, &equal) || !equal)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct star_config config = {.max_memory = 64 << 20};
    struct star_vm *vm = star_vm_new(&config);
    star_value value = star_json_decode(vm, (const char *)data, size);
    if (star_is_null(value)) {
        drop_error(vm);
    } else {
        star_value text = star_json_encode(vm, value);
        if (star_is_null(text))
            drop_error(vm); /* too deep to encode */
        else
            check_stable(vm, text);
        if (star_is_null(star_json_encode_indent(vm, value, "", " ")))
            drop_error(vm);
    }
    star_vm_free(vm);
    return 0;
}
