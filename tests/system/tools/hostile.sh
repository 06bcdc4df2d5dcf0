#!/bin/bash
# What is unkind to a file system: odd names, two writers of a script, files that are too large, a full
# disk, many files, many runs, everything read at once while something happens, readers killed.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
mkdir state
mount -t tmpfs -o size=24m none state
kfsd_start

E=$K/enclaves/e
P=$E/plan
mkdir "$E"

count_runs() {
    find "$E/runs" -mindepth 1 -maxdepth 1 -type d | wc -l
}

# plain TEXT - a script that prints it.
plain() {
    printf 'def run(plan):\n    plan.print("%s")\n' "$1"
}

# ---- names: each is a file, and a script if it ends so; what is said of it is one line
long=$(head -c 250 /dev/zero | tr '\0' n)
names=('a b' -n '*' '?' ä '日本' $'new\nline' "it's" '"quoted"' '$HOME' '\' $'\a\e[31m' $'\xff\xfe' '%s%n' "$long")
for name in "${names[@]}"; do
    runs=$(count_runs)
    plain "named $runs" >script
    cp script "$P/$name"
    cmp script "$P/$name"
    equal "$(count_runs)" "$runs"
    mv -T -- "$P/$name" "$P/./$name.star"
    cat "$E/wait" >/dev/null || fail "$name: $(cat "$E/error")"
    equal "$(count_runs)" $((runs + 1))
    grep -q "named $runs" "$E/runs/last/output"
    lines=$(wc -l <"$K/engine/errors")
    echo 'def run(plan)' >script
    refuses EINVAL cp -T script "$P/./$name.star"
    equal "$(wc -l <"$K/engine/errors")" $((lines + 1))
    equal "$(tail -n 1 "$K/engine/errors" | tr -dc '[:cntrl:]' | wc -c)" 1
    rm -- "$P/$name.star"
done
equal "$(ls -A "$P")" ""
refuses ENAMETOOLONG touch "$P/${long}nnnnnn"
jq -e . "$E/events" >/dev/null

# ---- two writers: whoever is last, what runs last is what the file holds
for i in $(seq 20); do
    plain "first $i" >first
    { plain "second $i"; seq -f '# %.0f' 2000; } >second
    cp first "$P/app.star" 2>/dev/null &
    cp second "$P/app.star" 2>/dev/null || true
    wait $! || true
    cmp "$P/app.star" "$E/runs/last/script"
done
cat "$E/wait" >/dev/null || true

# ---- too large: refused where it is written, and no part of it runs
runs=$(count_runs)
{ plain large; yes '# large'; } 2>/dev/null | head -c 5000000 >large || true
if cp large "$P/large.star" 2>refusal; then fail "a script of 5 MB was taken"; fi
has "$(cat refusal)" 'File too large'
if truncate -s 65M "$P/data" 2>refusal; then fail "a file of 65 MB was taken"; fi
has "$(cat refusal)" 'File too large'
equal "$(count_runs)" "$runs"
rm -f "$P"/*

# ---- a full disk: said to who writes, nothing half is run, everything can still be read and removed
idle_script 1 >"$P/idle.star"
equal "$(cat "$E/wait")" RUNNING
runs=$(count_runs)
if dd if=/dev/zero of="$P/filler" bs=64k 2>refusal; then fail "the disk is not full"; fi
has "$(cat refusal)" 'No space left on device'
{ plain full; yes '# full'; } 2>/dev/null | head -c 300000 >full || true
if cp full "$P/full.star" 2>refusal; then fail "a script went onto a full disk"; fi
has "$(cat refusal)" 'No space left on device'
equal "$(count_runs)" "$runs"
if mkdir "$K/enclaves/full" 2>refusal; then rmdir "$K/enclaves/full"; else has "$(cat refusal)" 'No space left on device'; fi
equal "$(cat "$E/status")" RUNNING
# Logs are fetched when they are read, and have no room; all else is there.
find "$K" -type f -print0 | timeout 20 xargs -0 cat 2>unreadable >/dev/null || true
equal "$(grep -v '/logs: No space left on device$' unreadable || true)" ''
tail -n 1 "$K/engine/errors" | grep -q 'ENOSPC: .*No space left on device'
rm "$P/filler"
cat "$E/logs" "$E/services/s1/logs"
plain after >"$P/full.star"
equal "$(cat "$E/wait")" RUNNING
grep -q after "$E/runs/last/output"

# ---- many files, many runs
(cd "$P" && seq -f 'file%.0f' 1000 | xargs touch)
within 500 ls -l "$P" >/dev/null
equal "$(ls "$P" | grep -c ^file)" 1000
within 1000 rm -r "$P"
mkdir -p many
for i in $(seq 200); do plain "many $i" >"$P/many.star"; done
cat "$E/wait" >/dev/null
within 500 ls -l "$E/runs" >/dev/null
equal "$(cat "$E"/runs/[0-9]*/output | grep -c '^many')" 200

# ---- everything is read at once while something happens
cat >"$P/busy.star" <<'STAR'
def run(plan):
    for i in range(3):
        plan.add_service(name = "busy%d" % i, config = ServiceConfig(
            image = "busybox:latest", cmd = ["sh", "-c", "seq 1000; exec sleep 1000000"]))
    plan.remove_service("busy0")
STAR
while [ "$(cat "$E/runs/last/status")" != SUCCEEDED ]; do
    [ "$(cat "$E/runs/last/status")" != FAILED ] || fail "$(cat "$E/error")"
    find "$E" -type f -print0 2>/dev/null | timeout 20 xargs -0 -n 20 -P 8 cat 2>vanished >/dev/null || true
    # Only what went away meanwhile could not be read.
    equal "$(grep -v 'No such file or directory$' vanished || true)" ""
done

# ---- readers that are killed while they wait leave nothing behind
mountpoint -q /sys/fs/fuse/connections || mount -t fusectl none /sys/fs/fuse/connections
waiting=/sys/fs/fuse/connections/$(awk -v mount="$K" '$5 == mount {print substr($3, 3)}' /proc/self/mountinfo)/waiting
readers=()
for i in $(seq 20); do
    cat "$E/services/busy1/follow" >/dev/null &
    readers+=($!)
done
eventually 5 grep -qx 20 "$waiting"
kill -KILL "${readers[@]}"
eventually 5 grep -qx 0 "$waiting"
within 100 cat "$E/status"
finish
