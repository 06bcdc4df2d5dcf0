/* The one terminal there is, and how it was. */
#include "tools/kfs/terminal.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool raw;

bool terminal_here(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int terminal_begin(struct error **err)
{
    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return error_system(err, "the terminal cannot be asked how it is");
    struct termios now = before;
    cfmakeraw(&now);
    raw = true;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &now) < 0) {
        error_system(err, "the terminal cannot be made raw");
        terminal_end();
        return -1;
    }
    return 0;
}

void terminal_end(void)
{
    if (raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    raw = false;
}

bool terminal_size(struct winsize *ret_size)
{
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, ret_size) == 0 && ret_size->ws_row > 0 &&
           ret_size->ws_col > 0;
}
