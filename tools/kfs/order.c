/* Words of a command line to the line of a run file (see plan_parse_run_line in plan.h), where
 * quotes keep blanks together. What an option means is decided where the line is read. */
#include "tools/kfs/order.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define ARGS_FILE "--args-file"

/* Those whose value may be the next word. */
static const char *const with_value[] = {ARGS_FILE, "--main-file", "--main-function-name",
                                         "--parallelism", "--image-download"};

static bool takes_value(const char *option)
{
    for (size_t i = 0; i < ARRAY_LENGTH(with_value); i++)
        if (strcmp(option, with_value[i]) == 0)
            return true;
    return false;
}

/* A word as the line takes it; one cannot hold both kinds of quotes. */
static void put_word(struct buf *line, const char *word)
{
    const char *quote = strpbrk(word, " \t'") ? "\"" : strchr(word, '"') ? "'" : "";
    buf_printf(line, "%s%s%s ", quote, word, quote);
}

/* The file's name if the word begins --args-file, from the word itself or the next; *i moves on. */
static const char *args_file_of(int count, char **words, int *i)
{
    size_t length = strlen(ARGS_FILE);
    if (strncmp(words[*i], ARGS_FILE, length) != 0)
        return NULL;
    if (words[*i][length] == '=')
        return words[*i] + length + 1;
    return words[*i][length] == '\0' && *i + 1 < count ? words[++*i] : NULL;
}

/* Gives the number of the first word that is no option. */
static int parse_options(int count, char **words, struct order *order, const char **args_file)
{
    int i;
    for (i = 0; i < count && words[i][0] == '-'; i++) {
        const char *file = args_file_of(count, words, &i);
        if (file) {
            *args_file = file;
            continue;
        }
        put_word(&order->options, words[i]);
        if (takes_value(words[i]) && i + 1 < count)
            put_word(&order->options, words[++i]);
    }
    return i;
}

int order_parse(int count, char **words, struct order *ret_order, struct error **err)
{
    const char *args_file = NULL;
    *ret_order =
        (struct order){.options = BUF_INIT(BUF_MAX_TEXT), .arguments = BUF_INIT(BUF_MAX_DOCUMENT)};
    int at = parse_options(count, words, ret_order, &args_file);
    if (at == count)
        return error_set(err, EINVAL, "there is no LOCATOR: what is to run?");
    if (count - at > 2)
        return error_set(err, EINVAL, "'%s' is too much: ARGUMENTS are one word, in quotes",
                         words[at + 2]);
    ret_order->locator = words[at];
    if (at + 1 < count)
        buf_puts(&ret_order->arguments, words[at + 1]);
    else if (args_file && file_read(AT_FDCWD, args_file, &ret_order->arguments, err) < 0)
        return -1;
    return buf_check(&ret_order->options, err);
}

void order_done(struct order *order)
{
    buf_done(&order->options);
    buf_done(&order->arguments);
}

void order_put_line(const struct order *order, const char *locator, struct buf *out)
{
    buf_puts(out, order->options.data);
    put_word(out, locator);
    buf_append(out, order->arguments.data, order->arguments.length);
    buf_putc(out, '\n');
}
