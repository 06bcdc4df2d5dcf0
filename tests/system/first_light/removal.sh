#!/bin/bash
# rm -r and rmdir of populated enclaves answer in milliseconds, also while a run is under way, delay no
# one, and leave nothing in Docker.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

cd "$K/enclaves"
mkdir one two three
for enclave in one two three; do idle_script 3 >$enclave/plan/idle.star; done
for enclave in one two three; do equal "$(cat $enclave/wait)" RUNNING; done
equal "$(docker_objects | grep -c ^container)" 9

# A whole enclave by either way; its name is free at once.
within 300 rmdir one
within 300 rm -r two
[ ! -e one ] && [ ! -e two ]
within 150 ls -l . >/dev/null
within 300 mkdir one
equal "$(cat one/wait)" EMPTY

# In the middle of a run.
mkdir busy
idle_script 20 >busy/plan/idle.star
eventually 20 grep -q ^EXECUTING busy/runs/last/status
within 300 rm -r busy
within 300 rmdir three
for _ in $(seq 50); do within 150 ls . >/dev/null; done
cat ../engine/wait >/dev/null
equal "$(ls)" one
equal "$(docker_objects | sed 's/kfs-one-.*/one/')" "network one"

# A service by itself, by either way.
idle_script 3 >one/plan/idle.star
equal "$(cat one/wait)" RUNNING
within 300 rmdir one/services/s1
within 300 rm -r one/services/s2
equal "$(ls one/services)" s3
cat one/wait >/dev/null
equal "$(docker_objects | grep -c ^container)" 1

# An unlink of a view is accepted and changes nothing.
rm -f one/status one/services/s3/status
equal "$(cat one/status)" RUNNING
cd - >/dev/null
finish
