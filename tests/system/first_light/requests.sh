#!/bin/bash
# What is done in the tree costs the orchestrator as many calls as it must, and looking costs none; as
# engine/metrics counts them.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start
E=$K/enclaves/e

# The calls so far: a line of its name for each.
calls() {
    sed -n 's/^kfs_orchestrator_call_seconds_count{operation="\(.*\)"} \(.*\)/\1 \2/p' "$K/engine/metrics" |
        while read -r name times; do yes "$name" | head -n "$times"; done
}

# costs EXPECTED COMMAND... - once nothing goes on any more. EXPECTED: "name times, name times"
costs() {
    local expected=$1 before
    shift
    before=$(calls)
    "$@" >/dev/null
    cat "$K/engine/wait" >/dev/null
    equal "$(diff <(sort <<<"$before") <(calls | sort) | sed -n 's/^> //p' | uniq -c |
        awk '{printf "%s%s %s", (NR > 1 ? ", " : ""), $2, $1}')" "$expected"
}

plan() {
    idle_script 3 >"$E/plan/three.star"
    cat "$E/wait"
    equal "$(cat "$E/runs/last/status")" SUCCEEDED
}

look() {
    cat "$E"/{status,inspect,uuid,error,events} "$E"/services/*/{status,ports,ip,env,config.json,inspect}
    ls -R "$K"
    find "$K"
    cat "$K/engine/enclaves" "$K/engine/events"
}

costs 'network_create 1' mkdir "$E"
costs 'image_inspect 1, service_create 3, service_start 3' plan
costs '' plan
has "$(cat "$E/runs/last/output")" SKIPPED
costs '' look
costs 'service_remove 1' rm -r "$E/services/s1"
costs 'list 1, network_remove 1, service_remove 2' rmdir "$E"
finish
