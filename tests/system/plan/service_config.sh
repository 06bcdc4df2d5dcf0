#!/bin/bash
# Every field of ServiceConfig, and of the types in it, in what the container engine then holds and the
# container sees: ports, files, directories that persist, limits, rights. And what goes wrong only there.
# limit: 90
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"

runs_well() {
    cat >"$E/plan/$1.star"
    cat "$E/wait" >/dev/null || fail "$1: $(cat "$E/error")"
}

# runs_badly NAME PART...
runs_badly() {
    local name=$1 part
    shift
    cat >"$E/plan/$name.star"
    refuses EIO cat "$E/wait"
    for part; do has "$(cat "$E/runs/last/error")" "$part"; done
}

# inspected SERVICE FORMAT - of its container, as the engine has it.
inspected() {
    docker inspect --format "$2" "$(container_of e "$1")"
}

# ---- every field at once
runs_well full <<'END_OF_SCRIPT'
def run(plan):
    low = plan.render_templates({"a": struct(template = "low a", data = {}), "b": struct(template = "low b", data = {})}, "low")
    high = plan.render_templates({"b": struct(template = "high b", data = {}), "d/c": struct(template = "high c", data = {})}, "high")
    full = plan.add_service("full", ServiceConfig(
        image = "busybox",
        ports = {
            "http": PortSpec(number = 80, transport_protocol = "TCP", application_protocol = "http", wait = "10s"),
            "fixed": PortSpec(81, "TCP", wait = None),
            "dns": PortSpec(53, "UDP", "dns"),
            "wire": PortSpec(99, transport_protocol = "SCTP", wait = None),
            "named": PortSpec(82, url = "custom://elsewhere:1/x", wait = None),
        },
        public_ports = {"fixed": PortSpec(18081)},
        files = {"/low": low, "/both": Directory(artifact_names = [low, high]), "/keep": Directory(persistent_key = "keep", size = 5)},
        entrypoint = ["/bin/sh", "-c"],
        cmd = ["echo $0 started on $SELF; exec httpd -f -p 80 -h /both", "MINE"],
        env_vars = {"SELF": "http://MINE:80/", "PLAIN": "a 'b' \"c\" $d"},
        private_ip_address_placeholder = "MINE",
        max_cpu = 500,
        min_cpu = 10,
        max_memory = 64,
        min_memory = 8,
        ready_conditions = ReadyCondition(
            recipe = ExecRecipe(command = ["cat", "/both/b"], extract = {"word": 'split(" ")[0]'}),
            field = "extract.word",
            assertion = "IN",
            target_value = ["high", "higher"],
            interval = "50ms",
            timeout = "10s",
        ),
        labels = {"tier.x_y-1": "Front", "ip": "none"},
        user = User(uid = 0, gid = 12),
        tolerations = [Toleration(key = "k", operator = "Equal", value = "v", effect = "NoExecute", toleration_seconds = 5)],
        node_selectors = {"disk": "ssd"},
        tini_enabled = False,
        tty_enabled = True,
        devices = ["/dev/null:/dev/mine:rw", "/dev/zero"],
        publish_udp = True,
        capabilities = ["NET_ADMIN"],
        gpu = GpuConfig(shm_size = 32, ulimits = {"nofile": 2048}),
    ))
    plan.add_service(name = "plain", config = ServiceConfig("busybox", cmd = ["sleep", "1000000"]))
    plan.add_service("old", ServiceConfig(
        image = "busybox:latest", cmd = ["sleep", "1000000"], cpu_allocation = 250, memory_allocation = 32,
        ports = {"dns": PortSpec(53, "UDP")}, entrypoint = [], user = User(5),
        files = {"/k": Directory(persistent_key = "keep")},
        env_vars = {"SELF": "KURTOSIS_IP_ADDR_PLACEHOLDER"},
    ))
    port = full.ports["http"]
    return struct(
        name = full.name,
        hostname = full.hostname,
        address = full.ip_address,
        http = [port.number, port.transport_protocol, port.application_protocol, port.wait, port.url],
        url = full.ports["named"].url,
        absent = [hasattr(full.ports["fixed"], f) for f in ("application_protocol", "wait", "url")],
        default = full.ports["dns"].wait,
        text = str(full.ports["wire"]),
    )
