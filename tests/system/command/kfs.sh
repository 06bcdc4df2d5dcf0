#!/bin/bash
# The command kfs, subcommand by subcommand, on a live mount that it makes and ends itself.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox

# ---- without a mount
refuses_saying() {
    local words=$1 output
    shift
    if output=$("$@" 2>&1); then fail "went through: $*"; fi
    has "$output" "$words"
}
refuses_saying 'is not mounted' kfs ls
refuses_saying 'no such command' kfs frobnicate
refuses_saying 'usage: kfs inspect' kfs inspect
equal "$(kfs nothing 2>/dev/null || echo $?)" 2
has "$(kfs help)" 'usage: kfs COMMAND'
has "$(kfs doctor)" 'ok   engine'

mkdir "$K"
kfs mount "$K" --state-dir "$PWD/state" --instance "$INSTANCE" >kfsd.log 2>&1
eventually 20 kfs status
has "$(kfs status)" "$K: RUNNING"

# ---- run: output, exit status, error
cat >web.star <<'END'
def run(plan, args = {}):
    plan.print("hello " + str(args.get("who", "nobody")))
    for name in ["web", "web2"]:
        plan.add_service(
            name = name,
            config = ServiceConfig(
                image = "busybox:latest",
                cmd = ["sh", "-c", "echo ready %s; mkdir /www; echo hi >/www/index.html; exec httpd -f -p 80 -h /www" % name],
                ports = {"http": PortSpec(number = 80, application_protocol = "http")},
            ),
        )
END
output=$(kfs run test web.star '{"who": "world"}')
has "$output" 'hello world'
echo 'def run(plan): fail("on purpose")' >bad.star
refuses_saying 'on purpose' kfs run test bad.star
refuses_saying 'No such file' kfs inspect nothing

# ---- views
has "$(kfs ls)" test
has "$(kfs ls test)" "http: 80/tcp -> http://"
equal "$(kfs status test)" RUNNING
equal "$(kfs status test web | cut -d' ' -f1)" RUNNING
equal "$(kfs inspect test)" "$(cat "$K/enclaves/test/inspect")"
equal "$(kfs port test web http)" "$(cat "$K/enclaves/test/services/web/port/http")"
equal "$(curl -s "$(kfs port test web http)")" hi
(cd "$K/enclaves" && equal "$(kfs status test)" RUNNING)
refuses_saying 'not a name' kfs inspect ../engine

# ---- exec
equal "$(kfs exec test web cat /www/index.html)" hi
equal "$(kfs exec test web 'echo "a  b" | wc -c')" 5
equal "$(kfs exec test web printf '%s-' "it's" 'a b')" "it's-a b-"
equal "$(kfs exec test web sh -c 'exit 7' >/dev/null || echo $?)" 7
equal "$(kfs exec test web -- echo "a  b" -- c)" "a  b -- c"
equal "$(kfs exec test web seq 1000 | tail -n 1)" 1000

# ---- cp
echo '<p>copied' >page
kfs cp page test/web:/www/page.html
equal "$(curl -s "http://$(kfs port test web http)/page.html")" '<p>copied'
kfs cp test/web:/www back
equal "$(cat back/index.html)" hi
mkdir tree && echo leaf >tree/leaf
kfs cp tree test:things
equal "$(ls "$K/enclaves/test/files")" things
kfs cp test:things/leaf leaf
equal "$(cat leaf)" leaf

# ---- logs
equal "$(kfs logs test web)" 'ready web'
equal "$(kfs logs test)" "$(printf '[web] ready web\n[web2] ready web2')"
container_sh test web 'for i in 1 2 3; do echo line $i >/proc/1/fd/1; done'
eventually 5 grep -q 'line 3' "$K/enclaves/test/services/web/logs"
equal "$(kfs logs -n 2 test web)" "$(printf 'line 2\nline 3')"
kfs logs -f test web >followed &
follower=$!
eventually 5 grep -q 'line 3' followed
container_sh test web 'echo line 4 >/proc/1/fd/1'
eventually 5 grep -q 'line 4' followed
equal "$(wc -l <followed)" 5
rmdir "$K/enclaves/test/services/web"
wait $follower

# ---- completion
equal "$(kfs complete inspect '')" test
equal "$(kfs complete port test '')" web2
equal "$(kfs complete port test web2 '')" http
equal "$(kfs complete ins)" inspect
equal "$(kfs complete umount '')" "$K"
equal "$(bash -c ". $KFS_TOP/tools/completion/kfs.bash; COMP_WORDS=(kfs port test ''); COMP_CWORD=3; _kfs; echo \"\${COMPREPLY[@]}\"")" web2

rm -r "$K/enclaves/test"
cat "$K/engine/wait" >/dev/null
equal "$(docker_objects)" ""
kfs umount
refuses_saying 'is not mounted' kfs ls
