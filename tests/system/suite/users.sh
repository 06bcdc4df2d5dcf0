#!/bin/bash
# kfs test for others than root: through a mount that lets them in; and where a container cannot see the
# mount, that is said.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
export KFS_MOUNT=$K
suite=$PWD/suite
mkdir "$suite"
cp -r "$KFS_TOP"/tests/system/suite/tests/{host,shell}[._]* "$suite"
id=65534 # nobody: fusermount3 wants a name
as_user() { setpriv --reuid=$id --regid=$id --clear-groups "$@"; }
status_of() { "$@" >out 2>err && echo 0 || echo $?; }
chmod 755 "$BED" "$BED/t" "$PWD/.." "$PWD"
kfs=$PWD/kfs
cp "$KFS_BUILD/tools/kfs" "$kfs"

# ---- a user of root's mount, who may mount directories of the machine into containers only if root says so
kfsd_start -o allow_other
mkdir -m 777 results
equal "$(status_of as_user "$kfs" test --results results/refused "$suite")" 2
cat out
has "$(grep '^- shell: ERRORED' out)" 'kfsd --privileged'
equal "$(ls "$K/enclaves")" ""
kfsd_stop
kfsd_start -o allow_other --privileged all
equal "$(status_of as_user "$kfs" test --results results/user "$suite")" 0
cat out
equal "$(ls "$K/enclaves")" ""
kfsd_stop

# ---- a user's own mount, which lets nobody in
command -v fusermount3 >/dev/null || skip "there is no fusermount3"
if ! as_user test -w /dev/fuse; then # a device of the bed's own, as udev makes it
    mknod -m 666 "$BED/fuse" c 10 229
    mount --bind "$BED/fuse" /dev/fuse
fi
mkdir -p own/bin
cp "$KFS_BUILD/kfs/kfsd" own/bin/
cp "$KFS_BUILD"/backend/plan/interpreter/kfs-* own/bin/
chmod 666 "$BED/docker.sock"
chown -R $id own "$K" state
setpriv --reuid=$id --regid=$id --clear-groups own/bin/kfsd -f --docker-host "$DOCKER_HOST" --state-dir "$PWD/own/state" --instance "$INSTANCE" "$K" \
    >>kfsd.log 2>&1 </dev/null &
KFSD_PID=$!
eventually 20 as_user grep -q ^RUNNING "$K/engine/status"
equal "$(status_of as_user "$kfs" test --results results/own "$suite")" 2
cat out
has "$(cat out)" '- host: PASSED'
has "$(cat out)" '- shell: ERRORED'
has "$(cat out)" 'a container cannot see'
has "$(cat out)" '-o allow_other'
as_user cat "$K/engine/wait" >/dev/null
equal "$(docker_objects)" ""
kfsd_stop
! mountpoint -q /dev/fuse || umount /dev/fuse
