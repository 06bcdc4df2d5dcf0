/* A scan of Starlark text for `def` at the top level. It minds strings and comments, in which such
 * a line may stand, and nothing else. */
#include "tools/test/script.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Past a string that begins at `at` with a quote of either kind, single or triple. */
static const char *skip_string(const char *at)
{
    char quote = *at;
    bool triple = at[1] == quote && at[2] == quote;
    for (at += triple ? 3 : 1; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '\n' && !triple)
            return at; /* an error of the script's */
        else if (*at == quote && (!triple || (at[1] == quote && at[2] == quote)))
            return at + (triple ? 3 : 1);
    }
    return at;
}

/* Past the end of a logical piece of text: what follows may be the beginning of a line. */
static const char *skip_piece(const char *at)
{
    if (*at == '"' || *at == '\'')
        return skip_string(at);
    if (*at == '#')
        return at + strcspn(at, "\n");
    return at + 1;
}

static bool has_name(const char *const *names, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

static int add_case(struct script_facts *facts, const char *name, size_t length, struct error **err)
{
    if (has_name((const char *const *)facts->cases, facts->case_count, name, length))
        return 0;
    char **grown = reallocarray(facts->cases, facts->case_count + 1, sizeof *facts->cases);
    if (grown) {
        facts->cases = grown;
        grown[facts->case_count] = strndup(name, length);
    }
    if (!grown || !grown[facts->case_count])
        return error_set(err, ENOMEM, "out of memory");
    facts->case_count++;
    return 0;
}

/* Whether a parameter list, from its '(' on, has this name. Defaults are not told from names. */
static bool has_parameter(const char *list, const char *name)
{
    size_t length = strlen(name), depth = 0;
    for (const char *at = list; *at;) {
        depth += *at == '(';
        depth -= *at == ')';
        if (depth == 0)
            return false;
        if (strncmp(at, name, length) == 0 && !is_word(at[-1]) && !is_word(at[length]))
            return true;
        at = skip_piece(at);
    }
    return false;
}

static int take_function(struct script_facts *facts, const char *name, struct error **err)
{
    static const char prefix[] = "test_";
    size_t length = 0;
    while (is_word(name[length]))
        length++;
    const char *list = name + length + strspn(name + length, " \t");
    if (*list != '(')
        return 0;
    if (length == 3 && memcmp(name, "run", 3) == 0) {
        facts->has_run = true;
        facts->takes_volume = has_parameter(list, "test_volume");
        facts->takes_args = has_parameter(list, "args");
    }
    return length > strlen(prefix) && memcmp(name, prefix, strlen(prefix)) == 0
               ? add_case(facts, name, length, err)
               : 0;
}

int script_scan(const char *text, struct script_facts *ret_facts, struct error **err)
{
    *ret_facts = (struct script_facts){.asks_for_binds = strstr(text, "bind_mounts") != NULL};
    for (const char *at = text; *at; at = skip_piece(at)) {
        bool starts_line = at == text || at[-1] == '\n';
        if (!starts_line || strncmp(at, "def", 3) != 0 || (at[3] != ' ' && at[3] != '\t'))
            continue;
        if (take_function(ret_facts, at + 3 + strspn(at + 3, " \t"), err) < 0)
            return -1;
    }
    return 0;
}

void script_facts_done(struct script_facts *facts)
{
    for (size_t i = 0; i < facts->case_count; i++)
        free(facts->cases[i]);
    free(facts->cases);
    *facts = (struct script_facts){.case_count = 0};
}
