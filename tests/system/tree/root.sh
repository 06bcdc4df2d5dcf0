#!/bin/bash
# root/: a service's own file system, directly, and through the engine's archive operations where it is not
# seen from this machine (forced here) and where the service does not run.
# limit: 90
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox

E=$K/enclaves/e
R=$E/services/s1/root

in_service() { # COMMAND
    container_sh e s1 "$1"
}

# What holds of both ways.
reading() {
    equal "$(ls "$E/services/s1" | grep -cx root || true)" 0
    equal "$(cat "$R/etc/hostname")" "$(in_service 'cat /etc/hostname')"
    equal "$(ls -A "$R/usr/bin")" "$(in_service 'ls -A /usr/bin')"
    equal "$(readlink "$R/data/link")" file
    equal "$(cat "$R/data/link")" content
    equal "$(readlink "$R/data/away")" /etc/hostname
    equal "$(stat -c '%a %u:%g %s %Y' "$R/data/file")" "640 12:34 8 1000000000"
    equal "$(stat -c '%a %F' "$R/data/dir")" "2750 directory"
    equal "$(cd "$R/data" && find . -type f | sort | paste -sd' ')" "./dir/deep/leaf ./file ./large ./name with  spaces"
    equal "$(sha256sum <"$R/data/large")" "$(in_service 'sha256sum </data/large')"
    equal "$(cat "$R/data/name with  spaces")" spaced
    equal "$(dd if="$R/data/large" bs=1 skip=5000000 count=4 status=none | od -An -tx1)" "$(in_service 'dd if=/data/large bs=1 skip=5000000 count=4 2>/dev/null | od -An -tx1')"
    refuses ENOENT cat "$R/data/nothing"
    refuses ENOENT ls "$R/nothing/at/all"
    rm -rf copied
    cp -a "$R/data" copied
    equal "$(cat copied/dir/deep/leaf)" leaf
    equal "$(stat -c '%a %u:%g %Y' copied/file)" "640 12:34 1000000000"
    tar -C "$R" -cf data.tar data
    equal "$(tar -tf data.tar | grep -c deep/leaf)" 1
    # Nothing leads out, whatever the service has put there.
    equal "$(cat "$R/data/out/etc/kfs-test-secret" 2>/dev/null || true)" ""
}

writing() {
    echo new >"$R/data/new"
    equal "$(in_service 'cat /data/new')" new
    echo more >>"$R/data/new"
    equal "$(in_service 'cat /data/new | xargs')" "new more"
    equal "$(cat "$R/data/new" | xargs)" "new more"
    printf XX | dd of="$R/data/new" bs=1 seek=1 conv=notrunc status=none
    equal "$(in_service 'cat /data/new | xargs')" "nXX more"
    : >"$R/data/new"
    equal "$(in_service 'wc -c </data/new')" 0
    mkdir "$R/data/made"
    touch -d @1000000000 "$R/data/made/touched"
    equal "$(in_service 'stat -c "%s %Y" /data/made/touched')" "0 1000000000"
    ln -s ../file "$R/data/made/link"
    equal "$(in_service 'cat /data/made/link')" content
    chmod 604 "$R/data/file"
    chown 56:78 "$R/data/file"
    equal "$(in_service 'stat -c "%a %u:%g" /data/file; cat /data/file' | xargs)" "604 56:78 content"
    chmod 640 "$R/data/file" && chown 12:34 "$R/data/file" && touch -d @1000000000 "$R/data/file"
    head -c 3000000 /dev/urandom >random
    cp random "$R/data/random"
    equal "$(in_service 'sha256sum </data/random')" "$(sha256sum <random)"
    mkdir -p tree/sub && echo a >tree/a && echo b >tree/sub/b && ln -sf a tree/l
    cp -r tree "$R/data/"
    equal "$(in_service 'cat /data/tree/a /data/tree/sub/b /data/tree/l' | xargs)" "a b a"
    tar -C tree -cf - . | tar -C "$R/data/made" -xf - 2>/dev/null || fail "tar -x"
    equal "$(in_service 'cat /data/made/sub/b')" b
}

