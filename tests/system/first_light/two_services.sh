#!/bin/bash
# Two web servers in one enclave see each other by name; another enclave sees neither, by name or address.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load nginx
image_load busybox
kfsd_start

cat >web.star <<'END'
def run(plan):
    for name in ["nginx", "nginx2"]:
        plan.add_service(
            name = name,
            config = ServiceConfig(
                image = "nginx:latest",
                ports = {"http": PortSpec(number = 80, application_protocol = "http")},
            ),
        )
END
mkdir "$K/enclaves/test" "$K/enclaves/local"
cp web.star "$K/enclaves/test/plan/"
idle_script 1 >"$K/enclaves/local/plan/idle.star"
equal "$(cat "$K/enclaves/test/wait")" RUNNING
equal "$(cat "$K/enclaves/local/wait")" RUNNING
equal "$(ls "$K/enclaves/test/services")" "$(printf 'nginx\nnginx2')"

inspect=$(cat "$K/enclaves/test/inspect")
for name in nginx nginx2; do
    S=$K/enclaves/test/services/$name
    address=$(cat "$S/port/http")
    equal "$(cat "$S/ports")" "http: 80/tcp -> http://$address"
    has "$inspect" "http: 80/tcp -> http://$address"
    has "$inspect" "$(cut -c1-12 "$S/uuid")"
    has "$(curl -s "http://$address/")" 'Welcome to nginx!'
done
has "$inspect" "$(cut -c1-12 "$K/enclaves/test/uuid")"
has "$(cat "$K/engine/enclaves")" "$(cut -c1-12 "$K/enclaves/local/uuid")"

other=$K/enclaves/test/services/nginx2
has "$(container_sh test nginx 'timeout 5 wget -qO- http://nginx2/')" 'Welcome to nginx!'
has "$(container_sh test nginx "timeout 5 wget -qO- http://$(cat "$other/ip")/")" 'Welcome to nginx!'
equal "$(container_sh local s1 'timeout 3 wget -qO- http://nginx2/ 2>/dev/null || echo unreachable')" unreachable
equal "$(container_sh local s1 "timeout 3 wget -qO- http://$(cat "$other/ip")/ 2>/dev/null || echo unreachable")" unreachable
grep -q 'GET / HTTP' "$other/logs"
case $(cat "$K/enclaves/test/events") in *'"status": "STOPPED"'*) fail "an enclave that starts was shown as stopped" ;; esac

# ---- one that dies is told of until it lives again
docker kill "$(container_of test nginx2)" >/dev/null
eventually 5 grep -q DEGRADED "$K/enclaves/test/status"
has "$(cat "$K/enclaves/test/error")" "service 'nginx2' ended by itself with exit code 137"
echo RUNNING >"$other/status"
equal "$(cat "$K/enclaves/test/wait")" RUNNING
equal "$(cat "$K/enclaves/test/error")" ''
finish
