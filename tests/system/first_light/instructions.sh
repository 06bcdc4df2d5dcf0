#!/bin/bash
# The first instructions, and what a run makes of them: values known only while it executes, waiting for
# ports, skipping what is there already, replacing what changed.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e
mkdir "$E"

runs_well() {
    cat >"$E/plan/$1.star"
    cat "$E/wait" >/dev/null || fail "$1: $(cat "$E/error")"
    equal "$(cat "$E/runs/last/status")" SUCCEEDED
}

runs_badly() {
    cat >"$E/plan/$1.star"
    refuses EIO cat "$E/wait"
    equal "$(cat "$E/runs/last/status")" FAILED
    has "$(cat "$E/runs/last/error")" "$2"
}

# ---- values known only at run time, in arguments, environments, commands and the result
runs_well values <<'END'
def run(plan):
    web = plan.add_service(
        name = "web",
        config = ServiceConfig(
            image = "busybox:latest",
            entrypoint = ["sh", "-c"],
            cmd = ["mkdir /www; echo $TEXT >/www/index.html; exec httpd -f -p 80 -h /www"],
            env_vars = {"TEXT": "served"},
            ports = {"http": PortSpec(number = 80, transport_protocol = "TCP", application_protocol = "http", wait = "10s")},
        ),
    )
    forty_two = plan.exec(service_name = "web", recipe = ExecRecipe(command = ["sh", "-c", "printf 42"]))
    plan.verify(forty_two["code"], "==", 0)
    plan.verify(value = forty_two["output"], assertion = "==", target_value = "42")
    plan.add_service("client", ServiceConfig(
        image = "busybox:latest",
        cmd = ["sleep", "99999"],
        env_vars = {"ADDRESS": web.ip_address, "NAME": web.hostname, "NUMBER": forty_two["output"]},
    ))
    asked = plan.exec("client", ExecRecipe(command = ["wget", "-q", "-O-", "http://%s/" % web.hostname]))
    plan.print("asked and got " + asked["output"])
    bad = plan.exec("client", ExecRecipe(command = ["sh", "-c", "exit 3"]), acceptable_codes = [3])
    return struct(address = web.ip_address, number = forty_two["output"], code = bad["code"])
END
web=$E/services/web
has "$(cat "$E/runs/last/output")" 'asked and got served'
equal "$(container_sh e client 'echo $ADDRESS $NAME $NUMBER')" "$(cat "$web/ip") web 42"
equal "$(jq -r '.address, .number, .code' "$E/runs/last/result.json" | xargs)" "$(cat "$web/ip") 42 3"
equal "$(cat "$web/hostname")" web

# ---- the same again is skipped; what changed is replaced, and keeps its name, uuid, address and port
container=$(container_of e web)
facts=$(cat "$web/uuid" "$web/ip" "$web/port/http")
cp "$E/runs/1/script" same.star
cp same.star "$E/plan/values.star"
cat "$E/wait" >/dev/null
equal "$(container_of e web)" "$container"
sed s/served/changed/ same.star >changed.star
cp changed.star "$E/plan/values.star"
cat "$E/wait" >/dev/null
[ "$(container_of e web)" != "$container" ]
equal "$(cat "$web/uuid" "$web/ip" "$web/port/http")" "$facts"
equal "$(curl -s "http://$(cat "$web/port/http")/")" changed

# ---- remove_service
runs_well remove <<'END'
def run(plan):
    plan.remove_service(name = "client")
END
equal "$(ls "$E/services")" web
equal "$(docker_objects | grep -c ^container)" 1

# ---- arguments beside the script
echo '{"names": ["a", "b"]}' >"$E/plan/args.json"
runs_well args <<'END'
def run(plan, names, suffix = "!"):
    plan.print(",".join(names) + suffix)
END
has "$(cat "$E/runs/last/output")" 'a,b!'
equal "$(jq -c . "$E/runs/last/args")" '{"names":["a","b"]}'

# ---- failures, each with its reason
runs_badly verify 'Verification failed' <<'END'
def run(plan):
    plan.verify("1", "==", "2")
END
runs_badly code 'exit 7' <<'END'
def run(plan):
    plan.exec("web", ExecRecipe(command = ["sh", "-c", "exit 7"]))
END
runs_badly port 'did not open within 1s' <<'END'
def run(plan):
    plan.add_service("closed", ServiceConfig(
        image = "busybox:latest",
        cmd = ["sleep", "99999"],
        ports = {"never": PortSpec(number = 9, wait = "1s")},
    ))
END
runs_badly missing 'nobody' <<'END'
def run(plan):
    plan.exec("nobody", ExecRecipe(command = ["true"]))
END

# ---- a run that is stopped says so
cat >"$E/plan/long.star" <<'END'
def run(plan):
    plan.exec("web", ExecRecipe(command = ["sleep", "1000"]))
END
eventually 10 grep -q ^EXECUTING "$E/runs/last/status"
echo CANCELLED >"$E/runs/last/status"
within 5000 refuses EIO cat "$E/wait"
equal "$(cat "$E/runs/last/status")" CANCELLED
finish
