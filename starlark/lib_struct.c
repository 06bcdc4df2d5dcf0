/* The built-ins struct(**fields) and module(name, **members), which hosts predeclare if they like.
 */
#include "starlark/args.h"
#include "starlark/object.h"
#include "starlark/str.h"

static star_value make_struct(struct star_vm *vm, const struct star_args *args)
{
    if (args->count > 0)
        return star_fail(vm, "struct: unexpected positional arguments");
    for (size_t i = 1; i < args->named_count && args->named_count <= 64; i++)
        for (size_t j = 0; j < i; j++)
            if (sl_str_same(as_str(args->names[i]), as_str(args->names[j])))
                return star_fail(vm, "struct: got multiple values for keyword argument \"%s\"",
                                 as_str(args->names[i])->data);
    return sl_struct_new(vm, STAR_NULL, args->names, args->named_values, args->named_count);
}

static star_value make_module(struct star_vm *vm, const struct star_args *args)
{
    star_value name;
    struct star_args positional = *args;
    positional.named_count = 0;
    if (!UNPACK_POSITIONAL(vm, &positional, 1, ARG(STRING, &name)))
        return STAR_NULL;
    size_t size = (args->named_count + 1) * sizeof(struct star_binding);
    struct star_binding *members = sl_realloc(vm, NULL, 0, size);
    if (!members)
        return STAR_NULL;
    for (size_t i = 0; i < args->named_count; i++)
        members[i] = (struct star_binding){as_str(args->names[i])->data, args->named_values[i]};
    star_value module = star_module_new(vm, as_str(name)->data, members, args->named_count);
    sl_realloc(vm, members, size, 0);
    return module;
}

star_value star_lib_struct(struct star_vm *vm)
{
    return star_builtin_new(vm, "struct", make_struct, NULL);
}

star_value star_lib_module(struct star_vm *vm)
{
    return star_builtin_new(vm, "module", make_module, NULL);
}
