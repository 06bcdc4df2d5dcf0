/*
 * Plans: a script becomes a list of instructions (interpretation), is checked as a whole
 * (validation), and then takes effect (execution). This folder knows the language of plans; it does
 * not know orchestrators or the tree: all that a plan does to the world goes through struct
 * plan_effects, which the engine implements and tests fake.
 *
 * The script itself is evaluated by a confined child process (see plan_interpreter.h), never here.
 */
#ifndef KFS_PLAN_H
#define KFS_PLAN_H

#include "backend/base/buf.h"
#include "backend/base/cancel.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- what is to run ---- */

enum plan_image_download {
    PLAN_IMAGES_MISSING,
    PLAN_IMAGES_ALWAYS
};

struct plan_request {
    const char *interpreter; /* path of the program that evaluates scripts */
    const struct cancel *cancel;

    /* A standalone script: its name as positions show it ("app.star") and its bytes; or source NULL
     * and a package: */
    const char *name;
    const char *source;
    size_t source_length;
    /* LOCATOR of a package: a directory on this machine (absolute path) or
     * "github.com/owner/repo[/path][@ref]". */
    const char *package;

    const char *main_file;     /* NULL: main.star */
    const char *main_function; /* NULL: run */
    const char *arguments;     /* JSON or YAML text; NULL or "": none */
    /* Of --args-file: a file in which the arguments are, for the caller to read (and to say from
     * where it may be read) into `arguments`, which wins if it is not empty. NULL: none. */
    const char *arguments_file;
    /* Local directories that are read (the package, targets of its `replace`) must lie in it, so
     * that a package cannot name what its owner may not read. NULL: anywhere. */
    const char *package_root;
    const char *package_mirror; /* NULL: none */
    const char *package_cache;  /* directory where fetched packages are kept */
    bool dry_run;
    bool privileged; /* containers may ask for power over the machine (privileged, bind_mounts) */
    bool parallel;
    unsigned parallelism; /* services at a time; 0: cores * 2 */
    enum plan_image_download image_download;
};

/* ---- what a plan does to the world; every function may be called from several threads at a time
 * ---- */

enum plan_phase {
    PLAN_INTERPRETING,
    PLAN_VALIDATING,
    PLAN_EXECUTING,
    PLAN_PHASE_MAX
};

/* A service as the effects know it. */
struct plan_service {
    char *name, *uuid, *hostname, *address; /* the caller's */
    bool existed;                           /* start: it was there before and was replaced */
};
void plan_service_done(struct plan_service *service);

struct plan_artifact {
    char *uuid,
        *hash;    /* the caller's; hash: of the content, so that equal content is seen as equal */
    bool existed; /* an artifact of this name was there before */
    bool changed; /* and its content was another */
};
void plan_artifact_done(struct plan_artifact *artifact);

enum plan_image_source {
    PLAN_IMAGE_LOCAL,
    PLAN_IMAGE_PULLED,
    PLAN_IMAGE_BUILT
};

struct plan_call {
    int64_t deadline; /* clock_monotonic() ns; 0: none beyond the operation's own */
    const struct cancel *cancel;
};

struct plan_effects {
    /* -- telling what goes on -- */

    void (*phase)(void *context, enum plan_phase phase, unsigned step, unsigned steps);
    /* Text for the run's `output`, as `kurtosis run` prints it. */
    void (*output)(void *context, const char *text, size_t length);
    /* The plan as JSON (plan.json), once, after interpretation. */
    void (*plan_made)(void *context, const char *json, size_t length);
    /* What run() returned, runtime values filled in, as JSON (result.json). */
    void (*result)(void *context, const char *json, size_t length);

    /* -- what the enclave holds; a new reference, or NULL and err --
     * {"services": {NAME: {"uuid", "hostname", "address", "running": bool, "config":
     * ServiceConfig}}, "artifacts": {NAME: {"uuid", "hash"}}, "cluster_type": "docker", "cpus":
     * int, "memory_bytes": int} */
    json_t *(*describe)(void *context, struct error **err);
    /* The record of instructions already applied in this enclave, and of runtime values: whatever
     * `applied_save` was given last, or null. Its shape is this folder's own. Saved in one step: a
     * process killed at any moment leaves the old or the new one. */
    json_t *(*applied_load)(void *context, struct error **err);
    int (*applied_save)(void *context, json_t *applied, struct error **err);

    /* -- images -- */

