#!/bin/bash
# What people use in a terminal, in a terminal: each save of an editor is one run, a script that does not
# parse is said there and then, growing files are followed, and Ctrl-C ends what blocks.
# limit: 120
. "$KFS_TOP/tests/system/lib/test.sh"
. "$KFS_TOP/tests/system/lib/terminal.sh"
image_load busybox
kfsd_start

E=$K/enclaves/e
P=$E/plan
S=$E/services/talk
mkdir "$E"
export HOME=$PWD E P S

cat >"$P/talk.star" <<'STAR'
def run(plan):
    plan.add_service(name = "talk", config = ServiceConfig(
        image = "busybox:latest",
        cmd = ["sh", "-c", "echo first line; exec sleep 1000000"],
    ))
STAR
equal "$(cat "$E/wait")" RUNNING

count_runs() {
    find "$E/runs" -mindepth 1 -maxdepth 1 -type d | wc -l
}

# ran TEXT - since the last call there was exactly one more run, and it printed TEXT.
RUNS=1
ran() {
    cat "$E/wait" >/dev/null || fail "$1: $(cat "$E/error")"
    RUNS=$((RUNS + 1))
    equal "$1 $(count_runs)" "$1 $RUNS"
    cmp "$P/app.star" "$E/runs/last/script"
    equal "$1 $(grep -cF "$1" "$E/runs/last/output")" "$1 1"
}

# refused - the save before was a run that failed because it does not parse, and nothing else.
refused() {
    RUNS=$((RUNS + 1))
    equal "$(count_runs)" "$RUNS"
    equal "$(cat "$E/runs/last/status")" FAILED
    has "$(cat "$E/error")" app.star
    cmp "$P/app.star" "$E/runs/last/script"
}

# The file that an editor finds; each with a text of its own, because what was printed before is not
# printed again.
fresh() {
    printf 'def run(plan):\n    plan.print("fresh %d")\n' $RUNS >"$P/app.star"
    ran fresh
}

# ---- vim, as it comes, and as many have it: with a backup
for option in nobackup backup; do
    fresh
    terminal vim -u NONE -N -c "set $option noautoindent" "$P/app.star"
    shows fresh
    types Go "    plan.print('vim one $option')" Escape ':w' Enter
    shows written
    ran "vim one $option"
    types Go "    plan.print('vim two $option'" Escape ':w' Enter
    shows 'Close failed'
    refused
    types Escape ':q' Enter
    shows 'No write since last change'
    types Escape 'A)' Escape ':wq' Enter
    ended
    ran "vim two $option"
done

# ---- nano
for option in -- -B; do
    fresh
    terminal nano -I $option "$P/app.star"
    shows fresh
    types M-/ "    plan.print('nano one $option')" Enter C-o
    shows 'Name to Write'
    types Enter
    shows Wrote
    ran "nano one $option"
    types "    plan.print('nano two $option'" C-o
    shows 'Name to Write'
    types Enter
    shows 'Invalid argument'
    refused
    types ')' C-o
    shows 'Name to Write'
    types Enter
    shows Wrote
    types C-x
    ended
    ran "nano two $option"
done

# ---- emacs, with its lock, its backup and its auto-save file
fresh
terminal emacs -nw -Q --eval "(electric-indent-mode 0)" "$P/app.star"
shows fresh
types M-'>' '    plan.print("emacs one")' Enter C-x C-s
shows Wrote
ran 'emacs one'
types '    plan.print("emacs two"' C-x C-s
shows 'nvalid argument'
refused
types ')' C-x C-s
shows Wrote
types C-x C-c
ended
ran 'emacs two'
equal "$(find "$P" -name '.#*' -o -name '#*')" ""

# ---- following
say() {
    container_sh e talk "echo $1 >/proc/1/fd/1"
}

terminal less +F "$S/logs"
shows 'first line'
shows 'interrupt to abort'
say second
shows second
types C-c
shows 'END'
say third
types F
shows third
types C-c
shows 'END'
types q
ended

terminal watch -n 0.1 cat "$E/status"
shows RUNNING
echo STOPPED >"$E/status"
shows STOPPED
echo RUNNING >"$E/status"
shows RUNNING
types C-c
ended
cat "$E/wait" >/dev/null

terminal tail -F "$S/logs"
shows third
say fourth
shows fourth
types C-c
ended

# ---- what blocks ends by Ctrl-C, at once
mkdir "$K/enclaves/w"
cat >"$K/enclaves/w/plan/never.star" <<'STAR'
def run(plan):
    plan.add_service(name = "w", config = ServiceConfig(image = "busybox", cmd = ["sleep", "1000000"],
        ports = {"p": PortSpec(number = 99, wait = "10m")}))
STAR
eventually 10 [ -d "$K/enclaves/w/services/w" ]
export W=$K/enclaves/w

reader_waits() {
    grep -q '^State:.[SD]' "/proc/$(pgrep -x cat)/status" 2>/dev/null
}

terminal env 'PS1=next> ' bash --norc
shows 'next>'
for command in 'cat $S/follow' 'cat $W/wait' 'cat $W/runs/1/wait' 'cat $W/services/w/follow' \
    'exec 5<>$S/exec; echo "sleep 1000" >&5; cat <&5'; do
    types "clear; $command" Enter
    eventually 5 reader_waits
    types C-c
    types 'echo "ended $?"' Enter
    shows 'ended 130' 1
done
equal "$(pgrep -x cat)" ""
types 'exit' Enter
ended
finish
