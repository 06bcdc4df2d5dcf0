/* Locators as text. */
#include "backend/plan/package_locator.h"

#include <stdio.h>
#include <string.h>

static const char host[] = "github.com/";

enum {
    NAME_MAX_BYTES = 255, /* of one component; more fits in no directory */
    VERSION_MAX_BYTES = 200,
    LOCATOR_MAX_BYTES = 4096
};

void package_locator_done(struct package_locator *locator)
{
    free(locator->repository);
    free(locator->path);
    free(locator->version);
    *locator = (struct package_locator){0};
}

bool package_locator_is_remote(const char *text)
{
    return strncmp(text, host, sizeof host - 1) == 0;
}

bool package_path_is_in(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    return length == 0 ||
           (strncmp(path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

const char *package_path_below(const char *path, const char *prefix)
{
    path += strlen(prefix);
    return path + (*path == '/');
}

bool package_version_is_commit(const char *version)
{
    size_t length = strlen(version);
    return (length == 40 || length == 64) && strspn(version, "0123456789abcdef") == length;
}

/* ---- paths ---- */

/* Takes the last component away; false if there is none. */
static bool drop_last(char *path)
{
    if (*path == '\0')
        return false;
    char *slash = strrchr(path, '/');
    *(slash ? slash : path) = '\0';
    return true;
}

/* Appends the components of `more` to `path`, which has room for them. */
static int append_components(char *path, const char *more, struct error **err)
{
    const char *whole = more;
    while (*more) {
        size_t length = strcspn(more, "/");
        bool dots = length == 2 && memcmp(more, "..", 2) == 0;
        if (length > NAME_MAX_BYTES)
            return error_set(err, EINVAL, "'%s': a name is longer than %d bytes", whole,
                             NAME_MAX_BYTES);
        if (dots && !drop_last(path))
            return error_set(err, EINVAL, "'%s' leads out of its repository", whole);
        if (!dots && length > 0 && !(length == 1 && *more == '.')) {
            size_t end = strlen(path);
            if (end > 0)
                path[end++] = '/';
            memcpy(path + end, more, length);
            path[end + length] = '\0';
        }
        more += length;
        more += *more == '/';
    }
    return 0;
}

char *package_path_join(const char *from, const char *relative, struct error **err)
{
    if (*relative == '\0') {
        error_set(err, EINVAL, "a locator is empty");
        return NULL;
    }
    if (strlen(relative) > LOCATOR_MAX_BYTES) {
        error_set(err, EINVAL, "a locator is longer than %d bytes", LOCATOR_MAX_BYTES);
        return NULL;
    }
    cleanup(free) char *path = calloc(1, strlen(from) + strlen(relative) + 2);
    if (!path) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (*relative != '/') {
        if (append_components(path, from, err) < 0)
            return NULL;
        drop_last(path);
    }
    return append_components(path, relative, err) < 0 ? NULL : steal(&path);
}

/* ---- remote locators ---- */

/* Owners and repositories: what GitHub lets a name be, so that none is read as an option, a path or
 * a pattern. */
static bool is_name(const char *text, size_t length)
{
    static const char valid[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return length > 0 && length <= 100 && text[0] != '-' && text[0] != '.' &&
           strspn(text, valid) >= length;
}

/* git's rules for the names of refs (git-check-ref-format), and no leading '-'. */
static bool is_version(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > VERSION_MAX_BYTES || text[0] == '-' || text[0] == '/' ||
        text[0] == '.' || text[length - 1] == '/' || text[length - 1] == '.')
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("~^:?*[\\@", *c))
            return false;
    return !strstr(text, "..") && !strstr(text, "//") && !strstr(text, "/.");
}

/* The '@' that begins a version: one that no '/' precedes, as "@types" in a path has it. */
static const char *find_version(const char *path)
{
    for (const char *at = strchr(path, '@'); at; at = strchr(at + 1, '@'))
        if (at == path || at[-1] != '/')
            return at;
    return NULL;
}

/* Whether the last component of path looks like a file: it has a '.', and is neither "." nor "..".
 */
static bool names_file(const char *path)
{
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    return strchr(last, '.') && strcmp(last, ".") != 0 && strcmp(last, "..") != 0;
}

/* Parts "sub@rest": behind a file the rest is all version; else its last component, if that looks
 * like a file, belongs to the path. */
static int split_version(const char *path, struct package_locator *ret, char **ret_path)
{
    const char *at = find_version(path);
    if (!at) {
        *ret_path = strdup(path);
        return *ret_path ? 0 : -1;
    }
    cleanup(free) char *before = strndup(path, (size_t)(at - path));
    ret->version = strdup(at + 1);
    if (!before || !ret->version)
        return -1;
    const char *file = "";
    char *slash = strrchr(ret->version, '/');
    bool behind_file = *before && names_file(before);
    if (slash && !behind_file && names_file(ret->version)) {
        *slash = '\0';
        file = slash + 1;
    }
    ret->version_may_be_shorter = !behind_file && strchr(ret->version, '/') != NULL;
    cleanup(free) char *normal = *before ? package_path_join("", before, NULL) : NULL;
    ret->before_version = normal ? strlen(normal) : 0;
    return asprintf(ret_path, "%s/%s", before, file) < 0 ? -1 : 0;
}

static int parse_parts(const char *text, const char *owner, struct package_locator *ret,
                       struct error **err)
{
    size_t owner_length = strcspn(owner, "/");
    const char *name = owner + owner_length + (owner[owner_length] == '/');
    size_t name_length = strcspn(name, "/@");
    if (!is_name(owner, owner_length) || !is_name(name, name_length))
        return error_set(err, EINVAL,
                         "'%s' is no locator: it must begin with github.com/OWNER/REPO", text);
    const char *rest = name + name_length;
    cleanup(free) char *path = NULL;
    ret->repository = strndup(text, (size_t)(rest - text));
    if (!ret->repository || split_version(rest + (*rest == '/'), ret, &path) < 0)
        return error_set(err, ENOMEM, "out of memory");
    if (ret->version && !is_version(ret->version))
        return error_set(err, EINVAL, "'%s': '%s' cannot be a tag, branch or commit", text,
                         ret->version);
    ret->path = *path ? package_path_join("", path, err) : strdup("");
    if (!ret->path) {
        error_set(err, ENOMEM, "out of memory");
        return error_wrap(err, "'%s'", text);
    }
    return 0;
}

int package_locator_parse(const char *text, struct package_locator *ret, struct error **err)
{
    *ret = (struct package_locator){0};
    if (!package_locator_is_remote(text))
        return error_set(err, EINVAL,
                         "'%s' is no locator: it must begin with github.com/OWNER/REPO", text);
    if (strlen(text) > LOCATOR_MAX_BYTES)
        return error_set(err, EINVAL, "a locator is longer than %d bytes", LOCATOR_MAX_BYTES);
    if (parse_parts(text, text + sizeof host - 1, ret, err) == 0)
        return 0;
    package_locator_done(ret);
    return -1;
}
