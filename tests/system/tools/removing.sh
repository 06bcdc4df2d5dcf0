#!/bin/bash
# However an enclave is removed, it is removed: by rm, find, python, perl; and what only looks as if it
# removed something does nothing.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start
cd "$K/enclaves"

# removed COMMAND - an enclave e with a service, removed by a command.
removed() {
    mkdir e
    idle_script 1 >e/plan/idle.star
    equal "$(cat e/wait)" RUNNING
    bash -c "$1" || fail "$1 failed"
    [ ! -e e ] || fail "$1 left the enclave"
    cat ../engine/wait >/dev/null
    equal "$(docker_objects)" ""
}

removed 'rm -r e'
removed 'rm -rf e'
removed 'rm -rf "$PWD"/*'
removed 'rmdir e'
removed 'find e -delete'
removed 'find . -mindepth 1 -maxdepth 1 -exec rm -r {} +'
removed 'python3 -c "import shutil; shutil.rmtree(\"e\")"'
removed 'perl -MFile::Path=remove_tree -e "remove_tree(q(e))"'
removed 'node -e "require(\"fs\").rmSync(\"e\", {recursive: true})"'
removed 'python3 -c "import os; os.rmdir(\"e\")"'

mkdir e
idle_script 1 >e/plan/idle.star
equal "$(cat e/wait)" RUNNING
rm -f e/* 2>/dev/null || true
equal "$(cat e/status)" RUNNING
equal "$(ls e/services)" s1
refuses EEXIST mkdir e
mkdir other
if mv -T other e 2>refusal; then fail "an enclave was overwritten"; fi
equal "$(ls)" "$(printf 'e\nother')"
mv e renamed
equal "$(cat renamed/status)" RUNNING
mv renamed e
equal "$(cat e/services/s1/status | cut -d' ' -f1)" RUNNING
cd - >/dev/null
finish
