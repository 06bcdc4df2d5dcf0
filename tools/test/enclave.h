/*
 * What a test does to its enclave, as files. Waiting is done by a child that reads a `wait` file,
 * so that no wait outlasts its limit, whatever has become of the mount.
 */
#ifndef KFS_TOOLS_TEST_ENCLAVE_H
#define KFS_TOOLS_TEST_ENCLAVE_H

#include "backend/base/buf.h"
#include "backend/base/cancel.h"
#include "tools/test/owner.h"
#include "tools/test/record.h"

#include <stdint.h>

struct enclave {
    const char *mount;
    struct record *record;
    char name[ENCLAVE_NAME_MAX + 1];
    char *path; /* NULL until it is made */
    char uuid[16];
};

/* How something that takes time ended. */
enum ending {
    ENDING_DONE,
    ENDING_FAILED, /* err says why */
    ENDING_TIMED_OUT,
    ENDING_CANCELLED
};

struct patience {
    int64_t deadline; /* clock_monotonic() ns */
    const struct cancel *cancel;
};

/* Makes an enclave with an unused name and this process's mark, and waits for its network. */
enum ending enclave_make(struct enclave *enclave, const char *test, const struct patience *patience,
                         struct error **err);

/* Copies a file, or the content of a directory, to plan/NAME, whose parents are made. */
enum ending enclave_put(struct enclave *enclave, const char *source, const char *name,
                        const struct patience *patience, struct error **err);
/* Writes a text to plan/NAME. */
int enclave_put_text(struct enclave *enclave, const char *text, const char *name,
                     struct error **err);

/* Has it run a line, shows the output, waits. A run that does not end in time is cancelled. EINVAL
 * in err: the script was refused as it is. */
enum ending enclave_run(struct enclave *enclave, const char *line, const struct patience *patience,
                        struct error **err);

/* Waits until the service has stopped, showing its log; its exit code, -1 if none is known. */
enum ending enclave_follow(struct enclave *enclave, const char *service,
                           const struct patience *patience, int *ret_code, struct error **err);

/* Whether the service was started and has ended with an exit code that is not 0. */
bool enclave_service_failed(struct enclave *enclave, const char *service);

/* Asks all services to stop and waits until they have, for half a minute. */
enum ending enclave_stop(struct enclave *enclave, struct error **err);

/* Keeps the pages of the enclave and its services in the record. The services' logs are kept by
 * the second, for when they have stopped. */
void enclave_keep_pages(struct enclave *enclave);
void enclave_keep_logs(struct enclave *enclave);

/* Removes it and waits until nothing is left of it, for a minute. Nothing if it was not made. */
enum ending enclave_remove(struct enclave *enclave, struct error **err);
void enclave_done(struct enclave *enclave);

/* The same for any enclave, without a record: removes MOUNT/enclaves/NAME. */
enum ending enclave_remove_named(const char *mount, const char *name, struct error **err);

/* Whether the engine behind the mount answers. */
bool engine_is_up(const char *mount);

#endif
