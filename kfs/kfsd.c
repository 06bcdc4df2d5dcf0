/*
 * kfsd: puts an orchestrator, an engine and a tree together and serves until it is told to stop.
 * The one place that knows all three.
 */
#include "backend/base/file.h"
#include "backend/docker/docker.h"
#include "kfs/daemon.h"
#include "kfs/guardian.h"
#include "kfs/mount_point.h"
#include "kfs/options.h"
#include "kfs/tree.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- where things are ---- */

static char *format_path(const char *directory, const char *name)
{
    char *path;
    if (asprintf(&path, "%s%s", directory, name) < 0)
        abort();
    return path;
}

/* Absolute, because the daemon leaves its working directory. */
static char *state_directory(const struct options *options, struct error **err)
{
    cleanup(free) char *chosen = NULL;
    const char *home = getenv("HOME"), *state_home = getenv("XDG_STATE_HOME");
    if (options->state_dir)
        chosen = format_path(options->state_dir, "");
    else if (geteuid() == 0)
        chosen = format_path("/var/lib/kfs", "");
    else if (state_home && *state_home == '/')
        chosen = format_path(state_home, "/kfs");
    else if (home)
        chosen = format_path(home, "/.local/state/kfs");
    if (!chosen) {
        error_set(err, EINVAL, "there is no $HOME to keep the state in; use --state-dir");
        return NULL;
    }
    if (file_make_dirs(AT_FDCWD, chosen, err) < 0)
        return NULL;
    char *absolute = realpath(chosen, NULL);
    if (!absolute)
        error_system(err, "cannot find the state directory %s", chosen);
    return absolute;
}

/* Where the interpreter may be, seen from the directory of this program: installed, or in a
 * build. */
static const char *const interpreter_places[] = {
    "/../libexec/kfs/kfs-interpreter", "/../lib/kfs/kfs-interpreter",
    "/../backend/plan/interpreter/kfs-interpreter", "/kfs-interpreter"};

static char *find_interpreter(const struct options *options)
{
    char self[PATH_MAX];
    if (options->interpreter)
        return realpath(options->interpreter, NULL);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    const char *directory = dirname(self);
    for (size_t i = 0; i < ARRAY_LENGTH(interpreter_places); i++) {
        cleanup(free) char *path = format_path(directory, interpreter_places[i]);
        if (access(path, X_OK) == 0)
            return realpath(path, NULL);
    }
    return NULL;
}

/* The instance that the state directory belongs to; a new one if it belongs to none yet. The engine
 * checks and records it. */
static char *find_instance(const struct options *options, const char *state)
{
    if (options->instance)
        return format_path(options->instance, "");
    cleanup(buf_done) struct buf recorded = BUF_INIT(256);
    cleanup(free) char *path = format_path(state, "/instance");
    if (file_read(AT_FDCWD, path, &recorded, NULL) == 0 && recorded.length > 0)
        return strndup(recorded.data, strcspn(recorded.data, "\n"));
    char uuid[UUID_LENGTH + 1];
    uuid_new(uuid);
    return format_path(uuid, "");
}

/* ---- the log ---- */

/* Lines go to the file that engine/log shows, and, in the foreground or until it is ready, to
 * standard error. */
static int open_log(const char *state, struct error **err)
{
    cleanup(free) char *path = format_path(state, "/log");
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_system(err, "cannot open the log %s", path);
    log_set_output(fd, STDERR_FILENO);
    return fd;
}

/* ---- running ---- */

static struct engine *start_engine(const struct options *options, const char *state,
                                   struct error **err)
{
    cleanup(free) char *instance = find_instance(options, state);
    cleanup(free) char *interpreter = find_interpreter(options);
    if (!interpreter) {
        error_set(err, ENOENT,
                  "the interpreter kfs-interpreter is not where it should be; "
                  "say where with --interpreter");
        return NULL;
    }
    struct orchestrator *orchestrator =
        docker_new(&(struct docker_options){.host = options->docker_host,
                                            .instance = instance,
                                            .subnet_pool = options->subnet_pool},
                   err);
    if (!orchestrator)
        return NULL;
    return engine_new(&(struct engine_options){.state_dir = state,
                                               .instance = instance,
                                               .interpreter = interpreter,
                                               .package_mirror = options->package_mirror,
                                               .log_bytes_max = options->log_bytes_max,
                                               .parallelism = options->parallelism,
                                               .privilege = options->privilege,
                                               .no_local_root = options->no_local_root},
                      orchestrator, err);
}

static int serve(const struct options *options, struct engine *engine, const char *mount_point,
                 int ready, int log_fd, struct error **err)
{
    cleanup(tree_free) struct tree *tree =
        tree_new(engine,
                 &(struct tree_options){.mount_point = mount_point,
                                        .fuse_options = options->fuse.data,
                                        .uid = options->uid,
                                        .gid = options->gid,
                                        .enclave_mode = options->enclave_mode},
                 err);
    if (!tree)
        return -1;
    cleanup(guardian_end) pid_t guardian = guardian_start(mount_point);
    if (guardian < 0)
        log_warning("there is nobody to end the mount if kfsd is killed: %m");
    log_info("kfs %s is mounted on %s", KFS_VERSION, mount_point);
    daemon_ready(ready);
    if (ready >= 0)
        log_set_output(log_fd, -1);
    int result = tree_serve(tree, err);
    daemon_stopping();
    return result;
}

static int run(const struct options *options, struct error **err)
{
    cleanup(free) char *mount_point = mount_point_prepare(options->mount_point, err);
    if (!mount_point)
        return -1;
    cleanup(free) char *state = state_directory(options, err);
    if (!state)
        return -1;
    /* Before there are threads: they do not come along. */
    int ready = options->foreground ? -1 : daemon_background(err);
    if (!options->foreground && ready < 0)
        return -1;
    cleanup(close) int log_fd = open_log(state, err);
    if (log_fd < 0)
        return -1;
    /* A terminal that hangs up is no reason to stop, nor is a reader that goes away. */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    cleanup(engine_free) struct engine *engine = start_engine(options, state, err);
    if (!engine)
        return -1;
    int result = serve(options, engine, mount_point, ready, log_fd, err);
    if (result == 0)
        log_info("kfs is ending; containers stay as they are");
    log_set_output(options->foreground ? STDERR_FILENO : -1, -1);
    return result;
}

int main(int argc, char **argv)
{
    cleanup(options_done) struct options options;
    cleanup(error_free) struct error *failure = NULL;
    switch (options_parse(argc, argv, &options, &failure)) {
    case OPTIONS_HELP: {
        cleanup(buf_done) struct buf help = BUF_INIT(BUF_MAX_TEXT);
        options_put_help(&help);
        fputs(help.data, stdout);
        return EXIT_SUCCESS;
    }
    case OPTIONS_VERSION:
        puts("kfsd " KFS_VERSION);
        return EXIT_SUCCESS;
    case OPTIONS_RUN:
        log_set_level(options.log_level);
        if (run(&options, &failure) == 0)
            return EXIT_SUCCESS;
        break;
    case OPTIONS_BAD:
    default:
        break;
    }
    fprintf(stderr, "kfsd: %s\n", error_message(failure));
    return EXIT_FAILURE;
}
