#!/bin/bash
# Packages of other repositories by git, as a run and as the commands fetch them: versions of every kind,
# imports between repositories, the mirror, the cache, and what goes wrong. GitHub is a git daemon here,
# by git's own url.<base>.insteadOf.
# limit: 60
. "$KFS_TOP/tests/system/lib/test.sh"
export HOME=$PWD/home XDG_CACHE_HOME=$PWD/cache
mkdir "$HOME" hub
git config --global user.name me
git config --global user.email me@example.com
git config --global init.defaultBranch trunk
git config --global url.git://127.0.0.1/.insteadOf https://github.com/

# ---- the repositories
# repository OWNER/NAME FILE TEXT... - a new one with these files.
repository() {
    local dir=hub/$1
    git init -q "$dir"
    shift
    commits "$dir" "$@"
}

# commits DIR FILE TEXT...
commits() {
    local dir=$1
    shift
    while [ $# -gt 0 ]; do
        mkdir -p "$(dirname "$dir/$1")"
        printf '%s\n' "$2" >"$dir/$1"
        shift 2
    done
    git -C "$dir" add -A
    git -C "$dir" commit -q -m .
}

repository o/lib kurtosis.yml 'name: github.com/o/lib' lib.star 'VERSION = "lib one"' data/text 'one'
git -C hub/o/lib tag v1
commits hub/o/lib lib.star 'VERSION = "lib two"' data/text 'two'
git -C hub/o/lib tag v2
repository o/pkg kurtosis.yml 'name: github.com/o/pkg' main.star '
one = import_module("github.com/o/lib/lib.star@v1")
two = import_module("github.com/o/lib@v2/lib.star")
own = import_module("./own.star")

def run(plan, who = "nobody"):
    plan.print("%s asks %s, %s and %s" % (who, own.NAME, one.VERSION, two.VERSION))
    plan.upload_files("github.com/o/lib/data@v1", "data")
    return read_file("github.com/o/lib/data/text")
' own.star 'NAME = "first"' deep/kurtosis.yml 'name: github.com/o/pkg/deep' deep/main.star '
def run(plan, who):
    plan.print("deep")'
git -C hub/o/pkg tag v1
first=$(git -C hub/o/pkg rev-parse HEAD)
commits hub/o/pkg own.star 'NAME = "second"'
git -C hub/o/pkg branch side
repository o/plain README 'no package'
repository o/liar kurtosis.yml 'name: github.com/o/other' main.star 'def run(plan): pass'
repository o/broken kurtosis.yml 'name: github.com/o/broken' main.star 'lib = import_module("github.com/o/missing/lib.star")'
serve() {
    git daemon --export-all --base-path=hub --listen=127.0.0.1 --reuseaddr hub >>git.log 2>&1 &
    daemon=$!
    eventually 10 git ls-remote -q git://127.0.0.1/o/lib >/dev/null
}
serve

# ---- runs
# runs EXPECTED LOCATOR - asked by somebody else each time, as what was done once is skipped.
asker=0
runs() {
    asker=$((asker + 1))
    echo "$2 {\"who\": \"nr$asker\"}" >"$E/run"
    cat "$E/wait" >/dev/null || fail "$2: $(cat "$E/error")"
    has "$(cat "$E/runs/last/output")" "$1"
}

# fails LINE PART...
fails() {
    local part error
    echo "$1" >"$E/run"
    refuses EIO cat "$E/wait"
    error=$(cat "$E/runs/last/error")
    for part in "${@:2}"; do has "$error" "$part"; done
}

kfsd_start
E=$K/enclaves/e
mkdir "$E"
runs 'nr1 asks second, lib one and lib two' github.com/o/pkg
equal "$(cat "$E/files/data/text") $(jq -r . "$E/runs/last/result.json")" 'one two'
runs 'nr2 asks first, lib one and lib two' github.com/o/pkg@v1
runs 'asks first' "github.com/o/pkg@$first"
runs 'asks second' github.com/o/pkg@side
runs deep github.com/o/pkg/deep
git -C hub/o/pkg checkout -q side
commits hub/o/pkg own.star 'NAME = "third"'
git -C hub/o/pkg checkout -q trunk
runs 'asks third' github.com/o/pkg@side
fails github.com/o/none 'git ls-remote https://github.com/o/none' 'not exported'
fails github.com/o/pkg@v9 v9
fails github.com/o/pkg@0123456789012345678901234567890123456789 0123456789
fails github.com/o/plain kurtosis.yml
fails github.com/o/liar github.com/o/other
fails github.com/o/broken github.com/o/missing 'main.star:1:'
refuses EINVAL bash -c 'echo gitlab.com/o/pkg >"$1"' - "$E/run"
has "$(cat "$E/error")" gitlab.com

# ---- commands
equal "$(kfs plan github.com/o/pkg@v1 | jq -r '.[0].arguments.msg')" 'nobody asks first, lib one and lib two'
equal "$(kfs plan --args '{"who": "I"}' github.com/o/pkg | jq -r '.[0].arguments.msg')" 'I asks second, lib one and lib two'
! kfs plan github.com/o/pkg@v9 2>error || fail "a version that is not there"
has "$(cat error)" v9
has "$(kfs run e github.com/o/pkg '{"who": "she"}')" 'she asks second'

# ---- without the network: what was fetched serves, the rest says why
kill $daemon
wait $daemon || true
runs 'asks first' github.com/o/pkg@v1
runs 'asks third' github.com/o/pkg@side
fails github.com/o/new 'git ls-remote https://github.com/o/new: ' 'Connection refused'

# ---- the mirror comes first, as a directory and as a URL, and what it lacks is fetched
kfsd_stop
mkdir -p mirror/github.com/o mirror/github.com/p/flat
git clone -q --bare hub/o/pkg mirror/github.com/o/pkg.git
git clone -q hub/o/pkg work
git -C work remote set-url origin ../mirror/github.com/o/pkg.git
commits work own.star 'NAME = "mirrored"'
git -C work push -q origin trunk
echo 'name: github.com/p/flat' >mirror/github.com/p/flat/kurtosis.yml
printf 'def run(plan, who):\n    plan.print("flat")\n' >mirror/github.com/p/flat/main.star
kfsd_start --package-mirror "$PWD/mirror"
serve
runs 'asks mirrored' github.com/o/pkg
runs flat github.com/p/flat
fails github.com/o/none "$PWD/mirror" github.com/o/none
kfsd_stop
kfsd_start --package-mirror "file://$PWD/mirror"
runs 'asks mirrored' github.com/o/pkg
equal "$(kfs plan --package-mirror "$PWD/mirror" github.com/o/pkg | jq -r '.[0].arguments.msg')" 'nobody asks mirrored, lib one and lib two'

# ---- no git
kfsd_stop
KFSD_WRAP="env PATH=/nonexistent" kfsd_start
fails github.com/o/new 'packages are fetched with git: cannot run git'
finish
