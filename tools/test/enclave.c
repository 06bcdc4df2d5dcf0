/* Files of an enclave, written and waited for. */
#include "tools/test/enclave.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "tools/test/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CANCEL_LIMIT (10 * CLOCK_SECOND)
#define STOP_LIMIT   (30 * CLOCK_SECOND)
#define REMOVE_LIMIT (60 * CLOCK_SECOND)
#define REMOVE_STEP  (20 * CLOCK_MILLISECOND)

enum {
    TRIES = 16 /* names, until one is unused */
};

/* ---- small files */

static char *path_of(const struct enclave *enclave, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", enclave->path, name) < 0 ? NULL : path;
}

/* The file's content without its newline; false if it cannot be read. */
static bool read_text(const char *path, struct buf *out)
{
    if (!path || file_read(AT_FDCWD, path, out, NULL) < 0)
        return false;
    if (out->length && out->data[out->length - 1] == '\n')
        buf_truncate(out, out->length - 1);
    return true;
}

static bool read_file(const struct enclave *enclave, const char *name, struct buf *out)
{
    cleanup(free) char *path = path_of(enclave, name);
    return read_text(path, out);
}

/* 0, or -1 with errno set, by write or by close. */
static int write_file(const struct enclave *enclave, const char *name, const char *text)
{
    cleanup(free) char *path = path_of(enclave, name);
    int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    int result = file_write_all(fd, text, strlen(text)), code = errno;
    if (close(fd) < 0 && result == 0)
        return -1;
    errno = code;
    return result;
}

bool engine_is_up(const char *mount)
{
    cleanup(free) char *path = NULL;
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    return asprintf(&path, "%s/engine/status", mount) >= 0 && read_text(path, &status) &&
           strncmp(status.data, "RUNNING", 7) == 0;
}

/* ---- waiting */

static enum ending ending_of(const struct process_result *result)
{
    if (result->end == PROCESS_TIMED_OUT)
        return ENDING_TIMED_OUT;
    if (result->end == PROCESS_CANCELLED)
        return ENDING_CANCELLED;
    return result->end == PROCESS_EXITED && result->code == 0 ? ENDING_DONE : ENDING_FAILED;
}

/* Reads a file that blocks until something is done. */
static enum ending wait_for(struct enclave *enclave, const char *name,
                            const struct patience *patience, void (*tick)(void *), void *context,
                            struct error **err)
{
    cleanup(free) char *path = path_of(enclave, name);
    struct process_result result;
    if (!path)
        return error_set(err, ENOMEM, "out of memory"), ENDING_FAILED;
    char *argv[] = {(char *)"cat", (char *)"--", path, NULL};
    const struct process_order order = {.argv = argv,
                                        .output = -1,
                                        .deadline = patience->deadline,
                                        .cancel = patience->cancel,
                                        .tick = tick,
                                        .context = context};
    return process_run(&order, &result, err) < 0 ? ENDING_FAILED : ending_of(&result);
}

/* ---- making */

