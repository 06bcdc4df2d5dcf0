/*
 * The tree. This page is the list of all files that there are; what is not here does not exist.
 * The order within a directory is the order in which it is listed.
 */
#include "kfs/action.h"
#include "kfs/back.h"
#include "kfs/members.h"
#include "kfs/real_files.h"
#include "kfs/render.h"
#include "kfs/row.h"
#include "kfs/stream.h"

#include <string.h>

#define VIEW    (S_IFREG | 0444)
#define COMMAND (S_IFREG | 0644)
#define LINK    (S_IFLNK | 0777)
#define FOLDER  (S_IFDIR | 0755)
/* Who may enter may make enclaves; the sticky bit leaves each to its owner. */
#define SHARED_FOLDER (S_IFDIR | S_ISVTX | 0777)

#define STATUS          ASPECT_BIT(ASPECT_STATUS)
#define ERROR           ASPECT_BIT(ASPECT_ERROR)
#define CONFIG          ASPECT_BIT(ASPECT_CONFIG)
#define OUTPUT          ASPECT_BIT(ASPECT_OUTPUT)
#define RESULT          ASPECT_BIT(ASPECT_RESULT)
#define EVENTS          ASPECT_BIT(ASPECT_EVENTS)
#define ARTIFACTS       ASPECT_BIT(ASPECT_ARTIFACTS)
#define SERVICES        ASPECT_BIT(ASPECT_SERVICES)
#define RUNS            ASPECT_BIT(ASPECT_RUNS)
#define ENCLAVES        ASPECT_BIT(ASPECT_ENCLAVES)
#define PLAN            ASPECT_BIT(ASPECT_PLAN)
#define IDENTITY        ASPECT_BIT(ASPECT_IDENTITY)
#define SERVICE_DETAILS ((unsigned)SHOWS_SERVICE_DETAILS)

