#!/bin/bash
# A killed daemon leaves a dead mount; the next mount over it works without help, also with a shell inside.
# SIGTERM and SIGINT unmount cleanly.
. "$KFS_TOP/tests/system/lib/test.sh"
kfsd_start
mkdir "$K/enclaves/one"
uuid=$(cat "$K/enclaves/one/uuid")
kfsd_kill
refuses_dead() {
    ! output=$(ls "$K" 2>&1) && has "$output" 'not connected'
}
refuses_dead
kfsd_start
equal "$(cat "$K/enclaves/one/uuid")" "$uuid"

# With someone inside.
(cd "$K/enclaves/one" && exec sleep 1000) &
sleeper=$!
eventually 5 [ -d /proc/$sleeper/cwd/plan ]
kfsd_kill
kfsd_start
equal "$(cat "$K/enclaves/one/uuid")" "$uuid"
kill $sleeper

kill -INT "$KFSD_PID"
wait "$KFSD_PID" || fail "kfsd ended with status $? on SIGINT"
if grep -q " $K " /proc/self/mountinfo; then fail "the mount is still there"; fi
kfsd_start

# A second daemon on the same state directory is refused, in a line.
mkdir second
if output=$("$KFS_BUILD/kfs/kfsd" -f --docker-host "$DOCKER_HOST" --state-dir "$PWD/state" second 2>&1); then
    fail "two daemons use one state directory"
fi
has "$output" state
finish
