/*
 * Fuzz target: lexer, parser, resolver and compiler. The first byte chooses the dialect; the rest
 * is the file. What compiles is thrown away; what does not must say where and why.
 */
#include "starlark/starlark.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A static error without a position or a message is a finding. */
static void check(const struct star_error *error)
{
    if (error->diagnostic_count == 0)
        abort();
    for (size_t i = 0; i < error->diagnostic_count; i++) {
        const struct star_diagnostic *one = &error->diagnostics[i];
        if (one->message == NULL || *one->message == '\0' || one->position.line < 1 ||
            one->position.column < 1)
            abort();
    }
    char *text = star_error_text(error);
    if (text == NULL)
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static const char *const predeclared[] = {"json", "struct", NULL};
    struct star_compile_options options = {.dialect = data[0], .predeclared = predeclared};
    struct star_error *error = NULL;
    struct star_program *program =
        star_compile(&options, "fuzz.star", (const char *)data + 1, size - 1, &error);
    if ((program == NULL) != (error != NULL))
        abort();
    if (error != NULL)
        check(error);
    star_error_free(error);
    star_program_unref(program);
    return 0;
}
