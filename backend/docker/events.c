/*
 * The engine's events, in a thread of their own: a stalled reader would cost every change of the
 * engine 100 ms (measured on 20.10).
 *
 * The subscription leaves out what kfs does not follow (execs and health probes are most of all
 * events), and is not by label, because the events of networks and volumes do not tell labels.
 *
 * A broken connection is one DOWN, then tries with growing pauses, then UP. On a unix socket the
 * engine's death is seen at once; on TCP by keepalive (http.c); an engine that hangs is found by a
 * ping where nothing has come for HEARTBEAT.
 */
#include "backend/docker/docker_int.h"
#include "backend/docker/lines.h"

#include "backend/base/log.h"

#include <string.h>

#define HEARTBEAT         (5 * CLOCK_SECOND)
#define HEARTBEAT_TIMEOUT (3 * CLOCK_SECOND)
#define PAUSE_FIRST       (100 * CLOCK_MILLISECOND)
#define PAUSE_MAX         (2 * CLOCK_SECOND)
enum {
    EVENT_LINE_MAX = 1 << 20 /* bytes; a container's event bears all its labels */
};

struct watcher {
    struct docker *docker;
    orchestrator_event_sink sink;
    void *context;
    struct cancel *stop;
    pthread_t thread;
    struct lines lines;
    bool up;   /* the last of UP and DOWN that was told */
    bool told; /* one of them was */
};

static void watcher_tell(struct watcher *watcher, const struct orchestrator_event *event)
{
    watcher->sink(watcher->context, event);
}

static void watcher_down(struct watcher *watcher, const char *reason)
{
    if (watcher->told && !watcher->up)
        return;
    watcher->told = true;
    watcher->up = false;
    watcher_tell(watcher, &(struct orchestrator_event){
                              .kind = EVENT_DOWN, .time = clock_now(), .reason = reason});
}

/* The stream's answer has begun. A round trip makes sure that the engine has registered the
 * subscription, which it does after sending the head: from UP on nothing is missed. */
static void watcher_opened(void *context)
{
    struct watcher *watcher = context;
    if (!api_ping(watcher->docker, HEARTBEAT_TIMEOUT))
        return;
    watcher->told = watcher->up = true;
    watcher_tell(watcher, &(struct orchestrator_event){.kind = EVENT_UP, .time = clock_now()});
}

static bool watcher_alive(void *context)
{
    const struct watcher *watcher = context;
    return watcher->up && api_ping(watcher->docker, HEARTBEAT_TIMEOUT);
}

/* ---- events ---- */

static const struct event_row {
    const char *type, *action;
    enum orchestrator_event_kind kind;
} event_rows[] = {
    {"container", "create", EVENT_SERVICE_CREATED},
    {"container", "start", EVENT_SERVICE_STARTED},
    {"container", "die", EVENT_SERVICE_EXITED},
    {"container", "pause", EVENT_SERVICE_PAUSED},
    {"container", "unpause", EVENT_SERVICE_UNPAUSED},
    {"container", "oom", EVENT_SERVICE_OUT_OF_MEMORY},
    {"container", "destroy", EVENT_SERVICE_REMOVED},
    {"network", "create", EVENT_NETWORK_CREATED},
    {"network", "destroy", EVENT_NETWORK_REMOVED},
    {"network", "remove", EVENT_NETWORK_REMOVED},
    {"volume", "destroy", EVENT_VOLUME_REMOVED},
    {"volume", "remove", EVENT_VOLUME_REMOVED},
};

static const struct event_row *event_find(const char *type, const char *action)
{
    for (size_t i = 0; type && action && i < ARRAY_LENGTH(event_rows); i++)
        if (strcmp(event_rows[i].type, type) == 0 && strcmp(event_rows[i].action, action) == 0)
            return &event_rows[i];
    return NULL;
}

/* Keeps the record of this instance's objects true, also when someone else removed one. */
static void event_note(struct docker *docker, enum orchestrator_event_kind kind, const char *id)
{
    if (kind == EVENT_SERVICE_CREATED)
        known_add(docker, OBJECT_SERVICE, id);
    else if (kind == EVENT_SERVICE_REMOVED)
        known_remove(docker, OBJECT_SERVICE, id);
    else if (kind == EVENT_NETWORK_REMOVED)
        known_remove(docker, OBJECT_NETWORK, id);
    else if (kind == EVENT_VOLUME_REMOVED)
        known_remove(docker, OBJECT_VOLUME, id);
}

