/* Beginning a conversation: the file, and the line that asks for the command. */
#include "tools/kfs/talk.h"

#include "backend/base/file.h"
#include "tools/kfs/tree.h"

#include <fcntl.h>
#include <string.h>

int talk_open(const char *enclave, const char *service, int flags, struct error **err)
{
    return tree_open(err, O_RDWR | flags, "enclaves", enclave, "services", service, "exec", NULL);
}

void talk_put_quoted(struct buf *line, const char *word)
{
    buf_putc(line, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_puts(line, "'\\''");
        else
            buf_putc(line, *word);
    }
    buf_puts(line, "' ");
}

void talk_put_command(struct buf *line, int count, char **words)
{
    if (count > 1 && strcmp(words[0], "--") == 0) {
        count--;
        words++;
    }
    if (count == 1)
        buf_puts(line, words[0]);
    for (int i = 0; count > 1 && i < count; i++)
        talk_put_quoted(line, words[i]);
}

int talk_ask(int fd, struct buf *line, struct error **err)
{
    buf_putc(line, '\n');
    if (buf_check(line, err) < 0)
        return -1;
    return file_write_all(fd, line->data, line->length) < 0
               ? error_system(err, "the service does not run it")
               : 0;
}
