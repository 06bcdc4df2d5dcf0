#!/bin/bash
# Where images come from: a registry, with and without login, that is slow, dies or hangs while one is
# pulled; the engine's builder. What is here already is not asked for.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
# One try, and not five with half a minute of pauses, until the engine gives a download up.
dockerd_stop
dockerd_start --max-download-attempts 1

# ---- a registry, the same with a login, and the same through a line that can be narrowed
# registry PORT [CONFIGURATION] - on this port, with the images of all; its log is registry.PORT.
registry() {
    printf '%s\n' 'version: 0.1' "storage: {filesystem: {rootdirectory: $PWD/registry}}" \
        "http: {addr: '127.0.0.1:$1'}" "${2-}" >registry.yml
    docker-registry serve registry.yml >"registry.$1" 2>&1 &
    eventually 10 curl -s "http://127.0.0.1:$1/v2/"
}
# Of the password "right".
echo 'me:$2b$04$pXGwysoNL6yhymZ45miqxO0m.VPiqX7JzMDkp1uIikykIGQ4pIRCG' >htpasswd
registry 5000
open_registry=$!
registry 5001 "auth: {htpasswd: {realm: r, path: $PWD/htpasswd}}"
echo open >line
python3 "$KFS_TOP/tests/system/lib/narrow.py" 5002 5000 line &
narrow=$!

publish() {
    docker tag "$1" "127.0.0.1:5000/$2"
    docker push -q "127.0.0.1:5000/$2" >/dev/null
    docker rmi "127.0.0.1:5000/$2" >/dev/null
}
publish busybox app:1
publish busybox private:1
publish busybox base:1
for name in large other; do
    docker run --name $name busybox sh -c 'head -c 6000000 /dev/urandom >/random'
    docker commit $name $name >/dev/null
    docker rm $name >/dev/null
    publish $name $name:1
    docker rmi $name >/dev/null
done

export DOCKER_CONFIG=$PWD/config
mkdir config
kfsd_start
E=$K/enclaves/e
mkdir "$E"

# runs [OPTION...] SCRIPT-LINES - of a function run(plan); the run's own exit status.
runs() {
    local options=("${@:1:$#-1}") dir=$E/plan/p
    mkdir -p "$dir"
    echo 'name: github.com/me/p' >"$dir/kurtosis.yml"
    printf 'def run(plan):\n%s\n' "${!#}" >"$dir/main.star"
    echo "${options[*]} ./p" >"$E/run"
    cat "$E/wait" >/dev/null 2>&1
}

# adds NAME IMAGE - a line that adds a service that only waits.
adds() {
    printf '    plan.add_service("%s", ServiceConfig(%s, cmd = ["sleep", "1000000"]))\n' "$1" "$2"
}

fails() {
    local part
    ! runs "${@:1:1}" || fail "it went well"
    for part in "${@:2}"; do has "$(cat "$E/runs/last/error")" "$part"; done
}

# ---- without login; what is here is not asked for, unless one says so
runs "$(adds app '"127.0.0.1:5000/app:1"')" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5000/app:1 - remotely downloaded'
asked=$(wc -l <registry.5000)
runs "$(adds app2 '"127.0.0.1:5000/app:1"')" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5000/app:1 - locally cached'
equal "$(wc -l <registry.5000)" "$asked"
runs --image-download always "$(adds app3 '"127.0.0.1:5000/app:1"')" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5000/app:1 - remotely downloaded'
[ "$(wc -l <registry.5000)" -gt "$asked" ]

# ---- missing ones, all told together, before anything is touched
fails "$(adds a '"127.0.0.1:5000/app:99"'; adds b '"127.0.0.1:5000/nothing"'; adds c '"127.0.0.1:9/x"')" \
    "image '127.0.0.1:5000/app:99' of the instruction at [github.com/me/p/main.star:2:21]" 'manifest unknown' \
    "image '127.0.0.1:5000/nothing'" "image '127.0.0.1:9/x'" 'connection refused' 'main.star:4:21'
equal "$(ls "$E/services" | xargs)" 'app app2 app3'

# ---- a login: none, a wrong one, from the script, from config.json
I='image = "127.0.0.1:5001/private:1"'
fails "$(adds login '"127.0.0.1:5001/private:1"')" 'docker login 127.0.0.1:5001' 'main.star:2:21'
fails "$(adds login "ImageSpec($I, username = \"me\", password = \"wrong\")")" \
    'authentication required: 127.0.0.1:5001 does not accept the username and password that the plan gives' 'main.star:2:21'
