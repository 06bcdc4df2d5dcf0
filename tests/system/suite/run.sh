#!/bin/bash
# kfs test: passing, failing, erring, hanging, crashing tests of all three kinds, and what it says.
# limit: 240
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
image_load python
export KFS_MOUNT=$K
kfsd_start
suite=$KFS_TOP/tests/system/suite/tests

limit=$((8 * ${KFS_SLOW:-1})) setup_limit=$((10 * ${KFS_SLOW:-1}))
kfs test --timeout ${limit}s --setup-timeout ${setup_limit}s -j 4 --results results --junit junit.xml "$suite" >out 2>err &&
    fail "it passed"
status=$?
cat out err
equal $status 2

# The summary, without times, in the order of names.
sed -n '/TEST RESULTS/,$p' out | sed -n '/^- /p' | sed -E 's/ \([0-9.]+ s\)//; s/^(- [^:]*: [A-Z]+).*/\1/' >summary
diff summary - <<'EOF'
- hanging/test_waits_for_ever: FAILED
- host: PASSED
- host-crashes: FAILED
- host-erring: ERRORED
- host-fails: FAILED
- host-hangs: FAILED
- host-slow: ERRORED
- host-unset: ERRORED
- ports-conflict: FAILED
- python: PASSED
- setup-fails/test_never_reached: ERRORED
- shell: PASSED
- shell-crashes: FAILED
- shell-fails: FAILED
- shell-hangs: FAILED
- shell-imageless: ERRORED
- shell-malformed: ERRORED
- single: PASSED
- unparsable: ERRORED
- web/test_answers: PASSED
- web/test_constants: PASSED
- web/test_wrong_body: FAILED
- web/test_wrong_constant: FAILED
EOF
has "$(tail -n 2 out)" '23 tests: 6 passed, 10 failed, 7 errored;'

# Why, in words; the two limits have texts of their own.
why() { sed -n "/TEST RESULTS/,\$s|^- $1: ||p" out; }
has "$(why host-fails)" 'exit status 3'
has "$(why host-crashes)" 'killed by signal 11'
has "$(why host-hangs)" "timed out: the test took longer than ${limit}s"
has "$(why host-slow)" "timed out: the set-up took longer than ${setup_limit}s"
has "$(why host-unset)" 'the set-up is broken'
has "$(why host-erring)" 'cannot start'
has "$(why hanging/test_waits_for_ever)" 'timed out: the test'
has "$(why web/test_wrong_constant)" 'assert.eq: 80 != 8080'
has "$(why web/test_wrong_constant)" 'web_test.star:'
has "$(why shell-crashes)" 'exit status 139'
has "$(why shell-fails)" 'exit status 4'
has "$(why shell-malformed)" 'a controller is {'
has "$(why ports-conflict)" 'failed: port is already allocated'

# Output is in blocks; the log of the volume is printed with its test.
grep -q 'not as it should be' out
grep -q 'shell says hello' out
grep -q 'web was stopped' out
grep -q 'services: more test-controller web' out

# What is kept of each.
equal "$(cat results/host/result)" 'host: PASSED'
equal "$(cat results/web/services/web/logs)" 'web is up'
has "$(cat results/web/inspect)" 'http: 80/tcp'
has "$(cat results/web/steps)" ' ok      setup'
has "$(cat results/web/steps)" ' failed  test_wrong_constant'
equal "$(cat results/host/volume/services/web/found)" 'found by the test'
equal "$(cat results/python/services/more/logs)" 'I am more'

# JUnit, as a reader of XML has it.
python3 - <<'EOF'
import xml.etree.ElementTree as xml
root = xml.parse("junit.xml").getroot()
assert root.tag == "testsuites", root.tag
assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["23", "10", "7", "0"]
cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
assert len(cases) == 23
assert cases["host-fails", "host-fails"].find("failure").get("message") == "exit status 3"
assert cases["host-unset", "host-unset"].find("error") is not None
assert len(cases["web", "test_answers"].findall("*")) == 1, "only its output"
assert "not as it should be" in cases["host-fails", "host-fails"].find("system-out").text
EOF

# Nothing is left: no enclave, no object, no process.
equal "$(ls "$K/enclaves")" ""
equal "$(docker_objects)" ""
! pgrep -f 'sleep 1000' || fail "a controller's child goes on"
finish