static int watcher_line(void *context, const char *line, size_t length)
{
    struct watcher *watcher = context;
    cleanup(json_decref) json_t *json = json_loadb(line, length, 0, NULL);
    const json_t *actor = json_object_get(json, "Actor");
    const json_t *attributes = json_object_get(actor, "Attributes");
    const char *id = json_text(actor, "ID"), *type = json_text(json, "Type");
    const struct event_row *row = event_find(type, json_text(json, "Action"));
    if (!json) {
        log_warning("an event of the Docker engine is not valid JSON: passed over");
        return 0;
    }
    if (!row || !id)
        return 0;
    if (strcmp(row->type, "container") == 0 && !labels_ours(watcher->docker, attributes))
        return 0;
    const char *code = json_text(attributes, "exitCode");
    event_note(watcher->docker, row->kind, id);
    watcher_tell(watcher, &(struct orchestrator_event){
                              .kind = row->kind,
                              .id = id,
                              .time = json_number(json, "timeNano", clock_now()),
                              .exit_code = code ? (int)strtol(code, NULL, 10) : -1,
                          });
    return 0;
}

/* ---- the thread ---- */

static char *watcher_path(void)
{
    cleanup(json_decref) json_t *filter = json_pack(
        "{s:[s,s,s], s:[s,s,s,s,s,s,s,s]}", "type", "container", "network", "volume", "event",
        "create", "start", "die", "pause", "unpause", "oom", "destroy", "remove");
    cleanup(free) char *text = filter ? json_dumps(filter, JSON_COMPACT) : NULL;
    return text ? http_path("/events?filters=%s", text) : NULL;
}

/* One connection, until it ends. */
static void watcher_stream(struct watcher *watcher, struct error **err)
{
    cleanup(free) char *path = watcher_path();
    const struct http_request request = {.method = "GET",
                                         .path = path,
                                         .sink = lines_take,
                                         .sink_context = &watcher->lines,
                                         .callback_context = watcher,
                                         .opened = watcher_opened,
                                         .alive = watcher_alive,
                                         .heartbeat = HEARTBEAT};
    const struct orchestrator_call call = {.cancel = watcher->stop};
    /* The engine may have been replaced by another version meanwhile. */
    if (api_negotiate(watcher->docker, &call, err) < 0)
        return;
    cleanup(http_answer_done) struct http_answer answer;
    if (api_call(watcher->docker, &request, &call, &answer, err) == 0)
        error_set(err, EAGAIN, "the Docker engine at %s closed the connection",
                  watcher->docker->endpoint.text);
    buf_done(&watcher->lines.rest);
}

static void *watcher_run(void *context)
{
    struct watcher *watcher = context;
    int64_t pause = PAUSE_FIRST;
    while (!cancel_fired(watcher->stop)) {
        cleanup(error_free) struct error *reason = NULL;
        watcher_stream(watcher, &reason);
        if (cancel_fired(watcher->stop))
            break;
        if (watcher->up)
            pause = PAUSE_FIRST;
        watcher_down(watcher, error_message(reason));
        cancel_wait(watcher->stop, clock_monotonic() + pause);
        pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    }
    return NULL;
}

int docker_watch(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                 struct error **err)
{
    struct docker *docker = docker_of(self);
    if (docker->watcher)
        return error_set(err, EBUSY, "the Docker engine is being watched already");
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return error_set(err, ENOMEM, "out of memory");
    *watcher = (struct watcher){.docker = docker, .sink = sink, .context = context};
    watcher->lines =
        (struct lines){.rest = BUF_INIT(EVENT_LINE_MAX), .sink = watcher_line, .context = watcher};
    watcher->stop = cancel_new(err);
    if (!watcher->stop) {
        free(watcher);
        return -1;
    }
    int cause = pthread_create(&watcher->thread, NULL, watcher_run, watcher);
    if (cause != 0) {
        cancel_unref(watcher->stop);
        free(watcher);
        errno = cause;
        return error_system(err, "cannot start the thread that watches the Docker engine");
    }
    docker->watcher = watcher;
    return 0;
}

void watcher_free(struct watcher *watcher)
{
    if (!watcher)
        return;
    cancel_fire(watcher->stop);
    pthread_join(watcher->thread, NULL);
    cancel_unref(watcher->stop);
    buf_done(&watcher->lines.rest);
    free(watcher);
}
