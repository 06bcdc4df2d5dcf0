# dockerd.sh - starts and stops the bed's dockerd; sourced by bed and by the tests that take it away.
#
# Its directory is $BED: data, exec, docker.sock, dockerd.pid, dockerd.log.

# Starts dockerd and waits until it answers. Its environment has no KFS_TEST, so that it outlives the
# test that (re)started it.
dockerd_start() {
    # A killed containerd leaves its pid file; the next one would wait for that process to end.
    rm -f "$BED/exec/containerd/containerd.pid" "$BED/dockerd.pid"
    env -u KFS_TEST setsid dockerd --data-root "$BED/data" --exec-root "$BED/exec" \
        --host "unix://$BED/docker.sock" --pidfile "$BED/dockerd.pid" \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$(basename "$BED")" \
        --log-level warn "$@" >>"$BED/dockerd.log" 2>&1 </dev/null &
    local pid=$!
    disown # its end is nobody's news
    for _ in $(seq 600); do
        dockerd_answers && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    echo "dockerd did not start: $(tail -1 "$BED/dockerd.log")" >&2
    return 1
}

dockerd_answers() {
    curl -sf --unix-socket "$BED/docker.sock" http://docker/_ping >/dev/null 2>&1
}

# Ends dockerd by the given signal (TERM: it stops its containers) and waits until it is gone.
dockerd_stop() {
    local pid
    pid=$(cat "$BED/dockerd.pid" 2>/dev/null) || return 0
    kill -"${1:-TERM}" "$pid" 2>/dev/null
    for _ in $(seq 400); do
        dockerd_gone "$pid" && return 0
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null
}

# A killed process counts as gone before its parent has noticed.
dockerd_gone() {
    case $(ps -o stat= -p "$1" 2>/dev/null || true) in '' | Z*) return 0 ;; *) return 1 ;; esac
}
