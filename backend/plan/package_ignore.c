/* Patterns of .kurtosisignore. A path is matched name by name, so that only "**" crosses a '/'. */
#include "backend/plan/package_ignore.h"

#include <fnmatch.h>
#include <string.h>

enum {
    PATTERNS_MAX = 10000,
    NAMES_MAX = 256, /* of one pattern or path; a longer pattern is dropped */
    STEPS_MAX = 100000
};

struct pattern {
    char *text; /* its names, each ended by '\0' */
    unsigned names;
    bool negated;
    bool directories_only;
    bool whole_path;
};

struct package_ignore {
    struct pattern *patterns;
    size_t count;
};

/* ---- parsing ---- */

/* Cuts the space at the end, but for one that a backslash keeps. */
static void trim_end(char *line)
{
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r", line[length - 1]) &&
           !(length > 1 && line[length - 2] == '\\'))
        line[--length] = '\0';
}

/* Ends each name in text by '\0' and counts them. */
static unsigned split_names(char *text)
{
    unsigned names = 1;
    for (; *text; text++) {
        if (*text != '/')
            continue;
        *text = '\0';
        names++;
    }
    return names;
}

/* Reads a line into *ret; false if there is no pattern in it. */
static bool parse_line(char *line, struct pattern *ret)
{
    *ret = (struct pattern){0};
    trim_end(line);
    if (*line == '#')
        return false;
    ret->negated = *line == '!';
    line += ret->negated;
    size_t length = strlen(line);
    ret->directories_only = length > 0 && line[length - 1] == '/';
    while (length > 0 && line[length - 1] == '/')
        line[--length] = '\0';
    ret->whole_path = strchr(line, '/') != NULL;
    while (*line == '/' || strncmp(line, "./", 2) == 0)
        line += *line == '/' ? 1 : 2;
    if (*line == '\0')
        return false;
    ret->text = strdup(line);
    ret->names = ret->text ? split_names(ret->text) : 0;
    return ret->text != NULL;
}

static int add_pattern(struct package_ignore *ignore, char *line)
{
    struct pattern pattern;
    if (!parse_line(line, &pattern))
        return 0;
    if (pattern.names > NAMES_MAX) {
        free(pattern.text);
        return 0;
    }
    struct pattern *grown =
        reallocarray(ignore->patterns, ignore->count + 1, sizeof *ignore->patterns);
    if (!grown) {
        free(pattern.text);
        return -1;
    }
    ignore->patterns = grown;
    grown[ignore->count++] = pattern;
    return 0;
}

struct package_ignore *package_ignore_parse(const char *text, size_t length)
{
    cleanup(package_ignore_free) struct package_ignore *ignore = calloc(1, sizeof *ignore);
    cleanup(free) char *copy = strndup(text, length);
    if (!ignore || !copy)
        return NULL;
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n")) && ignore->count < PATTERNS_MAX;)
        if (add_pattern(ignore, line) < 0)
            return NULL;
    return steal(&ignore);
}

void package_ignore_free(struct package_ignore *ignore)
{
    if (!ignore)
        return;
    for (size_t i = 0; i < ignore->count; i++)
        free(ignore->patterns[i].text);
    free(ignore->patterns);
    free(ignore);
}

/* ---- matching ---- */

static const char *next_name(const char *name)
{
    return name + strlen(name) + 1;
}

/* Whether all names of a pattern match all names of a path. steps bounds what many "**" could cost.
 */
static bool match_names(const char *pattern, unsigned patterns, const char *path, unsigned names,
                        unsigned *steps)
{
    while (patterns > 0 && *steps > 0) {
        --*steps;
        if (strcmp(pattern, "**") == 0) {
            pattern = next_name(pattern);
            if (--patterns == 0) /* all that is below, but not the directory itself */
                return names > 0;
            for (; names > 0; path = next_name(path), names--)
                if (match_names(pattern, patterns, path, names, steps))
                    return true;
            return false;
        }
        if (names == 0 || fnmatch(pattern, path, 0) != 0)
            return false;
        pattern = next_name(pattern);
        path = next_name(path);
        patterns--;
        names--;
    }
    return patterns == 0 && names == 0;
}

static bool matches(const struct pattern *pattern, const char *path, unsigned names,
                    const char *last_name, bool is_directory)
{
    unsigned steps = STEPS_MAX;
    if (pattern->directories_only && !is_directory)
        return false;
    if (!pattern->whole_path)
        return match_names(pattern->text, pattern->names, last_name, 1, &steps);
    return match_names(pattern->text, pattern->names, path, names, &steps);
}

bool package_ignore_matches(const struct package_ignore *ignore, const char *path,
                            bool is_directory)
{
    if (!ignore)
        return false;
    cleanup(free) char *copy = strdup(path);
    if (!copy)
        return false;
    const char *slash = strrchr(path, '/');
    const char *last_name = slash ? slash + 1 : path;
    unsigned names = split_names(copy);
    for (size_t i = ignore->count; i > 0; i--)
        if (matches(&ignore->patterns[i - 1], copy, names, last_name, is_directory))
            return !ignore->patterns[i - 1].negated;
    return false;
}
