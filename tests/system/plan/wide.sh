#!/bin/bash
# A package of many modules with every instruction and every type: run, run again (all is skipped), then
# changed in one line (one service is replaced and keeps its ports).
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
image_load python
kfsd_start
E=$K/enclaves/e
mkdir "$E"
cp -r "$KFS_TOP/tests/system/plan/wide" "$E/plan/"

containers() {
    docker ps -aq --no-trunc --filter label=dev.kfs.instance="$INSTANCE" | sort
}

run_wide() {
    echo "./wide $*" >"$E/run"
    cat "$E/wait" >/dev/null || fail "$(cat "$E/error")"
    equal "$(cat "$E/runs/last/status")" SUCCEEDED
}

# ---- the first time
run_wide '{"greeting": "good day"}'
output=$(cat "$E/runs/last/output")
has "$output" 'good day 0=one 1=two seven'
has "$output" "3 \$HOME \`id\` \""
has "$output" 'Adding the peers'
has "$output" '{"a":[true],"b":1}'
has "$output" '> kfs-wide-built - locally built'
equal "$(jq -r '.peers[1], .answer' "$E/runs/last/result.json")" "peer-1
good day 0=one 1=two seven"
equal "$(jq -r .server "$E/runs/last/result.json")" "$(cat "$E/services/web/ip")"
equal "$(ls "$E/services" | xargs)" 'built peer-0 peer-1 web'
equal "$(cat "$E/files/page/deep/er/file")" 123456789012345678901234567890
equal "$(cat "$E/files/task-out/out")" one
equal "$(cat "$E/files/kept/root-file")" kept
[ ! -e "$E/files/static/ignored.txt" ]
equal "$(curl -s "http://$(cat "$E/services/web/port/http")/")" 'good day 0=one 1=two seven'
has "$(jq -r '.[].instruction' "$E/runs/last/plan.json" | sort -u | xargs)" \
    'add_service add_services exec get_cluster_type get_files_artifact get_service get_services print remove_service render_templates request run_python run_sh set_service start_service stop_service store_service_files upload_files verify wait'

# ---- by data flow, in an enclave of its own: what is made and said is the same, in the same order
said() { # but for what differs each time, and the steps of a build, which is cached by now
    sed -E '/^kfs-wide-built: \[/d; s/[0-9a-f]{32}/UUID/g; s/\b10\.[0-9]+\.[0-9]+\.[0-9]+/ADDRESS/g; s/[0-9]+ tries \([^)]*\)/TRIES/' \
        "$1"/runs/last/output
}
made() { # etc/ holds addresses
    (cd "$1/files" && find . -path ./etc -prune -o -type f -exec sha256sum {} +
        cd "$1/services" && grep -r . ./*/{cmd,env,image,status}) | sed -E 's/\b10\.[0-9]+\.[0-9]+\.[0-9]+/ADDRESS/' | sort
}
P=$K/enclaves/p
mkdir "$P"
cp -r "$KFS_TOP/tests/system/plan/wide" "$P/plan/"
echo '--parallel ./wide {"greeting": "good day"}' >"$P/run"
cat "$P/wait" >/dev/null || fail "$(cat "$P/error")"
equal "$(said "$P")" "$(said "$E")"
equal "$(made "$P")" "$(made "$E")"
rm -r "$P"

# ---- the same again: nothing is done
before=$(containers)
run_wide '{"greeting": "good day"}'
equal "$(containers)" "$before"
instructions=$(jq length "$E/runs/last/plan.json")
equal "$(grep -c '^SKIPPED - This instruction' "$E/runs/last/output")" "$instructions"
has "$(cat "$E/runs/last/output")" 'good day 0=one 1=two seven'

# ---- one line changed: one container is another, and what asked it asks again
facts=$(cat "$E/services/web/uuid" "$E/services/web/ip" "$E/services/web/port/http")
others=$(cat "$E"/services/{built,peer-0,peer-1}/uuid)
sed -i 's/"tier": "front"/"tier": "back"/' "$E/plan/wide/lib/web.star"
run_wide '{"greeting": "good day"}'
equal "$(comm -13 <(echo "$before") <(containers) | wc -l)" 1
equal "$(cat "$E/services/web/uuid" "$E/services/web/ip" "$E/services/web/port/http")" "$facts"
equal "$(cat "$E"/services/{built,peer-0,peer-1}/uuid)" "$others"

# ---- another value of an argument: the artifact changes, so what mounts it is replaced
before=$(containers)
run_wide '{"greeting": "good night"}'
equal "$(comm -13 <(echo "$before") <(containers) | wc -l)" 1
equal "$(curl -s "http://$(cat "$E/services/web/port/http")/")" 'good night 0=one 1=two seven'
equal "$(jq -r .answer "$E/runs/last/result.json")" 'good night 0=one 1=two seven'
finish
