/*
 * What the files of this folder share: the orchestrator's own struct, calls of the Engine API,
 * JSON, labels, and which objects are this instance's. Each operation of orchestrator.h is a
 * function docker_NAME in the file of its topic; docker.c puts them into the table.
 */
#ifndef KFS_DOCKER_DOCKER_INT_H
#define KFS_DOCKER_DOCKER_INT_H

#include "backend/base/map.h"
#include "backend/docker/docker.h"
#include "backend/docker/http.h"

#include <jansson.h>
#include <stdatomic.h>

struct subnets;
struct watcher;

struct docker {
    struct orchestrator ops; /* first: a struct orchestrator * is a struct docker * */
    struct endpoint endpoint;
    struct http *http;
    char *instance;
    char *config_dir;
    atomic_uint api_minor; /* the API version in use is 1.api_minor; 0: not negotiated yet */
    struct subnets *subnets;
    struct watcher *watcher;    /* NULL until watch() */
    pthread_mutex_t known_lock; /* guards known */
    struct map known;           /* objects of this instance: object_key -> struct known */
};

static inline struct docker *docker_of(struct orchestrator *self)
{
    return (struct docker *)self;
}

/* How long an operation may take where the caller sets no deadline, ns. Measured: the engine
 * answers within milliseconds but for starts and removals, which take up to seconds each under
 * load. */
#define API_TIMEOUT_QUICK  (30 * CLOCK_SECOND)
#define API_TIMEOUT_SLOW   (180 * CLOCK_SECOND)
#define API_TIMEOUT_STREAM (3600 * CLOCK_SECOND)

/* ---- api.c: calls of the Engine API ---- */

/* http_perform with the API's version put before request->path, and an answer of status 400 or more
 * made an error; ret_answer->status is set then too. */
int api_call(struct docker *docker, const struct http_request *request,
             const struct orchestrator_call *call, struct http_answer *ret_answer,
             struct error **err);
/* The common case: a method, a path (owned by the callee from here on, NULL: out of memory), a JSON
 * body (borrowed, or NULL), and a JSON answer (NULL: not of interest). *ret_status may be NULL. */
struct api_request {
    const char *method;
    char *path;
    const json_t *body;
    int64_t timeout;
};
int api_json(struct docker *docker, const struct api_request *request,
             const struct orchestrator_call *call, json_t **ret_json, int *ret_status,
             struct error **err);
/* The errno class for what the engine said, by its status (0: none) and words. */
int api_error_class(int status, const char *words);
/* The error for a refusal with that status and body ({"message": ...}); -1. */
int api_refuse(int status, const char *body, size_t length, const char *what, struct error **err);
/* Asks for the version again: the engine may be another one than before. */
int api_negotiate(struct docker *docker, const struct orchestrator_call *call, struct error **err);
/* Whether the engine answers at all within timeout (ns). */
bool api_ping(struct docker *docker, int64_t timeout);

/* ---- json.c ---- */

CLEANUP_DEFINE(json_decref, json_t *) /* instead of json_auto_t, whose attribute our macro hides */

/* The member's text, or NULL if it is missing or no text. Borrowed. object may be NULL. */
const char *json_text(const json_t *object, const char *key);
int64_t json_number(const json_t *object, const char *key, int64_t otherwise);
bool json_flag(const json_t *object, const char *key);
/* The text as a document. EIO if it is none; what names it in the message. */
json_t *json_parse(const char *text, size_t length, const char *what, struct error **err);
/* A NULL-terminated list as an array. */
json_t *json_from_list(char *const *items);
/* Copies a text into *ret, which the caller frees; NULL stays NULL. -1 without memory. */
int text_copy(char **ret, const char *text, struct error **err);

/* ---- labels.c ---- */

/* The labels and the instance's own. */
json_t *labels_to_json(const struct docker *docker, struct labels labels);
int labels_from_json(const json_t *json, struct label **ret_labels, size_t *ret_count,
                     struct error **err);
bool labels_ours(const struct docker *docker, const json_t *json);
/* Whether json has the instance's label and all of labels. */
bool labels_match(const struct docker *docker, const json_t *json, struct labels labels);
/* {"label": ["dev.kfs.instance=..."]} with, where they are not NULL, also the label `having` and
 * "name": [name]. A JSON text that the caller frees. */
char *labels_filter(const struct docker *docker, const struct label *having, const char *name);

/* ---- known.c: which objects are this instance's ---- */

