#!/bin/bash
# The instructions that make, change and end services: add_service, add_services, get_service,
# get_services, remove_service, set_service, start_service and stop_service.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/plan.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"
S=$E/services

facts_of() {
    cat "$S/$1/uuid" "$S/$1/ip" "$S/$1/port/http"
}

# ---- add_service: what it takes, gives and says
add_web='web = plan.add_service("web", ServiceConfig(
    image = "busybox:latest",
    cmd = ["sh", "-c", "echo up; echo $PAGE >/index.html; exec httpd -f -p 80 -h /"],
    env_vars = {"PAGE": "first"},
    ports = {
        "http": PortSpec(80, "TCP", "http", wait = "10s"),
        "admin": PortSpec(number = 81, wait = None),
    },
))'
succeeds "$add_web"'
plan.print("name={} hostname={} address={}".format(web.name, web.hostname, web.ip_address))
plan.print(web.ports["http"].url + " " + web.ports["http"].wait + " " + web.ports["admin"].transport_protocol)
plan.print([hasattr(web.ports["admin"], f) for f in ["url", "wait", "application_protocol"]])
plan.add_service(service_name = "idle", config = ServiceConfig("busybox:latest", cmd = ["sleep", "1000"]),
                 force_update = False, description = "One that idles")
return web' \
    "
Adding service with name 'web' and image 'busybox:latest'
Service 'web' added with service UUID '" \
    "name=web hostname=web address=" 'http://web:80 10s TCP' '[False, False, False]' '
One that idles
Service '"'idle' added with service UUID '"
has "$OUTPUT" "Service 'web' added with service UUID '$(cat "$S/web/uuid")'"
has "$OUTPUT" "name=web hostname=web address=$(cat "$S/web/ip")
"
equal "$(jq -r '.ip_address, .ports.http.number' "$E/runs/last/result.json" | xargs)" "$(cat "$S/web/ip") 80"
equal "$(curl -s "http://$(cat "$S/web/port/http")/index.html")" first
again_skips

# ---- add_service of what is there: unchanged nothing; forced or changed, another container with the
# same name, uuid, address and ports
before=$(facts_of web) container=$(container_of e web)
succeeds "${add_web%)}, force_update = True)"
[ "$(container_of e web)" != "$container" ]
equal "$(facts_of web)" "$before"
container=$(container_of e web)
succeeds "${add_web/first/second}"
[ "$(container_of e web)" != "$container" ]
equal "$(facts_of web)" "$before"
equal "$(curl -s "http://$(cat "$S/web/port/http")/index.html")" second

# ---- add_service: scripts that are wrong
at="[case.star:2:"
fails 'plan.add_service("one")' "missing argument for config" "Cannot construct 'add_service'" case.star:2:
fails 'plan.add_service("one", 7)' "The 'config' argument must be ServiceConfig" "'int'"
fails 'plan.add_service("", ServiceConfig("busybox"))' "The 'name' argument must not be empty"
fails 'plan.add_service("one", ServiceConfig("busybox"), update = True)' 'unexpected keyword argument "update"'
fails 'plan.add_service("one", ServiceConfig("busybox"), name = "one")' "name"
fails 'plan.add_service("one", ServiceConfig("busybox"), force_update = "yes")' "'force_update' argument must be a bool"
fails 'plan.add_service("one", ServiceConfig("busybox"), description = "")' "description"
fails 'plan.add_service("One_", ServiceConfig("busybox"))' 'error validating' "Service name 'One_' is not valid" "$at"
fails 'plan.add_service("one", ServiceConfig("busybox"))
plan.add_service("one", ServiceConfig("busybox", cmd = ["true"]))' \
    "Adding two different services with the same name isn't allowed: 'one'" '[case.star:3:'
fails 'plan.add_service("one", ServiceConfig("busybox", files = {"/a": "nothing", "/b": Directory(["nowhere"])}))' \
    "files artifact 'nothing'" "files artifact 'nowhere'"
fails 'plan.add_service("one", ServiceConfig("busybox", min_memory = 900000000, min_cpu = 900000000))' \
    'megabytes of memory' 'millicores of CPU'
fails 'plan.add_service("one", ServiceConfig("localhost:9/absent"))' 'localhost:9/absent'

# ---- add_service: containers that do not come up
fails_after 'plan.add_service("lost", ServiceConfig("busybox", entrypoint = ["/no/such/program"]))' \
    'An error occurred executing instruction (number 1) at [case.star:2:' "'lost' ended with exit code 127" '/no/such/program'
