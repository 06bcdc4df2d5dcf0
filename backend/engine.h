/*
 * The engine: enclaves, their services, plans, runs and logs. This is all that the tree knows of
 * what is below it.
 *
 * Reading answers from the model in memory and never waits. A reader gets *facts*: an immutable
 * picture of one object as it was at that moment, shared and counted, to be released with its
 * _unref. What changes an object makes a new picture. Changing records what was asked for on disk,
 * shows it in the model, answers, and does the work behind.
 *
 * Objects are named by an id: a serial number that is never used again while the daemon runs, never
 * 0.
 *
 * All functions are thread-safe. Those marked [waits] may take as long as a script takes to parse,
 * an orchestrator to answer or a disk to write, so they belong into a job; all others take
 * microseconds, or about a millisecond where they write to the state directory. Errors carry the
 * errno that the tree shows for them.
 */
#ifndef KFS_ENGINE_H
#define KFS_ENGINE_H

#include "backend/base/buf.h"
#include "backend/base/uuid.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef uint64_t object_id;

struct engine;
struct orchestrator;

enum {
    NAME_MAX_ENCLAVE = 60, /* ^[-A-Za-z0-9]{1,60}$ */
    NAME_MAX_SERVICE = 63, /* ^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$ */
    NAME_MAX_PORT = 15     /* ^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$ */
};
bool enclave_name_valid(const char *name);
bool service_name_valid(const char *name);
/* EINVAL and what a name may be, if it is none. */
int service_name_check(const char *name, struct error **err);
bool port_id_valid(const char *id);

enum {
    ENGINE_LOG_BYTES_DEFAULT = 64 << 20
};

/* Who may run with --privileged, which gives containers power over the machine. */
enum engine_privilege {
    ENGINE_PRIVILEGE_OWNER, /* root, and the user as whom the engine runs */
    ENGINE_PRIVILEGE_ALL,
    ENGINE_PRIVILEGE_NONE
};

struct engine_options {
    const char *state_dir; /* made if missing; one engine at a time may use it */
    const char *instance;  /* NULL: the one recorded in the state directory, made up on first use */
    const char *interpreter;    /* path of the program in which scripts are evaluated */
    const char *package_mirror; /* NULL: none */
    uint64_t log_bytes_max;     /* what is kept of one service's log; 0: the default */
    unsigned parallelism;       /* containers started at a time by one run; 0: the default */
    enum engine_privilege privilege;
    bool no_local_root; /* services' files are had through the orchestrator only */
};

/* Reads the state directory and starts to watch the orchestrator, which it owns from then on. Does
 * not wait for it: until it has answered, the state is DOWN. NULL on failure. */
struct engine *engine_new(const struct engine_options *options, struct orchestrator *orchestrator,
                          struct error **err);

/* Stops work at the next safe point, leaves every container as it is, and frees. What was under way
 * is taken up by the next engine_new on the same state directory. */
void engine_free(struct engine *engine);
CLEANUP_DEFINE(engine_free, struct engine *)

/* ---- what changed ---- */

/* The parts of an object that change apart from each other. Each view of the tree shows one or more
 * of them: the newest change among them is the view's mtime, and tells which views to invalidate.
 */
enum aspect {
    ASPECT_IDENTITY, /* name, uuid, created: what never changes, but by a rename */
    ASPECT_STATUS,
    ASPECT_ERROR,
    ASPECT_CONFIG,    /* service: image, ports, cmd, env, config */
    ASPECT_OUTPUT,    /* run: output has grown; engine: log */
    ASPECT_RESULT,    /* run: result, finished */
    ASPECT_EVENTS,    /* events have grown */
    ASPECT_SERVICES,  /* which services an enclave has */
    ASPECT_RUNS,      /* which runs */
    ASPECT_ARTIFACTS, /* which files artifacts */
    ASPECT_ENCLAVES,  /* engine: which enclaves there are, and what the table of them shows */
    ASPECT_PLAN,      /* files in plan/ that the engine itself wrote */
    ASPECT_MAX
};
#define ASPECT_BIT(aspect) (1u << (aspect))

enum object_kind {
    OBJECT_ENGINE,
    OBJECT_ENCLAVE,
    OBJECT_SERVICE,
    OBJECT_RUN,
    OBJECT_KIND_MAX
};

