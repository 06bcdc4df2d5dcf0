/*
 * The engine's own view of itself, for the files of this folder only.
 *
 * One lock, model_lock, guards the model: every field below it in struct engine and every enclave,
 * service and run. It is held for microseconds and never across a call out. model_unlock tells the
 * change sink, after the lock is dropped, what was published under it; so code under the lock only
 * changes the model and says so with the *_publish functions.
 *
 * Objects are counted: the model holds one reference until the object leaves it, each job or thread
 * that works on one holds another. `gone` tells a worker that the object has left the model while
 * it waited.
 *
 * The state directory:
 *     lock, instance, log, errors
 *     enclaves/UUID/    enclave.json, error, plan/, runs/N/, artifacts/, logs/, applied.json
 *     destroying/UUID/  the same, of an enclave that was removed and whose objects may still exist
 *     packages/         fetched packages
 */
#ifndef KFS_ENGINE_INT_H
#define KFS_ENGINE_INT_H

#include "backend/base/cancel.h"
#include "backend/base/clock.h"
#include "backend/base/jobs.h"
#include "backend/base/log.h"
#include "backend/base/map.h"
#include "backend/engine.h"
#include "backend/orchestrator.h"
#include "backend/timed.h"

#include <jansson.h>

CLEANUP_DEFINE(json_decref, json_t *)

/* Labels that every object of an enclave bears; the orchestrator adds dev.kfs.instance itself. */
#define LABEL_ENCLAVE      "dev.kfs.enclave"      /* its UUID */
#define LABEL_ENCLAVE_NAME "dev.kfs.enclave.name" /* the name at creation, for people */
#define LABEL_CREATED \
    "dev.kfs.created" /* RFC 3339 with nanoseconds: the enclave's or service's creation */
#define LABEL_OWNER        "dev.kfs.owner"   /* "uid:gid" */
#define LABEL_SERVICE      "dev.kfs.service" /* its UUID */
#define LABEL_SERVICE_NAME "dev.kfs.service.name"
#define LABEL_CONFIG       "dev.kfs.config"  /* its ServiceConfig, JSON */
#define LABEL_ADDRESS      "dev.kfs.address" /* its address in the enclave */
#define LABEL_PORTS        "dev.kfs.ports"   /* host ports: {"http": 31234} */
#define LABEL_KEY          "dev.kfs.volume"  /* a volume's persistent key */
#define LABEL_CUSTOM       "dev.kfs.custom." /* prefix of the labels that a script gave */

struct object {
    enum object_kind kind;
    object_id id;
};

struct run;
struct member;
struct mirror;

struct enclave {
    struct object object; /* first: the object table holds these */
    struct engine *engine;
    char uuid[UUID_LENGTH + 1]; /* never changes: readable without the lock */
    unsigned references;
    bool gone;
    struct enclave_facts *facts;
    char *network_id;      /* NULL until it exists */
    uint64_t network_seen; /* during or after which listing that was told; see engine->listings */
    char *subnet, *gateway;
    struct error *create_error; /* why there is no network, if creating it failed */
    struct map services;        /* name -> struct member */
    struct run **runs;          /* by number - 1 */
    size_t run_count;
    uint64_t next_run;  /* the number of the next one, from 1 */
    bool reading_logs;  /* somebody brings the common log up to date */
    bool saving;        /* a file that was written is being made a run */
    bool submitting;    /* a run is being recorded */
    struct run *active; /* the run that a thread works on */
    unsigned pending;   /* operations under way or queued: what `wait` waits for */
    unsigned asked;     /* of these, what was asked of services; runs begin after it */
    struct operation *first_operation, **last_operation; /* the strand: one at a time, in order */
    bool strand_busy;
};

/* How much of a service's log is kept, and how much was dropped from its beginning. */
struct log_extent {
    uint64_t length; /* bytes kept */
    uint64_t lines;  /* lines ever read, kept or dropped */
    uint64_t dropped, dropped_lines;
};