fails 'plan.add_service("one", ServiceConfig("busybox", devices = ["/dev/no-such"]))' /dev/no-such "'one'"
fails_after 'plan.add_service("dies", ServiceConfig("busybox", cmd = ["sh", "-c", "echo my last words; exit 3"],
    ports = {"http": PortSpec(80)}))' "'dies'" 'exit code 3' "== SERVICE 'dies' LOGS ===" 'my last words' "== FINISHED SERVICE 'dies'"
fails_after 'plan.add_service("quits", ServiceConfig("busybox", cmd = ["sh", "-c", "echo gone; exit 4"]))' 'exit code 4' gone
succeeds 'plan.add_service("ends", ServiceConfig("busybox", cmd = ["true"]))' "Service 'ends' added"
fails_after 'plan.add_service("deaf", ServiceConfig("busybox", cmd = ["sh", "-c", "echo deaf; sleep 1000"],
    ports = {"never": PortSpec(9, wait = "300ms"), "other": PortSpec(10, "UDP")}))' \
    'never' '300ms' "== SERVICE 'deaf' LOGS ===" case.star:2:
equal "$(head -c 7 "$S/deaf/status")" STOPPED
fails_after 'plan.add_service("unready", ServiceConfig("busybox", cmd = ["sleep", "1000"],
    ready_conditions = ReadyCondition(ExecRecipe(["echo", "no"]), "output", "==", "yes", timeout = "900ms")))' \
    "on service 'unready'. Tried '" "Last assertion execution error was: " "'no"
equal "$(cat "$S/unready/status")" RUNNING
# What was made ahead of its turn goes when its turn does not come.
fails 'plan.exec("idle", ExecRecipe(["sh", "-c", "sleep 1; exit 1"]))
plan.add_service("later", ServiceConfig("busybox", cmd = ["sleep", "1000"]))' "exit code '1'"
succeeds '[plan.remove_service(s) for s in ["lost", "dies", "quits", "ends", "deaf", "unready"]]'

# ---- add_services
three='plan.add_services({
    "node-%d" % i: ServiceConfig("busybox", cmd = ["sh", "-c", "trap exit TERM; echo %d; sleep 1000 & wait" % i]) for i in range(3)
})'
succeeds "nodes = $three"'
plan.print(nodes["node-1"].ip_address + " " + nodes["node-2"].name)' \
    "Adding '3' services with names 'node-0,node-1,node-2'" "Successfully added the following '3' services:
  Service 'node-0' added with UUID '"
has "$OUTPUT" "
  Service 'node-2' added with UUID '$(cat "$S/node-2/uuid")'"
has "$OUTPUT" "$(cat "$S/node-1/ip") node-2"
again_skips
fails 'plan.add_services({})' "'configs' argument must not be empty"
fails 'plan.add_services({"one": "busybox"})' "configs[\"one\"]" ServiceConfig "'string'"
fails 'plan.add_services({1: ServiceConfig("busybox")})' configs
fails 'plan.add_services({"one": ServiceConfig("busybox"), "TWO": ServiceConfig("busybox")})' "'TWO' is not valid"
five='plan.add_services({
    "m%d" % i: ServiceConfig("busybox", entrypoint = ["/none"] if i == 3 else ["sleep", "1000"]) for i in range(5)
})'
fails "$five" 'Some errors occurred starting or updating the following services' "Service 'm3'" /none 'rolled back'
fails "${five/\"\/none\"/\"false\"}" "Service 'm3'" 'exit code 1'
fails 'plan.add_services({
    "m%d" % i: ServiceConfig("busybox", cmd = ["sleep", "1000"], ready_conditions = ReadyCondition(
        ExecRecipe(["true"]), "code", "==", i, timeout = "900ms")) for i in range(2)
})' "Service 'm1'" "Assertion failed '0' '==' '1'" 'rolled back'
# One that was there keeps its container when its batch fails.
fails 'plan.add_services({
    "node-0": ServiceConfig("busybox", devices = ["/dev/none"]), "m1": ServiceConfig("busybox", cmd = ["sleep", "1000"])
})' "Service 'node-0'" /dev/none
equal "$(cat "$S/node-0/status")" RUNNING
equal "$(docker ps -q --filter label=dev.kfs.service.name=node-0 | wc -l)" 1
# One that was replaced by then stays so.
fails_after 'plan.add_services({
    "node-0": ServiceConfig("busybox", cmd = ["sleep", "1001"]), "m1": ServiceConfig("busybox", cmd = ["sleep", "1000"],
        ready_conditions = ReadyCondition(ExecRecipe(["true"]), "code", "==", 1, timeout = "900ms"))
})' "Service 'm1'" "no service was started. Replaced before that, and left so: 'node-0'"
equal "$(jq -c .cmd "$S/node-0/config.json")" '["sleep","1001"]'
[ ! -e "$S/m1" ]
succeeds "${three/echo/echo now}" "Successfully added the following '0' services:
" "  Service 'node-0' updated with UUID '$(cat "$S/node-0/uuid")'"

