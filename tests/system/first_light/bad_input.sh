#!/bin/bash
# What is wrong is refused with its errno, explained in engine/errors, and changes nothing.
. "$KFS_TOP/tests/system/lib/test.sh"
image_load busybox
kfsd_start
cd "$K/enclaves"

last_error() {
    tail -n1 "$K/engine/errors"
}

# ---- names
mkdir good
for name in 'a b' 'a_b' 'a.b' ä "$(head -c 61 /dev/zero | tr '\0' x)"; do
    refuses EINVAL mkdir "$name"
    has "$(last_error)" EINVAL
    has "$(last_error)" mkdir
done
# The kernel itself refuses names of more than 255 bytes, unless the file system has more to say.
long=$(head -c 300 /dev/zero | tr '\0' x)
refuses ENAMETOOLONG mkdir "$long"
refuses EEXIST mkdir good
refuses EPERM mkdir ../x
refuses EPERM mkdir good/x
refuses EPERM mkdir ../engine/x
refuses EPERM touch good/x
refuses ENOENT rmdir nothing
equal "$(ls)" good
equal "$(ls ..)" "$(printf 'README\nenclaves\nengine')"

# ---- views are not written, not even by root
for view in good/uuid good/created good/error good/inspect ../README ../engine/status ../engine/errors; do
    refuses EACCES dd if=/dev/null of="$view" conv=notrunc status=none
done

# ---- scripts that do not parse or resolve: close() says so, and so does wait
cat good/wait >/dev/null
printf 'def run(plan):\n    plan.print("a"\n' >"$OLDPWD/syntax.star"
refuses EINVAL cp "$OLDPWD/syntax.star" good/plan/
has "$(cat good/error)" 'syntax.star:3:1'
cmp "$OLDPWD/syntax.star" good/plan/syntax.star
has "$(last_error)" EINVAL
refuses EIO cat good/wait
has "$(cat good/runs/last/error)" 'syntax.star:3:1'
printf 'def run(plan):\n    plan.print(nothing)\n' >"$OLDPWD/undefined.star"
refuses EINVAL cp "$OLDPWD/undefined.star" good/plan/
has "$(cat good/error)" 'undefined.star:2:16: undefined: nothing'
# Neither the shell's own commands nor rename() can tell; wait does.
printf 'def run(plan):\n    plan.print(\n' >good/plan/.new
mv good/plan/.new good/plan/renamed.star
refuses EIO cat good/wait
has "$(cat good/error)" renamed.star

# ---- a script that fails while it runs: the reason with the call stack
printf 'def inner():\n    return {}["a"]\n\ndef run(plan):\n    inner()\n' >"$OLDPWD/fails.star"
cp "$OLDPWD/fails.star" good/plan/
refuses EIO cat good/wait
equal "$(cat good/runs/last/status)" FAILED
error=$(cat good/runs/last/error)
has "$error" 'fails.star:5:'
has "$error" 'fails.star:2:'
has "$error" 'key "a" not in dict'
equal "$(cat good/error)" "$error"

# ---- an image that nobody has: found out in validation, before anything is touched
cat >good/plan/image.star <<'END'
def run(plan):
    plan.add_service(name = "one", config = ServiceConfig(image = "busybox:latest", cmd = ["sleep", "9999"]))
    plan.add_service(name = "two", config = ServiceConfig(image = "no-such-image:1.0"))
END
refuses EIO cat good/wait
equal "$(cat good/runs/last/status)" FAILED
has "$(cat good/runs/last/error)" no-such-image:1.0
equal "$(ls good/services)" ""
equal "$(docker_objects | grep -c ^container)" 0

# ---- packages are called what a person calls them, not where the daemon keeps them
mkdir good/plan/empty
for package in nothing empty; do
    echo "./$package" >good/run
    refuses EIO cat good/wait
    case $(cat good/error) in
    */*) fail "a path of the daemon's: $(cat good/error)" ;;
    *"$package"*) ;;
    *) fail "not named: $(cat good/error)" ;;
    esac
done

# ---- a run that succeeds clears the error
printf 'def run(plan):\n    plan.print("fine")\n' >good/plan/fine.star
cat good/wait >/dev/null
[ ! -s good/error ]
grep -q fine good/runs/last/output
cd "$OLDPWD"
finish
