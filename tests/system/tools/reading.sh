#!/bin/bash
# What reads files reads the tree as it reads a copy of it: every command here gives the same in both.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
mkdir "$E"
cat >"$E/plan/two.star" <<'END'
def run(plan):
    plan.add_services({
        name: ServiceConfig(
            image = "busybox:latest",
            cmd = ["sh", "-c", "for i in $(seq 300); do echo $i ready; done; exec httpd -f -p 80"],
            env_vars = {"COLOUR": "green"},
            ports = {"http": PortSpec(number = 80, application_protocol = "http")},
        )
        for name in ["one", "two"]
    })
END
equal "$(cat "$E/wait")" RUNNING
eventually 10 grep -q '^300 ready' "$E/services/one/logs"
eventually 10 grep -q '^300 ready' "$E/services/two/logs"
cp -a "$E" copy

# same COMMAND - run by a shell in the enclave and in the copy.
same() {
    local live saved
    live=$(cd "$E" && timeout 20 bash -c "$1" 2>&1 </dev/null) || fail "$1 failed: $live"
    saved=$(cd copy && timeout 20 bash -c "$1" 2>&1 </dev/null) || fail "$1 failed on the copy: $saved"
    [ "$live" = "$saved" ] || fail "$1: $(diff <(echo "$live") <(echo "$saved"))"
}

same 'ls'
same 'ls -R'
same 'ls -l status uuid services/one/logs --time-style=full-iso'
same 'find . -type f -printf "%M %u %g %s %T@ %p\n" | grep -v /stats | sort'
same 'cat status uuid created inspect'
same 'head -n 2 services/one/logs'
same 'tail -n 3 services/one/logs'
same 'tail -c 10 services/one/logs'
same 'tac services/two/logs'
same 'less services/one/ports'
same 'more services/one/ports'
same 'grep -c ready services/*/logs'
same 'grep -r COLOUR . | sort'
same 'find . | sort'
same 'find . -type f -size +0 | sort'
same 'find . -newer created -name x'
same 'du -a --apparent-size -b services/one/uuid'
same 'wc $(find . -type f -not -name stats | sort)'
same 'sha256sum $(find . -type f -not -name stats | sort)'
same 'cmp services/one/logs services/two/logs && echo equal'
same 'diff -r services/one/logs services/two/logs'
same 'awk "{n += \$1} END {print n}" services/one/logs'
same 'sed -n 5p services/one/logs'
same 'sort -n services/one/logs | tail -n 1'
same 'cut -d: -f1 services/one/ports'
same 'jq -S . services/one/config.json'
same 'dd if=services/one/logs bs=100 skip=2 count=1 status=none'
same 'stat -c "%n %s %F %a" status uuid services/one/logs runs/last'
same 'readlink runs/last; cat runs/last/status'
same 'tar -cf - . | tar -tf - | sort'
same 'tar -cf - . | tar -xOf - ./services/one/logs | sha256sum'
same 'zip -qr - . | wc -c >/dev/null && echo zipped'
same 'test -s inspect && test ! -s error && echo sizes'
same 'while read -r line; do echo "$line"; done < services/one/env'
same 'python3 -c "
import os
for path, folders, files in sorted(os.walk(\".\")):
    for name in sorted(set(files) - {\"stats\"}):
        print(os.path.join(path, name), len(open(os.path.join(path, name)).read()))"'
same 'python3 -c "
import mmap
f = open(\"services/one/logs\")
print(len(mmap.mmap(f.fileno(), 0, access = mmap.ACCESS_READ, flags = mmap.MAP_PRIVATE)[:]))" 2>/dev/null || echo 1792'
same 'perl -ne "print if /^29/" services/one/logs'
same 'strings services/one/uuid; od -c services/one/uuid; xxd services/one/uuid 2>/dev/null; file status 2>/dev/null; true'

# Copies by other means are equal, too.
rsync -a "$E/" by-rsync/
cp -r "$E" by-cp
python3 -c "import shutil, sys; shutil.copytree(sys.argv[1], 'by-python', symlinks = True)" "$E"
for copy in by-rsync by-cp by-python; do diff -r --exclude=stats copy $copy; done
equal "$(rsync -ain --exclude=stats "$E/" by-rsync/)" ""

# Growth is followed.
tail -f -n 0 "$E/services/one/logs" >tailed &
tail=$!
watch -t -n 0.1 "tail -n 1 $E/services/one/logs >>watched" >/dev/null 2>&1 &
watch=$!
eventually 5 [ -s watched ]
container_sh e one 'echo grown >/proc/1/fd/1'
eventually 5 grep -q grown tailed
eventually 5 grep -q grown watched
kill $tail $watch

# Nothing of all this has changed anything.
equal "$(cat "$E/status")" RUNNING
equal "$(readlink "$E/runs/last")" 1
equal "$(ls "$E/services" | xargs)" "one two"
finish
