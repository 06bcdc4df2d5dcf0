/* The files of a run. */
#include "backend/plan/sources.h"

#include "backend/base/clock.h"
#include "backend/plan/arguments.h"
#include "backend/plan/http.h"
#include "backend/plan/json_big.h"
#include "backend/plan/package.h"
#include "backend/plan/tree_hash.h"

#include <fcntl.h>
#include <string.h>

enum {
    SOURCES_MAX = 100000,     /* files and directories that one plan needs */
    DOWNLOAD_MAX = 1 << 30,   /* bytes of one file from the web */
    MAIN_MAX = 32 << 20,      /* bytes of the main file */
    ARGUMENTS_MAX = 64 << 20, /* bytes */
};
static const int64_t download_limit = 300 * CLOCK_SECOND;

/* What a number stands for. */
struct source {
    const struct package_file *file; /* the set's; or NULL and: */
    struct staging *downloaded;      /* a directory with the one file */
};

struct sources {
    const struct plan_request *request;
    struct interpret_host host;
    struct package_options options;
    struct package_set *set;
    const struct package_file *main; /* NULL: a script */
    struct buf main_text;            /* of a package */
    struct buf arguments;
    struct source *items; /* by number */
    size_t count;
};

/* ---- what the interpreter asks for ---- */

static const struct package_file *resolve(struct sources *sources, const char *from,
                                          const char *locator, enum package_use use,
                                          struct error **err)
{
    /* A script's own name is in no set; those of the modules that it imported are. */
    return package_resolve(sources->set, from, locator, use, err);
}

static int find_file(void *context, const char *from, const char *locator, char **ret_id,
                     struct buf *ret_bytes, struct error **err)
{
    const struct package_file *file = resolve(context, from, locator, PACKAGE_MODULE, err);
    if (!file || package_read(file, ret_bytes, err) < 0)
        return -1;
    *ret_id = strdup(file->locator);
    return 0;
}

static int add_source(struct sources *sources, struct source source, int64_t *ret_number,
                      struct error **err)
{
    struct source *grown = sources->count < SOURCES_MAX
                               ? realloc(sources->items, (sources->count + 1) * sizeof *grown)
                               : NULL;
    if (!grown) {
        staging_free(source.downloaded);
        return error_set(err, ENOMEM, "too many files are uploaded");
    }
    sources->items = grown;
    grown[sources->count] = source;
    *ret_number = (int64_t)sources->count++;
    return 0;
}

static bool is_url(const char *locator)
{
    return strncmp(locator, "http://", 7) == 0 || strncmp(locator, "https://", 8) == 0;
}

/* The last name of a URL's path; "download" if there is none. */
static void put_url_name(struct buf *out, const char *url)
{
    const char *path = strstr(url, "://") + 3;
    size_t length = strcspn(path, "?#"), end = length;
    while (end > 0 && path[end - 1] != '/')
        end--;
    if (end > 0 && end < length && path[end] != '.')
        buf_append(out, path + end, length - end);
    else
        buf_puts(out, "download");
}

static int download(struct sources *sources, const char *url, int64_t *ret_number,
                    struct error **err)
{
    cleanup(buf_done) struct buf body = BUF_INIT(DOWNLOAD_MAX);
    cleanup(buf_done) struct buf name = BUF_INIT(BUF_MAX_TEXT);
    const struct plan_call call = {.deadline = clock_monotonic() + download_limit,
                                   .cancel = sources->request->cancel};
    const struct http_request request = {.url = url, .by_proxy = true, .call = &call};
    long code = 0;
    if (http_do(&request, &code, &body, err) < 0)
        return -1;
    if (code < 200 || code > 299)
        return error_set(err, EIO, "the download of '%s' was answered with status %ld", url, code);
    put_url_name(&name, url);
    cleanup(staging_free) struct staging *staging = staging_new(err);
    if (!staging || staging_write(staging_fd(staging), name.data, body.data, body.length, err) < 0)
        return -1;
    return add_source(sources, (struct source){.downloaded = steal(&staging)}, ret_number, err);
}

static int find_directory(void *context, const char *from, const char *locator, int64_t *ret_number,
                          struct error **err)
{
    struct sources *sources = context;
    if (is_url(locator))
        return download(sources, locator, ret_number, err);
    const struct package_file *file = resolve(sources, from, locator, PACKAGE_UPLOAD, err);
    return file ? add_source(sources, (struct source){.file = file}, ret_number, err) : -1;
}