enum change_kind {
    CHANGE_ADDED,
    CHANGE_REMOVED,
    CHANGE_MODIFIED,
    CHANGE_RENAMED
};
struct engine_change {
    enum change_kind change;
    enum object_kind kind;
    object_id id;
    object_id parent;     /* the enclave of a service or run; else 0 */
    unsigned aspects;     /* MODIFIED: ASPECT_BITs */
    const char *name;     /* of the object (RENAMED: its new one) */
    const char *old_name; /* RENAMED */
};
/* Called from any thread, after the model shows the change, without the model's lock. Must not
 * block and must not call the engine. */
typedef void (*engine_change_sink)(void *context, const struct engine_change *change);
/* NULL: none. When it returns, the sink before is not called any more, nor being called. */
void engine_set_change_sink(struct engine *engine, engine_change_sink sink, void *context);

/* ---- the engine itself ---- */

struct engine_facts {
    bool up;
    char *orchestrator; /* "docker 20.10.24 unix:///var/run/docker.sock"; while DOWN the last known
                           one, or "" */
    int64_t since;      /* DOWN: since when, real time ns */
    char *reason;       /* DOWN: why */
    int64_t started;
    int64_t changed[ASPECT_MAX]; /* real time ns */
    unsigned references;
};
struct engine_facts *engine_get(struct engine *engine);
void engine_facts_unref(struct engine_facts *facts);
CLEANUP_DEFINE(engine_facts_unref, struct engine_facts *)

const char *engine_instance(const struct engine *engine);

/* Appends a line to engine/errors and, unless enclave is 0, makes it the enclave's error. path is
 * as in the tree. */
void engine_note_failure(struct engine *engine, object_id enclave, const char *operation,
                         const char *path, const struct error *failure);
/* The text of engine/errors: the last ones, bounded. */
void engine_put_errors(struct engine *engine, struct buf *out);
int64_t engine_errors_changed(struct engine *engine);

/* A read-only descriptor of events: one JSON object a line for every change of an enclave, service,
 * run or files artifact, oldest first; `enclave` 0: of all. Grows (ASPECT_EVENTS of the engine and
 * of the enclave); bounded by dropping the older half. The caller closes it. */
int engine_open_events(struct engine *engine, object_id enclave, struct error **err);

/* The engine's part of engine/metrics, in Prometheus' text format: enclaves, services, runs, calls
 * of the orchestrator, memory. */
void engine_put_metrics(struct engine *engine, struct buf *out);

/* A read-only descriptor of the daemon's log file; -1 if there is none. The caller closes it. */
int engine_open_log(struct engine *engine, struct error **err);

/* ---- enclaves ---- */

enum enclave_status {
    ENCLAVE_CREATING,
    ENCLAVE_EMPTY,
    ENCLAVE_RUNNING,
    ENCLAVE_STOPPED,
    ENCLAVE_DEGRADED,   /* some services run and some that should do not */
    ENCLAVE_FAILED,     /* could not be created: `error` says why */
    ENCLAVE_DESTROYING, /* no longer in enclaves/, only in the table */
    ENCLAVE_STATUS_MAX
};
const char *enclave_status_name(enum enclave_status status);

struct enclave_facts {
    object_id id;
    char name[NAME_MAX_ENCLAVE + 1];
    char uuid[UUID_LENGTH + 1];
    enum enclave_status status;
    int64_t created; /* real time ns */
    uid_t uid;
    gid_t gid;
    char *error;       /* "" when all is well */
    uint64_t last_run; /* the newest run's number, 0 if none */
    int64_t changed[ASPECT_MAX];
    unsigned references;
};
/* NULL if there is no such enclave (any more, or in enclaves/). */
struct enclave_facts *enclave_get(struct engine *engine, object_id id);
void enclave_facts_unref(struct enclave_facts *facts);
CLEANUP_DEFINE(enclave_facts_unref, struct enclave_facts *)

/* The id of the enclave that bears name, 0 if none does. */
object_id enclave_find(struct engine *engine, const char *name);
/* All of them, oldest first; *ret_list is the caller's array of counted facts. With `destroying`,
 * those being destroyed too. */
size_t enclave_list(struct engine *engine, bool destroying, struct enclave_facts ***ret_list);

/* EINVAL a bad name, EEXIST, EAGAIN while the orchestrator is away, ENOSPC no room in the state
 * directory. */
int enclave_create(struct engine *engine, const char *name, uid_t uid, gid_t gid, object_id *ret_id,
                   struct error **err);
