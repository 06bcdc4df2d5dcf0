/* doctor: looks at what kfs needs of this machine, and says for each thing that is wrong what to
 * do. */
#include "tools/kfs/command.h"

#include "backend/base/clock.h"
#include "backend/docker/docker.h"
#include "tools/kfs/mounts.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A check tells what it found in `found`; on failure what to do. */
struct check {
    const char *name;
    int (*look)(struct buf *found, struct error **err);
};

static int look_at_device(struct buf *found, struct error **err)
{
    cleanup(close) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ENOENT,
                         "there is no /dev/fuse: modprobe fuse, or give it to this "
                         "container (--device /dev/fuse)");
    if (fd < 0)
        return error_system(err, "/dev/fuse cannot be opened");
    buf_puts(found, "/dev/fuse");
    return 0;
}

/* Whether a program of this name is on PATH. */
static bool has_program(const char *name)
{
    cleanup(free) char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *rest = path;
    for (char *dir = strsep(&rest, ":"); dir; dir = strsep(&rest, ":")) {
        cleanup(free) char *program = NULL;
        if (asprintf(&program, "%s/%s", dir, name) >= 0 && access(program, X_OK) == 0)
            return true;
    }
    return false;
}

static int look_at_fusermount(struct buf *found, struct error **err)
{
    if (!has_program("fusermount3"))
        return error_set(err, ENOENT, "no fusermount3: apt install fuse3");
    buf_puts(found,
             geteuid() == 0 ? "fusermount3; you are root and do not need it" : "fusermount3");
    return 0;
}

static int look_at_git(struct buf *found, struct error **err)
{
    if (!has_program("git"))
        return error_set(err, ENOENT, "no git, with which packages are fetched: apt install git");
    buf_puts(found, "git");
    return 0;
}

/* What is to be done about an engine that does not answer. */
static void advise(struct error **err)
{
    const char *host = getenv("DOCKER_HOST");
    const char *advice = "install one (apt install docker.io), or name one with DOCKER_HOST";
    if (error_code(*err) == EACCES)
        advice = "join the group that may use it (adduser USER docker), or be root";
    else if (host && *host)
        advice = "DOCKER_HOST names it: is it right, and is the engine up?";
    cleanup(free) char *reason = strdup(error_message(*err));
    int code = error_code(*err);
    error_free(steal(err));
    error_set(err, code, "%s: %s", reason ? reason : "", advice);
}

static int look_at_engine(struct buf *found, struct error **err)
{
    struct docker_options options = {.instance = "doctor"};
    struct orchestrator *docker = docker_new(&options, err);
    if (!docker)
        return -1;
    struct orchestrator_info info = {.kind = NULL};
    struct orchestrator_call call = {.deadline = clock_monotonic() + 5 * CLOCK_SECOND};
    int result = docker->info(docker, &call, &info, err);
    if (result == 0)
        buf_printf(found, "%s %s at %s, %u CPUs, %llu MiB", info.kind, info.version, info.endpoint,
                   info.cpus, (unsigned long long)(info.memory_bytes >> 20));
    else
        advise(err);
    orchestrator_info_done(&info);
    docker->free(docker);
    return result;
}

/* A daemon that was killed leaves its mount, and everything in it fails. */
static int look_at_mounts(struct buf *found, struct error **err)
{
    char **points;
    size_t count;
    if (mounts_list(&points, &count, err) < 0)
        return -1;
    int result = 0;
    struct stat info;
    for (size_t i = 0; i < count; i++) {
        buf_printf(found, "%s%s", i ? ", " : "mounted at ", points[i]);
        if (stat(points[i], &info) < 0 && errno == ENOTCONN)
            result = error_set(err, ENOTCONN, "%s was left by a daemon that died: kfs mount %s",
                               points[i], points[i]);
    }
    if (count == 0)
        buf_puts(found, "not mounted");
    mounts_free(points, count);
    return result;
}

static const struct check checks[] = {
    {"fuse", look_at_device},   {"fusermount", look_at_fusermount}, {"git", look_at_git},
    {"engine", look_at_engine}, {"mounts", look_at_mounts},
};

/* Whether all is well with it. */
static bool examine(const struct check *check)
{
    cleanup(buf_done) struct buf found = BUF_INIT(BUF_MAX_TEXT);
    cleanup(error_free) struct error *err = NULL;
    bool well = check->look(&found, &err) == 0;
    printf("%-4s %-10s %s\n", well ? "ok" : "BAD", check->name,
           well ? found.data : error_message(err));
    return well;
}

int command_doctor(int argc, char **argv, struct error **err)
{
    (void)argc;
    (void)argv;
    (void)err;
    printf("kfs %s\n", KFS_VERSION);
    bool well = true;
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++)
        well &= examine(&checks[i]);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
