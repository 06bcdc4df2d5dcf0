#!/bin/bash
# dockerd stopped: reads answer at once with the last known state, changes are refused; dockerd back: the
# tree is right again by itself.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/one
mkdir "$E"
idle_script 1 >"$E/plan/idle.star"
equal "$(cat "$E/wait")" RUNNING
ip=$(cat "$E/services/s1/ip")

dockerd_stop KILL
pkill -KILL -F "$BED/exec/containerd/containerd.pid" || true
eventually 10 grep -q ^DOWN "$K/engine/status"
equal "$(awk '{print (NF > 2)}' "$K/engine/status")" 1
within 1000 ls -lR "$E" >/dev/null
within 500 equal "$(cat "$E/services/s1/ip")" "$ip"
within 500 equal "$(ls "$E/services")" s1
within 1000 refuses EAGAIN mkdir "$K/enclaves/new"
[ ! -e "$K/enclaves/new" ]
tail -n1 "$K/engine/errors" | grep -q 'mkdir enclaves/new EAGAIN'

dockerd_start
eventually 20 grep -q ^RUNNING "$K/engine/status"
cat "$K/engine/wait" >/dev/null
# Without live restore dockerd ends the containers of its predecessor.
expected=$(docker inspect --format '{{if .State.Running}}RUNNING{{else}}STOPPED{{end}}' "$(container_of one s1)")
eventually 10 grep -q "^$expected" "$E/services/s1/status"
mkdir "$K/enclaves/new"
equal "$(cat "$K/enclaves/new/wait")" EMPTY

# A container that ends behind kfs's back is seen.
idle_script 1 >"$K/enclaves/new/plan/idle.star"
equal "$(cat "$K/enclaves/new/wait")" RUNNING
docker kill "$(container_of new s1)" >/dev/null
eventually 5 grep -q ^STOPPED "$K/enclaves/new/services/s1/status"
finish
