#!/bin/bash
# kill -9 of kfsd with enclaves up, in the middle of a mkdir, of a run, of a destroy; then started again.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

snapshot() {
    (cd "$K/enclaves" && for enclave in *; do
        echo "$enclave $(cat "$enclave/uuid") $(cat "$enclave/created")"
        for service in "$enclave"/services/*/; do
            echo "$service $(cat "$service"/uuid "$service"/ip "$service"/created | xargs)"
        done
    done)
}

started_at() {
    docker inspect --format '{{.State.StartedAt}}' $(docker ps -q --filter label=dev.kfs.instance="$INSTANCE") | sort
}

# With enclaves up: the same tree, and no service restarted.
mkdir "$K/enclaves/one" "$K/enclaves/two"
for enclave in one two; do idle_script 2 >"$K/enclaves/$enclave/plan/idle.star"; done
for enclave in one two; do equal "$(cat "$K/enclaves/$enclave/wait")" RUNNING; done
before=$(snapshot)
running=$(started_at)
cp "$K/enclaves/one/runs/1/output" output
kfsd_kill
kfsd_start
equal "$(snapshot)" "$before"
equal "$(started_at)" "$running"
cmp output "$K/enclaves/one/runs/1/output"
equal "$(cat "$K/enclaves/one/runs/last/status")" SUCCEEDED
equal "$(cat "$K/enclaves/one/plan/idle.star")" "$(idle_script 2)"
equal "$(cat "$K/enclaves/one/status")" RUNNING

# In the middle of mkdirs: what mkdir said is there is there, and is finished.
(for i in $(seq 40); do mkdir "$K/enclaves/m$i" 2>/dev/null && echo "m$i"; done >made) &
maker=$!
eventually 20 [ -s made ]
kfsd_kill
wait $maker || true
kfsd_start
while read -r enclave; do [ -d "$K/enclaves/$enclave" ] || fail "$enclave is lost"; done <made
cat "$K/engine/wait" >/dev/null
while read -r enclave; do equal "$(cat "$K/enclaves/$enclave/status")" EMPTY; done <made
# dockerd may have made one twice, where the first asking was killed; the enclave's end removes both.
equal "$(docker_objects | grep ^network | sort -u | wc -l)" "$(ls "$K/enclaves" | wc -l)"
rm -r "$K"/enclaves/m*

# In the middle of a run: it says so, and the enclave can be used and removed.
mkdir "$K/enclaves/busy"
idle_script 20 >"$K/enclaves/busy/plan/idle.star"
eventually 20 grep -q ^EXECUTING "$K/enclaves/busy/runs/last/status"
kfsd_kill
kfsd_start
cat "$K/engine/wait" >/dev/null
equal "$(cat "$K/enclaves/busy/runs/last/status")" FAILED
[ -s "$K/enclaves/busy/runs/last/error" ]
[ -s "$K/enclaves/busy/error" ]
idle_script 1 >"$K/enclaves/busy/plan/again.star"
cat "$K/enclaves/busy/wait" >/dev/null
equal "$(cat "$K/enclaves/busy/runs/last/status")" SUCCEEDED

# In the middle of a destroy: it is completed.
rmdir "$K/enclaves/busy" "$K/enclaves/two"
kfsd_kill
kfsd_start
equal "$(ls "$K/enclaves")" one
cat "$K/engine/wait" >/dev/null
equal "$(docker_objects | grep -e kfs-busy -e kfs-two || true)" ""
equal "$(snapshot)" "$(echo "$before" | grep ^one)"
finish
