#!/bin/bash
# CANCELLED written to a run's status stops it at once, whatever it is doing, and leaves nothing half-made.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/plan.sh"
image_load busybox
docker tag busybox:latest badouralix/curl-jq:latest
kfsd_start
E=$K/enclaves/e
mkdir "$E"
succeeds 'plan.add_service("web", ServiceConfig("busybox", cmd = ["httpd", "-f", "-p", "80", "-h", "/"],
    ports = {"http": PortSpec(80), "closed": PortSpec(81, wait = None)}))'

run_waits() {
    wait_status=$(cat "$E/wait" 2>&1) && fail "the cancelled run succeeded"
    has "$wait_status" 'Input/output error'
}

containers_are() {
    [ "$(docker ps -q --filter label=dev.kfs.instance="$INSTANCE" | wc -l)" = "$1" ]
}

# is_cancelled COUNT BODY - cancelled when so many of its containers run.
is_cancelled() {
    local before
    before=$(holdings)
    body_write "$2"
    eventually 20 grep -q '^EXECUTING' "$E/runs/last/status"
    eventually 20 containers_are "$1"
    echo CANCELLED >"$E/runs/last/status"
    within 2000 run_waits
    equal "$(cat "$E/runs/last/status")" CANCELLED
    has "$(cat "$E/runs/last/error")" cancelled
    equal "$(holdings)" "$before"
}

is_cancelled 2 'plan.add_service("one", ServiceConfig("busybox", cmd = ["sleep", "1000"], ports = {"never": PortSpec(9)}))'
is_cancelled 2 'plan.add_service("one", ServiceConfig("busybox", cmd = ["sleep", "1000"],
    ready_conditions = ReadyCondition(ExecRecipe(["true"]), "code", "==", 1)))'
is_cancelled 4 'plan.add_services({"m%d" % i: ServiceConfig("busybox", cmd = ["sleep", "1000"],
    ports = {"never": PortSpec(9)} if i == 1 else {}) for i in range(3)})'
is_cancelled 2 'plan.run_sh(run = "sleep 1000", store = ["/x"])'
is_cancelled 1 'plan.exec("web", ExecRecipe(["sleep", "1000"]))'
is_cancelled 1 'plan.wait("web", GetHttpRequestRecipe("closed", "/"), "code", "==", 200, timeout = "1h", interval = "30m")'
eventually 5 container_sh e web '! pidof sleep'
# What a cancelled run had done stays, and is not done again.
before=$(container_of e web)
body_write 'plan.add_service("web", ServiceConfig("busybox", cmd = ["httpd", "-f", "-p", "80", "-h", "/"],
    ports = {"http": PortSpec(80), "closed": PortSpec(81, wait = None)}))
plan.exec("web", ExecRecipe(["sleep", "1000"]))'
eventually 20 grep -q '^EXECUTING 1/2' "$E/runs/last/status"
echo CANCELLED >"$E/runs/last/status"
within 2000 run_waits
has "$(cat "$E/runs/last/output")" SKIPPED
equal "$(container_of e web)" "$before"
finish
