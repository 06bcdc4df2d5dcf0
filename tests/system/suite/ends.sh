#!/bin/bash
# kfs test: interrupted, killed, without its engine; nothing is left in any case.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
suite=$KFS_TOP/tests/system/suite/tests
export KFS_MOUNT=$K
kfsd_start

is_running() { grep -qs '^# setup *ok' "$1/$2/output"; }

# ---- Ctrl-C: the summary comes, and 130
kfs test -j 2 --results interrupted --filter host-hangs --filter hanging --filter single "$suite" >out 2>err &
runner=$!
eventually 20 grep -qs waiting interrupted/host-hangs/output
eventually 20 is_running interrupted hanging
kill -INT $runner
wait $runner && fail "it passed" || equal $? 130
cat out err
has "$(cat err)" 'Received signal: Interrupt'
has "$(cat out)" '- host-hangs: ERRORED'
has "$(cat out)" 'interrupted'
has "$(cat out)" '- single: NOT RUN'
has "$(cat out)" '3 tests: 0 passed, 0 failed, 2 errored, 1 not run;'
equal "$(ls "$K/enclaves")" ""
equal "$(docker_objects)" ""
! pgrep -f 'sleep 1000' || fail "a controller's child goes on"

# ---- killed: its enclaves stay, the next one knows them and sweeps
kfs test -j 2 --results killed --filter shell-hangs --filter hanging "$suite" >out 2>err &
runner=$!
eventually 20 is_running killed hanging
eventually 20 test -d "$K"/enclaves/kfs-test-*shell-hangs*/services/test-controller
mkdir "$K/enclaves/mine" "$K/enclaves/kfs-test-99999999-mine-abcdef"
echo 'def run(plan): pass' >"$K/enclaves/kfs-test-99999999-mine-abcdef/plan/mine.star"
kfs test --sweep 2>swept # those of a living one are not leftovers
equal "$(cat swept)" ""
kill -KILL $runner
wait $runner || true
equal "$(ls "$K/enclaves" | wc -l)" 4
kfs test --results after --filter single "$suite" >out 2>err
has "$(cat err)" '2 enclaves were left by one that was killed'
kfs test --sweep 2>swept
equal "$(grep -c '^removed kfs-test-' swept)" 2
equal "$(ls "$K/enclaves")" "$(printf 'kfs-test-99999999-mine-abcdef\nmine')"
rm -r "$K"/enclaves/*
cat "$K/engine/wait" >/dev/null
equal "$(docker_objects)" ""

# ---- a second signal ends it at once; a program on the host goes with the one that started it
printf '#!/bin/sh\ntrap "" TERM\necho $$ >"$KFS_TEST_VOLUME/pid"\nwhile :; do sleep 0.1; done\n' >stubborn_test
chmod +x stubborn_test
kfs test --results twice "$PWD/stubborn_test" >out 2>err &
runner=$!
eventually 20 test -s twice/stubborn/volume/pid
kill -INT $runner
eventually 5 grep -q 'Received signal' err
kill -INT $runner
wait $runner && fail "it passed" || equal $? 130
eventually 5 test ! -e "/proc/$(cat twice/stubborn/volume/pid)"
equal "$(kfs test --sweep 2>&1 | grep -c '^removed kfs-test-')" 1

# ---- nobody reads the output
kfs test --filter single "$suite" | head -n 1 >out
eventually 10 test -z "$(ls "$K/enclaves")"

# ---- killed before the mark was put: an empty enclave that bears a dead process's name
mkdir "$K/enclaves/kfs-test-99999999-begun-abcdef"
equal "$(kfs test --sweep 2>&1)" 'removed kfs-test-99999999-begun-abcdef'

# ---- the engine goes while a test runs: trouble of the infrastructure is no failure
kfs test --results away --timeout 20s --filter host-hangs "$suite" >out 2>err &
runner=$!
eventually 20 grep -qs waiting away/host-hangs/output
dockerd_stop KILL
kill "$(pgrep -f "sleep 1000" | head -n 1)"
wait $runner && fail "it passed" || equal $? 2
has "$(cat out)" '- host-hangs: ERRORED'
dockerd_start
eventually 20 kfsd_is_up
eventually 30 test -z "$(docker_objects)"
finish