END_OF_SCRIPT

equal "$(inspected full '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')" '500000000 64000000 64000000'
equal "$(inspected full '{{.HostConfig.Init}} {{.Config.Tty}} {{.HostConfig.ShmSize}} {{.Config.User}}')" 'false true 33554432 0:12'
equal "$(inspected full '{{.HostConfig.CapAdd}} {{(index .HostConfig.Ulimits 0).Name}} {{(index .HostConfig.Ulimits 0).Hard}}')" '[NET_ADMIN] nofile 2048'
equal "$(inspected full '{{range .HostConfig.Devices}}{{.PathOnHost}}:{{.PathInContainer}}:{{.CgroupPermissions}} {{end}}')" \
    '/dev/null:/dev/mine:rw /dev/zero:/dev/zero:rwm '
equal "$(inspected full '{{index .Config.Labels "dev.kfs.custom.tier.x_y-1"}}')" Front
equal "$(inspected full '{{json .Config.ExposedPorts}}')" '{"53/udp":{},"80/tcp":{},"81/tcp":{},"82/tcp":{},"99/sctp":{}}'
equal "$(inspected full '{{json (index .HostConfig.PortBindings "81/tcp")}}')" '[{"HostIp":"0.0.0.0","HostPort":"18081"}]'
equal "$(inspected full '{{with index .HostConfig.PortBindings "53/udp"}}{{(index . 0).HostIp}}{{end}}')" 127.0.0.1
equal "$(inspected full '{{with index .HostConfig.PortBindings "99/sctp"}}published{{end}}')" ''
equal "$(inspected plain '{{.HostConfig.Init}} {{.Config.Tty}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.Config.User}}|')" 'true false 0 0 |'
has "$(cat "$E/runs/last/output")" "'cpu_allocation' of ServiceConfig is deprecated"
equal "$(inspected old '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.Config.User}} {{.HostConfig.PortBindings}}')" '250000000 32000000 5 map[]'

S=$E/services/full
ip=$(cat "$S/ip")
eventually 5 grep -q started "$S/logs"
equal "$(tr -d '\r' <"$S/logs")" "$ip started on http://$ip:80/"
equal "$(container_sh e full 'echo "$PLAIN"')" "a 'b' \"c\" \$d"
equal "$(container_sh e full 'cat /low/b /both/a /both/b /both/d/c')" 'low blow ahigh bhigh c'
equal "$(container_sh e full 'ls -l /dev/mine | cut -c1; ulimit -n; df -m /dev/shm | tail -1 | xargs | cut -d" " -f2' | xargs)" 'c 2048 32'
equal "$(container_sh e old 'echo $SELF $(id -u)')" "$(cat "$E/services/old/ip") 5"
equal "$(curl -s "http://$(cat "$S/port/http")/d/c")" 'high c'
has "$(cat "$S/port/fixed")" :18081
equal "$(cd "$S/port" && wc -c <wire)$(cat "$E/services/old/port/dns")" 0
equal "$(jq -c '[.name, .hostname, .address, .http, .url, .absent, .default, .text]' "$E/runs/last/result.json")" \
    "[\"full\",\"full\",\"$ip\",[80,\"TCP\",\"http\",\"10s\",\"http://full:80\"],\"custom://elsewhere:1/x\",[false,false,false],\"2m0s\",\"PortSpec(number=99, transport_protocol=\\\"SCTP\\\")\"]"

# ---- a directory that persists: in every service that has its key, over the update of one, not elsewhere
container_sh e full 'echo kept >/keep/it'
equal "$(container_sh e old 'cat /k/it')" kept
before=$(container_of e old)
sed 's/cpu_allocation = 250/cpu_allocation = 300/' "$E/runs/1/script" >"$E/plan/full.star"
cat "$E/wait" >/dev/null
[ "$(container_of e old)" != "$before" ]
equal "$(container_sh e old 'cat /k/it')" kept
mkdir "$K/enclaves/other"
cat >"$K/enclaves/other/plan/a.star" <<'END_OF_SCRIPT'
def run(plan):
    config = ServiceConfig(image = "busybox", cmd = ["sleep", "1000000"], files = {"/keep": Directory(persistent_key = "keep")})
    plan.add_service("a", config)
    plan.verify(plan.exec("a", ExecRecipe(command = ["ls", "/keep"]))["output"], "==", "")
    plan.remove_service("a")
