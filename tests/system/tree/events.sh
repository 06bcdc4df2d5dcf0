#!/bin/bash
# Events: a finite file for cat, tail -f and grep, and one on which select(2), poll(2) and epoll(7) wait
# until something has happened.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
mkdir "$E"
equal "$(cat "$E/wait")" EMPTY
jq -es 'map(.kind == "enclave") | all' "$E/events" >/dev/null

# ---- waits (events, commands that cause some) until there is one: with each call, also of an open file
# that was read to its end. Nothing is lost between two waits, and nothing wakes for nothing.
cat >waits.py <<'EOF'
import json, os, select, subprocess, sys, time

path, mount = sys.argv[1:]

def wait_poll(file, timeout):
    p = select.poll()
    p.register(file, select.POLLIN)
    return p.poll(timeout * 1000)

def wait_select(file, timeout):
    return select.select([file], [], [], timeout)[0]

def wait_epoll(file, timeout):
    with select.epoll() as e:
        e.register(file, select.EPOLLIN)
        return e.poll(timeout)

for wait in wait_poll, wait_select, wait_epoll:
    with open(path) as file:
        assert wait(file, 0), "what is there already can be read"
        file.read()
        assert not wait(file, 0.1), "nothing new"
        name = "web-" + wait.__name__.split("_")[1]
        child = subprocess.Popen(["sh", "-c", f"sleep 0.1; mkdir {mount}/enclaves/e/services/{name}"])
        start = time.monotonic()
        assert wait(file, 10)
        assert time.monotonic() - start < 5
        events = [json.loads(line) for line in file]
        assert any(event["name"] == name for event in events), events
        assert child.wait() == 0
        assert not wait(file, 0.1), "nothing new again"
        os.rmdir(f"{mount}/enclaves/e/services/{name}")
        assert wait(file, 10)
        assert "removed" in file.read()

# Everything is seen once, in order, by one who waits between reads.
seen = []
with open(f"{mount}/engine/events") as file:
    file.read()
    child = subprocess.Popen(["sh", "-c", f"for i in $(seq 30); do mkdir {mount}/enclaves/e/services/s$i; done"])
    while len(seen) < 30:
        assert wait_poll(file, 10), seen
        seen += [e["name"] for e in map(json.loads, file) if e["event"] == "added"]
    assert child.wait() == 0
assert seen == [f"s{i}" for i in range(1, 31)], seen

# The end of the enclave is an end of waiting.
with open(path) as file:
    file.read()
    child = subprocess.Popen(["sh", "-c", f"sleep 0.1; rmdir {mount}/enclaves/e"])
    p = select.poll()
    p.register(file, select.POLLIN)
    while True:
        (fd, events), = p.poll(10000)
        file.read()
        if events & select.POLLHUP:
            break
    assert child.wait() == 0
EOF
python3 waits.py "$E/events" "$K"
cat "$K/engine/wait" >/dev/null

# ---- tail -f prints what comes
mkdir "$E"
tail -n +1 -f "$E/events" >followed &
tail=$!
mkdir "$E/services/web"
eventually 10 grep -q '"name": "web"' followed
kill $tail
wait $tail || true

# ---- one who waits costs nothing: no request comes until something happens
requests() {
    sed -n 's/^kfs_fuse_requests_total{request="poll"} //p' "$K/engine/metrics"
}
python3 -c "
import select, sys
with open(sys.argv[1]) as file:
    file.read()
    p = select.poll()
    p.register(file, select.POLLIN)
    print('waits', flush=True)
    p.poll(30000)" "$E/events" >waiter &
waiter=$!
eventually 10 grep -q waits waiter
eventually 10 sh -c "grep -q poll /proc/$waiter/wchan || grep -q poll_schedule /proc/$waiter/stack"
quiet() { # a last event of what came before may still have woken it
    local before
    before=$(requests)
    sleep 0.3
    [ "$(requests)" = "$before" ]
}
eventually 5 quiet
within 1000 rmdir "$E"
wait $waiter
finish
