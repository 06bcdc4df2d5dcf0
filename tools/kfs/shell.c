/*
 * shell: a terminal in a service, through its `exec` file. Where this is not started on a terminal,
 * what is read from standard input is the command's input, as in a pipe.
 *
 * Two threads, so that a command that does not read cannot keep its output back: this one takes the
 * output and signals, the other the keys and the terminal's size.
 */
#include "tools/kfs/command.h"

#include "backend/base/file.h"
#include "kfs/exec_file.h"
#include "tools/kfs/talk.h"
#include "tools/kfs/terminal.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    PIECE = 64 << 10,     /* bytes moved at a time */
    EXIT_LINE_MAX = 1024, /* a longer piece of output is no line of the exit status */
    SIGNALLED = 128       /* + the signal's number: the exit status of who was ended by one */
};

#define END_OF_INPUT "\x04" /* what `exec` takes for the end, in a write of its own */

struct shell {
    bool terminal;
    int talk;        /* the open exec file */
    int signals;     /* signalfd */
    int resized;     /* eventfd: the terminal's size has changed */
    struct buf held; /* a piece of output that may be the line of the exit status */
};

/* ---- the other thread: input ---- */

static void tell_size(const struct shell *shell)
{
    struct winsize size;
    if (shell->terminal && terminal_size(&size))
        ioctl(shell->talk, KFS_EXEC_RESIZE, &size);
}

/* False at the end of the input. */
static bool move_input(const struct shell *shell)
{
    char bytes[PIECE];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) {
        file_write_all(shell->talk, END_OF_INPUT, 1);
        return false;
    }
    return file_write_all(shell->talk, bytes, (size_t)got) == 0;
}

static void *run_input(void *argument)
{
    const struct shell *shell = argument;
    tell_size(shell);
    struct pollfd wanted[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = shell->resized, .events = POLLIN}};
    for (;;) {
        uint64_t count;
        if (poll(wanted, ARRAY_LENGTH(wanted), -1) < 0)
            continue;
        if (wanted[1].revents && read(shell->resized, &count, sizeof count) > 0)
            tell_size(shell);
        if (wanted[0].revents && !move_input(shell))
            wanted[0].fd = -1; /* the size may still change */
    }
    return NULL;
}

/* ---- output ---- */

/* Whether it can be the last line, which comes in a read of its own. */
static bool is_exit_line(const char *bytes, size_t length)
{
    if (length > 0 && *bytes == '\n') /* put before it where the output did not end a line */
        bytes++, length--;
    return length > 5 && length < EXIT_LINE_MAX && strncmp(bytes, "exit ", 5) == 0 &&
           memchr(bytes, '\n', length) == bytes + length - 1;
}

static int flush_held(struct shell *shell)
{
    int result = file_write_all(STDOUT_FILENO, shell->held.data, shell->held.length);
    buf_truncate(&shell->held, 0);
    return result;
}

/* 1 if it was read, 0 at the end. */
static int move_output(struct shell *shell, struct error **err)
{
    char bytes[PIECE];
    ssize_t got = read(shell->talk, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (got < 0)
        return error_system(err, "the connection to the service is lost");
    if (got == 0)
        return 0;
    if (flush_held(shell) < 0)
        return error_system(err, "standard output");
    if (is_exit_line(bytes, (size_t)got))
        buf_append(&shell->held, bytes, (size_t)got);
    else if (file_write_all(STDOUT_FILENO, bytes, (size_t)got) < 0)
        return error_system(err, "standard output");
    return 1;
}

static int exit_status(const struct shell *shell, struct error **err)
{
    const char *line = shell->held.data;
    int status;
    if (sscanf(line, " exit %d", &status) == 1)
        return status;
    error_set(err, EIO, "how the command ended is not known%s%.*s", *line ? ": " : "",
              (int)strcspn(line + strspn(line, "\n"), "\n"), line + strspn(line, "\n"));
    return EXIT_FAILURE;
}

/* ---- signals ---- */

static int signals_open(struct error **err)
{
    sigset_t set;
    sigemptyset(&set);
    static const int numbers[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* so that the terminal is put back before this ends */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? error_system(err, "no signals can be taken") : fd;
}

/* The number of the signal that ends this; 0: none does. */
static int take_signal(const struct shell *shell)
{
    struct signalfd_siginfo info;
    if (read(shell->signals, &info, sizeof info) != sizeof info)
        return 0;
    if (info.ssi_signo != SIGWINCH)
        return (int)info.ssi_signo;
    eventfd_write(shell->resized, 1);
    return 0;
}

/* ---- the whole ---- */

static int converse(struct shell *shell, struct error **err)
{
    struct pollfd wanted[] = {{.fd = shell->talk, .events = POLLIN},
                              {.fd = shell->signals, .events = POLLIN}};
    for (;;) {
        if (poll(wanted, ARRAY_LENGTH(wanted), -1) < 0 && errno != EINTR)
            return error_set(err, errno, "cannot wait for the service"), EXIT_FAILURE;
        int signal_number = wanted[1].revents ? take_signal(shell) : 0;
        if (signal_number)
            return SIGNALLED + signal_number;
        int result = wanted[0].revents ? move_output(shell, err) : 1;
        if (result < 0)
            return EXIT_FAILURE;
        if (result == 0)
            return exit_status(shell, err);
    }
}

/* The best shell that there is, or the command; it knows what kind of terminal this is. */
static void put_line(struct buf *line, const struct shell *shell, int count, char **words)
{
    const char *term = getenv("TERM");
    buf_puts(line, shell->terminal ? "-i -t " : "-i ");
    if (shell->terminal && term && *term) {
        buf_puts(line, "export TERM=");
        talk_put_quoted(line, term);
        buf_puts(line, "; ");
    }
    if (count == 0)
        buf_puts(line, "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi");
    talk_put_command(line, count, words);
}

static int begin(struct shell *shell, int count, char **words, struct error **err)
{
    cleanup(buf_done) struct buf line = BUF_INIT(TALK_LINE_MAX);
    pthread_t input;
    put_line(&line, shell, count, words);
    if (talk_ask(shell->talk, &line, err) < 0 || (shell->terminal && terminal_begin(err) < 0))
        return -1;
    errno = pthread_create(&input, NULL, run_input, shell);
    if (errno)
        return error_system(err, "no thread can be started");
    pthread_detach(input);
    return 0;
}

int command_shell(int argc, char **argv, struct error **err)
{
    /* Static, as the other thread uses it until the program ends. */
    static struct shell shell;
    shell = (struct shell){.terminal = terminal_here(), .held = BUF_INIT(EXIT_LINE_MAX)};
    shell.talk = talk_open(argv[1], argv[2], 0, err);
    if (shell.talk < 0)
        return EXIT_FAILURE;
    shell.signals = signals_open(err);
    shell.resized = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = EXIT_FAILURE;
    if (shell.signals >= 0 && begin(&shell, argc - 3, argv + 3, err) == 0)
        status = converse(&shell, err);
    terminal_end();
    return status;
}
