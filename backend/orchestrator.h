/*
 * What kfs needs of something that runs containers. backend/docker/ serves it today; nothing here
 * is particular to Docker, so that Swarm and Kubernetes can serve it too, and a scripted one can
 * produce faults on cue in tests.
 *
 * Words: a *network* is one enclave's isolated network; a *service* is one container (or what
 * stands for it), a *volume* named storage, an *exec* a command inside a running service. Every
 * object is named by the orchestrator's own id, which kfs keeps but never interprets, and bears
 * labels, which are the record of whose it is.
 *
 * Rules for all operations:
 *  - They block, at most until the call's deadline, and any thread may call any of them at any
 * time.
 *  - Creating and removing are idempotent: removing what is not there succeeds; creating with a
 * name that an object of the same labels bears gives that object.
 *  - Objects that do not bear the instance label given at the start are never changed and never
 * listed.
 *  - Errors: EAGAIN the orchestrator is away; ETIMEDOUT the deadline passed; ECANCELED the call was
 * cancelled; ENOENT no such object or image; EEXIST the name is someone else's; EBUSY in use;
 * EADDRINUSE a host port is taken; ENOSPC no subnet, disk or memory left; EINVAL the specification
 * is refused; EACCES registry or rights; EIO anything else, with the orchestrator's words.
 *  - Strings passed in are only borrowed for the call; what is handed out is owned by the caller
 * and freed as said.
 */
#ifndef KFS_ORCHESTRATOR_H
#define KFS_ORCHESTRATOR_H

#include "backend/base/buf.h"
#include "backend/base/cancel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How long a call may take and who can stop it. NULL stands for {0}. */
struct orchestrator_call {
    int64_t deadline;            /* clock_monotonic() ns; 0: the operation's own default */
    const struct cancel *cancel; /* NULL: cannot be cancelled */
};

struct label {
    const char *key;
    const char *value;
};
struct labels {
    const struct label *items;
    size_t count;
};

struct orchestrator_info {
    char *kind;     /* "docker" */
    char *version;  /* "20.10.24" */
    char *endpoint; /* "unix:///var/run/docker.sock" */
    unsigned cpus;
    uint64_t memory_bytes;
};
void orchestrator_info_done(struct orchestrator_info *info);

/* ---- networks ---- */

struct network_spec {
    const char *name;
    struct labels labels;
};
/* What came of it. The orchestrator picks the subnet: one that neither it nor the host uses. */
struct network {
    char *id;
    char *name;
    char *subnet;  /* "10.64.4.0/22" */
    char *gateway; /* "10.64.4.1": the address that no service may have */
    struct label *labels;
    size_t label_count;
};
void network_done(struct network *network);

/* ---- volumes ---- */

struct volume {
    char *name; /* is its id */
    struct label *labels;
    size_t label_count;
};

/* ---- services ---- */

enum transport {
    TRANSPORT_TCP,
    TRANSPORT_UDP,
    TRANSPORT_SCTP,
    TRANSPORT_MAX,
    TRANSPORT_INVALID = -1
};
const char *transport_name(enum transport transport); /* "tcp" */

struct published_port {
    uint16_t number; /* inside */
    enum transport transport;
    const char *host_address; /* "127.0.0.1"; NULL: not published */
    uint16_t host_port;       /* 0 only if not published */
};
struct volume_mount {
    const char *volume;
    const char *path;
    bool read_only;
};
struct bind_mount {
    const char *host_path;
    const char *path;
    bool read_only;
};
struct ulimit {
    const char *name;
    int64_t value; /* soft and hard; -1: unlimited */
};
struct gpu_request {
    const char *driver;
    int count;               /* -1: all; 0: none, or device_ids */
    char *const *device_ids; /* NULL-terminated, or NULL */
};

