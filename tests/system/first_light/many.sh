#!/bin/bash
# 200 enclaves at once: all made, all listed, all gone again.
# limit: 240
. "$KFS_TOP/tests/system/lib/test.sh"
kfsd_start

for i in $(seq 200); do mkdir "$K/enclaves/e$i"; done
equal "$(ls "$K/enclaves" | wc -l)" 200
cat "$K/engine/wait" >/dev/null
equal "$(cat "$K"/enclaves/*/status | sort | uniq -c | xargs)" "200 EMPTY"
equal "$(docker_objects | grep -c ^network)" 200
equal "$(grep -c ' EMPTY ' "$K/engine/enclaves")" 200
equal "$(cat "$K"/enclaves/*/uuid | sort -u | wc -l)" 200
within 5000 rm -r "$K"/enclaves/*
equal "$(ls "$K/enclaves")" ""
finish
