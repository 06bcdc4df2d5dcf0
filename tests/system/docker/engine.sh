#!/bin/bash
# The whole contract of orchestrator.h, by a C program of its own, against the bed's dockerd.
# limit: 300
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
KFS_TEST_DOCKER=${DOCKER_HOST#unix://} "$KFS_BUILD/tests/system/docker/test_docker_engine"
