#!/bin/bash
# With allow_other other users make enclaves of their own, and may look at those of others but not touch
# them. Without it they see nothing.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
chmod 755 "$BED" "$BED/t" "$BED/t/"* .

as() {
    local id=$1
    shift
    setpriv --reuid="$id" --regid="$id" --clear-groups "$@"
}

kfsd_start
refuses EACCES as 1001 ls "$K"
kfsd_stop

kfsd_start -o allow_other
E=$K/enclaves/mine
as 1001 mkdir "$E"
equal "$(stat -c '%u %g' "$E" "$E/status" "$E/plan" | sort -u)" '1001 1001'
idle_script 1 | as 1001 tee "$E/plan/idle.star" >/dev/null
equal "$(as 1001 cat "$E/wait")" RUNNING
equal "$(stat -c %u "$E/services/s1" "$E/services/s1/status" "$E/runs/1" "$E/plan/idle.star" | sort -u)" 1001

refuses EACCES as 1002 dd if=/dev/null of="$E/status" conv=notrunc status=none
refuses EACCES as 1002 touch "$E/plan/other.star"
refuses EACCES as 1002 dd if=/dev/null of="$E/run" conv=notrunc status=none
refuses EPERM as 1002 rmdir "$E"
refuses EPERM as 1002 mv "$E" "$K/enclaves/stolen"
refuses EACCES as 1002 rmdir "$E/services/s1"
equal "$(ls "$K/enclaves")" mine
equal "$(cat "$E/services/s1/status" | cut -d' ' -f1)" RUNNING

# Views are refused to everybody, whatever their modes would let through.
for id in 0 1001 1002; do refuses EACCES as $id dd if=/dev/null of="$E/uuid" conv=notrunc status=none; done

# The owner survives the daemon.
kfsd_kill
kfsd_start -o allow_other
equal "$(stat -c %u "$E")" 1001
as 1001 rmdir "$E/services/s1"
as 1001 rmdir "$E"
finish