/* A service as a member of its enclave. (struct service is what the orchestrator lists.) */
struct member {
    struct object object;
    struct enclave
        *enclave; /* counted by each reference but the model's own, which ends before the enclave */
    char uuid[UUID_LENGTH + 1], name[NAME_MAX_SERVICE + 1]; /* never change */
    unsigned references;
    bool gone;
    bool busy;             /* somebody works on its container */
    bool reading_logs;     /* somebody brings the kept log up to date */
    struct log_extent log; /* as of the last look */
    struct service_facts *facts;
    bool postponed; /* what was asked of it waits for the orchestrator to come back */
    char *handle; /* the orchestrator's id of what stands for it now; NULL while there is nothing */
    uint64_t told;      /* during or after which listing that was known, or worked on; see
                           engine->listings */
    bool start_unheard; /* it was started, and the event of that has not come yet: those that come
                           before tell of what it was earlier */
    struct request *requests, **last_request; /* what was asked of it, oldest first */
    bool serving;                             /* a job works on them */
    struct mirror *mirror; /* of its files (service_mirror.c); NULL until somebody looks */
    json_t *prepared; /* the configuration that its container was made for ahead of its turn; else
                         NULL */
};

/* What a run was asked to do. */
struct run_order {
    char *name;    /* of the script as positions show it, or the locator */
    char *line;    /* what was written to `run`; NULL for a script that was written to plan/ */
    char *package; /* the locator of a package; NULL for a script */
};

/* Lives as long as it is in its enclave's list; the thread that executes one keeps the enclave from
 * ending. */
struct run {
    struct object object;
    struct enclave *enclave;
    struct run_facts *facts;
    struct cancel *cancel;
    struct run_order order; /* set at the start, never changed */
};

struct engine_waiter {
    struct engine_waiter *next, **previous;
    struct engine *engine;
    enum object_kind kind;
    object_id id;
    void (*done)(void *context, const struct error *err);
    void *context;
    pthread_t caller; /* while `calling` */
    bool calling, fired, released;
};

struct engine {
    /* Set at the start, never changed. */
    struct orchestrator *orchestrator;
    struct cancel *end; /* fired when the engine ends; cancels calls that nothing else can */
    enum engine_privilege privilege;
    char *interpreter, *package_mirror, *package_cache, *state_path;
    char instance[UUID_LENGTH * 2 + 1];
    uint64_t log_bytes_max;
    unsigned parallelism;
    bool no_local_root;
    int state_fd, enclaves_fd, destroying_fd, lock_fd;
    struct jobs *jobs;
    struct job_lane *relist_lane, *create_lane, *destroy_lane, *service_lane, *logs_lane;
    pthread_rwlock_t sink_lock; /* guards the next two; held by whoever delivers */
    engine_change_sink sink;
    void *sink_context;

    pthread_mutex_t asked_lock;  /* guards what enclaves' asked/ say beside what is queued; taken
                                    before model_lock */
    pthread_mutex_t events_lock; /* guards appending to files of events; taken before model_lock */

    pthread_mutex_t failures_lock; /* guards the next two, and appending to their file */
    struct buf failures;
    int64_t failures_changed;

    pthread_mutex_t model_lock;
    /* Under model_lock: */
    pthread_cond_t model_changed; /* a network is there, a run has ended, a waiter is free */
    struct engine_facts *facts;
    struct orchestrator_info info; /* as of the last listing; kind NULL before the first */
    struct idmap objects;
    struct map handles;        /* handle -> member */
    struct map enclave_names;  /* of those in enclaves/ */
    struct map enclave_uuids;  /* of all */
    struct enclave **enclaves; /* oldest first, with those being destroyed */
    size_t enclave_count, enclave_capacity;
    object_id last_id;
    unsigned pending; /* sum of the enclaves', and the listing that is under way */
    unsigned threads; /* runs' threads */
    unsigned execs;   /* commands that run */
    struct engine_waiter *waiters;
    struct pending_change *changes, **last_change;
    struct pending_event *events, **last_event; /* to be written, in the order of the changes */
    struct map host_ports;                      /* "tcp/31234" -> taken by a service of ours */
    unsigned port_cursor;
    struct log_follower *followers;
    pthread_cond_t follower_called; /* one has been told */
    int64_t tick;                   /* monotonic: when followed logs are looked at next */
    struct retry *retries;          /* operations to submit again, soonest first */
    pthread_cond_t timer_changed;   /* what the timer waits for */
    pthread_t timer;
    bool unheard; /* the orchestrator has not been heard of yet; counts as pending */
    bool heard;   /* the event stream stands */
    bool relisting, relist_again;
    uint64_t listings;    /* begun so far. One says nothing about what was told since it began. */
    int64_t strays_until; /* monotonic time: until then something may come into being that an
                             earlier process had asked for */
    bool adopts; /* the state directory is new, the instance is not: what exists is taken over by
                    the first listing */
    bool ending;
};

