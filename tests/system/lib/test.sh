# test.sh - what every system test begins with; sourced. A command that fails fails the test, with its
# line; so does `fail`, and everything here that ends in a judgement.
#
# A test works in a directory of its own, in the bed (see ../bed). $K is its mount point.
set -eEu
export LC_ALL=C
. "$KFS_TOP/tests/system/lib/dockerd.sh"
. "$KFS_TOP/tests/system/lib/images.sh"

PATH=$KFS_BUILD/tools:$PATH
K=$PWD/mnt
INSTANCE=test-$(basename "$BED" | tr -d _)-$(echo "$KFS_TEST" | tr -c 'a-z0-9\n' -)
KFSD_PID=

trap 'echo "failed: ${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND" >&2' ERR

fail() {
    echo "failed: line ${BASH_LINENO[0]}: $*" >&2
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# ---- judgements

# equal ACTUAL EXPECTED
equal() {
    [ "$1" = "$2" ] || { echo "failed: line ${BASH_LINENO[0]}: expected '$2', not '$1'" >&2; exit 1; }
}

# has TEXT PART
has() {
    case $1 in *"$2"*) ;; *) echo "failed: line ${BASH_LINENO[0]}: no '$2' in: $1" >&2; exit 1 ;; esac
}

# refuses ERRNO COMMAND... - the command must fail, and say so with this errno's text.
refuses() {
    local errno=$1 text output
    shift
    case $errno in
    EPERM) text='Operation not permitted' ;;
    ENOENT) text='No such file or directory' ;;
    EIO) text='Input/output error' ;;
    EAGAIN) text='Resource temporarily unavailable' ;;
    EACCES) text='Permission denied' ;;
    EBUSY) text='Device or resource busy' ;;
    EEXIST) text='File exists' ;;
    EINVAL) text='Invalid argument' ;;
    ENAMETOOLONG) text='File name too long' ;;
    *) fail "refuses does not know $errno" ;;
    esac
    if output=$("$@" 2>&1); then
        echo "failed: line ${BASH_LINENO[0]}: went through: $*" >&2
        exit 1
    fi
    has "$output" "$text"
}

# within MILLISECONDS COMMAND... - it must succeed, in time. What waits for the engine takes seconds, and
# what does not must not: on a machine of which others take the most, that is four times the limit at most.
# How fast things are is the benchmarks' affair.
within() {
    local limit=$(($1 * 4 * ${KFS_SLOW:-1})) start
    shift
    start=$(date +%s%N)
    "$@"
    local took=$((($(date +%s%N) - start) / 1000000))
    [ $took -le $limit ] || { echo "failed: line ${BASH_LINENO[0]}: $* took $took ms, not $limit" >&2; exit 1; }
}

# eventually SECONDS COMMAND... - tries until it succeeds, on a slow machine three times as long. For what has
# no event to wait for.
eventually() {
    local end=$((SECONDS + $1 * 3 * ${KFS_SLOW:-1}))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "failed: line ${BASH_LINENO[0]}: never: $*" >&2; exit 1; }
        sleep 0.02
    done
}

# ---- kfsd

# Starts kfsd with further options and waits until the tree is there and the engine's first listing.
kfsd_start() {
    mkdir -p "$K"
    # What a shell runs in the background ignores SIGINT; kfsd is to be ended by it, too.
    # shellcheck disable=SC2086 # KFSD_WRAP is a command with arguments
    env --default-signal=INT ${KFSD_WRAP-} "$KFS_BUILD/kfs/kfsd" -f --docker-host "$DOCKER_HOST" --state-dir "$PWD/state" \
        --instance "$INSTANCE" "$@" "$K" >>kfsd.log 2>&1 </dev/null &
    KFSD_PID=$!
    eventually 20 kfsd_settled
    kfsd_is_up || fail "kfsd is not up: $(cat "$K/engine/status" 2>&1 || true) $(tail -3 kfsd.log)"
}

kfsd_settled() {
    kfsd_is_up || ! kill -0 "$KFSD_PID"
}

kfsd_is_up() {
    case $(cat "$K/engine/status" 2>&1 || true) in RUNNING*) ;; *) return 1 ;; esac
}

# Ends kfsd as a service manager would; it must unmount and succeed.
kfsd_stop() {
    kill -TERM "$KFSD_PID"
    wait "$KFSD_PID" || fail "kfsd ended with status $?: $(tail -3 kfsd.log)"
    ! grep -q " $K " /proc/self/mountinfo || fail "kfsd left its mount"
}

kfsd_kill() {
    kill -KILL "$KFSD_PID"
    wait "$KFSD_PID" 2>/dev/null || true
}

# ---- Docker, asked behind kfs's back

# Everything that bears the instance's label: a line each.
docker_objects() {
    docker ps -a --no-trunc --filter label=dev.kfs.instance="$INSTANCE" --format 'container {{.Names}} {{.Status}}'
    docker network ls --filter label=dev.kfs.instance="$INSTANCE" --format 'network {{.Name}}'
    docker volume ls --filter label=dev.kfs.instance="$INSTANCE" --format 'volume {{.Name}}'
}

# The id of a service's container. Names its enclave and itself.
container_of() {
    docker ps -aq --no-trunc --filter label=dev.kfs.instance="$INSTANCE" \
        --filter label=dev.kfs.enclave="$(cat "$K/enclaves/$1/uuid")" --filter label=dev.kfs.service.name="$2"
}

# container_sh ENCLAVE SERVICE COMMAND - in the container, by its shell.
container_sh() {
    docker exec "$(container_of "$1" "$2")" sh -c "$3"
}

# ---- scripts

# Writes a script that starts `count` services s1, s2, … that do nothing but wait, 1 by default.
idle_script() {
    cat <<END
def run(plan):
    plan.add_services({
        "s%d" % i: ServiceConfig(image = "busybox:latest", cmd = ["sleep", "1000000"])
        for i in range(1, ${1:-1} + 1)
    })
END
}

# Every test ends with this: all enclaves go, and leave nothing at all.
finish() {
    rm -rf "$K"/enclaves/*
    cat "$K/engine/wait" >/dev/null
    equal "$(ls "$K/enclaves")" ""
    equal "$(docker_objects)" ""
    kfsd_stop
}