/* ---- making ---- */

static int read_main(struct sources *sources, struct error **err)
{
    if (!sources->request->package)
        return 0;
    sources->main = package_main(sources->set, sources->request->main_file, err);
    return sources->main ? package_read(sources->main, &sources->main_text, err) : -1;
}

static int read_arguments(struct sources *sources, struct error **err)
{
    const char *text = sources->request->arguments ? sources->request->arguments : "";
    json_t *arguments = arguments_parse(text, strlen(text), err);
    if (!arguments)
        return error_wrap(err, "the arguments");
    int result = json_big_put(&sources->arguments, arguments, JSON_COMPACT, err);
    json_decref(arguments);
    return result < 0 ? -1 : buf_check(&sources->arguments, err);
}

struct sources *sources_new(const struct plan_request *request, struct error **err)
{
    cleanup(sources_free) struct sources *sources = calloc(1, sizeof *sources);
    if (!sources) {
        error_set(err, ENOMEM, "out of memory");
        return NULL;
    }
    *sources = (struct sources){
        .request = request,
        .host = {.context = sources,
                 .module = find_file,
                 .file = find_file,
                 .directory = find_directory},
        .options = {.cache = request->package_cache,
                    .mirror = request->package_mirror,
                    .local_root = request->package_root,
                    .cancel = request->cancel},
        .main_text = BUF_INIT(MAIN_MAX),
        .arguments = BUF_INIT(ARGUMENTS_MAX),
    };
    sources->set = package_set_new(&sources->options, request->package, err);
    if (!sources->set || read_main(sources, err) < 0 || read_arguments(sources, err) < 0)
        return NULL;
    return steal(&sources);
}

void sources_free(struct sources *sources)
{
    if (!sources)
        return;
    for (size_t i = 0; i < sources->count; i++)
        staging_free(sources->items[i].downloaded);
    free(sources->items);
    package_set_free(sources->set);
    buf_done(&sources->main_text);
    buf_done(&sources->arguments);
    free(sources);
}

/* ---- asking ---- */

const char *sources_main_name(const struct sources *sources)
{
    if (sources->main)
        return sources->main->locator;
    return sources->request->name ? sources->request->name : "script.star";
}

const char *sources_main_text(const struct sources *sources, size_t *ret_length)
{
    *ret_length = sources->main ? sources->main_text.length : sources->request->source_length;
    return sources->main ? sources->main_text.data : sources->request->source;
}

const char *sources_package(const struct sources *sources)
{
    return sources->main ? package_set_name(sources->set) : NULL;
}

const char *sources_arguments(const struct sources *sources)
{
    return sources->arguments.data;
}

const struct interpret_host *sources_host(struct sources *sources)
{
    return &sources->host;
}

int64_t sources_count(const struct sources *sources)
{
    return (int64_t)sources->count;
}

static const struct source *source_at(const struct sources *sources, int64_t number)
{
    return number >= 0 && (size_t)number < sources->count ? &sources->items[number] : NULL;
}

const char *sources_path(const struct sources *sources, int64_t number)
{
    const struct source *source = source_at(sources, number);
    return source && source->file ? source->file->path : NULL;
}

char *sources_hash(const struct sources *sources, int64_t number, struct error **err)
{
    const struct source *source = source_at(sources, number);
    if (!source) {
        error_set(err, ENOENT, "the file to upload is unknown");
        return NULL;
    }
    struct tree_digest digest = tree_digest_begin();
    if (source->downloaded ? tree_digest_add(&digest, staging_fd(source->downloaded), err) < 0
                           : package_walk(source->file, tree_digest_visit, &digest, err) < 0)
        return NULL;
    return tree_digest_end(&digest, err);
}

struct staging *sources_stage(const struct sources *sources, int64_t number, struct error **err)
{
    const struct source *source = source_at(sources, number);
    if (!source) {
        error_set(err, ENOENT, "the file to upload is unknown");
        return NULL;
    }
    if (source->downloaded)
        return staging_of(staging_fd(source->downloaded), err);
    cleanup(staging_free) struct staging *staging = staging_new(err);
    if (!staging || package_copy(source->file, staging_fd(staging), err) < 0)
        return NULL;
    return steal(&staging);
}
