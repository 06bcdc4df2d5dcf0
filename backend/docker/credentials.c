/* Credentials, found and put into headers. */
#include "backend/docker/credentials.h"

#include "backend/base/file.h"
#include "backend/docker/base64.h"
#include "backend/docker/helper.h"

#include <fcntl.h>
#include <string.h>

enum {
    CONFIG_MAX = 4 << 20,  /* bytes of config.json */
    SECRET_MAX = 256 << 10 /* bytes of a helper's answer, a decoded login, a header */
};

/* ---- names of registries ---- */

char *registry_of_image(const char *image)
{
    size_t length = strcspn(image, "/");
    bool host = image[length] == '/' && (memchr(image, '.', length) || memchr(image, ':', length) ||
                                         (length == 9 && strncmp(image, "localhost", 9) == 0));
    return host ? strndup(image, length) : strdup(REGISTRY_DEFAULT);
}

char *registry_key(const char *registry)
{
    const char *scheme = strstr(registry, "://");
    const char *host = scheme ? scheme + 3 : registry;
    size_t length = strcspn(host, "/");
    static const char *const hub[] = {"index.docker.io", "docker.io", "registry-1.docker.io"};
    for (size_t i = 0; i < ARRAY_LENGTH(hub); i++)
        if (strlen(hub[i]) == length && strncasecmp(hub[i], host, length) == 0)
            return strdup("docker.io");
    return strndup(host, length);
}

/* The member of object whose key means the registry; *ret_key as it stands there. */
static json_t *registry_member(const json_t *object, const char *registry, const char **ret_key)
{
    cleanup(free) char *wanted = registry_key(registry);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        cleanup(free) char *found = registry_key(key);
        if (wanted && found && strcmp(wanted, found) == 0) {
            *ret_key = key;
            return value;
        }
    }
    return NULL;
}

/* ---- config.json ---- */

/* An empty object where there is no file. */
static json_t *config_load(const struct docker *docker, struct error **err)
{
    cleanup(free) char *path = NULL;
    cleanup(buf_done) struct buf text = BUF_INIT(CONFIG_MAX);
    if (asprintf(&path, "%s/config.json", docker->config_dir) < 0) {
        path = NULL;
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (file_read(AT_FDCWD, path, &text, NULL) < 0)
        return json_object();
    json_error_t reason;
    json_t *json = json_loadb(text.data, text.length, 0, &reason);
    if (!json)
        error_set(err, EINVAL, "%s is not valid JSON: line %d: %s", path, reason.line, reason.text);
    return json;
}

static json_t *login_from_text(const char *encoded)
{
    cleanup(buf_done) struct buf login = BUF_INIT(SECRET_MAX);
    if (base64_decode(&login, encoded) < 0 || login.failed)
        return NULL;
    const char *colon = strchr(login.data, ':');
    if (!colon)
        return NULL;
    return json_pack("{s:s%, s:s}", "username", login.data, (size_t)(colon - login.data),
                     "password", colon + 1);
}

/* An entry of auths. */
static json_t *login_from_entry(const json_t *entry)
{
    const char *token = json_text(entry, "identitytoken"), *auth = json_text(entry, "auth");
    const char *user = json_text(entry, "username"), *password = json_text(entry, "password");
    if (token && *token)
        return json_pack("{s:s}", "identitytoken", token);
    if (auth && *auth)
        return login_from_text(auth);
    return user && password ? json_pack("{s:s, s:s}", "username", user, "password", password)
                            : NULL;
}

/* {"ServerURL", "Username", "Secret"}; the user "<token>" means that Secret is one. */
static json_t *login_from_helper(const char *helper, const char *registry,
                                 const struct orchestrator_call *call, struct error **err)
{
    cleanup(buf_done) struct buf output = BUF_INIT(SECRET_MAX);
    if (helper_get(helper, registry, call, &output, err) < 0)
        return NULL;
    cleanup(json_decref) json_t *json = json_loadb(output.data, output.length, 0, NULL);
    const char *user = json_text(json, "Username"), *secret = json_text(json, "Secret");
    if (!user || !secret) {
        error_set(err, EACCES, "docker-credential-%s answered for %s with something else", helper,
                  registry);
        return NULL;
    }
    if (strcmp(user, "<token>") == 0)
        return json_pack("{s:s}", "identitytoken", secret);
    return json_pack("{s:s, s:s}", "username", user, "password", secret);
}

/* NULL without an error where nothing is known of the registry. */
static json_t *login_find(const json_t *config, const char *registry,
                          const struct orchestrator_call *call, struct error **err)
{
    const char *key = registry;
    const char *helper =
        json_string_value(registry_member(json_object_get(config, "credHelpers"), registry, &key));
    const json_t *entry = registry_member(json_object_get(config, "auths"), registry, &key);
    if (!helper)
        helper = json_text(config, "credsStore");
    if (helper && *helper) {
        cleanup(error_free) struct error *reason = NULL;
        json_t *login = login_from_helper(helper, key, call, &reason);
        if (login)
            return login;
        if (error_code(reason) != ENOENT) {
            error_move(err, &reason);
            return NULL;
        }
    }
    return login_from_entry(entry);
}

/* ---- the header ---- */

/* "X-Registry-Auth: base64(json)" */
static int header_from_json(const json_t *json, char **ret_header, struct error **err)
{
    cleanup(free) char *text = json_dumps(json, JSON_COMPACT);
    struct buf header = BUF_INIT(SECRET_MAX);
    buf_puts(&header, "X-Registry-Auth: ");
    if (text)
        base64_encode(&header, text, strlen(text));
    *ret_header = text ? buf_steal(&header, err) : NULL;
    buf_done(&header);
    if (*ret_header)
        return 0;
    return error_set(err, EINVAL, "the registry's credentials are not valid text");
}

int credentials_for_pull(const struct docker *docker, const char *image,
                         const struct image_credentials *given,
                         const struct orchestrator_call *call, char **ret_header,
                         struct error **err)
{
    *ret_header = NULL;
    cleanup(free) char *own = registry_of_image(image);
    const char *registry = given && given->registry ? given->registry : own;
    cleanup(json_decref) json_t *login = NULL;
    if (given && given->username) {
        login = json_pack("{s:s, s:s}", "username", given->username, "password",
                          given->password ? given->password : "");
    } else {
        cleanup(error_free) struct error *reason = NULL;
        cleanup(json_decref) json_t *config = config_load(docker, &reason);
        if (config)
            login = login_find(config, registry, call, &reason);
        if (reason)
            return error_move(err, &reason);
    }
    if (!login)
        return 0;
    json_object_set_new(login, "serveraddress", json_string(registry));
    return header_from_json(login, ret_header, err);
}
