#!/bin/bash
# What a script may not say of each type is refused before anything is touched, with the place: at
# interpretation what one value shows, at validation what only the enclave shows, all of it together.
# limit: 60
. "$KFS_TOP/tests/system/lib/test.sh"

# expects VALUE PART... - a script with the value cannot be interpreted, and is told the parts.
expects() {
    local value=$1 output part
    shift
    printf 'def run(plan):\n    x = %s\n' "$value" >script.star
    if output=$(kfs plan script.star 2>&1); then fail "not refused: $value"; fi
    for part in "$@" 'at [script.star:2:'; do has "$output" "$part"; done
}

# field FIELD=VALUE PART... - of a ServiceConfig that is right otherwise.
field() {
    local value=$1
    shift
    expects "ServiceConfig(image = \"i\", $value)" "Cannot construct 'ServiceConfig'" "$@"
}

# ---- calls
expects 'ServiceConfig()' 'missing argument for image'
expects 'PortSpec(80, nubmer = 1)' 'unexpected keyword argument "nubmer" (did you mean number?)'
expects 'PortSpec(80, number = 81)' 'multiple values for argument "number"'
expects 'User(1, 2, "d", 4)' 'want at most 3'
expects 'User(1, description = "")' "'description'"
# All that is wrong with a call is told together.
expects 'ServiceConfig(image = 1, ports = [], cmd = "sh", env_vars = {"A": 1}, max_cpu = "x", tini_enabled = 1, labels = {1: "a"})' \
    "'image' argument must be a string, an ImageSpec" "'ports' argument must be a dict" "'cmd' argument must be a list of strings" \
    "'env_vars[\"A\"]' argument must be a string" "'max_cpu' argument must be an int" "'tini_enabled' argument must be a bool" \
    "'labels' argument has a key of type 'int'"

# ---- ServiceConfig, field by field
expects 'ServiceConfig("")' 'empty'
expects 'ServiceConfig(PortSpec(1))' "an ImageSpec, an ImageBuildSpec or a NixBuildSpec, but it is of type 'PortSpec'"
field 'ports = {"a": 80}' "'ports[\"a\"]' argument must be" "'int'"
field 'ports = {"Not-valid": PortSpec(80)}' "port id 'Not-valid'"
field 'ports = {"sixteen-letters-": PortSpec(80)}' 'at most 15'
field 'ports = {"a": PortSpec(80), "b": PortSpec(80)}' "ports 'a' and 'b'" 'the same port'
field 'public_ports = {"a": PortSpec(80)}' "public port 'a' has no port of that id"
field 'files = {"/a": 1}' "'files[\"/a\"]' argument must be an artifact's name or a Directory"
field 'files = {"/a": ""}' 'empty'
field 'files = "a"' "'files' argument must be"
field 'entrypoint = "sh"' "'entrypoint' argument must be a list of strings"
field 'cmd = ["a", 1]' "'cmd[1]' argument must be a string"
field 'cmd = None' "'NoneType'; leave it out"
field 'env_vars = {"A": True}' "'env_vars[\"A\"]' argument must be a string"
field 'private_ip_address_placeholder = ""' "'private_ip_address_placeholder' argument must not be empty"
field 'max_cpu = -1' "'max_cpu' argument is -1; it must be at least 0"
field 'min_cpu = 1.5' "'min_cpu' argument must be an int"
field 'max_memory = 5' 'at least 6'
field 'min_memory = -1' 'at least 0'
field 'cpu_allocation = -1' "'cpu_allocation'"
field 'memory_allocation = 0' "'memory_allocation'"
field 'ready_conditions = ExecRecipe(["a"])' "'ready_conditions' argument must be ReadyCondition"
field 'labels = {"Upper": "a"}' "label 'Upper'"
field 'labels = {"a": "'"$(printf 'x%.0s' {1..64})"'"}' 'longer than 63'
field 'user = 1' "'user' argument must be User"
field 'tolerations = [1]' "'tolerations[0]'"
field 'node_selectors = {"a": 1}' "'node_selectors[\"a\"]'"
field 'files_to_be_moved = []' "'files_to_be_moved'"
field 'tini_enabled = "yes"' "'tini_enabled' argument must be a bool"
field 'tty_enabled = 1' "'tty_enabled'"
field 'devices = "/dev/null"' "'devices' argument must be a list of strings"
field 'publish_udp = 1' "'publish_udp'"
field 'capabilities = [1]' "'capabilities[0]'"
field 'gpu = {}' "'gpu' argument must be GpuConfig"
field 'privileged = True' '--privileged'
field 'host_pid_namespace = True' '--privileged'
field 'bind_mounts = {"/a": "/b"}' '--privileged'
field 'bind_mounts = {"a": "b"}' 'an absolute path on both sides'