prepare() {
    mkdir "$E"
    idle_script 1 >"$E/plan/idle.star"
    equal "$(cat "$E/wait")" RUNNING
    in_service 'mkdir -p /data/dir/deep; cd /data; echo content >file; chmod 640 file; chown 12:34 file
        touch -d @1000000000 file; ln -s file link; ln -s /etc/hostname away; ln -s ../../../../.. out; echo leaf >dir/deep/leaf
        chmod 2750 dir; head -c 6000000 /dev/urandom >large; echo spaced >"name with  spaces"; mkfifo pipe; chmod 755 .'
}

echo secret >/etc/kfs-test-secret
trap 'rm -f /etc/kfs-test-secret' EXIT

# ---- directly
kfsd_start
prepare
rm -f "$R/data/pipe"
reading
writing
vim -Nes -u NONE -c 's/a/edited/' -c 'wq!' "$R/data/tree/a" </dev/null
equal "$(in_service 'cat /data/tree/a')" edited
mv "$R/data/new" "$R/data/renamed"
rm -r "$R/data/tree" "$R/data/made" "$R/data/renamed" "$R/data/random"
equal "$(in_service 'ls /data | xargs')" "away dir file large link name with spaces out"

# ---- a stopped service, through the engine; and back
echo STOPPED >"$E/services/s1/status"
cat "$E/wait" >/dev/null
equal "$(cat "$E/services/s1/status" | cut -d' ' -f1)" STOPPED
equal "$(cat "$R/data/link" "$R/data/dir/deep/leaf" | xargs)" "content leaf"
equal "$(ls "$R/data" | xargs)" "away dir file large link name with spaces out"
echo 'written while stopped' >"$R/data/stopped"
echo RUNNING >"$E/services/s1/status"
equal "$(cat "$E/wait")" RUNNING
equal "$(in_service 'cat /data/stopped')" 'written while stopped'
equal "$(cat "$R/data/stopped")" 'written while stopped'
rm "$R/data/stopped"
rm -r "$E"
cat "$K/engine/wait" >/dev/null
kfsd_stop

# ---- through the engine only
kfsd_start --no-local-root
prepare
reading
writing
# What the service changes is seen: at once by name, in listings after a moment.
in_service 'echo changed >/data/file; mkdir /data/later; echo x >/data/later/x; rm /data/large'
equal "$(cat "$R/data/file")" changed
eventually 15 test ! -e "$R/data/large"
eventually 15 test -d "$R/data/later"
eventually 15 sh -c "ls '$R/data' | grep -qx later"
equal "$(cat "$R/data/later/x")" x
# A directory becomes a file, a file a directory.
in_service 'rm -r /data/later; echo file >/data/later; rm /data/file; mkdir /data/file; echo in >/data/file/in'
eventually 15 test -f "$R/data/later"
eventually 15 test -d "$R/data/file"
equal "$(cat "$R/data/later" "$R/data/file/in" | xargs)" "file in"
# What the engine cannot do is refused, and says what can.
refuses EPERM rm "$R/data/later"
refuses EPERM mv "$R/data/later" "$R/data/other"
refuses EPERM rmdir "$R/data/file"
has "$(tail -n 1 "$K/engine/errors")" exec
refuses ENOENT cp random "$R/no/such/directory"
# Many at once, and nothing of it stays.
children=
for i in $(seq 4); do
    sh -c "cp -r '$R/data/tree' many-$i && cmp '$R/data/random' random" &
    children="$children $!"
done
for child in $children; do wait "$child"; done
diff -r many-1 many-4
cmp "$R/data/random" random
find "$PWD/state" -path '*/roots/*' -name random -size +1k -print0 | xargs -0 -r du -k | awk '{n += $1} END {exit n > 100}' ||
    fail "content stays in the mirror"
rmdir "$E/services/s1"
cat "$E/wait" >/dev/null
equal "$(find "$PWD/state" -path '*/roots/*' -mindepth 1 | head -3)" ""
finish