/* Gone from the tree when it returns; the work is done behind. Cancels its runs. */
int enclave_destroy(struct engine *engine, object_id id, struct error **err);
/* EINVAL, EEXIST (also of an empty one: an enclave is never overwritten), ENOENT. */
int enclave_rename(struct engine *engine, object_id id, const char *name, struct error **err);
/* word: RUNNING or STOPPED. EINVAL any other. */
int enclave_set_status(struct engine *engine, object_id id, const char *word, struct error **err);

/* A descriptor of the directory that holds the enclave's plan/, or -1. The caller closes it. */
int enclave_open_plan(struct engine *engine, object_id id, struct error **err);

/* A descriptor of the directory that holds the enclave's files artifacts, each a directory of its
 * name; -1 on failure. What a person puts there is an artifact that plans can mount. The caller
 * closes it, and tells what it did: */
int enclave_open_artifacts(struct engine *engine, object_id id, struct error **err);
/* Whether an artifact can bear this name: no '/', no '.' first, at most 200 bytes, UTF-8.
 * EINVAL */
int artifact_name_check(const char *name, struct error **err);
/* The artifact of this name was made, changed or removed through the tree. */
void enclave_artifact_changed(struct engine *engine, object_id id, const char *name);
/* UUID and name of each artifact, sorted by name, for `inspect`: calls `each` for it. */
int enclave_artifacts(struct engine *engine, object_id id,
                      void (*each)(void *context, const char *uuid, const char *name),
                      void *context, struct error **err);

/* [waits] Brings the enclave's common log up to date (all services' lines, each led by its
 * service's name, by time) and gives a read-only descriptor of it. */
int enclave_open_logs(struct engine *engine, object_id id, struct error **err);

/* [waits] The file `name` directly in plan/ has been written and acts: checks that it parses,
 * records a run with the content it has now and its arguments beside it, and queues it. If it does
 * not parse (EINVAL, with file:line:col), the run is recorded as failed: not every program tells
 * that close(2) failed, and waiting for the enclave does. *ret_run is 0 if the content is empty:
 * that acts on nothing. */
int enclave_plan_written(struct engine *engine, object_id id, const char *name, uid_t uid,
                         object_id *ret_run, struct error **err);
/* Whether a file of this name directly in plan/ runs when written: *.star, not beginning with '.'
 * or '#', not an editor's backup. */
bool plan_name_acts(const char *name);

/* [waits] A line written to the `run` file: [OPTIONS] LOCATOR [ARGUMENTS]. EACCES, EPERM: it asks
 * for --privileged, which is not uid's, or nobody's, to ask for. */
int enclave_run(struct engine *engine, object_id id, const char *line, uid_t uid,
                object_id *ret_run, struct error **err);

/* ---- runs ---- */

enum run_status {
    RUN_PENDING,
    RUN_INTERPRETING,
    RUN_VALIDATING,
    RUN_EXECUTING,
    RUN_SUCCEEDED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_STATUS_MAX
};
const char *run_status_name(enum run_status status);

struct run_facts {
    object_id id;
    object_id enclave;
    uint64_t number; /* 1, 2, 3 … in its enclave */
    enum run_status status;
    unsigned step, steps;                 /* EXECUTING: which instruction of how many */
    int64_t submitted, started, finished; /* real time ns; 0: not yet */
    uid_t uid;
    int64_t changed[ASPECT_MAX];
    unsigned references;
};
struct run_facts *run_get(struct engine *engine, object_id id);
void run_facts_unref(struct run_facts *facts);
CLEANUP_DEFINE(run_facts_unref, struct run_facts *)
object_id run_find(struct engine *engine, object_id enclave, uint64_t number);
size_t run_list(struct engine *engine, object_id enclave, struct run_facts ***ret_list);

/* The texts of a run that are kept as files. */
enum run_file {
    RUN_FILE_SCRIPT,
    RUN_FILE_ARGS,
    RUN_FILE_PLAN,
    RUN_FILE_OUTPUT,
    RUN_FILE_ERROR,
    RUN_FILE_RESULT,
    RUN_FILE_MAX
};
/* A read-only descriptor, or -1; one that was not written yet is empty, not missing. The caller
 * closes it. */
int run_open_file(struct engine *engine, object_id run, enum run_file file, struct error **err);

/* Stops a run that is not finished. EINVAL if it is. */
int run_cancel(struct engine *engine, object_id run, struct error **err);

/* ---- services ---- */

