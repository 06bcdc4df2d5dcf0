/* Module json, and the host's functions for JSON. */
#include "starlark/args.h"
#include "starlark/error.h"
#include "starlark/json.h"

static star_value encode_named(struct star_vm *vm, star_value value, const char *name)
{
    struct star_text text = TEXT_INIT(vm);
    if (sl_json_encode(&text, value))
        return sl_text_finish(&text);
    sl_text_free(&text);
    sl_error_restack(vm, "%s: ", name);
    return STAR_NULL;
}

static star_value indent_named(struct star_vm *vm, struct str *json, struct str *prefix,
                               struct str *indent, const char *name)
{
    struct star_text text = TEXT_INIT(vm);
    if (prefix && indent && sl_json_indent(&text, json->data, json->size, prefix, indent))
        return sl_text_finish(&text);
    sl_text_free(&text);
    sl_error_restack(vm, "%s: ", name);
    return STAR_NULL;
}

static star_value decode_named(struct star_vm *vm, const char *text, size_t size)
{
    star_value value = sl_json_decode(vm, text, size);
    if (star_is_null(value))
        sl_error_restack(vm, "json.decode: ");
    return value;
}

static star_value json_encode(struct star_vm *vm, const struct star_args *args)
{
    star_value value;
    return UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &value))
               ? encode_named(vm, value, "json.encode")
               : STAR_NULL;
}

/* prefix= and indent=, which come by name only; the other arguments are left in *ret_rest. */
static bool layout_args(struct star_vm *vm, const struct star_args *args, star_value *ret_prefix,
                        star_value *ret_indent, struct star_args *ret_rest)
{
    struct star_args named = *args;
    named.count = 0;
    *ret_prefix = sl_str_value(vm, "", 0);
    *ret_indent = sl_str_value(vm, "\t", 1);
    *ret_rest = *args;
    ret_rest->named_count = 0;
    return UNPACK(vm, &named, PARAM("prefix?", STRING, ret_prefix),
                  PARAM("indent?", STRING, ret_indent)) &&
           !star_is_null(*ret_prefix) && !star_is_null(*ret_indent);
}

static star_value json_encode_indent(struct star_vm *vm, const struct star_args *args)
{
    star_value value, prefix, indent;
    struct star_args rest;
    if (!layout_args(vm, args, &prefix, &indent, &rest) ||
        !UNPACK_POSITIONAL(vm, &rest, 1, ARG(VALUE, &value)))
        return STAR_NULL;
    star_value encoded = encode_named(vm, value, "json.encode_indent");
    if (star_is_null(encoded))
        return STAR_NULL;
    return indent_named(vm, as_str(encoded), as_str(prefix), as_str(indent), "json.encode_indent");
}

static star_value json_indent(struct star_vm *vm, const struct star_args *args)
{
    star_value text, prefix, indent;
    struct star_args rest;
    if (!layout_args(vm, args, &prefix, &indent, &rest) ||
        !UNPACK_POSITIONAL(vm, &rest, 1, ARG(STRING, &text)))
        return STAR_NULL;
    return indent_named(vm, as_str(text), as_str(prefix), as_str(indent), "json.indent");
}

static star_value json_decode(struct star_vm *vm, const struct star_args *args)
{
    star_value text, otherwise = STAR_NULL;
    if (!UNPACK(vm, args, PARAM("x", STRING, &text), PARAM("default?", VALUE, &otherwise)))
        return STAR_NULL;
    star_value value = decode_named(vm, as_str(text)->data, as_str(text)->size);
    if (!star_is_null(value) || star_is_null(otherwise) || vm->error->kind != STAR_ERROR_EVAL)
        return value;
    star_error_free(star_take_error(vm));
    return otherwise;
}

star_value star_lib_json(struct star_vm *vm)
{
    struct star_binding members[] = {
        {"decode", star_builtin_new(vm, "json.decode", json_decode, NULL)},
        {"encode", star_builtin_new(vm, "json.encode", json_encode, NULL)},
        {"encode_indent", star_builtin_new(vm, "json.encode_indent", json_encode_indent, NULL)},
        {"indent", star_builtin_new(vm, "json.indent", json_indent, NULL)},
    };
    return vm->error ? STAR_NULL : star_module_new(vm, "json", members, COUNT_OF(members));
}

star_value star_json_encode(struct star_vm *vm, star_value value)
{
    return encode_named(vm, value, "json.encode");
}

star_value star_json_encode_indent(struct star_vm *vm, star_value value, const char *prefix,
                                   const char *indent)
{
    star_value encoded = encode_named(vm, value, "json.encode");
    if (star_is_null(encoded))
        return STAR_NULL;
    return indent_named(vm, as_str(encoded), sl_str_new(vm, prefix, strlen(prefix)),
                        sl_str_new(vm, indent, strlen(indent)), "json.encode");
}

star_value star_json_decode(struct star_vm *vm, const char *text, size_t size)
{
    return decode_named(vm, text, size);
}