END_OF_SCRIPT
cat "$K/enclaves/other/wait" >/dev/null

# ---- waiting for ports, and ready conditions of every recipe
runs_well waits <<'END_OF_SCRIPT'
def run(plan):
    server = "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; echo \\\"$REQUEST_METHOD $CONTENT_TYPE $HTTP_X_KEY\\\" >>/tmp/asked; cat; echo {\\\"state\\\": $(wc -l </tmp/asked)}' >/www/cgi-bin/state; chmod +x /www/cgi-bin/state; sleep 0.3; exec httpd -f -p 80 -h /www"
    def config(recipe, target):
        return ServiceConfig(
            image = "busybox",
            entrypoint = ["sh", "-c", server],
            ports = {"http": PortSpec(80, wait = "20s"), "late": PortSpec(81, wait = None), "dns": PortSpec(53, "UDP", wait = "1s")},
            ready_conditions = ReadyCondition(recipe, "extract.n", ">=", target, "50ms", "20s"),
        )
    plan.add_services({
        "get": config(GetHttpRequestRecipe("http", "/cgi-bin/state", {"n": ".state"}, {"X-Key": "v"}), 2),
        "post": config(PostHttpRequestRecipe(
            port_id = "http", endpoint = "/cgi-bin/state", body = " \n", content_type = "text/x", extract = {"n": ".state"}, headers = {"X-Key": "w"},
        ), 3),
    })
END_OF_SCRIPT
equal "$(container_sh e get 'cat /tmp/asked' | xargs)" 'GET v GET v'
equal "$(container_sh e post 'head -1 /tmp/asked' | xargs)" 'POST text/x w'

# ---- what only the engine can refuse: in words, at the instruction, and nothing is left half-made
sleeper() {
    printf 'def run(plan):\n    plan.add_service("%s", ServiceConfig("busybox", cmd = ["sleep", "1000000"], %s))\n' "$1" "$2"
}

runs_badly never '[never.star:2:21]' "timed-out waiting" < <(sleeper never 'ready_conditions = ReadyCondition(
    ExecRecipe(["sh", "-c", "echo not yet; exit 3"]), "code", "==", 0, interval = "50ms", timeout = "1s")')
has "$(cat "$E/services/never/status")" RUNNING
runs_badly port '[port.star:2:21]' "port ID 'http' to exist on service 'port'" \
    < <(sleeper port 'ready_conditions = ReadyCondition(GetHttpRequestRecipe("http", "/"), "code", "==", 200)')
runs_badly device '[device.star:2:21]' "service 'device' could not be started" /dev/nonsense \
    < <(sleeper device 'devices = ["/dev/nonsense"]')
runs_badly gpu 'could not select device driver "nvidia"' < <(sleeper gpu 'gpu = GpuConfig(count = 1)')
runs_badly capability CAP_NONSENSE < <(sleeper capability 'capabilities = ["NONSENSE"]')
runs_badly ulimit RLIMIT_NONSENSE < <(sleeper ulimit 'gpu = GpuConfig(ulimits = {"nonsense": 1})')
runs_badly program "service 'program' could not be started" '/nonsense: no such file' < <(sleeper program 'entrypoint = ["/nonsense"], tini_enabled = False')
runs_badly taken 'Bind for 0.0.0.0:18081 failed' < <(sleeper taken 'ports = {"s": PortSpec(5, wait = None)}, public_ports = {"s": PortSpec(18081)}')
# A kernel may lack SCTP, and says so at once; else nothing listens.
runs_badly sctp "port 's'" < <(sleeper sctp 'ports = {"s": PortSpec(5, "SCTP", wait = "300ms")}')
equal "$(ls "$E/services" | xargs)" 'full get never old plain post sctp'
finish
