/* One function for each file of the tree that is a real file of the engine's. */
#include "kfs/back.h"

#include "backend/base/file.h"
#include "kfs/tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>

int back_engine_log(const struct subject *subject, struct error **err)
{
    return engine_open_log(subject->engine, err);
}

int back_plan(const struct subject *subject, struct error **err)
{
    return enclave_open_plan(subject->engine, subject->enclave->id, err);
}

int back_engine_events(const struct subject *subject, struct error **err)
{
    return engine_open_events(subject->engine, 0, err);
}

int back_enclave_events(const struct subject *subject, struct error **err)
{
    return engine_open_events(subject->engine, subject->enclave->id, err);
}

int back_enclave_logs(const struct subject *subject, struct error **err)
{
    return enclave_open_logs(subject->engine, subject->enclave->id, err);
}

/* A file in memory that holds the text: what is measured changes with each look at it, and one who
 * reads it is to see one measurement. */
static int memory_file(const struct buf *text, struct error **err)
{
    cleanup(close) int fd = buf_check(text, err) < 0 ? -1 : memfd_create("kfs", MFD_CLOEXEC);
    if (fd < 0 || file_write_all(fd, text->data, text->length) < 0)
        return error_system(err, "cannot make a file in memory");
    return steal_fd(&fd);
}

int back_engine_metrics(const struct subject *subject, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    engine_put_metrics(subject->engine, &text);
    buf_puts(&text, "# HELP kfs_fuse_requests_total Requests that came from the kernel.\n"
                    "# TYPE kfs_fuse_requests_total counter\n");
    for (enum tree_request request = 0; request < TREE_REQUEST_MAX; request++)
        buf_printf(&text, "kfs_fuse_requests_total{request=\"%s\"} %" PRIu64 "\n",
                   tree_request_name(request), tree_request_count(subject->tree, request));
    return memory_file(&text, err);
}

int back_service_stats(const struct subject *subject, struct error **err)
{
    cleanup(error_free) struct error *failure = NULL;
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    /* A service that does not run uses nothing: that is no failure of who copies the whole tree. */
    if (service_put_stats(subject->engine, subject->service->id, &text, &failure) < 0 &&
        error_code(failure) != EAGAIN)
        return error_move(err, &failure);
    return memory_file(&text, err);
}

int back_artifacts(const struct subject *subject, struct error **err)
{
    return enclave_open_artifacts(subject->engine, subject->enclave->id, err);
}

int back_service_root(const struct subject *subject, struct error **err)
{
    cleanup(free) char *path = service_root(subject->engine, subject->service->id, NULL);
    if (!path)
        return service_mirror_open(subject->engine, subject->service->id, err);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_system(err, "cannot look into the service") : fd;
}

static int run_file(const struct subject *subject, enum run_file file, struct error **err)
{
    return run_open_file(subject->engine, subject->run->id, file, err);
}

int back_run_script(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_SCRIPT, err);
}

int back_run_args(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_ARGS, err);
}

int back_run_plan(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_PLAN, err);
}

int back_run_output(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_OUTPUT, err);
}

int back_run_error(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_ERROR, err);
}

int back_run_result(const struct subject *subject, struct error **err)
{
    return run_file(subject, RUN_FILE_RESULT, err);
}

int back_service_logs(const struct subject *subject, struct error **err)
{
    return service_open_logs(subject->engine, subject->service->id, err);
}