struct service_spec {
    const char *name;     /* the object's, as a person sees it in the orchestrator's own tools */
    const char *hostname; /* the name under which other services of the network find it */
    const char *image;
    char *const *entrypoint; /* NULL-terminated; NULL: the image's own */
    char *const *cmd;        /* likewise */
    char *const *env;        /* "KEY=value", NULL-terminated; NULL: none beyond the image's */
    struct labels labels;
    const char *network_id;
    const char *address; /* in the network's subnet, fixed for the service's life; NULL: any */
    const struct published_port *ports;
    size_t port_count;
    const struct volume_mount *volumes;
    size_t volume_count;
    const struct bind_mount *binds;
    size_t bind_count;
    const char *user;      /* "uid" or "uid:gid"; NULL: the image's own */
    uint64_t cpu_millis;   /* thousandths of a core; 0: no limit */
    uint64_t memory_bytes; /* swap included; 0: no limit */
    uint64_t shm_bytes;    /* 0: the orchestrator's default */
    const struct ulimit *ulimits;
    size_t ulimit_count;
    const struct gpu_request *gpu;
    char *const *devices;      /* "host[:container[:rights]]", NULL-terminated, or NULL */
    char *const *capabilities; /* to add, NULL-terminated, or NULL */
    bool init;                 /* a small init as process 1 */
    bool terminal;
    bool privileged;
    bool host_processes; /* shares the host's process ids */
};

enum service_state {
    SERVICE_CREATED, /* exists, never started (or its start failed) */
    SERVICE_RUNNING,
    SERVICE_PAUSED,
    SERVICE_EXITED,
    SERVICE_STATE_MAX
};

/* A service as a listing shows it. */
struct service {
    char *id;
    char *name;
    char *image;
    enum service_state state;
    int exit_code;   /* of an exited one; -1 if not known */
    int64_t created; /* real time ns */
    char *address;   /* NULL if it has none now */
    struct label *labels;
    size_t label_count;
};

/* The value of key in labels, or NULL. */
const char *label_get(const struct label *labels, size_t count, const char *key);

/* Everything that bears the instance label. */
struct orchestrator_listing {
    struct network *networks;
    size_t network_count;
    struct volume *volumes;
    size_t volume_count;
    struct service *services;
    size_t service_count;
};
void orchestrator_listing_free(struct orchestrator_listing *listing);
CLEANUP_DEFINE(orchestrator_listing_free, struct orchestrator_listing *)

struct service_stats {
    uint64_t cpu_nanoseconds; /* used since the start */
    uint64_t memory_bytes, memory_limit_bytes;
    uint64_t network_received_bytes, network_sent_bytes;
    uint64_t block_read_bytes, block_written_bytes;
    uint64_t processes;
};

/* ---- streams of bytes: archives, command output, progress ---- */

/* Takes the next bytes; a non-zero return stops the operation, which then fails with ECANCELED. */
typedef int (*byte_sink)(void *context, const void *bytes, size_t length);
/* Gives up to `size` bytes into `bytes`: their number, 0 at the end, -1 on failure. */
typedef ssize_t (*byte_source)(void *context, void *bytes, size_t size);

/* ---- commands inside a service ---- */

enum stream {
    STREAM_STDOUT = 1,
    STREAM_STDERR = 2
};
typedef int (*exec_sink)(void *context, enum stream stream, const void *bytes, size_t length);

struct exec_spec {
    const char *service_id;
    char *const *argv; /* NULL-terminated, run without a shell */
    char *const *env;  /* beyond the service's own; or NULL */
    const char *user;  /* NULL: the service's own */
    bool terminal;     /* a pseudo terminal: one stream, echo, job control */
};

/* An exec whose input and output are open: a conversation. All its functions may be called from
 * several threads, but each of read and write by one at a time. */
struct exec_session;

/* ---- logs ---- */

/* How far a service's log was read. Opaque but plain data: the engine stores it and hands it back.
 * All zero: the beginning. */
struct log_position {
    int64_t time;   /* of the last entry taken, ns since 1970 */
    uint64_t count; /* entries taken that bear exactly this time */
    uint64_t
        file; /* which local file, and how far in it; 0 where the log was not read from a file */
    uint64_t offset;
};
struct log_entry {
    enum stream stream;
    int64_t time;     /* ns since 1970, as the orchestrator recorded it */
    const char *text; /* without the newline; valid only during the call */
    size_t length;
    bool partial; /* the line goes on in the next entry of this stream */
};
/* Takes entries in order, a batch at a time. Non-zero stops. */
typedef int (*log_sink)(void *context, const struct log_entry *entries, size_t count);

