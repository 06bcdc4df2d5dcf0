#!/bin/bash
# The whole contract of orchestrator.h, by a C program of its own, against the bed's dockerd: once as
# it is, and once as if that were another machine, whose processes and files cannot be seen.
# limit: 300
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
export KFS_TEST_DOCKER=${DOCKER_HOST#unix://}
program=$KFS_BUILD/tests/system/docker/test_docker_engine
"$program"
export KFS_TEST_REMOTE=1 BED
unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && mount -t tmpfs none "$BED/data" && exec "$0"' "$program"
