#!/bin/bash
# kfsd killed while directories come and go: whoever waits for it is let go, and the next one starts.
# Without a guardian the kernel hangs in about one of ten.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"

come_and_go() {
    local i=0
    while mkdir "$K/enclaves/$1-$i" && rmdir "$K/enclaves/$1-$i"; do i=$((i + 1)); done 2>/dev/null
    touch "gone-$1"
}

has_grown() {
    [ "$(wc -l <"$K/engine/events")" -gt "$1" ]
}

for round in $(seq 12); do
    kfsd_start
    for name in a b c d; do come_and_go "$round$name" & done
    eventually 20 has_grown $(($(wc -l <"$K/engine/events") + RANDOM % 40))
    kill -KILL "$KFSD_PID"
    for name in a b c d; do eventually 10 test -e "gone-$round$name"; done
    wait "$KFSD_PID" || true
done
kfsd_start
finish
! pgrep -x kfsd-guardian
