/*
 * The daemon's own log. Only this module and main() write anything outside; everybody else calls
 * these. Each line is "2026-08-18T09:05:07Z LEVEL message"; control characters in a message are
 * escaped, so that a hostile name cannot forge lines or drive a terminal. Thread-safe; a line is
 * one write(2).
 */
#ifndef KFS_BASE_LOG_H
#define KFS_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_MAX,
    LOG_LEVEL_INVALID = -1
};

/* The level called name ("error", "warning", "info", "debug"), or LOG_LEVEL_INVALID. */
enum log_level log_level_parse(const char *name);

/* Lines above level are dropped from now on. The default is info. */
void log_set_level(enum log_level level);

/* Where lines go from now on: two descriptors, each may be -1 for none. They are not closed here.
 * Default: 2 and none. */
void log_set_output(int fd, int second_fd);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