/* clang-format off */
const struct row tree_rows[] = {
    [ROW_ROOT] = {.name = "", .is = DIR_ROOT, .mode = FOLDER},
    [ROW_REAL] = {.in = DIR_PLAN},

    /* <mount>/ */
    {.name = "README", .in = DIR_ROOT, .mode = VIEW, .render = render_readme},
    {.name = "engine", .in = DIR_ROOT, .is = DIR_ENGINE, .mode = FOLDER},
    {.name = "enclaves", .in = DIR_ROOT, .is = DIR_ENCLAVES, .mode = SHARED_FOLDER, .shows = ENCLAVES},

    /* <mount>/engine/ */
    {.name = "status", .in = DIR_ENGINE, .mode = VIEW, .shows = STATUS, .render = render_engine_status},
    {.name = "wait", .in = DIR_ENGINE, .mode = VIEW, .waits = true, .render = render_engine_status,
     .about = "reading it blocks until nothing is pending anywhere"},
    {.name = "version", .in = DIR_ENGINE, .mode = VIEW, .render = render_engine_version},
    {.name = "enclaves", .in = DIR_ENGINE, .mode = VIEW, .shows = ENCLAVES, .render = render_engine_enclaves},
    {.name = "errors", .in = DIR_ENGINE, .mode = VIEW, .shows = ERROR, .render = render_engine_errors},
    {.name = "events", .in = DIR_ENGINE, .mode = VIEW, .grows = true, .polled = true, .shows = EVENTS,
     .back = back_engine_events},
    {.name = "metrics", .in = DIR_ENGINE, .mode = VIEW, .changes = true, .back = back_engine_metrics},
    {.name = "log", .in = DIR_ENGINE, .mode = VIEW, .grows = true, .back = back_engine_log},

    /* <mount>/enclaves/ */
    {.in = DIR_ENCLAVES, .is = DIR_ENCLAVE, .mode = FOLDER, .owner_only = true, .members = &members_enclaves},

    /* <mount>/enclaves/<enclave>/ */
    {.name = "status", .in = DIR_ENCLAVE, .mode = COMMAND, .shows = STATUS, .render = render_enclave_status,
     .write = action_enclave_status},
    {.name = "wait", .in = DIR_ENCLAVE, .mode = VIEW, .waits = true, .render = render_enclave_status,
     .about = "reading it blocks until nothing is pending in this enclave, then gives its status"},
    {.name = "uuid", .in = DIR_ENCLAVE, .mode = VIEW, .render = render_enclave_uuid},
    {.name = "created", .in = DIR_ENCLAVE, .mode = VIEW, .render = render_enclave_created},
    {.name = "error", .in = DIR_ENCLAVE, .mode = VIEW, .shows = ERROR | SERVICES | SERVICE_DETAILS, .render = render_enclave_error},
    {.name = "inspect", .in = DIR_ENCLAVE, .mode = VIEW, .shows = IDENTITY | STATUS | SERVICES | SERVICE_DETAILS | ARTIFACTS,
     .render = render_enclave_inspect},
    {.name = "plan", .in = DIR_ENCLAVE, .is = DIR_PLAN, .mode = FOLDER, .shows = PLAN, .back = back_plan,
     .real = &real_plan},
    {.name = "run", .in = DIR_ENCLAVE, .mode = COMMAND, .write = action_run, .write_waits = true},
    {.name = "runs", .in = DIR_ENCLAVE, .is = DIR_RUNS, .mode = FOLDER, .shows = RUNS},
    {.name = "services", .in = DIR_ENCLAVE, .is = DIR_SERVICES, .mode = FOLDER, .shows = SERVICES},

    {.name = "files", .in = DIR_ENCLAVE, .is = DIR_FILES, .mode = FOLDER, .shows = ARTIFACTS, .back = back_artifacts,
     .real = &real_artifacts},
    {.name = "logs", .in = DIR_ENCLAVE, .mode = VIEW, .grows = true, .back = back_enclave_logs, .back_waits = true},
    {.name = "events", .in = DIR_ENCLAVE, .mode = VIEW, .grows = true, .polled = true, .shows = EVENTS,
     .back = back_enclave_events},

    /* <mount>/enclaves/<enclave>/runs/ */
    {.in = DIR_RUNS, .is = DIR_RUN, .mode = FOLDER, .members = &members_runs},
    {.name = "last", .in = DIR_RUNS, .mode = LINK, .shows = RUNS, .exists = has_last_run, .render = render_last_run},

    /* <mount>/enclaves/<enclave>/runs/<n>/ */
    {.name = "script", .in = DIR_RUN, .mode = VIEW, .back = back_run_script},
    {.name = "args", .in = DIR_RUN, .mode = VIEW, .back = back_run_args},
    {.name = "plan.json", .in = DIR_RUN, .mode = VIEW, .shows = STATUS, .back = back_run_plan},
    {.name = "status", .in = DIR_RUN, .mode = COMMAND, .shows = STATUS, .render = render_run_status,
     .write = action_run_status},
    {.name = "wait", .in = DIR_RUN, .mode = VIEW, .waits = true, .render = render_run_status,
     .about = "reading it blocks until this run is finished, then gives its status"},
    {.name = "output", .in = DIR_RUN, .mode = VIEW, .grows_in_run = true, .polled = true, .shows = OUTPUT | STATUS,
     .back = back_run_output},
    {.name = "error", .in = DIR_RUN, .mode = VIEW, .shows = ERROR | RESULT | STATUS, .back = back_run_error},
    {.name = "result.json", .in = DIR_RUN, .mode = VIEW, .shows = RESULT | STATUS, .back = back_run_result},
    {.name = "started", .in = DIR_RUN, .mode = VIEW, .shows = STATUS, .render = render_run_started},
    {.name = "finished", .in = DIR_RUN, .mode = VIEW, .shows = RESULT | STATUS, .render = render_run_finished},

    /* <mount>/enclaves/<enclave>/services/ */
    {.in = DIR_SERVICES, .is = DIR_SERVICE, .mode = FOLDER, .members = &members_services},

    /* <mount>/enclaves/<enclave>/services/<service>/ */
    {.name = "status", .in = DIR_SERVICE, .mode = COMMAND, .shows = STATUS, .render = render_service_status,
     .write = action_service_status},
    {.name = "ports", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG, .render = render_service_ports},
    {.name = "port", .in = DIR_SERVICE, .is = DIR_PORTS, .mode = FOLDER, .shows = CONFIG},
    {.name = "logs", .in = DIR_SERVICE, .mode = VIEW, .grows = true, .back = back_service_logs, .back_waits = true},
    {.name = "uuid", .in = DIR_SERVICE, .mode = VIEW, .render = render_service_uuid},
    {.name = "image", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG, .render = render_service_image},
    {.name = "hostname", .in = DIR_SERVICE, .mode = VIEW, .render = render_service_hostname},
    {.name = "ip", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG | STATUS, .render = render_service_ip},
    {.name = "created", .in = DIR_SERVICE, .mode = VIEW, .render = render_service_created},
    {.name = "cmd", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG, .render = render_service_cmd},
    {.name = "env", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG, .render = render_service_env},
    {.name = "config.json", .in = DIR_SERVICE, .mode = COMMAND, .shows = CONFIG, .render = render_service_config,
     .write = action_service_config, .document = true},
    {.name = "inspect", .in = DIR_SERVICE, .mode = VIEW, .shows = CONFIG | STATUS, .render = render_service_inspect},

    {.name = "stats", .in = DIR_SERVICE, .mode = VIEW, .changes = true, .back = back_service_stats,
     .back_waits = true},
    {.name = "follow", .in = DIR_SERVICE, .mode = VIEW, .stream = &stream_follow,
     .about = "its log as an endless stream from now on"},
    {.name = "exec", .in = DIR_SERVICE, .mode = S_IFREG | 0600, .stream = &stream_exec},
    {.name = "root", .in = DIR_SERVICE, .is = DIR_SERVICE_ROOT, .mode = FOLDER, .changes = true,
     .back = back_service_root, .real = &real_root, .about = "the service's own file system"},

    /* <mount>/enclaves/<enclave>/services/<service>/port/ */
    {.in = DIR_PORTS, .mode = VIEW, .shows = CONFIG, .members = &members_ports, .render = render_service_port},
};
/* clang-format on */
const unsigned tree_row_count = ARRAY_LENGTH(tree_rows);