/* ---- the lock ---- */

void model_lock(struct engine *engine);
/* Drops the lock, then tells the sink what was published and wakes whoever waited for it. */
void model_unlock(struct engine *engine);

static inline struct engine *model_lock_take(struct engine *engine)
{
    model_lock(engine);
    return engine;
}
static inline void cleanup_model_unlock(struct engine **engine)
{
    model_unlock(*engine);
}
/* Holds the lock until the end of the scope. */
#define with_model(held_engine)                                                             \
    __attribute__((__cleanup__(cleanup_model_unlock), unused)) struct engine *CLEANUP_JOIN( \
        held_model_, __LINE__) = model_lock_take(held_engine)

/* ---- facts: to change an object, clone its facts, change the clone, publish it ---- */

/* New ones, all zero but for what is said here, with one reference. */
struct engine_facts *engine_facts_new(void);
struct enclave_facts *enclave_facts_new(const char *name, const char *uuid); /* and no error */
struct service_facts *service_facts_new(void);                               /* exit_code -1 */
struct run_facts *run_facts_new(void);
struct engine_facts *engine_facts_clone(const struct engine_facts *facts);
struct enclave_facts *enclave_facts_clone(const struct enclave_facts *facts);
struct service_facts *service_facts_clone(const struct service_facts *facts);
struct run_facts *run_facts_clone(const struct run_facts *facts);
/* Replaces *string by a copy of text. */
void fact_set(char **string, const char *text);

/* Under model_lock. They take the new facts over; aspects are the ASPECT_BITs that changed. */
void engine_publish(struct engine *engine, struct engine_facts *facts, unsigned aspects);
void enclave_publish(struct enclave *enclave, struct enclave_facts *facts, unsigned aspects);
void service_publish(struct member *member, struct service_facts *facts, unsigned aspects);
void run_publish(struct run *run, struct run_facts *facts, unsigned aspects);
/* Says that an aspect of an object changed whose facts do not hold it (a list of members, a file
 * that grew). */
void enclave_touch(struct enclave *enclave, unsigned aspects);
void run_touch(struct run *run, unsigned aspects);
void engine_touch(struct engine *engine, unsigned aspects);
/* ADDED, REMOVED, RENAMED of an object with this name; touches what lists it. */
void change_add(struct engine *engine, enum change_kind change, const struct object *object,
                object_id parent, const char *name, const char *old_name);

/* ---- objects, under model_lock ---- */

struct object *object_get(struct engine *engine, object_id id, enum object_kind kind);
object_id object_add(struct engine *engine, struct object *object, enum object_kind kind);

/* EAGAIN and the reason while the orchestrator is away. Without the lock. */
int engine_up_check(struct engine *engine, struct error **err);

/* ---- enclaves (enclave.c, enclave_work.c) ---- */

struct enclave *enclave_ref(struct enclave *enclave); /* under model_lock */
void enclave_unref(struct enclave *enclave);          /* without it */
CLEANUP_DEFINE(enclave_unref, struct enclave *)
/* A counted enclave that is in the tree, or NULL and ENOENT. Without the lock. */
struct enclave *enclave_hold(struct engine *engine, object_id id, struct error **err);

/* Puts a loaded or new enclave into the model. Under model_lock; takes the facts over. */
struct enclave *enclave_add(struct engine *engine, struct enclave_facts *facts, bool destroying);
/* Takes over an enclave that only the labels of its network tell of. NULL if they are damaged.
 * Under model_lock. */
struct enclave *enclave_adopt(struct engine *engine, const struct label *labels, size_t count);
/* Recomputes the status from the network and the services and publishes it if it changed. Under
 * model_lock. */
void enclave_update_status(struct enclave *enclave);
void enclave_set_error(struct enclave *enclave,
                       const char *text); /* also on disk; without the lock; "" clears */
/* Gives the network of the enclave, waiting until it is made. [waits] */
int enclave_wait_network(struct enclave *enclave, const struct cancel *cancel, struct error **err);
/* "enclaves/UUID/REST", relative to state_fd, into out. */
void enclave_path(const struct enclave *enclave, struct buf *out, const char *rest);