enum service_status {
    SERVICE_STATUS_STARTING, /* being created or started */
    SERVICE_STATUS_RUNNING,
    SERVICE_STATUS_STOPPING,
    SERVICE_STATUS_STOPPED, /* ended, or was stopped */
    SERVICE_STATUS_FAILED,  /* never came up */
    SERVICE_STATUS_REMOVING,
    SERVICE_STATUS_NEW, /* made with mkdir, not configured yet: there is nothing to run */
    SERVICE_STATUS_UNKNOWN,
    SERVICE_STATUS_MAX
};
const char *service_status_name(enum service_status status);

struct port_facts {
    char id[NAME_MAX_PORT + 1];
    uint16_t number;
    char transport[5];  /* "tcp" */
    char *application;  /* "http", or NULL */
    char *url;          /* as the script gave it, or NULL */
    char *host_address; /* where it is reached from this machine: "127.0.0.1"; NULL if not published
                         */
    uint16_t host_port;
    bool open; /* a public port: published on all addresses of the machine */
};
struct service_facts {
    object_id id;
    object_id enclave;
    char name[NAME_MAX_SERVICE + 1];
    char uuid[UUID_LENGTH + 1];
    enum service_status status;
    int exit_code; /* of a stopped one; -1 if not known */
    bool died;     /* STOPPED: nobody asked it to end, and its exit code is not 0 */
    char *reason;  /* FAILED: why; else "" */
    char *image;
    char *address; /* its IP in the enclave, "" if none yet */
    int64_t created;
    struct port_facts *ports; /* sorted by id */
    size_t port_count;
    char *config; /* its ServiceConfig as JSON text */
    int64_t changed[ASPECT_MAX];
    unsigned references;
};
struct service_facts *service_get(struct engine *engine, object_id id);
void service_facts_unref(struct service_facts *facts);
CLEANUP_DEFINE(service_facts_unref, struct service_facts *)
object_id service_find(struct engine *engine, object_id enclave, const char *name);
/* Sorted by name. */
size_t service_list(struct engine *engine, object_id enclave, struct service_facts ***ret_list);

/* Makes a service that is not configured yet: NEW, until service_configure says what it is to be.
 * EINVAL a bad name, EEXIST, ENOENT. */
int service_create(struct engine *engine, object_id enclave, const char *name, object_id *ret_id,
                   struct error **err);
/* Gone from the tree when it returns; the container is removed behind. */
int service_remove(struct engine *engine, object_id id, struct error **err);
/* [waits] A ServiceConfig (JSON, as `config.json` shows it) was written for the service `name`:
 * records a run that adds it, or updates it. EINVAL what is no ServiceConfig: nothing is recorded
 * then. */
int service_configure(struct engine *engine, object_id enclave, const char *name, const char *json,
                      size_t length, uid_t uid, object_id *ret_run, struct error **err);
/* word: RUNNING, STOPPED or RESTART. */
int service_set_status(struct engine *engine, object_id id, const char *word, struct error **err);

/* [waits] Brings the kept log of the service up to date and gives a read-only descriptor of it:
 * plain lines, its size is the log's. */
int service_open_logs(struct engine *engine, object_id id, struct error **err);

/* [waits] What the service uses now, a line each: "cpu_nanoseconds 123". EAGAIN while it does not
 * run. */
int service_put_stats(struct engine *engine, object_id id, struct buf *out, struct error **err);

/* A path on this machine under which the running service's own file system is seen, the caller's;
 * NULL with ENOSYS if there is none, EAGAIN if it does not run. Follow its links only inside of it
 * (openat2(2) with RESOLVE_IN_ROOT). */
char *service_root(struct engine *engine, object_id id, struct error **err);

/* Whether there is none now. */
bool service_is_mirrored(struct engine *engine, object_id id);
/* The same where there is none, and where the service does not run: a directory that mirrors it. It
 * holds what service_mirror_refresh has put there. A descriptor, the caller's; EAGAIN if there is
 * no container. */
int service_mirror_open(struct engine *engine, object_id id, struct error **err);
enum mirror_part {
    MIRROR_ENTRY, /* whether it is there, and its attributes: of a file, link or directory itself */
    MIRROR_LISTING /* all that is below a directory */
};
/* [waits] Brings a part of the mirror up to date. path: relative to the root, without symbolic
 * links in it; "." the root. What is not there is not there afterwards; ENOENT only of a directory
 * to list. */
