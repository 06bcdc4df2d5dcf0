/* The error object. It never fails itself: out of memory is an error too, a constant one. */
#include "backend/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct error out_of_memory = {.code = ENOMEM, .message = (char *)"out of memory"};

static struct error *error_new(int code, char *message)
{
    struct error *err = message ? malloc(sizeof *err) : NULL;
    if (!err) {
        free(message);
        return &out_of_memory;
    }
    err->code = code;
    err->message = message;
    return err;
}

__attribute__((format(printf, 1, 0))) static char *format_message(const char *format,
                                                                  va_list arguments)
{
    char *message = NULL;
    return vasprintf(&message, format, arguments) < 0 ? NULL : message;
}

int error_set(struct error **err, int code, const char *format, ...)
{
    if (!err || *err)
        return -1;
    va_list arguments;
    va_start(arguments, format);
    *err = error_new(code, format_message(format, arguments));
    va_end(arguments);
    return -1;
}

int error_system(struct error **err, const char *format, ...)
{
    if (!err || *err)
        return -1;
    int code = errno;
    va_list arguments;
    va_start(arguments, format);
    cleanup(free) char *message = format_message(format, arguments);
    va_end(arguments);
    errno = code;
    char reason[128];
    return error_set(err, code, "%s: %s", message ? message : "out of memory",
                     strerror_r(code, reason, sizeof reason));
}

int error_wrap(struct error **err, const char *format, ...)
{
    if (!err || !*err || *err == &out_of_memory)
        return -1;
    va_list arguments;
    va_start(arguments, format);
    cleanup(free) char *context = format_message(format, arguments);
    va_end(arguments);
    char *message = NULL;
    if (context && asprintf(&message, "%s: %s", context, (*err)->message) >= 0) {
        free((*err)->message);
        (*err)->message = message;
    }
    return -1;
}

int error_move(struct error **to, struct error **from)
{
    if (!from || !*from)
        return -1;
    if (to && !*to)
        *to = steal(from);
    else
        error_free(steal(from));
    return -1;
}

int error_code(const struct error *err)
{
    return err ? err->code : EIO;
}

const char *error_message(const struct error *err)
{
    return err ? err->message : "no reason was given";
}

void error_free(struct error *err)
{
    if (!err || err == &out_of_memory)
        return;
    free(err->message);
    free(err);
}