/* ---- images ---- */

struct image_credentials {
    const char *registry, *username, *password; /* each may be NULL */
};
struct image_progress {
    const char *id;          /* the layer, "" for the image as a whole */
    const char *status;      /* "Downloading" */
    uint64_t current, total; /* bytes; 0 if not known */
};
typedef void (*image_progress_sink)(void *context, const struct image_progress *progress);
struct image_info {
    char *id;
    char *architecture; /* "amd64" */
};
void image_info_done(struct image_info *info);

struct image_build_spec {
    const char *tag;
    const char *build_file; /* path in the context; NULL: "Dockerfile" */
    const char *target;     /* stage; NULL: the last */
    const struct label *arguments;
    size_t argument_count;
    byte_source context_archive; /* an uncompressed tar */
    void *context;
};

/* ---- events ---- */

enum orchestrator_event_kind {
    EVENT_UP,   /* connected, at first or again: what was known is out of date, list anew */
    EVENT_DOWN, /* the connection is lost; `reason` says why */
    EVENT_SERVICE_CREATED,
    EVENT_SERVICE_STARTED,
    EVENT_SERVICE_EXITED, /* exit_code is set */
    EVENT_SERVICE_PAUSED,
    EVENT_SERVICE_UNPAUSED,
    EVENT_SERVICE_OUT_OF_MEMORY,
    EVENT_SERVICE_REMOVED,
    EVENT_NETWORK_CREATED, /* of any network: the engine knows which ids are its own */
    EVENT_NETWORK_REMOVED, /* likewise */
    EVENT_VOLUME_REMOVED,  /* likewise */
    EVENT_MAX
};
struct orchestrator_event {
    enum orchestrator_event_kind kind;
    const char *id; /* of the object; NULL for UP and DOWN */
    int64_t time;   /* real time ns */
    int exit_code;
    const char *reason; /* DOWN: in words */
};
typedef void (*orchestrator_event_sink)(void *context, const struct orchestrator_event *event);

/* ---- the orchestrator itself: one struct of operations, embedded first in the implementation's
 * own ---- */

struct orchestrator {
    /* Ends watching and every connection. Nobody may call anything any more. */
    void (*free)(struct orchestrator *self);

    /* Asks it who it is; also the test whether it answers. *ret_info is filled on success. */
    int (*info)(struct orchestrator *self, const struct orchestrator_call *call,
                struct orchestrator_info *ret_info, struct error **err);

    /* Starts a thread that calls sink for every event of this instance's objects, one call at a
     * time, for the orchestrator's life. It reconnects by itself; the first event is UP or DOWN.
     * The sink must not block for long: a reader that stalls slows the whole orchestrator down
     * (Docker: 100 ms for every event that it cannot deliver). */
    int (*watch)(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                 struct error **err);

    /* All of this instance; having: only what bears this label, too (NULL: all). */
    int (*list)(struct orchestrator *self, const struct label *having,
                const struct orchestrator_call *call, struct orchestrator_listing **ret_listing,
                struct error **err);

    int (*network_create)(struct orchestrator *self, const struct network_spec *spec,
                          const struct orchestrator_call *call, struct network *ret_network,
                          struct error **err);
    /* Detaches whatever is still attached, then removes. */
    int (*network_remove)(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err);

    int (*volume_create)(struct orchestrator *self, const char *name, struct labels labels,
                         const struct orchestrator_call *call, struct error **err);
    int (*volume_remove)(struct orchestrator *self, const char *name,
                         const struct orchestrator_call *call, struct error **err);

