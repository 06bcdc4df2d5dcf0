/* The command line of kfsd. */
#ifndef KFS_OPTIONS_H
#define KFS_OPTIONS_H

#include "backend/base/buf.h"
#include "backend/base/log.h"
#include "backend/engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    const char *mount_point;
    bool foreground;
    struct buf fuse;  /* for libfuse, as after -o */
    int64_t uid, gid; /* -1: whose it is */
    mode_t enclave_mode;
    const char *docker_host;
    const char *state_dir;
    const char *instance;
    const char *package_mirror;
    const char *subnet_pool;
    const char *interpreter;
    uint64_t log_bytes_max;
    unsigned parallelism;
    enum engine_privilege privilege;
    bool no_local_root;
    enum log_level log_level;
};

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_BAD
};

/* Fills *ret, which points into argv. OPTIONS_BAD: err says why. */
enum options_verdict options_parse(int argc, char **argv, struct options *ret, struct error **err);
void options_done(struct options *options);
/* The page for --help, made from the same table that is parsed by. */
void options_put_help(struct buf *out);

static inline void cleanup_options_done(struct options *options)
{
    options_done(options);
}

#endif