# ---- the types in it, and those of instructions
expects 'PortSpec(0)' 'between 1 and 65535'
expects 'PortSpec("80")' "'number' argument must be an int"
expects 'PortSpec(80, "tcp")' "'transport_protocol' argument is 'tcp'; it can be TCP, UDP or SCTP"
expects 'PortSpec(80, application_protocol = "a/b")' "'application_protocol'"
expects 'PortSpec(80, wait = "")' 'a duration such as "10s"'
expects 'PortSpec(80, wait = "2 s")' "'wait' argument"
expects 'PortSpec(80, wait = 5)' "'wait' argument"
expects 'PortSpec(80, wait = "-1s")' "'wait' argument"
expects 'PortSpec(80, url = "")' "'url' argument must not be empty"
expects 'ReadyCondition(1, "code", "==", 0)' "'recipe' argument must be ExecRecipe GetHttpRequestRecipe"
expects 'ReadyCondition(ExecRecipe(["a"]), "code", "=", 0)' "'assertion' argument is '='"
expects 'ReadyCondition(ExecRecipe(["a"]), "code", "IN", 0)' "'IN' needs a list"
expects 'ReadyCondition(ExecRecipe(["a"]), "body", "==", 0)' "no field 'body'" "'code', 'output'"
expects 'ReadyCondition(ExecRecipe(["a"], {"x": "."}), "extract.y", "==", 0)' "no field 'extract.y'" 'extract.KEY'
expects 'ReadyCondition(ExecRecipe(["a"]), "code", "==", 0, interval = "")' "'interval'"
expects 'ReadyCondition(ExecRecipe(["a"]), "code", "==", 0, timeout = "soon")' "'timeout'"
expects 'ExecRecipe("ls")' "'command' argument must be a list of strings"
expects 'ExecRecipe([])' "'command' argument must not be empty"
expects 'ExecRecipe(["a"], extract = {"a b": "."})' "key 'a b'"
expects 'ExecRecipe(["a"], extract = {"a": 1})' "'extract[\"a\"]'"
expects 'GetHttpRequestRecipe("http")' 'missing argument for endpoint'
expects 'GetHttpRequestRecipe("", "/")' "'port_id' argument must not be empty"
expects 'GetHttpRequestRecipe("http", "/", headers = {"a": 1})' "'headers[\"a\"]'"
expects 'GetHttpRequestRecipe("http", "/", body = "")' 'unexpected keyword argument "body"'
expects 'PostHttpRequestRecipe("http", "/", body = {})' "'body' argument must be a string"
expects 'PostHttpRequestRecipe("http", "/", content_type = 1)' "'content_type'"
expects 'Directory()' 'exactly one of'
expects 'Directory(size = 5)' 'exactly one of'
expects 'Directory(["a"], "k")' 'exactly one of'
expects 'Directory([])' "'artifact_names' argument must not be empty"
expects 'Directory(["a", ""])' 'an empty name'
expects 'Directory(persistent_key = "k", size = 0)' "'size' argument is 0; it must be at least 1"
expects 'StoreSpec("")' "'src' argument must not be empty"
expects 'StoreSpec("/a", "")' "'name' argument must not be empty"
expects 'ImageSpec("")' "'image' argument must not be empty"
expects 'ImageSpec("i", username = "")' "'username'"
expects 'ImageSpec("i", password = 5)' "'password' argument must be a string"
expects 'ImageBuildSpec("i")' 'missing argument for build_context_dir'
expects 'ImageBuildSpec("i", "./nowhere")' nowhere
expects 'ImageBuildSpec("i", "./nowhere", build_args = {"A": 1})' "'build_args[\"A\"]'"
expects 'NixBuildSpec("i")' 'missing argument for build_context_dir' 'missing argument for image_name'
expects 'User(-1)' 'at least 0'
expects 'User("root")' "'uid' argument must be an int"
expects 'User(1, gid = -1)' "'gid'"
expects 'Toleration(operator = "Equal")' 'must be Exists'
expects 'Toleration("k", "Same")' 'Exists or Equal'
expects 'Toleration("k", "Exists", "v")' "there can be no 'value'"
expects 'Toleration("k", effect = "Never")' 'NoSchedule, NoExecute or PreferNoSchedule'
expects 'Toleration("k", toleration_seconds = "5")' "'toleration_seconds'"
expects 'GpuConfig(count = -2)' 'at least -1'
expects 'GpuConfig(ulimits = {"nofile": "1"})' "'ulimits[\"nofile\"]'"
expects 'GpuConfig(shm_size = -1)' "'shm_size'"
expects 'GpuConfig(driver = 5)' "'driver'"
expects 'GpuConfig(driver = {"podman": "d"})' "'driver'"
expects 'Service("a", "b", "c", {"p": 1})' "'ports[\"p\"]'"
expects 'PortSpec(80).wait' 'no .wait'