    /* *ret_id is the caller's. Not started. EADDRINUSE comes from start, not from here. */
    int (*service_create)(struct orchestrator *self, const struct service_spec *spec,
                          const struct orchestrator_call *call, char **ret_id, struct error **err);
    /* 1 if it was running already: no event will tell of this start. */
    int (*service_start)(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct error **err);
    /* Asks it to end, and ends it after grace (ns). Stopping a stopped one succeeds. */
    int (*service_stop)(struct orchestrator *self, const char *id, int64_t grace,
                        const struct orchestrator_call *call, struct error **err);
    /* Ends it at once if it runs, and removes it with its anonymous volumes. */
    int (*service_remove)(struct orchestrator *self, const char *id,
                          const struct orchestrator_call *call, struct error **err);
    int (*service_rename)(struct orchestrator *self, const char *id, const char *name,
                          const struct orchestrator_call *call, struct error **err);
    int (*service_stats)(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct service_stats *ret_stats,
                         struct error **err);

    /* A path on this machine that shows the running service's own file system (for root/), or NULL
     * where there is none: the caller then uses the archive operations. The caller frees it. No
     * call is made. */
    char *(*service_local_root)(struct orchestrator *self, const char *id);

    /* Unpacks the tar that source gives below the directory `path` of the service, which must
     * exist. Works on created, running and exited services. Owners, modes and times are as in the
     * archive. */
    int (*archive_put)(struct orchestrator *self, const char *id, const char *path,
                       byte_source source, void *context, const struct orchestrator_call *call,
                       struct error **err);
    /* A tar of path: entries begin with its last component. */
    int (*archive_get)(struct orchestrator *self, const char *id, const char *path, byte_sink sink,
                       void *context, const struct orchestrator_call *call, struct error **err);

    /* Runs a command without input to its end. ENOENT/EACCES in *ret_code's place are the shell's
     * 126 and 127. A cancelled or timed out command is killed where that is possible. */
    int (*exec_run)(struct orchestrator *self, const struct exec_spec *spec, exec_sink sink,
                    void *context, const struct orchestrator_call *call, int *ret_code,
                    struct error **err);
    int (*exec_open)(struct orchestrator *self, const struct exec_spec *spec,
                     const struct orchestrator_call *call, struct exec_session **ret_session,
                     struct error **err);

    /* Hands what was logged after *position to sink and moves *position. Ends at the present end of
     * the log or, with follow, when the service ends or the call is cancelled. ENOSYS if the
     * service's log cannot be read back: the message says why. */
    int (*logs_read)(struct orchestrator *self, const char *id, struct log_position *position,
                     bool follow, log_sink sink, void *context,
                     const struct orchestrator_call *call, struct error **err);

    /* ENOENT if it is not there locally. */
    int (*image_inspect)(struct orchestrator *self, const char *image,
                         const struct orchestrator_call *call, struct image_info *ret_info,
                         struct error **err);
    int (*image_pull)(struct orchestrator *self, const char *image,
                      const struct image_credentials *credentials, image_progress_sink sink,
                      void *context, const struct orchestrator_call *call, struct error **err);
    int (*image_build)(struct orchestrator *self, const struct image_build_spec *spec,
                       byte_sink output, void *output_context, const struct orchestrator_call *call,
                       struct error **err);
};

/* ---- an open exec ---- */

struct exec_session {
    /* Output: the number of bytes put into `bytes` and which stream they came from; 0 at the end.
     * Waits until there is some, the deadline or a cancellation. */
    ssize_t (*read)(struct exec_session *self, void *bytes, size_t size, enum stream *ret_stream,
                    const struct orchestrator_call *call, struct error **err);
    /* Input. Writes all of it; waits for a command that does not read it. */
    int (*write)(struct exec_session *self, const void *bytes, size_t length,
                 const struct orchestrator_call *call, struct error **err);
    /* No more input: the command reads end of file. */
    int (*close_input)(struct exec_session *self, struct error **err);
    int (*resize)(struct exec_session *self, unsigned rows, unsigned columns, struct error **err);
    /* Of a command that has ended (read gave 0). EAGAIN while it runs. */
    int (*exit_code)(struct exec_session *self, int *ret_code, struct error **err);
    /* A descriptor for poll(2): readable when read would not wait. */
    int (*poll_fd)(struct exec_session *self);
    /* Hangs up, kills the command if it still runs and that is possible, and frees. */
    void (*free)(struct exec_session *self);
};

#endif
