/* The line that is written to a `run` file: [OPTIONS] LOCATOR [ARGUMENTS], with the options of
 * `kurtosis run`. */
#include "backend/plan/plan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_MAX_LENGTH = 16 << 20, /* bytes; arguments can be long */
    PARALLELISM_MAX = 1000
};

struct option {
    const char *name;
    int (*take)(struct plan_request *request, const char *value, struct error **err);
    bool has_value;
};

static int take_dry_run(struct plan_request *request, const char *value, struct error **err)
{
    (void)value, (void)err;
    request->dry_run = true;
    return 0;
}

static int take_parallel(struct plan_request *request, const char *value, struct error **err)
{
    (void)value, (void)err;
    request->parallel = true;
    return 0;
}

static int take_privileged(struct plan_request *request, const char *value, struct error **err)
{
    (void)value, (void)err;
    request->privileged = true;
    return 0;
}

static int take_parallelism(struct plan_request *request, const char *value, struct error **err)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (*end || end == value || number < 1 || number > PARALLELISM_MAX)
        return error_set(err, EINVAL, "--parallelism takes a number from 1 to %d, not '%s'",
                         PARALLELISM_MAX, value);
    request->parallelism = (unsigned)number;
    return 0;
}

static int take_main_file(struct plan_request *request, const char *value, struct error **err)
{
    (void)err;
    request->main_file = value;
    return 0;
}

static int take_main_function(struct plan_request *request, const char *value, struct error **err)
{
    (void)err;
    request->main_function = value;
    return 0;
}

static int take_image_download(struct plan_request *request, const char *value, struct error **err)
{
    if (strcmp(value, "missing") == 0)
        request->image_download = PLAN_IMAGES_MISSING;
    else if (strcmp(value, "always") == 0)
        request->image_download = PLAN_IMAGES_ALWAYS;
    else
        return error_set(err, EINVAL, "--image-download takes missing or always, not '%s'", value);
    return 0;
}

static int take_args(struct plan_request *request, const char *value, struct error **err)
{
    (void)err;
    request->arguments = value;
    return 0;
}

static int take_args_file(struct plan_request *request, const char *value, struct error **err)
{
    (void)err;
    request->arguments_file = value;
    return 0;
}

static const struct option options[] = {
    {"--dry-run", take_dry_run, false},
    {"--parallel", take_parallel, false},
    {"--privileged", take_privileged, false},
    {"--parallelism", take_parallelism, true},
    {"--main-file", take_main_file, true},
    {"--main-function-name", take_main_function, true},
    {"--image-download", take_image_download, true},
    {"--args", take_args, true},
    {"--args-file", take_args_file, true},
};

/* Cuts the first word off *line, in place; quotes of either kind keep blanks. NULL at the end. */
static char *take_word(char **line)
{
    char *at = *line + strspn(*line, " \t\r\n"), *word = at, *out = at;
    char quote = '\0';
    if (!*at)
        return NULL;
    for (; *at && (quote || !strchr(" \t\r\n", *at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'')
            quote = quote ? '\0' : *at;
        else
            *out++ = *at;
    }
    *line = *at ? at + 1 : at;
    *out = '\0';
    return word;
}

static const struct option *find_option(const char *word, size_t length)
{
    for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, word, length) == 0)
            return &options[i];
    return NULL;
}

static int take_option(char *word, char **line, struct plan_request *request, struct error **err)
{
    char *equals = strchr(word, '=');
    const struct option *option =
        find_option(word, equals ? (size_t)(equals - word) : strlen(word));
    if (!option)
        return error_set(err, EINVAL,
                         "there is no option '%s' (there are --dry-run, --parallel, "
                         "--parallelism, --privileged, --main-file, "
                         "--main-function-name, --image-download, --args, --args-file)",
                         word);
    if (!option->has_value)
        return equals ? error_set(err, EINVAL, "the option %s takes no value", option->name)
                      : option->take(request, NULL, err);
    const char *value = equals ? equals + 1 : take_word(line);
    if (!value || !*value)
        return error_set(err, EINVAL, "the option %s needs a value", option->name);
    return option->take(request, value, err);
}

/* What follows the locator, as it stands; of one pair of quotes around all of it, the inside. */
static char *trim_arguments(char *rest)
{
    rest += strspn(rest, " \t\r\n");
    size_t length = strlen(rest);
    while (length > 0 && strchr(" \t\r\n", rest[length - 1]))
        rest[--length] = '\0';
    if (length >= 2 && rest[0] == '\'' && rest[length - 1] == '\'') {
        rest[length - 1] = '\0';
        rest++;
    }
    return rest;
}

int plan_parse_run_line(const char *line, struct plan_request *request, char **ret_storage,
                        struct error **err)
{
    if (strlen(line) > LINE_MAX_LENGTH)
        return error_set(err, EFBIG, "the line is too long");
    cleanup(free) char *storage = strdup(line);
    if (!storage)
        return error_set(err, ENOMEM, "out of memory");
    char *rest = storage, *word;
    while ((word = take_word(&rest)) && strncmp(word, "--", 2) == 0)
        if (take_option(word, &rest, request, err) < 0)
            return -1;
    if (!word)
        return error_set(err, EINVAL, "say what is to run: [OPTIONS] LOCATOR [ARGUMENTS]");
    request->package = word;
    rest = trim_arguments(rest);
    if (*rest || !request->arguments)
        request->arguments = rest;
    *ret_storage = steal(&storage);
    return 0;
}