int service_mirror_refresh(struct engine *engine, object_id id, const char *path,
                           enum mirror_part part, struct error **err);
/* [waits] A descriptor of the file with its content, or empty but with its attributes, for reading
 * and writing where that is allowed. What is written to it is nobody else's before it is put. */
int service_mirror_content(struct engine *engine, object_id id, const char *path, bool empty,
                           struct error **err);
/* [waits] Makes or replaces the file (content from fd; -1: empty), directory or symbolic link in
 * the service, in a directory that is there. */
struct stat;
int service_mirror_put(struct engine *engine, object_id id, const char *path,
                       const struct stat *attributes, const char *target, int fd,
                       struct error **err);

/* ---- following a log ---- */

/* A reader of what a service writes from now on. While there are any, the log is looked at ten
 * times a second by one thread for all. */
struct log_follower;
/* grown(context) is called from any thread, with no lock held, whenever there may be more to read,
 * or the end; it must not block and must not call log_follower_free. NULL and ENOENT, or ENOSYS
 * where the log cannot be read back. [waits: the first look] */
struct log_follower *service_follow(struct engine *engine, object_id id,
                                    void (*grown)(void *context), void *context,
                                    struct error **err);
/* The next bytes, whole lines where they fit; 0: nothing now; -1: the service is gone and all was
 * read. *ret_lost: lines that were dropped because the reader was too slow, to be told before what
 * is read. Never waits. One thread at a time. */
ssize_t log_follower_read(struct log_follower *follower, void *bytes, size_t size,
                          uint64_t *ret_lost);
/* Returns only when grown is not running and will not be called any more. */
void log_follower_free(struct log_follower *follower);

/* ---- commands inside a service ---- */

/* A command that runs in a service, with its input and output open: a conversation. Its functions
 * may be called from several threads; none waits but where it says so. */
struct service_exec;
/* Runs argv (NULL-terminated, no shell). terminal: on a pseudo terminal. grown(context) is called
 * from any thread, with no lock held, when there is more to read or it has ended; it must not block
 * and must not free. EAGAIN if the service does not run, or too many commands do already. [waits]
 */
struct service_exec *service_exec_start(struct engine *engine, object_id id, char *const *argv,
                                        bool terminal, void (*grown)(void *context), void *context,
                                        struct error **err);
/* The next bytes of its output, both streams as they come; 0: nothing now; -1: it has ended and all
 * was read. */
ssize_t service_exec_read(struct service_exec *exec, void *bytes, size_t size);
enum {
    EXEC_WRITE_MAX = 1 << 20 /* bytes of input that are taken at a time */
};
/* Bytes for its input: all of them, or EAGAIN while it has not read enough of those before; grown
 * is called when it has. EPIPE when it takes none any more. */
int service_exec_write(struct service_exec *exec, const void *bytes, size_t length,
                       struct error **err);
/* Whether EXEC_WRITE_MAX bytes would be taken now, or refused for good. */
bool service_exec_has_room(struct service_exec *exec);
int service_exec_close_input(struct service_exec *exec, struct error **err);
/* The size of its terminal. [waits] */
int service_exec_resize(struct service_exec *exec, unsigned rows, unsigned columns,
                        struct error **err);
/* Its exit status, once it has ended: 126 and 127 are the shell's. EAGAIN while it runs; EIO if it
 * was lost. */
int service_exec_code(struct service_exec *exec, int *ret_code, struct error **err);
/* Hangs up; a command that still runs is killed where that is possible. Returns only when grown
 * will not be called any more. [waits] */
void service_exec_free(struct service_exec *exec);

/* ---- waiting ---- */

/* Calls done(context, err) once, when nothing is pending in the scope any more: kind OBJECT_ENGINE
 * (id 0) anywhere, OBJECT_ENCLAVE in one enclave, OBJECT_RUN when that run is finished. err is
 * NULL, or says why the newest run failed (EIO), or that the object is gone (ENOENT); it is only
 * borrowed. done is called from any thread, perhaps before engine_wait returns, with no lock held.
 * A waiter must be released with engine_wait_release, which returns only when done is not running
 * and will not be called any more; it may be called from inside done. */
struct engine_waiter;
struct engine_waiter *engine_wait(struct engine *engine, enum object_kind kind, object_id id,
                                  void (*done)(void *context, const struct error *err),
                                  void *context);
void engine_wait_release(struct engine_waiter *waiter);

#endif
