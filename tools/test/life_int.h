/* What the life of a test shares with its controllers. */
#ifndef KFS_TOOLS_TEST_LIFE_INT_H
#define KFS_TOOLS_TEST_LIFE_INT_H

#include "backend/base/buf.h"
#include "tools/test/enclave.h"
#include "tools/test/life.h"

#define SCRIPTS        "test" /* in plan/: where scripts are copied to, because none acts there */
#define VOLUME         "volume"
#define VOLUME_LOG     "log" /* in the volume: what a controller wants printed */
#define INSIDE_VOLUME  "/test-volume"
#define INSIDE_ENCLAVE "/enclave"

struct life {
    const struct life_config *config;
    struct test *test;
    const struct cancel *cancel;
    struct record *record;
    struct enclave enclave;
    char *volume; /* path */
};

/* The verdict of a controller: ENDING_FAILED sets *ret_outcome and err. */
enum ending controller_run_host(struct life *life, const struct patience *patience,
                                enum outcome *ret_outcome, struct error **err);
enum ending controller_run_container(struct life *life, const struct patience *patience,
                                     enum outcome *ret_outcome, struct error **err);

/* The line that has the script plan/test/FILE run, with the volume as an argument if it wants it.
 * `function`: NULL for run(). */
int life_put_line(const struct life *life, struct buf *out, const char *path, const char *function,
                  struct error **err);

#endif