static int make_directory(struct enclave *enclave, const char *test, struct error **err)
{
    for (int i = 0; i < TRIES; i++) {
        owner_name(test, enclave->name);
        free(enclave->path);
        if (asprintf(&enclave->path, "%s/enclaves/%s", enclave->mount, enclave->name) < 0) {
            enclave->path = NULL;
            return error_set(err, ENOMEM, "out of memory");
        }
        if (mkdir(enclave->path, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    error_system(err, "cannot make the enclave %s", enclave->path);
    free(steal(&enclave->path));
    return -1;
}

enum ending enclave_make(struct enclave *enclave, const char *test, const struct patience *patience,
                         struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (make_directory(enclave, test, err) < 0 || owner_mark(enclave->path, test, err) < 0)
        return ENDING_FAILED;
    if (read_file(enclave, "uuid", &text))
        snprintf(enclave->uuid, sizeof enclave->uuid, "%.12s", text.data);
    enum ending ending = wait_for(enclave, "wait", patience, NULL, NULL, err);
    buf_truncate(&text, 0);
    if (ending == ENDING_FAILED && read_file(enclave, "error", &text) && text.length)
        error_set(err, EIO, "%s", text.data);
    else if (ending == ENDING_FAILED)
        error_set(err, EIO, "the enclave was not made");
    return ending;
}

/* ---- plans */

static int make_parents(struct enclave *enclave, const char *name, char **ret_path,
                        struct error **err)
{
    if (asprintf(ret_path, "%s/plan/%s", enclave->path, name) < 0) {
        *ret_path = NULL;
        return error_set(err, ENOMEM, "out of memory");
    }
    char *slash = strrchr(*ret_path, '/');
    *slash = '\0';
    int result = file_make_dirs(AT_FDCWD, *ret_path, err);
    *slash = '/';
    return result;
}

enum ending enclave_put(struct enclave *enclave, const char *source, const char *name,
                        const struct patience *patience, struct error **err)
{
    cleanup(free) char *path = NULL;
    struct process_result result;
    if (make_parents(enclave, name, &path, err) < 0)
        return ENDING_FAILED;
    char *argv[] = {(char *)"cp", (char *)"-RLT", (char *)"--", (char *)source, path, NULL};
    const struct process_order order = {.argv = argv,
                                        .output = record_fd(enclave->record),
                                        .deadline = patience->deadline,
                                        .cancel = patience->cancel};
    if (process_run(&order, &result, err) < 0)
        return ENDING_FAILED;
    record_show(enclave->record);
    enum ending ending = ending_of(&result);
    if (ending == ENDING_FAILED)
        error_set(err, EIO, "cannot copy %s to the enclave", source);
    return ending;
}

int enclave_put_text(struct enclave *enclave, const char *text, const char *name,
                     struct error **err)
{
    cleanup(free) char *path = NULL;
    if (make_parents(enclave, name, &path, err) < 0)
        return -1;
    cleanup(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 || file_write_all(fd, text, strlen(text)) < 0 ? error_system(err, "%s", path) : 0;
}

/* The path of the newest run, relative to the enclave. */
static int last_run(const struct enclave *enclave, char *out, size_t size, struct error **err)
{
    char number[24];
    cleanup(free) char *path = path_of(enclave, "runs/last");
    ssize_t length = path ? readlink(path, number, sizeof number - 1) : -1;
    if (length < 0)
        return error_system(err, "the enclave has no run");
    snprintf(out, size, "runs/%.*s", (int)length, number);
    return 0;
}

static enum ending submit(struct enclave *enclave, const char *line, struct error **err)
{
    if (write_file(enclave, "run", line) == 0)
        return ENDING_DONE;
    int code = errno;
    cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
    bool explained = code == EINVAL || code == EACCES || code == EPERM;
    if (explained && read_file(enclave, "error", &reason) && reason.length) {
        record_text(enclave->record, reason.data);
        error_set(err, code, "%s", reason.data);
    } else {
        errno = code;
        error_system(err, "the enclave does not run it");
    }
    return ENDING_FAILED;
}

struct growth {
    int fd;
    struct record *record;
};

static void copy_growth(void *context)
{
    const struct growth *growth = context;
    record_copy(growth->record, growth->fd);
}

/* Opens what grows; -1 is fine and gives nothing. */
static int open_growing(const struct enclave *enclave, const char *directory, const char *name)
{
    char file[160];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    cleanup(free) char *path = path_of(enclave, file);
    return path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static void cancel_run(struct enclave *enclave, const char *run, const char *wait)
{
    char status[64];
    const struct patience patience = {.deadline = clock_monotonic() + CANCEL_LIMIT};
    snprintf(status, sizeof status, "%s/status", run);
    if (write_file(enclave, status, "CANCELLED\n") == 0)
        wait_for(enclave, wait, &patience, NULL, NULL, NULL);
}

static void take_run_error(struct enclave *enclave, const char *run, struct error **err)
{
    char file[64];
    cleanup(buf_done) struct buf reason = BUF_INIT(BUF_MAX_TEXT);
    snprintf(file, sizeof file, "%s/error", run);
    if (read_file(enclave, file, &reason) && reason.length)
        error_set(err, EIO, "%s", reason.data);
    else
        error_set(err, EIO, "the run failed");
}

enum ending enclave_run(struct enclave *enclave, const char *line, const struct patience *patience,
                        struct error **err)
{
    char run[40], wait[64];
    if (submit(enclave, line, err) != ENDING_DONE || last_run(enclave, run, sizeof run, err) < 0)
        return ENDING_FAILED;
    snprintf(wait, sizeof wait, "%s/wait", run);
    cleanup(close) int output = open_growing(enclave, run, "output");
    struct growth growth = {.fd = output, .record = enclave->record};
    enum ending ending = wait_for(enclave, wait, patience, copy_growth, &growth, err);
    if (ending == ENDING_TIMED_OUT || ending == ENDING_CANCELLED)
        cancel_run(enclave, run, wait);
    copy_growth(&growth);
    if (ending == ENDING_FAILED)
        take_run_error(enclave, run, err);
    return ending;
}

/* ---- services */

/* Whether a status tells of the end. "STOPPED exit code 3" gives 3, an end without a code -1. */
static bool has_ended(const char *status, int *ret_code)
{
    static const char words[] = "exit code ";
    const char *code = strstr(status, words);
    if (strncmp(status, "STOPPED", 7) != 0 && strncmp(status, "FAILED", 6) != 0)
        return false;
    *ret_code = code ? (int)strtol(code + strlen(words), NULL, 10) : -1;
    return true;
}

enum ending enclave_follow(struct enclave *enclave, const char *service,
                           const struct patience *patience, int *ret_code, struct error **err)
{
    char directory[96], file[128];
    snprintf(directory, sizeof directory, "services/%s", service);
    snprintf(file, sizeof file, "%s/status", directory);
    cleanup(close) int logs = open_growing(enclave, directory, "logs");
    for (;;) {
        cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
        bool known = read_file(enclave, file, &status);
        record_copy(enclave->record, logs);
        if (!known)
            return error_set(err, EIO, "the service %s is gone", service), ENDING_FAILED;
        if (has_ended(status.data, ret_code))
            return ENDING_DONE;
        int64_t now = clock_monotonic();
        if (now >= patience->deadline)
            return ENDING_TIMED_OUT;
        if (cancel_wait(patience->cancel, now + TICK_MS * CLOCK_MILLISECOND))
            return ENDING_CANCELLED;
    }
}

bool enclave_service_failed(struct enclave *enclave, const char *service)
{
    char file[128];
    int code = 0;
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    snprintf(file, sizeof file, "services/%s/status", service);
    return read_file(enclave, file, &status) && has_ended(status.data, &code) && code > 0;
}

enum ending enclave_stop(struct enclave *enclave, struct error **err)
{
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    const struct patience patience = {.deadline = clock_monotonic() + STOP_LIMIT};
    if (!read_file(enclave, "status", &status))
        return error_system(err, "the enclave is gone"), ENDING_FAILED;
    if (strcmp(status.data, "EMPTY") == 0 || strcmp(status.data, "STOPPED") == 0)
        return ENDING_DONE;
    if (!engine_is_up(enclave->mount))
        return error_set(err, EAGAIN, "the engine is down"), ENDING_FAILED;
    if (write_file(enclave, "status", "STOPPED\n") < 0)
        return error_system(err, "the services do not stop"), ENDING_FAILED;
    /* It fails after a run that failed, which says nothing of stopping. */
    enum ending ending = wait_for(enclave, "wait", &patience, NULL, NULL, NULL);
    return ending == ENDING_FAILED ? ENDING_DONE : ending;
}

/* ---- what is kept */

static void keep_service(struct enclave *enclave, const char *service, const char *name)
{
    cleanup(free) char *path = NULL, *kept = NULL, *directory = NULL;
    if (asprintf(&kept, "services/%s", service) < 0)
        return;
    directory = record_directory(enclave->record, kept, NULL);
    free(steal(&kept));
    if (asprintf(&path, "%s/services/%s/%s", enclave->path, service, name) < 0 ||
        asprintf(&kept, "services/%s/%s", service, name) < 0)
        return;
    if (directory)
        record_keep(enclave->record, path, kept);
}

static void keep_of_services(struct enclave *enclave, const char *name)
{
    cleanup(free) char *path = path_of(enclave, "services");
    cleanup(closedir) DIR *dir = path ? opendir(path) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            keep_service(enclave, entry->d_name, name);
}

void enclave_keep_pages(struct enclave *enclave)
{
    cleanup(free) char *path = path_of(enclave, "inspect");
    if (path)
        record_keep(enclave->record, path, "inspect");
    keep_of_services(enclave, "inspect");
    keep_of_services(enclave, "status");
}

void enclave_keep_logs(struct enclave *enclave)
{
    keep_of_services(enclave, "logs");
}

/* ---- removing */

/* Whether the table of enclaves, which has those that are being destroyed, still has this one. */
static bool is_listed(const char *mount, const char *uuid)
{
    cleanup(free) char *path = NULL;
    cleanup(buf_done) struct buf table = BUF_INIT(BUF_MAX_DOCUMENT);
    return asprintf(&path, "%s/engine/enclaves", mount) < 0 || !read_text(path, &table) ||
           strstr(table.data, uuid) != NULL;
}

static enum ending remove_path(const char *mount, const char *path, const char *uuid,
                               struct error **err)
{
    int64_t deadline = clock_monotonic() + REMOVE_LIMIT;
    if (rmdir(path) < 0 && errno != ENOENT)
        return error_system(err, "cannot remove the enclave %s", path), ENDING_FAILED;
    while (*uuid && is_listed(mount, uuid)) {
        if (!engine_is_up(mount))
            return error_set(err, EAGAIN, "the engine is down; kfsd removes it when it is back"),
                   ENDING_FAILED;
        if (clock_monotonic() >= deadline)
            return ENDING_TIMED_OUT;
        cancel_wait(NULL, clock_monotonic() + REMOVE_STEP);
    }
    return ENDING_DONE;
}

enum ending enclave_remove(struct enclave *enclave, struct error **err)
{
    return enclave->path ? remove_path(enclave->mount, enclave->path, enclave->uuid, err)
                         : ENDING_DONE;
}

enum ending enclave_remove_named(const char *mount, const char *name, struct error **err)
{
    cleanup(free) char *path = NULL, *file = NULL;
    cleanup(buf_done) struct buf uuid = BUF_INIT(BUF_MAX_TEXT);
    if (asprintf(&path, "%s/enclaves/%s", mount, name) < 0 || asprintf(&file, "%s/uuid", path) < 0)
        return error_set(err, ENOMEM, "out of memory"), ENDING_FAILED;
    read_text(file, &uuid);
    if (uuid.length > 12)
        buf_truncate(&uuid, 12);
    return remove_path(mount, path, uuid.data, err);
}

void enclave_done(struct enclave *enclave)
{
    free(steal(&enclave->path));
}
