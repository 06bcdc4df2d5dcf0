#!/bin/bash
# Services without a script: mkdir services/NAME and its config.json. What is wrong is refused when it is
# written and changes nothing, an unconfigured one costs nothing and outlives kfsd, each save is one
# update, rmdir removes it again.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
mkdir "$E"
S=$E/services

runs() {
    find "$E/runs" -mindepth 1 -maxdepth 1 -type d | wc -l
}

# ---- names
within 200 mkdir "$S/web"
refuses EEXIST mkdir "$S/web"
for name in Web 1web web- -web we_b we.b "$(printf 'w%.0s' {1..64})"; do
    refuses EINVAL mkdir -- "$S/$name"
done
equal "$(ls "$S")" web
refuses EPERM mkdir "$S/web/more"
refuses EPERM touch "$S/file"

# ---- not configured yet: it is there, shows what can be written, and nothing runs
equal "$(cat "$S/web/status")" NEW
equal "$(cat "$E/wait")" EMPTY
equal "$(cat "$S/web/image" "$S/web/ports" "$S/web/ip" "$S/web/cmd" "$S/web/env" "$S/web/logs" | tr -d '\n')" ""
equal "$(jq -r '.image, (.ports | type), (.cmd | type)' "$S/web/config.json" | xargs -d '\n')" " object array"
has "$(cat "$E/inspect")" web
has "$(tail -n 5 "$E/events")" '"status": "NEW"'
refuses EINVAL tee "$S/web/status" <<<RUNNING
equal "$(cat "$S/web/status")" NEW
has "$(cat "$E/error")" "not configured yet"
equal "$(docker ps -aq)" ""
for word in STOPPED RUNNING; do echo $word >"$E/status"; done
equal "$(cat "$E/wait")" EMPTY

# ---- what is wrong is refused by close(2), with the reason, and changes nothing
wrong() { # JSON REASON
    echo "$1" >wrong.json
    refuses EINVAL cp wrong.json "$S/web/config.json"
    has "$(cat "$E/error")" "$2"
}
before=$(cat "$S/web/config.json")
echo '{}' >two.json
refuses EPERM cp two.json "$S/web/two.json"
wrong '{"image": ' config
wrong '[]' 'no JSON object'
wrong '{"image": "busybox", "imagee": "x"}' imagee
wrong '{"image": ""}' image
wrong '{"cmd": ["sleep", "1"]}' image
wrong '{"image": "busybox", "ports": {"http": {"number": 99999}}}' 'between 1 and 65535'
wrong '{"image": "busybox", "ports": {"http": {"nummer": 80}}}' nummer
wrong '{"image": "busybox", "cmd": "sleep 1"}' cmd
wrong '{"image": "busybox", "image": "busybox"}' duplicate
equal "$(cat "$S/web/config.json")" "$before"
equal "$(cat "$S/web/status")" NEW
equal "$(runs)" 0

# ---- what is right runs
config() { # NAME COMMAND
    jq -n --arg name "$1" '{image: "busybox", cmd: ["sh", "-c", "echo \($name); exec sleep 1000000"]}'
}
config one >config.json
cp config.json "$S/web/config.json"
equal "$(cat "$E/wait")" RUNNING
equal "$(cat "$S/web/status")" RUNNING
equal "$(runs)" 1
eventually 5 grep -qx one "$S/web/logs"
uuid=$(cat "$S/web/uuid")
ip=$(cat "$S/web/ip")

# ---- each way of saving is one update
saved() { # RUNS NAME
    equal "$(cat "$E/wait")" RUNNING
    equal "$(runs)" "$1"
    equal "$(jq -r '.cmd[2]' "$S/web/config.json")" "echo $2; exec sleep 1000000"
}
config two >two.json
cat two.json >"$S/web/config.json"
saved 2 two
config three | dd bs=7 of="$S/web/config.json" status=none
saved 3 three
vim -Nes -u NONE -c '%s/three/four/' -c 'wq!' "$S/web/config.json" </dev/null
saved 4 four
python3 - "$S/web/config.json" <<'EOF' # as VS Code saves: truncates, writes, syncs, closes
import os, sys
text = open(sys.argv[1]).read().replace("four", "five").encode()
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(fd, text)
os.fdatasync(fd)
os.close(fd)
EOF
saved 5 five
jq '.cmd[2] |= sub("five"; "six")' "$S/web/config.json" >six.json
tee "$S/web/config.json" <six.json >/dev/null
saved 6 six
equal "$(cat "$S/web/uuid") $(cat "$S/web/ip")" "$uuid $ip"

# A wrong one changes nothing of a running service either.
container=$(container_of e web)
wrong '{"image": "busybox", "imagee": "x"}' imagee
equal "$(cat "$S/web/status") $(container_of e web) $(runs)" "RUNNING $container 6"

# ---- one that cannot be started is new again, and shows what was written
mkdir "$S/lost"
echo '{"image": "no/such:image", "cmd": ["sleep", "9"]}' >"$S/lost/config.json"
refuses EIO cat "$E/wait"
equal "$(cat "$S/lost/status")" NEW
equal "$(jq -r '.cmd[1]' "$S/lost/config.json")" 9
has "$(cat "$E/error")" no/such:image
equal "$(cat "$E/status")" RUNNING

# ---- a plan does not see it, until it makes one of that name
mkdir "$S/s1"
echo 'def run(plan):
    plan.print(sorted([service.name for service in plan.get_services()]))' >"$E/plan/list.star"
cat "$E/wait" >/dev/null
has "$(cat "$E/runs/last/output")" '["web"]'
idle_script 1 >"$E/plan/idle.star"
equal "$(cat "$E/wait")" RUNNING
equal "$(cat "$S/s1/status")" RUNNING

# ---- it outlives kfsd, however that ends
mkdir "$S/kept"
kept=$(cat "$S/kept/uuid" "$S/kept/created" "$S/lost/uuid" "$S/lost/config.json")
kfsd_kill
umount -l "$K"
kfsd_start
cat "$K/engine/wait" >/dev/null
equal "$(ls "$S" | xargs)" "kept lost s1 web"
equal "$(cat "$S"/*/status | xargs)" "NEW NEW RUNNING RUNNING"
equal "$(cat "$S/kept/uuid" "$S/kept/created" "$S/lost/uuid" "$S/lost/config.json")" "$kept"

# ---- rmdir and rm -r remove it; the name is free
rmdir "$S/kept"
rm -r "$S/lost"
mkdir "$S/kept"
rmdir "$S/kept"
cat "$E/wait" >/dev/null
kfsd_stop
kfsd_start
equal "$(ls "$S" | xargs)" "s1 web"
mkdir "$S/last"
finish