enum object_kind {
    OBJECT_SERVICE,
    OBJECT_NETWORK,
    OBJECT_VOLUME
};
/* Facts of a container that never change in its life, learnt when first needed. */
struct known {
    bool inspected;
    bool terminal;
    char *log_driver;
    char *log_path;
};
void known_add(struct docker *docker, enum object_kind kind, const char *id);
void known_remove(struct docker *docker, enum object_kind kind, const char *id);
void known_done(struct docker *docker);
/* 0 if the object bears the instance's label; ENOENT if there is none, EPERM if it is another's. */
int known_check(struct docker *docker, enum object_kind kind, const char *id,
                const struct orchestrator_call *call, struct error **err);
/* The facts of a service, as copies that the caller releases with known_facts_done. */
int known_facts(struct docker *docker, const char *id, const struct orchestrator_call *call,
                struct known *ret_facts, struct error **err);
void known_facts_done(struct known *facts);
static inline void cleanup_known_facts_done(struct known *facts)
{
    known_facts_done(facts);
}

/* ---- the operations, by file ---- */

/* list.c */
int docker_info(struct orchestrator *self, const struct orchestrator_call *call,
                struct orchestrator_info *ret_info, struct error **err);
int docker_list(struct orchestrator *self, const struct label *having,
                const struct orchestrator_call *call, struct orchestrator_listing **ret_listing,
                struct error **err);
/* Adds an item of the engine's list, whatever it holds, to the listing if it is this instance's. On
 * failure the listing is to be freed all the same. */
int list_add_from_json(struct docker *docker, enum object_kind kind, const json_t *item,
                       struct orchestrator_listing *listing, struct error **err);
int network_from_json(const json_t *json, struct network *ret_network, struct error **err);

/* network.c, volume.c */
int docker_network_create(struct orchestrator *self, const struct network_spec *spec,
                          const struct orchestrator_call *call, struct network *ret_network,
                          struct error **err);
int docker_network_remove(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err);
int docker_volume_create(struct orchestrator *self, const char *name, struct labels labels,
                         const struct orchestrator_call *call, struct error **err);
int docker_volume_remove(struct orchestrator *self, const char *name,
                         const struct orchestrator_call *call, struct error **err);

/* service.c (creating), lifecycle.c (the rest) */
int docker_service_create(struct orchestrator *self, const struct service_spec *spec,
                          const struct orchestrator_call *call, char **ret_id, struct error **err);
int docker_service_start(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct error **err);
int docker_service_stop(struct orchestrator *self, const char *id, int64_t grace,
                        const struct orchestrator_call *call, struct error **err);
int docker_service_remove(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err);
int docker_service_rename(struct orchestrator *self, const char *id, const char *name,
                          const struct orchestrator_call *call, struct error **err);

/* events.c */
int docker_watch(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                 struct error **err);
void watcher_free(struct watcher *watcher);

/* exec.c, session.c */
int docker_exec_run(struct orchestrator *self, const struct exec_spec *spec, exec_sink sink,
                    void *context, const struct orchestrator_call *call, int *ret_code,
                    struct error **err);

int docker_exec_open(struct orchestrator *self, const struct exec_spec *spec,
                     const struct orchestrator_call *call, struct exec_session **ret_session,
                     struct error **err);

/* archive.c */
int docker_archive_put(struct orchestrator *self, const char *id, const char *path,
                       byte_source source, void *context, const struct orchestrator_call *call,
                       struct error **err);
int docker_archive_get(struct orchestrator *self, const char *id, const char *path, byte_sink sink,
                       void *context, const struct orchestrator_call *call, struct error **err);

/* local.c */
char *docker_service_local_root(struct orchestrator *self, const char *id);
int docker_service_stats(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct service_stats *ret_stats,
                         struct error **err);

/* logs.c */
int docker_logs_read(struct orchestrator *self, const char *id, struct log_position *position,
                     bool follow, log_sink sink, void *context,
                     const struct orchestrator_call *call, struct error **err);

/* image.c, pull.c, build.c */
int docker_image_pull(struct orchestrator *self, const char *image,
                      const struct image_credentials *credentials, image_progress_sink sink,
                      void *context, const struct orchestrator_call *call, struct error **err);
int docker_image_build(struct orchestrator *self, const struct image_build_spec *spec,
                       byte_sink output, void *output_context, const struct orchestrator_call *call,
                       struct error **err);
int docker_image_inspect(struct orchestrator *self, const char *image,
                         const struct orchestrator_call *call, struct image_info *ret_info,
                         struct error **err);

#endif
