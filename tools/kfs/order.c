/* Words of a command line to the line of a run file (see plan_parse_run_line in plan.h), where
 * quotes keep blanks together. What an option means is decided where the line is read. */
#include "tools/kfs/order.h"

#include "backend/base/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

/* Those whose value may be the next word. */
static const char *const with_value[] = {"--main-file", "--main-function-name", "--parallelism",
                                         "--image-download"};

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

/* The option's value, from the word itself or the next, if words[*i] is that option; *i moves on.
 */
static const char *value_of(const char *option, int count, char **words, int *i)
{
    size_t length = strlen(option);
    if (strncmp(words[*i], option, length) != 0)
        return NULL;
    if (words[*i][length] == '=')
        return words[*i] + length + 1;
    return words[*i][length] == '\0' && *i + 1 < count ? words[++*i] : NULL;
}

/* Takes an option whose value is used here, not where the line is read. */
static bool take_here(int count, char **words, int *i, struct order *order, const char **args,
                      const char **args_file)
{
    const struct {
        const char *option;
        const char **value;
    } ours[] = {
        {"--args", args}, {"--args-file", args_file}, {"--package-mirror", &order->package_mirror}};
    for (size_t each = 0; each < ARRAY_LENGTH(ours); each++) {
        const char *value = value_of(ours[each].option, count, words, i);
        if (value) {
            *ours[each].value = value;
            return true;
        }
    }
    return false;
}

/* Gives the number of the first word that is no option. */
static int parse_options(int count, char **words, struct order *order, const char **args,
                         const char **args_file)
{
    int i;
    for (i = 0; i < count && words[i][0] == '-'; i++) {
        if (take_here(count, words, &i, order, args, args_file))
            continue;
        put_word(&order->options, words[i]);
        if (takes_value(words[i]) && i + 1 < count)
            put_word(&order->options, words[++i]);
    }
    return i;
}

int order_parse(int count, char **words, struct order *ret_order, struct error **err)
{
    const char *args = NULL;
    const char *args_file = NULL;
    *ret_order =
        (struct order){.options = BUF_INIT(BUF_MAX_TEXT), .arguments = BUF_INIT(BUF_MAX_DOCUMENT)};
    int at = parse_options(count, words, ret_order, &args, &args_file);
    if (at == count)
        return error_set(err, EINVAL, "there is no LOCATOR: what is to run?");
    if (count - at > 2)
        return error_set(err, EINVAL, "'%s' is too much: ARGUMENTS are one word, in quotes",
                         words[at + 2]);
    ret_order->locator = words[at];
    if (at + 1 < count)
        args = words[at + 1];
    if (args)
        buf_puts(&ret_order->arguments, args);
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
