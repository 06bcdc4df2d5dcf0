#!/bin/bash
# tools/quickstart from its sources to the end, on the engine that DOCKER_HOST names: it succeeds, and
# leaves nothing in the engine.
# limit: 300
. "$KFS_TOP/tests/system/lib/test.sh"

what_is_there() {
    docker ps -aq
    docker network ls -q
    docker volume ls -q
    docker image ls -q | sort
}

before=$(what_is_there)
"$KFS_TOP/tools/quickstart" >output 2>&1 || fail "$(tail -n 20 output)"
grep -q 'Hello from web1' output
grep -q 'web1 asked web2 and got: Hello from web2' output
grep -q 'nothing is left' output
equal "$(what_is_there)" "$before"
! grep -q kfs-quickstart /proc/self/mountinfo
