/* plan: interprets a script or package and prints the plan that it asks for, as plan.json of a run
 * has it. Touches nothing and needs no mount. */
#include "tools/kfs/command.h"

#include "backend/base/file.h"
#include "backend/plan/plan.h"
#include "tools/kfs/order.h"
#include "tools/kfs/places.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MAX (16 << 20)

/* Where fetched packages are kept. */
static char *package_cache(struct error **err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int result = cache && *cache == '/'
                     ? asprintf(&path, "%s/kfs/packages", cache)
                     : asprintf(&path, "%s/.cache/kfs/packages", home ? home : "");
    if (result < 0)
        path = NULL;
    if (path && file_make_dirs(AT_FDCWD, path, err) == 0)
        return path;
    free(path);
    return NULL;
}

/* A file is a script, a directory or its kurtosis.yml a package; anything else is a locator that is
 * not of this machine. *ret_path is what request->package points into. */
static int locate(const char *locator, struct plan_request *request, struct buf *source,
                  char **ret_path, struct error **err)
{
    struct stat info;
    if (stat(locator, &info) < 0) {
        request->package = locator;
        return 0;
    }
    const char *last = strrchr(locator, '/');
    if (S_ISDIR(info.st_mode) || strcmp(last ? last + 1 : locator, "kurtosis.yml") == 0) {
        request->package = *ret_path = realpath(locator, NULL);
        return request->package ? 0 : error_system(err, "%s", locator);
    }
    if (file_read(AT_FDCWD, locator, source, err) < 0)
        return -1;
    request->package = NULL;
    request->name = basename(locator);
    request->source = source->data;
    request->source_length = source->length;
    return 0;
}

static int describe(const struct order *order, struct buf *json, struct error **err)
{
    struct plan_request request = {.package = NULL};
    cleanup(free) char *storage = NULL, *path = NULL;
    cleanup(buf_done) struct buf line = BUF_INIT(BUF_MAX_DOCUMENT), source = BUF_INIT(SCRIPT_MAX);
    order_put_line(order, order->locator, &line);
    if (buf_check(&line, err) < 0 || plan_parse_run_line(line.data, &request, &storage, err) < 0 ||
        locate(order->locator, &request, &source, &path, err) < 0)
        return -1;
    cleanup(free) char *interpreter = places_find("kfs-interpreter"), *cache = package_cache(err);
    if (!interpreter || !cache)
        return error_set(err, ENOMEM, "out of memory");
    request.interpreter = interpreter;
    request.package_cache = cache;
    request.package_mirror =
        order->package_mirror ? order->package_mirror : getenv("KFS_PACKAGE_MIRROR");
    return plan_describe(&request, NULL, json, err);
}

int command_plan(int argc, char **argv, struct error **err)
{
    cleanup(order_done) struct order order;
    cleanup(buf_done) struct buf json = BUF_INIT(BUF_MAX_DOCUMENT);
    if (order_parse(argc - 1, argv + 1, &order, err) < 0)
        return COMMAND_MISUSED;
    if (describe(&order, &json, err) < 0)
        return EXIT_FAILURE;
    fwrite(json.data, 1, json.length, stdout);
    if (json.length == 0 || json.data[json.length - 1] != '\n')
        putchar('\n');
    return EXIT_SUCCESS;
}