/* One step of work on an enclave, done by a job of `lane` after all that was queued before it on
 * the same enclave. */
typedef void (*operation_function)(struct enclave *enclave, void *context);
/* Under model_lock. Counts as pending until it is done. */
void enclave_submit(struct enclave *enclave, struct job_lane *lane, operation_function function,
                    void *context);
void enclave_pending_add(struct enclave *enclave);  /* under model_lock */
void enclave_pending_done(struct enclave *enclave); /* under model_lock */

void enclave_operation_create(struct enclave *enclave, void *context);
void enclave_operation_destroy(struct enclave *enclave, void *context);
struct network;
/* The network is there. Under model_lock. */
void enclave_network_set(struct enclave *enclave, const struct network *network);
/* Has function submitted again on the enclave after a pause; pending until then. */
void enclave_retry(struct enclave *enclave, struct job_lane *lane, operation_function function);
/* Starts destroying an enclave that is in the model as such. Under model_lock. */
void enclave_begin_destroy(struct enclave *enclave);

/* ---- services (service.c, service_start.c, service_config.c, host_ports.c) ---- */

struct member *member_ref(struct member *member); /* under model_lock */
void member_unref(struct member *member);         /* without it */
CLEANUP_DEFINE(member_unref, struct member *)
struct member *member_hold(struct engine *engine, object_id id, struct error **err);
/* Puts a service into the model (takes facts over), and takes it out again. Under model_lock. */
struct member *member_add(struct enclave *enclave, struct service_facts *facts);
void member_drop(struct member *member);
/* container: its id, or NULL. Under model_lock. */
void member_set_handle(struct member *member, const char *container);
/* Publishes a status if it is another. Under model_lock. */
void member_set_status(struct member *member, enum service_status status, int exit_code,
                       const char *reason);
/* Starts the container. Without model_lock; the caller has acquired the member. [waits] */
int member_start(struct member *member, const char *container, const struct orchestrator_call *call,
                 struct error **err);
/* After a start that went through: RUNNING, unless its events have told already what became of it.
 * Under model_lock. */
void member_settle_started(struct member *member);
/* Waits until nobody works on the container and makes that the caller's right, until member_yield.
 * Under model_lock. */
void member_acquire(struct member *member);
void member_yield(struct member *member);
/* Brings the kept log up to date, as far as the orchestrator can tell. Without model_lock. [waits]
 */
int service_logs_catch_up(struct member *member, struct error **err);
/* Whether its container is being started: until that is done the orchestrator may answer no
 * question about it, so whoever looks at a log meanwhile gets what is kept. Under model_lock. */
bool member_starting(const struct member *member);
void service_logs_total(struct member *member, struct log_extent *ret_extent);
/* Reads whole lines of the kept log from *place and *lines (of all that was ever logged) on, and
 * moves them; 0 if there is nothing yet. */
ssize_t service_logs_read(struct member *member, uint64_t *place, uint64_t *lines, void *bytes,
                          size_t size, uint64_t *ret_lost);
/* Takes up what was asked of the service before a restart or a loss of the orchestrator. Under
 * model_lock. */
void member_resume(struct member *member);

/* What a container is to be, as read from a ServiceConfig: owns all that spec points to. */
struct container_plan;
/* Reads config for a service with these facts (which give name, address, host ports). EINVAL says
 * which field is wrong. */
struct container_plan *container_plan_new(const struct enclave_facts *enclave,
                                          const struct service_facts *facts, const char *network_id,
                                          json_t *config, struct error **err);
void container_plan_free(struct container_plan *plan);
CLEANUP_DEFINE(container_plan_free, struct container_plan *)
const struct service_spec *container_plan_spec(const struct container_plan *plan);
/* The persistent volumes that it mounts, to be made before: names, and their keys for the label. */
size_t container_plan_volumes(const struct container_plan *plan, const char *const **ret_names,
                              const char *const **ret_keys);
/* Fills facts' image, ports and config from config; keeps the host ports that facts had for the
 * same port ids. */
int service_facts_configure(struct service_facts *facts, json_t *config, struct error **err);
/* The facts that a container's labels tell; NULL if it bears none or damaged ones. */
struct service_facts *service_facts_from_labels(const struct label *labels, size_t count,
                                                struct error **err);