    /* Makes `image` (a string, or the JSON of ImageSpec or ImageBuildSpec; a build's context is the
     * directory `context_dir`) present. progress is called with a line of text to show now and
     * then, such as "Downloading 3.1/8.4 MB". */
    int (*image_ensure)(void *context, json_t *image, const char *context_dir,
                        enum plan_image_download download,
                        void (*progress)(void *progress_context, const char *text),
                        void *progress_context, const struct plan_call *call,
                        enum plan_image_source *ret_source, struct error **err);

    /* -- services. config is the JSON of a ServiceConfig: field names and values as the script gave
     * them, runtime values replaced; `ports` as {ID: {"number", "transport_protocol",
     * "application_protocol"?, "wait"?, "url"?}}; `files` as {PATH: {"artifact_names": [..]} |
     * {"persistent_key": ".."}} -- */

    /* Makes the container ahead of its turn, so that service_start only starts it. An optimisation:
     * what it prepared is used if service_start is called with an equal config, else thrown away.
     */
    int (*service_prepare)(void *context, const char *name, json_t *config,
                           const struct plan_call *call, struct error **err);
    /* Creates the service and starts it; one of that name is replaced, keeping its name, UUID,
     * address and host ports. Does not wait for its ports. */
    int (*service_start)(void *context, const char *name, json_t *config,
                         const struct plan_call *call, struct plan_service *ret_service,
                         struct error **err);
    int (*service_restart)(void *context, const char *name, const struct plan_call *call,
                           struct error **err);
    int (*service_stop)(void *context, const char *name, const struct plan_call *call,
                        struct error **err);
    int (*service_remove)(void *context, const char *name, const struct plan_call *call,
                          struct plan_service *ret_service, struct error **err);
    /* Whether it runs now (1) or has ended (0, *ret_exit_code), so that a wait need not outlive
     * what it waits for. -1: no such service. */
    int (*service_running)(void *context, const char *name, int *ret_exit_code, struct error **err);
    /* Its facts, by name, UUID or short UUID. ENOENT. */
    int (*service_find)(void *context, const char *identifier, struct plan_service *ret_service,
                        struct error **err);
    /* The last `lines` lines of its log, for error messages. */
    int (*service_logs)(void *context, const char *name, unsigned lines, struct buf *out,
                        struct error **err);
    /* Runs argv without a shell; both streams, merged as they come, are appended to output (cut at
     * its maximum). */
    int (*exec)(void *context, const char *name, char *const *argv, const struct plan_call *call,
                struct buf *output, int *ret_code, struct error **err);

    /* -- files artifacts -- */

    /* Stores the content of the directory dir_fd (as an artifact's root) under name. */
    int (*artifact_store)(void *context, const char *name, int dir_fd, const struct plan_call *call,
                          struct plan_artifact *ret_artifact, struct error **err);
    /* Copies path out of a service: a directory's content, or one file. */
    int (*artifact_store_from_service)(void *context, const char *name, const char *service,
                                       const char *path, const struct plan_call *call,
                                       struct plan_artifact *ret_artifact, struct error **err);
};

/* ---- the whole of a run ---- */

/* Interprets, validates, executes, in the calling thread (which waits) and in threads of its own
 * that have ended when it returns. The error's message is the text of the run's `error` file:
 * file:line:col, call stack, causes. EINVAL: the script, its arguments or the plan are wrong, and
 * nothing was touched; ECANCELED; EIO: an instruction failed. */
int plan_run(const struct plan_request *request, const struct plan_effects *effects, void *context,
             struct error **err);

/* Only parses and resolves the script, in the confined child. EINVAL with all static errors, one a
 * line, as FILE:LINE:COL: message. */
int plan_check(const char *interpreter, const char *name, const char *source, size_t length,
               struct error **err);

/* Interprets only and gives plan.json's text: what `kfs plan` prints. `enclave` as
 * plan_effects.describe gives it, or NULL for an empty one. */
int plan_describe(const struct plan_request *request, json_t *enclave, struct buf *ret_json,
                  struct error **err);

/* The line written to a `run` file: [OPTIONS] LOCATOR [ARGUMENTS]. Fills request's options, package
 * and arguments with pointers into *ret_storage, which the caller frees after the request. A
 * LOCATOR that begins with "./" is left as it is, relative to plan/. */
int plan_parse_run_line(const char *line, struct plan_request *request, char **ret_storage,
                        struct error **err);

#endif