static const enum object_kind directory_objects[DIRECTORY_MAX] = {
    [DIR_ROOT] = OBJECT_ENGINE,          [DIR_ENGINE] = OBJECT_ENGINE,
    [DIR_ENCLAVES] = OBJECT_ENGINE,      [DIR_ENCLAVE] = OBJECT_ENCLAVE,
    [DIR_PLAN] = OBJECT_ENCLAVE,         [DIR_RUNS] = OBJECT_ENCLAVE,
    [DIR_SERVICES] = OBJECT_ENCLAVE,     [DIR_FILES] = OBJECT_ENCLAVE,
    [DIR_SERVICE_ROOT] = OBJECT_SERVICE, [DIR_RUN] = OBJECT_RUN,
    [DIR_SERVICE] = OBJECT_SERVICE,      [DIR_PORTS] = OBJECT_SERVICE,
};

bool row_is_view(unsigned row)
{
    return row > ROW_NONE && row < tree_row_count && row != ROW_REAL;
}

enum object_kind row_object(unsigned row)
{
    if (!row_is_view(row))
        return OBJECT_KIND_MAX;
    const struct row *it = &tree_rows[row];
    return directory_objects[it->is != DIR_NONE ? it->is : it->in];
}

unsigned row_find(enum directory in, const char *name)
{
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++)
        if (tree_rows[row].in == in && tree_rows[row].name &&
            strcmp(tree_rows[row].name, name) == 0)
            return row;
    return ROW_NONE;
}

unsigned row_of_members(enum directory in)
{
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++)
        if (tree_rows[row].in == in && tree_rows[row].members)
            return row;
    return ROW_NONE;
}

unsigned row_of_directory(enum directory is)
{
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++)
        if (tree_rows[row].is == is)
            return row;
    return ROW_NONE;
}
