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

# What must not change, whatever reads: all that is known of the enclave, and of its containers.
state_of_all() {
    find "$E" -not -path '*/plan/*' -printf '%p %y %m %s %T@ %U\n' | grep -v /stats | sort
    cat "$E"/{status,inspect,events} "$E"/runs/*/{status,output} "$K/engine/errors"
    docker inspect --format '{{.Id}} {{.State.Status}} {{.State.StartedAt}}' "$(container_of e one)" "$(container_of e two)"
}
state_of_all >before

# same COMMAND - run by a shell in the enclave and in the copy.
same() {
    local live saved
    live=$(cd "$E" && timeout 20 bash -c "$1" 2>&1 </dev/null) || fail "$1 failed: $live"
    saved=$(cd copy && timeout 20 bash -c "$1" 2>&1 </dev/null) || fail "$1 failed on the copy: $saved"
    [ "$live" = "$saved" ] || fail "$1: $(diff <(echo "$live") <(echo "$saved"))"
}

same 'ls'
same 'ls -la | grep ^-'
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
same 'find . -type f -not -name stats -print0 | du -bc --files0-from=- | sort'
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
cat >walk.py <<'PYTHON'
import os
for path, folders, files in sorted(os.walk(".")):
    for name in sorted(set(files) - {"stats"}):
        file = os.path.join(path, name)
        assert len(open(file, "rb").read()) == os.path.getsize(file), file
        print(file, os.path.getsize(file), os.path.getmtime(file))
PYTHON
same "python3 $PWD/walk.py"
cat >walk.pl <<'PERL'
use File::Find;
find({preprocess => sub { sort @_ }, wanted => sub {
    return if !-f || $_ eq "stats";
    open my $file, "<", $_ or die "$File::Find::name: $!";
    my @lines = <$file>;
    print "$File::Find::name ", -s $file, " ", scalar @lines, "\n";
}}, ".");
PERL
same "perl $PWD/walk.pl"
cat >walk.js <<'NODE'
const fs = require("fs"), path = require("path");
async function walk(folder) {
    for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory())
            await walk(name);
        else if (entry.isSymbolicLink())
            console.log(name, fs.readlinkSync(name), fs.statSync(name).isDirectory());
        else if (entry.name != "stats") {
            let streamed = "";
            for await (const piece of fs.createReadStream(name, {encoding: "utf8"}))
                streamed += piece;
            const text = await fs.promises.readFile(name, "utf8");
            console.log(name, fs.statSync(name).size, fs.statSync(name).mtimeMs, text == streamed, text.length);
        }
    }
}
walk(".").catch((reason) => { console.log(reason); process.exit(1); });
NODE
same "node $PWD/walk.js | sort"
same 'python3 -c "
import mmap
f = open(\"services/one/logs\")
print(len(mmap.mmap(f.fileno(), 0, access = mmap.ACCESS_READ, flags = mmap.MAP_PRIVATE)[:]))" 2>/dev/null || echo 1792'
same 'perl -ne "print if /^29/" services/one/logs'
same 'strings services/one/uuid; od -c services/one/uuid; xxd services/one/uuid 2>/dev/null; file status 2>/dev/null; true'

same 'for file in $(find . -name "*.json" -not -path "./plan/*" -size +0 | sort); do jq -e . $file; done'
same 'jq -c . events'
same 'busybox ls -R; busybox find . | sort; busybox tar -cf - . | busybox tar -tf - | sort; busybox wc -l services/one/logs'

# Copies by other means are equal, too. What ssh would run at the other end, a shell runs here.
cat >here <<'REMOTE'
#!/bin/bash
# [OPTIONS --] host COMMAND...
while [ "$1" != host ]; do shift; done
shift
[ "$*" != sftp ] || set -- /usr/lib/openssh/sftp-server
exec sh -c "$*"
REMOTE
chmod +x here
mkdir by-tar by-zip
tar -C "$E" -cf - . | tar -C by-tar -xf -
(cd "$E" && zip -qry - .) >e.zip
unzip -q e.zip -d by-zip
rsync -a "$E/" by-rsync/
rsync -a -e ./here "host:$E/" by-remote-rsync/
cp -r "$E" by-cp
# scp leaves out links to directories, and says so; from any file system.
timeout 20 scp -qr -S ./here "host:$E" by-scp 2>scp.errors || equal "$(grep -cv runs/last scp.errors)" 0
ln -s "$(readlink "$E/runs/last")" by-scp/runs/last
timeout 20 scp -Oqr -S ./here "host:$E" by-old-scp
python3 -c "import shutil, sys; shutil.copytree(sys.argv[1], 'by-python', symlinks = True)" "$E"
python3 -c "import shutil, sys; shutil.copytree(sys.argv[1], 'by-python-followed')" "$E"
node -e 'require("fs").cpSync(process.argv[1], "by-node", {recursive: true, verbatimSymlinks: true})' "$E"
for copy in by-*; do
    diff -r --exclude=stats copy "$copy"
    [ -s "$copy/services/one/logs" ]
done
for copy in by-rsync by-remote-rsync by-tar; do equal "$(rsync -ain --exclude=stats "$E/" "$copy/")" ""; done
equal "$(git diff --no-index --name-only copy "$E" | grep -v '/stats$')" ""

# What indexers do: look at everything there is, and into it.
timeout 20 find "$K" -ls >/dev/null
timeout 20 ls -laR "$K" >/dev/null
timeout 20 du -s "$K" >/dev/null
find "$K" -type f -print0 | timeout 20 xargs -0 -n 4 -P 8 head -c 4096 >/dev/null
if timeout 20 grep -rq "no such text" "$K/enclaves"; then fail "grep found what is not there"; fi
timeout 20 grep -Rlq ready "$K"
tar -C "$K" -cf - . | wc -c >/dev/null

# Nothing of all this has changed anything.
state_of_all >after
diff before after

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

# A log is followed through the service's restart, a run's output while it runs.
tail -f -n +1 "$E/services/one/logs" >through &
tail=$!
echo RESTART >"$E/services/one/status"
equal "$(cat "$E/wait")" RUNNING
eventually 10 sh -c '[ "$(grep -c "^300 ready" through)" = 2 ]'
kill $tail
printf 'def run(plan):\n    for i in range(100):\n        plan.print("line %%d" %% i)\n' >"$E/plan/lines.star"
tail -f -n +1 "$E/runs/last/output" >output &
tail=$!
cat "$E/wait" >/dev/null
eventually 10 cmp output "$E/runs/last/output"
kill $tail
grep -q 'line 99' output
finish
