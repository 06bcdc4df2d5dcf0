/* kurtosis.yml. */
#include "backend/plan/package_yml.h"

#include "backend/plan/yaml_json.h"

#include <string.h>

/* A name of a package or what is replaced: a remote locator without a version, as it is to be
 * written. */
static int check_name(const char *what, const char *name, struct error **err)
{
    cleanup(package_locator_done) struct package_locator locator;
    if (package_locator_parse(name, &locator, err) < 0)
        return error_wrap(err, "%s", what);
    if (locator.version)
        return error_set(err, EINVAL, "%s: '%s' must not have a version", what, name);
    size_t length = strlen(locator.repository);
    const char *path = name[length] == '/' ? name + length + 1 : name + length;
    if (strcmp(path, locator.path) != 0 || name[strlen(name) - 1] == '/')
        return error_set(err, EINVAL, "%s: '%s' must be written as '%s%s%s'", what, name,
                         locator.repository, *locator.path ? "/" : "", locator.path);
    return 0;
}

static int parse_replacement(const char *from, const json_t *to,
                             struct package_replacement *replacement, struct error **err)
{
    const char *target = json_string_value(to);
    if (!target || *target == '\0')
        return error_set(err, EINVAL, "replace: '%s' must be given a locator or a path", from);
    if (check_name("replace", from, err) < 0)
        return -1;
    replacement->from = strdup(from);
    replacement->to = strdup(target);
    if (!replacement->from || !replacement->to)
        return error_set(err, ENOMEM, "out of memory");
    replacement->is_local = *target == '/' || *target == '.';
    if (replacement->is_local)
        return 0;
    if (package_locator_parse(target, &replacement->target, err) < 0)
        return error_wrap(err, "replace: '%s'", from);
    return 0;
}

static int parse_replace(json_t *replace, struct package_yml *yml, struct error **err)
{
    if (!replace || json_is_null(replace))
        return 0;
    if (!json_is_object(replace))
        return error_set(err, EINVAL, "'replace' must be a map of locators");
    yml->replacements = calloc(json_object_size(replace) + 1, sizeof *yml->replacements);
    if (!yml->replacements)
        return error_set(err, ENOMEM, "out of memory");
    const char *from;
    json_t *to;
    json_object_foreach(replace, from, to)
    {
        if (parse_replacement(from, to, &yml->replacements[yml->count++], err) < 0)
            return -1;
    }
    return 0;
}

static int check_keys(json_t *json, struct error **err)
{
    if (!json_is_object(json))
        return error_set(err, EINVAL, "it must be a map with the key 'name'");
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        if (strcmp(key, "name") != 0 && strcmp(key, "description") != 0 &&
            strcmp(key, "replace") != 0)
            return error_set(err, EINVAL,
                             "unknown key '%s'; there are 'name', 'description' and 'replace'",
                             key);
    }
    return 0;
}

static int read_json(json_t *json, struct package_yml *yml, struct error **err)
{
    if (check_keys(json, err) < 0)
        return -1;
    const json_t *description = json_object_get(json, "description");
    const char *name = json_string_value(json_object_get(json, "name"));
    if (!name)
        return error_set(err, EINVAL, "'name' is missing, or is no text");
    if (description && !json_is_string(description) && !json_is_null(description))
        return error_set(err, EINVAL, "'description' must be a text");
    if (check_name("name", name, err) < 0)
        return -1;
    yml->name = strdup(name);
    yml->description = strdup(json_is_string(description) ? json_string_value(description) : "");
    if (!yml->name || !yml->description)
        return error_set(err, ENOMEM, "out of memory");
    return parse_replace(json_object_get(json, "replace"), yml, err);
}

int package_yml_parse(const char *text, size_t length, struct package_yml *ret, struct error **err)
{
    *ret = (struct package_yml){0};
    json_t *json = yaml_json_parse(text, length, err);
    int status = json ? read_json(json, ret, err) : -1;
    json_decref(json);
    if (status == 0)
        return 0;
    package_yml_done(ret);
    return error_wrap(err, PACKAGE_YML);
}

void package_yml_done(struct package_yml *yml)
{
    for (size_t i = 0; i < yml->count; i++) {
        free(yml->replacements[i].from);
        free(yml->replacements[i].to);
        package_locator_done(&yml->replacements[i].target);
    }
    free(yml->replacements);
    free(yml->name);
    free(yml->description);
    *yml = (struct package_yml){0};
}

const struct package_replacement *package_yml_replacement(const struct package_yml *yml,
                                                          const char *path)
{
    const struct package_replacement *best = NULL;
    for (size_t i = 0; i < yml->count; i++) {
        const struct package_replacement *each = &yml->replacements[i];
        if (package_path_is_in(path, each->from) &&
            (!best || strlen(each->from) > strlen(best->from)))
            best = each;
    }
    return best;
}
