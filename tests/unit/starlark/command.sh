#!/bin/sh
# The starlark command: options, exit statuses, where what is written goes, load() relative to the loading file.
# usage: command.sh PROGRAM
set -u
program=$1
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
failed=0

# expect STATUS OUTPUT ARGUMENT...: runs the command on the present standard input; OUTPUT is what both streams hold.
expect() {
    status=$1 output=$2
    shift 2
    got=$("$program" "$@" 2>&1)
    got_status=$?
    if [ "$got_status" != "$status" ] || [ "$got" != "$output" ]; then
        printf 'starlark %s: status %s, output:\n%s\n' "$*" "$got_status" "$got"
        failed=1
    fi
}

mkdir "$directory/lib"
printf 'load("lib/a.star", "a", two="b")\nprint(a, two)\n' >"$directory/main.star"
printf 'load("b.star", "b")\na = "a" + b\n' >"$directory/lib/a.star"
printf 'b = "b"\n' >"$directory/lib/b.star"
printf 'load("c.star", "c")\n' >"$directory/c.star"
printf 'x = 1\nx = 2\ny\n' >"$directory/static.star"
sed -i 's/two="b"/two="a"/' "$directory/main.star"

expect 0 '3' -c 'print(1 + 2)'
expect 0 'ab ab' "$directory/main.star"
expect 0 '' --check "$directory/main.star"
echo 'print("from input")' >"$directory/input"
expect 0 'from input' <"$directory/input"
expect 1 "$directory/static.star:2:1: cannot reassign global x declared at $directory/static.star:1:1
$directory/static.star:3:1: undefined: y" "$directory/static.star"
expect 1 'Traceback (most recent call last):
  cmdline:2:2: in <toplevel>
  cmdline:1:19: in f
Error: floored division by zero' -c 'def f(): return 1 // 0
f()'
expect 1 "Traceback (most recent call last):
  $directory/c.star:1:1: in <toplevel>
Error: cannot load c.star: cannot load c.star: cycle in load graph" "$directory/c.star"
expect 1 "starlark: $directory/none.star: No such file or directory" "$directory/none.star"
expect 1 'Traceback (most recent call last):
  cmdline:1:1: in <toplevel>
Error: Starlark computation cancelled: too many steps' --while --toplevelcontrol --max-steps 1000 -c 'while True: pass'
expect 1 'Traceback (most recent call last):
  cmdline:1:9: in <toplevel>
Error: Starlark computation cancelled: too much memory' --max-memory 1M -c 'x = "a" * 10000000'
expect 0 'set([1])' --set -c 'print(set([1]))'
expect 0 'fail: x' --test -c 'print(catch(lambda: fail("x")))'
"$program" --nonsense >"$directory/output" 2>&1
[ $? = 2 ] || { echo 'an unknown option is not refused'; failed=1; }
"$program" --max-steps x -c 1 >"$directory/output" 2>&1
[ $? = 2 ] || { echo 'a bad number is not refused'; failed=1; }
"$program" -c 'print(1)' 2>"$directory/errors" >"$directory/output"
[ -s "$directory/errors" ] && [ ! -s "$directory/output" ] || { echo 'print does not go to standard error'; failed=1; }
exit $failed