# ---- get_service and get_services
succeeds 'web = plan.get_service("web")
plan.print("{} {}".format(web.ip_address, web.ports["http"].number))
plan.add_service("late", ServiceConfig("busybox", cmd = ["sleep", "1000"]))
plan.print(plan.get_service(name = "late", description = "Looking").hostname + " is late")
plan.print(",".join([s.name for s in plan.get_services()]))' \
    "
Fetching service 'web'
Fetched service 'web'
" "$(cat "$S/web/ip") 80" '
Looking
' 'late is late' '
Fetching services
Fetching services
' 'idle,late,node-0,node-1,node-2,web'
again_skips
fails 'plan.get_service("nobody")' "fetching service 'nobody'" case.star:2:
fails 'plan.get_service()' 'missing argument for name'
fails 'plan.get_services("one", "two")' get_services

# ---- stop_service and start_service
succeeds 'plan.stop_service("web")' "Stopping service 'web'
Service 'web' stopped"
equal "$(head -c 7 "$S/web/status")" STOPPED
succeeds 'plan.stop_service("web")' "Service 'web' stopped"
container=$(container_of e web)
succeeds 'plan.start_service(name = "web")
plan.start_service("web")' "Starting service 'web'
Service 'web' started"
equal "$(cat "$S/web/status")" RUNNING
equal "$(container_of e web)" "$container"
fails 'plan.start_service("nobody")' "start_service for service 'nobody' which doesn't exist" case.star:2:
fails 'plan.stop_service("nobody")' "stop_service for service 'nobody' which doesn't exist"
fails 'plan.stop_service(3)' "'name' argument must be a string"

# ---- set_service: of one in this plan, and of one of an earlier run
succeeds 'plan.add_service("late", ServiceConfig("busybox", cmd = ["sleep", "1000"], labels = {"a": "1"}))
plan.set_service("late", ServiceConfig("busybox", labels = {"a": "2"}, max_memory = 64))
plan.verify("x", "==", "x")' "Setting config of service 'late'
Set service config on service 'late'."
equal "$(docker inspect -f '{{index .Config.Labels "dev.kfs.custom.a"}} {{.HostConfig.Memory}}' "$(container_of e late)")" '2 64000000'
again_skips
before=$(cat "$S/late/uuid" "$S/late/ip")
succeeds 'plan.set_service("late", ServiceConfig("busybox", user = User(7)))'
equal "$(container_sh e late 'id -u')" 7
equal "$(cat "$S/late/uuid" "$S/late/ip")" "$before"
fails 'plan.set_service("late", ServiceConfig("busybox", env_vars = {"A": "b"}))' "'env_vars' cannot be changed by set_service"
fails 'plan.set_service("nobody", ServiceConfig("busybox"))' "there is no service 'nobody'" case.star:2:
fails 'plan.set_service("late")' 'missing argument for config'

# ---- remove_service
uuid=$(cat "$S/late/uuid")
succeeds 'plan.remove_service("late")' "Removing service 'late'
Service 'late' with service UUID '$uuid' removed"
[ ! -e "$S/late" ]
equal "$(docker ps -aq --filter label=dev.kfs.service.name=late)" ''
fails 'plan.remove_service("late")' "remove_service for service 'late' which doesn't exist" case.star:2:
fails 'plan.remove_service("idle")
plan.get_service("idle")' "fetching service 'idle'" case.star:3:
fails 'plan.remove_service("idle")
plan.remove_service("idle")' "'idle' which doesn't exist" case.star:3:
# A name that became free can be taken again, in the same run too.
succeeds 'plan.remove_service("idle")
plan.add_service("idle", ServiceConfig("busybox", cmd = ["sleep", "99"]))'
equal "$(jq -r '.cmd[1]' "$S/idle/config.json")" 99
finish
