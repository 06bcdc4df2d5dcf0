/* The files of a run. */
#include "backend/plan/sources.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct sources {
    const struct plan_request *request;
    struct interpret_host host;
    char **paths; /* by number */
    size_t count;
};

static int refuse(const char *locator, struct error **err)
{
    return error_set(err, EINVAL,
                     "'%s' cannot be found: a standalone script has no files beside it; make it a "
                     "package, or give a locator that begins with github.com/",
                     locator);
}

static int find_file(void *context, const char *from, const char *locator, char **ret_id,
                     struct buf *ret_bytes, struct error **err)
{
    (void)context, (void)from, (void)ret_id, (void)ret_bytes;
    return refuse(locator, err);
}

static int find_directory(void *context, const char *from, const char *locator, int64_t *ret_number,
                          struct error **err)
{
    (void)context, (void)from, (void)ret_number;
    return refuse(locator, err);
}

struct sources *sources_new(const struct plan_request *request, struct error **err)
{
    struct sources *sources = calloc(1, sizeof *sources);
    if (!sources) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (request->package) {
        free(sources);
        error_set(err, EINVAL, "packages cannot be run yet; run a script");
        return NULL;
    }
    sources->request = request;
    sources->host = (struct interpret_host){
        .context = sources, .module = find_file, .file = find_file, .directory = find_directory};
    return sources;
}

void sources_free(struct sources *sources)
{
    if (!sources)
        return;
    for (size_t i = 0; i < sources->count; i++)
        free(sources->paths[i]);
    free(sources->paths);
    free(sources);
}

const char *sources_main_name(const struct sources *sources)
{
    return sources->request->name ? sources->request->name : "script.star";
}

const char *sources_main_text(const struct sources *sources, size_t *ret_length)
{
    *ret_length = sources->request->source_length;
    return sources->request->source;
}

const char *sources_package(const struct sources *sources)
{
    (void)sources;
    return NULL;
}

const char *sources_arguments(const struct sources *sources)
{
    const char *arguments = sources->request->arguments;
    return arguments && *arguments ? arguments : "{}";
}

const struct interpret_host *sources_host(struct sources *sources)
{
    return &sources->host;
}

int64_t sources_count(const struct sources *sources)
{
    return (int64_t)sources->count;
}

const char *sources_path(const struct sources *sources, int64_t number)
{
    return number >= 0 && (size_t)number < sources->count ? sources->paths[number] : NULL;
}

char *sources_hash(const struct sources *sources, int64_t number, struct error **err)
{
    (void)sources, (void)number;
    error_set(err, ENOENT, "the file to upload is unknown");
    return NULL;
}

struct staging *sources_stage(const struct sources *sources, int64_t number, struct error **err)
{
    (void)sources, (void)number;
    error_set(err, ENOENT, "the file to upload is unknown");
    return NULL;
}
