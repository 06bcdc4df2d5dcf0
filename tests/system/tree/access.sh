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

# Power over the machine is root's to give, and of the user of the daemon, unless it was started otherwise.
# runs_privileged ID ENTRY - runs a script that mounts a directory of the machine.
as 1001 tee "$E/plan/.mounts.star" >/dev/null <<'END'
def run(plan, name):
    plan.add_service(name, ServiceConfig("busybox", cmd = ["sleep", "1000000"], bind_mounts = {"/etc": "/machine"}))
END
runs_privileged() {
    as "$1" bash -c 'echo "--privileged ./.mounts.star {\"name\": \"$2\"}" >"$1/run" && cat "$1/wait" >/dev/null' - "$E" "$2"
}
refuses EACCES runs_privileged 1001 theirs
has "$(cat "$E/error")" 'allowed to root and the user of kfsd only (kfsd --privileged)'
runs_privileged 0 roots
equal "$(container_sh mine roots 'cat /machine/hostname')" "$(cat /etc/hostname)"

# The owner survives the daemon.
kfsd_kill
kfsd_start -o allow_other --privileged all
equal "$(stat -c %u "$E")" 1001
runs_privileged 1001 theirs
equal "$(cat "$E/services/theirs/status" | cut -d' ' -f1)" RUNNING
kfsd_stop
kfsd_start -o allow_other --privileged none
refuses EPERM runs_privileged 0 nobodys
as 1001 rmdir "$E/services/s1"
as 1001 rmdir "$E"
finish
