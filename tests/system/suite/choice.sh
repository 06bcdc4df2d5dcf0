#!/bin/bash
# kfs test: choosing tests, exit statuses, output as it grows, TAP, --keep, packages.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
suite=$KFS_TOP/tests/system/suite/tests
status_of() { "$@" >out 2>err && echo 0 || echo $?; }
export KFS_MOUNT=$K

# ---- without an engine
equal "$(kfs test --list --filter 'web/*con*' --filter 'host' "$suite")" \
    "$(printf 'host\nweb/test_constants\nweb/test_wrong_constant')"
equal "$(kfs test --list "$suite/single_test.star")" single
equal "$(kfs test --list "$suite" | wc -l)" 23
equal "$(kfs test --list "$suite" "$KFS_TOP/tests/system/suite/package" | grep package)" package/library
equal "$(status_of kfs test)" 64
equal "$(status_of kfs test --keep sometimes "$suite")" 64
has "$(cat err)" 'never, failed or always'
equal "$(status_of kfs test --timeout soon "$suite")" 64
equal "$(status_of kfs test -j 0 "$suite")" 64
equal "$(status_of kfs test --no-such "$suite")" 64
equal "$(status_of kfs test /nowhere)" 64
equal "$(status_of kfs test --filter none "$suite")" 64
equal "$(status_of kfs test --filter single "$suite")" 2
has "$(cat err)" "$K"

kfsd_start

# ---- exit statuses
equal "$(status_of kfs test --filter single "$suite")" 0
has "$(cat out)" '1 tests: 1 passed, 0 failed, 0 errored;'
equal "$(status_of kfs test --filter single --filter host-fails "$suite")" 1
equal "$(status_of kfs test --filter single --filter host-unset "$suite")" 2

# ---- a package: its tests import and upload its files
equal "$(status_of kfs test "$KFS_TOP/tests/system/suite/package")" 0

# ---- output as it grows, while one runs at a time
mkdir live
cat >live/slow_test <<'EOF'
#!/bin/sh
echo begun
until [ -e "$KFS_TEST_VOLUME/go" ]; do sleep 0.05; done
echo ended
EOF
chmod +x live/slow_test
kfs test --results live-results live >out 2>err &
runner=$!
eventually 10 grep -qx begun out
touch live-results/slow/volume/go
wait $runner
equal "$(grep -cx -e begun -e ended out)" 2

# ---- the progress line, on a terminal only
python3 - "$suite" >out <<'EOF'
import os, pty, subprocess, sys
main, end = pty.openpty()
process = subprocess.Popen(
    ["kfs", "test", "-j", "2", "--filter", "single", "--filter", "host", sys.argv[1]],
    stdout=subprocess.DEVNULL, stderr=end)
os.close(end)
text = b""
try:
    while True:
        text += os.read(main, 4096)
except OSError:
    pass
assert process.wait() == 0
print(text)
EOF
grep -qE '\[0/2\] running: (host, single|single, host)' out || fail "$(cat out)"
kfs test -j 2 --filter single --filter host "$suite" 2>err >out
equal "$(cat err)" ""

# ---- TAP
equal "$(status_of kfs test --tap -j 2 --filter single --filter host-fails "$suite")" 1
head -n 2 out | diff - <(printf 'TAP version 14\n1..2\n')
equal "$(grep -c '^ok [12] - single$' out)" 1
equal "$(grep -c '^not ok [12] - host-fails$' out)" 1
grep -q '^  message: "exit status 3"$' out
equal "$(grep -vc -e '^TAP' -e '^1\.\.' -e '^ok' -e '^not ok' -e '^  ' out || true)" 0

# ---- --keep: who failed stays, and is nobody's leftover
equal "$(status_of kfs test --keep failed --filter single --filter host-fails "$suite")" 1
kept=$(sed -n 's/^# kept: //p' out)
equal "$(ls -d "$K"/enclaves/*)" "$kept"
equal "$(kfs test --sweep 2>&1)" ""
equal "$(ls -d "$K"/enclaves/*)" "$kept"
rm -r "$kept"
finish