/* The image's name in a config's `image` field, which may be a string or an object. Borrowed; NULL
 * if there is none. */
const char *config_image(json_t *image);

/* ---- services that are not configured yet (service_draft.c) ---- */

/* Loads those of an enclave. Under model_lock. */
void drafts_load(struct enclave *enclave);
/* Removes the record of one: it has a container now, or has been removed. Under model_lock. */
void draft_forget(struct enclave *enclave, const char *name);
/* Removes the service if it is one. Without the lock. */
bool draft_remove(struct engine *engine, object_id id);
/* If the service of this name is one, keeps the configuration that was written for it. Without the
 * lock. */
int draft_configure(struct enclave *enclave, const char *name, const char *config,
                    struct error **err);

/* ---- mirrors of services' files (service_mirror.c) ---- */

void mirror_free(struct mirror *mirror);
/* Removes the mirror of a service that is gone. Without the lock. */
void mirror_discard(struct enclave *enclave, const char *uuid);

/* Host ports are unique among all services of the instance. All under model_lock. */
void host_ports_release(struct engine *engine, const struct service_facts *facts);
void host_ports_take(struct engine *engine, const struct service_facts *facts);
/* Picks one for each published port of facts that has none (0), and takes it. ENOSPC */
int host_ports_pick(struct engine *engine, struct service_facts *facts, struct error **err);
/* The lowest free address of the enclave's subnet, for facts. Under model_lock. ENOSPC */
int address_pick(struct enclave *enclave, struct service_facts *facts, struct error **err);

/* ---- listing and events (reconcile.c) ---- */

/* Lists anew. Under model_lock. */
void engine_relist(struct engine *engine);
/* Says that an earlier process was cut off in its work: from now on what comes into being unasked
 * is looked at for a while. Under model_lock. */
void engine_expect_strays(struct engine *engine);
void engine_on_event(void *context, const struct orchestrator_event *event);

/* ---- state directory (state.c) ---- */

int state_open(struct engine *engine, const struct engine_options *options, struct error **err);
/* Loads enclaves/ and destroying/ into the model. */
int state_load(struct engine *engine, struct error **err);

/* ---- runs (run.c, run_thread.c, run_effects.c) ---- */

/* Takes a run out of the object table and frees it. Under model_lock. */
void run_drop(struct run *run);
/* Reads runs/ of an enclave that is being loaded; what was executing becomes FAILED, what was
 * pending runs again. */
int run_load_all(struct enclave *enclave, struct error **err);
/* Starts the next pending run of the enclave if none is active. Under model_lock. */
void runs_schedule(struct enclave *enclave);

/* The orchestrator's id of a service that runs, the caller's. ENOENT, EAGAIN if it does not run. */
char *service_running_handle(struct engine *engine, object_id id, struct error **err);

/* ---- the timer (timer.c) ---- */

int timer_start(struct engine *engine, struct error **err);
/* Runs what is to be tried again a last time, with the engine ending. */
void timer_stop(struct engine *engine);
/* What it does: each does what is due, and gives the real time at which it wants to be called
 * next, INT64_MAX for none. Under model_lock, which they drop while they work. */
int64_t retry_work(struct engine *engine);
int64_t follow_work(struct engine *engine);

/* ---- waiting (wait.c) ---- */

/* Fires the waiters whose scope has nothing pending. Called by model_unlock, without the lock. */
void waiters_check(struct engine *engine);

/* ---- events (events.c) ---- */

/* Whether a change is an event. */
bool event_wanted(const struct engine_change *change);
/* The event's line. enclave: the name of the enclave that it is in, "" for none; status: the
 * object's, "" for none. */
void event_put(struct buf *line, const struct engine_change *change, const char *enclave,
               const char *status);
/* Queues the event; takes over the line, and enclave_path, the enclave's file for it relative to
 * the state directory (may be NULL). Under model_lock. */
void event_queue(struct engine *engine, char *line, char *enclave_path);
/* Writes what is queued, and returns when all that was queued before the call is written. Without
 * model_lock. */
void events_write(struct engine *engine);

/* ---- failures (failures.c) ---- */

int failures_open(struct engine *engine, struct error **err);

#endif
