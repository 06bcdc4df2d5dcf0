/* What libstarlark does not have yet, by jansson: JSON between the engine and the script. Left out
 * of the build as soon as the library has it. */
#include "backend/plan/interpreter/interpreter.h"

#include <string.h>

star_value star_lib_json(struct star_vm *vm)
{
    return star_module_new(vm, "json", NULL, 0);
}

static star_value encode(struct star_vm *vm, star_value value, size_t flags)
{
    cleanup(buf_done) struct buf problems = BUF_INIT(BUF_MAX_TEXT);
    json_t *json = value_to_json(star_vm_data(vm), value, "value", &problems);
    cleanup(free) char *text = json ? json_dumps(json, flags | JSON_ENCODE_ANY) : NULL;
    json_decref(json);
    return text ? star_string_z(vm, text) : star_fail(vm, "json.encode: %s", problems.data);
}

star_value star_json_encode(struct star_vm *vm, star_value value)
{
    return encode(vm, value, JSON_COMPACT | JSON_SORT_KEYS);
}

star_value star_json_encode_indent(struct star_vm *vm, star_value value, const char *prefix,
                                   const char *indent)
{
    (void)prefix, (void)indent;
    return encode(vm, value, JSON_INDENT(2) | JSON_SORT_KEYS);
}

star_value star_json_decode(struct star_vm *vm, const char *text, size_t size)
{
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    star_value value =
        json ? value_from_json(star_vm_data(vm), json) : star_fail(vm, "json.decode: not JSON");
    json_decref(json);
    return value;
}
