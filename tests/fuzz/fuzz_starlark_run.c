/*
 * Fuzz target: evaluation, with limits on steps, memory and depth. The first byte chooses the
 * dialect; the rest is the file. It is run twice in one vm with a collection in between, and what
 * it defines without parameters is called.
 */
#include "starlark/starlark.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error that cannot be shown is a finding, and so is a failure without an error. */
static void show_error(struct star_vm *vm)
{
    struct star_error *error = star_take_error(vm);
    if (error == NULL)
        abort();
    char *text = star_error_text(error);
    if (text == NULL)
        abort();
    free(text);
    star_error_free(error);
}

static void use(struct star_vm *vm, star_value value)
{
    if (star_is_null(value)) {
        show_error(vm);
        return;
    }
    if (star_is_null(star_repr(vm, value)))
        show_error(vm);
    if (star_is_null(star_json_encode(vm, value)))
        show_error(vm);
}

static void call_members(struct star_vm *vm, star_value module)
{
    static const char *const names[] = {"f", "g", "main", "x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        star_value member = star_module_get(module, names[i]);
        if (star_is_null(member))
            continue;
        if (star_is_callable(member))
            use(vm, star_call(vm, member, NULL));
        else
            use(vm, member);
    }
}

static void run(struct star_vm *vm, struct star_program *program)
{
    struct star_binding predeclared[] = {
        {"json", star_lib_json(vm)},     {"math", star_lib_math(vm)},
        {"time", star_lib_time(vm)},     {"struct", star_lib_struct(vm)},
        {"module", star_lib_module(vm)},
    };
    star_value module =
        star_exec(vm, program, predeclared, sizeof predeclared / sizeof *predeclared);
    if (star_is_null(module)) {
        show_error(vm);
        return;
    }
    struct star_root *root = star_root_new(vm, module);
    call_members(vm, module);
    star_root_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static const char *const predeclared[] = {"json", "math", "time", "struct", "module", NULL};
    struct star_compile_options options = {.dialect = data[0], .predeclared = predeclared};
    struct star_error *error = NULL;
    struct star_program *program =
        star_compile(&options, "fuzz.star", (const char *)data + 1, size - 1, &error);
    star_error_free(error);
    if (program == NULL)
        return 0;
    struct star_config config = {.max_steps = 20000, .max_memory = 16 << 20, .max_calls = 200};
    struct star_vm *vm = star_vm_new(&config);
    run(vm, program);
    star_vm_collect(vm);
    run(vm, program);
    star_vm_free(vm);
    star_program_unref(program);
    return 0;
}
