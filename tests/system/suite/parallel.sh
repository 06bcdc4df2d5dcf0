#!/bin/bash
# kfs test: 20 tests that wait take at most 0.4 of the time when four run at a time.
# limit: 240
. "$KFS_TOP/tests/system/lib/test.sh"
export KFS_MOUNT=$K
kfsd_start

mkdir wide
for i in $(seq 20); do
    printf '#!/bin/sh\nsleep 1\n' >wide/wait-$i"_test"
done
chmod +x wide/*

took() {
    local start
    start=$(date +%s%N)
    kfs test "$@" wide >out
    echo $((($(date +%s%N) - start) / 1000000))
}

one=$(took -j 1)
four=$(took -j 4)
echo "20 tests: $one ms one at a time, $four ms four at a time"
[ $((four * 10)) -le $((one * 4)) ] || fail "$four ms is more than 0.4 of $one ms"
has "$(cat out)" '20 tests: 20 passed'
finish