runs "$(adds login "ImageSpec($I, registry = \"http://127.0.0.1:5001\", username = \"me\", password = \"right\")")" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5001/private:1 - remotely downloaded'
# The password is kept and shown nowhere but in the script.
! grep -rl right state "$E/runs" "$E/services/login"/{config.json,inspect} kfsd.log | grep -v -e /plan/ -e '/script$' || fail "the password is shown"
! docker inspect "$(container_of e login)" | grep right || fail "the engine shows the password"
docker rm -f "$(container_of e login)" >/dev/null
docker rmi 127.0.0.1:5001/private:1 >/dev/null
login() {
    printf '{"auths": {"127.0.0.1:5001": {"auth": "%s"}}}' "$(printf '%s' "$1" | base64)" >config/config.json
}
login me:wrong
fails "$(adds login '"127.0.0.1:5001/private:1"')" "does not accept the login in $PWD/config/config.json" 'docker login 127.0.0.1:5001'
login me:right
runs "$(adds login '"127.0.0.1:5001/private:1"')" || fail "$(cat "$E/error")"

# ---- slowly: its progress is seen
echo rate 4000000 >line
printf 'def run(plan):\n%s\n' "$(adds slow '"127.0.0.1:5002/large:1"')" >"$E/plan/slow.star"
eventually 10 grep -q '^127.0.0.1:5002/large:1: .* [0-4]\.[0-9]/6\.[0-9] MB$' "$E/runs/last/output"
cat "$E/wait" >/dev/null
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5002/large:1 - remotely downloaded'

# ---- the registry dies midway; hangs, until one has enough of it
echo cut 2000000 >line
fails "$(adds cut '"127.0.0.1:5002/other:1"')" "image '127.0.0.1:5002/other:1'" 'main.star:2:21' 'pulling from 127.0.0.1:5002: unexpected EOF'
echo stall 2000000 >line
printf 'def run(plan):\n%s\n' "$(adds stalled '"127.0.0.1:5002/other:1"')" >"$E/plan/stalled.star"
eventually 10 grep -q '^127.0.0.1:5002/other:1: .* MB$' "$E/runs/last/output"
echo CANCELLED >"$E/runs/last/status"
within 2000 refuses EIO cat "$E/wait"
equal "$(cat "$E/runs/last/status")" CANCELLED
kill $narrow
fails "$(adds gone '"127.0.0.1:5002/other:1"')" 'pulling from 127.0.0.1:5002' 'connection refused'
! docker image inspect 127.0.0.1:5002/other:1 >/dev/null 2>&1 || fail "half an image is there"
# `always` makes do with what is here when there is no way to a newer one.
kill $open_registry
runs --image-download always "$(adds app4 '"127.0.0.1:5000/app:1"')" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> 127.0.0.1:5000/app:1 - locally cached'
equal "$(cd "$E/services" && echo *)" 'app app2 app3 app4 login slow'

# ---- built here; the base image is pulled, with the login
mkdir -p "$E/plan/p/image/sub"
cat >"$E/plan/p/image/Dockerfile" <<'END_OF_FILE'
FROM 127.0.0.1:5001/base:1 AS first
ARG WHO=nobody
COPY sub/data /data
RUN echo "$WHO" >/who
CMD ["sleep", "1000000"]
FROM first AS second
RUN echo second >>/who
END_OF_FILE
sed 's/^RUN.*/RUN echo telling >\&2; exit 9/' "$E/plan/p/image/Dockerfile" >"$E/plan/p/image/Failing"
echo 'NONSENSE here' >"$E/plan/p/image/Nonsense"
echo data >"$E/plan/p/image/sub/data"

runs "    plan.add_service('first', ServiceConfig(ImageBuildSpec('kfs-test-built:1', './image', target_stage = 'first', build_args = {'WHO': 'me'})))
    plan.add_service('second', ServiceConfig(ImageBuildSpec(image_name = 'kfs-test-second', build_context_dir = '/image', build_file = 'Dockerfile')))" || fail "$(cat "$E/error")"
has "$(cat "$E/runs/last/output")" '> kfs-test-built:1 - locally built'
equal "$(container_sh e first 'cat /data /who' | xargs)" 'data me'
equal "$(container_sh e second 'cat /who' | xargs)" 'nobody second'
fails "    plan.add_service('a', ServiceConfig(ImageBuildSpec('kfs-test-built:1', './image', 'Failing')))
    plan.add_service('b', ServiceConfig(ImageBuildSpec('kfs-test-b', './image', 'Nonsense')))
    plan.add_service('c', ServiceConfig(ImageBuildSpec('kfs-test-c', './image', 'Missing')))
    plan.add_service('d', ServiceConfig(ImageBuildSpec('kfs-test-d', './image', target_stage = 'third')))" \
    "image 'kfs-test-built:1'" 'main.star:2:21' 'exit code: 9' "image 'kfs-test-b'" NONSENSE "image 'kfs-test-c'" "there is no 'Missing' in the directory" "image 'kfs-test-d'" third
has "$(cat "$E/runs/last/output")" telling
finish
dockerd_stop
