/* The log: a level, two descriptors, one write a line. */
#include "backend/base/log.h"

#include "backend/base/clock.h"

#include <stdatomic.h>
#include <strings.h>

enum {
    LINE_MAX_BYTES = 16 << 10
};

static const char *const level_names[LOG_LEVEL_MAX] = {"error", "warning", "info", "debug"};

static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_int outputs[2] = {2, -1};

enum log_level log_level_parse(const char *name)
{
    for (int level = 0; level < LOG_LEVEL_MAX; level++)
        if (strcasecmp(name, level_names[level]) == 0)
            return level;
    return LOG_LEVEL_INVALID;
}

void log_set_level(enum log_level level)
{
    current_level = level;
}

void log_set_output(int fd, int second_fd)
{
    outputs[0] = fd;
    outputs[1] = second_fd;
}

static void put_escaped(struct buf *line, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            buf_printf(line, c == '\n' ? "\\n" : "\\x%02x", c);
        else
            buf_putc(line, (char)c);
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    if ((int)level > current_level)
        return;
    int saved = errno;
    cleanup(buf_done) struct buf message = BUF_INIT(LINE_MAX_BYTES);
    cleanup(buf_done) struct buf line = BUF_INIT(6 * LINE_MAX_BYTES);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&message, format, arguments);
    va_end(arguments);
    clock_put_rfc3339(&line, clock_now());
    buf_printf(&line, " %s ", level_names[level]);
    put_escaped(&line, message.failed ? "a line too long for the log" : message.data,
                message.failed ? 27 : message.length);
    buf_putc(&line, '\n');
    for (int i = 0; i < 2; i++)
        if (outputs[i] >= 0 && write(outputs[i], line.data, line.length) < 0)
            continue; /* the other may take it; else there is nobody left to tell */
    errno = saved;
}