# ---- what only the enclave shows: all of it together, each with its place, and nothing is made
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"
cat >"$E/plan/all.star" <<'END_OF_SCRIPT'
def run(plan):
    ok = ServiceConfig("busybox", cmd = ["sleep", "1000000"])
    plan.add_service("fine", ok)
    plan.add_service("Bad_Name", ok)
    plan.add_service("fine", ok)
    plan.add_service("mounts", ServiceConfig("busybox", files = {"/a": "no-such-artifact", "/b": Directory(["neither-this"])}))
    plan.add_service("keys", ServiceConfig("busybox", files = {"/a": Directory(persistent_key = "Bad Key"), "relative": Directory(persistent_key = "k")}))
    plan.add_service("nix", ServiceConfig(NixBuildSpec(flake_location_dir = ".", build_context_dir = ".", image_name = "n")))
    plan.add_service("greedy", ServiceConfig("busybox", min_cpu = 1000000000, min_memory = 1000000000))
    plan.add_service("asks", ServiceConfig("busybox", ready_conditions = ReadyCondition(GetHttpRequestRecipe("nope", "/"), "code", "==", 200)))
    plan.run_sh(run = "true", image = "busybox", files = {"/a": "not-there"}, store = [StoreSpec("/a", "x"), StoreSpec("/a", "y")])
    plan.wait("nobody", ExecRecipe(["true"]), "code", "==", 0)
END_OF_SCRIPT
refuses EIO cat "$E/wait"
error=$(cat "$E/runs/last/error")
for part in "Service name 'Bad_Name' is not valid" "with the same name isn't allowed: 'fine'" "artifact 'no-such-artifact'" "artifact 'neither-this'" \
    "persistent key 'Bad Key'" "mount path 'relative'" "image 'n' is to be built with Nix" 'requires 1000000000 millicores' \
    'requires 1000000000 megabytes' "port ID 'nope'" "artifact 'not-there'" "stored twice" "service 'nobody'" \
    '[all.star:4:21]' '[all.star:5:21]' '[all.star:6:21]' '[all.star:7:21]' '[all.star:8:21]' '[all.star:9:21]' '[all.star:10:21]' '[all.star:11:16]' '[all.star:12:14]'; do
    has "$error" "$part"
done
equal "$(grep -c 'The instruction can be found at' "$E/runs/last/error")" 9
equal "$(ls "$E/services")" ''
equal "$(docker ps -aq)" ''
finish
