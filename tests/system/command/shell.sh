#!/bin/bash
# kfs shell: a real terminal in a service. Keys, control keys, sizes, exit statuses; and the terminal is
# as it was afterwards, however the shell ends.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
mkdir "$E"
idle_script 2 >"$E/plan/idle.star"
equal "$(cat "$E/wait")" RUNNING

# ---- without a terminal it is a pipe
equal "$(echo 'echo $((6 * 7)); exit 3' | kfs shell e s1 || echo "status $?")" "$(printf '42\nstatus 3')"
equal "$(seq 100000 | kfs shell e s1 wc -l)" 100000
equal "$(kfs shell e s1 -- printf '%s-' "it's" 'a b' </dev/null)" "it's-a b-"
equal "$(printf 'no newline' | kfs shell e s1 cat)" 'no newline'
has "$(kfs shell e nothing 2>&1 </dev/null || true)" nothing
has "$(kfs shell e s1 no-such-program 2>&1 </dev/null || echo "status $?")" 'status 127'

# ---- with one
cat >terminal.py <<'EOF'
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

SLOW = float(os.environ.get("KFS_SLOW", "1"))

class Shell:
    """kfs shell on a terminal of its own."""
    def __init__(self, *command, size=(30, 100), service="s1", environment={}):
        self.master, self.slave = pty.openpty()
        self.resize(*size, tell=False)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(["kfs", "shell", "e", service, *command], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, start_new_session=True,
                                        env=dict(os.environ, TERM="vt220", **environment))

    def resize(self, rows, columns, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell: # the terminal is nobody's controlling one, so the kernel does not
            self.process.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=10):
        deadline = time.monotonic() + seconds * SLOW
        while not (match := re.search(pattern.encode(), self.seen, re.S)):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], \
                f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self.master, 65536)
        self.seen = self.seen[match.end():]
        return match

    def end(self, status):
        """Waits for the end, while reading: what is written last must be seen to leave the terminal."""
        deadline = time.monotonic() + 10 * SLOW
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it goes on: {self.seen!r}"
            if select.select([self.master], [], [], 0.02)[0]:
                self.seen += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        assert self.process.returncode == status, (self.process.returncode, self.seen)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal was not put back"
        os.close(self.master)
        os.close(self.slave)

    def raw(self):
        deadline = time.monotonic() + 10 * SLOW
        while termios.tcgetattr(self.slave)[3] & termios.ICANON:
            assert time.monotonic() < deadline
            time.sleep(0.005)

# Types, sees the echo, the terminal's size from the start and after each change, the exit status.
shell = Shell()
shell.expect(r"[#$] ")
shell.type("tty; echo $TERM; echo a''b\r")
shell.expect(r"/dev/pts/\d+\r\nvt220\r\nab\r\n")
shell.type("until [ \"$(stty size)\" = '30 100' ]; do :; done; echo initial $(stty size)\r")
shell.expect(r"initial 30 100\r\n")
for rows, columns in (50, 132), (10, 20), (24, 80):
    shell.resize(rows, columns)
    shell.type(f"until [ \"$(stty size)\" = '{rows} {columns}' ]; do :; done; echo now $(stty size)\r")
    shell.expect(rf"now {rows} {columns}\r\n")
# Ctrl-C ends what runs there, not this; Ctrl-Z stops it there.
shell.type("sleep 100; echo status $?\r")
shell.expect(r"sleep 100")
time.sleep(0.2)
shell.type("\x03")
shell.expect(r"\^C.*[#$] ")
shell.type("echo still here\r")
shell.expect(r"here\r\nstill here|still here\r\nstill here")
# A lot of output, and keys while it comes.
shell.type("seq 200000; echo do''ne\r")
shell.expect(r"200000\r\ndone\r\n", 30)
# Bytes as they are.
shell.type("printf '\\377\\000x' | od -An -tx1\r")
shell.expect(r"ff 00 78")
shell.type("exit 7\r")
shell.end(7)

# Ctrl-D at the prompt ends it.
shell = Shell()
shell.expect(r"[#$] ")
shell.type("false\r")
shell.expect(r"[#$] ")
shell.type("\x04")
shell.end(1)

# A command instead of a shell, and what it says last.
shell = Shell("sh", "-c", "stty size; exit 5")
shell.end(5)
assert b"\r\n" in shell.seen, shell.seen
shell = Shell("printf 'exit 9\\n'")
shell.end(0)
assert b"exit 9\r\n" in shell.seen, shell.seen

# Keys reach a program that takes them raw, one by one.
shell = Shell("sh", "-c", "stty raw -echo; printf ready; dd bs=1 count=3 2>/dev/null | od -An -tx1")
shell.expect("ready")
shell.type("\x03\x04\x1a")
shell.expect("03 04 1a")
shell.end(0)

# Twenty at a time, each its own conversation.
shells = [Shell(service=f"s{i % 2 + 1}") for i in range(20)]
for i, shell in enumerate(shells):
    shell.type(f"echo this is $(({i} * 1000)); exit {i}\r")
for i, shell in enumerate(shells):
    shell.expect(rf"\nthis is {i * 1000}\r\n", 30)
    shell.end(i)

# Ended by a signal: the terminal is put back, and nothing goes on in the service.
for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
    shell = Shell("sh", "-c", "echo begun; exec sleep 4242")
    shell.expect("begun")
    shell.raw()
    shell.process.send_signal(number)
    shell.end(128 + number)
EOF
python3 terminal.py
eventually 10 sh -c "! docker exec $(container_of e s1) ps | grep -q '[s]leep 4242'"

# ---- the service ends, kfsd ends
cat >losing.py <<'EOF'
import subprocess, sys
exec(open("terminal.py").read().split("# Types, sees")[0])
shell = Shell("echo begun; exec sleep 4242")
shell.expect("begun")
shell.raw()
subprocess.run(sys.argv[2:], check=True)
shell.end(int(sys.argv[1]))
EOF
python3 losing.py 137 sh -c "echo STOPPED > $E/services/s1/status"
eventually 10 grep -q STOPPED "$E/services/s1/status"
has "$(kfs shell e s1 2>&1 </dev/null || true)" 'Resource temporarily unavailable'
echo RUNNING >"$E/services/s1/status"
equal "$(cat "$E/wait")" RUNNING
python3 losing.py 1 kill -KILL $KFSD_PID
wait "$KFSD_PID" 2>/dev/null || true
umount -l "$K"
kfsd_start
finish
