#!/bin/bash
# exec: one open file is one conversation, told its exit status, and however many there are, each is by
# itself: with blocking calls, with O_NONBLOCK, with poll(2), with input that nobody reads.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
mkdir "$E"
idle_script 1 >"$E/plan/idle.star"
equal "$(cat "$E/wait")" RUNNING
X=$E/services/s1/exec

# ---- from a shell
exec 3<>"$X"
echo 'exec 2>&1; echo out; echo err >&2; exit 3' >&3
equal "$(cat <&3)" "$(printf 'out\nerr\nexit 3')"
exec 3>&-
exec 3<>"$X"
echo '-i wc -c' >&3
printf 12345 >&3
printf '\004' >&3
equal "$(cat <&3 | xargs)" "5 exit 0"
exec 3>&-
equal "$(cat "$X")" "" # nothing was asked: nothing is said, and nothing blocks
refuses EINVAL tee "$X" <<<''

cat >conversations.py <<'EOF'

import errno, fcntl, os, select, signal, struct, subprocess, sys, termios, threading, time

path = sys.argv[1]
RESIZE = 0x40084b01 # KFS_EXEC_RESIZE

def ask(line, flags=0):
    fd = os.open(path, os.O_RDWR | flags)
    os.write(fd, line.encode() + b"\n")
    return fd

def rest(fd):
    pieces = []
    os.set_blocking(fd, True)
    while piece := os.read(fd, 65536):
        pieces.append(piece)
    os.close(fd)
    return b"".join(pieces).decode()

def refused(code, function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        assert error.errno == code, error
    else:
        raise AssertionError("went through")

# Twenty at once, each with input and output of its own, blocking.
def converse(i, answers):
    fd = ask(f"-i while read line; do echo {i}: $line; done; exit {i}")
    for word in "one", "two", "three":
        os.write(fd, f"{word}\n".encode())
        assert os.read(fd, 100).decode() == f"{i}: {word}\n"
    os.write(fd, b"\x04")
    answers[i] = rest(fd)

answers = {}
threads = [threading.Thread(target=converse, args=(i, answers)) for i in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert answers == {i: f"exit {i}\n" for i in range(20)}, answers

# Twenty at once by one thread: O_NONBLOCK and poll.
before = os.open(path, os.O_RDWR | os.O_NONBLOCK)
poll = select.poll()
poll.register(before, select.POLLIN | select.POLLOUT)
assert poll.poll(0) == [(before, select.POLLOUT)], "it waits for a command"
assert os.read(before, 10) == b""
os.write(before, b"echo asked\n")
poll.modify(before, select.POLLIN)
assert poll.poll(10000)
assert rest(before) == "asked\nexit 0\n"

fds = {ask(f"sleep 0.{i % 5}; seq {i} 1000; exit {i}", os.O_NONBLOCK): (i, []) for i in range(20)}
poll = select.poll()
late = ask("sleep 1", os.O_NONBLOCK)
refused(errno.EAGAIN, os.read, late, 10)
os.close(late)
for fd in fds:
    poll.register(fd, select.POLLIN)
open_ones = set(fds)
while open_ones:
    ready = poll.poll(10000)
    assert ready
    for fd, event in ready:
        assert event == select.POLLIN, event
        piece = os.read(fd, 1000)
        fds[fd][1].append(piece)
        if not piece:
            open_ones.remove(fd)
            poll.unregister(fd)
            os.close(fd)
for i, pieces in fds.values():
    expected = "".join(f"{n}\n" for n in range(i, 1001)) + f"exit {i}\n"
    assert b"".join(pieces).decode() == expected, (i, pieces)

# The exit status comes in a read of its own, after a newline where the output has none.
fd = ask("printf x")
assert os.read(fd, 100) == b"x"
assert os.read(fd, 100) == b"\nexit 0\n"
assert rest(fd) == ""

# A command that does not read its input keeps nobody else waiting; O_NONBLOCK says so, a signal ends
# the wait, and what was taken arrives.
stuck = ask("-i read line; echo first $line; wc -c", os.O_NONBLOCK)
poll = select.poll()
poll.register(stuck, select.POLLOUT)
assert poll.poll(0)
sent = 0
os.write(stuck, b"line\n")
while not select.select([stuck], [], [], 10)[0]:
    pass
assert os.read(stuck, 100) == b"first line\n"
quiet = ask("-i sleep 1000", os.O_NONBLOCK)
piece = bytes(1 << 16)
total = 0
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        total += os.write(quiet, piece)
    except BlockingIOError:
        break
assert 1 << 20 <= total <= 1 << 24, total
poll = select.poll()
poll.register(quiet, select.POLLOUT)
assert not poll.poll(100), "no room"
start = time.monotonic()
assert rest(ask("echo others")) == "others\nexit 0\n"
assert time.monotonic() - start < 5
os.close(quiet)

child = subprocess.Popen([sys.executable, "-c", """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.write(fd, b"-i sleep 4242\\n")
while True:
    os.write(fd, bytes(1 << 16))""", path])
time.sleep(1)
assert child.poll() is None
start = time.monotonic()
child.send_signal(signal.SIGKILL)
assert child.wait(5) == -signal.SIGKILL
assert time.monotonic() - start < 5
assert rest(ask("echo others")) == "others\nexit 0\n"

# What is more than is taken at once arrives all the same, as the command reads it.
fd = ask("-i sleep 0.5; wc -c")
size = 8 << 20
def feed():
    for _ in range(size >> 20):
        assert os.write(fd, bytes(1 << 20)) == 1 << 20
    os.write(fd, b"\x04")
feeder = threading.Thread(target=feed)
feeder.start()
assert rest(fd) == f"{size}\nexit 0\n"
feeder.join()

# A terminal's size; no terminal, no size.
fd = ask("-t sh -c 'read x </dev/null; until [ \"$(stty size 2>/dev/null)\" = \"33 77\" ]; do :; done; echo done'")
fcntl.ioctl(fd, RESIZE, struct.pack("HHHH", 33, 77, 0, 0))
answer = rest(fd)
assert answer == "done\r\nexit 0\n", answer
fd = ask("sleep 0.1")
refused(errno.ENOTTY, fcntl.ioctl, fd, RESIZE, struct.pack("HHHH", 33, 77, 0, 0))
refused(errno.ENOTTY, fcntl.ioctl, fd, termios.TCGETS, bytes(60))
refused(errno.EPIPE, os.write, fd, b"x")
os.close(fd)
os.close(stuck)
EOF
python3 conversations.py "$X"
# What was left by who was killed is killed, too.
eventually 10 sh -c "! docker exec $(container_of e s1) ps | grep -q '[s]leep 4242'"
eventually 10 sh -c "! docker exec $(container_of e s1) ps | grep -q '[s]leep 1000\$'"
cat "$E/services/s1/status" >/dev/null
finish
